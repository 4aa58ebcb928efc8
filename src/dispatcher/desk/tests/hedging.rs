//! How several are asked for one robots.txt, each rule as a test: when, how many, and what their answers mean.

use super::blame::stalled;
use super::robots::{BARS_TWO, obeying, rules, with};
use super::*;
use crate::dispatcher::notice::Then;
use crate::task::Exclusion;

/// After so long another one is asked as well.
const ROUND: Duration = Duration::from_millis(1_500);
const SHORTLY: Duration = Duration::from_millis(1);

impl Script {
    /// Fetches of a robots.txt that are ordered in this round, which begins now.
    fn round(&mut self) -> Vec<(WorkerId, Assignment)> {
        self.after(ROUND);
        self.fetched_so_far()
    }

    fn stalls(&mut self, fetch: (WorkerId, Assignment)) {
        self.answered(fetch, stalled(), 0, None);
    }

    fn is_had(&mut self, fetch: (WorkerId, Assignment)) {
        self.answered(fetch, Verdict::Done, 200, rules(BARS_TWO));
    }

    /// The pages that were given out.
    fn pages(&mut self) -> Vec<u64> {
        self.fetched_so_far().iter().map(|(_, page)| page.task.0).collect()
    }

    fn score(&self, proxy: ProxyRef) -> f64 {
        self.desk.pool.get(proxy.id).unwrap().health.score()
    }
}

#[test]
fn where_no_answer_comes_another_proxy_is_asked_as_well_and_the_first_answer_counts_whosever_it_is() {
    for slower in [0, 1] {
        let mut script = obeying(2, 2, 3);
        let first = script.fetches()[0];
        script.after(ROUND - SHORTLY);
        assert!(script.fetched_so_far().is_empty());
        script.after(SHORTLY);
        let second = script.fetched_so_far()[0];
        assert_eq!(second.1.task, first.1.task);
        assert_ne!(second.1.proxy, first.1.proxy);
        let both = [first, second];
        script.is_had(both[1 - slower]);
        assert_eq!(script.pages(), [1], "the other one is still waiting");
        script.stalls(both[slower]);
        assert_eq!(script.pages(), [3]);
        assert_eq!(script.desk.docket.debtors().count(), 0, "nothing is said against what was had");
        assert_eq!(script.fates(), [Fate::Excluded(Exclusion::Robots)]);
    }
}

#[test]
fn as_many_again_are_asked_each_round_up_to_thirty_two() {
    let mut script = obeying(50, 60, 1);
    assert_eq!(script.fetches().len(), 1);
    let rounds: Vec<usize> = (0..8).map(|_| script.round().len()).collect();
    assert_eq!(rounds, [1, 2, 4, 8, 16, 0, 0, 0]);
}

#[test]
fn one_that_stalls_is_replaced_at_once_and_convicted_when_another_one_answers() {
    let mut script = obeying(4, 4, 1);
    let first = script.fetches()[0];
    let second = script.round()[0];
    script.stalls(first);
    let third = script.fetched_so_far()[0];
    assert_eq!(script.desk.docket.debtors().collect::<Vec<_>>(), [first.1.proxy.id]);
    script.is_had(third);
    assert_eq!(script.pages(), [1]);
    let scores = [first, second, third].map(|(_, asked)| script.score(asked.proxy));
    assert_eq!(scores, [1.0, 0.0, 0.0], "the second one may still answer");
}

#[test]
fn an_answer_that_is_no_longer_needed_costs_nobody_anything() {
    for late in [stalled(), Verdict::Banned(reason("status.403")), Verdict::Done] {
        let mut script = obeying(2, 2, 3);
        let (first, second) = (script.fetches()[0], script.round()[0]);
        script.is_had(second);
        assert_eq!(script.pages(), [1]);
        script.answered(first, late, 0, None);
        let told = script.orders.iter().any(|order| match order {
            Order::Note(Notice::Page(page)) => page.task.stage.is_robots() && page.then == Then::Stale,
            _ => false,
        });
        assert!(told, "it was asked for all the same");
        assert_eq!(script.pages(), [3], "it is idle no longer");
        assert_eq!((script.score(first.1.proxy), script.desk.docket.debtors().count()), (0.0, 0));
    }
}

#[test]
fn whoever_has_something_else_to_do_is_not_asked_as_well() {
    let mut script = with(2, 2, 3, |limits| limits.pace.delay = Duration::from_secs(10));
    let first = script.fetches()[0];
    script.is_had(first);
    let (worker, page) = script.fetched_so_far()[0];
    let other = Claimed { task: Arc::new(fixture::task(9, "other.test", 0)), epoch: Epoch(9) };
    script.on(Event::Claimed(Claim { tasks: vec![other], next_due: None, stats: stats(3) }));
    let sought = script.fetched_so_far()[0].1;
    assert!(sought.task.is_built_in());
    script.fetched(worker, page, Verdict::Done);
    assert!((0..4).all(|_| script.round().is_empty()), "there is a page that it may fetch in a while");
    script.after(Duration::from_secs(10));
    let (worker, page) = script.fetched_so_far()[0];
    assert_eq!(page.task.0, 3);
    script.fetched(worker, page, Verdict::Done);
    let asked: Vec<_> = (0..2).flat_map(|_| script.round()).map(|(_, asked)| asked.task).collect();
    assert_eq!(asked, [sought.task], "now there is nothing else");
}

#[test]
fn a_dead_worker_leaves_it_to_the_others_who_were_asked() {
    for dead in [0, 1] {
        let mut script = obeying(3, 3, 1);
        let both = [script.fetches()[0], script.round()[0]];
        script.on(Event::Gone(both[dead].0));
        let third = script.fetched_so_far();
        assert!(third.iter().all(|(worker, _)| *worker != both[1 - dead].0));
        script.on(Event::Abandoned(both[dead].1));
        script.is_had(both[1 - dead]);
        assert_eq!(script.pages(), [1]);
    }
}

#[test]
fn a_fetch_without_an_outcome_frees_its_worker_before_and_after_the_answer() {
    let mut script = obeying(2, 2, 3);
    let (first, second) = (script.fetches()[0], script.round()[0]);
    script.on(Event::Abandoned(first.1));
    let again = script.fetched_so_far();
    assert_eq!(again.len(), 1, "it may ask once more");
    script.is_had(second);
    assert_eq!(script.pages(), [1]);
    script.on(Event::Abandoned(again[0].1));
    assert_eq!(script.pages(), [3]);
}

#[test]
fn what_is_had_counts_although_the_attempt_that_brought_it_was_given_up() {
    for is_asked_again in [false, true] {
        let mut script = obeying(3, 3, 1);
        let (first, second) = (script.fetches()[0], script.round()[0]);
        script.answered(first, Verdict::Failing(Certainty::Sure, reason("status.503")), 503, None);
        assert!(script.fetched_so_far().is_empty(), "it is asked again after a while");
        if is_asked_again {
            script.after(Duration::from_secs(2));
            assert_eq!(script.fetched_so_far().len(), 1);
        }
        script.is_had(second);
        assert_eq!(script.pages(), [1]);
        script.after(Duration::from_secs(5));
        assert!(script.fetched_so_far().is_empty(), "and it is not asked for any more");
    }
}

#[test]
fn all_who_are_asked_are_no_more_than_the_requests_that_a_page_may_cost() {
    let mut script = with(20, 20, 1, |limits| limits.retry.max_requests = 5);
    let mut asked = script.fetches();
    asked.extend((0..8).flat_map(|_| script.round()));
    assert_eq!(asked.len(), 5);
    for fetch in asked {
        script.stalls(fetch);
        assert!(script.fetched_so_far().is_empty());
    }
}

#[test]
fn where_all_workers_have_asked_in_vain_spares_are_asked_as_well() {
    let mut script = obeying(3, 9, 1);
    let first = script.fetches()[0];
    let mut out: Vec<_> = (0..3).flat_map(|_| script.round()).collect();
    assert_eq!(out.len(), 2, "all three are out");
    script.stalls(first);
    let bound = script.fetched_so_far();
    assert_eq!(bound.len(), 1);
    out.extend(bound);
    assert!(out.iter().all(|(_, asked)| asked.proxy.id != first.1.proxy.id));
}

#[test]
fn our_own_address_is_asked_for_it_once() {
    let mut limits = limits(3);
    limits.proxies.direct = true;
    limits.robots.obey = true;
    let desk = Desk::new(limits, &[Route::Direct, Route::Direct, Route::Direct], &[], Timestamp::default());
    let mut script = Script { desk, now: Timestamp::from_micros(1_000_000_000), orders: Vec::new() };
    (0..3).for_each(|slot| script.on(Event::Ready(WorkerId { slot, incarnation: 0 })));
    script.on(Event::Claimed(Claim { tasks: vec![task(1)], next_due: None, stats: stats(1) }));
    assert_eq!(script.fetches().len(), 1);
    assert!((0..5).all(|_| script.round().is_empty()));
}
