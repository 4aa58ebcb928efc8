//! What the Desk is told and what it orders.
//!
//! Events come in and orders go out, nothing else does: this page is all of the Desk that its shell, and the simulation, need to
//! know. Neither has an address or a channel in it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::config;
use crate::dispatcher::notice::{Ending, Notice};
use crate::frontier::{Claim, Committed, Kept, Settlement};
use crate::pace::robots::Clearance;
use crate::protocol::{Assignment, Cursor, FeedId, Outcome, ProxyRef, Signal, Why, WorkerId};
use crate::proxy::{Endpoint, Route};
use crate::record::{Seq, StoredRecord};
use crate::task::{Epoch, HostKey, StageId, Task, TaskId};

/// What the Desk has to know of the settings.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Workers that are asked for.
    pub workers: usize,
    /// `[pace]`
    pub pace: config::Pace,
    /// `[retry]`
    pub retry: config::Retry,
    /// `[ban]`
    pub ban: config::Ban,
    /// `[health]`
    pub health: config::Health,
    /// `[outage]`
    pub outage: config::Outage,
    /// `[robots]`
    pub robots: config::Robots,
    /// What a robots.txt calls us by.
    pub robots_name: Arc<str>,
    /// `[proxies]`: order, budgets, rotating, wait
    pub proxies: config::Proxies,
    /// Up to so many workers are asked for when there are more proxies; `workers`, if the config says a number.
    pub most_workers: usize,
    /// Stages with `affinity = "referrer"`.
    pub affine: BTreeSet<StageId>,
    /// How long an answer may take to begin: `fetch.head_timeout`, as far as `fetch.timeout` lets it.
    pub head_timeout: Duration,
    /// How long fetches that are out are awaited when stopping: one hop's time-out.
    pub drain: Duration,
    /// `frontier.max_lag`: records not yet in the feeds, in bytes, beyond which fetching waits.
    pub max_lag: u64,
    /// `[limits]`, counted from this start.
    pub bounds: config::Limits,
    /// How many feeds there are.
    pub feeds: usize,
    /// The last record that was committed before this start: the crawl does not end before the feeds have it.
    pub stored: Seq,
    /// The crawl goes on from an earlier process, which may have sent requests until then.
    pub resumed_at: Option<Timestamp>,
    /// The seed of jitter.
    pub seed: u64,
}

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A worker is new and idle.
    Ready(WorkerId),
    /// A fetch has ended.
    Fetched(Box<Outcome>),
    /// A worker holds no task and needs another proxy.
    Replace {
        /// Who.
        worker: WorkerId,
        /// The proxy that is given up.
        proxy: ProxyRef,
        /// Why.
        why: Why,
    },
    /// A fetch ended without an outcome.
    Abandoned(Assignment),
    /// A worker is dead.
    Gone(WorkerId),
    /// A worker has stopped as asked.
    WorkerFinished(WorkerId),
    /// A slot stays closed.
    SlotClosed(u16),
    /// All slots are closed.
    NoWorkers,
    /// The answer to a claim.
    Claimed(Claim),
    /// A commit is through.
    Committed(Committed),
    /// A call to the store failed.
    StoreFailed {
        /// Which one.
        what: StoreCall,
        /// Why.
        error: String,
    },
    /// A feed has records durably.
    Flushed(Cursor),
    /// A feed cannot go on.
    FeedFailed {
        /// Which one.
        feed: FeedId,
        /// Why.
        error: String,
    },
    /// The sink has closed all feeds as asked.
    SinkFinished,
    /// The sink is dead.
    SinkDied,
    /// The proxies as they are now, each once.
    ProxiesRead(Vec<Endpoint>),
    /// How much is free on the fullest disk that is written to; `None` if nobody can say.
    Free(Option<Free>),
    /// The time that was asked for by [`Order::WakeAt`] has come.
    Timer,
    /// The operator asks for an orderly stop.
    Stop(Signal),
}

/// What is free on a disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Free {
    /// So many bytes.
    pub bytes: u64,
    /// A folder on it.
    pub place: Arc<Path>,
}

/// A call to the store that can fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCall {
    /// A claim.
    Claim,
    /// A commit.
    Commit,
    /// Any: the store is gone.
    Any,
}

/// Something is to be done.
#[derive(Debug)]
pub enum Order {
    /// Give a proxy to a worker.
    Bind {
        /// Who.
        worker: WorkerId,
        /// Which proxy, under which lease.
        proxy: ProxyRef,
        /// The way that it opens.
        route: Arc<Route>,
    },
    /// Give a task to a worker.
    Fetch {
        /// Who.
        worker: WorkerId,
        /// What, through which proxy.
        assignment: Assignment,
        /// The task.
        task: Arc<Task>,
        /// The least time between two requests of this fetch to one host.
        gap: Duration,
        /// Where redirects may lead it.
        clearance: Clearance,
        /// It is given up after so long, if it only probes.
        patience: Option<Duration>,
    },
    /// Tell a worker that its proxy is used up.
    Spent {
        /// Who.
        worker: WorkerId,
        /// Which proxy.
        proxy: ProxyRef,
    },
    /// Tell a worker that there is no proxy for it.
    Park(WorkerId),
    /// Tell a worker to stop.
    FinishWorker(WorkerId),
    /// Claim up to `n` tasks, none of a barred host.
    Claim {
        /// How many.
        n: usize,
        /// Hosts of which there are enough.
        barred: Vec<HostKey>,
    },
    /// Commit a batch, and how far the feeds are.
    Commit {
        /// Pages that are settled; none, if only feeds have moved.
        batch: Arc<Vec<Settlement>>,
        /// Feeds that have moved since the last commit.
        cursors: Vec<Cursor>,
        /// What else survives the process: what is known of proxies and of pages under trial.
        kept: Arc<Vec<Kept>>,
    },
    /// Put tasks back at no cost.
    HandBack(Vec<(TaskId, Epoch)>),
    /// Tell the sink of committed records.
    Stored {
        /// The number of the last one.
        through: Seq,
        /// The new ones.
        records: Vec<StoredRecord>,
    },
    /// Tell the sink that nothing more is on its way, so that it waits for no more before it flushes.
    FlushSink,
    /// Tell the sink to flush and close.
    FinishSink,
    /// There are to be so many worker slots.
    Workers(u16),
    /// From here on nobody is restarted.
    NoRestarts,
    /// Send [`Event::Timer`] then; an earlier wish is void.
    WakeAt(Timestamp),
    /// Tell people.
    Note(Notice),
    /// It is over.
    Finished(Ending),
}
