//! Pace: when a proxy may next ask a host, and why not sooner.
//!
//! Pure. Kept per (address, host): the delay from first byte sent to first byte sent, and pauses, because the site seems to
//! refuse the proxy (a ban) or asked it to wait (throttling). Proxies that share one address share its pace.

use std::collections::HashMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::config;
use crate::task::{HostKey, TaskId};

/// An address as the sites see it: a proxy's, or our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressId(pub u32);

/// Throttling without `Retry-After` waits so long at first, and twice as long each further time in a row.
const FIRST_THROTTLE: Duration = Duration::from_secs(2);

/// No throttling waits longer, whatever the site says (`pace.retry_after_max` of the config contract).
const LONGEST_THROTTLE: Duration = Duration::from_secs(600);

/// When an address may ask a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// At once.
    Now,
    /// The delay is not over until then.
    Wait(Timestamp),
    /// It leaves the host alone until then.
    Paused(Timestamp),
}

#[derive(Clone, Debug, Default)]
struct Lane {
    free_at: Timestamp,
    ban: Option<Ban>,
    bans_in_a_row: u32,
    throttled_until: Timestamp,
    throttles_in_a_row: u32,
}

#[derive(Clone, Copy, Debug)]
struct Ban {
    until: Timestamp,
    page: TaskId,
}

impl Lane {
    fn paused_until(&self) -> Timestamp {
        self.ban.map_or(self.throttled_until, |ban| ban.until.max(self.throttled_until))
    }

    fn is_blank(&self, now: Timestamp) -> bool {
        self.free_at <= now
            && self.paused_until() <= now
            && self.ban.is_none()
            && self.bans_in_a_row == 0
            && self.throttles_in_a_row == 0
    }
}

/// The pace of all addresses on all hosts.
#[derive(Debug)]
pub struct Pace {
    settings: config::Pace,
    ban_cooldown: Duration,
    lanes: HashMap<AddressId, HashMap<HostKey, Lane>>,
    lanes_kept: usize,
    sweep_at: usize,
}

impl Pace {
    /// Nothing has been asked yet.
    pub fn new(settings: config::Pace, ban: &config::Ban) -> Self {
        Self { settings, ban_cooldown: ban.cooldown, lanes: HashMap::new(), lanes_kept: 0, sweep_at: 4096 }
    }

    /// A gap between two requests: the delay, and a random share of it on top.
    pub fn gap(&self, rng: &mut fastrand::Rng) -> Duration {
        self.settings.delay.mul_f64(1.0 + self.settings.jitter * rng.f64())
    }

    /// May `address` ask `host`?
    pub fn permit(&self, address: AddressId, host: &HostKey, now: Timestamp) -> Permit {
        let Some(lane) = self.lanes.get(&address).and_then(|hosts| hosts.get(host)) else { return Permit::Now };
        let paused = lane.paused_until();
        if paused > now {
            Permit::Paused(paused.max(lane.free_at))
        } else if lane.free_at > now {
            Permit::Wait(lane.free_at)
        } else {
            Permit::Now
        }
    }

    /// May `address` ask `host` to find out whether a ban is one? Delay and throttling hold all the same.
    pub fn permit_despite_ban(&self, address: AddressId, host: &HostKey, now: Timestamp) -> Permit {
        let Some(lane) = self.lanes.get(&address).and_then(|hosts| hosts.get(host)) else { return Permit::Now };
        if lane.throttled_until > now {
            Permit::Paused(lane.throttled_until.max(lane.free_at))
        } else if lane.free_at > now {
            Permit::Wait(lane.free_at)
        } else {
            Permit::Now
        }
    }

    /// `address` asks, or has asked, `host` at `at`: not again before `gap` has passed.
    pub fn asked(&mut self, address: AddressId, host: &HostKey, at: Timestamp, gap: Duration) {
        self.sweep(at);
        let lane = self.lane(address, host);
        lane.free_at = lane.free_at.max(at + gap);
    }

    /// The site seems to refuse `address`, as seen on `page`: until when it is left alone. Each further ban doubles the pause.
    pub fn ban(&mut self, address: AddressId, host: &HostKey, page: TaskId, now: Timestamp) -> Timestamp {
        let cooldown = self.ban_cooldown;
        let lane = self.lane(address, host);
        let until = now + cooldown.saturating_mul(2u32.saturating_pow(lane.bans_in_a_row));
        lane.bans_in_a_row = lane.bans_in_a_row.saturating_add(1);
        lane.ban = Some(Ban { until, page });
        until
    }

    /// A page that `address` got before is forbidden to it now: its ban is one, whatever page it was seen on, and lasts.
    pub fn confirm_ban(&mut self, address: AddressId, host: &HostKey, page: TaskId) {
        if let Some(ban) = &mut self.lane(address, host).ban {
            ban.page = page;
        }
    }

    /// `page` turned out to be forbidden for everybody: a pause because of it ends.
    pub fn lift_ban(&mut self, address: AddressId, host: &HostKey, page: TaskId) {
        let lane = self.lane(address, host);
        if lane.ban.is_some_and(|ban| ban.page == page) {
            lane.ban = None;
            lane.bans_in_a_row = lane.bans_in_a_row.saturating_sub(1);
        }
    }

    /// The site asks `address` to wait: until when.
    pub fn throttle(
        &mut self,
        address: AddressId,
        host: &HostKey,
        retry_after: Option<Duration>,
        now: Timestamp,
    ) -> Timestamp {
        let lane = self.lane(address, host);
        let doubled = FIRST_THROTTLE.saturating_mul(2u32.saturating_pow(lane.throttles_in_a_row));
        lane.throttles_in_a_row = lane.throttles_in_a_row.saturating_add(1);
        lane.throttled_until = now + retry_after.unwrap_or(doubled).min(LONGEST_THROTTLE);
        lane.throttled_until
    }

    /// `address` got a page from `host`: pauses that it had there are forgotten.
    pub fn succeeded(&mut self, address: AddressId, host: &HostKey) {
        if let Some(lane) = self.lanes.get_mut(&address).and_then(|hosts| hosts.get_mut(host)) {
            lane.bans_in_a_row = 0;
            lane.throttles_in_a_row = 0;
            lane.ban = None;
        }
    }

    fn lane(&mut self, address: AddressId, host: &HostKey) -> &mut Lane {
        let hosts = self.lanes.entry(address).or_default();
        if !hosts.contains_key(host) {
            self.lanes_kept += 1;
        }
        hosts.entry(host.clone()).or_default()
    }

    /// Forgets lanes that say nothing, so that a crawl of many hosts stays small; its cost is spread over the growth.
    fn sweep(&mut self, now: Timestamp) {
        if self.lanes_kept < self.sweep_at {
            return;
        }
        for hosts in self.lanes.values_mut() {
            hosts.retain(|_, lane| !lane.is_blank(now));
        }
        self.lanes_kept = self.lanes.values().map(HashMap::len).sum();
        self.sweep_at = (2 * self.lanes_kept).max(4096);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AddressId = AddressId(1);
    const PAGE: TaskId = TaskId(7);

    fn pace(jitter: f64) -> Pace {
        Pace::new(
            config::Pace { delay: Duration::from_secs(1), jitter },
            &config::Ban { status: vec![403], cooldown: Duration::from_secs(300) },
        )
    }

    fn host() -> HostKey {
        HostKey("site.test:80".into())
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn jitter_adds_and_never_subtracts() {
        let (pace, mut rng) = (pace(0.5), fastrand::Rng::with_seed(1));
        for _ in 0..1000 {
            let gap = pace.gap(&mut rng);
            assert!(gap >= Duration::from_secs(1) && gap <= Duration::from_millis(1500), "{gap:?}");
        }
    }

    #[test]
    fn the_delay_counts_per_address_and_host() {
        let mut pace = pace(0.0);
        pace.asked(A, &host(), at(10), Duration::from_secs(1));
        assert_eq!(pace.permit(A, &host(), at(10)), Permit::Wait(at(11)));
        assert_eq!(pace.permit(A, &host(), at(11)), Permit::Now);
        assert_eq!(pace.permit(AddressId(2), &host(), at(10)), Permit::Now);
        assert_eq!(pace.permit(A, &HostKey("other.test:80".into()), at(10)), Permit::Now);
    }

    #[test]
    fn a_later_send_moves_the_delay_and_an_earlier_one_does_not() {
        let mut pace = pace(0.0);
        let second = Duration::from_secs(1);
        pace.asked(A, &host(), at(10), second);
        pace.asked(A, &host(), at(12), second);
        pace.asked(A, &host(), at(11), second);
        assert_eq!(pace.permit(A, &host(), at(12)), Permit::Wait(at(13)));
    }

    #[test]
    fn bans_double_until_a_page_comes_through() {
        let mut pace = pace(0.0);
        assert_eq!(pace.ban(A, &host(), PAGE, at(0)), at(300));
        assert_eq!(pace.permit(A, &host(), at(299)), Permit::Paused(at(300)));
        assert_eq!(pace.permit(A, &host(), at(300)), Permit::Now);
        assert_eq!(pace.ban(A, &host(), PAGE, at(1000)), at(1600));
        pace.succeeded(A, &host());
        assert_eq!(pace.ban(A, &host(), PAGE, at(2000)), at(2300));
    }

    #[test]
    fn only_the_page_that_caused_a_ban_lifts_it() {
        let mut pace = pace(0.0);
        pace.ban(A, &host(), PAGE, at(0));
        pace.lift_ban(A, &host(), TaskId(8));
        assert_eq!(pace.permit(A, &host(), at(1)), Permit::Paused(at(300)));
        pace.lift_ban(A, &host(), PAGE);
        assert_eq!(pace.permit(A, &host(), at(1)), Permit::Now);
        assert_eq!(pace.ban(A, &host(), PAGE, at(10)), at(310), "a lifted ban does not count as one");
    }

    #[test]
    fn throttling_obeys_retry_after_up_to_a_cap_and_else_doubles() {
        let mut pace = pace(0.0);
        assert_eq!(pace.throttle(A, &host(), None, at(0)), at(2));
        assert_eq!(pace.throttle(A, &host(), None, at(10)), at(14));
        assert_eq!(pace.throttle(A, &host(), Some(Duration::from_secs(7)), at(20)), at(27));
        assert_eq!(pace.throttle(A, &host(), Some(Duration::from_secs(9999)), at(30)), at(630));
    }

    #[test]
    fn lanes_of_hosts_long_left_are_forgotten() {
        let mut pace = pace(0.0);
        for n in 0..10_000 {
            pace.asked(A, &HostKey(format!("h{n}.test:80").into()), at(n), Duration::from_secs(1));
        }
        assert!(pace.lanes_kept <= 4096, "{}", pace.lanes_kept);
    }
}
