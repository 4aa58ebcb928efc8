//! One host, as all proxies together see it: how many requests, how many at once, and whether it asks all of them to wait.
//!
//! Pure. A site that throttles one address after the other, with none let through between, throttles all of them: then the
//! host is left alone, asked again by one request, and from then on less often. One address alone is `lane.rs`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::governor::{Governor, GovernorRecord};
use super::{AddressId, FIRST_THROTTLE};
use crate::clock::Timestamp;
use crate::config;

/// So late may a request be, by half of its gap at most, without the next one being as late: timers are.
const CATCH_UP: Duration = Duration::from_millis(20);

/// A host that is known to throttle everybody is asked less often if of so many answers one is turned away …
const TOLERATED: u32 = 10;
/// … and so many were: fewer may be one address's own affair.
const SEVERAL: u32 = 3;
/// Answers are forgotten by halves when so many have passed.
const LATELY: u32 = 200;

/// A moment that only another event brings.
pub(super) const SOME_EVENT: Timestamp = Timestamp::from_micros(u64::MAX);

/// A host that asks all proxies to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowed {
    /// Nobody asks it before.
    pub until: Timestamp,
    /// The least time between two requests from then on.
    pub gap: Duration,
}

/// A request to wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) address: AddressId,
    pub(super) sent: Timestamp,
    /// How long, if the site said so.
    pub(super) wait: Option<Duration>,
    /// How many addresses there are to ask it from.
    pub(super) addresses: usize,
    pub(super) now: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Host {
    free_at: Timestamp,
    out: u32,
    begun_at: Option<Timestamp>,
    /// The usual time between two requests.
    usual: Duration,
    governor: Governor,
    /// Addresses that were asked to wait one after the other, and when the first of them may ask again.
    run: Vec<AddressId>,
    run_until: Option<Timestamp>,
    paused_until: Timestamp,
    pauses_in_a_row: u32,
    /// The same since it was slowed, as far as that is remembered.
    passed: u32,
    throttled: u32,
    /// What it let through and what it did not, ever.
    pub(super) let_through: u64,
    pub(super) turned_away: u64,
}

/// What is kept of a host that asked all proxies to wait; moments in microseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRecord {
    paused_until: u64,
    pauses_in_a_row: u32,
    governor: GovernorRecord,
}

impl Host {
    /// One that is not asked before that.
    pub(super) fn free_from(free_at: Timestamp) -> Self {
        Self { free_at, ..Self::default() }
    }

    /// It is not asked before that.
    pub(super) fn free_not_before(&mut self, at: Timestamp) {
        self.free_at = self.free_at.max(at);
    }

    fn gap(&self, settings: &config::Pace) -> Duration {
        self.governor.gap().max(settings.host_gap.unwrap_or_default())
    }

    /// When somebody may ask it; `None`: now.
    pub(super) fn shut_until(&self, settings: &config::Pace, now: Timestamp) -> Option<Timestamp> {
        let full = settings.host_in_flight.is_some_and(|most| self.out >= most.get());
        let probed = self.governor.is_waiting() && self.out > 0;
        let at = self.paused_until.max(self.free_at);
        if full || probed { Some(SOME_EVENT) } else { (at > now).then_some(at) }
    }

    /// A fetch goes out.
    pub(super) fn begin(&mut self, settings: &config::Pace, now: Timestamp) {
        let gap = self.gap(settings);
        self.out += 1;
        let late = now.since(self.free_at);
        // Later than that, nobody had anything to ask: there is nothing to make up for.
        let made_up = if late <= gap { late.min(CATCH_UP).min(gap / 2) } else { Duration::ZERO };
        self.free_at = now + (gap - made_up);
        if let Some(before) = self.begun_at.replace(now) {
            self.usual = drifted(self.usual, now.since(before));
        }
    }

    /// A fetch is over: its request went out at the first of these moments, and others after it that nobody had asked for.
    pub(super) fn end(&mut self, settings: &config::Pace, mut sent: impl Iterator<Item = Timestamp>) {
        self.out = self.out.saturating_sub(1);
        let gap = self.gap(settings);
        if let Some(first) = sent.next() {
            self.free_at = self.free_at.max(first + gap);
        }
        self.asked_besides(settings, sent);
    }

    /// Requests went out that nobody had asked for: each takes the place of one to come.
    pub(super) fn asked_besides(&mut self, settings: &config::Pace, sent: impl Iterator<Item = Timestamp>) {
        let gap = self.gap(settings);
        for at in sent {
            self.free_at = self.free_at.max(at) + gap;
        }
    }

    /// Can a fetch that ends let another one in?
    pub(super) fn lets_in(&self, settings: &config::Pace) -> bool {
        settings.host_in_flight.is_some() || self.governor.is_waiting()
    }

    /// It answered a request that went out at `sent`. Is what is to be kept of it another thing now?
    pub(super) fn passed(&mut self, sent: Timestamp) -> bool {
        let before = self.says();
        self.let_through += 1;
        self.passed += 1;
        if self.passed >= LATELY {
            (self.passed, self.throttled) = (self.passed / 2, self.throttled / 2);
        }
        self.governor.passed(sent);
        if !self.governor.is_waiting() {
            self.pauses_in_a_row = 0;
        }
        self.run.clear();
        self.run_until = None;
        before != self.says()
    }

    fn says(&self) -> (bool, bool) {
        (self.governor.is_slow(), self.governor.is_waiting())
    }

    /// What is to be kept of it, if anything.
    pub(super) fn record(&self) -> Option<HostRecord> {
        let governor = self.governor.record()?;
        Some(HostRecord {
            paused_until: self.paused_until.as_micros(),
            pauses_in_a_row: self.pauses_in_a_row,
            governor,
        })
    }

    /// Goes on from what was kept. No pause is longer than it may be: the wall clock may have been set.
    pub(super) fn recall(&mut self, record: &HostRecord, settings: &config::Pace, now: Timestamp) {
        if settings.adaptive {
            self.paused_until = Timestamp::from_micros(record.paused_until).min(now + settings.retry_after_max);
            self.pauses_in_a_row = record.pauses_in_a_row;
            self.governor = Governor::recalled(&record.governor, settings.retry_after_max, now);
        }
    }

    /// It asks an address to wait. Something, if it seems to mean all of them.
    pub(super) fn throttled(&mut self, ask: Ask, settings: &config::Pace) -> Option<Slowed> {
        self.turned_away += 1;
        if !settings.adaptive || ask.addresses < 2 || self.governor.is_old(ask.sent) {
            return None;
        }
        let doubled = FIRST_THROTTLE.saturating_mul(2u32.saturating_pow(self.pauses_in_a_row));
        let until = ask.now + ask.wait.unwrap_or(doubled).min(settings.retry_after_max);
        if !self.governor.is_waiting() {
            if !self.run.contains(&ask.address) {
                self.run.push(ask.address);
            }
            self.run_until = Some(self.run_until.map_or(until, |before| before.min(until)));
            if self.run.len() < enough(ask.addresses) {
                return self.too_many(settings, ask.now);
            }
        }
        (self.passed, self.throttled) = (0, 0);
        self.paused_until = self.run_until.take().map_or(until, |first| first.max(ask.now)).max(self.paused_until);
        self.run.clear();
        self.pauses_in_a_row = self.pauses_in_a_row.saturating_add(1);
        self.governor.throttled(self.usual, self.paused_until, settings.retry_after_max, ask.now);
        Some(Slowed { until: self.paused_until, gap: self.governor.gap() })
    }

    /// It lets some through and turns others away: where it is known to mean everybody, that was too many.
    fn too_many(&mut self, settings: &config::Pace, now: Timestamp) -> Option<Slowed> {
        self.throttled += 1;
        let tolerated = self.throttled < SEVERAL || self.throttled * TOLERATED <= self.passed;
        if !self.governor.is_slow() || tolerated {
            return None;
        }
        (self.passed, self.throttled) = (0, 0);
        self.governor.exceeded(settings.retry_after_max, now);
        Some(Slowed { until: now, gap: self.governor.gap() })
    }

    /// Does it say nothing that a new one would not?
    pub(super) fn is_blank(&self, now: Timestamp) -> bool {
        self.out == 0
            && self.free_at <= now
            && self.paused_until <= now
            && self.run.is_empty()
            && self.governor.is_blank()
    }
}

/// So many addresses in a row are no accident: the more there are, the more often a few meet limits of their own at once.
fn enough(addresses: usize) -> usize {
    addresses.min(3 + addresses.max(1).ilog2() as usize)
}

/// A mean that moves by a sixteenth; a break says little of how requests follow one another.
pub(super) fn drifted(mean: Duration, sample: Duration) -> Duration {
    if mean.is_zero() { sample } else { (mean * 15 + sample.min(mean * 8)) / 16 }
}
