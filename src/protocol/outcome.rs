//! What comes back from one fetch.
//!
//! Plain data, made by a worker and read by the dispatcher; what the numbers count is said at each of them.

use std::sync::Arc;
use std::time::Duration;

use super::{Assignment, WorkerId};
use crate::clock::Timestamp;
use crate::pace::robots::Rules;
use crate::record::Record;
use crate::task::{HostKey, NewTask};
use crate::verdict::Verdict;

/// What one fetch cost, and when.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// Each request that went out, in order: whom it asked, and when its first byte was sent.
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
    /// What the robots.txt says to us, if it was one that was asked for.
    pub robots: Option<Arc<Rules>>,
    /// What it cost.
    pub meters: Meters,
    /// What the worker does next.
    pub next: Next,
}
