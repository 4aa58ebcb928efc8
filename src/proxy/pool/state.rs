//! Where a proxy is, and where it goes when its lease is over.
//!
//! Plain words of the pool, with the one rule among them: where two things are asked for, the harder one holds.

use crate::clock::Timestamp;
use crate::protocol::{ProxyRef, WorkerId};
use crate::proxy::ProxyId;

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

/// What the end of a lease, or of a rest, did to a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The lease of that worker is over.
    Released(WorkerId, ProxyRef),
    /// A rest is over: it is spare.
    Rested(ProxyId),
}

impl After {
    /// Where that leads at once.
    pub(super) const fn at_once(self) -> State {
        match self {
            After::Spare => State::Spare,
            After::Cool(until) => State::Cooling(until),
            After::Retire => State::Retired,
        }
    }

    /// The harder of both.
    pub(super) fn or_harder(self, other: Self) -> Self {
        match (self, other) {
            (After::Retire, _) | (_, After::Retire) => After::Retire,
            (After::Cool(a), After::Cool(b)) => After::Cool(a.max(b)),
            (After::Cool(until), After::Spare) | (After::Spare, After::Cool(until)) => After::Cool(until),
            (After::Spare, After::Spare) => After::Spare,
        }
    }
}
