//! A wall clock that was ahead and is set back. Within a process time comes from the monotonic clock, which nobody sets; what
//! outlives a process are times in the store, and those are moved here.

use super::{change_store, durable, in_part, report};
use crate::common::Fault;

/// In microseconds.
const TEN_YEARS: i64 = 10 * 365 * 86_400 * 1_000_000;

#[test]
fn pages_put_off_while_the_clock_was_ahead_are_not_waited_for_for_years() {
    let bed = durable().https().fault("/detail/7", Fault::Status(500)).fault("/detail/9", Fault::Status(503));
    let world = bed.world();
    // Long enough for both to be put off when the run stops.
    let slow = ["--set", "retry.backoff=60s"];
    let mut running = world.start(&slow);
    for _ in 0..2 {
        // With a fetch, or once it is known that the site is up.
        running.next_that(|line| line["then"] == "later").expect("a page is put off");
    }
    running.signal("TERM");
    running.finish().expect_exit(143);
    assert_eq!(change_store(&world, &format!("UPDATE delayed SET not_before = not_before + {TEN_YEARS}")), 2);
    for (table, time) in [("outbox", "fetched_at"), ("try", "at")] {
        assert!(change_store(&world, &format!("UPDATE {table} SET {time} = {time} + {TEN_YEARS}")) > 0, "{table}");
    }
    world.start(&["--set", "retry.backoff_max=200ms"]).finish().expect_exit(3);
    let tasks = &report(&world)["tasks"];
    assert_eq!((&tasks["done"], &tasks["dead"], &tasks["left"]), (&86.into(), &2.into(), &0.into()), "{tasks}");
    assert!(super::compared(&world, &world.left("records.jsonl")).is_perfect());
}

#[test]
fn a_run_that_began_in_the_future_goes_on_today() {
    let world = durable().world();
    in_part(&world, 30);
    for file in ["run.json", "report.json"] {
        let path = world.left(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let year = &text.split("\"started\": \"").nth(1).unwrap()[..4];
        std::fs::write(&path, text.replace(&format!("\"{year}-"), "\"2099-")).unwrap();
    }
    super::expect_the_truth(&world);
}
