use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::dispatcher::desk::Free;
use crate::dispatcher::notice::{Ending, PauseCause, Then};
use crate::proxy::ProxyId;
use crate::record::Provenance;
use crate::task::{HostKey, StageId, TaskId};
use crate::telemetry::fixtures::{at, names, page, proxy, run, task, worker};
use crate::verdict::{Certainty, Reason, Verdict};

fn reason(code: &str) -> Reason {
    Reason::new(code, "a sentence")
}

fn record(title: Value, price: Value) -> Record {
    let provenance = Provenance {
        url: "http://shop.example/1".into(),
        fetched_at: at(0),
        proxy: "direct".into(),
        status: 200,
        attempts: 1,
        referrer: None,
        start_url: "http://shop.example/".into(),
    };
    Record { task: TaskId(1), index: 0, stage: StageId(1), provenance: provenance.into(), values: vec![title, price] }
}

fn beat(tally: &mut Tally, now: u64) -> Heartbeat {
    tally.heartbeat(at(now))
}

fn stats(done: u64, ready: u64) -> Notice {
    Notice::Progress(Stats { found: done + ready, done, ready, unread: Some(0), ..Stats::default() })
}

#[test]
fn a_heartbeat_tells_the_rate_since_the_last_one_and_when_it_will_be_over() {
    let mut tally = Tally::new(names(1), at(0));
    tally.take(&stats(100, 500), at(30));
    assert_eq!(beat(&mut tally, 60).rate, 100.0);
    tally.take(&stats(150, 450), at(90));
    let second = beat(&mut tally, 90);
    assert_eq!((second.rate, second.eta), (100.0, Some(Duration::from_secs(270))));
    let third = beat(&mut tally, 120);
    assert_eq!((third.rate, third.eta), (0.0, None), "nothing has ended: nobody knows");
}

#[test]
fn while_start_urls_are_not_counted_no_end_is_foretold() {
    let mut tally = Tally::new(names(1), at(0));
    tally.take(&Notice::Progress(Stats { found: 10, done: 10, unread: None, ..Stats::default() }), at(1));
    assert_eq!(beat(&mut tally, 60).eta, None);
    tally.take(&Notice::Progress(Stats { found: 20, done: 20, unread: Some(10), ..Stats::default() }), at(61));
    assert_eq!(beat(&mut tally, 120).eta, Some(Duration::from_secs(60)));
}

#[test]
fn proxies_and_workers_are_counted_where_they_are() {
    let mut tally = Tally::new(names(6), at(0));
    for n in 0..3u16 {
        tally.take(&Notice::Bound { worker: worker(n), proxy: proxy(n.into(), 1) }, at(0));
    }
    // One is replaced before its old lease has drained, one is parked, one proxy rests unused, one is out.
    tally.take(&Notice::Replaced { worker: worker(0), proxy: ProxyId(0), reason: reason("x") }, at(1));
    tally.take(&Notice::Bound { worker: worker(0), proxy: proxy(3, 1) }, at(1));
    tally.take(&Notice::Released { worker: worker(0), proxy: proxy(0, 1) }, at(2));
    tally.take(&Notice::Released { worker: worker(1), proxy: proxy(1, 1) }, at(2));
    tally.take(&Notice::Parked { worker: worker(1) }, at(2));
    tally.take(&Notice::Cooling { proxy: ProxyId(0), until: at(30), reason: reason("x") }, at(2));
    tally.take(&Notice::Retired { proxy: ProxyId(4), reason: reason("x") }, at(2));
    let host = HostKey("shop.example:80".into());
    for (cause, until) in [(PauseCause::Ban, at(50)), (PauseCause::Throttle, at(500))] {
        let host = host.clone();
        tally.take(&Notice::HostPaused { proxy: ProxyId(5), host, until, cause, reason: reason("x") }, at(2));
    }
    let now = beat(&mut tally, 10);
    assert_eq!((now.bound, now.parked), (2, 1));
    assert_eq!(now.proxies, ProxyCounts { bound: 2, spare: 2, cooling: 1, retired: 1, banned: 1 });
    tally.take(&Notice::Rested { proxy: ProxyId(0) }, at(30));
    let later = beat(&mut tally, 60);
    assert_eq!(later.proxies, ProxyCounts { bound: 2, spare: 3, cooling: 0, retired: 1, banned: 0 });
}

#[test]
fn bound_time_is_summed_over_leases_and_busy_share_is_fetching_in_it() {
    let mut tally = Tally::new(names(1), at(0));
    for (epoch, begin) in [(1, 0), (2, 100)] {
        tally.take(&Notice::Bound { worker: worker(0), proxy: proxy(0, epoch) }, at(begin));
        tally.take(&Notice::Page(Box::new(page(epoch, 0, Verdict::Done, Then::Done))), at(begin + 1));
        tally.take(&Notice::Released { worker: worker(0), proxy: proxy(0, epoch) }, at(begin + 4));
    }
    let report = tally.report(&run(), &Ending::Interrupted(crate::protocol::Signal::Interrupt), at(1000));
    assert_eq!((report.proxies[0].bound_s, report.proxies[0].busy_share), (8.0, 0.25));
}

#[test]
fn the_limit_is_what_stands_in_the_way() {
    let limit = |busy: u64, ready: u64, proxies: u32, more: &[Notice]| {
        let mut tally = Tally::new(names(proxies), at(0));
        tally.take(&Notice::Bound { worker: worker(0), proxy: proxy(0, 1) }, at(0));
        for id in 0..busy {
            tally.take(&Notice::Page(Box::new(page(id, 0, Verdict::Done, Then::Done))), at(1));
        }
        tally.take(&stats(busy, ready), at(1));
        for notice in more {
            tally.take(notice, at(1));
        }
        tally.heartbeat(at(10)).limited_by
    };
    assert_eq!(limit(9, 50, 2, &[]), Some(Limit::Workers));
    assert_eq!(limit(9, 50, 1, &[]), Some(Limit::Proxies));
    assert_eq!(limit(2, 50, 2, &[]), Some(Limit::Pace));
    assert_eq!(limit(2, 0, 2, &[]), Some(Limit::Pages));
    assert_eq!(limit(9, 50, 2, &[Notice::Parked { worker: worker(1) }]), Some(Limit::Proxies));
    assert_eq!(limit(9, 50, 2, &[Notice::FeedsBehind { lag: 1 }]), Some(Limit::Feeds));
    let free = || Free { bytes: 1, place: Path::new("/").into() };
    let short = Notice::DiskShort { free: free(), least: 2 };
    assert_eq!(limit(9, 50, 2, &[Notice::FeedsBehind { lag: 1 }, short.clone()]), Some(Limit::Disk));
    assert_eq!(limit(9, 50, 2, &[short, Notice::DiskFree { free: Some(free()) }]), Some(Limit::Disk));
    assert_eq!(Tally::new(names(1), at(0)).heartbeat(at(10)).limited_by, None, "nothing was bound");
}

#[test]
fn a_field_is_filled_where_it_has_something_in_it() {
    let mut tally = Tally::new(names(1), at(0));
    let records = [
        record(json!("a"), json!(null)),
        record(json!(""), json!([])),
        record(json!("b"), json!(0)),
        record(json!("c"), json!(false)),
    ];
    tally.records(&records);
    let report = tally.report(&run(), &Ending::Complete, at(1));
    assert_eq!(json!(report.fill), json!({ "detail": { "title": 0.75, "price": 0.5 } }));
}

#[test]
fn restarts_deaths_and_closed_slots_are_counted() {
    let mut tally = Tally::new(names(1), at(0));
    let mut once_more = worker(2);
    for incarnation in 0..3 {
        once_more.incarnation = incarnation;
        tally.take(&Notice::Parked { worker: once_more }, at(1));
        tally.take(&Notice::WorkerGone { worker: once_more }, at(2));
    }
    tally.take(&Notice::SlotClosed { slot: 2 }, at(3));
    tally.take(&Notice::Parked { worker: worker(0) }, at(3));
    let counts = tally.report(&run(), &Ending::Complete, at(4)).workers;
    assert_eq!(counts, WorkerCounts { slots: 2, deaths: 3, restarts: 2, closed: 1 });
}

#[test]
fn a_crawl_of_the_whole_web_does_not_fill_the_memory() {
    let mut tally = Tally::new(names(1), at(0));
    for id in 0..2_500 {
        let mut notice =
            page(id, 0, Verdict::Doubtful(reason(&format!("code.{id}"))), Then::Dead(reason(&format!("code.{id}"))));
        notice.task = task(id, 1, &format!("http://host{id}.example/"));
        tally.take(&Notice::Page(Box::new(notice)), at(1));
    }
    let report = tally.report(&run(), &Ending::Interrupted(crate::protocol::Signal::Terminate), at(2));
    assert_eq!(report.hosts.len(), 1_001);
    assert_eq!(report.hosts["other"].fetches, 1_500);
    assert_eq!(report.dead_letters.len(), 101);
    assert_eq!(report.proxies[0].failures.len(), 21);
    assert!(report.fetches.total == 2_500 && report.discrepancies.iter().all(|text| !text.contains("fetches")));
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    let code = prop::sample::select(vec!["proxy.refused", "status.503", "field.missing", "timeout.head"]);
    let sure = prop::sample::select(vec![Certainty::Sure, Certainty::Doubtful]);
    (0..8, code, sure).prop_map(|(kind, code, sure)| match kind {
        0 => Verdict::ProxyBroken(reason(code)),
        1 => Verdict::Throttled { retry_after: None, reason: reason(code) },
        2 => Verdict::Banned(reason(code)),
        3 => Verdict::Doubtful(reason(code)),
        4 => Verdict::Gone(sure, reason(code)),
        5 => Verdict::Failing(sure, reason(code)),
        6 => Verdict::Unusable(reason(code)),
        _ => Verdict::Panicked(reason(code)),
    })
}

/// One fetch: of which task, through which proxy, what came of it, how many hops and redials, and whether it got out at all.
type Fetch = (u64, u32, Verdict, bool, u32, u32, bool);

fn any_fetch() -> impl Strategy<Value = Fetch> {
    (0..40u64, 0..5u32, any_verdict(), any::<bool>(), 0..3u32, 0..2u32, any::<bool>())
}

/// Plays fetches as a Desk would tell them: tasks end once, failures leave them open; commits follow in batches.
fn play(fetches: Vec<Fetch>) -> (Tally, Stats, u64) {
    let mut tally = Tally::new(names(5), at(0));
    let (mut ended, mut stats, mut sent) =
        (BTreeSet::new(), Stats { found: 40, ready: 40, unread: Some(0), ..Stats::default() }, 0);
    for (at_second, (id, through, verdict, ends, hops, redials, got_out)) in (1..).zip(fetches) {
        let (verdict, then) = match (ended.contains(&id), ends, verdict) {
            (true, _, verdict) => (verdict, Then::Stale),
            (false, true, Verdict::Gone(sure, reason)) => (Verdict::Gone(sure, reason), Then::Gone),
            (false, true, Verdict::Panicked(why)) => (Verdict::Panicked(why.clone()), Then::Dead(why)),
            (false, true, _) => (Verdict::Done, Then::Done),
            (false, false, verdict) => (verdict, Then::Again),
        };
        match &then {
            Then::Done => stats.done += 1,
            Then::Gone => stats.gone += 1,
            Then::Dead(_) => stats.dead += 1,
            _ => {}
        }
        if ends {
            ended.insert(id);
        }
        let mut notice = page(id, through, verdict, then);
        (notice.meters.hops, notice.meters.redials) = (hops, redials);
        notice.meters.requests = if got_out { 1 + hops + redials } else { hops + redials };
        sent += u64::from(notice.meters.requests);
        tally.take(&Notice::Page(Box::new(notice)), at(at_second));
        stats.ready = 40 - (stats.done + stats.gone + stats.dead);
        tally.take(&Notice::Progress(stats), at(at_second));
    }
    (tally, stats, sent)
}

proptest! {
    #[test]
    fn the_report_adds_up_whatever_happens(fetches in prop::collection::vec(any_fetch(), 0..200)) {
        let count = fetches.len() as u64;
        let (mut tally, stats, sent) = play(fetches);
        let ending = if stats.ready == 0 { Ending::Complete } else { Ending::Interrupted(crate::protocol::Signal::Interrupt) };
        let report = tally.report(&run(), &ending, at(1_000));
        prop_assert!(report.discrepancies.is_empty(), "{:?}", report.discrepancies);
        prop_assert_eq!(report.fetches.total, count);
        prop_assert_eq!(report.requests.total, sent);
        prop_assert!(report.requests.waste <= sent);
        let stages = report.tasks.by_stage.values();
        prop_assert_eq!(stages.map(|stage| stage.done + stage.gone + stage.dead).sum::<u64>(), 40 - stats.ready);
        prop_assert_eq!(report.proxies.iter().map(|proxy| proxy.ok).sum::<u64>(), stats.done);
        prop_assert_eq!(report.bytes.wire, count * 1_000);
    }
}

#[test]
fn a_request_is_waste_unless_its_task_ended_by_it_and_hops_of_that_fetch_are_not() {
    let refused = Verdict::ProxyBroken(reason("proxy.refused"));
    let (mut tally, _, _) = play(vec![
        (1, 0, refused.clone(), false, 0, 0, false), // nothing went out
        (1, 0, refused.clone(), false, 0, 0, true),  // 1 for nothing
        (1, 1, refused, true, 2, 1, true),           // 4, of which the redial need not have been
    ]);
    let report = tally.report(&run(), &Ending::Interrupted(crate::protocol::Signal::Interrupt), at(9));
    assert_eq!((report.requests.total, report.requests.unsent, report.requests.waste), (5, 1, 2));
}
