//! An inquiry: what has failed at a party since it last worked, and who was asked about it by probes.
//!
//! Pure. In come failures and probes; out goes how much has failed, by whose requests, and who has most to say next. What follows
//! from it is `outage.rs`.

use std::collections::BTreeMap;

use super::signs::{Failure, FailureOf};
use crate::clock::Timestamp;
use crate::proxy::ProxyId;

/// What has failed, and who was asked.
#[derive(Debug, Default)]
pub(super) struct Inquiry {
    failures: Vec<Failure>,
    /// Who was asked, and at which probe.
    asked: BTreeMap<ProxyId, usize>,
    /// All probes so far, those of earlier inquiries as well.
    probes: usize,
}

impl Inquiry {
    /// Of a proxy whose failure says nothing.
    pub(super) const SUITS_LEAST: u8 = 3;

    /// Something failed.
    pub(super) fn failed(&mut self, failure: Failure) {
        self.failures.push(failure);
    }

    /// A probe goes out.
    pub(super) fn asked(&mut self, proxy: ProxyId) {
        self.probes += 1;
        self.asked.insert(proxy, self.probes);
    }

    /// What failed by then is explained.
    pub(super) fn forget_until(&mut self, sent: Timestamp) {
        self.failures.retain(|failure| failure.at > sent);
    }

    /// All that failed is explained.
    pub(super) fn forget_failures(&mut self) {
        self.failures.clear();
    }

    /// It is over.
    pub(super) fn settle(&mut self) {
        self.forget_failures();
        self.asked.clear();
    }

    /// How many failures there are, probes among them.
    pub(super) const fn failures(&self) -> usize {
        self.failures.len()
    }

    /// When the first of them was.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.failures.iter().map(|failure| failure.at).min()
    }

    /// Has a proxy failed?
    pub(super) fn has_failed(&self, proxy: ProxyId) -> bool {
        self.failures.iter().any(|failure| failure.proxy == proxy)
    }

    /// How many fetches of a proxy failed, probes left out.
    pub(super) fn fetches_failed(&self, proxy: ProxyId) -> usize {
        let of_it = |failure: &&Failure| failure.proxy == proxy && failure.is_of == FailureOf::Fetch;
        self.failures.iter().filter(of_it).count()
    }

    /// How many probes failed.
    pub(super) fn failed_probes(&self) -> usize {
        self.failed_probes_of(|_| true)
    }

    fn failed_probes_of(&self, by: impl Fn(ProxyId) -> bool) -> usize {
        self.failures.iter().filter(|failure| failure.is_of == FailureOf::Probe && by(failure.proxy)).count()
    }

    /// All probes so far.
    pub(super) const fn probes(&self) -> usize {
        self.probes
    }

    /// At which probe a proxy was asked last, if it was.
    pub(super) fn asked_at(&self, proxy: ProxyId) -> Option<usize> {
        self.asked.get(&proxy).copied()
    }

    /// How well a proxy suits for the next probe, if its failure says something: the least number first.
    pub(super) fn suits(&self, proxy: ProxyId) -> u8 {
        let is_first = self.failed_probes() == 0;
        if self.failed_probes_of(|other| other == proxy) > 0 {
            return 2;
        }
        // Whoever failed shows by the first probe that it works itself; after that, others have more to say.
        u8::from(self.has_failed(proxy) != is_first)
    }
}
