//! Pages that are out for long with a proxy nobody knows: who fetches them as well, and whose outcome counts.

use super::blame::stalled;
use super::*;
use crate::dispatcher::notice::Then;
use crate::task::{Method, Task};

/// How long the site takes to answer.
const ANSWER: Duration = Duration::from_secs(1);
/// A page is late after so long.
const LATE: Duration = Duration::from_secs(2);
const SHORTLY: Duration = Duration::from_millis(1);

type Fetch = (WorkerId, Assignment);

impl Script {
    /// The page of a fetch comes in.
    fn brings(&mut self, fetch: Fetch) {
        self.ended(fetch, Verdict::Done, Meters { requests: 1, head: ANSWER, ..Meters::default() });
    }

    fn fails(&mut self, (worker, assignment): Fetch) {
        self.fetched(worker, assignment, stalled());
    }

    fn blame_of(&self, fetch: Fetch) -> f64 {
        self.desk.pool.get(fetch.1.proxy.id).unwrap().health.score()
    }

    fn owes(&self, fetch: Fetch) -> bool {
        self.desk.docket.debts(fetch.1.proxy.id).next().is_some()
    }

    /// Commits all that is settled. How many requests of a page that has, and by which proxies it was tried in vain.
    fn settled(&mut self, page: TaskId) -> (u32, Vec<String>) {
        for _ in 0..3 {
            self.after(Duration::from_millis(10));
            let batches = self.took(|order| match order {
                Order::Commit { batch, .. } => Some(Arc::clone(batch)),
                _ => None,
            });
            if let Some(page) = batches.iter().flat_map(|batch| batch.iter()).find(|settled| settled.task == page) {
                return (page.requests, page.tries.iter().map(|one| one.proxy.to_string()).collect());
            }
            self.on(Event::Committed(Committed { new_links: vec![Some(0)], ..Committed::default() }));
        }
        panic!("{page:?} is not settled")
    }

    /// When the Desk wants to be woken.
    fn wakes_at(&self) -> Option<Timestamp> {
        let wake = |order: &Order| match order {
            Order::WakeAt(at) => Some(*at),
            _ => None,
        };
        self.orders.iter().filter_map(wake).next_back()
    }

    /// How often outcomes decided nothing.
    fn stale(&self) -> usize {
        let is_stale = |order: &&Order| matches!(order, Order::Note(Notice::Page(page)) if page.then == Then::Stale);
        self.orders.iter().filter(is_stale).count()
    }
}

/// Two proxies are given a page each; the second one has not brought anything when the first one is idle again. Gives the fetch that
/// is still out.
fn one_is_slow(change: impl FnOnce(&mut Limits)) -> (Script, Fetch) {
    let mut script = Script::with(2, 2, 2, change);
    let [first, second] = script.fetched_so_far()[..] else { panic!("two pages") };
    script.after(ANSWER);
    script.brings(first);
    (script, second)
}

/// The same, and the first one is given the page of the second one as well.
fn one_is_overtaken() -> (Script, Fetch, Fetch) {
    let (mut script, slow) = one_is_slow(|_| {});
    script.after(LATE);
    let quick = script.fetched_so_far()[0];
    (script, slow, quick)
}

#[test]
fn a_page_that_takes_twice_as_long_as_any_answer_is_fetched_by_a_proxy_that_works_as_well() {
    let (mut script, slow) = one_is_slow(|_| {});
    script.after(LATE - ANSWER - SHORTLY);
    assert!(script.fetched_so_far().is_empty());
    assert_eq!(script.wakes_at(), Some(script.now + SHORTLY));
    script.after(SHORTLY);
    let quick = script.fetches()[0];
    assert_eq!(quick.1.task, slow.1.task);
    assert_ne!(quick.1.proxy, slow.1.proxy);
    script.after(10 * LATE);
    assert!(script.fetches().is_empty(), "two are enough");
}

#[test]
fn a_quick_site_is_not_asked_twice_before_a_tenth_of_the_time_that_an_answer_may_take() {
    let mut script = Script::with(2, 2, 2, |limits| limits.head_timeout = Duration::from_secs(100));
    let first = script.fetches()[0];
    script.brings(first);
    script.after(Duration::from_secs(10) - SHORTLY);
    assert!(script.fetched_so_far().is_empty());
    script.after(SHORTLY);
    assert_eq!(script.fetches().len(), 1);
}

#[test]
fn the_first_to_bring_a_late_page_counts_and_one_that_then_fails_on_it_is_at_fault() {
    for first in [0, 1] {
        let (mut script, slow, quick) = one_is_overtaken();
        let both = [slow, quick];
        script.brings(both[first]);
        assert_eq!(script.fates(), [Fate::Done, Fate::Done]);
        script.fails(both[1 - first]);
        assert!((script.blame_of(both[1 - first]) - 1.0).abs() < 1e-9);
        assert!(script.blame_of(both[first]) < 1e-9);
        assert_eq!((script.fates(), script.desk.out()), (vec![], 0));
    }
}

#[test]
fn one_that_brings_a_page_after_another_one_has_shown_that_it_works() {
    for first in [0, 1] {
        let (mut script, slow, quick) = one_is_overtaken();
        let both = [slow, quick];
        script.brings(both[first]);
        script.brings(both[1 - first]);
        assert_eq!(script.fates(), [Fate::Done, Fate::Done], "and it is done once");
        assert!([slow, quick].into_iter().all(|fetch| script.blame_of(fetch) < 1e-9 && !script.owes(fetch)));
        assert!(script.desk.guard.watch_of(&Party::Host(slow_host())).unwrap().known().contains(slow.1.proxy.id));
    }
}

fn slow_host() -> HostKey {
    HostKey("site.test:80".into())
}

#[test]
fn both_requests_count_for_the_page_whichever_brings_it() {
    for first in [0, 1] {
        let (mut script, slow, quick) = one_is_overtaken();
        script.brings([slow, quick][first]);
        let (requests, _) = script.settled(slow.1.task);
        assert_eq!(requests, 2);
    }
}

#[test]
fn where_the_page_is_at_fault_one_that_was_overtaken_has_said_nothing() {
    for first in [0, 1] {
        let (mut script, slow, quick) = one_is_overtaken();
        let both = [slow, quick];
        script.fails(both[first]);
        script.fails(both[1 - first]);
        assert_eq!(script.stale(), 1);
        assert!(script.owes(quick) && !script.owes(slow));
        assert!([slow, quick].into_iter().all(|fetch| script.blame_of(fetch) < 1e-9));
        let is_asked_anew = |(_, next): &Fetch| next.task == slow.1.task && next.proxy.id == slow.1.proxy.id;
        assert!(script.fetches().iter().any(is_asked_anew));
        assert_eq!(script.desk.held[&slow.1.task].requests, 2);
    }
}

#[test]
fn the_history_of_a_page_tells_of_both_fetches() {
    let (mut script, slow) = one_is_slow(|limits| (limits.retry.attempts, limits.retry.witnesses) = (1, 1));
    script.after(LATE);
    let quick = script.fetched_so_far()[0];
    script.fails(slow);
    script.after(SHORTLY);
    script.fetched(quick.0, quick.1, Verdict::Failing(Certainty::Sure, reason("status.500")));
    let (_, tried) = script.settled(slow.1.task);
    assert_eq!(tried, ["p2", "p1"]);
}

#[test]
fn only_those_that_have_brought_something_and_are_not_at_fault_fetch_late_pages() {
    let mut script = Script::new(3, 3, 2);
    let fetches = script.fetches();
    script.after(10 * LATE);
    assert_eq!((fetches.len(), script.fetches().len()), (2, 0), "the third one has brought nothing");
    script.brings(fetches[0]);
    script.after(LATE);
    let as_well = script.fetches();
    assert_eq!(as_well.len(), 1);
    assert_eq!((as_well[0].1.task, as_well[0].1.proxy), (fetches[1].1.task, fetches[0].1.proxy));
    // One of them owes testimony: it has to show that it works, elsewhere.
    let (mut script, _) = one_is_slow(|_| {});
    script.desk.docket.failed(ProxyId(0), &super::super::bench::Venue::of(&task(1).task), TaskId(1));
    script.after(LATE);
    let late = |(_, next): &Fetch| next.task == TaskId(2);
    assert!(!script.fetches().iter().any(late));
    // One of them was at fault a moment ago.
    let (mut script, _) = one_is_slow(|_| {});
    let limits = script.desk.limits.health;
    script.desk.pool.health(ProxyId(0)).unwrap().charge(&limits);
    script.after(LATE);
    assert!(script.fetches().is_empty());
}

#[test]
fn a_page_is_late_with_one_that_has_brought_something_but_has_failed_since_as_well() {
    for has_failed in [true, false] {
        let mut script = Script::new(2, 2, 2);
        let both = script.fetched_so_far();
        script.after(ANSWER);
        both.into_iter().for_each(|fetch| script.brings(fetch));
        if has_failed {
            script.desk.docket.failed(ProxyId(1), &super::super::bench::Venue::of(&task(1).task), TaskId(1));
        }
        script.on(Event::Claimed(Claim { tasks: vec![task(8), task(9)], next_due: None, stats: stats(2) }));
        let fetches = script.fetched_so_far();
        let [slow, quick] = [1, 0].map(|id| *fetches.iter().find(|(_, next)| next.proxy.id == ProxyId(id)).unwrap());
        script.brings(quick);
        script.after(LATE);
        let as_well: Vec<TaskId> = script.fetched_so_far().iter().map(|(_, next)| next.task).collect();
        assert_eq!(as_well.contains(&slow.1.task), has_failed);
    }
}

#[test]
fn whoever_has_another_page_to_fetch_does_so() {
    let (mut script, _) = one_is_slow(|_| {});
    script.on(Event::Claimed(Claim { tasks: vec![task(9)], next_due: None, stats: stats(2) }));
    let other = script.fetches()[0];
    assert_eq!(other.1.task, TaskId(9));
    script.after(LATE);
    assert!(script.fetches().is_empty());
    script.brings(other);
    assert_eq!(script.fetches()[0].1.task, TaskId(2));
}

#[test]
fn whoever_has_to_wait_for_the_delay_fetches_a_late_page_after_it() {
    let (mut script, slow) = one_is_slow(|limits| {
        limits.pace = crate::pace::fixture::settings(Duration::from_secs(5), 0.0);
    });
    script.after(LATE);
    script.now = script.wakes_at().unwrap();
    script.on(Event::Timer);
    assert_eq!(script.fetches()[0].1.task, slow.1.task);
}

#[test]
fn a_form_is_not_sent_twice_and_where_there_is_one_line_only_nobody_else_is_asked() {
    let form = |script: &mut Script| {
        let mut form: Task = fixture::task(7, "site.test", 0);
        form.request.method = Method::Post;
        let tasks = vec![Claimed { task: Arc::new(form), epoch: Epoch(7) }];
        script.on(Event::Claimed(Claim { tasks, next_due: None, stats: stats(2) }));
    };
    let mut script = Script::new(2, 2, 1);
    form(&mut script);
    let [first, _] = script.fetches()[..] else { panic!("two pages") };
    script.brings(first);
    script.after(10 * LATE);
    assert!(script.fetches().is_empty());
    let (mut script, _) = one_is_slow(|limits| limits.proxies.rotating = true);
    script.after(10 * LATE);
    assert!(script.fetches().is_empty());
}

#[test]
fn no_page_is_fetched_as_well_for_which_that_would_be_one_request_too_many() {
    let (mut script, _) = one_is_slow(|limits| limits.retry.max_requests = 1);
    script.after(10 * LATE);
    assert!(script.fetches().is_empty());
}

#[test]
fn if_either_worker_dies_the_other_one_still_brings_the_page() {
    for dead in [0, 1] {
        let (mut script, slow, quick) = one_is_overtaken();
        let both = [slow, quick];
        script.on(Event::Gone(both[dead].0));
        script.on(Event::Abandoned(both[dead].1));
        script.brings(both[1 - dead]);
        assert_eq!(script.fates(), [Fate::Done, Fate::Done]);
        assert_eq!((script.desk.out(), script.desk.window.fresh()), (0, 0));
    }
}

#[test]
fn a_crawl_that_is_complete_does_not_wait_for_one_that_was_overtaken() {
    let (mut script, _, quick) = one_is_overtaken();
    script.brings(quick);
    for _ in 0..2 {
        script.after(Duration::from_millis(10));
        let new_links = vec![Some(0)];
        script.on(Event::Committed(Committed { new_links, stats: stats(0), ..Committed::default() }));
    }
    assert!(names(&script.orders).contains(&"finish worker"), "{:?}", names(&script.orders));
}
