//! The promise: while the site is down, or our own line, nobody pays for it, and work goes on when it is back.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::common::{Bed, Behaviour, Condition, Crawl, World};
use burdock::clock::{Clock, Timestamp};
use serde_json::Value;

/// Longer than any time-out of the short tests, and than several backoffs and rests.
const DOWN: Duration = Duration::from_secs(4);
/// Longer than the usual time-outs.
const LONG_DOWN: Duration = Duration::from_secs(30);
/// From the return until work goes on.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// A crawl, the pages that it fetches before, and for how long.
type Outage = (Bed, u32, Duration);

fn short() -> Outage {
    let bed = Bed::new().proxies(5).lists(12).per_list(10).set("pace.delay", "\"50ms\"");
    (bed.set("fetch.head_timeout", "\"1s\"").set("health.cooldown", "\"10s\""), 50, DOWN)
}

/// The same with many proxies, each of which has brought a page or two.
fn short_and_cold() -> Outage {
    let (bed, _, down) = short();
    (bed.proxies(20), 35, down)
}

/// With the usual time-outs, after so many pages.
fn long(fetches: u32) -> Outage {
    (Bed::new().proxies(20).lists(40).per_list(20).set("pace.delay", "\"200ms\""), fetches, LONG_DOWN)
}

/// Crawls `fetches` pages, then `falls` makes something fail, and `rises` mends it so much later. Everything must come to its end.
fn interrupted((bed, fetches, down): Outage, falls: impl Fn(&World), rises: impl Fn(&World)) -> (Crawl, Timestamp) {
    let world = bed.world();
    let mut running = world.start(&[]);
    for _ in 0..fetches {
        running.until_event("page.fetched");
    }
    falls(&world);
    running.hear_for(down);
    rises(&world);
    let back = Clock::start().now();
    let ended = running.finish();
    (Crawl { world, ended }.expect_exit(0).expect_all_records(), back)
}

/// No proxy is charged, no attempt used, and the site is asked for pages again soon after.
fn at_nobodys_cost((crawl, back): (Crawl, Timestamp)) -> Duration {
    let mut crawl = crawl.expect_no_proxy_blamed().expect_dead(&[]);
    let further: Vec<Value> = crawl.events("page.fetched").into_iter().filter(|line| line["attempt"] != 1).collect();
    assert_eq!(further, [] as [Value; 0], "attempts were used");
    let answers = crawl.visits().into_values().flatten().filter(|visit| visit.started >= back && visit.status == 200);
    let after = answers.map(|visit| visit.started.since(back)).min().expect("work goes on");
    assert!(after <= NOTICED_WITHIN, "{after:?} after the return");
    after
}

fn site_outage(outage: Outage, condition: Condition) -> Duration {
    let switch = |to| move |world: &World| world.site.switch_to(to);
    at_nobodys_cost(interrupted(outage, switch(condition), switch(Condition::Well)))
}

fn line_outage(outage: Outage) -> Duration {
    let all = |to| move |world: &World| world.proxies.iter().for_each(|proxy| proxy.switch_to(to));
    at_nobodys_cost(interrupted(outage, all(Behaviour::Dead), all(Behaviour::Good)))
}

#[test]
fn a_site_that_refuses_connections_for_a_while_is_waited_for_at_nobodys_cost() {
    site_outage(short(), Condition::Refusing);
}

#[test]
fn a_site_that_is_silent_for_a_while_is_waited_for_at_nobodys_cost() {
    site_outage(short(), Condition::Silent);
}

#[test]
fn a_site_that_says_503_for_a_while_is_waited_for_at_nobodys_cost() {
    site_outage(short(), Condition::Failing { status: 503 });
}

#[test]
fn a_line_of_our_own_that_is_down_for_a_while_is_waited_for_at_nobodys_cost() {
    line_outage(short());
}

#[test]
fn a_site_that_refuses_connections_early_in_a_crawl_is_waited_for_at_nobodys_cost() {
    site_outage(short_and_cold(), Condition::Refusing);
}

#[test]
fn a_site_that_is_silent_early_in_a_crawl_is_waited_for_at_nobodys_cost() {
    site_outage(short_and_cold(), Condition::Silent);
}

#[test]
fn a_line_of_our_own_that_is_down_early_in_a_crawl_is_waited_for_at_nobodys_cost() {
    line_outage(short_and_cold());
}

/// Half a minute of each kind, once so many pages have been fetched.
fn half_a_minute_after(fetches: u32) {
    for condition in [Condition::Refusing, Condition::Silent, Condition::Failing { status: 503 }] {
        let after = site_outage(long(fetches), condition);
        eprintln!("after {fetches} pages, {condition:?}: work goes on {after:?} after the return");
    }
    eprintln!("after {fetches} pages, our own line: {:?} after the return", line_outage(long(fetches)));
}

#[test]
#[ignore = "takes three minutes: half a minute each, with the usual time-outs"]
fn half_a_minute_of_any_outage_is_waited_for_at_nobodys_cost() {
    half_a_minute_after(300);
}

#[test]
#[ignore = "takes three minutes: half a minute each, with the usual time-outs"]
fn half_a_minute_of_any_outage_early_in_a_crawl_is_waited_for_at_nobodys_cost() {
    half_a_minute_after(50);
}

#[test]
fn a_site_that_fails_in_waves_costs_no_record_and_no_proxy_its_place() {
    let wave = Condition::Wave { status: 503, failing: 20, of: 60 };
    let bed = Bed::new().proxies(5).lists(12).per_list(10).condition(wave).set("retry.attempts", "10");
    let crawl = bed.set("retry.backoff", "\"50ms\"").crawl().expect_exit(0).expect_all_records();
    assert_eq!(crawl.events("proxy.replaced"), [] as [Value; 0]);
}

#[test]
fn a_site_that_starts_slowly_costs_no_record_and_no_proxy_its_place() {
    let slow = Condition::SlowStart { first: 15, by: Duration::from_millis(1500) };
    let bed = Bed::new().proxies(5).condition(slow).set("fetch.head_timeout", "\"1s\"");
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    assert_eq!(crawl.events("proxy.retired"), [] as [Value; 0]);
}
