//! A bench: what is known of pages and proxies at one venue, which is one stage on one host.
//!
//! Pure. It counts pages that were done and condemned, keeps some of the done ones as controls, and knows of each proxy how
//! reliable it is there and which of its testimonies wait until it succeeds again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use url::Url;

use super::docket::Change;
use crate::proxy::ProxyId;
use crate::proxy::reliability::Reliability;
use crate::task::{HostKey, Method, StageId, Task, TaskId};

/// Where pages are alike: one stage on one host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Venue {
    pub(super) host: HostKey,
    pub(super) stage: StageId,
}

impl Venue {
    /// Where a task begins.
    pub(super) fn of(task: &Task) -> Self {
        Self { host: task.host.clone(), stage: task.stage }
    }
}

/// Done pages that are kept as controls: several, since one may vanish.
const CONTROLS: usize = 4;

/// The share of pages that are condemned is taken to be this much of one …
const CONDEMNED_BEFORE: f64 = 0.5;
/// … in so many pages, before any was seen.
const PAGES_BEFORE: f64 = 50.0;

/// One proxy at one venue.
#[derive(Clone, Debug, Default)]
pub(super) struct Witness {
    pub(super) reliability: Reliability,
    /// What it was when it was last written down.
    written: Reliability,
    /// Pages that it failed on and has not succeeded since.
    pub(super) owes: BTreeSet<TaskId>,
    /// Its failures since its last success.
    pub(super) in_a_row: u32,
    /// Has it failed on a control since its last success?
    pub(super) refuted: bool,
}

/// What is known at one venue.
#[derive(Debug, Default)]
pub(super) struct Bench {
    pub(super) done: u64,
    pub(super) condemned: u64,
    /// Bans seen on pages that were forbidden to everybody, and bans that were meant.
    mistaken_bans: u64,
    meant_bans: u64,
    controls: VecDeque<Arc<Task>>,
    asked: usize,
    witnesses: BTreeMap<ProxyId, Witness>,
    /// Those that are reliable and owe nothing.
    trusted: BTreeSet<ProxyId>,
}

impl Bench {
    /// The log-odds that a page here is at fault, before anything is said of it.
    pub(super) fn prior(&self) -> f64 {
        let condemned = self.condemned as f64 + CONDEMNED_BEFORE;
        let rest = self.done as f64 + PAGES_BEFORE - CONDEMNED_BEFORE;
        (condemned / rest).ln()
    }

    /// A page is done. What was asked for by a form is not asked for again only to try a proxy.
    pub(super) fn done(&mut self, task: &Arc<Task>) {
        self.done += 1;
        if task.request.method == Method::Get {
            self.controls.push_front(Arc::clone(task));
            self.controls.truncate(CONTROLS);
        }
    }

    /// What looked like a ban was a page that is forbidden to everybody.
    pub(super) const fn ban_was_mistaken(&mut self) {
        self.mistaken_bans += 1;
    }

    /// What looked like a ban was one.
    pub(super) const fn ban_was_meant(&mut self) {
        self.meant_bans += 1;
    }

    /// Have most bans here turned out to be none?
    pub(super) const fn doubts_bans(&self) -> bool {
        self.mistaken_bans > self.meant_bans
    }

    /// Is there a page that was done?
    pub(super) fn has_control(&self) -> bool {
        !self.controls.is_empty()
    }

    /// A page that was done, each time another one.
    pub(super) fn control(&mut self) -> Option<Arc<Task>> {
        self.asked += 1;
        self.controls.get(self.asked % self.controls.len().max(1)).cloned()
    }

    /// The addresses of the pages that are kept as controls.
    pub(super) fn controls(&self) -> impl Iterator<Item = (TaskId, &Url)> {
        self.controls.iter().map(|control| (control.id, &control.request.url))
    }

    /// Takes over a page that was done before.
    pub(super) fn recall_control(&mut self, task: Task) {
        self.controls.push_back(Arc::new(task));
        self.controls.truncate(CONTROLS);
    }

    /// A page is no longer what it was.
    pub(super) fn forget_control(&mut self, task: TaskId) {
        self.controls.retain(|control| control.id != task);
    }

    /// A proxy as it is known here.
    pub(super) fn witness(&self, proxy: ProxyId) -> Option<&Witness> {
        self.witnesses.get(&proxy)
    }

    /// Those that are reliable and owe nothing.
    pub(super) fn trusted(&self) -> impl ExactSizeIterator<Item = ProxyId> {
        self.trusted.iter().copied()
    }

    /// Is it reliable, and owes nothing?
    pub(super) fn trusts(&self, proxy: ProxyId) -> bool {
        self.trusted.contains(&proxy)
    }

    /// Changes what is known of a proxy; says how that changes who is trusted.
    pub(super) fn learn<T>(&mut self, proxy: ProxyId, change: impl FnOnce(&mut Witness) -> T) -> (T, Option<Change>) {
        let witness = self.witnesses.entry(proxy).or_default();
        let learnt = change(witness);
        let trusted = witness.owes.is_empty() && witness.reliability.is_trusted();
        let change = if trusted {
            self.trusted.insert(proxy).then_some(Change::Gain)
        } else {
            self.trusted.remove(&proxy).then_some(Change::Loss)
        };
        (learnt, change)
    }

    /// Is there more to write down of a proxy than was written?
    pub(super) fn has_news_of(&mut self, proxy: ProxyId) -> bool {
        let Some(witness) = self.witnesses.get_mut(&proxy) else { return false };
        let news = witness.reliability.differs(&witness.written);
        if news {
            witness.written = witness.reliability;
        }
        news
    }

    /// Takes over what was known of a proxy.
    pub(super) fn recall(&mut self, proxy: ProxyId, reliability: Reliability) {
        self.learn(proxy, |witness| (witness.reliability, witness.written) = (reliability, reliability));
    }

    /// The proxies that are known here.
    pub(super) fn known(&self) -> impl Iterator<Item = ProxyId> {
        self.witnesses.keys().copied()
    }

    /// Does anything here wait for something?
    pub(super) fn is_open(&self) -> bool {
        self.witnesses.values().any(|witness| !witness.owes.is_empty())
    }
}
