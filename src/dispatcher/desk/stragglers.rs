//! Stragglers: pages that have been out for long with a proxy of which nobody knows that it works.
//!
//! In come fetches as they go out and end; out goes which pages a proxy that works, and has nothing else to do, fetches as well. The
//! first of both to bring the page counts. What the other one comes to is no word about the page, but one about its proxy.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::bench::Venue;
use super::held::{Fetch, fetch, fetches_of};
use super::party::Party;
use super::pick::Times;
use super::probing::BLAMELESS;
use super::proof::{Control, Errand};
use super::roster::Stirred;
use super::{Desk, Place};
use crate::clock::Timestamp;
use crate::pace::Permit;
use crate::protocol::{Assignment, Outcome, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{HostKey, Method, Task, TaskId};
use crate::verdict::Verdict;

/// A page is late after so many times the longest that an answer of its host took lately; and not before another proxy would be
/// asked for a robots.txt as well, for at a quick site a few more requests would gain little.
const SLOWER: u32 = 2;

/// A page that may become late.
#[derive(Debug)]
struct Watched {
    host: HostKey,
    since: Timestamp,
    /// When it is looked at next.
    due: Timestamp,
}

/// A fetch of a page that another proxy fetches as well, or has fetched.
#[derive(Debug)]
pub(super) struct Overtaken {
    worker: WorkerId,
    task: Arc<Task>,
    /// Has the other one brought it?
    is_done: bool,
}

/// The pages that are or may become late, and the fetches that were overtaken.
#[derive(Debug, Default)]
pub(super) struct Stragglers {
    watched: HashMap<TaskId, Watched>,
    due: BTreeSet<(Timestamp, TaskId)>,
    /// By host, the longest out first.
    late: BTreeMap<HostKey, BTreeSet<(Timestamp, TaskId)>>,
    overtaken: BTreeMap<Fetch, Overtaken>,
}

impl Stragglers {
    fn watch(&mut self, task: TaskId, watched: Watched) {
        self.forget(task);
        self.due.insert((watched.due, task));
        self.watched.insert(task, watched);
    }

    /// A page is not out any more, or with another one.
    pub(super) fn forget(&mut self, task: TaskId) {
        let Some(Watched { host, since, due }) = self.watched.remove(&task) else { return };
        self.due.remove(&(due, task));
        if let Some(late) = self.late.get_mut(&host) {
            late.remove(&(since, task));
            if late.is_empty() {
                self.late.remove(&host);
            }
        }
    }

    /// Looks at the first page that it is time to look at. `usual` tells how long answers of a host may take. Gives whether it is late.
    fn look(&mut self, usual: impl Fn(&HostKey) -> Option<Duration>, round: Duration, now: Timestamp) -> Option<bool> {
        let (due, task) = self.due.first().copied().filter(|(due, _)| *due <= now)?;
        self.due.remove(&(due, task));
        let watched = self.watched.get_mut(&task)?;
        let late_at = usual(&watched.host).map(|usual| watched.since + usual);
        let is_late = late_at.is_some_and(|at| at <= now);
        if is_late {
            self.late.entry(watched.host.clone()).or_default().insert((watched.since, task));
        } else {
            watched.due = late_at.unwrap_or(now + round);
            self.due.insert((watched.due, task));
        }
        Some(is_late)
    }

    /// When a page may become late.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Is any page late?
    pub(super) fn any_late(&self) -> bool {
        !self.late.is_empty()
    }

    /// Fetches that are out and were overtaken.
    pub(super) fn out(&self) -> usize {
        self.overtaken.len()
    }

    /// A page is in: whoever is still out with it is shown to be slower than others, at least.
    pub(super) fn done(&mut self, task: TaskId) {
        self.overtaken.range_mut(fetches_of(task)).for_each(|(_, overtaken)| overtaken.is_done = true);
    }

    /// Nobody is waited for any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl Desk {
    /// A page goes out. Where there is one line only, nobody else could be asked; and a form is not sent twice.
    pub(super) fn watch_for_lateness(&mut self, task: &Arc<Task>, proxy: ProxyId, now: Timestamp) {
        let proxies = &self.limits.proxies;
        let is_alone = proxies.direct || proxies.rotating;
        if is_alone || task.request.method != Method::Get || self.is_proven(proxy, &task.host) {
            return;
        }
        let watched = Watched { host: task.host.clone(), since: now, due: now + self.round() };
        self.stragglers.watch(task.id, watched);
    }

    /// Has it brought something from this host, and does nothing speak against it now?
    fn is_proven(&self, proxy: ProxyId, host: &HostKey) -> bool {
        self.docket.debts(proxy).next().is_none()
            && self.pool.get(proxy).is_some_and(|member| member.health.score() < BLAMELESS)
            && self.guard.watch_of(&Party::Host(host.clone())).is_some_and(|watch| watch.known().contains(proxy))
    }

    /// Finds out which pages are late by now.
    pub(super) fn notice_stragglers(&mut self, now: Timestamp) {
        let round = self.round();
        let guard = &self.guard;
        let usual = |host: &HostKey| {
            let slowest = guard.watch_of(&Party::Host(host.clone()))?.slowest()?;
            Some((SLOWER * slowest).max(round))
        };
        while let Some(is_late) = self.stragglers.look(usual, round, now) {
            if is_late {
                self.stirred = Stirred::Yes;
            }
        }
    }

    /// A late page that this proxy may fetch as well, having nothing else to do.
    pub(super) fn straggler_for(&self, proxy: ProxyId, times: &mut Times, now: Timestamp) -> Option<TaskId> {
        for (host, late) in &self.stragglers.late {
            if !self.is_proven(proxy, host) {
                continue;
            }
            let may_be_asked = |task: TaskId| {
                let is_heard = self.trials.get(task).is_some_and(|trial| trial.heard(proxy));
                let most = self.limits.retry.max_requests;
                !is_heard && self.held.get(&task).is_some_and(|held| held.requests + 1 < most)
            };
            let Some((_, task)) = late.iter().copied().find(|(_, task)| may_be_asked(*task)) else { continue };
            match self.permit(proxy, host, now) {
                Permit::Now => return Some(task),
                Permit::Wait(at) => times.wait(at),
                // It is no reason to take another proxy.
                Permit::Paused(until) | Permit::Shut(until) => times.shut(until),
            }
        }
        None
    }

    /// A page that is out goes to another one as well. The fetch that is out counts as a request.
    pub(super) fn overtake(&mut self, id: TaskId) -> bool {
        let Some(held) = self.held.get(&id).filter(|held| !held.task.stage.is_robots()) else { return false };
        let Place::Assigned(worker) = held.place else { return false };
        let overtaken = Overtaken { worker, task: Arc::clone(&held.task), is_done: false };
        self.stragglers.overtaken.insert((id, held.epoch, held.turn), overtaken);
        if let Some(held) = self.held.get_mut(&id) {
            held.requests += 1;
        }
        true
    }

    /// A fetch that was overtaken is back. If it has brought the page first, all is as if it had not been: gives its outcome back. Else it
    /// was as good as a control, if the page came through another proxy, and decides nothing if it did not.
    pub(super) fn straggled(&mut self, outcome: Outcome, now: Timestamp) -> Option<Outcome> {
        let Some(overtaken) = self.stragglers.overtaken.remove(&fetch(&outcome.assignment)) else {
            return Some(outcome);
        };
        let Outcome { worker, assignment, verdict, .. } = &outcome;
        if *verdict == Verdict::Done && self.hold_again(*worker, assignment) {
            return Some(outcome);
        }
        let Outcome { worker, assignment, verdict, meters, .. } = outcome;
        let Overtaken { task, is_done, .. } = overtaken;
        if is_done {
            let seat = Venue::of(&task);
            let errand = Errand::Proof { debt: seat.clone() };
            let control = Control { worker, task, seat, errand };
            self.probed(worker, &assignment, control, verdict, meters, now);
            return None;
        }
        self.control_is_over(worker, &assignment, now);
        self.spend(assignment.proxy.id, &verdict, &meters, now);
        self.keep_pace(&assignment, &meters.sent, &verdict, now);
        let a_try = self.a_try(assignment.proxy.id, &verdict, now);
        if let Some(held) = self.held.get_mut(&task.id).filter(|held| held.epoch == assignment.epoch) {
            held.requests += meters.requests.saturating_sub(1);
            held.asides.extend(a_try);
        }
        self.had_already(worker, task, &assignment, verdict, meters, now);
        None
    }

    /// A page is in the hands again of one that was overtaken, if nobody else has settled it.
    fn hold_again(&mut self, worker: WorkerId, assignment: &Assignment) -> bool {
        let id = assignment.task;
        if self.held.get(&id).is_none_or(|held| held.epoch != assignment.epoch) {
            return false;
        }
        self.overtake(id);
        self.take_back(id);
        self.leave_queues(id);
        self.affinity.take(id);
        if let Some(held) = self.held.get_mut(&id) {
            held.turn = assignment.turn;
            // Its own is counted with its outcome.
            held.requests = held.requests.saturating_sub(1);
            held.place = Place::Assigned(worker);
            self.assigned.insert((worker, id));
        }
        true
    }

    /// A fetch that was overtaken ended without an outcome. Gives its worker, if it was one.
    pub(super) fn straggled_off(&mut self, assignment: &Assignment) -> Option<WorkerId> {
        self.stragglers.overtaken.remove(&fetch(assignment)).map(|overtaken| overtaken.worker)
    }
}

#[cfg(test)]
impl Desk {
    /// What is kept of stragglers and is not so.
    pub(super) fn wrong_of_stragglers(&self) -> Option<String> {
        let Stragglers { watched, due, late, overtaken } = &self.stragglers;
        let is_out = |task: &TaskId| self.held.get(task).is_some_and(|held| matches!(held.place, Place::Assigned(_)));
        let is_kept = |(task, watched): (&TaskId, &Watched)| {
            let is_late = late.get(&watched.host).is_some_and(|late| late.contains(&(watched.since, *task)));
            is_out(task) && (is_late != due.contains(&(watched.due, *task)))
        };
        let all = due.len() + late.values().map(BTreeSet::len).sum::<usize>();
        let is_fetched = |lease: &Fetch| self.fetching.keys().any(|out| fetch(out) == *lease);
        let is_so = watched.iter().all(is_kept) && all == watched.len() && overtaken.keys().all(is_fetched);
        (!is_so).then(|| format!("stragglers: {:?}", self.stragglers))
    }
}
