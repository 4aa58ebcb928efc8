//! A limit of requests a second, for whoever asks: as sites have it that count by the second of the clock.
//!
//! In come the times of requests; out goes whether each is one too many. It does not know what is answered then.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::clock::Timestamp;

/// So many requests in each second.
#[derive(Debug)]
pub(super) struct Limit {
    count: u32,
    /// The second that is counted, and below it the requests in it.
    seen: AtomicU64,
}

impl Limit {
    pub(super) const fn new(count: u32) -> Self {
        Self { count, seen: AtomicU64::new(0) }
    }

    /// Is one more request at `now` not too many? Those that are do not count.
    pub(super) fn admits(&self, now: Timestamp) -> bool {
        let second = (now.as_micros() / 1_000_000) << 32;
        let counted = |seen: u64| {
            let before = if seen & !u64::from(u32::MAX) == second { seen & u64::from(u32::MAX) } else { 0 };
            (before < u64::from(self.count)).then_some(second | (before + 1))
        };
        self.seen.fetch_update(Ordering::Relaxed, Ordering::Relaxed, counted).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_second_has_its_own_count() {
        let limit = Limit::new(2);
        let at = |ms: u64| limit.admits(Timestamp::from_micros(ms * 1000));
        assert_eq!(
            [at(1_000), at(1_500), at(1_999), at(2_000), at(2_001), at(2_002)],
            [true, true, false, true, true, false]
        );
    }
}
