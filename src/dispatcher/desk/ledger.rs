//! The ledger: what is settled but not committed, and what is committed but not in the feeds.
//!
//! Pure. One commit is out at a time; a failed batch is kept and given again whole, under the same epochs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::frontier::{Committed, Kept, Settlement};
use crate::protocol::{Cursor, FeedId};
use crate::record::Seq;

/// A batch is committed when it has so many pages …
pub(super) const COMMIT_PAGES: usize = 256;
/// … or when its oldest page has waited so long (both measured: a synced commit of 256 pages costs what one page costs).
pub(super) const COMMIT_AFTER: Duration = Duration::from_millis(10);
/// No new fetches while so many settled pages wait for their commit.
pub(super) const MAX_UNCOMMITTED: usize = 4096;
/// A batch that failed so often is a broken store.
const COMMIT_TRIES: u32 = 5;
/// The wait before a failed batch is given again; doubled each time.
const COMMIT_RETRY: Duration = Duration::from_millis(100);

/// Where the batch that was given to the store is.
#[derive(Debug, Default)]
enum Commit {
    /// None is out.
    #[default]
    Idle,
    /// With the store.
    Out { batch: Batch, tries: u32 },
    /// Failed; to be given again.
    Failed { batch: Batch, tries: u32, again_at: Timestamp },
}

/// What is committed at once: pages, and how far the feeds are.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) pages: Arc<Vec<Settlement>>,
    pub(super) cursors: Vec<Cursor>,
    pub(super) kept: Arc<Vec<Kept>>,
}

/// What follows from a failed commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AfterFailure {
    /// The batch will be given again.
    Again,
    /// The store is broken.
    GiveUp,
}

/// Settled pages on their way into the store, and records on theirs into the feeds.
#[derive(Debug)]
pub(super) struct Ledger {
    pending: Vec<Settlement>,
    moved: BTreeMap<FeedId, Cursor>,
    kept: Vec<Kept>,
    oldest: Timestamp,
    commit: Commit,
    stored: Seq,
    lagging: VecDeque<(Seq, u64)>,
    lag: u64,
    feeds: Vec<Seq>,
    /// The feeds have been told not to wait for more than this.
    hurried: Option<Seq>,
}

impl Ledger {
    /// Nothing settled; `feeds` feeds of which nothing is known, and records up to `stored`.
    pub(super) fn new(feeds: usize, stored: Seq) -> Self {
        Self {
            pending: Vec::new(),
            moved: BTreeMap::new(),
            kept: Vec::new(),
            oldest: Timestamp::default(),
            commit: Commit::default(),
            stored,
            lagging: VecDeque::new(),
            lag: 0,
            feeds: vec![Seq::default(); feeds],
            hurried: None,
        }
    }

    /// A page is settled.
    pub(super) fn settle(&mut self, settlement: Settlement, now: Timestamp) {
        if self.pending.is_empty() {
            self.oldest = now;
        }
        self.pending.push(settlement);
    }

    /// Will the next call for a batch give a new one, should there be something for it?
    pub(super) fn takes_more(&self, now: Timestamp, eager: Eager) -> bool {
        matches!(self.commit, Commit::Idle) && (eager == Eager::Last || self.is_due(now, eager))
    }

    /// Is no batch with the store, or waiting to be given again?
    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.commit, Commit::Idle)
    }

    /// What else is to survive the process goes along with the next batch.
    pub(super) fn keep(&mut self, kept: Vec<Kept>) {
        self.kept.extend(kept);
    }

    /// Settled pages that are not committed.
    pub(super) fn uncommitted(&self) -> usize {
        self.pending.len()
            + match &self.commit {
                Commit::Idle => 0,
                Commit::Out { batch, .. } | Commit::Failed { batch, .. } => batch.pages.len(),
            }
    }

    /// The batch to give to the store now, if it is time for one. `eager`: somebody is idle, so do not wait for company.
    pub(super) fn batch(&mut self, now: Timestamp, eager: Eager) -> Option<Batch> {
        match std::mem::take(&mut self.commit) {
            out @ Commit::Out { .. } => {
                self.commit = out;
                None
            }
            Commit::Failed { batch, tries, again_at } if again_at <= now => {
                self.commit = Commit::Out { batch: batch.clone(), tries };
                Some(batch)
            }
            failed @ Commit::Failed { .. } => {
                self.commit = failed;
                None
            }
            Commit::Idle if self.is_due(now, eager) => {
                let rest = self.pending.split_off(self.pending.len().min(COMMIT_PAGES));
                let pages = Arc::new(std::mem::replace(&mut self.pending, rest));
                let cursors = std::mem::take(&mut self.moved).into_values().collect();
                let kept = Arc::new(std::mem::take(&mut self.kept));
                let batch = Batch { pages, cursors, kept };
                self.commit = Commit::Out { batch: batch.clone(), tries: 0 };
                Some(batch)
            }
            Commit::Idle => None,
        }
    }

    fn is_due(&self, now: Timestamp, eager: Eager) -> bool {
        let waited = now.since(self.oldest) >= COMMIT_AFTER || eager != Eager::No;
        let pages = !self.pending.is_empty() && (waited || self.pending.len() >= COMMIT_PAGES);
        // Cursors go along with pages. By themselves they are worth a commit only once no page is to come.
        let moved = self.pending.is_empty() && !self.moved.is_empty() && eager == Eager::Last;
        pages || moved || !self.kept.is_empty()
    }

    /// When a batch becomes due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        match &self.commit {
            Commit::Out { .. } => None,
            Commit::Failed { again_at, .. } => Some(*again_at),
            Commit::Idle => (!self.pending.is_empty()).then(|| self.oldest + COMMIT_AFTER),
        }
    }

    /// The last record in the store.
    pub(super) const fn stored(&self) -> Seq {
        self.stored
    }

    /// The batch is in the store: it is given back.
    pub(super) fn committed(&mut self, committed: &Committed) -> Option<Arc<Vec<Settlement>>> {
        let Commit::Out { batch, .. } = std::mem::take(&mut self.commit) else { return None };
        let weight =
            batch.pages.iter().flat_map(|settlement| &settlement.records).map(crate::record::Record::weight).sum();
        if committed.through > self.stored {
            self.stored = committed.through;
            self.lagging.push_back((committed.through, weight));
            self.lag += weight;
        }
        Some(batch.pages)
    }

    /// The batch is not in the store.
    pub(super) fn failed(&mut self, now: Timestamp) -> AfterFailure {
        let Commit::Out { batch, tries } = std::mem::take(&mut self.commit) else { return AfterFailure::Again };
        let again_at = now + COMMIT_RETRY.saturating_mul(2u32.saturating_pow(tries));
        self.commit = Commit::Failed { batch, tries: tries + 1, again_at };
        if tries + 1 >= COMMIT_TRIES { AfterFailure::GiveUp } else { AfterFailure::Again }
    }

    /// The store is broken: what is not in it stays out.
    pub(super) fn store_lost(&mut self) {
        self.pending.clear();
        self.moved.clear();
        self.kept.clear();
        self.commit = Commit::Idle;
    }

    /// A feed has everything up to its cursor.
    pub(super) fn flushed(&mut self, cursor: &Cursor) {
        let known = self.feeds.get(usize::from(cursor.feed.0)).copied().unwrap_or_default();
        if cursor.through >= known {
            self.moved.insert(cursor.feed, *cursor);
        }
        self.reach(cursor.feed, cursor.through);
    }

    /// Is nothing on its way into the store, neither pages nor cursors?
    pub(super) fn is_settled(&self) -> bool {
        self.pending.is_empty() && self.moved.is_empty() && self.kept.is_empty() && matches!(self.commit, Commit::Idle)
    }

    /// A feed cannot go on: nobody waits for it any more.
    pub(super) fn feed_failed(&mut self, feed: FeedId) {
        self.reach(feed, Seq(u64::MAX));
    }

    /// No feed will answer any more.
    pub(super) fn feeds_lost(&mut self) {
        self.feeds.clear();
        self.forget();
    }

    /// Bytes of records that are committed and not yet in every feed.
    pub(super) const fn lag(&self) -> u64 {
        self.lag
    }

    /// Is everything that is committed in every feed?
    pub(super) fn all_flushed(&self) -> bool {
        self.feeds.iter().all(|through| *through >= self.stored)
    }

    /// Does a feed lack something that it may be holding back, and has it not been told to hurry?
    pub(super) fn is_worth_hurrying(&mut self) -> bool {
        !self.all_flushed() && self.hurried.replace(self.stored) != Some(self.stored)
    }

    fn reach(&mut self, feed: FeedId, through: Seq) {
        if let Some(reached) = self.feeds.get_mut(usize::from(feed.0)) {
            *reached = (*reached).max(through);
        }
        self.forget();
    }

    fn forget(&mut self) {
        let reached = self.feeds.iter().copied().min().unwrap_or(Seq(u64::MAX));
        while let Some(&(through, weight)) = self.lagging.front()
            && through <= reached
        {
            self.lagging.pop_front();
            self.lag = self.lag.saturating_sub(weight);
        }
    }
}

/// Should a batch wait for company?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Eager {
    /// Somebody is idle and may be waiting for the links in it.
    Yes,
    /// Everybody is busy.
    No,
    /// Nothing more is to come but what feeds still say.
    Last,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frontier::Fate;
    use crate::task::{Epoch, TaskId};

    fn page(id: u64) -> Settlement {
        Settlement {
            task: TaskId(id),
            epoch: Epoch(id),
            fate: Fate::Done,
            links: Vec::new(),
            records: Vec::new(),
            requests: 1,
            tries: Vec::new(),
        }
    }

    fn at(millis: u64) -> Timestamp {
        Timestamp::from_micros(millis * 1000)
    }

    #[test]
    fn a_batch_waits_for_company_but_not_long() {
        let mut ledger = Ledger::new(1, Seq::default());
        ledger.settle(page(1), at(0));
        assert!(ledger.batch(at(9), Eager::No).is_none());
        assert_eq!(ledger.next_due(), Some(at(10)));
        assert_eq!(ledger.batch(at(10), Eager::No).map(|batch| batch.pages.len()), Some(1));
    }

    #[test]
    fn one_commit_is_out_at_a_time() {
        let mut ledger = Ledger::new(1, Seq::default());
        ledger.settle(page(1), at(0));
        assert!(ledger.batch(at(0), Eager::Yes).is_some());
        ledger.settle(page(2), at(0));
        assert!(ledger.batch(at(100), Eager::Yes).is_none());
        ledger.committed(&Committed::default());
        assert!(ledger.batch(at(100), Eager::Yes).is_some());
    }

    #[test]
    fn a_failed_batch_is_given_again_whole_under_the_same_epochs() {
        let mut ledger = Ledger::new(1, Seq::default());
        ledger.settle(page(1), at(0));
        ledger.settle(page(2), at(0));
        let first = ledger.batch(at(0), Eager::Yes).expect("a batch");
        assert_eq!(ledger.failed(at(0)), AfterFailure::Again);
        ledger.settle(page(3), at(0));
        let again = ledger.batch(ledger.next_due().expect("a time"), Eager::No).expect("the batch again");
        assert!(Arc::ptr_eq(&first.pages, &again.pages));
        assert_eq!(ledger.uncommitted(), 3);
    }

    #[test]
    fn a_store_that_fails_again_and_again_is_given_up() {
        let mut ledger = Ledger::new(1, Seq::default());
        ledger.settle(page(1), at(0));
        let mut now = at(0);
        for _ in 0..4 {
            ledger.batch(now, Eager::Yes).expect("a batch");
            assert_eq!(ledger.failed(now), AfterFailure::Again);
            now = ledger.next_due().expect("a time");
        }
        ledger.batch(now, Eager::Yes).expect("a batch");
        assert_eq!(ledger.failed(now), AfterFailure::GiveUp);
    }

    #[test]
    fn the_slowest_feed_decides_what_is_flushed() {
        let mut ledger = Ledger::new(2, Seq::default());
        ledger.settle(page(1), at(0));
        ledger.batch(at(0), Eager::Yes);
        ledger.committed(&Committed { through: Seq(4), ..Committed::default() });
        let cursor = |feed, through| Cursor { feed: FeedId(feed), through: Seq(through), bytes: 0, tail: 0 };
        ledger.flushed(&cursor(0, 4));
        assert!(!ledger.all_flushed());
        ledger.flushed(&cursor(1, 4));
        assert!(ledger.all_flushed());
    }
}
