//! One proxy of the pool: where it is, and where it goes when its lease is over.
//!
//! Plain states; how one follows from another is the pool's business.

use std::collections::HashSet;
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::pace::AddressId;
use crate::protocol::WorkerId;
use crate::proxy::health::Health;
use crate::proxy::usage::Usage;
use crate::proxy::{ProxyId, Route};
use crate::task::{Epoch, TaskId};

/// Where a proxy goes when its lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// To the spares.
    Spare,
    /// To rest until then.
    Cool(Timestamp),
    /// Out, for this run.
    Retire,
}

/// Where a proxy is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In the queue of spares.
    Spare,
    /// In a worker's hands.
    Bound(WorkerId),
    /// In a worker's hands, which was told to give it up.
    Closing(WorkerId, After),
    /// In nobody's hands, with fetches out.
    Draining(WorkerId, After),
    /// Resting.
    Cooling(Timestamp),
    /// Out.
    Retired,
}

/// One proxy of the roster.
#[derive(Debug)]
pub struct Member {
    /// The way that it opens.
    pub route: Arc<Route>,
    /// Its name.
    pub label: Arc<str>,
    /// Its health.
    pub health: Health,
    /// The address that sites see.
    pub address: AddressId,
    /// What it was used for.
    pub usage: Usage,
    pub(super) state: State,
    pub(super) epoch: Epoch,
    pub(super) out: HashSet<(TaskId, u32)>,
    pub(super) rests: u64,
    pub(super) is_used_up: bool,
    /// Its place among the proxies as they were read last.
    pub(super) place: u64,
    /// Counts those that became spares before it.
    pub(super) arrival: u64,
    /// It is not in the list any more; what it is to come back as.
    pub(super) unlisted: Option<After>,
}

impl Member {
    /// A spare that nothing is known of.
    pub(super) fn new(route: Route, id: ProxyId, place: u64) -> Self {
        Self {
            label: route.label(),
            address: AddressId(match route {
                Route::Direct => 0,
                Route::Proxy(_) => id.0 + 1,
            }),
            route: Arc::new(route),
            health: Health::default(),
            usage: Usage::default(),
            state: State::Spare,
            epoch: Epoch::default(),
            out: HashSet::new(),
            rests: 0,
            is_used_up: false,
            place,
            arrival: place,
            unlisted: None,
        }
    }

    /// Has it been given up at least once for its errors, or is it out?
    pub const fn ever_rested(&self) -> bool {
        self.rests > 0 || matches!(self.state, State::Retired)
    }

    /// How often it had to rest.
    pub const fn rests(&self) -> u64 {
        self.rests
    }

    /// Has it used up its budget for this run?
    pub const fn is_used_up(&self) -> bool {
        self.is_used_up
    }

    /// Is it among the proxies as they were read last?
    pub const fn is_listed(&self) -> bool {
        self.unlisted.is_none()
    }

    /// Where it is.
    pub const fn state(&self) -> State {
        self.state
    }

    /// May it be used for fetches: bound and not given up, or spare?
    pub const fn usable(&self) -> bool {
        matches!(self.state, State::Bound(_) | State::Spare | State::Draining(_, After::Spare))
    }
}

/// Where that is.
pub(super) const fn resting(after: After) -> State {
    match after {
        After::Spare => State::Spare,
        After::Cool(until) => State::Cooling(until),
        After::Retire => State::Retired,
    }
}

/// The one that asks more of it.
pub(super) fn harder(one: After, other: After) -> After {
    match (one, other) {
        (After::Retire, _) | (_, After::Retire) => After::Retire,
        (After::Cool(a), After::Cool(b)) => After::Cool(a.max(b)),
        (After::Cool(until), After::Spare) | (After::Spare, After::Cool(until)) => After::Cool(until),
        (After::Spare, After::Spare) => After::Spare,
    }
}
