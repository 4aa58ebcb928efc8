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

/// Every worker whose proxy is spent asks for another one.
fn replace_spent(script: &mut Script) {
    let spent = script.orders.extract_if(.., |order| matches!(order, Order::Spent { .. }));
    for order in spent.collect::<Vec<_>>() {
        let Order::Spent { worker, proxy } = order else { continue };
        script.on(Event::Replace { worker, proxy, why: Why::Spent });
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

/// Each of so many proxies is at its first page; none knows the site yet.
fn at_their_first_page(proxies: u16) -> (Script, Vec<(WorkerId, Assignment)>) {
    let mut script = Script::with(proxies, proxies, 40, no_attempts);
    let first = script.fetched_so_far();
    assert_eq!(first.len(), usize::from(proxies));
    (script, first)
}

#[test]
fn a_host_that_has_worked_for_three_proxies_only_once_each_is_waited_for_all_the_same() {
    let (mut script, first) = at_their_first_page(3);
    first.into_iter().for_each(|(worker, assignment)| script.fetched(worker, assignment, Verdict::Done));
    answer_for(&mut script, 30, &failing());
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 1);
    assert_eq!(script.desk.done.dead_letters, 0);
    answer_for(&mut script, 15, &Verdict::Done);
    assert_eq!((script.desk.done.pages, script.desk.done.dead_letters), (40, 0));
}

#[test]
fn a_proxy_is_trusted_by_all_that_it_has_brought_of_whatever_stage() {
    let outages = |stages: u16| {
        let mut script = Script::with(1, 1, 0, no_attempts);
        let of_some_stage = |id: u64| {
            let stage = StageId((id % u64::from(stages)) as u16);
            let known = crate::task::Task { stage, ..fixture::task(id, "site.test", 0) };
            Claimed { task: Arc::new(known), epoch: Epoch(id) }
        };
        let tasks = (1..=10).map(of_some_stage).collect();
        script.on(Event::Claimed(Claim { tasks, next_due: None, stats: stats(10) }));
        for _ in 0..5 {
            let (worker, page) = script.fetched_so_far()[0];
            script.fetched(worker, page, Verdict::Done);
        }
        answer_for(&mut script, 10, &failing());
        told(&script, |notice| matches!(notice, Notice::Outage { .. }))
    };
    assert_eq!((outages(1), outages(2)), (1, 1));
}

#[test]
fn two_proxies_that_have_brought_one_page_each_do_not_make_an_outage() {
    let (mut script, first) = at_their_first_page(2);
    first.into_iter().for_each(|(worker, assignment)| script.fetched(worker, assignment, Verdict::Done));
    answer_for(&mut script, 5, &failing());
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 0);
    assert!(script.desk.done.dead_letters > 0);
}

/// So many proxies of which each has brought a page of one host, and the first also `brought` of another host; so many pages of that
/// one are left, of which each proxy has one.
fn known_at_one_host_of_two(proxies: u16, brought: u64, pages: u64) -> Script {
    let mut script = Script::with(proxies, proxies, 0, no_attempts);
    let claim = |script: &mut Script, pages: Vec<Claimed>| {
        let stats = stats(pages.len() as u64);
        script.on(Event::Claimed(Claim { tasks: pages, next_due: None, stats }));
    };
    claim(&mut script, (1..=proxies.into()).map(task).collect());
    script.fetched_so_far().into_iter().for_each(|(worker, page)| script.fetched(worker, page, Verdict::Done));
    claim(&mut script, (101..=100 + brought + pages).map(elsewhere).collect());
    for _ in 0..brought {
        let is_first =
            |order: &Order| matches!(order, Order::Fetch { assignment, .. } if assignment.proxy.id == ProxyId(0));
        let Some(Order::Fetch { worker, assignment, .. }) =
            script.orders.extract_if(.., |order| is_first(order)).next()
        else {
            panic!("it has nothing to do");
        };
        script.fetched(worker, assignment, Verdict::Done);
    }
    script
}

fn elsewhere(id: u64) -> Claimed {
    Claimed { task: Arc::new(fixture::task(id, "other.test", 0)), epoch: Epoch(id) }
}

#[test]
fn a_host_that_has_worked_for_one_proxy_only_is_waited_for_if_three_that_work_elsewhere_fail_there() {
    let mut script = known_at_one_host_of_two(3, 1, 8);
    answer_for(&mut script, 30, &Verdict::Doubtful(reason("tunnel.refused")));
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 1);
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Charged { .. } | Notice::Cooling { .. })), 0);
    answer_for(&mut script, 15, &Verdict::Done);
    assert_eq!((script.desk.done.pages, script.desk.done.dead_letters), (12, 0));
}

#[test]
fn a_host_that_works_for_one_of_three_that_work_elsewhere_gives_that_one_all_its_pages() {
    let mut script = known_at_one_host_of_two(3, 1, 20);
    for _ in 0..300 {
        for (worker, assignment) in script.fetched_so_far() {
            let is_let_in = assignment.proxy.id == ProxyId(0);
            let turned_away = Verdict::Doubtful(reason("tunnel.refused"));
            script.fetched(worker, assignment, if is_let_in { Verdict::Done } else { turned_away });
        }
        replace_spent(&mut script);
        script.after(Duration::from_secs(1));
    }
    assert_eq!((script.desk.done.pages, script.desk.done.dead_letters), (24, 0));
}

#[test]
fn where_a_proxy_that_is_trusted_works_others_that_work_elsewhere_do_not_shut_a_host() {
    let is_ever_shut = |brought: u64| {
        let mut script = known_at_one_host_of_two(6, brought, 30);
        let mut shut = false;
        for _ in 0..5 {
            for (worker, assignment) in script.fetched_so_far() {
                if assignment.proxy.id != ProxyId(0) {
                    script.fetched(worker, assignment, Verdict::Doubtful(reason("tunnel.refused")));
                    shut |= script.desk.guard.is_shut(&elsewhere(0).task.host);
                }
            }
        }
        shut
    };
    assert_eq!((is_ever_shut(1), is_ever_shut(6)), (true, false));
}

#[test]
fn proxies_that_never_brought_anything_neither_make_an_outage_nor_hide_one() {
    let (mut script, first) = at_their_first_page(8);
    let works = |proxy: ProxyId, of: u16| proxy.0 < u32::from(of);
    let answered = |script: &mut Script, fetches: Vec<(WorkerId, Assignment)>, working: u16| {
        for (worker, assignment) in fetches {
            let is_well = works(assignment.proxy.id, working);
            script.fetched(worker, assignment, if is_well { Verdict::Done } else { failing() });
        }
    };
    answered(&mut script, first, 3);
    for _ in 0..2 {
        script.after(Duration::from_secs(1));
        let fetches = script.fetched_so_far();
        answered(&mut script, fetches, 3);
    }
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 0, "five of eight fail");
    let dead = script.desk.done.dead_letters;
    answer_for(&mut script, 10, &failing());
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 1, "so do the three that worked");
    assert_eq!(script.desk.done.dead_letters, dead);
}

#[test]
fn a_new_proxy_that_was_found_at_fault_does_not_count_until_it_has_outweighed_that() {
    let outages = |pages_after: u32| {
        let (mut script, first) = at_their_first_page(3);
        first.into_iter().for_each(|(worker, assignment)| script.fetched(worker, assignment, Verdict::Done));
        script.desk.charge(ProxyId(0), &reason("proxy.garbage"), script.now);
        for _ in 0..pages_after {
            let fetches = script.fetched_so_far();
            fetches.into_iter().for_each(|(worker, assignment)| script.fetched(worker, assignment, Verdict::Done));
        }
        answer_for(&mut script, 10, &failing());
        told(&script, |notice| matches!(notice, Notice::Outage { .. }))
    };
    assert_eq!((outages(0), outages(1), outages(2)), (0, 0, 1));
}

#[test]
fn our_own_line_is_told_from_proxies_that_broke_once_three_have_brought_a_page() {
    let (mut script, first) = at_their_first_page(4);
    first.into_iter().for_each(|(worker, assignment)| script.fetched(worker, assignment, Verdict::Done));
    answer_for(&mut script, 30, &Verdict::ProxyBroken(reason("proxy.refused")));
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { party: Party::Line, .. })), 1);
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Charged { .. } | Notice::Cooling { .. })), 0);
    answer_for(&mut script, 15, &Verdict::Done);
    assert_eq!(script.desk.done.pages, 40);
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

#[test]
fn a_host_that_turns_away_those_at_work_one_by_one_is_asked_through_spares_before_it_is_given_up() {
    let mut script = Script::with(2, 6, 40, |_| {});
    let stalled = Verdict::Doubtful(reason("timeout.head"));
    let answer = |script: &mut Script| {
        for (worker, assignment) in script.fetched_so_far() {
            let is_used_up =
                script.desk.pool.get(assignment.proxy.id).is_some_and(|member| member.usage.requests() > 10);
            script.fetched(worker, assignment, if is_used_up { stalled.clone() } else { Verdict::Done });
        }
        replace_spent(script);
        script.after(Duration::from_secs(1));
    };
    (0..120).for_each(|_| answer(&mut script));
    assert_eq!(script.desk.done.pages, 40);
}

#[test]
fn a_probe_goes_through_a_proxy_whose_own_fault_its_failure_would_hardly_be_or_waits_for_one() {
    const DELAY: Duration = Duration::from_secs(10);
    let mut script = Script::with(4, 4, 4, |limits| {
        no_attempts(limits);
        limits.pace = crate::pace::fixture::settings(DELAY, 0.0);
    });
    let faulty = ProxyId(3);
    let answer = |script: &mut Script, fetch, verdict| {
        let sent = vec![(HostKey("site.test:80".into()), script.now)];
        script.ended(fetch, verdict, Meters { requests: 1, sent, ..Meters::default() });
    };
    let claim = |script: &mut Script, pages: std::ops::Range<u64>| {
        let stats = stats(pages.end - pages.start);
        script.on(Event::Claimed(Claim { tasks: pages.map(task).collect(), next_due: None, stats }));
    };
    for fetch in script.fetched_so_far() {
        answer(&mut script, fetch, Verdict::Done);
    }
    (0..2).for_each(|_| script.desk.charge(faulty, &reason("proxy.garbage"), script.now));
    script.after(DELAY);
    claim(&mut script, 101..111);
    let mut its_own = None;
    for _ in 0..3 {
        for fetch in script.fetched_so_far() {
            if fetch.1.proxy.id == faulty {
                its_own = Some(fetch);
            } else {
                answer(&mut script, fetch, Verdict::Done);
            }
        }
        script.after(DELAY);
    }
    claim(&mut script, 201..204);
    let poison = script.fetched_so_far();
    assert_eq!(poison.len(), 3, "those that are reliable by now");
    answer(&mut script, its_own.unwrap(), Verdict::Done);
    script.after(DELAY);
    for fetch in poison {
        answer(&mut script, fetch, failing());
    }
    script.after(Duration::from_secs(1));
    assert!(script.fetched_so_far().is_empty(), "it has nothing to do, but is no help");
    script.after(DELAY);
    let probe = script.fetched_so_far()[0];
    assert_ne!(probe.1.proxy.id, faulty);
    answer(&mut script, probe, Verdict::Done);
    assert_eq!(told(&script, |notice| matches!(notice, Notice::Outage { .. })), 0);
    assert_eq!(script.desk.done.dead_letters, 3, "the pages are at fault");
}

#[test]
fn a_host_that_was_back_a_moment_ago_is_down_again_only_after_one_more_failed_probe() {
    let mut script = worked_then(no_attempts);
    let outages = |script: &Script| told(script, |notice| matches!(notice, Notice::Outage { .. }));
    let probes_until_down = |script: &mut Script| {
        let (before, mut probes) = (outages(script), 0);
        for _ in 0..20 {
            for (worker, assignment) in script.fetched_so_far() {
                probes += u32::from(assignment.epoch == Epoch::default());
                script.fetched(worker, assignment, failing());
            }
            if outages(script) > before {
                return probes;
            }
            script.after(Duration::from_secs(1));
        }
        panic!("never down");
    };
    let back = |script: &mut Script| {
        script.after(Duration::from_secs(1));
        let (worker, probe) = script.fetched_so_far()[0];
        script.fetched(worker, probe, Verdict::Done);
    };
    let first = probes_until_down(&mut script);
    back(&mut script);
    let second = probes_until_down(&mut script);
    back(&mut script);
    let third = probes_until_down(&mut script);
    assert!(first <= second && second < third, "{first}, {second}, {third}");
    assert_eq!(script.desk.done.dead_letters, 0);
}
