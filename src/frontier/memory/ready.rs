//! The ready tasks, by host: hosts in turn, within a host by priority, then first in, first out.
//!
//! In come tasks with their places, out comes the next one. It knows nothing of leases.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use crate::task::{HostKey, TaskId};

/// Order within a host: priority, then first in, first out.
pub(super) type Place = (Reverse<i32>, i64);

/// Ready tasks. Hosts are numbered as they are first met, and take turns in that order.
#[derive(Default)]
pub(super) struct Ready {
    numbers: HashMap<HostKey, u64>,
    queues: BTreeMap<u64, Queue>,
    turn: u64,
}

struct Queue {
    host: HostKey,
    tasks: BTreeMap<Place, TaskId>,
}

impl Ready {
    pub(super) fn put(&mut self, host: &HostKey, place: Place, id: TaskId) {
        let next = self.numbers.len() as u64 + 1;
        let number = *self.numbers.entry(host.clone()).or_insert(next);
        let queue = self.queues.entry(number).or_insert_with(|| Queue { host: host.clone(), tasks: BTreeMap::new() });
        queue.tasks.insert(place, id);
    }

    /// Takes the best task of the host whose turn it is, barred ones aside.
    pub(super) fn take(&mut self, barred: &[HostKey]) -> Option<TaskId> {
        let later = self.queues.range((Bound::Excluded(self.turn), Bound::Unbounded));
        let sooner = self.queues.range(..=self.turn);
        let number = later.chain(sooner).find(|(_, queue)| !barred.contains(&queue.host)).map(|(&number, _)| number)?;
        self.turn = number;
        let queue = self.queues.get_mut(&number)?;
        let (_, id) = queue.tasks.pop_first()?;
        if queue.tasks.is_empty() {
            self.queues.remove(&number);
        }
        Some(id)
    }
}

#[cfg(test)]
impl Ready {
    pub(super) fn hosts(&self) -> impl Iterator<Item = &HostKey> {
        self.queues.values().map(|queue| &queue.host)
    }

    pub(super) fn start_anywhere(&mut self) {
        self.turn = 0;
    }
}
