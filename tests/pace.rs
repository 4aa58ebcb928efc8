//! The promise: between two requests of one proxy to one host at least the delay passes, whatever the requests are for.

mod common;

use std::time::Duration;

use common::{Bed, Fault};

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
