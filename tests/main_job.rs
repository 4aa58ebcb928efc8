//! The promise: every detail of the site is a record, once and right, whatever share of the proxies works.

use crate::common::{Bed, Behaviour, Fault};

#[test]
fn every_record_comes_through_good_proxies() {
    let crawl = Bed::new().proxies(5).lists(20).per_list(10).crawl();
    crawl.expect_exit(0).expect_all_records().none_direct().fetches_are_by_holders();
}

#[test]
fn thirty_percent_dead_proxies_cost_no_record() {
    let bed = Bed::new().dead(3).proxies(7).lists(10).per_list(10);
    let crawl = bed.crawl().expect_exit(0).expect_all_records().none_direct();
    assert_eq!(crawl.distinct("proxy.replaced", "/proxy/label").len(), 3, "just the dead ones are replaced");
}

#[test]
fn twenty_workers_on_five_proxies_leave_fifteen_parked_without_a_task() {
    let bed = Bed::new().proxies(5).workers(20).lists(10).per_list(10);
    let crawl = bed.crawl().expect_exit(0).expect_all_records().bindings_never_overlap().fetches_are_by_holders();
    let parked = crawl.distinct("worker.parked", "/worker/id");
    assert_eq!(parked.len(), 15);
    let fetching = crawl.distinct("page.fetched", "/worker/id");
    assert!(parked.is_disjoint(&fetching), "a parked worker got a task: {parked:?}, {fetching:?}");
}

#[test]
fn proxies_with_passwords_are_served_their_passwords_and_none_is_written_anywhere() {
    let password = "p:ss@w%rd";
    let crawl = Bed::new().locked(4, "some one", password).crawl().expect_exit(0).expect_all_records().none_direct();
    let left = ["records.jsonl", "run.log.jsonl", "report.json"].map(|name| crawl.world.left(name));
    let mut said = crawl.ended.stdout + &crawl.ended.stderr;
    for path in left {
        said += &std::fs::read_to_string(path).unwrap();
    }
    for secret in [password, "p%3Ass%40w%25rd", "p:ss", "some one", "some%20one"] {
        assert!(!said.contains(secret), "{secret:?} was written");
    }
}

#[test]
fn https_comes_through_tunnels() {
    let bed = Bed::new().https().proxies(4).lists(6).per_list(5);
    let crawl = bed.crawl().expect_exit(0).expect_all_records().none_direct().requests_never_overlap_per_address();
    assert!(crawl.world.proxies.iter().all(|proxy| proxy.requests() < 12), "tunnels are kept, not dug for every page");
}

#[test]
fn proxies_that_break_in_every_way_cost_no_record() {
    let bed = Bed::new()
        .proxies(6)
        .dead(1)
        .proxy(Behaviour::Flaky { share: 0.7 })
        .proxy(Behaviour::Banning { after: 4 })
        .proxy(Behaviour::Garbage)
        .proxy(Behaviour::ResetMidBody)
        .proxy(Behaviour::Captcha { after: 4 })
        .proxy(Behaviour::Forging { status: 502, share: 1.0 })
        .lists(20)
        .per_list(5)
        .set("ban.cooldown", "\"1s\"");
    bed.crawl().expect_exit(0).expect_all_records().none_direct();
}

#[test]
fn a_page_that_has_moved_is_recorded_under_the_address_that_its_list_names() {
    let bed = Bed::new().proxies(3).fault("/detail/3", Fault::Moved("/detail/4".into()));
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    assert_eq!(crawl.world.site.truth().len(), 20);
}

#[test]
fn a_site_that_asks_to_wait_is_waited_for_at_nobodys_cost() {
    let wait = Some(std::time::Duration::from_secs(1));
    let bed = Bed::new()
        .proxies(3)
        .fault("/detail/2", Fault::Throttled { status: 429, retry_after: wait, first: 2 })
        .fault("/detail/9", Fault::Throttled { status: 503, retry_after: wait, first: 2 });
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    assert!(crawl.events("proxy.replaced").is_empty(), "no proxy pays for it");
}
