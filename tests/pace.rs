//! The promise: between two requests of one proxy to one host at least the delay passes, whatever the requests are for.

use std::time::Duration;

use crate::common::{Bed, Crawl, Fault};
use burdock::demo::site::{Condition, Visit};

const DELAY: Duration = Duration::from_millis(300);
/// Between being sent and being seen by the site, a request may wait for its turn on a busy machine.
const SLACK: Duration = Duration::from_millis(40);

#[test]
fn requests_of_one_proxy_keep_their_distance() {
    let mut crawl = Bed::new().proxies(4).set("pace.delay", "\"300ms\"").crawl().expect_exit(0).expect_all_records();
    let gap = crawl.min_gap_per_address();
    assert!(gap >= DELAY - SLACK, "two requests {gap:?} apart");
}

#[test]
fn redirects_and_retries_keep_the_distance_too() {
    let bed = Bed::new()
        .proxies(3)
        .lists(2)
        .fault("/detail/2", Fault::Moved("/detail/3".into()))
        .fault("/detail/4", Fault::Status(500))
        .fault("/detail/5", Fault::CutBody)
        .set("retry.attempts", "2");
    let mut crawl = bed.set("pace.delay", "\"300ms\"").crawl().expect_exit(3).expect_all_records();
    let gap = crawl.min_gap_per_address();
    assert!(gap >= DELAY - SLACK, "two requests {gap:?} apart");
}

#[test]
fn each_proxy_keeps_its_own_time_and_none_waits_for_another() {
    let mut crawl = Bed::new().proxies(5).set("pace.delay", "\"300ms\"").crawl().expect_exit(0);
    let mut starts: Vec<_> = crawl.visits().into_values().flatten().map(|visit| visit.started).collect();
    starts.sort();
    assert!(starts.windows(2).any(|pair| pair[1].since(pair[0]) < DELAY / 2), "they went in turn: {starts:?}");
}

/// All visits, in the order of starting.
fn in_order(crawl: &mut Crawl) -> Vec<Visit> {
    let mut visits: Vec<_> = crawl.visits().into_values().flatten().collect();
    visits.sort_by_key(|visit| visit.started);
    visits
}

/// The most requests in a second, by any stretch of visits of at least so many.
fn rate(visits: &[Visit], at_least: usize) -> f64 {
    let stretches = (0..visits.len()).flat_map(|from| (from + at_least..visits.len()).map(move |to| (from, to)));
    let rate = |(from, to): (usize, usize)| {
        (to - from) as f64 / (visits[to].started.since(visits[from].started) + SLACK).as_secs_f64()
    };
    stretches.map(rate).fold(0.0, f64::max)
}

#[test]
fn a_hosts_rate_is_kept_by_all_proxies_together_and_redirects_are_made_up_for() {
    let bed = Bed::new().proxies(6).set("pace.host_rate", "\"40/s\"").set("robots.obey", "false");
    let mut crawl = bed.crawl().expect_exit(0).expect_all_records();
    let visits = in_order(&mut crawl);
    assert_eq!(visits.len(), 24);
    let fastest = rate(&visits, 1);
    assert!(fastest <= 40.0, "{fastest} requests a second");

    let moved = |n: u32| (format!("/detail/{n}"), Fault::Moved(format!("/detail/{}", n + 10)));
    let mut bed = Bed::new().proxies(6).set("pace.host_rate", "\"40/s\"").set("robots.obey", "false");
    for (path, fault) in (1..=10).map(moved) {
        bed = bed.fault(&path, fault);
    }
    let mut crawl = bed.crawl().expect_exit(0).expect_all_records();
    let visits = in_order(&mut crawl);
    assert_eq!(visits.len(), 34);
    let (first, last) = (visits[0].started, visits[33].started);
    // As many hops as there are proxies may be under way at the end, which nobody has made up for.
    assert!(last.since(first) + SLACK >= Duration::from_millis(25) * (33 - 6), "{:?}", last.since(first));
}

#[test]
fn no_more_requests_are_out_at_a_host_than_it_may_have() {
    let bed = Bed::new().proxies(5).latency(Duration::from_millis(20)).set("pace.host_in_flight", "2");
    let mut crawl = bed.crawl().expect_exit(0).expect_all_records();
    let visits = in_order(&mut crawl);
    let most = visits
        .iter()
        .map(|one| visits.iter().filter(|other| other.started <= one.started && one.started < other.ended).count());
    assert_eq!(most.max(), Some(2), "both places are used, and no third");
}

#[test]
fn after_a_wave_of_429_the_rate_is_under_the_sites_limit_and_no_proxy_was_replaced() {
    let bed = Bed::new().proxies(8).lists(5).per_list(20).condition(Condition::Limited { per_second: 20 });
    let mut crawl = bed.crawl().expect_exit(0).expect_all_records();
    let visits = in_order(&mut crawl);
    let last = visits.iter().rposition(|visit| visit.status == 429).expect("a wave");
    let wave = visits.iter().filter(|visit| visit.status == 429).count();
    let after = &visits[last + 1..];
    assert!(wave <= 3 * 8 && after.len() >= 60, "{wave} are turned away, {} come after", after.len());
    let fastest = rate(after, 10);
    assert!(fastest <= 20.0, "{fastest} requests a second");
    assert_eq!(crawl.events("proxy.replaced").len() + crawl.events("proxy.charged").len(), 0);
    assert!(!crawl.events("host.slowed").is_empty());
}

#[test]
fn a_kill_and_a_restart_keep_the_distance_with_redirects_and_retries_among_the_requests() {
    let bed = Bed::new()
        .proxies(3)
        .lists(3)
        .fault("/detail/2", Fault::Moved("/detail/3".into()))
        .fault("/detail/4", Fault::Status(500))
        .set("retry.attempts", "2")
        .set("frontier.kind", "sqlite")
        .set("pace.delay", "\"300ms\"");
    let world = bed.world();
    for _ in 0..3 {
        let mut running = world.start(&[]);
        for _ in 0..4 {
            running.until_event("page.fetched");
        }
        running.signal("KILL");
        assert_eq!(running.finish().code, -9);
    }
    let ended = world.start(&[]).finish();
    let mut crawl = Crawl { world, ended }.expect_exit(3).expect_all_records();
    let gap = crawl.min_gap_per_address();
    assert!(gap >= DELAY - SLACK, "two requests {gap:?} apart");
}
