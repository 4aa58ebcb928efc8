//! Repute: the proxies that something came through somewhere, and whether so few of them say something.
//!
//! Pure. In come proxies that brought something, each trusted or new; out goes how many of those that count have failed since.
//! What follows from that is `outage.rs`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::proxy::ProxyId;
use crate::proxy::reliability::Reliability;

/// So many new proxies say as much as one that is trusted: fewer may each have broken by itself.
const SEVERAL: usize = 3;

/// How well a proxy is known somewhere that something came through there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repute {
    /// Most of what it was given came through.
    Trusted,
    /// Too little came through yet to tell.
    New,
}

impl Repute {
    /// Of a proxy that something came through.
    pub(super) fn of(reliability: &Reliability) -> Self {
        if reliability.is_trusted() { Self::Trusted } else { Self::New }
    }
}

/// Those that count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    all: usize,
    trusted: usize,
    failed: usize,
}

impl Count {
    fn add(&mut self, repute: Repute) {
        self.all += 1;
        self.trusted += usize::from(repute == Repute::Trusted);
    }

    /// Are they so many trusted ones, or several that are new?
    pub(super) const fn is_enough(&self, fewest: usize) -> bool {
        self.trusted >= fewest || self.are_several()
    }

    /// Are they several, however well each is known?
    pub(super) const fn are_several(&self) -> bool {
        self.all >= SEVERAL
    }

    /// Has such a share of them failed?
    pub(super) fn have_failed(&self, share: f64) -> bool {
        self.failed > 0 && self.failed as f64 >= share * self.all as f64
    }
}

/// The proxies that something came through: how well each is known, and when it was last.
#[derive(Debug, Default)]
pub(super) struct Known(BTreeMap<ProxyId, (Repute, Timestamp)>);

impl Known {
    /// Something came through.
    pub(super) fn worked(&mut self, proxy: ProxyId, repute: Repute, now: Timestamp) {
        self.0.insert(proxy, (repute, now));
    }

    /// Something came through in an earlier process, at one of several places.
    pub(super) fn recall(&mut self, proxy: ProxyId, repute: Repute, now: Timestamp) {
        if repute == Repute::Trusted || !self.contains(proxy) {
            self.worked(proxy, repute, now);
        }
    }

    /// Has anything come through this one?
    pub(super) fn contains(&self, proxy: ProxyId) -> bool {
        self.0.contains_key(&proxy)
    }

    /// How well it is known, if anything has.
    pub(super) fn repute(&self, proxy: ProxyId) -> Option<Repute> {
        self.0.get(&proxy).map(|(repute, _)| *repute)
    }

    /// All of them.
    pub(super) fn all(&self) -> Count {
        let mut count = Count::default();
        self.0.values().for_each(|(repute, _)| count.add(*repute));
        count
    }

    /// Those that count and brought something no longer than `lately` before `last`.
    pub(super) fn lately(
        &self,
        (last, lately): (Timestamp, Duration),
        counts: impl Fn(ProxyId, Repute) -> bool,
        has_failed: impl Fn(ProxyId) -> bool,
    ) -> Count {
        let mut count = Count::default();
        for (&proxy, &(repute, at)) in &self.0 {
            if at + lately >= last && counts(proxy, repute) {
                count.add(repute);
                count.failed += usize::from(has_failed(proxy));
            }
        }
        count
    }
}
