//! The outage guard: all parties that may be down, and those of them that are in question now.
//!
//! Pure. In come answers and failures by party; out go what is shut, whom it concerns, and which probes are due. When a party is
//! down is decided for each by itself (`outage.rs`); what waits for that is `suspense.rs`, who probes `probing.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::outage::{Picture, Rules, Tellers, Turn, Watch};
use super::party::Party;
use super::repute::{Count, Repute};
use super::signs::{Failure, Sign};
use crate::clock::Timestamp;
use crate::config;
use crate::proxy::ProxyId;
use crate::task::HostKey;

/// So many failures in a row before anything is taken to be down: fewer are an accident.
const FAILURES: usize = 3;
/// Where each connection leaves by another address, some of which are bad, more of them are.
const FAILURES_OF_STRANGERS: usize = 8;
/// A proxy has worked somewhere lately if that was at most so long, and a few delays, before the last answer there.
const LATELY: Duration = Duration::from_secs(60);
/// So many hosts are watched; beyond that those that are long left are forgotten.
const HOSTS: usize = 4096;

/// Whether a probe goes before pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Only those that may not wait.
    Before,
    /// All that are due.
    After,
}

/// All parties.
#[derive(Debug)]
pub(super) struct Guard {
    rules: Rules,
    watches: BTreeMap<Party, Watch>,
    troubled: BTreeSet<Party>,
    sweep_at: usize,
}

impl Guard {
    /// Nothing has worked yet.
    pub(super) fn new(settings: config::Outage, pace: &config::Pace, proxies: &config::Proxies) -> Self {
        let rules = Rules {
            share: settings.share,
            failures: if proxies.rotating { FAILURES_OF_STRANGERS } else { FAILURES },
            fewest: 1,
            lately: LATELY + 4 * pace.delay,
            probe: settings.probe,
        };
        Self { rules, watches: BTreeMap::new(), troubled: BTreeSet::new(), sweep_at: HOSTS }
    }

    /// Could a failure at a party that has worked be due to an outage: has it worked for proxies that are trusted, or for several
    /// that are new, or has some other host?
    pub(super) fn is_armed(&self, party: &Party) -> bool {
        let is_known = self.watches.get(party).is_some_and(|watch| watch.known().all().is_enough(party.fewest()));
        is_known || self.anywhere(party).is_some_and(|watch| watch.known().all().are_several())
    }

    /// Who works at whatever host, if that is another question.
    fn anywhere(&self, party: &Party) -> Option<&Watch> {
        match party {
            Party::Line => None,
            Party::Host(_) => self.watches.get(&Party::Line),
        }
    }

    /// An answer of use came. Gives for how long the party was down, if that is over.
    pub(super) fn worked(&mut self, party: &Party, sign: Sign, now: Timestamp) -> Option<Duration> {
        let down_for = self.watch(party, now).worked(sign, now);
        self.relieve(party);
        down_for
    }

    /// Something came through a proxy there in an earlier process.
    pub(super) fn recall(&mut self, party: &Party, proxy: ProxyId, repute: Repute, now: Timestamp) {
        self.watch(party, now).recall(proxy, repute, now);
    }

    /// Something failed there, and judgement on it waits.
    pub(super) fn failed(&mut self, party: &Party, failure: Failure) {
        self.watch(party, failure.at).failed(failure);
        self.troubled.insert(party.clone());
    }

    /// What a party in question has come to, if anything has changed.
    pub(super) fn look<F>(&mut self, party: &Party, picture: &Picture<F>, now: Timestamp) -> Option<Turn>
    where
        F: Fn(ProxyId, Repute) -> bool,
    {
        let rules = Rules { fewest: party.fewest(), ..self.rules };
        let tellers = self.tellers(party, &rules, picture)?;
        let turn = self.watches.get_mut(party)?.look(&rules, picture, tellers, now);
        self.relieve(party);
        turn
    }

    /// Whose failures tell what a party has come to, if anything has failed there: those that it worked for; where they are too
    /// few, those that whatever host has worked for.
    fn tellers<F>(&self, party: &Party, rules: &Rules, picture: &Picture<F>) -> Option<Tellers>
    where
        F: Fn(ProxyId, Repute) -> bool,
    {
        let here = self.watches.get(party).filter(|watch| watch.has_failures())?;
        let own = here.known_lately(rules, &picture.counts, here);
        if own.is_enough(rules.fewest) {
            return Some(Tellers { count: own, are_strangers: false });
        }
        let elsewhere = self.anywhere(party).map(|anywhere| anywhere.known_lately(rules, &picture.counts, here));
        Some(match elsewhere.filter(Count::are_several) {
            Some(count) => Tellers { count, are_strangers: true },
            None => Tellers { count: own, are_strangers: false },
        })
    }

    /// Is nothing in question or down?
    pub(super) fn is_quiet(&self) -> bool {
        self.troubled.is_empty()
    }

    /// What is in question or down.
    pub(super) fn troubled(&self) -> Vec<Party> {
        self.troubled.iter().cloned().collect()
    }

    /// What nobody gets pages of now.
    pub(super) fn shut(&self) -> impl Iterator<Item = &Party> {
        self.watched().filter(|(_, watch)| watch.is_shut()).map(|(party, _)| party)
    }

    /// Does nobody get pages of this host now?
    pub(super) fn is_shut(&self, host: &HostKey) -> bool {
        self.shut().any(|party| match party {
            Party::Line => true,
            Party::Host(shut) => shut == host,
        })
    }

    /// Is it down?
    pub(super) fn is_down(&self, party: &Party) -> bool {
        self.watches.get(party).is_some_and(Watch::is_down)
    }

    /// Is it down, or was it when that was sent?
    pub(super) fn was_down_at(&self, party: &Party, sent: Timestamp) -> bool {
        self.watches.get(party).is_some_and(|watch| watch.was_down_at(sent))
    }

    /// What has been down for longest, and since when.
    pub(super) fn longest_down(&self) -> Option<(&Party, Timestamp)> {
        let down = self.watched().filter_map(|(party, watch)| Some((party, watch.down_since()?)));
        down.min_by_key(|(_, since)| *since)
    }

    /// Has a proxy failed so often there that it waits until the question is settled?
    pub(super) fn holds(&self, proxy: ProxyId, host: &HostKey) -> bool {
        let concerned = self.watched().filter(|(party, _)| match party {
            Party::Line => true,
            Party::Host(other) => other == host,
        });
        concerned.into_iter().any(|(_, watch)| watch.holds(proxy))
    }

    /// Has it failed anywhere that is in question?
    pub(super) fn concerns(&self, proxy: ProxyId) -> bool {
        self.watched().any(|(_, watch)| watch.has_failed(proxy))
    }

    /// Parties that a probe is due for. What is shut, or has waited for an idle proxy, goes before pages.
    pub(super) fn due(&self, urgency: Urgency, now: Timestamp) -> Vec<Party> {
        let is_due = |watch: &Watch| {
            watch.next_probe().is_some_and(|at| match urgency {
                Urgency::Before if !watch.is_shut() => at + self.rules.probe <= now,
                Urgency::Before | Urgency::After => at <= now,
            })
        };
        self.watched().filter(|(_, watch)| is_due(watch)).map(|(party, _)| party.clone()).collect()
    }

    /// A probe has gone out.
    pub(super) fn probed(&mut self, party: &Party, proxy: ProxyId, now: Timestamp) {
        let next = now + self.rules.probe;
        if let Some(watch) = self.watches.get_mut(party) {
            watch.probed(proxy, next);
        }
    }

    /// What is known of a party, if anything is.
    pub(super) fn watch_of(&self, party: &Party) -> Option<&Watch> {
        self.watches.get(party)
    }

    /// How well a proxy suits for a probe, the least number first. `None`: not at all.
    pub(super) fn suits(&self, party: &Party, proxy: ProxyId, counts: impl Fn(Repute) -> bool) -> Option<u8> {
        let elsewhere = self.anywhere(party).and_then(|anywhere| anywhere.known().repute(proxy));
        self.watches.get(party)?.suits(proxy, elsewhere, counts)
    }

    /// How long a probe waits for its answer, `most` at most.
    pub(super) fn patience(&self, party: &Party, most: Duration, now: Timestamp) -> Duration {
        self.watches.get(party).map_or(most, |watch| watch.patience(self.rules.probe, most, now))
    }

    /// When something is to be looked at again. What is due by now waits for somebody.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.watched().filter_map(|(_, watch)| watch.next_look(self.rules.probe)).filter(|&at| at > now).min()
    }

    /// Those in question or down.
    fn watched(&self) -> impl Iterator<Item = (&Party, &Watch)> {
        self.troubled.iter().filter_map(|party| Some((party, self.watches.get(party)?)))
    }

    fn watch(&mut self, party: &Party, now: Timestamp) -> &mut Watch {
        if !self.watches.contains_key(party) {
            self.sweep(now);
        }
        self.watches.entry(party.clone()).or_default()
    }

    fn relieve(&mut self, party: &Party) {
        if self.watches.get(party).is_none_or(Watch::is_well) {
            self.troubled.remove(party);
        }
    }

    /// Forgets hosts that are long left.
    fn sweep(&mut self, now: Timestamp) {
        if self.watches.len() < self.sweep_at {
            return;
        }
        let (troubled, lately) = (&self.troubled, self.rules.lately);
        self.watches.retain(|party, watch| {
            *party == Party::Line || troubled.contains(party) || watch.worked_at() + lately >= now
        });
        self.sweep_at = (2 * self.watches.len()).max(HOSTS);
    }
}
