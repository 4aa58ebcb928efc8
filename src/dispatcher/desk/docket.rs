//! The docket: the benches of all venues, and which proxies owe testimony at which.
//!
//! Pure. In come failures, successes and convictions; out go who is trusted where, who has to prove itself and by what, and whose
//! testimony enters the evidence. What a page's evidence comes to is `trial.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::bench::{Bench, Venue, Witness};
use super::proof::{IN_A_ROW, TIRED};
use crate::proxy::ProxyId;
use crate::proxy::reliability::Reliability;
use crate::task::{HostKey, StageId, Task, TaskId};

/// So many venues are known at once; beyond that those where nothing is open are forgotten, so that a crawl of the whole web
/// stays small.
const VENUES: usize = 4096;

/// How a change of what is known of a proxy matters to pages that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It may be asked where it could not be before.
    Gain,
    /// It may no longer be asked, or what it owes has changed.
    Loss,
}

/// All venues.
#[derive(Debug, Default)]
pub(super) struct Docket {
    benches: BTreeMap<Venue, Bench>,
    on_the_whole: BTreeMap<ProxyId, Reliability>,
    debts: BTreeMap<ProxyId, BTreeSet<Venue>>,
    /// Where a page was done that is kept as a control.
    controlled: BTreeSet<Venue>,
    /// How many were left when those where nothing is open were last forgotten.
    left: usize,
    changes: Vec<(ProxyId, Change)>,
    opened: bool,
    /// What has changed since it was last written down.
    pub(super) news: BTreeSet<(Venue, Option<ProxyId>)>,
}

impl Docket {
    /// What is known at a venue.
    pub(super) fn bench(&self, venue: &Venue) -> Option<&Bench> {
        self.benches.get(venue)
    }

    /// What is known at a venue, to be changed.
    pub(super) fn bench_mut(&mut self, venue: &Venue) -> &mut Bench {
        if !self.benches.contains_key(venue) {
            self.sweep();
            self.benches.insert(venue.clone(), Bench::default());
        }
        self.benches.entry(venue.clone()).or_default()
    }

    /// Where the proxies of a venue are judged: there, if a page was done there or a fresh one waits there (`fresh`); else at
    /// another stage of the host, else anywhere; for a venue of a single bad page nobody could ever prove anything at.
    pub(super) fn seat(&self, venue: &Venue, fresh: bool) -> Venue {
        if fresh || self.benches.get(venue).is_some_and(Bench::has_control) {
            return venue.clone();
        }
        let neighbour = self.controlled_at(&venue.host);
        neighbour.or_else(|| self.controlled.first()).unwrap_or(venue).clone()
    }

    /// Where pages were done that are kept as controls.
    pub(super) fn controlled(&self) -> impl Iterator<Item = &Venue> {
        self.controlled.iter()
    }

    /// The first of them at a host.
    pub(super) fn controlled_at(&self, host: &HostKey) -> Option<&Venue> {
        let first = Venue { host: host.clone(), stage: StageId(0) };
        self.controlled.range(&first..).next().filter(|other| other.host == *host)
    }

    /// A page is done at a venue.
    pub(super) fn done(&mut self, venue: &Venue, task: &Arc<Task>) {
        let bench = self.bench_mut(venue);
        bench.done(task);
        let has_control = bench.has_control();
        let worth_writing = bench.done.is_power_of_two();
        if worth_writing {
            self.news.insert((venue.clone(), None));
        }
        if has_control && !self.controlled.contains(venue) {
            self.controlled.insert(venue.clone());
            self.opened = true;
        }
    }

    /// Takes over how reliable a proxy was at a venue before.
    pub(super) fn recall(&mut self, proxy: ProxyId, venue: &Venue, reliability: Reliability) {
        self.bench_mut(venue).recall(proxy, reliability);
        let known = self.on_the_whole.entry(proxy).or_default();
        *known = known.and(reliability);
    }

    /// Takes over a page that was done before.
    pub(super) fn recall_control(&mut self, venue: &Venue, task: Task) {
        self.bench_mut(venue).recall_control(task);
        self.controlled.insert(venue.clone());
    }

    /// A page is no longer what it was when it was done.
    pub(super) fn forget_control(&mut self, venue: &Venue, page: TaskId) {
        let bench = self.bench_mut(venue);
        bench.forget_control(page);
        if !bench.has_control() {
            self.controlled.remove(venue);
            self.opened = true;
        }
    }

    /// A page is condemned at a venue.
    pub(super) fn condemned(&mut self, venue: &Venue) {
        self.bench_mut(venue).condemned += 1;
        self.news.insert((venue.clone(), None));
    }

    /// A proxy failed on a page, and nobody knows whose fault it is.
    pub(super) fn failed(&mut self, proxy: ProxyId, venue: &Venue, page: TaskId) {
        self.learn(proxy, venue, |witness| {
            witness.owes.insert(page);
            witness.in_a_row += 1;
        });
        self.debts.entry(proxy).or_default().insert(venue.clone());
        self.changes.push((proxy, Change::Loss));
    }

    /// A proxy was turned away with a page and is to show by a control whether others are open to it.
    pub(super) fn challenged(&mut self, proxy: ProxyId, venue: &Venue, page: TaskId) {
        self.failed(proxy, venue, page);
        self.learn(proxy, venue, |witness| witness.in_a_row = witness.in_a_row.max(IN_A_ROW));
    }

    /// A proxy succeeded at a venue: it owes nothing any more there, nor where it could prove itself nowhere else. Gives the
    /// pages that its word counts against from now on. `fresh` tells where fresh pages wait.
    pub(super) fn succeeded(
        &mut self,
        proxy: ProxyId,
        venue: &Venue,
        fresh: impl Fn(&Venue) -> bool,
    ) -> Vec<(Venue, TaskId)> {
        self.learn(proxy, venue, |witness| witness.reliability.succeed());
        self.on_the_whole.entry(proxy).or_default().succeed();
        let owed: Vec<Venue> = self.debts(proxy).cloned().collect();
        let mut paid = Vec::new();
        for place in owed {
            if place == *venue || self.seat(&place, fresh(&place)) == *venue {
                let pages = self.learn(proxy, &place, |witness| std::mem::take(&mut witness.owes));
                paid.extend(pages.into_iter().map(|page| (place.clone(), page)));
                self.settle_debt(proxy, &place);
                self.learn(proxy, &place, |witness| (witness.in_a_row, witness.refuted) = (0, false));
            }
        }
        self.learn(proxy, venue, |witness| (witness.in_a_row, witness.refuted) = (0, false));
        paid
    }

    /// So many failures of a proxy on a page turned out to be its own fault.
    pub(super) fn convicted(&mut self, proxy: ProxyId, venue: &Venue, page: TaskId, failures: u32) {
        self.learn(proxy, venue, |witness| {
            witness.owes.remove(&page);
            witness.reliability.convict(failures);
        });
        self.on_the_whole.entry(proxy).or_default().convict(failures);
        self.settle_debt(proxy, venue);
    }

    /// A proxy failed on a control: its own fault, whatever else it said.
    pub(super) fn refuted(&mut self, proxy: ProxyId, venue: &Venue) {
        self.learn(proxy, venue, |witness| {
            witness.reliability.convict(1);
            witness.in_a_row += 1;
            witness.refuted = true;
        });
        self.on_the_whole.entry(proxy).or_default().convict(1);
        self.changes.push((proxy, Change::Loss));
    }

    /// A proxy was told to wait when it asked for a control: nobody's fault, but where that goes on it proves nothing either.
    pub(super) fn put_off(&mut self, proxy: ProxyId, venue: &Venue) {
        self.learn(proxy, venue, |witness| {
            witness.in_a_row += 1;
            witness.refuted |= witness.in_a_row >= TIRED;
        });
        self.changes.push((proxy, Change::Loss));
    }

    /// A failure of a proxy on a page says nothing any more: the page is settled.
    pub(super) fn withdraw(&mut self, proxy: ProxyId, venue: &Venue, page: TaskId) {
        self.learn(proxy, venue, |witness| {
            if witness.owes.remove(&page) {
                witness.in_a_row = witness.in_a_row.saturating_sub(1);
            }
        });
        self.settle_debt(proxy, venue);
    }

    /// The venues at which a proxy owes testimony.
    pub(super) fn debts(&self, proxy: ProxyId) -> impl Iterator<Item = &Venue> {
        self.debts.get(&proxy).into_iter().flatten()
    }

    /// The proxies that owe testimony somewhere.
    pub(super) fn debtors(&self) -> impl ExactSizeIterator<Item = ProxyId> {
        self.debts.keys().copied()
    }

    /// Does it owe testimony that is to be judged at `seat`?
    pub(super) fn owes_at(&self, proxy: ProxyId, seat: &Venue) -> bool {
        self.debts.get(&proxy).is_some_and(|venues| venues.contains(seat))
    }

    /// Is it reliable at a venue, and owes nothing there?
    pub(super) fn trusts(&self, proxy: ProxyId, venue: &Venue) -> bool {
        self.benches.get(venue).is_some_and(|bench| bench.trusts(proxy))
    }

    /// How reliable it is there, as far as is known.
    pub(super) fn reliability(&self, proxy: ProxyId, venue: &Venue) -> Reliability {
        self.witness(proxy, venue).map(|witness| witness.reliability).unwrap_or_default()
    }

    /// How reliable it is on the whole, as far as is known.
    pub(super) fn reliability_anywhere(&self, proxy: ProxyId) -> Reliability {
        self.on_the_whole.get(&proxy).copied().unwrap_or_default()
    }

    /// A proxy at a venue.
    pub(super) fn witness(&self, proxy: ProxyId, venue: &Venue) -> Option<&Witness> {
        self.benches.get(venue)?.witness(proxy)
    }

    /// Has anything changed in who may be asked?
    pub(super) fn has_changed(&self) -> bool {
        !self.changes.is_empty() || self.opened
    }

    /// Has a venue got its first control, or lost its last one, since this was last asked?
    pub(super) fn has_opened(&mut self) -> bool {
        std::mem::take(&mut self.opened)
    }

    /// What has changed in who may be asked, since this was last asked.
    pub(super) fn changes(&mut self) -> Vec<(ProxyId, Change)> {
        std::mem::take(&mut self.changes)
    }

    fn learn<T>(&mut self, proxy: ProxyId, venue: &Venue, change: impl FnOnce(&mut Witness) -> T) -> T {
        let bench = self.bench_mut(venue);
        let (learnt, change) = bench.learn(proxy, change);
        if bench.has_news_of(proxy) {
            self.news.insert((venue.clone(), Some(proxy)));
        }
        self.changes.extend(change.map(|change| (proxy, change)));
        learnt
    }

    fn settle_debt(&mut self, proxy: ProxyId, venue: &Venue) {
        if self.witness(proxy, venue).is_some_and(|witness| !witness.owes.is_empty()) {
            return;
        }
        if let Some(venues) = self.debts.get_mut(&proxy) {
            if venues.remove(venue) {
                self.changes.push((proxy, Change::Gain));
            }
            if venues.is_empty() {
                self.debts.remove(&proxy);
            }
        }
    }

    fn sweep(&mut self) {
        if self.benches.len() < (2 * self.left).max(VENUES) {
            return;
        }
        let (news, controlled) = (&mut self.news, &mut self.controlled);
        let stays_anyway = controlled.first().cloned();
        self.benches.retain(|venue, bench| {
            let stays = bench.is_open() || stays_anyway.as_ref() == Some(venue);
            if !stays {
                controlled.remove(venue);
                news.insert((venue.clone(), None));
                news.extend(bench.known().map(|proxy| (venue.clone(), Some(proxy))));
            }
            stays
        });
        self.opened = true;
        self.left = self.benches.len();
    }
}
