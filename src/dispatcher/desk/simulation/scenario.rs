//! What a simulated crawl is made of.

use std::num::NonZeroU32;
use std::ops::Range;
use std::time::Duration;

use super::downs::{Down, Mode};
use super::site::DETAIL;
use crate::config::{self, SpareOrder};
use crate::dispatcher::desk::{Limits, fixture};

/// How a proxy behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ProxyKind {
    Good,
    /// Refuses connections.
    Dead,
    /// Resets this share of its requests.
    Flaky(f64),
    /// Works for so many requests, then answers 403 itself.
    Banning(u32),
    /// Works for so many requests, then gives a page that lacks what is expected.
    SoftBanning(u32),
    /// Never answers.
    Stalling,
    /// Works for so many requests, then never answers.
    StallingAfter(u32),
    /// Refuses our password.
    Denying,
    /// Answers every n-th request with 404 of its own.
    Lying(u32),
    /// Answers every n-th request with 503 of its own.
    Erring(u32),
    /// Answers this share of its requests with what is not HTTP.
    Garbling(f64),
    /// The site asks it to wait at every n-th request.
    Throttled(u32),
}

/// How a page behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PageKind {
    Good,
    /// 404.
    Gone,
    /// 500, always.
    Broken,
    /// 403 for everybody.
    Forbidden,
    /// Lacks a field.
    Incomplete,
    /// Is cut short.
    Cut,
    /// Never ends.
    Stuck,
    /// Is larger than any page may be.
    Endless,
    /// 429 for the first so many requests.
    Throttled(u32),
    /// Leads to a foreign host.
    Astray,
    /// Makes us panic.
    Deadly,
}

/// What a host has for a robots.txt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RobotsKind {
    /// None: 404.
    Absent,
    /// One that bars nothing.
    Open,
    /// One that bars some pages.
    Some,
    /// One that bars all pages.
    All,
    /// 403 for everybody.
    Forbidden,
    /// A page instead.
    Page,
    /// 500 for the first so many requests, then one that bars some pages.
    Late(u32),
    /// 500 always.
    Broken,
}

/// Which pages are not good, and how.
#[derive(Clone, Copy, Debug)]
pub(super) enum BadPages {
    /// Any page, in any way.
    Any,
    /// Details, in these ways.
    Details(&'static [PageKind]),
}

/// What is kept of the events: to keep them costs more than the crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    Nothing,
    /// The last ones, with the orders that followed.
    All,
}

/// A simulated crawl.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) seed: u64,
    pub(super) limits: Limits,
    pub(super) proxies: Vec<ProxyKind>,
    pub(super) lists: u32,
    pub(super) per_list: u32,
    pub(super) hosts: u32,
    /// The share of pages that are not good.
    pub(super) bad_pages: f64,
    pub(super) bad: BadPages,
    /// The site asks everybody to wait from one of its requests to another.
    pub(super) wave: Range<u32>,
    /// A call to the store takes so long at most.
    pub(super) store_takes: Duration,
    /// Inside TLS: what the site says is certain.
    pub(super) secure: bool,
    /// The chance that a worker dies when a fetch of it ends.
    pub(super) death: f64,
    /// The chance that a job is lost.
    pub(super) loss: f64,
    /// The chance that a commit fails.
    pub(super) commit_failure: f64,
    /// What is kept of events, to be printed if something breaks.
    pub(super) told: Telling,
    /// The operator stops it after so long.
    pub(super) stop_after: Option<Duration>,
    /// Proxies that the file may have later, besides those that it begins with.
    pub(super) further: Vec<ProxyKind>,
    /// The file is another one after so long, and again.
    pub(super) edits: Vec<Duration>,
    /// The process dies after so long, and another one goes on.
    pub(super) restart_after: Option<Duration>,
    /// Hosts, or our line, are down.
    pub(super) downs: Vec<Down>,
    /// Look after every so many events whether somebody is idle with work to do: in large worlds that takes long.
    pub(super) check_every: u64,
}

/// Drawn in this order, so that a seed stays what it is.
fn limits(rng: &mut fastrand::Rng, workers: usize) -> Limits {
    let mut limits = fixture::limits(workers);
    limits.pace.delay = Duration::from_millis(*pick(rng, &[0, 100, 1500]));
    limits.pace.jitter = *pick(rng, &[0.0, 0.5]);
    limits.retry.witnesses = *pick(rng, &[1, 3, 5]);
    limits.retry.max_requests = *pick(rng, &[20, 100]);
    limits.health.max_errors = *pick(rng, &[1, 3]);
    limits.bounds.pages = rng.u8(0..8).eq(&0).then(|| rng.u64(1..20));
    limits.feeds = 1 + rng.usize(0..2);
    limits.seed = rng.u64(..);
    limits.pace.host_gap = *pick(rng, &[None, None, Some(Duration::from_millis(70))]);
    limits.pace.host_in_flight = *pick(rng, &[None, None, NonZeroU32::new(1), NonZeroU32::new(3)]);
    limits.pace.adaptive = rng.bool();
    limits
}

fn pick<'a, T>(rng: &mut fastrand::Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(0..choices.len())]
}

fn proxy(rng: &mut fastrand::Rng) -> ProxyKind {
    match rng.u32(0..18) {
        0 => ProxyKind::Dead,
        1 => ProxyKind::Flaky(0.1 + 0.8 * rng.f64()),
        2 => ProxyKind::Banning(rng.u32(0..20)),
        3 => ProxyKind::Stalling,
        4 => ProxyKind::Denying,
        5 => ProxyKind::Lying(1 + rng.u32(0..6)),
        6 => ProxyKind::SoftBanning(rng.u32(0..20)),
        7 => ProxyKind::Erring(1 + rng.u32(0..6)),
        8 => ProxyKind::Garbling(0.1 + 0.8 * rng.f64()),
        9 => ProxyKind::Throttled(1 + rng.u32(0..6)),
        _ => ProxyKind::Good,
    }
}

/// What the config says of spares, and how the file changes.
fn spares(rng: &mut fastrand::Rng, limits: &mut Limits) -> (Vec<ProxyKind>, Vec<Duration>) {
    let few = |rng: &mut fastrand::Rng| rng.u8(0..6) == 0;
    limits.proxies.order = *pick(rng, &[SpareOrder::Best, SpareOrder::LeastUsed, SpareOrder::File]);
    limits.proxies.rotating = few(rng);
    limits.proxies.max_requests = few(rng).then(|| rng.u64(1..30));
    limits.proxies.max_age = few(rng).then(|| Duration::from_millis(rng.u64(1..20_000)));
    limits.health.max_cooldowns = few(rng).then(|| rng.u64(1..4));
    limits.most_workers = limits.workers.max(*pick(rng, &[0, 6, 16]));
    if rng.bool() {
        limits.affine.insert(DETAIL);
    }
    let further = (0..rng.usize(0..6)).map(|_| proxy(rng)).collect();
    let edits = (0..rng.usize(0..6)).map(|_| Duration::from_millis(rng.u64(0..20_000))).collect();
    (further, if rng.bool() { edits } else { Vec::new() })
}

impl Scenario {
    /// How a proxy of the file behaves.
    pub(super) fn kind(&self, number: usize) -> ProxyKind {
        *self.proxies.iter().chain(&self.further).nth(number).expect("a kind")
    }

    /// Mostly small crawls of everything, one in a hundred large, and a single one very large.
    pub(super) fn any(seed: u64) -> Self {
        match seed {
            99 => Self::vast(seed, 10_000),
            _ if seed % 100 == 99 => Self::vast(seed, 500),
            _ => Self::random(seed),
        }
    }

    /// A thousand proxies of all kinds, and so many pages.
    pub(super) fn vast(seed: u64, pages: u32) -> Self {
        let mut scenario = Self::random(seed);
        let mut rng = fastrand::Rng::with_seed(seed ^ 0xa57);
        scenario.proxies = (0..1000).map(|_| proxy(&mut rng)).collect();
        scenario.limits.workers = *pick(&mut rng, &[100, 400, 1000]);
        scenario.limits.most_workers = scenario.limits.workers;
        scenario.limits.bounds = config::Limits::default();
        // One request at a time to a host would take a month.
        scenario.limits.pace.host_gap = None;
        scenario.limits.pace.host_in_flight = None;
        scenario.edits.truncate(1);
        scenario.bad_pages = scenario.bad_pages.min(0.1);
        Self { lists: pages / 50, per_list: 49, check_every: 1009, death: scenario.death.min(0.02), ..scenario }
    }

    /// With this much kept of its events.
    pub(super) fn told(self, told: Telling) -> Self {
        Self { told, ..self }
    }

    /// Anything.
    pub(super) fn random(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let proxies = (0..rng.usize(1..12)).map(|_| proxy(&mut rng)).collect();
        let workers = rng.usize(1..12);
        let mut limits = limits(&mut rng, workers);
        limits.robots.obey = seed % 3 == 1;
        limits.bounds.min_free = seed.is_multiple_of(2).then_some(100);
        let mut wave = fastrand::Rng::with_seed(seed ^ 0x429);
        let from = wave.u32(1..40);
        let (further, edits) = spares(&mut fastrand::Rng::with_seed(seed ^ 0x11_57ed), &mut limits);
        Self {
            seed,
            limits,
            proxies,
            further,
            edits,
            lists: rng.u32(1..8),
            per_list: rng.u32(0..8),
            hosts: rng.u32(1..4),
            bad_pages: *pick(&mut rng, &[0.0, 0.1, 0.5]),
            secure: rng.bool(),
            death: *pick(&mut rng, &[0.0, 0.02, 0.1]),
            loss: *pick(&mut rng, &[0.0, 0.02]),
            commit_failure: *pick(&mut rng, &[0.0, 0.1]),
            told: Telling::Nothing,
            stop_after: None,
            restart_after: None,
            bad: BadPages::Any,
            wave: if wave.u8(0..4) == 0 { from..from + wave.u32(1..30) } else { 0..0 },
            store_takes: Duration::from_millis(*pick(&mut wave, &[2, 2, 2, 300])),
            check_every: 1,
            downs: Vec::new(),
        }
    }

    /// Nothing goes wrong.
    pub(super) fn faultless(seed: u64) -> Self {
        let mut scenario = Self::random(seed);
        scenario.proxies.fill(ProxyKind::Good);
        scenario.limits.bounds = config::Limits::default();
        scenario.further.fill(ProxyKind::Good);
        (scenario.limits.proxies.max_requests, scenario.limits.proxies.max_age) = (None, None);
        Self { wave: 0..0, bad_pages: 0.0, death: 0.0, loss: 0.0, commit_failure: 0.0, ..scenario }
    }

    /// Only workers die.
    pub(super) fn mortal_workers(seed: u64) -> Self {
        Self { death: 0.1, commit_failure: 0.1, ..Self::faultless(seed) }
    }

    /// Most proxies are dead, one is good.
    pub(super) fn many_dead_proxies(seed: u64) -> Self {
        let mut scenario = Self::faultless(seed);
        scenario.edits.clear();
        let good = seed as usize % scenario.proxies.len();
        for (place, kind) in scenario.proxies.iter_mut().enumerate() {
            *kind = if place == good { ProxyKind::Good } else { ProxyKind::Dead };
        }
        scenario
    }

    /// All proxies are dead.
    pub(super) fn all_dead(seed: u64) -> Self {
        let mut scenario = Self::faultless(seed);
        scenario.proxies.fill(ProxyKind::Dead);
        scenario.further.fill(ProxyKind::Dead);
        scenario
    }

    /// The process dies, and another one goes on.
    pub(super) fn restarted(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut scenario = Self::random(seed);
        scenario.limits.bounds = config::Limits::default();
        Self { restart_after: Some(Duration::from_millis(rng.u64(0..20_000))), ..scenario }
    }

    /// All goes well, but that a host, or our line, is down for half a minute, twice, once all proxies are known to work. No page may
    /// use an attempt.
    pub(super) fn down_for_a_while(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0xd0);
        let mut scenario = Self::faultless(seed);
        scenario.edits.clear();
        scenario.proxies = vec![ProxyKind::Good; rng.usize(3..9)];
        scenario.limits.workers = rng.usize(3..7);
        scenario.limits.most_workers = scenario.limits.workers;
        scenario.limits.retry.attempts = 1;
        scenario.limits.proxies.rotating = false;
        // With a few at a time, time-outs follow one another for longer than that.
        scenario.limits.pace.host_in_flight = None;
        let mode = *pick(&mut rng, &[Mode::Refusing, Mode::Silent, Mode::Failing, Mode::Line]);
        let (hosts, lasts) = (rng.u32(1..3), Duration::from_secs(30));
        let warm = 12 * scenario.limits.workers as u32 * hosts;
        let host = rng.u32(0..hosts);
        let downs = [warm, 2 * warm].map(|after| Down { after, proxies: 0, mode, host, lasts });
        Self { hosts, lists: 12, per_list: 3 * warm / 12, downs: downs.to_vec(), ..scenario }
    }

    /// The same, once, as soon as three proxies have brought a page, or a little later.
    pub(super) fn down_while_cold(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0xd2);
        let mut scenario = Self::down_for_a_while(seed);
        let workers = rng.u32(3..21);
        (scenario.limits.workers, scenario.limits.most_workers) = (workers as usize, workers as usize);
        scenario.proxies = vec![ProxyKind::Good; (workers + rng.u32(0..4)) as usize];
        let cold = workers * scenario.hosts;
        scenario.downs.truncate(1);
        (scenario.downs[0].after, scenario.downs[0].proxies) = (rng.u32(0..3 * cold), 3);
        Self { per_list: cold, ..scenario }
    }

    /// Anything, and hosts or our line are down at times.
    pub(super) fn down_at_random(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0xd1);
        let scenario = Self::random(seed);
        let down = |rng: &mut fastrand::Rng| Down {
            after: rng.u32(0..40),
            proxies: 0,
            mode: *pick(rng, &[Mode::Refusing, Mode::Silent, Mode::Failing, Mode::Line]),
            host: rng.u32(0..scenario.hosts),
            lasts: Duration::from_secs(rng.u64(0..100)),
        };
        let downs = (0..rng.usize(1..4)).map(|_| down(&mut rng)).collect();
        Self { downs, ..scenario }
    }

    /// The operator stops it.
    pub(super) fn stopped(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        Self { stop_after: Some(Duration::from_millis(rng.u64(0..5000))), ..Self::random(seed) }
    }
}
