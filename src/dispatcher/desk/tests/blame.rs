//! Who is to blame: what follows for pages and proxies from what comes through others.

use super::*;
use crate::dispatcher::desk::ending::Phase;
use crate::dispatcher::notice::{Ending, Then};
use crate::frontier::Kept;
use crate::pace::Permit;
use crate::proxy::pool::State;
use crate::task::Task;

fn site() -> HostKey {
    HostKey("site.test:80".into())
}

pub(super) fn stalled() -> Verdict {
    Verdict::Doubtful(reason("timeout.head"))
}

fn lacking() -> Verdict {
    Verdict::Doubtful(Reason::new("field.missing", "stage detail: without a match: title (\"h9\")"))
}

fn state(script: &Script, proxy: u32) -> State {
    script.desk.pool.get(ProxyId(proxy)).expect("a proxy").state()
}

fn score(script: &Script, proxy: u32) -> f64 {
    script.desk.pool.get(ProxyId(proxy)).expect("a proxy").health.score()
}

fn ending(script: &mut Script) -> Option<Ending> {
    let endings = script.took(|order| match order {
        Order::Note(Notice::Stopping { ending, .. }) => Some(ending.clone()),
        _ => None,
    });
    endings.into_iter().next()
}

#[test]
fn a_proxy_that_failed_proves_itself_by_a_control_before_it_gets_another_suspect() {
    let mut script = warmed_up(3, 20, 3);
    let [(worker, suspect), (another, page), (third, last)] = script.fetches()[..] else { panic!("three pages") };
    script.fetched(worker, suspect, stalled());
    script.fetched(another, page, Verdict::Done);
    let fetches = script.fetches();
    let other = fetches.iter().find(|(_, next)| next.task == suspect.task).expect("a second opinion");
    assert_ne!(other.1.proxy, suspect.proxy);
    let control = fetches.iter().find(|(_, next)| next.proxy == suspect.proxy).expect("a control");
    assert!(control.1.task.0 <= 60, "a page that was done");
    script.fetched(control.0, control.1, stalled());
    assert!(score(&script, suspect.proxy.id.0) < 1e-9, "the site may be down");
    script.fetched(third, last, Verdict::Done);
    assert!((score(&script, suspect.proxy.id.0) - 1.0).abs() < 1e-9, "a failed control is its own fault");
    let next = script.fetches();
    assert!(next.iter().all(|(_, next)| next.task.0 <= 60), "still no suspect for it: {next:?}");
}

#[test]
fn a_control_commits_nothing() {
    let mut script = warmed_up(3, 20, 1);
    let (worker, suspect) = script.fetches()[0];
    script.fetched(worker, suspect, stalled());
    let fetches = script.fetches();
    let (worker, control) = *fetches.iter().find(|(_, next)| next.proxy == suspect.proxy).expect("a control");
    script.fetched(worker, control, Verdict::Done);
    assert!(script.fates().is_empty());
    assert_eq!(script.desk.done.pages, 60);
}

#[test]
fn a_control_that_is_out_does_not_hold_up_the_end() {
    let mut script = warmed_up(3, 20, 3);
    let [(worker, suspect), (another, page), (third, last)] = script.fetches()[..] else { panic!("three pages") };
    script.fetched(worker, suspect, stalled());
    script.fetched(another, page, Verdict::Done);
    let fetches = script.fetches();
    assert!(fetches.iter().any(|(_, next)| next.proxy == suspect.proxy && next.task.0 <= 60), "a control: {fetches:?}");
    let (other, opinion) = *fetches.iter().find(|(_, next)| next.task == suspect.task).expect("a second opinion");
    script.fetched(other, opinion, Verdict::Done);
    script.fetched(third, last, Verdict::Done);
    assert_eq!(script.fates().len(), 3);
    script.on(Event::Claimed(Claim { tasks: Vec::new(), next_due: None, stats: stats(0) }));
    assert!(matches!(script.desk.phase, Phase::Closing { .. }), "{:?}", script.desk.phase);
}

/// A page that has used its first attempt is claimed again.
fn condemned_once(verdict: &Verdict) -> Script {
    let mut script = warmed_up(5, 20, 1);
    answer_all(&mut script, verdict);
    assert!(matches!(script.fates()[..], [Fate::Retry { attempts: 1, .. }]));
    let mut again = fixture::task(1001, "site.test", 0);
    (again.attempts, again.requests) = (1, 4);
    script.orders.clear();
    let claimed = vec![Claimed { task: Arc::new(again), epoch: Epoch(2001) }];
    script.on(Event::Claimed(Claim { tasks: claimed, next_due: None, stats: stats(1) }));
    script
}

#[test]
fn a_further_attempt_of_a_condemned_page_costs_one_request() {
    let mut script = condemned_once(&stalled());
    // While nothing else shows that the site is not down, a control does.
    assert_eq!(answer_all(&mut script, &stalled()), (1, 1));
    assert!(matches!(script.fates()[..], [Fate::Retry { attempts: 2, .. }]));
}

#[test]
fn a_page_that_is_known_to_be_forbidden_pauses_nobody_at_a_further_attempt() {
    let forbidden = Verdict::Banned(reason("status.403"));
    let mut script = condemned_once(&forbidden);
    assert_eq!(answer_all(&mut script, &forbidden), (1, 0));
    for (_, member) in script.desk.pool.iter() {
        assert!(!matches!(script.desk.pace.permit(member.address, &site(), script.now), Permit::Paused(_)));
    }
}

/// Five proxies have brought twenty pages each.
fn at_work() -> Script {
    let mut script = warmed_up(5, 20, 1);
    answer_all(&mut script, &Verdict::Done);
    script.fates();
    script
}

/// A forbidden page, and so many fresh ones beside it: how often pages that were done are fetched again meanwhile.
fn controls_for(script: &mut Script, forbidden: u64, fresh: u64) -> usize {
    let beside = 10 * forbidden;
    let claimed = [forbidden].into_iter().chain(beside..beside + fresh).map(task).collect();
    script.orders.clear();
    script.on(Event::Claimed(Claim { tasks: claimed, next_due: None, stats: stats(1 + fresh) }));
    let mut controls = 0;
    loop {
        let fetches = script.fetched_so_far();
        if fetches.is_empty() {
            return controls;
        }
        for (worker, assignment) in fetches {
            let is_forbidden = assignment.task.0 == forbidden;
            controls += usize::from(assignment.epoch == Epoch::default());
            let verdict = if is_forbidden { Verdict::Banned(reason("status.403")) } else { Verdict::Done };
            script.fetched(worker, assignment, verdict);
        }
    }
}

fn condemned(script: &mut Script) -> bool {
    script.fates().iter().any(|fate| matches!(fate, Fate::Retry { attempts: 1, .. }))
}

#[test]
fn where_pages_are_forbidden_to_everybody_proxies_prove_by_fresh_ones_that_they_are_not_banned() {
    let mut script = at_work();
    assert!(controls_for(&mut script, 1001, 60) > 0, "it may be a ban");
    assert!(condemned(&mut script));
    assert_eq!(controls_for(&mut script, 1002, 60), 0, "it was none the last time");
    assert!(condemned(&mut script));
}

#[test]
fn where_bans_are_meant_a_banned_proxy_costs_no_second_page() {
    let mut script = at_work();
    assert!(controls_for(&mut script, 1001, 60) > 0);
    for page in 2001..=2009 {
        script.on(Event::Claimed(Claim { tasks: vec![task(page)], next_due: None, stats: stats(1) }));
        let (worker, assignment) = script.fetches()[0];
        script.fetched(worker, assignment, Verdict::Banned(reason("status.403")));
        for (worker, assignment) in script.fetches() {
            script.fetched(worker, assignment, Verdict::Done);
        }
    }
    assert!(controls_for(&mut script, 1003, 60) > 0, "most were bans");
}

#[test]
fn a_single_proxy_repeats_with_growing_waits_and_proves_itself_in_between_before_a_page_is_condemned() {
    let mut script = warmed_up(1, 60, 1);
    let mut failed_at = Vec::new();
    for _ in 0..1000 {
        if answer_all(&mut script, &stalled()).0 > 0 {
            failed_at.push(script.now);
        }
        script.after(Duration::from_millis(100));
    }
    assert!(!script.desk.held.contains_key(&TaskId(1001)), "it is condemned");
    assert!((3..=4).contains(&failed_at.len()), "{failed_at:?}");
    let waits: Vec<Duration> = failed_at.windows(2).map(|pair| pair[1].since(pair[0])).collect();
    assert!(waits.is_sorted() && waits[0] >= Duration::from_secs(1), "{waits:?}");
    assert!(script.desk.pool.iter().all(|(_, member)| member.health.score() < 0.01));
}

#[test]
fn a_404_over_plain_http_is_believed_at_once_by_a_trusted_proxy() {
    let mut script = warmed_up(2, 10, 1);
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Gone(Certainty::Doubtful, reason("status.404")));
    let fates = script.fates();
    assert!(matches!(fates[..], [Fate::Gone(_)]), "{fates:?}");
}

#[test]
fn a_407_that_came_as_an_answer_retires_a_proxy_only_before_it_has_worked() {
    let denied = || Verdict::ProxyDenied(reason("status.407"));
    let mut script = Script::new(1, 2, 1);
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, denied());
    assert!(matches!(state(&script, 0), State::Closing(_, crate::proxy::pool::After::Retire)));
    let mut script = warmed_up(5, 20, 1);
    answer_all(&mut script, &denied());
    assert!(script.desk.pool.iter().all(|(_, member)| member.usable()), "one page must not cost the pool");
    assert!(matches!(script.fates()[..], [Fate::Retry { attempts: 1, .. }]));
}

#[test]
fn a_ban_after_a_redirect_belongs_to_the_host_that_said_so() {
    let mut script = Script::new(1, 1, 1);
    let (worker, assignment) = script.fetches()[0];
    let other = HostKey("other.test:80".into());
    let sent = vec![(site(), script.now), (other.clone(), script.now)];
    let meters = Meters { requests: 2, sent, ..Meters::default() };
    let (links, records, missing, next) = (Vec::new(), Vec::new(), Vec::new(), Next::Ready);
    let verdict = Verdict::Banned(reason("status.403"));
    script.on(Event::Fetched(Box::new(Outcome {
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
    let address = script.desk.pool.get(ProxyId(0)).expect("a proxy").address;
    assert!(matches!(script.desk.pace.permit(address, &other, script.now), Permit::Paused(_)));
    assert!(!matches!(script.desk.pace.permit(address, &site(), script.now), Permit::Paused(_)));
}

#[test]
fn what_no_page_of_a_stage_ever_had_is_the_recipes_fault_and_nobody_pays() {
    let mut script = Script::new(3, 3, 9);
    answer_all(&mut script, &Verdict::Done);
    let mut script = Script::new(3, 3, 0);
    script.on(Event::Claimed(Claim { tasks: (1001..=1009).map(task).collect(), next_due: None, stats: stats(9) }));
    answer_all(&mut script, &lacking());
    let Some(Ending::Guarded { reason }) = ending(&mut script) else { panic!("it goes on") };
    assert!(reason.detail.contains("title (\"h9\")"), "{reason}");
    assert!(script.desk.pool.iter().all(|(_, member)| member.usable() && member.health.score() < 0.01));
    assert!(script.desk.docket.debtors().next().is_none(), "nobody owes anything either");
}

#[test]
fn a_page_that_lacks_what_its_stage_always_had_is_no_fault_of_the_recipe() {
    let mut script = warmed_up(5, 20, 8);
    answer_all(&mut script, &lacking());
    assert!(script.desk.phase.is_running());
    assert!(script.fates().iter().all(|fate| matches!(fate, Fate::Retry { attempts: 1, .. })));
}

#[test]
fn proxies_that_never_worked_are_to_blame_even_where_there_are_few_pages() {
    let mut script = Script::new(2, 2, 1);
    for _ in 0..200 {
        for (worker, assignment) in script.fetched_so_far() {
            script.fetched(worker, assignment, Verdict::Doubtful(reason("tls.untrusted")));
        }
        let spent: Vec<_> = script
            .orders
            .iter()
            .filter_map(|order| match order {
                Order::Spent { worker, proxy } => Some((*worker, *proxy)),
                _ => None,
            })
            .collect();
        script.orders.retain(|order| !matches!(order, Order::Spent { .. }));
        for (worker, proxy) in spent {
            script.on(Event::Replace { worker, proxy, why: Why::Spent });
        }
        script.now = script.now + Duration::from_millis(500);
        script.on(Event::Timer);
        if script.orders.iter().any(|order| matches!(order, Order::Note(Notice::Stopping { .. }))) {
            break;
        }
    }
    assert_eq!(ending(&mut script), Some(Ending::NoProxy { commonest: Some(reason("tls.untrusted")) }));
    assert_eq!(script.desk.done.dead_letters, 0, "the page is not given up on");
}

/// Commits what there is; what has been kept so far, the last of each key.
pub(super) fn kept(script: &mut Script) -> Vec<Kept> {
    let mut all = std::collections::BTreeMap::new();
    for _ in 0..3 {
        script.after(Duration::from_secs(1));
        let commits: Vec<_> = std::mem::take(&mut script.orders)
            .into_iter()
            .filter_map(|order| match order {
                Order::Commit { batch, kept, .. } => Some((batch.len(), kept)),
                other => {
                    script.orders.push(other);
                    None
                }
            })
            .collect();
        for (pages, kept) in commits {
            all.extend(kept.iter().map(|kept| ((Arc::clone(&kept.kind), Arc::clone(&kept.key)), kept.clone())));
            let stats = Stats { delayed: 1, ..stats(0) };
            script.on(Event::Committed(Committed { new_links: vec![Some(0); pages], stats, ..Committed::default() }));
        }
    }
    all.into_values().filter(|kept| kept.value.is_some()).collect()
}

/// Another process with the same proxies.
pub(super) fn restarted(proxies: u16, kept: &[Kept], now: Timestamp) -> Script {
    let routes: Vec<Route> = (1..=proxies).map(route).collect();
    Script { desk: Desk::new(limits(proxies.into()), &routes, kept, now), now, orders: Vec::new() }
}

#[test]
fn a_restart_forgets_neither_evidence_nor_testimony_nor_who_is_reliable() {
    let mut script = Script::new(3, 3, 60);
    answer_all(&mut script, &Verdict::Done);
    let mut everything = kept(&mut script);
    script.on(Event::Claimed(Claim { tasks: vec![task(1001), task(1002)], next_due: None, stats: stats(2) }));
    let [(worker, suspect), (another, page)] = script.fetched_so_far()[..] else { panic!("two pages") };
    script.fetched(worker, suspect, stalled());
    script.fetched(another, page, Verdict::Done);
    everything.extend(kept(&mut script));
    let kept = everything;

    let mut script = restarted(3, &kept, script.now);
    assert!(script.desk.trials.get(TaskId(1001)).is_some_and(|trial| trial.heard(suspect.proxy.id)));
    assert_eq!(script.desk.docket.debtors().collect::<Vec<_>>(), [suspect.proxy.id]);
    let venue = super::super::bench::Venue { host: site(), stage: StageId(0) };
    assert!((0..3).map(ProxyId).all(|proxy| script.desk.docket.reliability(proxy, &venue).is_trusted()));
    for slot in 0..3 {
        script.on(Event::Ready(WorkerId { slot, incarnation: 0 }));
    }
    script.orders.clear();
    script.on(Event::Claimed(Claim { tasks: vec![task(1001)], next_due: None, stats: stats(1) }));
    let fetches = script.fetches();
    assert!(!fetches.is_empty() && fetches.iter().all(|(_, next)| next.proxy.id != suspect.proxy.id), "{fetches:?}");
    // It was at fault: that is still known.
    script.fetched(fetches[0].0, fetches[0].1, Verdict::Done);
    assert!((score(&script, suspect.proxy.id.0) - 1.0).abs() < 1e-9);
}

#[test]
fn rests_go_on_after_a_restart_but_no_longer_than_a_rest_can_be_and_retirement_ends() {
    let mut script = Script::new(3, 3, 60);
    answer_all(&mut script, &Verdict::Done);
    script.desk.limits.health.cooldown = Duration::from_secs(3600);
    for _ in 0..3 {
        script.desk.charge(ProxyId(0), &reason("proxy.refused"), script.now);
    }
    script.desk.retire(ProxyId(1), reason("proxy.auth"));
    let (kept, now) = (kept(&mut script), script.now);
    assert!(matches!(state(&restarted(3, &kept, now), 0), State::Cooling(until) if until > now));
    assert_eq!(state(&restarted(3, &kept, now), 1), State::Spare);
    // The clock was set back by a day.
    let earlier = Timestamp::from_micros(now.as_micros() - 900_000_000);
    let longest = earlier + script.desk.limits.health.cooldown_max;
    assert_eq!(state(&restarted(3, &kept, earlier), 0), State::Cooling(longest));
    let later = now + Duration::from_secs(86_400);
    assert_eq!(state(&restarted(3, &kept, later), 0), State::Spare, "its rest is over");
    assert!((score(&restarted(3, &kept, later), 0) - 2.0).abs() < 0.01, "and its score is remembered");
}

#[test]
fn a_pool_that_never_worked_begins_anew_after_a_restart() {
    let mut script = Script::new(2, 2, 1);
    for _ in 0..3 {
        script.desk.charge(ProxyId(0), &reason("proxy.refused"), script.now);
    }
    let (kept, now) = (kept(&mut script), script.now);
    assert!(!kept.is_empty());
    assert_eq!(state(&restarted(2, &kept, now), 0), State::Spare);
}

#[test]
fn in_the_long_run_a_healthy_pool_has_nothing_new_to_write() {
    let mut script = Script::new(3, 3, 600);
    answer_all(&mut script, &Verdict::Done);
    kept(&mut script);
    script.on(Event::Claimed(Claim { tasks: (2001..=2090).map(task).collect(), next_due: None, stats: stats(90) }));
    for _ in 0..100 {
        for (worker, assignment) in script.fetched_so_far() {
            script.fetched(worker, assignment, Verdict::Done);
        }
    }
    let kept = kept(&mut script);
    assert!(kept.len() <= 1, "at most how many pages the venue has: {kept:?}");
}

#[test]
fn what_is_kept_shows_no_user_and_no_password() {
    let endpoint = crate::proxy::line::parse("http://some-user:hush@gw.test:7777", crate::proxy::Scheme::Http);
    let routes = [Route::Proxy(endpoint.expect("a proxy")), route(2)];
    let desk = Desk::new(limits(1), &routes, &[], Timestamp::default());
    let mut script = Script { desk, now: Timestamp::from_micros(1_000_000_000), orders: Vec::new() };
    script.on(Event::Ready(FIRST));
    script.on(Event::Claimed(Claim { tasks: vec![task(1)], next_due: None, stats: stats(1) }));
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, stalled());
    let kept = kept(&mut script);
    assert!(kept.iter().any(|kept| &*kept.kind == "page.trial"));
    for kept in kept {
        let text = format!("{} {}", kept.key, String::from_utf8_lossy(kept.value.as_deref().unwrap_or_default()));
        assert!(!text.contains("some-user") && !text.contains("hush"), "{text}");
    }
}

#[test]
fn a_page_that_comes_back_is_given_at_once_however_many_are_looked_at_before_it() {
    let mut script = Script::with(1, 1, 0, |limits| limits.proxies.rotating = true);
    script.on(Event::Claimed(Claim { tasks: vec![task(1001)], next_due: None, stats: stats(1) }));
    for _ in 0..3 {
        let (worker, page) = script.fetches().pop().expect("at once");
        // More than are looked at before workers look for something to do.
        script.desk.doubts.extend((1..=50).map(TaskId));
        script.fetched(worker, page, stalled());
    }
    assert_eq!(script.fetches().len(), 1, "nothing else would ever wake its worker");
}

#[test]
fn a_proxy_does_not_rest_for_a_silence_that_its_last_word_has_ended() {
    let mut script = Script::with(1, 1, 1, |limits| limits.health.max_silent = 2);
    for _ in 0..2 {
        let (worker, page) = script.fetches().pop().expect("once its time has come");
        script.fetched(worker, page, Verdict::Gone(Certainty::Doubtful, reason("status.404")));
        script.after(Duration::from_secs(2));
    }
    assert!(matches!(state(&script, 0), State::Bound(_)), "it has said twice, alone, what the page is");
    let ends = script.took(|order| match order {
        Order::Note(Notice::Page(page)) => Some(page.then.clone()),
        _ => None,
    });
    assert_eq!(ends, [Then::Gone]);
}

#[test]
fn many_pages_that_nobody_may_try_yet_are_looked_at_once_and_not_over_and_over() {
    let mut script = Script::with(1, 1, 300, |limits| limits.health.max_silent = u32::MAX);
    while let Some((worker, page)) = script.fetched_so_far().pop() {
        script.fetched(worker, page, stalled());
    }
    let wake = |order: &Order| match order {
        Order::WakeAt(at) => Some(*at),
        _ => None,
    };
    let mut next = script.took(wake).pop().expect("a time to go on");
    let failed = script.now;
    for _ in 0..10 {
        if next >= failed + Duration::from_secs(1) {
            return;
        }
        script.now = next;
        script.on(Event::Timer);
        next = script.took(wake).pop().expect("a time to go on");
    }
    panic!("still busy with them at {next:?}, after {failed:?}, although no backoff is over");
}

#[test]
fn a_proxy_that_fails_control_after_control_tries_the_page_again_some_time() {
    let mut script = Script::with(1, 1, 0, |limits| {
        (limits.health.max_errors, limits.health.max_silent) = (1000, 1000);
    });
    let claim = |pages: &[(u64, u16)]| {
        let page = |&(id, stage): &(u64, u16)| {
            let task = Task { stage: StageId(stage), ..fixture::task(id, "site.test", 0) };
            Claimed { task: Arc::new(task), epoch: Epoch(id) }
        };
        let tasks: Vec<_> = pages.iter().map(page).collect();
        let stats = stats(tasks.len() as u64);
        Event::Claimed(Claim { tasks, next_due: None, stats })
    };
    script.on(claim(&[(1, 0), (2, 0), (3, 0), (4, 0), (5, 1), (6, 1), (7, 1), (8, 1), (9, 2), (10, 2)]));
    answer_all(&mut script, &Verdict::Done);
    script.on(claim(&[(1001, 1), (1002, 2)]));
    let mut tries = [0, 0];
    for _ in 0..300 {
        for (worker, next) in script.fetches() {
            for (page, tries) in (1001..).zip(&mut tries) {
                *tries += u32::from(next.task == TaskId(page));
            }
            // Two stages come through, so that neither the site is down nor the proxy worn out; the one between does not.
            let verdict = if matches!(next.task.0, 5..=8 | 1001..) { stalled() } else { Verdict::Done };
            script.fetched(worker, next, verdict);
        }
        script.after(Duration::from_secs(1));
    }
    assert!(tries.into_iter().all(|tries| tries > 1), "nothing else would ever end it: {tries:?}");
}

#[test]
fn a_page_does_not_wait_for_ever_for_a_proxy_that_is_told_to_wait_with_each_control() {
    let mut script = warmed_up(1, 20, 1);
    let (worker, suspect) = script.fetches()[0];
    script.fetched(worker, suspect, stalled());
    let mut tries = 0;
    for _ in 0..600 {
        for (worker, next) in script.fetches() {
            let is_it = next.task == suspect.task;
            tries += u32::from(is_it);
            let wait = Verdict::Throttled { retry_after: Some(Duration::from_secs(1)), reason: reason("status.429") };
            script.fetched(worker, next, if is_it { stalled() } else { wait });
        }
        script.after(Duration::from_secs(1));
    }
    assert!(tries > 0, "nothing else would ever end it");
}
