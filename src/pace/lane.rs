//! One address at one host: its delay, and the pauses that it has there.
//!
//! Pure. Pauses come from a ban, or because the site asks to wait; after the latter it goes on more slowly.

use std::time::Duration;

use super::FIRST_THROTTLE;
use super::governor::Governor;
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
        let until = now + cooldown.saturating_mul(2u32.saturating_pow(self.bans_in_a_row));
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
        let doubled = FIRST_THROTTLE.saturating_mul(2u32.saturating_pow(self.throttles_in_a_row));
        self.throttles_in_a_row = self.throttles_in_a_row.saturating_add(1);
        let until = now + wait.unwrap_or(doubled).min(settings.retry_after_max);
        self.throttled_until = until;
        if settings.adaptive && !self.governor.is_old(sent) {
            // A break of its own choosing says nothing of what the site allows.
            let most = 4 * self.governor.gap().max(settings.delay).max(BRIEF);
            let usual = self.last_gap.min(most).max(settings.delay);
            self.governor.throttled(usual, until, settings.retry_after_max, now);
        }
        until
    }

    /// The site answered a request that went out at `sent`.
    pub(super) fn passed(&mut self, sent: Timestamp) {
        self.throttles_in_a_row = 0;
        self.governor.passed(sent);
    }

    /// It got a page: the site does not refuse it.
    pub(super) fn succeeded(&mut self) {
        self.pages += 1;
        self.bans_in_a_row = 0;
        self.throttles_in_a_row = 0;
        self.ban = None;
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
