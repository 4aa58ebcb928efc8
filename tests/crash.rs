//! The promise: nothing is lost and nothing is there twice, whenever the process was killed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{Bed, World};
use serde_json::Value;

/// So many lives are ended in a run of the suite; `BURDOCK_CRASHES` says another number.
const CRASHES: u32 = 20;

fn durable() -> Bed {
    Bed::new().proxies(4).lists(8).per_list(10).latency(Duration::from_millis(2))
}

/// How often each address is among the records, by what is in the feed.
fn records(world: &World) -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(world.left("records.jsonl")).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "half a line");
    let mut counts = BTreeMap::new();
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        *counts.entry(record["url"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    counts
}

/// Kills run after run, each after another number of pages, until one gets to its end.
fn killed_again_and_again(seed: u64, crashes: u32) -> u32 {
    let world = durable().world();
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut deaths = 0;
    for _ in 0..crashes {
        let mut running = world.start(&[]);
        let mut alive = true;
        for _ in 0..rng.u32(0..12) {
            alive = running.next_event("page.fetched").is_some();
            if !alive {
                break;
            }
        }
        if !alive {
            break;
        }
        running.signal("KILL");
        if running.finish().code == -9 {
            deaths += 1;
        } else {
            break;
        }
    }
    world.start(&[]).finish().expect_exit(0);
    let records = records(&world);
    assert_eq!(records.len(), 80, "seed {seed}: missing");
    assert!(records.values().all(|&count| count == 1), "seed {seed}: twice: {records:?}");
    let report: Value = serde_json::from_str(&std::fs::read_to_string(world.left("report.json")).unwrap()).unwrap();
    assert_eq!(report["tasks"]["done"], 88);
    assert_eq!(report["tasks"]["dead"], 0, "a page died of having been in a window");
    assert_eq!(report["discrepancies"], Value::Null, "seed {seed}");
    deaths
}

#[test]
fn killed_at_any_moment_it_ends_with_each_record_once() {
    let crashes = std::env::var("BURDOCK_CRASHES").ok().and_then(|text| text.parse().ok()).unwrap_or(CRASHES);
    let (mut deaths, mut seed) = (0, 0);
    while deaths < crashes {
        deaths += killed_again_and_again(seed, (crashes - deaths).min(5));
        seed += 1;
    }
}

#[test]
fn an_interrupted_run_goes_on_where_it_stopped() {
    let world = durable().world();
    let mut running = world.start(&[]);
    running.until_event("page.fetched");
    running.signal("TERM");
    running.finish().expect_exit(143);
    let before = records(&world).len();
    assert!(before < 80);
    world.start(&[]).finish().expect_exit(0);
    assert_eq!(records(&world).values().filter(|&&count| count == 1).count(), 80);
}
