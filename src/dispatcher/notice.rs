//! What the Desk has to tell people: facts for the log and the report. Nothing is decided by them.
//!
//! They go out of the Desk as they happen and come in where they are counted and written. How they are worded is not known here.

mod ending;
mod page;

use std::sync::Arc;
use std::time::Duration;

pub use self::ending::Ending;
pub use self::page::{Decision, PageNotice, ProbeNotice, Then};
use super::desk::{Free, Party};
use crate::clock::Timestamp;
use crate::frontier::Stats;
use crate::protocol::{ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{HostKey, Task};
use crate::verdict::Reason;

/// One fact.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A worker has got a proxy.
    Bound {
        /// Who.
        worker: WorkerId,
        /// Which one.
        proxy: ProxyRef,
    },
    /// A lease is over: nothing is out under it any more, and the proxy may be bound again.
    Released {
        /// Who had it.
        worker: WorkerId,
        /// Which one.
        proxy: ProxyRef,
    },
    /// A worker gives up its proxy because the proxy is broken; a spare follows as `Bound`, or `Parked`.
    Replaced {
        /// Who.
        worker: WorkerId,
        /// The proxy that is given up.
        proxy: ProxyId,
        /// The last thing that spoke against it.
        reason: Reason,
    },
    /// A worker has no proxy and gets no task.
    Parked {
        /// Who.
        worker: WorkerId,
    },
    /// A proxy was found at fault.
    Charged {
        /// Which one.
        proxy: ProxyId,
        /// Its score now.
        score: f64,
        /// What for.
        reason: Reason,
    },
    /// A proxy rests.
    Cooling {
        /// Which one.
        proxy: ProxyId,
        /// Until when.
        until: Timestamp,
        /// What for.
        reason: Reason,
    },
    /// A proxy that rested may be used again.
    Rested {
        /// Which one.
        proxy: ProxyId,
    },
    /// A proxy is out for this run.
    Retired {
        /// Which one.
        proxy: ProxyId,
        /// What for.
        reason: Reason,
    },
    /// A proxy has used up its budget and rests for the remainder of this run.
    UsedUp {
        /// Which one.
        proxy: ProxyId,
        /// Which budget.
        reason: Reason,
    },
    /// A proxy is new among the proxies, or back.
    Added {
        /// Which one.
        proxy: ProxyId,
        /// Its name.
        label: Arc<str>,
    },
    /// A proxy is not among the proxies any more.
    Removed {
        /// Which one.
        proxy: ProxyId,
    },
    /// The proxies were read again.
    Reloaded {
        /// How many are new, or back.
        added: usize,
        /// How many are gone.
        removed: usize,
        /// How many have another password.
        changed: usize,
        /// How many there are now.
        listed: usize,
    },
    /// A proxy leaves one host alone for a while.
    HostPaused {
        /// Which one.
        proxy: ProxyId,
        /// Which host.
        host: HostKey,
        /// Until when.
        until: Timestamp,
        /// A ban, or throttling.
        cause: PauseCause,
        /// What was seen.
        reason: Reason,
    },
    /// A host asked one proxy after the other to wait: nobody asks it for a while, and from then on less often.
    HostSlowed {
        /// Which host.
        host: HostKey,
        /// Nobody asks it before.
        until: Timestamp,
        /// The least time between two requests from then on.
        gap: Duration,
    },
    /// A robots.txt is read, or there is none.
    RobotsRead {
        /// Whose.
        host: HostKey,
        /// How many of its rules concern us.
        rules: usize,
        /// The delay that it asks for.
        delay: Option<Duration>,
    },
    /// A robots.txt cannot be had: no page of its host may be fetched.
    RobotsLost {
        /// Whose.
        host: HostKey,
        /// Why.
        reason: Reason,
    },
    /// A page is excluded because its host's robots.txt bars it.
    Barred {
        /// The page.
        task: Arc<Task>,
    },
    /// A host, or our own line, is taken to be down: what failed there since it last worked says nothing.
    Outage {
        /// Which.
        party: Party,
        /// The last thing that was seen.
        reason: Reason,
    },
    /// What was down works again.
    Returned {
        /// Which.
        party: Party,
        /// For how long it was down, as far as that was known.
        down_for: Duration,
    },
    /// A fetch has ended.
    Page(Box<PageNotice>),
    /// A fetch of a page that was done before has ended: it showed whether a proxy works.
    Probed(Box<ProbeNotice>),
    /// A page was decided on while nobody fetched it.
    Decided(Box<Decision>),
    /// A fetch ended without an outcome; its task is given out again.
    Abandoned {
        /// The task.
        task: Arc<Task>,
    },
    /// A worker died; its tasks are given out again.
    WorkerGone {
        /// Who.
        worker: WorkerId,
    },
    /// A slot died too often and stays closed.
    SlotClosed {
        /// Which one.
        slot: u16,
    },
    /// No proxy may be used; the crawl waits for one.
    NoUsableProxy {
        /// When it gives up.
        until: Timestamp,
        /// The commonest error of the proxies.
        reason: Option<Reason>,
    },
    /// Records wait for the feeds: no new fetches until they have caught up.
    FeedsBehind {
        /// Bytes that wait.
        lag: u64,
    },
    /// A disk has less room than it must have: no new fetches until there is more.
    DiskShort {
        /// What it has.
        free: Free,
        /// What it must have, in bytes.
        least: u64,
    },
    /// All disks have room again.
    DiskFree {
        /// What the fullest one has; `None` if nobody can say any more.
        free: Option<Free>,
    },
    /// The counters after a commit.
    Progress(Stats),
    /// No new fetches; what is out is awaited until then.
    Stopping {
        /// Why.
        ending: Ending,
        /// Until when.
        until: Timestamp,
    },
}

/// Why a proxy leaves a host alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PauseCause {
    /// The site seems to refuse it.
    Ban,
    /// The site asked it to wait.
    Throttle,
}
