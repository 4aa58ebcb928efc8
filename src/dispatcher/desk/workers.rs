//! Workers that come, go and report: what each of these events changes in what is held.
//!
//! In come a worker's number and what it says; out go the tasks and the proxy that it held, to be given out again. Whom they go to
//! is not known here.

use std::sync::Arc;

use super::roster::{Hands, Stirred};
use super::{Desk, Place};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Notice;
use crate::protocol::{Assignment, ProxyRef, Why, WorkerId};
use crate::task::TaskId;
use crate::verdict::Reason;

/// So many fetches that end without an outcome use an attempt of their page: fewer may be an accident of who fetched it.
const SEVERAL: u32 = 3;

impl Desk {
    pub(super) fn enter(&mut self, worker: WorkerId, now: Timestamp) {
        if let Some(old) = self.roster.holder(worker.slot) {
            if old.incarnation >= worker.incarnation {
                return;
            }
            self.gone(old, now);
        }
        self.roster.enter(worker);
        self.dismiss(worker);
    }

    /// A worker is dead: what it was fetching goes back, its proxy drains.
    pub(super) fn gone(&mut self, worker: WorkerId, now: Timestamp) {
        let Some(hands) = self.roster.leave(worker) else { return };
        self.last_gone = worker;
        self.not_awaited(worker);
        self.note(Notice::WorkerGone { worker });
        let its_own = (worker, TaskId(0))..=(worker, TaskId(u64::MAX));
        let lost: Vec<TaskId> = self.assigned.range(its_own).map(|(_, task)| *task).collect();
        self.leave_hedges(worker, &lost);
        for id in lost {
            self.lost(id, now);
        }
        if let Hands::Holding(grip) = hands {
            self.release(grip.proxy, now);
        }
    }

    pub(super) fn replace(&mut self, worker: WorkerId, proxy: ProxyRef, why: Why, now: Timestamp) {
        let Some(Hands::Holding(grip)) = self.roster.get(worker) else { return };
        if grip.proxy != proxy {
            return;
        }
        if let Why::Unusable(reason) = why {
            self.blame(&reason);
            self.retire(proxy.id, reason);
        }
        self.release(proxy, now);
        self.roster.set(worker, Hands::Empty);
    }

    pub(super) fn abandoned(&mut self, assignment: &Assignment, now: Timestamp) {
        self.keep_pace_of_lost(assignment, now);
        if let Some(control) = self.controls.remove(assignment) {
            self.spend_unseen(assignment.proxy.id, now);
            return self.control_is_over(control.worker, assignment, now);
        }
        if let Some(worker) = self.straggled_off(assignment) {
            self.spend_unseen(assignment.proxy.id, now);
            return self.control_is_over(worker, assignment, now);
        }
        self.spend_unseen(assignment.proxy.id, now);
        let Some(worker) = self.came_back(assignment, now) else { return };
        self.loosen(worker, assignment.proxy);
        let Some(held) = self.held.get_mut(&assignment.task).filter(|held| held.epoch == assignment.epoch) else {
            return;
        };
        held.abandoned += 1;
        let (task, often) = (Arc::clone(&held.task), held.abandoned);
        self.note(Notice::Abandoned { task: Arc::clone(&task) });
        if often >= SEVERAL {
            // It may have reached the site all the same.
            if let Some(held) = self.held.get_mut(&task.id) {
                held.requests += 1;
            }
            let reason = Reason::new("abandoned", format!("{often} fetches of it ended without an outcome"));
            self.failed_by_itself(task.id, reason, now);
        } else {
            self.lost(task.id, now);
        }
    }

    /// A fetch is lost: its page goes back. It may have reached the site, so it counts as a request.
    pub(super) fn lost(&mut self, id: TaskId, now: Timestamp) {
        if let Some(held) = self.held.get_mut(&id) {
            held.requests += 1;
            self.put_back(id);
            self.bound_requests(id, "a fetch without an outcome", now);
        }
    }

    /// A fetch is back: the lease that it went out under may be over now. Gives the worker that it was assigned to, if it
    /// still is; of a robots.txt, that several may be asked for, the worker that has fetched it, if that one is there.
    pub(super) fn came_back(&mut self, assignment: &Assignment, now: Timestamp) -> Option<WorkerId> {
        if let Some(change) = self.pool.came_back(assignment, now) {
            self.changed(change);
        }
        self.moved.insert(assignment.proxy.id);
        if assignment.task.is_built_in() {
            return self.robots.hedges.ended(assignment);
        }
        let held = self.held.get(&assignment.task)?;
        match held.place {
            Place::Assigned(worker) if held.turn == assignment.turn && held.epoch == assignment.epoch => Some(worker),
            Place::Assigned(_) | Place::Windowed => None,
        }
    }

    /// A worker has one fetch less out.
    pub(super) fn loosen(&mut self, worker: WorkerId, proxy: ProxyRef) {
        if let Some(Hands::Holding(mut grip)) = self.roster.get(worker)
            && grip.proxy == proxy
        {
            grip.out = grip.out.saturating_sub(1);
            self.roster.set(worker, Hands::Holding(grip));
        }
    }

    /// A task is in no worker's hands any more.
    pub(super) fn take_back(&mut self, id: TaskId) {
        self.stragglers.forget(id);
        if let Some(held) = self.held.get_mut(&id)
            && let Place::Assigned(worker) = held.place
        {
            held.place = Place::Windowed;
            self.assigned.remove(&(worker, id));
        }
    }

    /// A task goes back into the window, before all others: nobody has judged it. One that the site has turned away goes behind
    /// them: those who are to wait would else do nothing but ask for it again.
    pub(super) fn put_back(&mut self, id: TaskId) {
        self.take_back(id);
        if self.others_are_asked(id) {
            return;
        }
        // Several may have failed on it before any was judged.
        self.window.take(id);
        let Some(held) = self.held.get(&id) else { return };
        if self.trials.get(id).is_some() {
            self.window.suspect(&held.task);
            self.doubts.insert(id);
            self.stirred = Stirred::Yes;
        } else if held.refusals.are_none() {
            // Where fresh pages wait already, everybody knows when to look for them.
            self.window.put_back(&held.task);
        } else {
            self.window.arrive(&held.task);
        }
    }

    pub(super) fn release(&mut self, proxy: ProxyRef, now: Timestamp) {
        if let Some(change) = self.pool.release(proxy, now) {
            self.changed(change);
        }
    }
}
