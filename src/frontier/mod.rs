//! The frontier: every task of a run, in batches, behind one synchronous trait.
//!
//! Called from one store thread only. It knows tasks and records, but neither workers nor proxies' whereabouts.

pub mod fingerprint;
pub mod memory;

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::protocol::Cursor;
use crate::record::{Record, Seq, StoredRecord};
use crate::task::{Epoch, Exclusion, HostKey, NewTask, Task, TaskId};
use crate::verdict::Reason;

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
    pub verdict: &'static str,
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
    /// The batch's records, where feeds cannot read them from the store.
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
        self.ready + self.delayed + self.leased
    }

    /// Is nothing left to claim, now or later, in this frontier?
    pub const fn exhausted(&self) -> bool {
        self.ready == 0 && self.delayed == 0 && matches!(self.unread, Some(0))
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

/// What can go wrong in a store.
#[derive(Debug, thiserror::Error)]
pub enum FrontierError {
    /// The start URLs could not be read on.
    #[error("reading start URLs: {0}")]
    Seeds(#[source] std::io::Error),
}

/// Start URLs, read as they are needed.
pub trait Seeds: Iterator<Item = std::io::Result<NewTask>> + Send {
    /// How many are left, if that is known without reading them; `Some(0)` once all are read.
    fn unread(&self) -> Option<u64>;
}

/// The durable set of all tasks. All calls are batches and may block.
pub trait Frontier: Send {
    /// Takes up to `n` ready tasks: hosts in turn, within a host by priority, then first in, first out; none of a host in
    /// `barred`. What is due by `now` is ready.
    ///
    /// # Errors
    /// Those of the store; nothing is then leased.
    fn claim(&mut self, n: usize, now: Timestamp, barred: &[HostKey]) -> Result<Claim, FrontierError>;

    /// Puts claimed tasks back, at no cost, before all others of their host and priority.
    ///
    /// # Errors
    /// Those of the store.
    fn hand_back(&mut self, leases: &[(TaskId, Epoch)]) -> Result<(), FrontierError>;

    /// Ends leases, all of them or none: states, new links, records, history, and how far the feeds are. A settlement whose
    /// epoch is not its lease's changes nothing.
    ///
    /// # Errors
    /// Those of the store; then nothing of the batch is committed and it may be given again.
    fn commit(&mut self, batch: &[Settlement], cursors: &[Cursor], now: Timestamp) -> Result<Committed, FrontierError>;

    /// The counters, in constant time.
    fn stats(&self) -> Stats;

    /// All tasks given up on, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    fn dead_letters(&self) -> Result<Vec<DeadLetter>, FrontierError>;
}
