//! The governor: how much slower to go after a 429, and when to try for more.
//!
//! In come answers that passed and those that asked to wait; out goes the least time between two requests. Pure; the same one
//! serves an address at a host and a host as a whole. What the site let through since the last wait, over the time until it
//! lets anything through again, is about what it allows: so one wait mostly finds the limit, whatever kind of limit it is.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// So many answers must have passed before their number says how many are allowed.
const TELLING: u32 = 4;
/// A little less than what the site seems to allow, since its clock and ours differ.
const MARGIN: f64 = 1.1;
/// Where too little has passed to tell what is allowed: half as many.
const BACK_OFF: f64 = 2.0;
/// Requests that went out all at once say nothing of how they follow one another.
const LEAST: Duration = Duration::from_millis(20);
/// Where a slower pace was still too fast.
const FURTHER: f64 = 1.25;
/// Where more was tried in vain: about as before, which had been right for as long as it was kept.
const AS_BEFORE: f64 = 1.05;
/// A slower pace is kept so long before more is tried; twice as long each time that it was too much.
const FIRST_HOLD: Duration = Duration::from_secs(60);
const LONGEST_HOLD: Duration = Duration::from_secs(3600);
/// Each answer that passes then adds this share of the slower rate.
const STEP: f64 = 1.0 / 64.0;
/// At so many times the slower rate nothing is left of the limit that was met.
const LET_GO: f64 = 8.0;

/// How fast requests may follow one another.
#[derive(Clone, Debug)]
pub(super) struct Governor {
    gap: Duration,
    /// What was passed since `began`, after the last wait.
    passed: u32,
    began: Option<Timestamp>,
    /// The gap that the last slow-down set.
    slow: Duration,
    hold: Duration,
    hold_until: Timestamp,
    /// What was sent until then met the pace before.
    slowed_at: Timestamp,
    /// Asked to wait, and nothing has passed since.
    waiting: bool,
}

/// What is kept of a governor that has slowed requests; times in microseconds, moments since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GovernorRecord {
    slow: u64,
    hold: u64,
    hold_until: u64,
    waiting: bool,
}

impl Default for Governor {
    fn default() -> Self {
        Self {
            gap: Duration::ZERO,
            passed: 0,
            began: None,
            slow: Duration::ZERO,
            hold: FIRST_HOLD,
            hold_until: Timestamp::default(),
            slowed_at: Timestamp::default(),
            waiting: false,
        }
    }
}

impl Governor {
    /// The least time between two requests; zero where nothing is known of a limit.
    pub(super) const fn gap(&self) -> Duration {
        self.gap
    }

    /// Was a wait asked for, and nothing has passed since?
    pub(super) const fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// Are requests slowed?
    pub(super) const fn is_slow(&self) -> bool {
        !self.gap.is_zero()
    }

    /// Does it say nothing?
    pub(super) const fn is_blank(&self) -> bool {
        self.gap.is_zero() && !self.waiting
    }

    /// What is to be kept of it: what was tried beyond the slower pace is not, and is tried again.
    pub(super) fn record(&self) -> Option<GovernorRecord> {
        (!self.is_blank()).then(|| GovernorRecord {
            slow: micros(self.slow),
            hold: micros(self.hold),
            hold_until: self.hold_until.as_micros(),
            waiting: self.waiting,
        })
    }

    /// One that goes on from what was kept. No gap is longer than `longest`, and nothing is held longer than it may be: the wall
    /// clock may have been set.
    pub(super) fn recalled(record: &GovernorRecord, longest: Duration, now: Timestamp) -> Self {
        let slow = Duration::from_micros(record.slow).min(longest).max(Duration::from_micros(1));
        let hold = Duration::from_micros(record.hold).clamp(FIRST_HOLD, LONGEST_HOLD);
        let hold_until = Timestamp::from_micros(record.hold_until).min(now + hold);
        Self { gap: slow, slow, hold, hold_until, waiting: record.waiting, ..Self::default() }
    }

    /// Was a request that went out at `sent` under an earlier pace?
    pub(super) fn is_old(&self, sent: Timestamp) -> bool {
        sent <= self.slowed_at
    }

    /// The site answered a request that went out at `sent`.
    pub(super) fn passed(&mut self, sent: Timestamp) {
        if self.is_old(sent) && self.waiting {
            self.passed += 1;
            return;
        }
        if self.waiting {
            (self.waiting, self.passed, self.began) = (false, 0, None);
        }
        self.began.get_or_insert(sent);
        self.passed = self.passed.saturating_add(1);
        if !self.gap.is_zero() && sent >= self.hold_until {
            self.speed_up();
        }
    }

    fn speed_up(&mut self) {
        let slow = 1.0 / self.slow.as_secs_f64();
        let rate = 1.0 / self.gap.as_secs_f64() + STEP * slow;
        if rate > LET_GO * slow {
            (self.gap, self.hold) = (Duration::ZERO, FIRST_HOLD);
        } else {
            self.gap = Duration::from_secs_f64(1.0 / rate);
        }
    }

    /// The site asks to wait until `again`. `usual` is how requests have followed one another lately, and no gap is made
    /// longer than `longest`.
    pub(super) fn throttled(&mut self, usual: Duration, again: Timestamp, longest: Duration, now: Timestamp) {
        let known = self.began.filter(|_| self.passed >= TELLING);
        let probing = self.is_probing(now);
        if !self.waiting && self.gap.is_zero() {
            self.gap = usual.max(LEAST).mul_f64(if known.is_some() { MARGIN } else { BACK_OFF });
        } else if !self.waiting {
            self.slow_down(now);
        }
        // What was kept without a word for a while is known better than what can be counted since.
        if !probing && let Some(began) = known {
            // A wait that was not long enough makes the time longer, and what passed in it stays as much.
            self.gap = self.gap.max(again.since(began).mul_f64(MARGIN) / self.passed);
        }
        self.waiting = true;
        self.keep(self.gap.min(longest), again, now);
    }

    /// Too much is turned away, though not all; no gap is made longer than `longest`.
    pub(super) fn exceeded(&mut self, longest: Duration, now: Timestamp) {
        self.slow_down(now);
        (self.passed, self.began) = (0, None);
        self.keep(self.gap.min(longest), now, now);
    }

    /// Is more tried than was kept?
    fn is_probing(&self, now: Timestamp) -> bool {
        !self.gap.is_zero() && now >= self.hold_until
    }

    fn slow_down(&mut self, now: Timestamp) {
        if self.is_probing(now) {
            self.hold = (2 * self.hold).min(LONGEST_HOLD);
            self.gap = self.slow.mul_f64(AS_BEFORE);
        } else {
            self.gap = self.gap.mul_f64(FURTHER);
        }
    }

    fn keep(&mut self, gap: Duration, from: Timestamp, now: Timestamp) {
        self.gap = gap;
        self.slow = gap.max(Duration::from_micros(1));
        self.hold_until = from + self.hold;
        self.slowed_at = now;
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONGEST: Duration = Duration::from_secs(600);

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(1_000_000_000 + ms * 1000)
    }

    #[test]
    fn what_passed_until_it_passes_again_is_what_is_allowed() {
        let mut governor = Governor::default();
        for n in 0..60 {
            governor.passed(at(n * 10));
        }
        governor.throttled(Duration::from_millis(10), at(60_000), LONGEST, at(600));
        assert_eq!(governor.gap(), Duration::from_millis(1_100), "60 a minute, and a tenth less");
        governor.throttled(Duration::from_millis(10), at(120_000), LONGEST, at(60_001));
        assert_eq!(governor.gap(), Duration::from_millis(2_200), "it was 60 in two minutes");
    }

    #[test]
    fn what_went_out_before_the_slow_down_says_nothing_against_it() {
        let mut governor = Governor::default();
        governor.throttled(Duration::from_millis(500), at(2_000), LONGEST, at(1_000));
        assert!(governor.is_old(at(1_000)) && !governor.is_old(at(1_001)));
        governor.passed(at(900));
        assert!(governor.is_waiting());
        governor.passed(at(2_000));
        assert!(!governor.is_waiting());
    }

    #[test]
    fn more_is_tried_after_a_while_and_what_was_too_much_is_taken_back_for_twice_as_long() {
        let mut governor = Governor::default();
        governor.throttled(Duration::from_millis(500), at(0), LONGEST, at(0));
        let slow = governor.gap();
        assert_eq!(slow, Duration::from_secs(1));
        governor.passed(at(59_000));
        assert_eq!(governor.gap(), slow);
        (60..90).for_each(|second| governor.passed(at(second * 1000)));
        assert!(governor.gap() < slow * 3 / 4);
        governor.throttled(Duration::from_millis(500), at(90_000), LONGEST, at(90_000));
        assert!(governor.gap() > slow && governor.gap() < slow * 11 / 10, "{:?}", governor.gap());
        let kept = governor.gap();
        governor.passed(at(200_000));
        assert_eq!(governor.gap(), kept, "two minutes now");
        governor.passed(at(211_000));
        assert!(governor.gap() < kept);
        (0..1_000).for_each(|n| governor.passed(at(211_000 + n)));
        assert!(governor.is_blank(), "nothing is left of a limit that is not met again");
    }

    #[test]
    fn no_gap_grows_beyond_the_longest() {
        let mut governor = Governor::default();
        for n in 0..10_000 {
            governor.throttled(LONGEST, at(n), LONGEST, at(n));
            governor.exceeded(LONGEST, at(n));
            governor.passed(at(n + 1));
        }
        assert_eq!(governor.gap(), LONGEST);
    }
}
