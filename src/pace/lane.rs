//! One address at one host: its delay, and the pauses that it has there.
//!
//! Pure. Pauses come from a ban, or because the site asks to wait; after the latter it goes on more slowly.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::FIRST_THROTTLE;
use super::governor::{Governor, GovernorRecord};
use crate::clock::Timestamp;
use crate::config;
use crate::task::TaskId;

/// Without a delay, requests follow one another about as fast as the site answers.
const BRIEF: Duration = Duration::from_millis(100);

#[derive(Clone, Debug, Default)]
pub(super) struct Lane {
    pub(super) free_at: Timestamp,
    asked_at: Option<Timestamp>,
    /// The time between the last two requests.
    last_gap: Duration,
    ban: Option<Ban>,
    bans_in_a_row: u32,
    throttled_until: Timestamp,
    throttles_in_a_row: u32,
    governor: Governor,
    /// Pages that it got, ever.
    pub(super) pages: u64,
}

#[derive(Clone, Copy, Debug)]
struct Ban {
    until: Timestamp,
    page: TaskId,
}

/// What is kept of an address at a host that it is to leave alone, or to ask less often. Moments in microseconds since the Unix
/// epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneRecord {
    /// Until when, and the number of the page that it was seen on.
    ban: Option<(u64, u64)>,
    bans_in_a_row: u32,
    throttled_until: u64,
    throttles_in_a_row: u32,
    governor: Option<GovernorRecord>,
}

impl Lane {
    /// One that may be asked from then on.
    pub(super) fn free_from(free_at: Timestamp) -> Self {
        Self { free_at, ..Self::default() }
    }

    pub(super) fn paused_until(&self) -> Timestamp {
        self.ban.map_or(self.throttled_until, |ban| ban.until.max(self.throttled_until))
    }

    pub(super) const fn throttled_until(&self) -> Timestamp {
        self.throttled_until
    }

    /// The least time between two requests that the site seems to want.
    pub(super) const fn gap(&self) -> Duration {
        self.governor.gap()
    }

    /// A fetch goes out; when its request does is not known yet.
    pub(super) fn begin(&mut self, now: Timestamp, gap: Duration) {
        self.free_at = self.free_at.max(now + gap);
    }

    /// A request went out.
    pub(super) fn asked(&mut self, at: Timestamp, gap: Duration) {
        self.free_at = self.free_at.max(at + gap);
        if let Some(before) = self.asked_at.filter(|before| *before < at) {
            self.last_gap = at.since(before);
        }
        self.asked_at = self.asked_at.max(Some(at));
    }

    /// So much time has to pass since the last request.
    pub(super) fn free_after_last(&mut self, gap: Duration) {
        if let Some(at) = self.asked_at {
            self.free_at = self.free_at.max(at + gap);
        }
    }

    pub(super) fn ban(&mut self, page: TaskId, cooldown: Duration, now: Timestamp) -> Timestamp {
        let until = now + doubled(cooldown, self.bans_in_a_row);
        self.bans_in_a_row = self.bans_in_a_row.saturating_add(1);
        self.ban = Some(Ban { until, page });
        until
    }

    /// Its ban does not end with what is found out about the page that it was seen on first.
    pub(super) fn confirm_ban(&mut self, page: TaskId) {
        if let Some(ban) = &mut self.ban {
            ban.page = page;
        }
    }

    pub(super) fn lift_ban(&mut self, page: TaskId) {
        if self.ban.is_some_and(|ban| ban.page == page) {
            self.ban = None;
            self.bans_in_a_row = self.bans_in_a_row.saturating_sub(1);
        }
    }

    pub(super) fn throttle(
        &mut self,
        wait: Option<Duration>,
        sent: Timestamp,
        settings: &config::Pace,
        now: Timestamp,
    ) -> Timestamp {
        let growing = doubled(FIRST_THROTTLE, self.throttles_in_a_row);
        self.throttles_in_a_row = self.throttles_in_a_row.saturating_add(1);
        let until = now + wait.unwrap_or(growing).min(settings.retry_after_max);
        self.throttled_until = until;
        if settings.adaptive && !self.governor.is_old(sent) {
            // A break of its own choosing says nothing of what the site allows.
            let most = 4 * self.governor.gap().max(settings.delay).max(BRIEF);
            let usual = self.last_gap.min(most).max(settings.delay);
            self.governor.throttled(usual, until, settings.retry_after_max, now);
        }
        until
    }

    /// The site answered a request that went out at `sent`. Is what is to be kept of it another thing now?
    pub(super) fn passed(&mut self, sent: Timestamp) -> bool {
        let before = self.says();
        self.throttles_in_a_row = 0;
        self.governor.passed(sent);
        before != self.says()
    }

    /// It got a page: the site does not refuse it. Is what is to be kept of it another thing now?
    pub(super) fn succeeded(&mut self) -> bool {
        let before = self.says();
        self.pages += 1;
        self.bans_in_a_row = 0;
        self.throttles_in_a_row = 0;
        self.ban = None;
        before != self.says()
    }

    fn says(&self) -> (bool, u32, bool, bool) {
        (self.ban.is_some(), self.throttles_in_a_row, self.governor.is_slow(), self.governor.is_waiting())
    }

    /// What is to be kept of it, if anything. A ban of an address that has never got a page may as well be due to what we send,
    /// which may be another thing the next time.
    pub(super) fn record(&self) -> Option<LaneRecord> {
        let ban = self.ban.filter(|_| self.pages > 0);
        let record = LaneRecord {
            ban: ban.map(|ban| (ban.until.as_micros(), ban.page.0)),
            bans_in_a_row: if ban.is_some() { self.bans_in_a_row } else { 0 },
            throttled_until: self.throttled_until.as_micros(),
            throttles_in_a_row: self.throttles_in_a_row,
            governor: self.governor.record(),
        };
        let says_something = ban.is_some() || record.throttles_in_a_row > 0 || record.governor.is_some();
        says_something.then_some(record)
    }

    /// Goes on from what was kept. No pause is longer than it may be: the wall clock may have been set.
    pub(super) fn recall(&mut self, record: &LaneRecord, settings: &config::Pace, cooldown: Duration, now: Timestamp) {
        let longest = now + doubled(cooldown, record.bans_in_a_row.saturating_sub(1));
        let ban = |(until, page)| Ban { until: Timestamp::from_micros(until).min(longest), page: TaskId(page) };
        self.ban = record.ban.map(ban);
        self.bans_in_a_row = record.bans_in_a_row;
        self.pages = u64::from(self.ban.is_some());
        self.throttled_until = Timestamp::from_micros(record.throttled_until).min(now + settings.retry_after_max);
        self.throttles_in_a_row = record.throttles_in_a_row;
        if let Some(governor) = record.governor.as_ref().filter(|_| settings.adaptive) {
            self.governor = Governor::recalled(governor, settings.retry_after_max, now);
        }
    }

    /// Does it say nothing that a new one would not?
    pub(super) fn is_blank(&self, now: Timestamp) -> bool {
        self.free_at <= now
            && self.paused_until() <= now
            && self.ban.is_none()
            && self.bans_in_a_row == 0
            && self.throttles_in_a_row == 0
            && self.governor.is_blank()
    }
}

fn doubled(wait: Duration, times: u32) -> Duration {
    wait.saturating_mul(2u32.saturating_pow(times))
}
