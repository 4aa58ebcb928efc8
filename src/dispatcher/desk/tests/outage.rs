//! Outages: what follows when a host that worked fails for everybody at once.

use super::*;
use crate::dispatcher::notice::Ending;

fn failing() -> Verdict {
    Verdict::Failing(Certainty::Sure, reason("status.503"))
}

/// Answers every fetch so, for so many seconds.
fn answer_for(script: &mut Script, seconds: u32, verdict: &Verdict) {
    for _ in 0..seconds {
        for (worker, assignment) in script.fetched_so_far() {
            script.fetched(worker, assignment, verdict.clone());
        }
        script.after(Duration::from_secs(1));
    }
}

fn told(script: &Script, wanted: impl Fn(&Notice) -> bool) -> usize {
    script.orders.iter().filter(|order| matches!(order, Order::Note(notice) if wanted(notice))).count()
}

fn no_attempts(limits: &mut Limits) {
    limits.retry.attempts = 1;
}

fn worked_then(limits: impl FnOnce(&mut Limits)) -> Script {
    let mut script = Script::with(5, 5, 100, limits);
    answer_all(&mut script, &Verdict::Done);
    script.fates();
    let claimed = (1001..=1008).map(task).collect();
    script.on(Event::Claimed(Claim { tasks: claimed, next_due: None, stats: stats(8) }));
    script
}

#[test]
fn while_a_host_is_down_no_page_dies_and_nobody_is_charged_and_its_return_brings_everything() {
    let mut script = worked_then(no_attempts);
    answer_for(&mut script, 30, &failing());
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 1);
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Charged { .. } | Notice::Cooling { .. })), 0);
    assert_eq!(script.desk.done.dead_letters, 0);
    answer_for(&mut script, 3, &Verdict::Done);
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Returned { .. })), 1);
    assert_eq!((script.desk.done.pages, script.desk.done.dead_letters), (108, 0));
}

#[test]
fn a_host_that_stays_down_for_longer_than_max_wait_ends_the_crawl_with_all_its_pages_left() {
    let mut script = worked_then(|limits| {
        no_attempts(limits);
        limits.outage.max_wait = Duration::from_secs(60);
    });
    answer_for(&mut script, 80, &failing());
    let guarded = |notice: &Notice| matches!(notice, Notice::Stopping { ending: Ending::Guarded { reason }, .. } if reason.code == "outage");
    assert_eq!(told(&script, guarded), 1);
    let left = script.took(|order| match order {
        Order::HandBack(leases) => Some(leases.len()),
        _ => None,
    });
    assert_eq!(left, [8]);
}

#[test]
fn pages_that_fail_while_a_known_one_comes_through_are_at_fault_themselves() {
    let mut script = worked_then(no_attempts);
    answer_all(&mut script, &failing());
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 0);
    assert_eq!(script.desk.done.dead_letters, 8);
}

#[test]
fn a_host_that_never_worked_is_not_waited_for() {
    let mut script = Script::with(3, 3, 6, no_attempts);
    answer_for(&mut script, 5, &failing());
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 0);
    assert_eq!(script.desk.done.dead_letters, 6);
}
