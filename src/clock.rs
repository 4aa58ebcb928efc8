//! Time as the decisions see it: a [`Timestamp`] is handed in, never read.
//!
//! One [`Clock`] is started at the top (`crawl.rs`) and passed to the shells. Its timestamps count from the Unix epoch, so
//! that they mean something after a restart, but advance with the monotonic clock, so that a wall clock that is set back
//! moves nothing.

use std::ops::Add;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A moment, in microseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `micros` microseconds after the Unix epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// RFC 3339 in UTC with milliseconds, as logs and feeds show it.
    pub fn rfc3339(self) -> String {
        let micros = i64::try_from(self.0).unwrap_or(i64::MAX);
        jiff::Timestamp::from_microsecond(micros).map_or_else(|_| self.0.to_string(), |at| format!("{at:.3}"))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, rest: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(rest.as_micros()).unwrap_or(u64::MAX)))
    }
}

/// Reads the time for the shells: wall time at its start, monotonic from there.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Timestamp,
    started: Instant,
}

impl Clock {
    /// A clock that shows the wall time now and runs on from here.
    #[allow(clippy::disallowed_methods, reason = "the one place where clocks are read")]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { anchor: Timestamp::default() + wall, started: Instant::now() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.anchor + self.started.elapsed()
    }

    /// The moment as a timer of the runtime takes it; moments before the start are the start.
    pub fn instant(&self, at: Timestamp) -> Instant {
        self.started + at.since(self.anchor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_reads_as_rfc_3339_with_milliseconds() {
        assert_eq!(Timestamp::from_micros(1_700_000_000_123_456).rfc3339(), "2023-11-14T22:13:20.123Z");
    }

    #[test]
    fn the_time_between_two_moments_is_never_negative() {
        let (early, late) = (Timestamp::from_micros(5), Timestamp::from_micros(9));
        assert_eq!(late.since(early), Duration::from_micros(4));
        assert_eq!(early.since(late), Duration::ZERO);
    }
}
