//! What each proxy did: what it fetched, what it was charged with, how long it was bound, and where it is now.
//!
//! In come notices about proxies, out go counts for the heartbeat and a line each for the report. Pure counting.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::super::Names;
use super::busy;
use super::pages::slot;
use crate::clock::Timestamp;
use crate::dispatcher::notice::{PageNotice, PauseCause, ProbeNotice};
use crate::proxy::ProxyId;
use crate::verdict::{Reason, Verdict};

/// Reason codes that are counted by name for one proxy.
const REASONS: usize = 20;

/// All proxies of the run.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct Proxies(Vec<Proxy>);

/// One proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// Requests that went through it.
    pub requests: u64,
    /// Fetches that it was used for.
    pub fetches: u64,
    /// Fetches that gave a page.
    pub ok: u64,
    /// Fetches that did not, by the reason's code, whoever was to blame.
    pub failures: BTreeMap<String, u64>,
    /// What it was found at fault for, by the reason's code.
    pub faults: BTreeMap<String, u64>,
    /// Bytes on the wire.
    pub wire: u64,
    /// How often a worker has given it up.
    pub replaced: u64,
    /// How often it had to rest.
    pub cooldowns: u64,
    busy: Duration,
    bound: Duration,
    bound_since: Option<Timestamp>,
    banned_until: Timestamp,
    ever_bound: bool,
    rests: bool,
    is_retired: bool,
}

/// Where a proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProxyState {
    /// A worker has it.
    Bound,
    /// It could be used.
    Spare,
    /// It could be used, and never was.
    Unused,
    /// It rests.
    Cooling,
    /// It is out for this run.
    Retired,
}

/// How many proxies are where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProxyCounts {
    /// In a worker's hands.
    pub bound: u64,
    /// Usable, in nobody's hands.
    pub spare: u64,
    /// Resting.
    pub cooling: u64,
    /// Out for this run.
    pub retired: u64,
    /// Leaving a host alone that seems to refuse them; counted above as well.
    pub banned: u64,
}

impl Proxies {
    pub(super) fn new(names: &Names) -> Self {
        Self(vec![Proxy::default(); names.proxies.len()])
    }

    /// The place where a proxy is counted.
    pub(super) fn of(&mut self, id: ProxyId) -> &mut Proxy {
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        if at >= self.0.len() {
            self.0.resize_with(at + 1, Proxy::default);
        }
        &mut self.0[at]
    }

    pub(super) fn bound(&mut self, id: ProxyId, now: Timestamp) {
        let proxy = self.of(id);
        proxy.bound_since = Some(now);
        proxy.ever_bound = true;
        proxy.rests = false;
    }

    pub(super) fn released(&mut self, id: ProxyId, now: Timestamp) {
        let proxy = self.of(id);
        if let Some(since) = proxy.bound_since.take() {
            proxy.bound += now.since(since);
        }
    }

    /// All of them, in the order of the config.
    pub(in crate::telemetry) fn iter(&self) -> impl Iterator<Item = (ProxyId, &Proxy)> {
        (0..).map(ProxyId).zip(&self.0)
    }

    pub(super) fn counts(&self, now: Timestamp) -> ProxyCounts {
        let mut counts = ProxyCounts::default();
        for proxy in &self.0 {
            match proxy.state() {
                ProxyState::Bound => counts.bound += 1,
                ProxyState::Spare | ProxyState::Unused => counts.spare += 1,
                ProxyState::Cooling => counts.cooling += 1,
                ProxyState::Retired => counts.retired += 1,
            }
            counts.banned += u64::from(proxy.banned_until > now);
        }
        counts
    }

    pub(super) fn bound_time(&self, now: Timestamp) -> Duration {
        self.0.iter().map(|proxy| proxy.bound_time(now)).sum()
    }

    pub(super) fn busy_time(&self) -> Duration {
        self.0.iter().map(|proxy| proxy.busy).sum()
    }
}

impl Proxy {
    pub(super) fn page(&mut self, page: &PageNotice) {
        self.requests += u64::from(page.meters.requests);
        self.fetches += 1;
        self.wire += page.meters.wire;
        self.busy += busy(&page.meters);
        match (&page.verdict, page.verdict.reason()) {
            (Verdict::Done, _) => self.ok += 1,
            (_, Some(reason)) => *slot(&mut self.failures, &reason.code, REASONS) += 1,
            (_, None) => {}
        }
    }

    pub(super) fn probe(&mut self, probe: &ProbeNotice) {
        self.requests += u64::from(probe.meters.requests);
        self.wire += probe.meters.wire;
        self.busy += busy(&probe.meters);
    }

    pub(super) fn charged(&mut self, reason: &Reason) {
        *slot(&mut self.faults, &reason.code, REASONS) += 1;
    }

    pub(super) fn cooling(&mut self) {
        self.rests = true;
        self.cooldowns += 1;
    }

    pub(super) fn rested(&mut self) {
        self.rests = false;
    }

    pub(super) fn retired(&mut self, reason: &Reason) {
        self.is_retired = true;
        self.charged(reason);
    }

    pub(super) fn paused(&mut self, until: Timestamp, cause: PauseCause) {
        if cause == PauseCause::Ban {
            self.banned_until = self.banned_until.max(until);
        }
    }

    /// Where it is.
    pub const fn state(&self) -> ProxyState {
        match (self.is_retired, self.bound_since, self.rests, self.ever_bound) {
            (true, ..) => ProxyState::Retired,
            (false, Some(_), ..) => ProxyState::Bound,
            (false, None, true, _) => ProxyState::Cooling,
            (false, None, false, true) => ProxyState::Spare,
            (false, None, false, false) => ProxyState::Unused,
        }
    }

    /// How long it was in workers' hands.
    pub fn bound_time(&self, now: Timestamp) -> Duration {
        self.bound + self.bound_since.map_or(Duration::ZERO, |since| now.since(since))
    }

    /// The share of that time in which it was fetching, from 0.
    pub fn busy_share(&self, now: Timestamp) -> f64 {
        let bound = self.bound_time(now);
        if bound.is_zero() { 0.0 } else { self.busy.as_secs_f64() / bound.as_secs_f64() }
    }
}
