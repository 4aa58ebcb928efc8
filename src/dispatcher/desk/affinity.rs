//! Affinity (`affinity = "referrer"`): pages that go through the proxy that fetched the page which linked them.
//!
//! In come pages that are done, with who fetched them, and claimed tasks of such stages; out goes the task that waits for a given
//! proxy. A task waits only while that proxy is bound, and not for long; how proxies are chosen otherwise is not known here.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::Desk;
use super::roster::Stirred;
use crate::clock::Timestamp;
use crate::pace::Permit;
use crate::proxy::ProxyId;
use crate::proxy::pool::State;
use crate::task::{NewTask, Task, TaskId};

/// A task waits for its proxy at most so long; the config contract says so.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many pages are remembered with who fetched them; links of older ones go through any proxy.
const REMEMBERED: usize = 10_000;
/// So many tasks a worker wait at most: those beyond go through any proxy.
const PER_WORKER: usize = 16;

/// Order among those that wait for one proxy: priority, then arrival.
type Place = (Reverse<i32>, u64);

/// What waits for one proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaiting {
    /// This, which may go now.
    Task(TaskId),
    /// Nothing that may go now.
    Later {
        /// When a delay is over.
        wait: Option<Timestamp>,
        /// When a pause is over.
        barred: Option<Timestamp>,
        /// When a host lets anybody in again.
        shut: Option<Timestamp>,
    },
}

/// Who fetched what lately, and the tasks that wait for a proxy.
#[derive(Debug, Default)]
pub(super) struct Affinity {
    fetched_by: HashMap<Arc<str>, ProxyId>,
    fetched: VecDeque<Arc<str>>,
    waiting: HashMap<ProxyId, BTreeMap<Place, TaskId>>,
    places: HashMap<TaskId, (ProxyId, Place)>,
    until: BTreeSet<(Timestamp, TaskId)>,
    arrivals: u64,
}

impl Affinity {
    /// A page was fetched through a proxy, and something that it links may have to be so too.
    fn remember(&mut self, page: &Arc<str>, proxy: ProxyId) {
        if self.fetched_by.insert(Arc::clone(page), proxy).is_some() {
            return;
        }
        self.fetched.push_back(Arc::clone(page));
        if self.fetched.len() > REMEMBERED
            && let Some(oldest) = self.fetched.pop_front()
        {
            self.fetched_by.remove(&oldest);
        }
    }

    fn wait(&mut self, task: &Task, proxy: ProxyId, now: Timestamp) {
        self.arrivals += 1;
        let place = (Reverse(task.priority), self.arrivals);
        self.waiting.entry(proxy).or_default().insert(place, task.id);
        self.places.insert(task.id, (proxy, place));
        self.until.insert((now + PATIENCE, task.id));
    }

    /// A task waits no longer. `until` forgets it when its time comes.
    pub(super) fn take(&mut self, task: TaskId) {
        let Some((proxy, place)) = self.places.remove(&task) else { return };
        if let Some(queue) = self.waiting.get_mut(&proxy) {
            queue.remove(&place);
            if queue.is_empty() {
                self.waiting.remove(&proxy);
            }
        }
    }

    /// When the next task has waited long enough.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.until.first().map(|(at, _)| *at)
    }

    /// Nobody waits any more.
    pub(super) fn clear(&mut self) {
        (self.waiting, self.places, self.until) = Default::default();
    }
}

#[cfg(test)]
impl Affinity {
    /// How many tasks wait for a proxy.
    pub(super) fn waiting(&self) -> usize {
        self.places.len()
    }
}

impl Desk {
    /// A page is done: whoever fetched it is remembered, if its links care.
    pub(super) fn remember_who(&mut self, links: &[NewTask], proxy: ProxyId) {
        if self.limits.affine.is_empty() {
            return;
        }
        let cares = links.iter().find(|link| self.limits.affine.contains(&link.stage));
        if let Some(page) = cares.and_then(|link| link.referrer.as_ref()) {
            self.affinity.remember(page, proxy);
        }
    }

    /// Should this task, just claimed, wait for the proxy that fetched its referrer? Then it does.
    pub(super) fn waits_for_its_proxy(&mut self, task: &Task, now: Timestamp) -> bool {
        if !self.limits.affine.contains(&task.stage) || self.affinity.places.len() >= PER_WORKER * self.limits.workers {
            return false;
        }
        let Some(&proxy) = task.referrer.as_ref().and_then(|page| self.affinity.fetched_by.get(page)) else {
            return false;
        };
        let bound = self.is_bound(proxy);
        if bound {
            self.affinity.wait(task, proxy, now);
        }
        bound
    }

    /// Does nothing wait for this proxy?
    pub(super) fn is_not_awaited(&self, proxy: ProxyId) -> bool {
        self.affinity.waiting.get(&proxy).is_none_or(|queue| queue.is_empty())
    }

    /// The first task that waits for this proxy and may go now, or when one may.
    pub(super) fn awaiting(&self, proxy: ProxyId, now: Timestamp) -> Awaiting {
        let (mut wait, mut barred, mut shut): (Option<Timestamp>, Option<Timestamp>, Option<Timestamp>) =
            Default::default();
        let sooner = |time: &mut Option<Timestamp>, at| *time = Some(time.map_or(at, |other: Timestamp| other.min(at)));
        if let Some(queue) = self.affinity.waiting.get(&proxy) {
            for id in queue.values() {
                let Some(held) = self.held.get(id) else { continue };
                match self.permit(proxy, &held.task.host, now) {
                    Permit::Now => return Awaiting::Task(*id),
                    Permit::Wait(at) => sooner(&mut wait, at),
                    Permit::Paused(until) => sooner(&mut barred, until),
                    Permit::Shut(until) => sooner(&mut shut, until),
                }
            }
        }
        Awaiting::Later { wait, barred, shut }
    }

    /// Tasks that have waited for long enough, or whose proxy is not bound any more, may go through any proxy. Were there some?
    pub(super) fn free_the_waiting(&mut self, now: Timestamp) -> bool {
        let waiting = &self.affinity.waiting;
        let left = waiting.iter().filter(|(proxy, _)| !self.is_bound(**proxy)).flat_map(|(_, queue)| queue.values());
        let mut free: BTreeSet<TaskId> = left.copied().collect();
        while let Some(&(at, task)) = self.affinity.until.first()
            && at <= now
        {
            self.affinity.until.pop_first();
            if self.affinity.places.contains_key(&task) {
                free.insert(task);
            }
        }
        let some = !free.is_empty();
        // The last one is put in front first, so that the first one ends up before it.
        for id in free.into_iter().rev() {
            self.affinity.take(id);
            if let Some(held) = self.held.get(&id) {
                self.window.put_back(&held.task);
                self.stirred = Stirred::Yes;
            }
        }
        some
    }

    fn is_bound(&self, proxy: ProxyId) -> bool {
        self.pool.get(proxy).is_some_and(|member| matches!(member.state(), State::Bound(_)))
    }
}
