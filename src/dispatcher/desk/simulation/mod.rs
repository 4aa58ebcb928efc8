//! The simulation: the real Desk and the real memory frontier in virtual time, with workers, proxies, a site, a store and a
//! sink that are made up and misbehave, from a seed.
//!
//! After every event the invariants of the design are checked (`world.rs`); a failure prints the seed, and
//! `BURDOCK_SIM_SEED=n cargo test --lib simulation` repeats it. `BURDOCK_SIM_SEEDS=n` runs that many.

mod downs;
mod figures;
mod file;
mod populations;
mod scenario;
mod site;
mod world;

use self::scenario::Scenario;
use self::world::World;
use crate::dispatcher::notice::Ending;

/// So many seeds run in the normal suite.
const SEEDS: u64 = 3_000;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("BURDOCK_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("BURDOCK_SIM_SEEDS").unwrap_or(SEEDS),
    }
}

/// Prints which seed it was if the test panics.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with BURDOCK_SIM_SEED={} cargo test --lib simulation", self.0);
        }
    }
}

#[test]
fn whatever_fails_the_crawl_ends_and_no_invariant_breaks() {
    for seed in seeds() {
        let _seed = Seed(seed);
        World::new(Scenario::random(seed)).run();
    }
}

#[test]
fn with_good_proxies_and_good_pages_everything_is_done_and_nobody_is_charged() {
    for seed in seeds().take(200) {
        let _seed = Seed(seed);
        let end = World::new(Scenario::faultless(seed)).run();
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!(end.stats.done, end.stats.found);
        assert_eq!(end.stats.records, end.details);
        assert_eq!(end.charges, 0);
    }
}

#[test]
fn workers_that_die_lose_nothing_and_cost_no_page_an_attempt() {
    for seed in seeds().take(300) {
        let _seed = Seed(seed);
        let end = World::new(Scenario::mortal_workers(seed)).run();
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!(end.stats.done, end.stats.found);
        assert_eq!(end.stats.records, end.details);
    }
}

#[test]
fn dead_proxies_cost_no_page_its_place_while_a_good_one_is_left() {
    for seed in seeds().take(300) {
        let _seed = Seed(seed);
        let end = World::new(Scenario::many_dead_proxies(seed)).run();
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!(end.stats.done, end.stats.found);
    }
}

#[test]
fn a_pool_that_never_worked_ends_the_crawl_with_its_commonest_error() {
    for seed in seeds().take(100) {
        let _seed = Seed(seed);
        let end = World::new(Scenario::all_dead(seed)).run();
        let Ending::NoProxy { commonest: Some(reason) } = end.ending else { panic!("{:?}", end.ending) };
        assert_eq!(reason.code, "proxy.refused");
    }
}

#[test]
fn a_process_that_dies_at_any_moment_is_followed_by_one_that_loses_nothing() {
    for seed in seeds().take(500) {
        let _seed = Seed(seed);
        World::new(Scenario::restarted(seed)).run();
    }
}

#[test]
fn a_stop_at_any_moment_is_orderly() {
    for seed in seeds().take(500) {
        let _seed = Seed(seed);
        World::new(Scenario::stopped(seed)).run();
    }
}

#[test]
fn a_site_or_a_line_that_is_down_for_half_a_minute_costs_nobody_anything_and_its_return_is_noticed() {
    for seed in seeds().take(300) {
        let _seed = Seed(seed);
        let end = World::new(Scenario::down_for_a_while(seed)).run();
        assert_eq!(end.ending, Ending::Complete);
        assert_eq!((end.stats.done, end.stats.records), (end.stats.found, end.details));
        assert_eq!((end.charges, end.retries), (0, 0), "charges, attempts used");
        assert!(!end.noticed.is_empty() && end.are_noticed_in_time, "{:?}", end.noticed);
    }
}

#[test]
fn outages_in_the_midst_of_everything_else_break_no_invariant() {
    for seed in seeds().take(500) {
        let _seed = Seed(seed);
        World::new(Scenario::down_at_random(seed)).run();
    }
}
