//! What is told of one fetch, and of a page that was decided on without one.
//!
//! Facts, as in all notices; what they are counted as is not known here.

use std::sync::Arc;

use crate::clock::Timestamp;
use crate::protocol::{Meters, WorkerId};
use crate::proxy::ProxyId;
use crate::task::Task;
use crate::verdict::{Reason, Verdict};

/// A fetch that has ended.
#[derive(Clone, Debug)]
pub struct PageNotice {
    /// Who fetched.
    pub worker: WorkerId,
    /// Through which proxy.
    pub proxy: ProxyId,
    /// What.
    pub task: Arc<Task>,
    /// The attempt that this fetch belongs to, from 1.
    pub attempt: u32,
    /// What it turned out to be.
    pub verdict: Verdict,
    /// What it cost.
    pub meters: Meters,
    /// Links found.
    pub links: usize,
    /// Those of them that lie deeper than `limits.depth` and are not followed.
    pub too_deep: usize,
    /// Records found.
    pub records: usize,
    /// Fields without a match.
    pub missing: Vec<Arc<str>>,
    /// What becomes of the task.
    pub then: Then,
}

/// A control that has ended.
#[derive(Clone, Debug)]
pub struct ProbeNotice {
    /// Who fetched.
    pub worker: WorkerId,
    /// Through which proxy.
    pub proxy: ProxyId,
    /// What: it was done before, and stays done.
    pub task: Arc<Task>,
    /// What it turned out to be.
    pub verdict: Verdict,
    /// What it cost.
    pub meters: Meters,
}

/// What was decided of a page after its last fetch, because of what became known of the proxies that failed on it.
#[derive(Clone, Debug)]
pub struct Decision {
    /// The page.
    pub task: Arc<Task>,
    /// The attempt that is over, from 1.
    pub attempt: u32,
    /// What becomes of it.
    pub then: Then,
}

/// What becomes of a task after a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is done, once the commit is through.
    Done,
    /// The site does not have it.
    Gone,
    /// It is given up on, for this reason.
    Dead(Reason),
    /// It is not to be fetched.
    Excluded,
    /// It goes on at once, through another proxy where there is one.
    Again,
    /// It is tried again at this time.
    Later(Timestamp),
    /// The outcome came under an old lease and changes nothing.
    Stale,
}
