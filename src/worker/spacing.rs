//! Spacing: when one proxy may ask each host again, so that hops and redials keep the delay too.
//!
//! What comes in: hosts, times, gaps. What goes out: the moment of the next request. Pure. The first request of a fetch is
//! timed by the dispatcher; it must not know of that, nor of clocks.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::task::HostKey;

/// Hosts remembered before those whose gap has passed are forgotten: a page rarely leads over more than a few.
const ROOMY: usize = 64;

/// When each host may be asked again under one binding.
#[derive(Debug, Default)]
pub(crate) struct Spacing {
    free: HashMap<HostKey, Timestamp>,
}

impl Spacing {
    /// The first byte of a request to `host` went out at `sent`; the next one follows `gap` later at the earliest.
    pub(crate) fn sent(&mut self, host: &HostKey, sent: Timestamp, gap: Duration) {
        match self.free.get_mut(host) {
            Some(free) => *free = (sent + gap).max(*free),
            None => _ = self.free.insert(host.clone(), sent + gap),
        }
    }

    /// Takes the next moment at which a request may go to `host`; whoever asks next gets one `gap` later.
    pub(crate) fn take(&mut self, host: &HostKey, gap: Duration, now: Timestamp) -> Timestamp {
        if self.free.len() > ROOMY {
            self.free.retain(|_, free| *free > now);
        }
        let at = self.free.get(host).map_or(now, |free| now.max(*free));
        self.free.insert(host.clone(), at + gap);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const GAP: Duration = Duration::from_millis(5);

    fn host(n: u8) -> HostKey {
        HostKey(format!("h{n}.test:80").into())
    }

    #[test]
    fn a_host_that_was_not_asked_may_be_asked_at_once() {
        let mut spacing = Spacing::default();
        spacing.sent(&host(1), Timestamp::from_micros(10), GAP);
        assert_eq!(spacing.take(&host(2), GAP, Timestamp::from_micros(11)), Timestamp::from_micros(11));
        assert_eq!(spacing.take(&host(1), GAP, Timestamp::from_micros(11)), Timestamp::from_micros(5_010));
    }

    proptest! {
        #[test]
        fn moments_taken_for_a_host_are_a_gap_apart_and_never_in_the_past(
            asks in proptest::collection::vec((0_u8..90, 0_u64..4_000), 1..300)
        ) {
            let mut spacing = Spacing::default();
            let mut now = Timestamp::from_micros(1);
            let mut last = HashMap::new();
            for (n, pause) in asks {
                now = now + Duration::from_micros(pause);
                let at = spacing.take(&host(n), GAP, now);
                prop_assert!(at >= now);
                if let Some(before) = last.insert(n, at) {
                    prop_assert!(at.since(before) >= GAP);
                }
            }
        }
    }
}
