//! One proxy of the pool: its way, its health, what it was used for, and where it is.
//!
//! Plain state; how one follows from another is the pool's business.

use std::collections::HashSet;
use std::sync::Arc;

use super::state::{After, State};
use crate::pace::AddressId;
use crate::proxy::health::Health;
use crate::proxy::usage::Usage;
use crate::proxy::{ProxyId, Route};
use crate::task::{Epoch, TaskId};

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
    pub(super) has_rested: bool,
    /// Those in which something came through another one.
    pub(super) rests: u64,
    /// How many answers had come through the whole pool when its last rest began …
    pub(super) out_after: u64,
    /// … and when one was over last, if any was.
    pub(super) back_after: Option<u64>,
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
            has_rested: false,
            rests: 0,
            out_after: 0,
            back_after: None,
            is_used_up: false,
            place,
            arrival: place,
            unlisted: None,
        }
    }

    /// Has it been given up at least once for its errors, or is it out?
    pub const fn ever_rested(&self) -> bool {
        self.has_rested || matches!(self.state, State::Retired)
    }

    /// How often it had to rest while something came through others: of the other rests it is not known whether they were its fault.
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

    /// Is a fetch out through it?
    pub fn is_busy(&self) -> bool {
        !self.out.is_empty()
    }

    /// Does a worker hold it who has not been told to give it up?
    pub const fn is_in_hands(&self) -> bool {
        matches!(self.state, State::Bound(_))
    }

    /// May it be used for fetches: bound and not given up, or spare?
    pub const fn usable(&self) -> bool {
        matches!(self.state, State::Bound(_) | State::Spare | State::Draining(_, After::Spare))
    }
}
