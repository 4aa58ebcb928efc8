//! The roster: the workers, what each holds, and which are idle.
//!
//! Pure bookkeeping; what an idle worker gets is decided in `assign.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::clock::Timestamp;
use crate::protocol::{ProxyRef, WorkerId};

/// What a worker has in its hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hands {
    /// No proxy, and not told so yet.
    Empty,
    /// No proxy, and told so.
    Parked,
    /// A proxy.
    Holding(Grip),
}

/// A worker's hold on a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grip {
    /// Which proxy.
    pub(super) proxy: ProxyRef,
    /// Fetches out.
    pub(super) out: u32,
    /// Is it being given up?
    pub(super) closing: bool,
}

#[derive(Debug)]
struct Worker {
    id: WorkerId,
    hands: Hands,
    /// When looking for a task again makes sense, as far as is known.
    look_again: Timestamp,
    idle_since: u64,
}

/// The workers, by slot.
#[derive(Debug, Default)]
pub(super) struct Roster {
    slots: BTreeMap<u16, Worker>,
    idle: BTreeMap<u64, u16>,
    /// The idle ones by when they should look for a task again, so that those who wait cost nothing.
    looks: BTreeSet<(Timestamp, u64)>,
    without_proxy: BTreeSet<u16>,
    /// Those of them that have not been told so.
    empty: BTreeSet<u16>,
    ticks: u64,
    per_worker: u32,
}

impl Roster {
    /// Nobody yet; each worker may have `per_worker` fetches out.
    pub(super) fn new(per_worker: u32) -> Self {
        Self { per_worker, ..Self::default() }
    }

    /// A new worker.
    pub(super) fn enter(&mut self, id: WorkerId) {
        let worker = Worker { id, hands: Hands::Empty, look_again: Timestamp::default(), idle_since: 0 };
        self.slots.insert(id.slot, worker);
        self.without_proxy.insert(id.slot);
        self.empty.insert(id.slot);
    }

    /// A worker is gone.
    pub(super) fn leave(&mut self, id: WorkerId) -> Option<Hands> {
        self.get(id)?;
        let worker = self.slots.remove(&id.slot)?;
        self.idle.remove(&worker.idle_since);
        self.looks.remove(&(worker.look_again, worker.idle_since));
        self.without_proxy.remove(&id.slot);
        self.empty.remove(&id.slot);
        Some(worker.hands)
    }

    /// Whoever holds the slot now.
    pub(super) fn holder(&self, slot: u16) -> Option<WorkerId> {
        self.slots.get(&slot).map(|worker| worker.id)
    }

    /// All that are there.
    pub(super) fn ids(&self) -> Vec<WorkerId> {
        self.slots.values().map(|worker| worker.id).collect()
    }

    /// What a worker holds; `None` if this incarnation is not there.
    pub(super) fn get(&self, id: WorkerId) -> Option<Hands> {
        self.slots.get(&id.slot).filter(|worker| worker.id == id).map(|worker| worker.hands)
    }

    /// The first worker without a proxy.
    pub(super) fn first_without_proxy(&self) -> Option<WorkerId> {
        self.without_proxy.first().and_then(|slot| self.holder(*slot))
    }

    /// The first of them that has not been told so.
    pub(super) fn first_empty(&self) -> Option<WorkerId> {
        self.empty.first().and_then(|slot| self.holder(*slot))
    }

    /// Workers that hold a proxy, have room for a task, and could have one now; the longest idle one first. With `all`, also
    /// those that were found to have nothing to do until later.
    pub(super) fn idle(&self, now: Timestamp, stirred: Stirred) -> Vec<(WorkerId, ProxyRef)> {
        let holding = |slot: &u16| {
            let worker = self.slots.get(slot)?;
            match worker.hands {
                Hands::Holding(grip) => Some((worker.id, grip.proxy)),
                Hands::Empty | Hands::Parked => None,
            }
        };
        if stirred == Stirred::Yes {
            return self.idle.values().filter_map(holding).collect();
        }
        let mut due: Vec<u64> = self.looks.range(..=(now, u64::MAX)).map(|(_, since)| *since).collect();
        due.sort_unstable();
        due.iter().filter_map(|since| self.idle.get(since)).filter_map(holding).collect()
    }

    /// Is any worker with a proxy idle?
    pub(super) fn any_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    /// When the first idle worker should look for a task again; the past does not count.
    pub(super) fn next_look(&self, now: Timestamp) -> Option<Timestamp> {
        let later = (Bound::Excluded((now, u64::MAX)), Bound::Excluded((NEVER, 0)));
        self.looks.range(later).next().map(|(at, _)| *at)
    }

    /// Nothing for this worker before that time.
    pub(super) fn look_again(&mut self, id: WorkerId, at: Timestamp) {
        if let Some(worker) = self.slots.get_mut(&id.slot).filter(|worker| worker.id == id) {
            if worker.look_again == at {
                return;
            }
            let was_idle = self.looks.remove(&(worker.look_again, worker.idle_since));
            worker.look_again = at;
            if was_idle {
                self.looks.insert((at, worker.idle_since));
            }
        }
    }

    /// Sets what a worker holds.
    pub(super) fn set(&mut self, id: WorkerId, hands: Hands) {
        let per_worker = self.per_worker;
        let Some(worker) = self.slots.get_mut(&id.slot).filter(|worker| worker.id == id) else { return };
        worker.hands = hands;
        self.idle.remove(&worker.idle_since);
        self.looks.remove(&(worker.look_again, worker.idle_since));
        worker.look_again = Timestamp::default();
        for (slots, are_there) in
            [(&mut self.without_proxy, !matches!(hands, Hands::Holding(_))), (&mut self.empty, hands == Hands::Empty)]
        {
            if are_there {
                slots.insert(id.slot)
            } else {
                slots.remove(&id.slot)
            };
        }
        if matches!(hands, Hands::Holding(grip) if !grip.closing && grip.out < per_worker) {
            self.ticks += 1;
            worker.idle_since = self.ticks;
            self.idle.insert(self.ticks, id.slot);
            self.looks.insert((worker.look_again, self.ticks));
        }
    }
}

/// Has anything changed since idle workers last looked for tasks?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stirred {
    /// All idle workers look.
    Yes,
    /// Only those whose time has come.
    No,
}

/// A time that does not come.
pub(super) const NEVER: Timestamp = Timestamp::from_micros(u64::MAX);
