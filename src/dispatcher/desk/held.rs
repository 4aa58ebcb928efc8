//! A held task: claimed, and not settled.
//!
//! Plain state of the Desk; what is said against its page is kept apart, since that outlives the lease (`trials.rs`).

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use super::bench::Venue;
use crate::frontier::Try;
use crate::pace::Refusals;
use crate::protocol::{Assignment, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{Epoch, Task, TaskId};

/// A fetch of a task, by its lease and turn: several may be out for one.
pub(super) type Fetch = (TaskId, Epoch, u32);

/// Which fetch an assignment is.
pub(super) const fn fetch(of: &Assignment) -> Fetch {
    (of.task, of.epoch, of.turn)
}

/// All fetches of a task.
pub(super) const fn fetches_of(task: TaskId) -> RangeInclusive<Fetch> {
    (task, Epoch(0), 0)..=(task, Epoch(u64::MAX), u32::MAX)
}

/// A claimed task that is not settled.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) task: Arc<Task>,
    pub(super) epoch: Epoch,
    pub(super) place: Place,
    pub(super) turn: u32,
    pub(super) tries: Vec<Try>,
    /// What fetches of it came to that decided nothing, since another one was out as well.
    pub(super) asides: Vec<Try>,
    pub(super) requests: u32,
    pub(super) abandoned: u32,
    /// Who was asked to wait instead of getting it.
    pub(super) refusals: Refusals,
    /// Who of them is to show, and where, that it is not they who are meant.
    pub(super) challenged: Vec<(ProxyId, Venue)>,
    /// The least time from the fetch that is out to the next one.
    pub(super) gap: Duration,
}

impl Held {
    /// Has nobody brought word of it yet?
    pub(super) fn is_fresh(&self) -> bool {
        self.tries.is_empty()
    }
}

/// Where a held task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Windowed,
    Assigned(WorkerId),
}
