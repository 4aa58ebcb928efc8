//! Every message that actors send each other, on one page. Actors know these, and not one another.
//!
//! Plain data between actors, and the guards that speak up when what they stand for ends without a word: leases (in
//! `protocol/lease.rs`) and obituaries. Nothing is decided here.

mod lease;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use crate::clock::Timestamp;
use crate::record::{Record, Seq, StoredRecord};
use crate::task::{HostKey, NewTask};
use crate::verdict::{Reason, Verdict};

pub use lease::{Assignment, ProxyLease, ProxyRef, TaskLease, WorkerId};

/// What one fetch cost, and when.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// For each host that was asked, when the first byte of the last request to it was sent; the last one asked comes last.
    pub sent: Vec<(HostKey, Timestamp)>,
    /// Requests that went out, redirects and redials among them.
    pub requests: u32,
    /// Redirects that were followed.
    pub hops: u32,
    /// Requests repeated because a kept connection had gone stale.
    pub redials: u32,
    /// The last status.
    pub status: Option<u16>,
    /// Bytes on the wire, both ways, handshakes included.
    pub wire: u64,
    /// Bytes of the body, decompressed.
    pub body: u64,
    /// Waiting between hops.
    pub wait: Duration,
    /// Dialling, handshakes, TLS.
    pub connect: Duration,
    /// Until the head of the answer.
    pub head: Duration,
    /// Until the end of the body.
    pub receive: Duration,
    /// Extraction.
    pub extract: Duration,
}

/// What the worker does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It can take another task.
    Ready,
    /// It takes none: its proxy is being given up, and a `Replace` follows.
    Closing,
}

/// The outcome of one fetch.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Who worked.
    pub worker: WorkerId,
    /// On what, through which proxy.
    pub assignment: Assignment,
    /// What it turned out to be.
    pub verdict: Verdict,
    /// Tasks found on the page.
    pub links: Vec<NewTask>,
    /// Records of the page.
    pub records: Vec<Record>,
    /// Names of the fields that had no match.
    pub missing: Vec<Arc<str>>,
    /// What it cost.
    pub meters: Meters,
    /// What the worker does next.
    pub next: Next,
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
        /// The new ones, where the sink cannot read them from the store.
        records: Vec<StoredRecord>,
    },
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

/// Dispatcher → supervisor: from here on nobody is restarted.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct NoRestarts;

/// A signal of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C
    Interrupt,
    /// SIGTERM
    Terminate,
}

/// Main → dispatcher: stop in order.
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Stop(pub Signal);

/// Anybody in a test → an actor: die in a handler.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Message)]
#[rtype(result = "()")]
pub struct Crash;

/// What an actor holds as long as it lives: its drop tells the supervisor, also when a handler panicked.
#[derive(Debug)]
pub struct Obituary {
    who: Role,
    why: Exit,
    supervisor: Recipient<Exited>,
}

impl Obituary {
    /// The obituary of `who`, for `supervisor` to read.
    pub fn new(who: Role, supervisor: Recipient<Exited>) -> Self {
        Self { who, why: Exit::Died, supervisor }
    }

    /// From here on its end is no surprise.
    pub fn expected(&mut self) {
        self.why = Exit::Asked;
    }
}

impl Drop for Obituary {
    fn drop(&mut self) {
        self.supervisor.do_send(Exited { who: self.who, why: self.why });
    }
}
