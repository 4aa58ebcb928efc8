//! What the worker slots are doing, and how often they had to be started again.
//!
//! In come notices about workers, out go counts. Pure counting.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::{ProxyRef, WorkerId};

/// All worker slots.
#[derive(Clone, Debug, Default)]
pub struct Workers {
    slots: BTreeMap<u16, Slot>,
    /// Workers that died.
    pub deaths: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    state: State,
    /// Restarts of the slot so far.
    incarnation: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Idle,
    Bound(ProxyRef),
    Parked,
    Gone,
    Closed,
}

/// The slots at the end, for the report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WorkerCounts {
    /// Slots that have worked.
    pub slots: usize,
    /// Workers that died.
    pub deaths: u64,
    /// Slots that were started again, each time counted.
    pub restarts: u64,
    /// Slots that died too often and stayed closed.
    pub closed: usize,
}

impl Workers {
    pub(super) fn bound(&mut self, worker: WorkerId, proxy: ProxyRef) {
        self.of(worker).state = State::Bound(proxy);
    }

    /// A lease that drained while its worker had another proxy already changes nothing for the worker.
    pub(super) fn released(&mut self, worker: WorkerId, proxy: ProxyRef) {
        let slot = self.of(worker);
        if slot.state == State::Bound(proxy) {
            slot.state = State::Idle;
        }
    }

    pub(super) fn parked(&mut self, worker: WorkerId) {
        self.of(worker).state = State::Parked;
    }

    pub(super) fn gone(&mut self, worker: WorkerId) {
        self.deaths += 1;
        let slot = self.of(worker);
        if slot.incarnation == worker.incarnation {
            slot.state = State::Gone;
        }
    }

    pub(super) fn closed(&mut self, slot: u16) {
        self.slots.entry(slot).or_default().state = State::Closed;
    }

    pub(super) fn count_bound(&self) -> usize {
        self.count(|state| matches!(state, State::Bound(_)))
    }

    pub(super) fn count_parked(&self) -> usize {
        self.count(|state| state == State::Parked)
    }

    /// The counts for the report.
    pub fn counts(&self) -> WorkerCounts {
        WorkerCounts {
            slots: self.slots.len(),
            deaths: self.deaths,
            restarts: self.slots.values().map(|slot| u64::from(slot.incarnation)).sum(),
            closed: self.count(|state| state == State::Closed),
        }
    }

    fn count(&self, is: impl Fn(State) -> bool) -> usize {
        self.slots.values().filter(|slot| is(slot.state)).count()
    }

    fn of(&mut self, worker: WorkerId) -> &mut Slot {
        let slot = self.slots.entry(worker.slot).or_default();
        slot.incarnation = slot.incarnation.max(worker.incarnation);
        slot
    }
}
