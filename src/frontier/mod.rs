//! The frontier: every task of a run, in batches, behind one synchronous trait.
//!
//! Called from one store thread only. It knows tasks and records, but neither workers nor proxies' whereabouts.

mod batch;
#[cfg(test)]
mod conformance;
pub mod fingerprint;
pub mod known;
pub mod memory;
mod recovery;
pub mod revision;
pub mod sqlite;

use std::borrow::Cow;
use std::sync::Arc;

use crate::address::StartMark;
use crate::clock::Timestamp;
use crate::record::{Record, Seq, StoredRecord};
use crate::task::{Epoch, Exclusion, HostKey, NewTask, Task, TaskId};
use crate::verdict::Reason;

pub use batch::{Batch, FeedChange, FeedCursor, FeedNames, Kept};
pub use recovery::{CRASHES_ALONE, CRASHES_TO_QUARANTINE, DeadFilter, Recovered};
pub use sqlite::StoreError;

use recovery::crashed_alone;

/// A task taken out of the frontier, under an epoch.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// The task.
    pub task: Arc<Task>,
    /// Its lease: a settlement must name it.
    pub epoch: Epoch,
}

/// The answer to a claim.
#[derive(Clone, Debug, Default)]
pub struct Claim {
    /// At most as many as asked for.
    pub tasks: Vec<Claimed>,
    /// When the next delayed task is due.
    pub next_due: Option<Timestamp>,
    /// The counters after the claim.
    pub stats: Stats,
}

/// One try of a task through one proxy, kept for its dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// When it ended.
    pub at: Timestamp,
    /// The proxy's label.
    pub proxy: Arc<str>,
    /// The verdict's name.
    pub verdict: Cow<'static, str>,
    /// Why.
    pub reason: Reason,
}

/// What becomes of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its page is in.
    Done,
    /// The site says that it is not there.
    Gone(Reason),
    /// Given up on.
    Dead(Reason),
    /// Not to be fetched.
    Excluded(Exclusion),
    /// Once more, not before a time.
    Retry {
        /// The earliest time.
        not_before: Timestamp,
        /// Attempts used up so far.
        attempts: u32,
    },
}

/// The end of one lease, committed whole or not at all.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The task.
    pub task: TaskId,
    /// The lease; another one commits nothing.
    pub epoch: Epoch,
    /// What becomes of it.
    pub fate: Fate,
    /// Tasks found on its page.
    pub links: Vec<NewTask>,
    /// Records of its page.
    pub records: Vec<Record>,
    /// Requests for it that reached its site, in all.
    pub requests: u32,
    /// What was tried under this lease and failed.
    pub tries: Vec<Try>,
}

/// What a commit did.
#[derive(Clone, Debug, Default)]
pub struct Committed {
    /// The number of the last record in the store.
    pub through: Seq,
    /// The batch's records, as far as their pages were committed: feeds need not read them again.
    pub records: Vec<StoredRecord>,
    /// For each settlement of the batch, in order: how many of its links were new. `None`: its lease was not current.
    pub new_links: Vec<Option<usize>>,
    /// The counters after the commit.
    pub stats: Stats,
}

/// Counters; a frontier answers them without counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Distinct tasks ever found.
    pub found: u64,
    /// Waiting to be claimed.
    pub ready: u64,
    /// Waiting for a time.
    pub delayed: u64,
    /// Claimed.
    pub leased: u64,
    /// Waiting to be claimed alone, because they were claimed in several crashes: given out when nothing else is leased.
    pub quarantined: u64,
    /// Claimed alone: 1 while such a task is out, and nothing else can be claimed meanwhile.
    pub alone: u64,
    /// Fetched and committed.
    pub done: u64,
    /// Not there, says the site.
    pub gone: u64,
    /// Given up on.
    pub dead: u64,
    /// Not to be fetched.
    pub excluded: u64,
    /// Records committed.
    pub records: u64,
    /// Start URLs that have not been looked at yet: not among `found`. `None`: some, not counted.
    pub unread: Option<u64>,
}

impl Stats {
    /// Tasks that still have to end, start URLs not yet looked at aside.
    pub const fn left(&self) -> u64 {
        self.ready + self.delayed + self.leased + self.quarantined
    }

    /// Is nothing left to claim, now or later, in this frontier?
    pub const fn exhausted(&self) -> bool {
        self.ready == 0 && self.delayed == 0 && self.quarantined == 0 && matches!(self.unread, Some(0))
    }

    /// May a claim bring something, delayed tasks aside?
    pub const fn claimable(&self) -> bool {
        let plain = self.ready > 0 || !matches!(self.unread, Some(0));
        self.alone == 0 && (plain || (self.quarantined > 0 && self.leased == 0))
    }
}

/// A task given up on, with its history.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The task, with the attempts and requests that it used.
    pub task: Arc<Task>,
    /// Why.
    pub reason: Reason,
    /// All tries, oldest first.
    pub tries: Vec<Try>,
}

/// What can go wrong in a frontier.
#[derive(Debug, thiserror::Error)]
pub enum FrontierError {
    /// The start URLs could not be read on.
    #[error("reading start URLs: {0}")]
    Seeds(#[source] std::io::Error),
    /// The store on disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Start URLs, read as they are needed.
pub trait Seeds: Iterator<Item = std::io::Result<NewTask>> + Send {
    /// How many are left, if that is known without reading them; `Some(0)` once all are read.
    fn unread(&self) -> Option<u64>;

    /// How far they have been read. A durable frontier keeps it with the tasks, and asks for seeds from there on when it is
    /// opened again; seeds that begin anew cost only time, since what is known is passed over.
    fn mark(&self) -> StartMark {
        StartMark::default()
    }
}

/// Reads committed records beside the thread that commits them.
pub trait RecordReader: Send {
    /// Up to `n` records after `after`, in order.
    ///
    /// # Errors
    /// Those of the store.
    fn records(&mut self, after: Seq, n: usize) -> Result<Vec<StoredRecord>, FrontierError>;
}

/// The durable set of all tasks. All calls are batches and may block.
pub trait Frontier: Send {
    /// Called by a new owner before its first claim: the leases of the last one go back to their places. That costs no attempt,
    /// since a claimed page need not have been fetched, but the crash is counted: see [`CRASHES_TO_QUARANTINE`].
    ///
    /// # Errors
    /// Those of the store; nothing has then changed.
    fn recover(&mut self) -> Result<Recovered, FrontierError>;

    /// Called with [`Self::recover`]: no delayed task waits beyond `latest`. One that does was put off by a clock that was ahead
    /// of today's. How many there were.
    ///
    /// # Errors
    /// Those of the store; nothing has then changed.
    fn hasten(&mut self, latest: Timestamp) -> Result<u64, FrontierError>;

    /// Takes up to `n` ready tasks: hosts in turn, within a host by priority, then first in, first out; none of a host in
    /// `barred`. What is due by `now` is ready. A quarantined task comes when nothing else can and nothing is leased, and
    /// nothing else comes until it has ended.
    ///
    /// # Errors
    /// Those of the store; nothing is then leased.
    fn claim(&mut self, n: usize, now: Timestamp, barred: &[HostKey]) -> Result<Claim, FrontierError>;

    /// Puts claimed tasks back, at no cost, before all others of their host and priority.
    ///
    /// # Errors
    /// Those of the store.
    fn hand_back(&mut self, leases: &[(TaskId, Epoch)]) -> Result<(), FrontierError>;

    /// Commits all of a batch or nothing: ends of leases with their states, new links, records and history; cursors of feeds;
    /// what else is to be kept. A settlement whose epoch is not its lease's changes nothing.
    ///
    /// # Errors
    /// Those of the store; then nothing of the batch is committed and it may be given again.
    fn commit(&mut self, batch: &Batch<'_>, now: Timestamp) -> Result<Committed, FrontierError>;

    /// The counters, in constant time.
    fn stats(&self) -> Stats;

    /// All tasks given up on, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    fn dead_letters(&self) -> Result<Vec<DeadLetter>, FrontierError>;

    /// Makes dead letters ready again, as if they had never been tried; their history stays. How many there were.
    ///
    /// # Errors
    /// Those of the store; nothing has then changed.
    fn retry(&mut self, which: &DeadFilter) -> Result<u64, FrontierError>;

    /// The cursors of all feeds, as last committed.
    ///
    /// # Errors
    /// Those of the store.
    fn feeds(&self) -> Result<Vec<FeedCursor>, FrontierError>;

    /// Everything that is kept under a kind, in the order of the keys.
    ///
    /// # Errors
    /// Those of the store.
    fn kept(&self, kind: &str) -> Result<Vec<Kept>, FrontierError>;

    /// A reader of the committed records. `None`: they are not kept once they have come with [`Committed`].
    ///
    /// # Errors
    /// Those of the store.
    fn reader(&self) -> Result<Option<Box<dyn RecordReader>>, FrontierError>;

    /// The orderly end: puts down what makes the next start quick. Not calling it loses nothing.
    ///
    /// # Errors
    /// Those of the store.
    fn close(&mut self) -> Result<(), FrontierError>;
}
