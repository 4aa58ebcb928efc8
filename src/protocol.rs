//! Every message that actors send each other, on one page. Actors know these, and not one another.
//!
//! No behaviour but that of the guards: a message holds what its reader has to know, and nothing about who that is.

mod guards;
mod outcome;

use std::sync::Arc;

use actix::prelude::*;

pub use self::guards::{Obituary, TaskLease};
pub use self::outcome::{Meters, Next, Outcome};
use crate::proxy::{Endpoint, ProxyId, Route};
use crate::record::{Seq, StoredRecord};
use crate::task::{Epoch, TaskId};
use crate::verdict::Reason;

/// A worker: its slot, and which one it is of those that the slot has had. A new incarnation means that the old one is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId {
    /// The place among the workers, from 0.
    pub slot: u16,
    /// Counts restarts, from 0.
    pub incarnation: u32,
}

impl std::fmt::Display for WorkerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.slot, self.incarnation)
    }
}

/// A proxy under one lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProxyRef {
    /// The proxy.
    pub id: ProxyId,
    /// The lease.
    pub epoch: Epoch,
}

/// The right to use a proxy. There is one of it, so it cannot be cloned.
#[derive(Debug)]
pub struct ProxyLease {
    /// Which proxy, under which lease.
    pub proxy: ProxyRef,
    /// The way that it opens.
    pub route: Arc<Route>,
}

/// One task given to one worker for one fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The task.
    pub task: TaskId,
    /// The frontier's lease on it.
    pub epoch: Epoch,
    /// Counts how often the Desk has given it out under that lease; an outcome must match it.
    pub turn: u32,
    /// The proxy to use.
    pub proxy: ProxyRef,
}

/// Why a worker asks for another proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// It was told that its proxy is spent.
    Spent,
    /// No client can be built for it.
    Unusable(Reason),
}

/// Worker → dispatcher.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum WorkerReport {
    /// I am new and idle; orders for me go there.
    Ready {
        /// Who.
        worker: WorkerId,
        /// Where its orders go.
        inbox: Recipient<WorkerOrder>,
    },
    /// A fetch has ended.
    Fetched(Box<Outcome>),
    /// I hold no task and need another proxy.
    Replace {
        /// Who.
        worker: WorkerId,
        /// The proxy that is given up.
        proxy: ProxyRef,
        /// Why.
        why: Why,
    },
    /// A fetch ended without an outcome; sent by a dropped [`TaskLease`].
    Abandoned {
        /// Which one.
        assignment: Assignment,
    },
    /// I have stopped, as asked by [`WorkerOrder::Finish`].
    Finished {
        /// Who.
        worker: WorkerId,
    },
}

/// Dispatcher → worker.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum WorkerOrder {
    /// This proxy is yours; an older one is released. Build a fresh client.
    Bind(ProxyLease),
    /// Do this page.
    Fetch(TaskLease),
    /// This proxy's error budget is used up: finish what is out, then ask for another.
    Spent {
        /// Which one.
        proxy: ProxyRef,
    },
    /// No proxy may be used now: drop the client and wait.
    Park,
    /// The end: drop the client and stop.
    Finish,
}

/// A feed, as an index into the config's feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedId(pub u16);

/// Dispatcher → sink.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum SinkOrder {
    /// Records are committed.
    Stored {
        /// The number of the last one.
        through: Seq,
        /// The new ones, or none where the sink is to read them from the store.
        records: Vec<StoredRecord>,
    },
    /// Nothing more is on its way: do not wait for more before making durable what there is.
    Flush,
    /// The end: flush, close, answer.
    Finish,
}

/// How far a feed is: everything up to here is durably in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Which feed.
    pub feed: FeedId,
    /// The last record that it has dealt with.
    pub through: Seq,
    /// The length of its file in bytes.
    pub bytes: u64,
    /// A hash of the last 4 KiB of its file.
    pub tail: u64,
}

/// Sink → dispatcher.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum SinkReport {
    /// I am there; orders for me go there.
    Ready {
        /// Where its orders go.
        inbox: Recipient<SinkOrder>,
    },
    /// Records are durably in a feed.
    Flushed(Cursor),
    /// A feed cannot go on.
    FeedFailed {
        /// Which one.
        feed: FeedId,
        /// Why, naming its file.
        error: String,
    },
    /// All feeds are closed, as asked by [`SinkOrder::Finish`].
    Finished,
}

/// An actor, by its part in the crawl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The dispatcher.
    Dispatcher,
    /// The sink.
    Sink,
    /// A worker.
    Worker(WorkerId),
}

/// How an actor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It had been asked to.
    Asked,
    /// It died.
    Died,
}

/// Anybody's obituary → supervisor; sent by a drop guard.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct Exited {
    /// Who.
    pub who: Role,
    /// How.
    pub why: Exit,
}

/// Supervisor → dispatcher.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum SupervisorReport {
    /// This incarnation is dead: its tasks go back, its proxy drains.
    Gone {
        /// Who.
        worker: WorkerId,
    },
    /// This slot has died too often and stays closed.
    SlotClosed {
        /// Which one.
        slot: u16,
    },
    /// All slots are closed: an orderly stop is all that is left.
    NoWorkers,
    /// The sink is dead.
    SinkDied,
}

/// Dispatcher → supervisor.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub enum SupervisorOrder {
    /// There are to be so many worker slots; there are never fewer than before.
    Workers(u16),
    /// From here on nobody is started any more.
    NoRestarts,
}

/// A signal of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C
    Interrupt,
    /// SIGTERM
    Terminate,
}

/// Main → dispatcher: the proxies, as they were read just now, each once.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct ProxiesRead(pub Vec<Endpoint>);

/// Main → dispatcher: stop in order.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Stop(pub Signal);

/// Anybody in a test → an actor: die in a handler.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Crash;
