//! Pace as the Desk keeps it: caps of hosts, sites that throttle, a crawl that goes on.

use super::*;
use crate::config;
use crate::dispatcher::notice::Then;
use crate::pace::Permit;

fn of_host(id: u64, host: &str) -> Claimed {
    Claimed { task: Arc::new(fixture::task(id, host, 0)), epoch: Epoch(id) }
}

impl Script {
    /// As many workers as proxies, these tasks, and this pace.
    fn paced(workers: u16, pace: config::Pace, tasks: Vec<Claimed>) -> Self {
        let mut limits = limits(workers.into());
        limits.pace = pace;
        let routes: Vec<Route> = (1..=workers).map(route).collect();
        let mut script = Self {
            desk: Desk::new(limits, &routes, &[], Timestamp::default()),
            now: Timestamp::from_micros(1_000_000_000),
            orders: Vec::new(),
        };
        for slot in 0..workers {
            script.on(Event::Ready(WorkerId { slot, incarnation: 0 }));
        }
        let stats = stats(tasks.len() as u64);
        script.on(Event::Claimed(Claim { tasks, next_due: None, stats }));
        script
    }

    fn hosts_fetched(&mut self) -> Vec<String> {
        self.took(|order| match order {
            Order::Fetch { task, .. } => Some(task.host.0.to_string()),
            _ => None,
        })
    }
}

#[test]
fn a_worker_that_must_wait_for_one_host_gets_work_of_another() {
    let pace = crate::pace::fixture::settings(Duration::ZERO, 0.0);
    let rate = config::Pace { host_gap: Some(Duration::from_secs(10)), ..pace };
    let in_flight = config::Pace { host_in_flight: std::num::NonZeroU32::new(1), ..pace };
    for pace in [rate, in_flight] {
        let tasks = vec![of_host(1, "a.test"), of_host(2, "a.test"), of_host(3, "a.test"), of_host(4, "b.test")];
        let mut script = Script::paced(3, pace, tasks);
        assert_eq!(script.hosts_fetched(), ["a.test:80", "b.test:80"], "{pace:?}");
    }
}

#[test]
fn a_host_lets_one_more_in_when_its_time_has_come_or_when_one_is_out_of_it() {
    let pace = crate::pace::fixture::settings(Duration::ZERO, 0.0);
    let rate = config::Pace { host_gap: Some(Duration::from_secs(2)), ..pace };
    let mut script = Script::paced(5, rate, (1..=5).map(task).collect());
    assert_eq!(script.fetches().len(), 1);
    for _ in 0..2 {
        script.after(Duration::from_millis(1_999));
        assert_eq!(script.fetches().len(), 0);
        script.after(Duration::from_millis(1));
        assert_eq!(script.fetches().len(), 1);
    }

    let in_flight = config::Pace { host_in_flight: std::num::NonZeroU32::new(2), ..pace };
    let mut script = Script::paced(5, in_flight, (1..=5).map(task).collect());
    let fetches = script.fetches();
    assert_eq!(fetches.len(), 2);
    script.on(Event::Abandoned(fetches[0].1));
    assert_eq!(script.fetches().len(), 1);
    script.fetched(fetches[1].0, fetches[1].1, Verdict::Done);
    assert_eq!(script.fetches().len(), 1);
}

#[test]
fn a_host_that_turns_away_one_proxy_after_the_other_is_left_alone_by_all_and_no_proxy_is_let_go() {
    let pace = crate::pace::fixture::settings(Duration::ZERO, 0.0);
    let mut script = Script::paced(4, pace, (1..=9).map(task).collect());
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(7)), reason: reason("status.429") };
    for (worker, assignment) in script.fetches() {
        script.now = script.now + Duration::from_millis(1);
        script.fetched(worker, assignment, throttled());
    }
    let orders = std::mem::take(&mut script.orders);
    let slowed = orders.iter().filter(|order| matches!(order, Order::Note(Notice::HostSlowed { .. }))).count();
    assert_eq!((slowed, orders.iter().filter_map(bound).count()), (1, 0));
    script.after(Duration::from_secs(6));
    assert!(script.fetches().is_empty());
    script.after(Duration::from_secs(2));
    let probe = script.fetches();
    assert_eq!(probe.len(), 1, "one asks whether the others may");
    script.fetched(probe[0].0, probe[0].1, Verdict::Done);
    script.after(Duration::from_secs(1));
    assert_eq!(script.fetches().len(), 1);
}

#[test]
fn a_page_that_is_turned_away_whoever_asks_uses_an_attempt_once_enough_proxies_have_got_others_since() {
    let mut script = Script::new(4, 4, 60);
    script.desk.limits.retry.witnesses = 2;
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(1)), reason: reason("status.429") };
    let (mut refusals, mut fates) = (Vec::new(), Vec::new());
    for _ in 0..40 {
        for (worker, assignment) in script.fetches() {
            script.now = script.now + Duration::from_millis(100);
            let poison = assignment.task == TaskId(1);
            if poison {
                refusals.push(assignment.proxy.id);
            }
            script.fetched(worker, assignment, if poison { throttled() } else { Verdict::Done });
            fates.extend(script.orders.iter().filter_map(|order| match order {
                Order::Note(Notice::Page(page)) if page.task.id == TaskId(1) => Some(page.then.clone()),
                _ => None,
            }));
        }
        script.after(Duration::from_secs(1));
    }
    let last = fates.iter().find(|then| **then != Then::Again);
    assert!(matches!(last, Some(Then::Later(_))), "{fates:?}");
    refusals.sort_unstable();
    refusals.dedup();
    assert!(refusals.len() >= 2, "{refusals:?}");
}

#[test]
fn a_page_that_was_turned_away_goes_behind_those_that_were_not() {
    let mut script = Script::new(1, 1, 3);
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(1)), reason: reason("status.429") };
    let mut order = Vec::new();
    for _ in 0..3 {
        let (worker, assignment) = script.fetches()[0];
        order.push(assignment.task.0);
        script.fetched(worker, assignment, if order == [1] { throttled() } else { Verdict::Done });
        script.after(Duration::from_secs(1));
    }
    assert_eq!(order, [1, 2, 3]);
    assert_eq!(script.fetches()[0].1.task, TaskId(1));
}

#[test]
fn where_no_other_page_is_left_a_page_that_was_done_shows_that_only_this_one_is_turned_away() {
    let mut script = Script::new(1, 1, 2);
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(1)), reason: reason("status.429") };
    let (mut refusals, mut controls) = (0, 0);
    while script.desk.held.contains_key(&TaskId(2)) {
        for (worker, assignment) in script.fetches() {
            let refused = assignment.task == TaskId(2);
            refusals += usize::from(refused);
            controls += usize::from(assignment.epoch == Epoch::default());
            script.fetched(worker, assignment, if refused { throttled() } else { Verdict::Done });
        }
        script.after(Duration::from_secs(1));
        assert!(refusals < 10, "it goes on for ever");
    }
    assert_eq!((refusals, controls), (3, 1));
}

#[test]
fn a_wave_of_refusals_uses_no_attempt() {
    let mut script = Script::new(4, 4, 8);
    script.desk.limits.retry.witnesses = 1;
    let throttled = || Verdict::Throttled { retry_after: Some(Duration::from_secs(1)), reason: reason("status.429") };
    for round in 0..30 {
        for (nth, (worker, assignment)) in (0..).zip(script.fetches()) {
            script.now = script.now + Duration::from_millis(10);
            let passes = round % 3 == 0 && nth == 0 && round < 6;
            script.fetched(worker, assignment, if passes { Verdict::Done } else { throttled() });
        }
        script.after(Duration::from_secs(5));
    }
    assert!(script.desk.held.values().all(|held| held.task.attempts == 0));
    assert_eq!(script.desk.held.len(), 6, "only those that passed are out of it");
}

#[test]
fn a_crawl_that_goes_on_waits_a_delay_before_it_asks_anybody() {
    let mut limits = limits(1);
    limits.pace.delay = Duration::from_secs(3);
    let now = Timestamp::from_micros(1_000_000_000);
    limits.resumed_at = Some(now);
    let mut script = Script { desk: Desk::new(limits, &[route(1)], &[], now), now, orders: Vec::new() };
    script.on(Event::Ready(FIRST));
    script.on(Event::Claimed(Claim { tasks: vec![task(1)], next_due: None, stats: stats(1) }));
    assert!(script.fetches().is_empty());
    script.after(Duration::from_secs(3));
    assert_eq!(script.fetches().len(), 1);
}

#[test]
fn all_proxies_banned_for_as_long_as_the_config_allows_ends_the_crawl() {
    let mut script = Script::new(1, 1, 3);
    script.desk.limits.ban.max_wait = Duration::from_secs(20);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Banned(reason("ban.captcha")));
    script.after(Duration::from_secs(19));
    let ended = |order: &Order| match order {
        Order::Note(Notice::Stopping { ending: Ending::Guarded { reason }, .. }) => Some(reason.code.clone()),
        _ => None,
    };
    assert!(script.took(ended).is_empty());
    script.after(Duration::from_secs(1));
    assert_eq!(script.took(ended), ["banned"]);
}

/// A crawl that goes on in another process, with what the first one kept.
fn goes_on(script: &mut Script, workers: u16, now: Timestamp) -> Script {
    let kept = super::blame::kept(script);
    let mut next = super::blame::restarted(workers, &kept, now);
    for slot in 0..workers {
        next.on(Event::Ready(WorkerId { slot, incarnation: 0 }));
    }
    next.on(Event::Claimed(Claim { tasks: (2001..=2009).map(task).collect(), next_due: None, stats: stats(9) }));
    next
}

#[test]
fn a_ban_goes_on_after_a_restart_but_not_one_of_a_proxy_that_never_got_a_page() {
    for worked in [true, false] {
        let mut script = Script::new(1, 1, 60);
        let (worker, mut assignment) = script.fetched_so_far()[0];
        if worked {
            script.fetched(worker, assignment, Verdict::Done);
            assignment = script.fetched_so_far()[0].1;
        }
        script.fetched(worker, assignment, Verdict::Banned(reason("status.403")));
        let later = script.now + Duration::from_secs(20);
        let mut next = goes_on(&mut script, 1, later);
        let site = HostKey("site.test:80".into());
        let permit = next.desk.pace.own_permit(crate::pace::AddressId(1), &site, later);
        assert_eq!(permit, if worked { Permit::Paused(Timestamp::from_micros(1_300_000_000)) } else { Permit::Now });
        // The page that it got before shows whether the ban is one.
        let asked: Vec<u64> = next.fetches().iter().map(|(_, next)| next.task.0).collect();
        assert_eq!(asked, if worked { [1] } else { [2001] });
    }
}

#[test]
fn after_a_restart_a_host_that_throttled_is_asked_as_rarely_as_before() {
    let wait = Some(Duration::from_secs(40));
    let throttled = || Verdict::Throttled { retry_after: wait, reason: reason("status.429") };
    let mut script = Script::new(1, 1, 60);
    let (worker, mut assignment) = script.fetched_so_far()[0];
    for _ in 0..9 {
        script.now = script.now + Duration::from_secs(1);
        script.fetched(worker, assignment, Verdict::Done);
        assignment = script.fetched_so_far()[0].1;
    }
    script.fetched(worker, assignment, throttled());
    let pace = |script: &Script| {
        let mut rng = fastrand::Rng::with_seed(0);
        script.desk.pace.gap(crate::pace::AddressId(1), &HostKey("site.test:80".into()), &mut rng)
    };
    let slow = pace(&script);
    assert!(slow > Duration::from_secs(1), "{slow:?}");
    let later = script.now + Duration::from_secs(20);
    let mut next = goes_on(&mut script, 1, later);
    assert_eq!(pace(&next).as_micros(), slow.as_micros());
    next.after(Duration::from_millis(16_900));
    assert!(next.fetches().is_empty(), "it was asked to wait");
    next.after(Duration::from_millis(100 + 3_000));
    assert_eq!(next.fetches().len(), 1);
    // The clock was set back by a day: no wait is longer than the longest.
    let earlier = Timestamp::from_micros(script.now.as_micros() - 900_000_000);
    let mut next = goes_on(&mut script, 1, earlier);
    next.after(Duration::from_secs(600));
    assert_eq!(next.fetches().len(), 1);
}
