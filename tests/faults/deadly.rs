//! A page that ends the process each time. No page can do that to this program as far as is known, so the test does it for one:
//! whenever the site is asked for it, the process is killed, as if it had aborted.

use std::thread::yield_now;

use super::{compared, durable, report};
use crate::common::{Fault, Hostile, World};

const DEADLY: &str = "/detail/7";

/// How often the site was asked for the page.
fn asked(world: &mut World) -> usize {
    world.site.journal.visits().iter().filter(|visit| visit.path == DEADLY).count()
}

/// Lets it run until it asks for the page; false if it came to its end.
fn dies(world: &mut World) -> bool {
    let before = asked(world);
    let mut running = world.start(&[]);
    loop {
        if asked(world) > before {
            running.kill();
            return running.finish().code == -9;
        }
        if running.is_over() {
            running.finish().expect_exit(3);
            return false;
        }
        yield_now();
    }
}

#[test]
fn a_page_that_ends_the_process_each_time_is_given_up_and_costs_no_other_page() {
    // It never ends, so that it is still on its way when the process dies.
    let mut world = durable().fault(DEADLY, Fault::Hostile(Hostile::Trickle)).world();
    let mut deaths = 0;
    while dies(&mut world) {
        deaths += 1;
        assert!(deaths <= 6, "three times with others and three times alone are enough");
    }
    assert_eq!(deaths, 6);
    let report = report(&world);
    let tasks = &report["tasks"];
    assert_eq!((&tasks["done"], &tasks["dead"], &tasks["left"]), (&87.into(), &1.into(), &0.into()), "{tasks}");
    assert_eq!(report["exit_code"], 3);
    assert!(compared(&world, &world.left("records.jsonl")).is_perfect());
    let left = super::Left::by(&world);
    let dead = "SELECT count(*) FROM dead JOIN task USING (id) WHERE code = 'crash' AND url LIKE '%/detail/7'";
    assert_eq!(left.number(dead), 1);
}
