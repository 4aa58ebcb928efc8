//! The promise: the proxies may change while a crawl goes on, and each is used as the config allows: no longer, no more, and by
//! pages of its own where that is asked for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use crate::common::{Bed, Crawl, Fault, Running, World};
use serde_json::Value;

/// The lines of these proxies of the world.
fn lines(world: &World, proxies: &[usize]) -> String {
    proxies.iter().map(|&at| world.proxies[at].line() + "\n").collect()
}

/// Writes the proxies file as editors do: another file, then in its place.
fn edit(world: &World, text: &str) {
    fs::write(world.file(".draft"), text).unwrap();
    fs::rename(world.file(".draft"), world.file("proxies.txt")).unwrap();
}

fn label(world: &World, proxy: usize) -> String {
    world.proxies[proxy].address().to_string()
}

fn counts(line: &Value) -> [u64; 4] {
    ["added", "removed", "changed", "listed"].map(|key| line[key].as_u64().unwrap())
}

/// A crawl that has pages left for a while.
fn long() -> Bed {
    Bed::new().lists(6).per_list(25).latency(Duration::from_millis(2)).set("pace.delay", "\"25ms\"")
}

#[test]
fn lines_that_come_and_go_in_mid_crawl_are_followed_whatever_keeps_the_pages() {
    for frontier in ["memory", "sqlite"] {
        let world = long().proxies(4).set("frontier.kind", frontier).world();
        edit(&world, &lines(&world, &[0, 1]));
        let mut running = world.start(&[]);
        running.until_event("page.fetched");
        edit(&world, &lines(&world, &[1, 2, 3]));
        assert_eq!(counts(&running.until_event("proxies.reloaded")), [2, 1, 0, 3], "{frontier}");
        let ended = running.finish();
        let crawl = Crawl { world, ended }.expect_exit(0).expect_all_records().bindings_never_overlap();
        let crawl = crawl.requests_never_overlap_per_address().fetches_are_by_holders();
        assert_eq!(crawl.distinct("page.fetched", "/proxy/label").len(), 4, "{frontier}: the new ones are used");
        assert_eq!(crawl.distinct("proxy.bound", "/worker/id").len(), 3, "{frontier}: by a worker more");
        let gone = label(&crawl.world, 0);
        let after: Vec<Value> =
            crawl.log().into_iter().skip_while(|line| line["event"] != "proxies.reloaded").collect();
        let by_the_gone = after.iter().filter(|line| line["proxy"]["label"] == *gone);
        let events: Vec<String> = by_the_gone.map(|line| line["event"].to_string()).collect();
        assert!(events.len() <= 2, "what was out comes back, and it is let go of: {events:?}");
        let state = |label: &str| {
            let report = crawl.report();
            let proxies = report["proxies"].as_array().unwrap().clone();
            proxies.iter().find(|proxy| proxy["label"] == label).unwrap()["state"].clone()
        };
        assert_eq!(state(&gone), "removed");
    }
}

#[test]
fn a_bad_file_is_refused_whole_with_its_line_and_the_proxies_stay() {
    let world = long().locked(2, "user", "hunter2").world();
    let mut running = world.start(&[]);
    running.until_event("page.fetched");
    let good = lines(&world, &[0]);
    edit(&world, &format!("{good}http://user:hunter2@nowhere\n"));
    let refused = running.until_event("proxies.refused");
    assert!(refused["error"].as_str().unwrap().starts_with("proxies.txt:2: the port is missing"), "{refused}");
    assert_eq!(refused["level"], "warn");
    edit(&world, "# nobody\n");
    assert!(running.until_event("proxies.refused")["error"].as_str().unwrap().starts_with("there is no proxy in"));
    let ended = running.finish();
    let crawl = Crawl { world, ended }.expect_exit(0).expect_all_records();
    assert_eq!(crawl.distinct("page.fetched", "/proxy/label").len(), 2);
    assert!(crawl.events("proxy.removed").is_empty());
    assert!(!crawl.everything_written().contains("hunter2"));
}

#[test]
fn sighup_reads_the_file_again_though_nothing_has_changed() {
    let world = long().proxies(2).world();
    let mut running = world.start(&[]);
    running.until_event("page.fetched");
    running.signal("HUP");
    assert_eq!(counts(&running.until_event("proxies.reloaded")), [0, 0, 0, 2]);
    running.finish().expect_exit(0);
}

#[test]
fn a_password_that_is_mended_brings_its_proxy_back() {
    let world = long().locked(2, "user", "hunter2").wrong_password_for(0).world();
    let mut running = world.start(&[]);
    running.until_event("proxy.retired");
    edit(&world, &lines(&world, &[0, 1]));
    assert_eq!(counts(&running.until_event("proxies.reloaded")), [0, 0, 1, 2]);
    let ended = running.finish();
    let crawl = Crawl { world, ended }.expect_exit(0).expect_all_records();
    let done = crawl.events("page.fetched").into_iter().filter(|line| line["verdict"] == "done");
    let by: BTreeSet<String> = done.map(|line| line["proxy"]["label"].to_string()).collect();
    assert_eq!(by.len(), 2, "both bring pages now");
}

#[test]
fn each_proxy_has_its_budget_and_when_all_are_used_up_it_is_exit_4_at_once() {
    let bed = Bed::new().proxies(2).lists(2).per_list(10).set("proxies.max_requests", "5");
    let mut crawl = bed.crawl().expect_exit(4).expect_said("2 of 2 proxies have used up their budget");
    for (address, visits) in crawl.visits() {
        assert_eq!(visits.len(), 5, "{address}");
    }
    assert_eq!(crawl.events("proxy.used_up").len(), 2);
    assert!(crawl.events("proxy.replaced").is_empty(), "nothing is wrong with them");
    assert!(crawl.report()["proxies"].as_array().unwrap().iter().all(|proxy| proxy["state"] == "used_up"));
}

#[test]
fn a_rotating_line_keeps_no_connection_and_pays_for_no_page() {
    // Far back, when the line has a record that makes three words enough.
    let bed = Bed::new().proxies(1).lists(5).per_list(20);
    let bed = bed.fault("/detail/97", Fault::Status(403)).fault("/detail/98", Fault::Status(429));
    let bed = bed.set("proxies.rotating", "true").set("retry.attempts", "1");
    let mut crawl = bed.crawl().expect_exit(3).expect_all_records();
    let visits: Vec<_> = crawl.visits().into_values().flatten().collect();
    let ports: BTreeSet<u16> = visits.iter().map(|visit| visit.port).collect();
    assert_eq!(ports.len(), visits.len(), "each request on a connection of its own");
    for path in ["/detail/97", "/detail/98"] {
        assert_eq!(visits.iter().filter(|visit| visit.path == path).count(), 3, "{path}: one for each witness");
    }
    for event in ["proxy.cooling", "proxy.paused", "proxy.charged", "proxy.replaced"] {
        assert!(crawl.events(event).is_empty(), "{event}");
    }
}

#[test]
fn without_rotating_connections_are_kept() {
    let mut crawl = Bed::new().proxies(1).crawl().expect_exit(0);
    let visits: Vec<_> = crawl.visits().into_values().flatten().collect();
    assert_eq!(visits.iter().map(|visit| visit.port).collect::<BTreeSet<u16>>().len(), 1);
}

#[test]
fn with_affinity_details_go_through_the_proxy_that_fetched_their_list() {
    let (lists, per_list) = (4, 8);
    let bed = Bed::new().proxies(4).lists(lists).per_list(per_list).set("stage.detail.affinity", "\"referrer\"");
    let mut crawl = bed.crawl().expect_exit(0).expect_all_records();
    let mut from: BTreeMap<String, IpAddr> = BTreeMap::new();
    for visit in crawl.visits().into_values().flatten() {
        from.insert(visit.path.clone(), visit.from);
    }
    for list in 1..=lists {
        for detail in (list - 1) * per_list + 1..=list * per_list {
            assert_eq!(from[&format!("/detail/{detail}")], from[&format!("/page/{list}")], "detail {detail}");
        }
    }
    assert_eq!(from.values().collect::<BTreeSet<_>>().len(), 4, "and each proxy has had its share");
}

#[test]
fn a_line_of_the_file_may_be_a_hundred_sessions_none_of_which_is_shown() {
    let world = Bed::new().proxies(1).world();
    let gateway = label(&world, 0);
    edit(&world, &format!("http://me-session-{{001..100}}:${{GW_PASS}}@{gateway}\n"));
    let args = ["run", "bed.toml", "--set", "crawl.workers=5", "--set", "proxies.order=least-used"];
    let ended = Running::start_with(&world.file(""), &args, &[("GW_PASS", "hunter{1..2}")]).finish();
    let crawl = Crawl { world, ended }.expect_exit(0).expect_all_records();
    let labels = crawl.distinct("proxy.bound", "/proxy/label");
    assert_eq!(labels.len(), 5);
    assert!(labels.iter().all(|label| label.trim_matches('"').starts_with(&format!("{gateway}~"))), "{labels:?}");
    assert_eq!(crawl.report()["proxies"].as_array().unwrap().len(), 100);
    let written = crawl.everything_written();
    assert!(!written.contains("me-session") && !written.contains("hunter"), "no secret anywhere");
}
