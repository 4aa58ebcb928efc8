//! Asking several for one robots.txt: all pages of its host wait for it, and a proxy that stalls takes its whole time-out.
//!
//! In come its fetches as they go out and end; out goes which proxies are asked as well while no answer comes: only such as have
//! nothing else to do, twice as many each time. Their answers are judged as if each had been asked alone: how is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::clock::Timestamp;
use crate::dispatcher::desk::court::Ended;
use crate::dispatcher::desk::held::{Fetch, fetch, fetches_of};
use crate::dispatcher::desk::roster::Stirred;
use crate::dispatcher::desk::{Desk, Held, Place};
use crate::dispatcher::notice::{Notice, PageNotice, Then};
use crate::pace::Permit;
use crate::protocol::{Assignment, Meters, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{Epoch, Task, TaskId};
use crate::verdict::Verdict;

/// So many are out for one robots.txt at most: where nine proxies of ten stall, one of so many is good with a probability of 0.97, and
/// a site that is itself silent is asked no more often than so many times in a time-out.
const AT_ONCE: usize = 32;
/// A round is this part of the time that an answer may take: longer than most take that come at all, and five rounds, after which
/// as many may be out as ever are, are half of what one proxy that stalls would have cost.
const PART: u32 = 10;

/// How many may be out, and when that is doubled.
#[derive(Clone, Copy, Debug)]
struct Round {
    most: usize,
    until: Timestamp,
}

/// The fetches of robots.txt that are out, and who is asked as well.
#[derive(Debug, Default)]
pub(in crate::dispatcher::desk) struct Hedges {
    out: BTreeMap<Fetch, (WorkerId, Arc<Task>)>,
    rounds: HashMap<TaskId, Round>,
    due: BTreeSet<(Timestamp, TaskId)>,
    /// Those that idle workers may take now.
    offers: BTreeSet<TaskId>,
}

impl Hedges {
    /// Somebody is asked.
    fn given(&mut self, worker: WorkerId, assignment: &Assignment, task: Arc<Task>) {
        self.out.insert(fetch(assignment), (worker, task));
    }

    /// What is fetched, if that is a robots.txt.
    pub(in crate::dispatcher::desk) fn sought(&self, assignment: &Assignment) -> Option<Arc<Task>> {
        self.out.get(&fetch(assignment)).map(|(_, task)| Arc::clone(task))
    }

    /// A fetch has ended. Gives its worker, if that one is still there.
    pub(in crate::dispatcher::desk) fn ended(&mut self, assignment: &Assignment) -> Option<WorkerId> {
        self.out.remove(&fetch(assignment)).map(|(worker, _)| worker)
    }

    /// A worker is dead. Gives what it was asked for.
    fn left(&mut self, worker: WorkerId) -> Vec<Fetch> {
        let is_its = |(_, (other, _)): &(&Fetch, &(WorkerId, _))| *other == worker;
        let left: Vec<Fetch> = self.out.iter().filter(is_its).map(|(fetch, _)| *fetch).collect();
        self.out.retain(|_, (other, _)| *other != worker);
        left
    }

    /// How many are out for a task.
    fn out(&self, task: TaskId) -> usize {
        self.out.range(fetches_of(task)).count()
    }

    /// How many are out for it under this lease.
    pub(in crate::dispatcher::desk) fn out_under(&self, task: TaskId, epoch: Epoch) -> u32 {
        let out = self.out.range((task, epoch, 0)..=(task, epoch, u32::MAX)).count();
        u32::try_from(out).unwrap_or(u32::MAX)
    }

    /// The last one that was asked under this lease, of those that are out.
    fn last(&self, task: TaskId, epoch: Epoch) -> Option<WorkerId> {
        self.out.range((task, epoch, 0)..=(task, epoch, u32::MAX)).next_back().map(|(_, (worker, _))| *worker)
    }

    /// So many may be out until then.
    fn begin(&mut self, task: TaskId, round: Round) {
        self.end(task);
        self.rounds.insert(task, round);
        self.due.insert((round.until, task));
    }

    /// Nobody else is asked.
    fn end(&mut self, task: TaskId) {
        self.offers.remove(&task);
        if let Some(round) = self.rounds.remove(&task) {
            self.due.remove(&(round.until, task));
        }
    }

    /// When the next round is over.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The first task whose round is over.
    fn first_due(&self, now: Timestamp) -> Option<TaskId> {
        self.due.first().filter(|(at, _)| *at <= now).map(|(_, task)| *task)
    }

    /// May idle workers take any?
    pub(in crate::dispatcher::desk) fn any_offered(&self) -> bool {
        !self.offers.is_empty()
    }

    /// Whoever was idle has looked. What nobody could take is offered again when the next round begins.
    pub(in crate::dispatcher::desk) fn withdraw_offers(&mut self) {
        self.offers.clear();
    }

    /// Those that one more may be asked for.
    fn with_room(&self) -> impl Iterator<Item = TaskId> {
        let has_room = |task: &TaskId| self.rounds.get(task).is_some_and(|round| self.out(*task) < round.most);
        self.offers.iter().copied().filter(has_room)
    }
}

impl Desk {
    /// Somebody has been asked for a robots.txt. Our own address need not be asked twice.
    pub(in crate::dispatcher::desk) fn asked_for_robots(
        &mut self,
        worker: WorkerId,
        assignment: Assignment,
        task: &Arc<Task>,
        now: Timestamp,
    ) {
        self.robots.hedges.given(worker, &assignment, Arc::clone(task));
        if !self.limits.proxies.direct && !self.robots.hedges.rounds.contains_key(&assignment.task) {
            self.robots.hedges.begin(assignment.task, Round { most: 1, until: now + self.round() });
        }
    }

    /// So long nobody else is asked, at least, while an answer is waited for.
    pub(in crate::dispatcher::desk) fn round(&self) -> Duration {
        (self.limits.head_timeout / PART).max(Duration::from_millis(1))
    }

    /// Where no answer has come for a round, as many again may be asked as are out.
    pub(super) fn offer_hedges(&mut self, now: Timestamp) {
        while let Some(task) = self.robots.hedges.first_due(now) {
            let is_out = self.held.get(&task).is_some_and(|held| matches!(held.place, Place::Assigned(_)));
            if !is_out {
                self.robots.hedges.end(task);
                continue;
            }
            let most = (2 * self.robots.hedges.out(task)).min(AT_ONCE);
            let until = now + self.round();
            self.robots.hedges.begin(task, Round { most, until });
            self.offer_hedge(task);
        }
    }

    fn offer_hedge(&mut self, task: TaskId) {
        self.robots.hedges.offers.insert(task);
        self.stirred = Stirred::Yes;
    }

    /// What a proxy that has nothing else to do may be asked for as well.
    pub(in crate::dispatcher::desk) fn hedge_for(&self, proxy: ProxyId, now: Timestamp) -> Option<TaskId> {
        // Who has to prove itself tells nothing about others' pages.
        if !self.robots.hedges.any_offered() || self.docket.debts(proxy).next().is_some() {
            return None;
        }
        self.robots.hedges.with_room().find(|task| {
            let is_heard = self.trials.get(*task).is_some_and(|trial| trial.heard(proxy));
            self.held.get(task).is_some_and(|held| {
                let spoken_for = held.requests + self.robots.hedges.out_under(*task, held.epoch);
                !is_heard
                    && spoken_for < self.limits.retry.max_requests
                    && self.permit(proxy, &held.task.host, now) == Permit::Now
            })
        })
    }

    /// A spare that may be asked as well, for a worker whose own proxy is of no use now.
    pub(in crate::dispatcher::desk) fn spare_to_hedge(&self, now: Timestamp) -> Option<ProxyId> {
        self.robots.hedges.with_room().next()?;
        self.pool.spares().map(|(spare, _)| spare).find(|spare| self.hedge_for(*spare, now).is_some())
    }

    /// A robots.txt that one was asked for in vain is in the hands of another one who was, if there is one.
    pub(in crate::dispatcher::desk) fn others_are_asked(&mut self, task: TaskId) -> bool {
        let Some(held) = self.held.get_mut(&task).filter(|held| held.task.stage.is_robots()) else { return false };
        let Some(worker) = self.robots.hedges.last(task, held.epoch) else { return false };
        held.place = Place::Assigned(worker);
        self.assigned.insert((worker, task));
        self.offer_hedge(task);
        true
    }

    /// Is an outcome still of use for its task? A robots.txt that was had is, whichever attempt brought it.
    pub(in crate::dispatcher::desk) fn counts(&mut self, assignment: &Assignment, verdict: &Verdict) -> bool {
        let task = assignment.task;
        let is_had = task.is_built_in() && *verdict == Verdict::Done;
        if is_had && !self.held.contains_key(&task) {
            self.held.extend(self.robots.take_later(task).map(|held| (task, held)));
        }
        self.held.get(&task).is_some_and(|held| held.epoch == assignment.epoch || is_had)
    }

    /// A fetch of a robots.txt has ended that nobody waits for any more. It was made all the same.
    pub(in crate::dispatcher::desk) fn had_already(
        &mut self,
        worker: WorkerId,
        task: Arc<Task>,
        assignment: &Assignment,
        verdict: Verdict,
        meters: Meters,
        now: Timestamp,
    ) {
        let proxy = assignment.proxy.id;
        self.hear(&Ended::new(&task, proxy, &meters), &verdict, &meters, now);
        self.came_late(proxy, &verdict, now);
        self.note(Notice::Page(Box::new(PageNotice {
            worker,
            proxy,
            attempt: task.attempts + 1,
            task,
            verdict,
            meters,
            links: 0,
            too_deep: 0,
            records: 0,
            missing: Vec::new(),
            then: Then::Stale,
        })));
    }

    /// What a dead worker was asked for besides what is `lost` by that may have reached the site as well.
    pub(in crate::dispatcher::desk) fn leave_hedges(&mut self, worker: WorkerId, lost: &[TaskId]) {
        for (task, epoch, _) in self.robots.hedges.left(worker) {
            if let Some(held) = self.held.get_mut(&task).filter(|held| held.epoch == epoch && !lost.contains(&task)) {
                held.requests += 1;
            }
        }
    }

    /// A lease on a robots.txt ends. Those who are still out under it count as a request each.
    pub(super) fn forsake_hedges(&mut self, held: &Held) -> u32 {
        self.robots.hedges.end(held.task.id);
        self.robots.hedges.out_under(held.task.id, held.epoch)
    }
}
