//! The promise: while the site is down, or our own line, nobody pays for it, and work goes on when it is back.

#![allow(clippy::expect_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use burdock::clock::{Clock, Timestamp};
use common::{Bed, Behaviour, Condition, Crawl, World};
use serde_json::Value;

/// Longer than any time-out of these tests, and than several backoffs and rests.
const DOWN: Duration = Duration::from_secs(4);
/// From the return until work goes on.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// Crawls for a while, then `falls` makes something fail, and `DOWN` later `rises` mends it. Everything must come to its end.
fn interrupted(falls: impl Fn(&World), rises: impl Fn(&World)) -> (Crawl, Timestamp) {
    let bed = Bed::new().proxies(5).lists(12).per_list(10).set("pace.delay", "\"50ms\"");
    let bed = bed.set("fetch.head_timeout", "\"1s\"").set("health.cooldown", "\"10s\"");
    let world = bed.world();
    let mut running = world.start(&[]);
    for _ in 0..50 {
        running.until_event("page.fetched");
    }
    falls(&world);
    running.hear_for(DOWN);
    rises(&world);
    let back = Clock::start().now();
    let ended = running.finish();
    (Crawl { world, ended }.expect_exit(0).expect_all_records(), back)
}

/// No proxy is charged, no attempt used, and the site is asked for pages again soon after.
fn at_nobodys_cost(crawl: Crawl, back: Timestamp) {
    let mut crawl = crawl.expect_no_proxy_blamed().expect_dead(&[]);
    let further: Vec<Value> = crawl.events("page.fetched").into_iter().filter(|line| line["attempt"] != 1).collect();
    assert_eq!(further, [] as [Value; 0], "attempts were used");
    let answers = crawl.visits().into_values().flatten().filter(|visit| visit.started >= back && visit.status == 200);
    let after = answers.map(|visit| visit.started.since(back)).min().expect("work goes on");
    assert!(after <= NOTICED_WITHIN, "{after:?} after the return");
}

fn site_outage(condition: Condition) {
    let (crawl, back) =
        interrupted(|world| world.site.switch_to(condition), |world| world.site.switch_to(Condition::Well));
    at_nobodys_cost(crawl, back);
}

#[test]
fn a_site_that_refuses_connections_for_a_while_is_waited_for_at_nobodys_cost() {
    site_outage(Condition::Refusing);
}

#[test]
fn a_site_that_is_silent_for_a_while_is_waited_for_at_nobodys_cost() {
    site_outage(Condition::Silent);
}

#[test]
fn a_site_that_says_503_for_a_while_is_waited_for_at_nobodys_cost() {
    site_outage(Condition::Failing { status: 503 });
}

#[test]
fn a_line_of_our_own_that_is_down_for_a_while_is_waited_for_at_nobodys_cost() {
    let all = |world: &World, behaviour| world.proxies.iter().for_each(|proxy| proxy.switch_to(behaviour));
    let (crawl, back) = interrupted(|world| all(world, Behaviour::Dead), |world| all(world, Behaviour::Good));
    at_nobodys_cost(crawl, back);
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
