//! The window: claimed tasks that nobody fetches right now, by host.
//!
//! Pure. Fresh tasks and suspects (pages that failed somewhere and need another proxy) are kept apart, since suspects go
//! first. It knows the order of tasks, not whether a proxy may take one.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::bench::Venue;
use super::jury::Call;
use crate::task::{HostKey, StageId, Task, TaskId};

/// Order within a host: priority, then arrival; what is put back in front arrives before all others.
pub(super) type Place = (Reverse<i32>, i64);

/// Claimed tasks that wait for a worker.
#[derive(Debug, Default)]
pub(super) struct Window {
    hosts: Vec<HostKey>,
    fresh: HashMap<HostKey, BTreeMap<StageId, BTreeMap<Place, TaskId>>>,
    places: HashMap<TaskId, (HostKey, StageId, Place)>,
    suspects: BTreeMap<Place, TaskId>,
    suspect_places: HashMap<TaskId, Place>,
    on_call: BTreeMap<(Venue, Call), BTreeMap<Place, TaskId>>,
    called: HashMap<TaskId, (Venue, Call)>,
    turned: Vec<Venue>,
    turn: usize,
    arrivals: i64,
    returns: i64,
    departures: u64,
}

impl Window {
    /// Fresh tasks in it.
    pub(super) fn fresh(&self) -> usize {
        self.places.len()
    }

    /// Fresh tasks of a host in it.
    pub(super) fn fresh_of(&self, host: &HostKey) -> usize {
        self.fresh.get(host).into_iter().flat_map(BTreeMap::values).map(BTreeMap::len).sum()
    }

    /// Hosts with fresh tasks, the one whose turn it is first.
    pub(super) fn hosts(&self) -> impl Iterator<Item = &HostKey> {
        let (before, after) = self.hosts.split_at(self.turn.min(self.hosts.len()));
        after.iter().chain(before)
    }

    /// How often a host had no fresh tasks left.
    pub(super) const fn departures(&self) -> u64 {
        self.departures
    }

    /// The best fresh task of a host.
    pub(super) fn best_of(&self, host: &HostKey) -> Option<TaskId> {
        let stages = self.fresh.get(host)?.values();
        stages.filter_map(BTreeMap::first_key_value).min_by_key(|(place, _)| **place).map(|(_, task)| *task)
    }

    /// The best fresh task of one stage on a host.
    pub(super) fn best_at(&self, venue: &Venue) -> Option<TaskId> {
        self.fresh.get(&venue.host)?.get(&venue.stage)?.values().next().copied()
    }

    /// Is it here?
    #[cfg(test)]
    pub(super) fn has(&self, task: TaskId) -> bool {
        self.places.contains_key(&task) || self.is_suspect(task)
    }

    /// Is this one of the suspects?
    pub(super) fn is_suspect(&self, task: TaskId) -> bool {
        self.suspect_places.contains_key(&task)
    }

    /// How many suspects there are.
    pub(super) fn suspects_waiting(&self) -> usize {
        self.suspects.len()
    }

    /// Suspects, best first.
    pub(super) fn suspects(&self) -> impl Iterator<Item = TaskId> {
        self.suspects.values().copied()
    }

    /// Suspects that somebody may try, by venue and by who may, best first.
    pub(super) fn on_call(&self) -> impl Iterator<Item = (&Venue, Call, &BTreeMap<Place, TaskId>)> {
        self.on_call.iter().map(|((venue, call), pages)| (venue, *call, pages))
    }

    /// These may try a suspect from now on. Could they not before?
    pub(super) fn call(&mut self, task: TaskId, venue: Venue, call: Call) -> bool {
        let Some(&place) = self.suspect_places.get(&task) else { return false };
        let calls = (venue, call);
        if self.called.get(&task) == Some(&calls) {
            return false;
        }
        self.call_off(task);
        self.on_call.entry(calls.clone()).or_default().insert(place, task);
        self.called.insert(task, calls);
        true
    }

    /// Nobody may try a suspect for now. Could somebody before?
    pub(super) fn call_off(&mut self, task: TaskId) -> bool {
        let (Some(place), Some(called)) = (self.suspect_places.get(&task), self.called.remove(&task)) else {
            return false;
        };
        if let Some(pages) = self.on_call.get_mut(&called) {
            pages.remove(place);
            if pages.is_empty() {
                self.on_call.remove(&called);
            }
        }
        true
    }

    /// Where fresh tasks have come to an end, or have come again, since this was last asked.
    pub(super) fn turned(&mut self) -> Vec<Venue> {
        std::mem::take(&mut self.turned)
    }

    /// Have they?
    pub(super) fn has_turned(&self) -> bool {
        !self.turned.is_empty()
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
        self.call_off(task);
        if let Some(place) = self.suspect_places.remove(&task) {
            self.suspects.remove(&place);
            return;
        }
        let Some((host, stage, place)) = self.places.remove(&task) else { return };
        let Some(at) = self.hosts.iter().position(|other| *other == host) else { return };
        self.turn = at + 1;
        if let Some(stages) = self.fresh.get_mut(&host) {
            if let Some(queue) = stages.get_mut(&stage) {
                queue.remove(&place);
                if queue.is_empty() {
                    stages.remove(&stage);
                    self.turned.push(Venue { host: host.clone(), stage });
                }
            }
            if stages.is_empty() {
                self.fresh.remove(&host);
                self.hosts.remove(at);
                self.departures += 1;
                self.turn = at;
            }
        }
        if self.turn >= self.hosts.len() {
            self.turn = 0;
        }
    }

    fn insert(&mut self, task: &Task, place: Place) {
        let stages = self.fresh.entry(task.host.clone()).or_insert_with(|| {
            self.hosts.push(task.host.clone());
            BTreeMap::new()
        });
        let queue = stages.entry(task.stage).or_default();
        if queue.is_empty() {
            self.turned.push(Venue::of(task));
        }
        queue.insert(place, task.id);
        self.places.insert(task.id, (task.host.clone(), task.stage, place));
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
