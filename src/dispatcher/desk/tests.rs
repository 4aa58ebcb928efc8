//! The rules of the protocol, each as a test: what the Desk orders when this and that happens.

mod blame;
mod hedging;
mod outage;
mod pacing;
mod robots;
mod spares;
mod stragglers;

use std::sync::Arc;
use std::time::Duration;

use super::fixture::{limits, route};
use super::*;
use crate::frontier::{Claim, Claimed, Committed, Fate, Settlement, Stats};
use crate::protocol::{Assignment, Cursor, FeedId, Meters, Next, Outcome, ProxyRef, Signal, Why};
use crate::record::{Provenance, Record, Seq, StoredRecord};
use crate::task::{Epoch, HostKey, NewTask, Request, StageId};
use crate::verdict::{Certainty, Verdict};

const FIRST: WorkerId = WorkerId { slot: 0, incarnation: 0 };
const SECOND: WorkerId = WorkerId { slot: 1, incarnation: 0 };

/// A Desk, what it has ordered since it was last looked at, and a clock.
struct Script {
    desk: Desk,
    now: Timestamp,
    orders: Vec<Order>,
}

fn task(id: u64) -> Claimed {
    Claimed { task: Arc::new(fixture::task(id, "site.test", 0)), epoch: Epoch(id) }
}

fn reason(code: &str) -> Reason {
    Reason::new(code, code)
}

fn stats(leased: u64) -> Stats {
    Stats { leased, unread: Some(0), ..Stats::default() }
}

impl Script {
    /// So many workers and proxies; the workers are there, and these tasks are claimed.
    fn new(workers: u16, proxies: u16, tasks: u64) -> Self {
        Self::with(workers, proxies, tasks, |_| {})
    }

    /// The same under other limits.
    fn with(workers: u16, proxies: u16, tasks: u64, change: impl FnOnce(&mut Limits)) -> Self {
        let routes: Vec<Route> = (1..=proxies).map(route).collect();
        let mut limits = limits(workers.into());
        change(&mut limits);
        let desk = Desk::new(limits, &routes, &[], Timestamp::default());
        let mut script = Self { desk, now: Timestamp::from_micros(1_000_000_000), orders: Vec::new() };
        for slot in 0..workers {
            script.on(Event::Ready(WorkerId { slot, incarnation: 0 }));
        }
        let claimed = (1..=tasks).map(task).collect();
        // Without tasks, one is to come some day.
        let stats = Stats { delayed: u64::from(tasks == 0), ..stats(tasks) };
        script.on(Event::Claimed(Claim { tasks: claimed, next_due: None, stats }));
        script
    }

    fn on(&mut self, event: Event) {
        let orders = self.desk.handle(event, self.now);
        self.orders.extend(orders);
    }

    fn after(&mut self, wait: Duration) {
        self.now = self.now + wait;
        self.on(Event::Timer);
    }

    /// The orders so far that `wanted` picks; all orders are then forgotten.
    fn took<T>(&mut self, wanted: impl Fn(&Order) -> Option<T>) -> Vec<T> {
        self.orders.drain(..).filter_map(|order| wanted(&order)).collect()
    }

    fn fetches(&mut self) -> Vec<(WorkerId, Assignment)> {
        self.took(|order| match order {
            Order::Fetch { worker, assignment, .. } => Some((*worker, *assignment)),
            _ => None,
        })
    }

    /// The fetches ordered so far; all other orders are kept.
    fn fetched_so_far(&mut self) -> Vec<(WorkerId, Assignment)> {
        let (fetches, others) =
            std::mem::take(&mut self.orders).into_iter().partition(|order| matches!(order, Order::Fetch { .. }));
        self.orders = fetches;
        let fetches = self.fetches();
        self.orders = others;
        fetches
    }

    /// Commits all that is settled; the fates of the pages.
    fn fates(&mut self) -> Vec<Fate> {
        let mut fates = Vec::new();
        loop {
            self.after(Duration::from_millis(10));
            let batches = self.took(|order| match order {
                Order::Commit { batch, .. } => Some(Arc::clone(batch)),
                _ => None,
            });
            let Some(batch) = batches.first() else { return fates };
            fates.extend(batch.iter().map(|settlement| settlement.fate.clone()));
            let new_links = vec![Some(0); batch.len()];
            // Another task is to come some day.
            self.on(Event::Committed(Committed {
                new_links,
                stats: Stats { delayed: 1, ..stats(0) },
                ..Committed::default()
            }));
        }
    }

    fn fetched(&mut self, worker: WorkerId, assignment: Assignment, verdict: Verdict) {
        self.ended((worker, assignment), verdict, Meters { requests: 1, ..Meters::default() });
    }

    /// A fetch ends, and what it came to is known in full.
    fn ended(&mut self, (worker, assignment): (WorkerId, Assignment), verdict: Verdict, meters: Meters) {
        let (links, records, missing) = (Vec::new(), Vec::new(), Vec::new());
        let next = Next::Ready;
        self.on(Event::Fetched(Box::new(Outcome {
            worker,
            assignment,
            verdict,
            links,
            records,
            missing,
            robots: None,
            meters,
            next,
        })));
    }

    /// Three refusals through one proxy: it is spent.
    fn wear_out(&mut self, worker: WorkerId, mut assignment: Assignment) -> ProxyRef {
        for _ in 0..2 {
            self.fetched(worker, assignment, Verdict::ProxyBroken(reason("proxy.refused")));
            let proxy = assignment.proxy;
            assignment = self.fetches().into_iter().find(|(_, next)| next.proxy == proxy).expect("again").1;
        }
        self.fetched(worker, assignment, Verdict::ProxyBroken(reason("proxy.refused")));
        assignment.proxy
    }
}

fn bound(order: &Order) -> Option<(WorkerId, ProxyId)> {
    match order {
        Order::Bind { worker, proxy, .. } => Some((*worker, proxy.id)),
        _ => None,
    }
}

fn names(orders: &[Order]) -> Vec<&'static str> {
    orders
        .iter()
        .filter_map(|order| match order {
            Order::Commit { .. } => Some("commit"),
            Order::HandBack(_) => Some("hand back"),
            Order::FinishWorker(_) => Some("finish worker"),
            Order::FlushSink => Some("flush sink"),
            Order::FinishSink => Some("finish sink"),
            Order::Finished(_) => Some("finished"),
            Order::Fetch { .. } => Some("fetch"),
            Order::Claim { .. } => Some("claim"),
            _ => None,
        })
        .collect()
}

#[test]
fn a_worker_without_a_proxy_is_parked_and_gets_no_task() {
    let mut script = Script::new(2, 1, 5);
    let parked: Vec<bool> = script.orders.iter().map(|order| matches!(order, Order::Park(SECOND))).collect();
    assert!(parked.contains(&true));
    let workers: Vec<WorkerId> = script.fetches().into_iter().map(|(worker, _)| worker).collect();
    assert_eq!(workers, [FIRST]);
}

#[test]
fn a_parked_worker_is_woken_when_a_rest_is_over() {
    let mut script = Script::new(2, 1, 5);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Done);
    let (_, assignment) = script.fetches()[0];
    let proxy = script.wear_out(FIRST, assignment);
    script.on(Event::Replace { worker: FIRST, proxy, why: Why::Spent });
    script.orders.clear();
    script.after(Duration::from_secs(29));
    assert!(script.took(bound).is_empty(), "it still rests");
    script.after(Duration::from_secs(1));
    assert_eq!(script.took(bound), [(FIRST, ProxyId(0))]);
}

#[test]
fn a_spent_proxy_is_replaced_only_when_the_worker_asks() {
    let mut script = Script::new(1, 2, 5);
    let (_, assignment) = script.fetches()[0];
    let proxy = script.wear_out(FIRST, assignment);
    let spent =
        script.orders.iter().any(|order| matches!(order, Order::Spent { worker: FIRST, proxy: p } if *p == proxy));
    assert!(spent);
    assert!(script.took(bound).is_empty(), "the worker still holds the old one");
    script.on(Event::Replace { worker: FIRST, proxy, why: Why::Spent });
    assert_eq!(script.took(bound), [(FIRST, ProxyId(1))]);
}

#[test]
fn several_errors_break_a_proxy_not_one() {
    let mut script = Script::new(1, 2, 5);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::ProxyBroken(reason("proxy.refused")));
    let fetches = script.fetches();
    assert_eq!(fetches.len(), 1);
    assert_eq!(fetches[0].1.proxy, assignment.proxy, "the same proxy goes on");
}

#[test]
fn a_client_that_cannot_be_built_retires_its_proxy() {
    let mut script = Script::new(1, 2, 0);
    let proxy = ProxyRef { id: ProxyId(0), epoch: Epoch(1) };
    assert_eq!(script.took(bound), [(FIRST, proxy.id)]);
    script.on(Event::Replace { worker: FIRST, proxy, why: Why::Unusable(reason("client.unusable")) });
    assert_eq!(script.took(bound), [(FIRST, ProxyId(1))]);
    assert_eq!(script.desk.pool.get(ProxyId(0)).map(|member| member.state()), Some(crate::proxy::pool::State::Retired));
}

#[test]
fn an_idle_worker_is_rebound_when_a_page_can_go_only_to_a_spare() {
    let mut script = Script::new(1, 2, 1);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Doubtful(reason("timeout.head")));
    let orders = std::mem::take(&mut script.orders);
    assert_eq!(orders.iter().filter_map(bound).collect::<Vec<_>>(), [(FIRST, ProxyId(1))]);
    let next = orders.iter().find_map(|order| match order {
        Order::Fetch { assignment, .. } => Some(*assignment),
        _ => None,
    });
    assert_eq!(next.map(|next| (next.task, next.proxy.id, next.turn)), Some((TaskId(1), ProxyId(1), 2)));
}

#[test]
fn a_mere_delay_is_no_reason_to_let_go_of_a_proxy() {
    let mut script = Script::new(1, 2, 2);
    let (_, assignment) = script.fetches()[0];
    let host = HostKey("site.test:80".into());
    let meters = Meters { requests: 1, sent: vec![(host, script.now)], ..Meters::default() };
    script.desk.limits.pace.delay = Duration::from_secs(10);
    script.desk.pace = Pace::new(script.desk.limits.pace, &script.desk.limits.ban, None);
    script.desk.held.get_mut(&TaskId(1)).expect("held").gap = Duration::from_secs(10);
    script.ended((FIRST, assignment), Verdict::Done, meters);
    assert!(script.took(bound).is_empty());
    script.after(Duration::from_secs(9));
    assert!(script.fetches().is_empty(), "not before the delay is over");
    script.after(Duration::from_secs(1));
    assert_eq!(script.fetches().len(), 1);
}

#[test]
fn the_proxy_of_a_dead_worker_drains_before_another_gets_it() {
    let mut script = Script::new(1, 1, 2);
    let (_, assignment) = script.fetches()[0];
    script.on(Event::Gone(FIRST));
    let next = WorkerId { slot: 0, incarnation: 1 };
    script.on(Event::Ready(next));
    assert!(script.took(bound).is_empty(), "a fetch of the dead one is still out through it");
    script.on(Event::Abandoned(assignment));
    assert_eq!(script.took(bound), [(next, ProxyId(0))]);
}

#[test]
fn the_assigned_tasks_of_a_dead_worker_go_back_at_no_cost_and_its_settled_ones_stay_settled() {
    let mut script = Script::new(2, 2, 2);
    let fetches = script.fetches();
    let ((first, one), (second, two)) = (fetches[0], fetches[1]);
    script.fetched(first, one, Verdict::Done);
    script.on(Event::Gone(first));
    script.on(Event::Gone(second));
    script.on(Event::Abandoned(two));
    script.on(Event::Ready(WorkerId { slot: 0, incarnation: 1 }));
    let again = script.fetches();
    assert_eq!(again.len(), 1, "the settled one is not given out again");
    assert_eq!((again[0].1.task, again[0].1.turn), (two.task, 2), "k is raised");
    assert_eq!(script.desk.held[&two.task].task.attempts, 0);
}

#[test]
fn an_outcome_under_an_old_turn_changes_nothing_about_the_page() {
    let mut script = Script::new(2, 2, 1);
    let (worker, assignment) = script.fetches()[0];
    script.on(Event::Gone(worker));
    let again = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Done);
    script.after(Duration::from_millis(10));
    assert!(!names(&script.orders).contains(&"commit"), "the page is somebody else's now");
    script.fetched(again.0, again.1, Verdict::Done);
    assert!(names(&script.orders).contains(&"commit"));
}

#[test]
fn a_page_that_only_a_paused_spare_may_take_goes_to_it_when_the_pause_ends() {
    let mut script = Script::new(1, 2, 1);
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(5)), reason: reason("status.429") };
    let (_, one) = script.fetches()[0];
    script.fetched(FIRST, one, throttled());
    let (_, two) = script.fetches()[0];
    assert_ne!(one.proxy.id, two.proxy.id, "the other proxy tries it at once");
    script.fetched(FIRST, two, Verdict::Doubtful(reason("timeout.head")));
    let pause_ends = script.now + Duration::from_secs(5);
    let wakes = script.took(|order| match order {
        Order::WakeAt(at) => Some(*at),
        Order::Fetch { .. } => panic!("the one that has not failed on it has to wait"),
        _ => None,
    });
    assert_eq!(wakes.last(), Some(&pause_ends));
    script.after(Duration::from_secs(5));
    assert_eq!(script.fetches().into_iter().map(|(_, next)| next.proxy.id).collect::<Vec<_>>(), [one.proxy.id]);
}

#[test]
fn a_conviction_does_not_lengthen_a_rest_that_has_begun() {
    let mut script = Script::new(2, 3, 1);
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Doubtful(reason("timeout.head")));
    let (other, again) = script.fetches()[0];
    script.desk.retire(ProxyId(2), reason("test"));
    let rest = crate::proxy::pool::After::Cool(script.now + Duration::from_secs(30));
    script.desk.pool.close(assignment.proxy.id, rest);
    script.desk.pool.release(assignment.proxy, script.now);
    script.desk.pool.health(assignment.proxy.id).expect("a proxy").charge(&script.desk.limits.health.clone());
    script.desk.pool.health(assignment.proxy.id).expect("a proxy").charge(&script.desk.limits.health.clone());
    script.fetched(other, again, Verdict::Done);
    let state = script.desk.pool.get(assignment.proxy.id).map(|member| member.state());
    assert_eq!(state, Some(crate::proxy::pool::State::Cooling(script.now + Duration::from_secs(30))));
    let rests = script.took(|order| matches!(order, Order::Note(Notice::Cooling { .. })).then_some(()));
    assert!(rests.is_empty(), "it rests already");
}

#[test]
fn an_abandoned_task_is_given_out_again_and_uses_an_attempt_only_after_several_times() {
    let mut script = Script::with(1, 1, 1, |limits| limits.retry.witnesses = 1);
    for turn in 1..=2 {
        let (_, assignment) = script.fetches()[0];
        assert_eq!(assignment.turn, turn);
        script.on(Event::Abandoned(assignment));
    }
    let (_, assignment) = script.fetches()[0];
    script.on(Event::Abandoned(assignment));
    let fates = script.took(|order| match order {
        Order::Commit { batch, .. } => Some(batch[0].fate.clone()),
        _ => None,
    });
    assert!(matches!(fates[..], [Fate::Retry { attempts: 1, .. }]), "{fates:?}");
}

#[test]
fn a_success_convicts_the_proxy_that_failed_on_the_page_before() {
    let mut script = Script::new(2, 2, 1);
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Doubtful(reason("timeout.head")));
    assert_eq!(
        script.desk.pool.get(assignment.proxy.id).map(|member| member.health.score()),
        Some(0.0),
        "on suspicion"
    );
    let (other, again) = script.fetches()[0];
    script.fetched(other, again, Verdict::Done);
    assert_eq!(script.desk.pool.get(assignment.proxy.id).map(|member| member.health.score()), Some(1.0));
    assert!(script.desk.docket.debtors().next().is_none(), "it has nothing left to prove");
}

/// A worker and a proxy each have done `each` pages of the site; then `tasks` are claimed.
fn warmed_up(workers: u16, each: u64, tasks: u64) -> Script {
    let warming = u64::from(workers) * each;
    let mut script = Script::new(workers, workers, warming);
    answer_all(&mut script, &Verdict::Done);
    assert_eq!(script.fates().len() as u64, warming);
    let claimed = (1001..=1000 + tasks).map(task).collect();
    script.on(Event::Claimed(Claim { tasks: claimed, next_due: None, stats: stats(tasks) }));
    script
}

/// Answers every fetch: tasks from 1001 on with `verdict`, all others well, until nothing is to be fetched. How often tasks of
/// each kind were fetched.
fn answer_all(script: &mut Script, verdict: &Verdict) -> (usize, usize) {
    let (mut bad, mut good) = (0, 0);
    loop {
        let fetches = script.fetched_so_far();
        if fetches.is_empty() {
            return (bad, good);
        }
        for (worker, assignment) in fetches {
            let is_bad = assignment.task.0 > 1000;
            *(if is_bad { &mut bad } else { &mut good }) += 1;
            script.fetched(worker, assignment, if is_bad { verdict.clone() } else { Verdict::Done });
        }
    }
}

#[test]
fn a_page_that_fails_through_enough_proxies_uses_an_attempt_and_charges_nobody() {
    let mut script = warmed_up(5, 20, 1);
    let (failures, controls) = answer_all(&mut script, &Verdict::Doubtful(reason("body.cut")));
    let fates = script.fates();
    assert!(matches!(fates[..], [Fate::Retry { attempts: 1, .. }]), "{fates:?}");
    assert_eq!((failures, controls), (4, 4), "each proves by a control that it works, since no fresh page is left");
    assert!(script.desk.pool.iter().all(|(_, member)| member.health.score() == 0.0));
}

#[test]
fn one_forbidden_page_leaves_no_proxy_banned() {
    let mut script = warmed_up(5, 20, 1);
    answer_all(&mut script, &Verdict::Banned(reason("status.403")));
    let fates = script.fates();
    assert!(matches!(fates[..], [Fate::Retry { attempts: 1, .. }]), "{fates:?}");
    let host = HostKey("site.test:80".into());
    for (_, member) in script.desk.pool.iter() {
        let permit = script.desk.pace.permit(member.address, &host, script.now);
        assert!(!matches!(permit, crate::pace::Permit::Paused(_)), "{} is paused", member.label);
    }
}

#[test]
fn a_404_over_plain_http_is_gone_only_when_a_second_proxy_says_so() {
    let mut script = Script::new(2, 2, 1);
    let gone = || Verdict::Gone(Certainty::Doubtful, reason("status.404"));
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, gone());
    assert!(!names(&script.orders).contains(&"commit"));
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, gone());
    let fates = script.took(|order| match order {
        Order::Commit { batch, .. } => Some(batch[0].fate.clone()),
        _ => None,
    });
    assert!(matches!(fates[..], [Fate::Gone(_)]), "{fates:?}");
}

#[test]
fn a_proxy_that_refuses_our_password_is_retired() {
    let mut script = Script::new(1, 2, 1);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::ProxyDenied(reason("proxy.auth")));
    script.on(Event::Replace { worker: FIRST, proxy: assignment.proxy, why: Why::Spent });
    script.after(Duration::from_secs(86_400));
    assert_eq!(script.desk.pool.get(ProxyId(0)).map(|member| member.state()), Some(crate::proxy::pool::State::Retired));
}

#[test]
fn no_page_costs_more_requests_than_it_may() {
    let mut script = Script::new(1, 1, 1);
    script.desk.limits.retry.max_requests = 4;
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(1)), reason: reason("status.429") };
    for _ in 0..4 {
        let (_, assignment) = script.fetched_so_far()[0];
        script.fetched(FIRST, assignment, throttled());
        script.after(Duration::from_secs(1));
    }
    let fates = script.fates();
    let dead = matches!(&fates[..], [Fate::Dead(reason)] if reason.code == "retry.max_requests");
    assert!(dead, "{fates:?}");
}

#[test]
fn a_failed_batch_is_given_again_whole() {
    let mut script = Script::new(1, 1, 1);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Done);
    let commits = |order: &Order| match order {
        Order::Commit { batch, .. } => Some(Arc::clone(batch)),
        _ => None,
    };
    let first = script.took(commits).remove(0);
    script.on(Event::StoreFailed { what: StoreCall::Commit, error: "disk full".to_owned() });
    assert!(script.took(commits).is_empty(), "not at once");
    script.after(Duration::from_secs(1));
    assert!(Arc::ptr_eq(&first, &script.took(commits)[0]));
}

#[test]
fn a_store_that_breaks_while_the_crawl_stops_is_how_it_ends() {
    let mut script = Script::new(1, 1, 1);
    let (_, assignment) = script.fetches()[0];
    script.on(Event::Stop(Signal::Interrupt));
    script.fetched(FIRST, assignment, Verdict::Done);
    for _ in 0..10 {
        let commits = script.orders.drain(..).filter(|order| matches!(order, Order::Commit { .. })).count();
        for _ in 0..commits {
            script.on(Event::StoreFailed { what: StoreCall::Commit, error: "disk full".to_owned() });
        }
        script.after(Duration::from_secs(2));
    }
    script.on(Event::WorkerFinished(FIRST));
    script.on(Event::SinkFinished);
    let endings = script.took(|order| match order {
        Order::Finished(ending) => Some(ending.clone()),
        _ => None,
    });
    assert_eq!(endings, [Ending::Failed { error: "disk full".to_owned() }]);
}

fn done(assignment: &Assignment) -> Settlement {
    let (links, records, tries) = (Vec::new(), Vec::new(), Vec::new());
    let Assignment { task, epoch, .. } = *assignment;
    Settlement { task, epoch, fate: Fate::Done, links, records, requests: 1, tries }
}

/// A commit of the batch with one record of `bytes`.
fn committed_with_a_record(batch: &[Settlement], bytes: usize) -> Committed {
    let provenance = Provenance {
        url: "x".repeat(bytes).into(),
        fetched_at: Timestamp::default(),
        proxy: "".into(),
        status: 200,
        attempts: 1,
        referrer: None,
        start_url: "".into(),
    };
    let record =
        Record { task: batch[0].task, index: 0, stage: StageId(0), provenance: Arc::new(provenance), values: vec![] };
    Committed {
        through: Seq(1),
        records: vec![StoredRecord { seq: Seq(1), record: Arc::new(record) }],
        new_links: vec![Some(0)],
        stats: Stats { done: 1, found: 1, records: 1, ..stats(0) },
    }
}

#[test]
fn the_crawl_ends_only_when_the_feeds_have_everything() {
    let mut script = Script::new(1, 1, 1);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Done);
    let batch = script.took(|order| match order {
        Order::Commit { batch, .. } => Some(Arc::clone(batch)),
        _ => None,
    });
    script.on(Event::Committed(committed_with_a_record(&batch[0], 1)));
    assert!(!names(&script.orders).contains(&"finish worker"), "a record is not in the feed yet");
    script.on(Event::Flushed(Cursor { feed: FeedId(0), through: Seq(1), bytes: 1, tail: 1 }));
    assert_eq!(names(&script.orders), ["flush sink", "finish worker", "finish sink"]);
    script.orders.clear();
    script.on(Event::WorkerFinished(FIRST));
    assert!(names(&script.orders).is_empty());
    script.on(Event::SinkFinished);
    assert_eq!(names(&script.orders), ["commit"], "how far the feed is");
    script.on(Event::Committed(Committed { through: Seq(1), stats: stats(0), ..Committed::default() }));
    assert!(matches!(script.orders.last(), Some(Order::Finished(Ending::Complete))));
}

#[test]
fn stopping_waits_for_what_is_out_then_commits_then_hands_the_window_back() {
    let mut script = Script::new(1, 1, 3);
    let (_, assignment) = script.fetches()[0];
    script.on(Event::Stop(Signal::Interrupt));
    assert!(names(&script.orders).is_empty(), "a fetch is out");
    script.fetched(FIRST, assignment, Verdict::Done);
    assert_eq!(names(&script.orders), ["commit"], "nothing new is given out");
    script.orders.clear();
    script.on(Event::Committed(Committed { new_links: vec![Some(0)], stats: stats(2), ..Committed::default() }));
    assert_eq!(names(&script.orders), ["hand back", "finish worker", "finish sink"]);
    let back = script.took(|order| match order {
        Order::HandBack(leases) => Some(leases.len()),
        _ => None,
    });
    assert_eq!(back, [2]);
}

#[test]
fn stopping_gives_up_what_is_still_out_when_its_time_is_over() {
    let mut script = Script::new(1, 1, 1);
    script.on(Event::Stop(Signal::Terminate));
    script.orders.clear();
    script.after(Duration::from_secs(30));
    assert_eq!(names(&script.orders), ["hand back", "finish worker", "finish sink"]);
}

#[test]
fn a_pool_that_never_worked_ends_the_crawl_at_once_with_its_commonest_error() {
    let mut script = Script::new(1, 1, 1);
    let (_, assignment) = script.fetches()[0];
    let proxy = script.wear_out(FIRST, assignment);
    script.on(Event::Replace { worker: FIRST, proxy, why: Why::Spent });
    script.on(Event::WorkerFinished(FIRST));
    script.on(Event::SinkFinished);
    script.on(Event::Committed(Committed { stats: stats(0), ..Committed::default() }));
    let ended = script.took(|order| match order {
        Order::Finished(ending) => Some(ending.clone()),
        _ => None,
    });
    assert_eq!(ended, [Ending::NoProxy { commonest: Some(reason("proxy.refused")) }]);
}

#[test]
fn while_the_feeds_are_behind_nothing_new_is_fetched() {
    let mut script = Script::new(1, 1, 3);
    let (worker, assignment) = script.fetches()[0];
    let committed = committed_with_a_record(&[done(&assignment)], 65 << 20);
    let outcome = Outcome {
        worker,
        assignment,
        verdict: Verdict::Done,
        links: Vec::new(),
        records: vec![Record::clone(&committed.records[0].record)],
        missing: Vec::new(),
        robots: None,
        meters: Meters::default(),
        next: Next::Ready,
    };
    script.on(Event::Fetched(Box::new(outcome)));
    let (_, next) = script.fetches()[0];
    script.after(Duration::from_millis(10));
    script.on(Event::Committed(Committed { stats: stats(2), ..committed }));
    script.fetched(FIRST, next, Verdict::Done);
    assert!(script.fetches().is_empty());
    script.on(Event::Flushed(Cursor { feed: FeedId(0), through: Seq(1), bytes: 1, tail: 1 }));
    assert_eq!(script.fetches().len(), 1);
}

#[test]
fn a_limit_of_pages_is_never_overstepped() {
    let mut script = Script::new(3, 3, 0);
    script.desk.limits.bounds.pages = Some(2);
    script.on(Event::Claimed(Claim { tasks: (1..=5).map(task).collect(), next_due: None, stats: stats(5) }));
    let fetches = script.fetches();
    assert_eq!(fetches.len(), 2, "as many as are still asked for");
    script.fetched(fetches[0].0, fetches[0].1, Verdict::Done);
    assert!(script.fetches().is_empty());
    script.fetched(fetches[1].0, fetches[1].1, Verdict::ProxyBroken(reason("proxy.refused")));
    let again = script.fetches();
    assert_eq!(again.len(), 1, "one of them was not done");
    script.fetched(again[0].0, again[0].1, Verdict::Done);
    let why = script.took(|order| match order {
        Order::Note(Notice::Stopping { ending, .. }) => Some(ending.clone()),
        _ => None,
    });
    assert_eq!(why, [Ending::Limit { key: "pages" }]);
}

#[test]
fn a_limit_of_time_stops_the_crawl_when_it_is_over() {
    let mut script = Script::new(1, 1, 5);
    script.desk.limits.bounds.duration = Some(Duration::from_secs(60));
    script.after(Duration::from_secs(59));
    assert!(script.desk.phase.is_running());
    let wakes = script.took(|order| match order {
        Order::WakeAt(at) => Some(*at),
        _ => None,
    });
    assert_eq!(wakes.last(), Some(&(script.now + Duration::from_secs(1))));
    script.after(Duration::from_secs(1));
    assert!(!script.desk.phase.is_running());
}

/// Answers claims again and again; the site is so fast that all tasks are fetched before the store answers. The claims' sizes.
fn claims_of_a_fast_crawl(script: &mut Script) -> Vec<usize> {
    let (mut claims, mut last) = (Vec::new(), 0);
    while claims.len() < 12 {
        let mut asked = None;
        while !script.orders.is_empty() {
            for order in std::mem::take(&mut script.orders) {
                match order {
                    Order::Claim { n, .. } => asked = Some(n),
                    Order::Fetch { worker, assignment, .. } => script.fetched(worker, assignment, Verdict::Done),
                    _ => {}
                }
            }
        }
        let n = asked.expect("a claim");
        claims.push(n);
        let tasks = (0..n as u64).map(|at| task(last + 1 + at)).collect();
        last += n as u64;
        script.on(Event::Claimed(Claim { tasks, next_due: None, stats: Stats { ready: 9, ..stats(1) } }));
    }
    claims
}

#[test]
fn the_window_grows_with_what_is_used_up_while_the_store_is_busy() {
    for workers in [1, 4] {
        let mut script = Script::new(workers, workers, 0);
        let claims = claims_of_a_fast_crawl(&mut script);
        assert!(claims.last() > Some(&64), "{claims:?}");
    }
}

fn barred_by_claims(script: &mut Script) -> Vec<Vec<HostKey>> {
    script.took(|order| match order {
        Order::Claim { barred, .. } => Some(barred.clone()),
        _ => None,
    })
}

#[test]
fn a_claim_for_other_hosts_that_brought_nothing_is_made_again_when_another_host_is_used_up() {
    let mut script = Script::with(3, 3, 0, |limits| limits.pace.host_in_flight = std::num::NonZeroU32::new(1));
    let hosts = ["b.test", "c.test", "b.test", "c.test", "b.test", "b.test"];
    let task = |(id, host): (u64, &&str)| Claimed { task: Arc::new(fixture::task(id, host, 0)), epoch: Epoch(id) };
    let tasks = (1..).zip(&hosts).map(task).collect();
    let answer = |tasks| Event::Claimed(Claim { tasks, next_due: None, stats: Stats { ready: 2, ..stats(6) } });
    script.orders.clear();
    script.on(answer(tasks));
    let fetches = script.fetched_so_far();
    let (b, c) = (HostKey("b.test:80".into()), HostKey("c.test:80".into()));
    assert_eq!(
        barred_by_claims(&mut script).iter().map(Vec::len).collect::<Vec<_>>(),
        [2],
        "one is idle, both are shut"
    );
    script.on(answer(Vec::new()));
    assert!(barred_by_claims(&mut script).is_empty(), "there is nothing else");
    let (worker, assignment) = fetches[1];
    script.fetched(worker, assignment, Verdict::Done);
    assert_eq!(barred_by_claims(&mut script), [vec![b]], "what is ready may be {c}'s");
}

#[test]
fn an_idle_worker_that_a_claim_will_feed_hurries_no_commit() {
    for (ready, hurries) in [(0, true), (9, false)] {
        let mut script = Script::new(1, 1, 0);
        script.on(Event::Claimed(Claim { tasks: vec![task(1)], next_due: None, stats: Stats { ready, ..stats(1) } }));
        let (worker, assignment) = script.fetches()[0];
        script.fetched(worker, assignment, Verdict::Done);
        assert_eq!(names(&script.orders).contains(&"commit"), hurries, "{ready} ready");
    }
}

/// A page with a record is done and committed, and nothing else is left.
fn all_done_but_the_feeds() -> Script {
    let mut script = Script::new(1, 1, 1);
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Done);
    let committed = committed_with_a_record(&[done(&assignment)], 100);
    script.orders.clear();
    script.on(Event::Committed(Committed { stats: stats(0), ..committed }));
    script
}

#[test]
fn when_nothing_is_left_the_feeds_are_told_once_not_to_wait_for_more() {
    let mut script = all_done_but_the_feeds();
    assert_eq!(names(&script.orders), ["flush sink"]);
    script.after(Duration::from_secs(1));
    assert_eq!(names(&script.orders), ["flush sink"]);
    script.on(Event::Flushed(Cursor { feed: FeedId(0), through: Seq(1), bytes: 1, tail: 1 }));
    assert!(names(&script.orders).ends_with(&["finish worker", "finish sink"]), "{:?}", names(&script.orders));
}

#[test]
fn whoever_stops_does_not_wait_for_feeds_that_wait_for_more() {
    let mut script = Script::new(1, 1, 2);
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Done);
    let (_, second) = script.fetches()[0];
    script.on(Event::Stop(Signal::Interrupt));
    script.fetched(worker, second, Verdict::ProxyBroken(reason("proxy.refused")));
    script.orders.clear();
    let committed = committed_with_a_record(&[done(&assignment)], 100);
    script.on(Event::Committed(Committed { stats: stats(1), ..committed }));
    assert_eq!(names(&script.orders), ["hand back", "flush sink"]);
}

#[test]
fn links_deeper_than_the_limit_are_counted_and_not_followed() {
    let mut script = Script::new(1, 1, 1);
    script.desk.limits.bounds.depth = Some(1);
    let (worker, assignment) = script.fetches()[0];
    let link = |path: &str, depth| {
        let task = fixture::task(9, "site.test", 0);
        NewTask {
            stage: task.stage,
            request: Request::get(format!("http://site.test/{path}").parse().unwrap()),
            priority: 0,
            depth,
            meta: task.meta,
            referrer: None,
            start_url: task.start_url,
            excluded: None,
        }
    };
    script.on(Event::Fetched(Box::new(Outcome {
        worker,
        assignment,
        verdict: Verdict::Done,
        links: vec![link("a", 1), link("b", 2), link("c", 1)],
        records: Vec::new(),
        missing: Vec::new(),
        robots: None,
        meters: Meters::default(),
        next: Next::Ready,
    })));
    let seen = script.took(|order| match order {
        Order::Commit { batch, .. } => {
            Some(batch[0].links.iter().map(|link| link.request.url.path().to_owned()).collect::<Vec<_>>())
        }
        Order::Note(Notice::Page(page)) => Some(vec![format!("{} found, {} too deep", page.links, page.too_deep)]),
        _ => None,
    });
    assert_eq!(seen.concat(), ["3 found, 1 too deep", "/a", "/c"]);
}
