//! The window: claimed tasks that nobody fetches right now, by host.
//!
//! Pure. Fresh tasks and suspects (pages that failed somewhere and need another proxy) are kept apart, since suspects go
//! first. It knows the order of tasks, not whether a proxy may take one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use crate::task::{HostKey, Task, TaskId};

/// Order within a host: priority, then arrival; what is put back in front arrives before all others.
type Place = (Reverse<i32>, i64);

/// Claimed tasks that wait for a worker.
#[derive(Debug, Default)]
pub(super) struct Window {
    hosts: Vec<HostKey>,
    fresh: HashMap<HostKey, BTreeMap<Place, TaskId>>,
    places: HashMap<TaskId, (HostKey, Place)>,
    suspects: BTreeMap<Place, TaskId>,
    suspect_places: HashMap<TaskId, Place>,
    turn: usize,
    arrivals: i64,
    returns: i64,
}

impl Window {
    /// Fresh tasks in it.
    pub(super) fn fresh(&self) -> usize {
        self.places.len()
    }

    /// Hosts with fresh tasks, the one whose turn it is first.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &HostKey> {
        let (before, after) = self.hosts.split_at(self.turn.min(self.hosts.len()));
        after.iter().chain(before)
    }

    /// The best fresh task of a host.
    pub(super) fn best_of(&self, host: &HostKey) -> Option<TaskId> {
        self.fresh.get(host)?.values().next().copied()
    }

    /// Suspects, best first.
    pub(super) fn suspects(&self) -> impl Iterator<Item = TaskId> {
        self.suspects.values().copied()
    }

    /// A claimed task comes in, behind those of its priority.
    pub(super) fn arrive(&mut self, task: &Task) {
        self.arrivals += 1;
        self.insert(task, (Reverse(task.priority), self.arrivals));
    }

    /// A task comes back at no fault of its own, before all others of its priority.
    pub(super) fn put_back(&mut self, task: &Task) {
        self.returns -= 1;
        self.insert(task, (Reverse(task.priority), self.returns));
    }

    /// A page that failed comes back, to be tried through another proxy.
    pub(super) fn suspect(&mut self, task: &Task) {
        self.arrivals += 1;
        let place = (Reverse(task.priority), self.arrivals);
        self.suspects.insert(place, task.id);
        self.suspect_places.insert(task.id, place);
    }

    /// Takes a task out; the next host has its turn.
    pub(super) fn take(&mut self, task: TaskId) {
        if let Some(place) = self.suspect_places.remove(&task) {
            self.suspects.remove(&place);
            return;
        }
        let Some((host, place)) = self.places.remove(&task) else { return };
        let Some(at) = self.hosts.iter().position(|other| *other == host) else { return };
        self.turn = at + 1;
        if let Some(queue) = self.fresh.get_mut(&host) {
            queue.remove(&place);
            if queue.is_empty() {
                self.fresh.remove(&host);
                self.hosts.remove(at);
                self.turn = at;
            }
        }
        if self.turn >= self.hosts.len() {
            self.turn = 0;
        }
    }

    fn insert(&mut self, task: &Task, place: Place) {
        let queue = self.fresh.entry(task.host.clone()).or_insert_with(|| {
            self.hosts.push(task.host.clone());
            BTreeMap::new()
        });
        queue.insert(place, task.id);
        self.places.insert(task.id, (task.host.clone(), place));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatcher::desk::fixture::task;

    fn drain(window: &mut Window) -> Vec<u64> {
        let mut order = Vec::new();
        loop {
            let Some(next) = window.hosts().next().and_then(|host| window.best_of(host)) else { return order };
            window.take(next);
            order.push(next.0);
        }
    }

    #[test]
    fn hosts_take_turns() {
        let mut window = Window::default();
        for (id, host) in [(1, "a"), (2, "a"), (3, "b"), (4, "b"), (5, "c")] {
            window.arrive(&task(id, host, 0));
        }
        assert_eq!(drain(&mut window), [1, 3, 5, 2, 4]);
        assert_eq!(window.fresh(), 0);
    }

    #[test]
    fn within_a_host_priority_goes_first_then_first_in_first_out() {
        let mut window = Window::default();
        for (id, priority) in [(1, 0), (2, 0), (3, 5), (4, 5)] {
            window.arrive(&task(id, "a", priority));
        }
        assert_eq!(drain(&mut window), [3, 4, 1, 2]);
    }

    #[test]
    fn what_is_put_back_goes_before_others_of_its_priority_only() {
        let mut window = Window::default();
        window.arrive(&task(1, "a", 0));
        window.arrive(&task(2, "a", 5));
        window.put_back(&task(3, "a", 0));
        assert_eq!(drain(&mut window), [2, 3, 1]);
    }

    #[test]
    fn suspects_are_kept_apart_from_fresh_tasks() {
        let mut window = Window::default();
        window.arrive(&task(1, "a", 0));
        window.suspect(&task(2, "a", 0));
        assert_eq!(window.fresh(), 1);
        assert_eq!(window.suspects().collect::<Vec<_>>(), [TaskId(2)]);
        window.take(TaskId(2));
        assert_eq!(window.suspects().count(), 0);
        assert_eq!(window.fresh(), 1);
    }
}
