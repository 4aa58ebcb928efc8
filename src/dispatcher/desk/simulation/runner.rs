//! The runner: many seeds over all cores, up to the first that fails.
//!
//! In come seeds and what is to be done with each. A seed that fails is crawled once more with everything told, so that what is
//! printed ends with the last events and with the command that repeats it. Nothing is known here of what is crawled.

use std::io::{self, Write};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::scenario::Telling;

/// So many seeds run in the normal suite.
const SEEDS: u64 = 10_000;

/// A long run says where it is after so many.
const TELL_EVERY: u64 = 50_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The seeds of a test for which `usual` are enough in the normal suite: as many more as more are asked for, from a later one on if
/// asked to, or the one that is.
pub(super) fn seeds(usual: u64) -> Range<u64> {
    match number("BURDOCK_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let share = |all: u64| (usual * all).div_ceil(SEEDS);
            number("BURDOCK_SIM_FROM").map_or(0, share)..number("BURDOCK_SIM_SEEDS").map_or(usual, share)
        }
    }
}

/// The seeds of the widest test.
pub(super) fn all_seeds() -> Range<u64> {
    seeds(SEEDS)
}

/// Crawls each seed; panics at the first one that fails.
pub(super) fn each(seeds: Range<u64>, crawl: impl Fn(u64, Telling) + Sync) {
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicBool::new(false));
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let work = || {
        while !failed.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds.end {
                return;
            }
            if seed > seeds.start && seed.is_multiple_of(TELL_EVERY) {
                // Past what the harness holds back until the end.
                _ = writeln!(io::stderr(), "simulation: seed {seed} of {}, none has failed", seeds.end);
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| crawl(seed, Telling::Nothing))) {
                // The first one tells; the others only stop.
                if !failed.swap(true, Ordering::Relaxed) {
                    tell(seed, &crawl);
                    resume_unwind(panic);
                }
            }
        }
    };
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

/// Crawls a seed that failed again, and says how to repeat it.
fn tell(seed: u64, crawl: &dyn Fn(u64, Telling)) {
    eprintln!("seed {seed} failed; again, with its last events:");
    if catch_unwind(AssertUnwindSafe(|| crawl(seed, Telling::All))).is_ok() {
        eprintln!("this time it passed: it is not the seed alone that decides");
    }
    eprintln!("repeat with BURDOCK_SIM_SEED={seed} cargo test --lib simulation");
}

#[test]
#[should_panic(expected = "a scoped thread panicked")]
fn the_first_failure_ends_it() {
    each(0..40_000, |seed, _| assert_ne!(seed, 3));
}
