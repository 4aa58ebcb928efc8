//! The simulation: the real Desk and the real memory frontier in virtual time, with workers, proxies, a site, a store and a
//! sink that are made up and misbehave, from a seed.
//!
//! After every event the invariants of the design are checked (`world.rs`); a failure prints the seed, and
//! `BURDOCK_SIM_SEED=n cargo test --lib simulation` repeats it. `BURDOCK_SIM_SEEDS=n` runs that many, `BURDOCK_SIM_FROM=m` leaves the
//! first `m` out.

mod audit;
mod downs;
mod figures;
mod file;
mod populations;
mod runner;
mod scenario;
mod site;
mod world;

use self::runner::{all_seeds, each, seeds};
use self::scenario::Scenario;
use self::world::World;
use crate::dispatcher::notice::Ending;

#[test]
fn whatever_fails_the_crawl_ends_and_no_invariant_breaks() {
    each(all_seeds(), |seed, telling| _ = World::new(Scenario::any(seed).told(telling)).run());
}

#[test]
#[ignore = "takes long; run it with --release"]
fn a_hundred_thousand_pages_go_through_a_thousand_proxies() {
    each(seeds(10), |seed, telling| _ = World::new(Scenario::vast(seed, 100_000).told(telling)).run());
}

#[test]
fn with_good_proxies_and_good_pages_everything_is_done_and_nobody_is_charged() {
    each(seeds(200), |seed, telling| {
        let end = World::new(Scenario::faultless(seed).told(telling)).run();
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!(end.stats.done, end.stats.found);
        assert_eq!(end.stats.records, end.details);
        assert_eq!(end.charges, 0);
    });
}

#[test]
fn workers_that_die_lose_nothing_and_cost_no_page_an_attempt() {
    each(seeds(300), |seed, telling| {
        let end = World::new(Scenario::mortal_workers(seed).told(telling)).run();
        // One store in some thousands fails so often in a row that it is given up, with work left.
        if matches!(end.ending, Ending::Failed { .. }) {
            assert_ne!(end.stats.left(), 0);
            return;
        }
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!(end.stats.done, end.stats.found);
        assert_eq!(end.stats.records, end.details);
    });
}

#[test]
fn dead_proxies_cost_no_page_its_place_while_a_good_one_is_left() {
    each(seeds(300), |seed, telling| {
        let end = World::new(Scenario::many_dead_proxies(seed).told(telling)).run();
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!(end.stats.done, end.stats.found);
    });
}

#[test]
fn a_pool_that_never_worked_ends_the_crawl_with_its_commonest_error() {
    each(seeds(100), |seed, telling| {
        let end = World::new(Scenario::all_dead(seed).told(telling)).run();
        let Ending::NoProxy { commonest: Some(reason) } = end.ending else { panic!("{:?}", end.ending) };
        assert_eq!(reason.code, "proxy.refused");
    });
}

#[test]
fn a_process_that_dies_at_any_moment_is_followed_by_one_that_loses_nothing() {
    each(seeds(500), |seed, telling| {
        World::new(Scenario::restarted(seed).told(telling)).run();
    });
}

#[test]
fn a_stop_at_any_moment_is_orderly() {
    each(seeds(500), |seed, telling| {
        World::new(Scenario::stopped(seed).told(telling)).run();
    });
}

/// Nobody pays for an outage, and its return is noticed.
fn at_nobodys_cost(scenario: Scenario) {
    let end = World::new(scenario).run();
    assert_eq!(end.ending, Ending::Complete);
    assert_eq!((end.stats.done, end.stats.records), (end.stats.found, end.details));
    assert_eq!((end.charges, end.retries), (0, 0), "charges, attempts used");
    assert!(!end.noticed.is_empty() && end.are_noticed_in_time, "{:?}", end.noticed);
}

#[test]
fn a_site_or_a_line_that_is_down_for_half_a_minute_costs_nobody_anything_and_its_return_is_noticed() {
    each(seeds(300), |seed, telling| at_nobodys_cost(Scenario::down_for_a_while(seed).told(telling)));
}

#[test]
fn a_site_or_a_line_that_is_down_once_three_proxies_have_brought_a_page_costs_nobody_anything_either() {
    each(seeds(150), |seed, telling| at_nobodys_cost(Scenario::down_while_cold(seed).told(telling)));
}

#[test]
fn outages_in_the_midst_of_everything_else_break_no_invariant() {
    each(seeds(500), |seed, telling| _ = World::new(Scenario::down_at_random(seed).told(telling)).run());
}
