//! The promise: a proxy is in one worker's hands at a time, and asks one thing at a time.

use crate::common::{Bed, Behaviour};

#[test]
fn one_proxy_asks_one_thing_at_a_time() {
    let bed = Bed::new().proxies(6).lists(10).per_list(10);
    let crawl = bed.crawl().expect_exit(0).requests_never_overlap_per_address().bindings_never_overlap();
    assert_eq!(crawl.distinct("proxy.bound", "/proxy/label").len(), 6);
}

#[test]
fn a_proxy_that_breaks_and_returns_is_never_in_two_hands() {
    let flaky = Behaviour::Flaky { share: 0.6 };
    let bed = (0..6).fold(Bed::new().proxies(2), |bed, _| bed.proxy(flaky));
    // Short rests: the broken ones come back again and again.
    let bed = bed.workers(5).lists(40).per_list(10).set("health.cooldown", "\"50ms\"");
    let bed = bed.set("health.cooldown_max", "\"100ms\"");
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    let crawl = crawl.bindings_never_overlap().requests_never_overlap_per_address().fetches_are_by_holders();
    let (bound, labels) = (crawl.events("proxy.bound").len(), crawl.distinct("proxy.bound", "/proxy/label").len());
    assert!(bound > labels, "{bound} bindings of {labels} proxies: none came back, so nothing was tried");
}

#[test]
fn a_good_proxy_stays_with_its_worker() {
    let crawl = Bed::new().proxies(4).lists(10).per_list(10).crawl().expect_exit(0).bindings_never_overlap();
    assert_eq!(crawl.events("proxy.bound").len(), 4);
    assert_eq!(crawl.distinct("page.fetched", "/proxy/label").len(), 4, "and each has something to do");
}
