//! Counts requests by the second, for whoever lets only so many through.
//!
//! A second begins with the first request that comes after the last one has ended. It does not know what is done about it.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::{Clock, Timestamp};

const SECOND_MS: u64 = 1000;

/// The count of the second that runs.
#[derive(Debug)]
pub(super) struct PerSecond {
    clock: Clock,
    origin: Timestamp,
    /// When the second began, in milliseconds from the origin, and in the low 32 bits the requests since.
    running: AtomicU64,
}

impl PerSecond {
    pub(super) fn start() -> Self {
        let clock = Clock::start();
        Self { clock, origin: clock.now(), running: AtomicU64::new(0) }
    }

    /// One more request: its number within the second that runs, from 1.
    pub(super) fn count(&self) -> u64 {
        let now = u64::try_from(self.clock.now().since(self.origin).as_millis()).unwrap_or(u64::MAX);
        let before = self.running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |packed| Some(next(packed, now)));
        next(before.unwrap_or_else(|packed| packed), now) & COUNT
    }
}

/// The bits that count.
const COUNT: u64 = u32::MAX as u64;

/// Beginning and count after one more request, `now` milliseconds from the origin.
const fn next(packed: u64, now: u64) -> u64 {
    let (began, count) = (packed >> 32, packed & COUNT);
    if count == 0 || now.saturating_sub(began) >= SECOND_MS { now << 32 | 1 } else { packed + 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_numbered_within_a_second_that_begins_with_the_first_of_them() {
        let mut packed = 0;
        let mut numbers = Vec::new();
        for now in [700, 900, 1699, 1700, 1701, 90_000] {
            packed = next(packed, now);
            numbers.push(packed & COUNT);
        }
        assert_eq!(numbers, [1, 2, 3, 1, 2, 1]);
    }
}
