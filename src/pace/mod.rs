//! Pace: when a proxy may next ask a host, and why not sooner.
//!
//! Pure. Kept per address and host (`lane.rs`): the delay from first byte sent to first byte sent, and pauses. Kept per host
//! over all proxies (`host.rs`): how many requests, how many at once. Both go more slowly where the site throttles
//! (`governor.rs`). Proxies that share one address share its pace.

mod crawl_delay;
#[cfg(test)]
pub(crate) mod fixture;
mod governor;
mod host;
mod lane;
mod memory;
mod refusals;
pub mod robots;
#[cfg(test)]
mod simulation;

use std::collections::HashMap;
use std::time::Duration;

use self::crawl_delay::CrawlDelays;
use self::host::{Ask, Host};
use self::lane::Lane;
use crate::clock::Timestamp;
use crate::config;
use crate::task::{HostKey, TaskId};

pub use host::{HostRecord, Slowed};
pub use lane::LaneRecord;
pub use refusals::Refusals;

/// An address as the sites see it: a proxy's, or our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressId(pub u32);

/// Throttling without `Retry-After` waits so long at first, and twice as long each further time in a row.
const FIRST_THROTTLE: Duration = Duration::from_secs(2);

/// When an address may ask a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// At once.
    Now,
    /// The delay is not over until then.
    Wait(Timestamp),
    /// It leaves the host alone until then.
    Paused(Timestamp),
    /// No address may before then; if that never comes, something has to end first.
    Shut(Timestamp),
}

/// What follows from a request to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// The address leaves the host alone until then.
    pub until: Timestamp,
    /// The host asks everybody to wait.
    pub everybody: Option<Slowed>,
}

/// A 429, or what is like it.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    /// When the request went out.
    pub sent: Timestamp,
    /// How long to wait, if the site said so.
    pub retry_after: Option<Duration>,
    /// How many addresses might ask the host now.
    pub addresses: usize,
}

/// The pace of all addresses on all hosts.
#[derive(Debug)]
pub struct Pace {
    settings: config::Pace,
    ban_cooldown: Duration,
    /// By the number of the address.
    lanes: Vec<HashMap<HostKey, Lane>>,
    hosts: HashMap<HostKey, Host>,
    crawl_delays: CrawlDelays,
    lanes_kept: usize,
    sweep_at: usize,
    /// An earlier process may have asked anybody until then.
    resumed_at: Option<Timestamp>,
}

impl Pace {
    /// Nothing has been asked yet, at least not since `resumed_at`: what was asked before is not known, so that every first
    /// request waits as if there had been one then.
    pub fn new(settings: config::Pace, ban: &config::Ban, resumed_at: Option<Timestamp>) -> Self {
        Self {
            settings,
            ban_cooldown: ban.cooldown,
            lanes: Vec::new(),
            hosts: HashMap::new(),
            crawl_delays: CrawlDelays::default(),
            lanes_kept: 0,
            sweep_at: 4096,
            resumed_at,
        }
    }

    /// A gap between two requests of `address` to `host`: the delay and a random share of it on top, or longer where the site
    /// throttles.
    pub fn gap(&self, address: AddressId, host: &HostKey, rng: &mut fastrand::Rng) -> Duration {
        let slow = self.lane_of(address, host).map_or(Duration::ZERO, Lane::gap);
        let delay = self.settings.delay.mul_f64(1.0 + self.settings.jitter * rng.f64());
        delay.max(slow).max(self.crawl_delays.gap(host))
    }

    /// May `address` ask `host`?
    pub fn permit(&self, address: AddressId, host: &HostKey, now: Timestamp) -> Permit {
        if let Some(at) = self.shut_until(host, now) {
            return Permit::Shut(at);
        }
        self.own_permit(address, host, now)
    }

    /// May `address` ask `host` to find out whether a ban is one? All but the ban holds all the same.
    pub fn permit_despite_ban(&self, address: AddressId, host: &HostKey, now: Timestamp) -> Permit {
        match self.shut_until(host, now) {
            Some(at) => Permit::Shut(at),
            None => self.lane_permit(address, host, Lane::throttled_until, now),
        }
    }

    /// The same as [`Self::permit`] as far as `address` is concerned, whatever is shut to everybody.
    pub fn own_permit(&self, address: AddressId, host: &HostKey, now: Timestamp) -> Permit {
        self.lane_permit(address, host, Lane::paused_until, now)
    }

    fn lane_permit(
        &self,
        address: AddressId,
        host: &HostKey,
        paused_until: impl Fn(&Lane) -> Timestamp,
        now: Timestamp,
    ) -> Permit {
        let Some(lane) = self.lane_of(address, host) else { return self.first_permit(now) };
        let paused = paused_until(lane);
        if paused > now {
            Permit::Paused(paused.max(lane.free_at))
        } else if lane.free_at > now {
            Permit::Wait(lane.free_at)
        } else {
            Permit::Now
        }
    }

    fn shut_until(&self, host: &HostKey, now: Timestamp) -> Option<Timestamp> {
        let settings = self.settings_at(host);
        match self.hosts.get(host) {
            Some(host) => host.shut_until(&settings, now),
            None => self.first_host(host).shut_until(&settings, now),
        }
    }

    fn settings_at(&self, host: &HostKey) -> config::Pace {
        self.crawl_delays.at(host, &self.settings)
    }

    fn first_permit(&self, now: Timestamp) -> Permit {
        match self.resumed_at.map(|resumed| resumed + self.settings.delay) {
            Some(at) if at > now => Permit::Wait(at),
            Some(_) | None => Permit::Now,
        }
    }

    fn first_host(&self, host: &HostKey) -> Host {
        let gap = self.settings_at(host).host_gap.unwrap_or_default();
        Host::free_from(self.resumed_at.map_or(Timestamp::default(), |resumed| resumed + gap))
    }

    /// A fetch goes out: `address` asks `host`, and not again before `gap` has passed.
    pub fn begin(&mut self, address: AddressId, host: &HostKey, gap: Duration, now: Timestamp) {
        self.sweep(now);
        let settings = self.settings_at(host);
        self.host(host).begin(&settings, now);
        self.lane(address, host).begin(now, gap);
    }

    /// A fetch of a page at `host` is over, in which requests went out at these times: what is asked on the way, by
    /// redirects and on new connections, is only known now, and takes the place of what was to come. Can another fetch take
    /// its place at once?
    pub fn end(&mut self, address: AddressId, host: &HostKey, sent: &[(HostKey, Timestamp)], gap: Duration) -> bool {
        let settings = self.settings_at(host);
        let here = sent.iter().filter(|(asked, _)| asked == host).map(|(_, at)| *at);
        let own = self.host(host);
        let lets_in = own.lets_in(&settings);
        own.end(&settings, here);
        for (asked, at) in sent {
            self.lane(address, asked).asked(*at, gap);
            if asked != host {
                let settings = self.settings_at(asked);
                self.host(asked).asked_besides(&settings, std::iter::once(*at));
            }
        }
        lets_in
    }

    /// The site seems to refuse `address`, as seen on `page`: until when it is left alone. Each further ban doubles the pause.
    pub fn ban(&mut self, address: AddressId, host: &HostKey, page: TaskId, now: Timestamp) -> Timestamp {
        let cooldown = self.ban_cooldown;
        self.lane(address, host).ban(page, cooldown, now)
    }

    /// A page that `address` got before is forbidden to it now: its ban is one, whatever page it was seen on, and lasts.
    pub fn confirm_ban(&mut self, address: AddressId, host: &HostKey, page: TaskId) {
        self.lane(address, host).confirm_ban(page);
    }

    /// `page` turned out to be forbidden for everybody: a pause because of it ends.
    pub fn lift_ban(&mut self, address: AddressId, host: &HostKey, page: TaskId) {
        self.lane(address, host).lift_ban(page);
    }

    /// The site asks `address` to wait.
    pub fn throttle(&mut self, address: AddressId, host: &HostKey, refusal: Refusal, now: Timestamp) -> Throttled {
        let Refusal { sent, retry_after: wait, addresses } = refusal;
        let settings = self.settings_at(host);
        let until = self.lane(address, host).throttle(wait, sent, &settings, now);
        let everybody = self.host(host).throttled(Ask { address, sent, wait, addresses, now }, &settings);
        Throttled { until, everybody }
    }

    /// `host` answered a request of `address` that went out at `sent`, and did not ask it to wait. Gives whether what is to be
    /// kept of them is another thing now.
    pub fn passed(&mut self, address: AddressId, host: &HostKey, sent: Timestamp) -> bool {
        let of_host = self.host(host).passed(sent);
        self.lane(address, host).passed(sent) || of_host
    }

    /// `address` got a page from `host`: that it was refused there is forgotten. Gives whether what is to be kept of it is another
    /// thing now.
    pub fn succeeded(&mut self, address: AddressId, host: &HostKey) -> bool {
        self.lane(address, host).succeeded()
    }

    /// Pages that `address` got from `host`.
    fn pages(&self, address: AddressId, host: &HostKey) -> u64 {
        self.lane_of(address, host).map_or(0, |lane| lane.pages)
    }

    /// Answers of `host` that passed, and those that asked to wait.
    fn answers(&self, host: &HostKey) -> (u64, u64) {
        self.hosts.get(host).map_or((0, 0), |host| (host.let_through, host.turned_away))
    }

    fn lane_of(&self, address: AddressId, host: &HostKey) -> Option<&Lane> {
        self.lanes.get(address.0 as usize)?.get(host)
    }

    fn lane(&mut self, address: AddressId, host: &HostKey) -> &mut Lane {
        let place = address.0 as usize;
        if place >= self.lanes.len() {
            self.lanes.resize_with(place + 1, HashMap::new);
        }
        let hosts = &mut self.lanes[place];
        if !hosts.contains_key(host) {
            self.lanes_kept += 1;
        }
        // A pause that is lifted is no request: the wait after a resume goes on.
        let free_at = self.resumed_at.map_or(Timestamp::default(), |resumed| resumed + self.settings.delay);
        hosts.entry(host.clone()).or_insert_with(|| Lane::free_from(free_at))
    }

    fn host(&mut self, host: &HostKey) -> &mut Host {
        if !self.hosts.contains_key(host) {
            let first = self.first_host(host);
            self.hosts.insert(host.clone(), first);
        }
        self.hosts.entry(host.clone()).or_default()
    }

    /// Forgets what says nothing, so that a crawl of many hosts stays small; its cost is spread over the growth.
    fn sweep(&mut self, now: Timestamp) {
        if self.lanes_kept.max(self.hosts.len()) < self.sweep_at {
            return;
        }
        // Forgotten, they are as at the start: by then that is long ago.
        self.resumed_at = self
            .resumed_at
            .filter(|resumed| *resumed + self.settings.delay.max(self.settings.host_gap.unwrap_or_default()) > now);
        for hosts in &mut self.lanes {
            hosts.retain(|_, lane| !lane.is_blank(now));
        }
        self.hosts.retain(|_, host| !host.is_blank(now));
        self.lanes_kept = self.lanes.iter().map(HashMap::len).sum();
        self.sweep_at = (2 * self.lanes_kept.max(self.hosts.len())).max(4096);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AddressId = AddressId(1);
    const PAGE: TaskId = TaskId(7);

    fn pace(jitter: f64) -> Pace {
        Pace::new(fixture::settings(Duration::from_secs(1), jitter), &fixture::ban(), None)
    }

    fn throttled(pace: &mut Pace, retry_after: Option<Duration>, now: Timestamp) -> Timestamp {
        pace.throttle(A, &host(), Refusal { sent: now, retry_after, addresses: 1 }, now).until
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
            let gap = pace.gap(A, &host(), &mut rng);
            assert!(gap >= Duration::from_secs(1) && gap <= Duration::from_millis(1500), "{gap:?}");
        }
    }

    #[test]
    fn the_delay_counts_per_address_and_host() {
        let mut pace = pace(0.0);
        pace.begin(A, &host(), Duration::from_secs(1), at(10));
        assert_eq!(pace.permit(A, &host(), at(10)), Permit::Wait(at(11)));
        assert_eq!(pace.permit(A, &host(), at(11)), Permit::Now);
        assert_eq!(pace.permit(AddressId(2), &host(), at(10)), Permit::Now);
        assert_eq!(pace.permit(A, &HostKey("other.test:80".into()), at(10)), Permit::Now);
    }

    #[test]
    fn a_later_send_moves_the_delay_and_an_earlier_one_does_not() {
        let mut pace = pace(0.0);
        let second = Duration::from_secs(1);
        pace.begin(A, &host(), second, at(10));
        pace.end(A, &host(), &[(host(), at(12)), (host(), at(11))], second);
        assert_eq!(pace.permit(A, &host(), at(12)), Permit::Wait(at(13)));
    }

    #[test]
    fn a_host_gap_is_kept_by_all_addresses_together_and_what_was_not_asked_for_is_made_up() {
        let gap = Duration::from_millis(100);
        let settings = config::Pace { host_gap: Some(gap), ..fixture::settings(Duration::ZERO, 0.0) };
        let mut pace = Pace::new(settings, &fixture::ban(), None);
        let ms = |ms: u64| Timestamp::from_micros(1_000_000 + ms * 1000);
        assert_eq!(pace.permit(A, &host(), ms(0)), Permit::Now);
        pace.begin(A, &host(), Duration::ZERO, ms(0));
        assert_eq!(pace.permit(AddressId(2), &host(), ms(0)), Permit::Shut(ms(100)));
        assert_eq!(pace.permit(AddressId(2), &HostKey("other.test:80".into()), ms(0)), Permit::Now);
        let redirected = [(host(), ms(10)), (host(), ms(60)), (HostKey("other.test:80".into()), ms(90))];
        pace.end(A, &host(), &redirected, Duration::ZERO);
        assert_eq!(pace.permit(A, &host(), ms(150)), Permit::Shut(ms(210)), "two requests, the first at 10 ms");
        let other = HostKey("other.test:80".into());
        assert_eq!(pace.permit(A, &other, ms(150)), Permit::Shut(ms(190)));
    }

    #[test]
    fn no_more_fetches_are_out_at_a_host_than_it_may_have() {
        let settings =
            config::Pace { host_in_flight: std::num::NonZeroU32::new(2), ..fixture::settings(Duration::ZERO, 0.0) };
        let mut pace = Pace::new(settings, &fixture::ban(), None);
        pace.begin(A, &host(), Duration::ZERO, at(1));
        assert_eq!(pace.permit(AddressId(2), &host(), at(1)), Permit::Now);
        pace.begin(AddressId(2), &host(), Duration::ZERO, at(1));
        assert!(matches!(pace.permit(AddressId(3), &host(), at(9)), Permit::Shut(_)));
        assert!(pace.end(A, &host(), &[], Duration::ZERO), "there is room again");
        assert_eq!(pace.permit(AddressId(3), &host(), at(9)), Permit::Now);
    }

    #[test]
    fn after_a_restart_every_first_request_waits_as_if_there_had_been_one() {
        let settings =
            config::Pace { host_gap: Some(Duration::from_secs(2)), ..fixture::settings(Duration::from_secs(3), 0.0) };
        let pace = Pace::new(settings, &fixture::ban(), Some(at(10)));
        assert_eq!(pace.permit(A, &host(), at(10)), Permit::Shut(at(12)));
        assert_eq!(pace.permit(A, &host(), at(12)), Permit::Wait(at(13)));
        assert_eq!(pace.permit(A, &host(), at(13)), Permit::Now);
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
        assert_eq!(throttled(&mut pace, None, at(0)), at(2));
        assert_eq!(throttled(&mut pace, None, at(10)), at(14));
        assert_eq!(throttled(&mut pace, Some(Duration::from_secs(7)), at(20)), at(27));
        assert_eq!(throttled(&mut pace, Some(Duration::from_secs(9999)), at(30)), at(630));
    }

    #[test]
    fn lanes_of_hosts_long_left_are_forgotten() {
        let mut pace = pace(0.0);
        for n in 0..10_000 {
            let host = HostKey(format!("h{n}.test:80").into());
            pace.begin(A, &host, Duration::from_secs(1), at(n));
            pace.end(A, &host, &[(host.clone(), at(n))], Duration::from_secs(1));
        }
        assert!(pace.lanes_kept <= 4096 && pace.hosts.len() <= 4096, "{} and {}", pace.lanes_kept, pace.hosts.len());
    }
}
