//! Assignment: which worker gets which proxy, and which task.
//!
//! A worker keeps its proxy. It is given another one only if its own is given up, or if its own may not be used for what is
//! there to do (tried already, banned, throttled) and a spare may: a mere delay is no reason.

use std::sync::Arc;

use super::roster::{Grip, Hands, NEVER, Stirred};
use super::{Desk, Order, Place};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Notice;
use crate::pace::Permit;
use crate::protocol::{Assignment, ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::proxy::pool::State;
use crate::task::TaskId;

/// What there is to do for a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pick {
    /// This, now.
    Task(TaskId),
    /// Something, once its delay is over.
    Wait(Timestamp),
    /// Nothing that it may do before then; another proxy might.
    Barred(Timestamp),
    /// Nothing at all.
    Nothing,
}

impl Desk {
    /// Gives proxies to workers and tasks to idle ones, as far as both go.
    pub(super) fn assign(&mut self, now: Timestamp) {
        self.bind_empty_hands();
        if self.is_held_up() {
            return;
        }
        let stirred = std::mem::replace(&mut self.stirred, Stirred::No);
        self.fetch_spares_for_suspects(now);
        for (worker, proxy) in self.roster.idle(now, stirred) {
            if self.pages_are_spoken_for() {
                self.stirred = Stirred::Yes;
                return;
            }
            match self.pick(proxy.id, now) {
                Pick::Task(task) => self.give(worker, proxy, task, now),
                Pick::Wait(at) => self.roster.look_again(worker, at),
                Pick::Barred(until) => match self.useful_spare(now) {
                    Ok(spare) => self.rebind(worker, proxy, spare, now),
                    Err(later) => self.roster.look_again(worker, until.min(later)),
                },
                Pick::Nothing => self.roster.look_again(worker, NEVER),
            }
        }
    }

    /// Records wait for the feeds, pages for their commit, or all of them for room on a disk: no new fetches.
    fn is_held_up(&mut self) -> bool {
        let lag = self.ledger.lag();
        let behind = lag > self.limits.max_lag;
        if behind && !self.feeds_behind {
            self.note(Notice::FeedsBehind { lag });
        }
        if self.feeds_behind && !behind {
            self.stirred = Stirred::Yes;
        }
        self.feeds_behind = behind;
        let held_up = behind || self.room.is_short() || self.ledger.uncommitted() > super::ledger::MAX_UNCOMMITTED;
        if held_up {
            self.stirred = Stirred::Yes;
        }
        held_up
    }

    fn bind_empty_hands(&mut self) {
        for (worker, hands) in self.roster.without_proxy() {
            let spare = self.pool.spares().next().map(|(id, _)| id);
            match spare {
                Some(spare) => self.bind(worker, spare),
                None if hands == Hands::Empty => {
                    self.roster.set(worker, Hands::Parked);
                    self.orders.push(Order::Park(worker));
                    self.note(Notice::Parked { worker });
                }
                None => {}
            }
        }
    }

    fn bind(&mut self, worker: WorkerId, spare: ProxyId) {
        let Some(proxy) = self.pool.bind(spare, worker) else { return };
        let Some(route) = self.pool.get(spare).map(|member| Arc::clone(&member.route)) else { return };
        self.roster.set(worker, Hands::Holding(Grip { proxy, out: 0, closing: false }));
        self.stirred = Stirred::Yes;
        self.note(Notice::Bound { worker, proxy });
        self.orders.push(Order::Bind { worker, proxy, route });
    }

    /// An idle worker lets go of a proxy that is of no use now, and gets one that is; it looks for a task right away.
    fn rebind(&mut self, worker: WorkerId, old: ProxyRef, spare: ProxyId, now: Timestamp) {
        self.release(old, now);
        self.bind(worker, spare);
        if self.pages_are_spoken_for() {
            return;
        }
        let Some(Hands::Holding(grip)) = self.roster.get(worker) else { return };
        match self.pick(grip.proxy.id, now) {
            Pick::Task(task) => self.give(worker, grip.proxy, task, now),
            Pick::Wait(at) | Pick::Barred(at) => self.roster.look_again(worker, at),
            Pick::Nothing => self.roster.look_again(worker, NEVER),
        }
    }

    /// A spare that has something to do, now or once its delay is over; else when one might have.
    fn useful_spare(&self, now: Timestamp) -> Result<ProxyId, Timestamp> {
        let mut later = NEVER;
        for (spare, _) in self.pool.spares() {
            match self.pick(spare, now) {
                Pick::Task(_) | Pick::Wait(_) => return Ok(spare),
                Pick::Barred(until) => later = later.min(until),
                Pick::Nothing => {}
            }
        }
        Err(later)
    }

    /// Suspects first, then hosts in turn.
    fn pick(&self, proxy: ProxyId, now: Timestamp) -> Pick {
        let Some(address) = self.pool.get(proxy).map(|member| member.address) else { return Pick::Nothing };
        let (mut wait, mut barred): (Option<Timestamp>, Option<Timestamp>) = (None, None);
        let sooner = |time: &mut Option<Timestamp>, at| *time = Some(time.map_or(at, |other: Timestamp| other.min(at)));
        for id in self.window.suspects() {
            let Some(held) = self.held.get(&id) else { continue };
            if held.trial.heard(proxy) && !held.repeat {
                sooner(&mut barred, NEVER);
                continue;
            }
            match self.pace.permit(address, &held.task.host, now) {
                Permit::Now if held.not_before <= now => return Pick::Task(id),
                Permit::Now => sooner(&mut wait, held.not_before),
                Permit::Wait(at) => sooner(&mut wait, at.max(held.not_before)),
                Permit::Paused(until) => sooner(&mut barred, until),
            }
        }
        for host in self.window.hosts() {
            match self.pace.permit(address, host, now) {
                Permit::Now => {
                    if let Some(id) = self.window.best_of(host) {
                        return Pick::Task(id);
                    }
                }
                Permit::Wait(at) => sooner(&mut wait, at),
                Permit::Paused(until) => sooner(&mut barred, until),
            }
        }
        match (wait, barred) {
            (Some(at), until) => Pick::Wait(until.map_or(at, |until| until.min(at))),
            (None, Some(until)) => Pick::Barred(until),
            (None, None) => Pick::Nothing,
        }
    }

    /// Is there nothing that any usable proxy may do now, or will after a mere delay?
    pub(super) fn all_barred(&self, now: Timestamp) -> bool {
        self.pool.usable() > 0
            && self
                .pool
                .iter()
                .filter(|(_, member)| member.usable())
                .all(|(proxy, _)| matches!(self.pick(proxy, now), Pick::Barred(_)))
    }

    fn give(&mut self, worker: WorkerId, proxy: ProxyRef, task: TaskId, now: Timestamp) {
        let gap = self.pace.gap(&mut self.rng);
        let Some(Hands::Holding(mut grip)) = self.roster.get(worker) else { return };
        let Some(held) = self.held.get_mut(&task) else { return };
        self.window.take(task);
        self.intake.given();
        held.place = Place::Assigned(worker);
        held.turn += 1;
        held.repeat = false;
        held.gap = gap;
        let assignment = Assignment { task, epoch: held.epoch, turn: held.turn, proxy };
        if let Some(member) = self.pool.get(proxy.id) {
            self.pace.asked(member.address, &held.task.host, now, gap);
        }
        self.pool.sent_out(&assignment);
        grip.out += 1;
        self.roster.set(worker, Hands::Holding(grip));
        self.orders.push(Order::Fetch { worker, assignment, task: Arc::clone(&held.task), gap });
    }

    /// A suspect that no bound proxy may take, while a spare may, gets that spare: an idle worker is rebound.
    fn fetch_spares_for_suspects(&mut self, now: Timestamp) {
        for id in self.window.suspects().collect::<Vec<_>>() {
            let Some(held) = self.held.get(&id).filter(|held| !held.repeat && held.not_before <= now) else { continue };
            let may_take = |proxy: ProxyId, address| {
                !held.trial.heard(proxy)
                    && !matches!(self.pace.permit(address, &held.task.host, now), Permit::Paused(_))
            };
            let bound_can = self
                .pool
                .iter()
                .any(|(proxy, member)| matches!(member.state(), State::Bound(_)) && may_take(proxy, member.address));
            if bound_can {
                continue;
            }
            let spare =
                self.pool.spares().find(|(proxy, member)| may_take(*proxy, member.address)).map(|(proxy, _)| proxy);
            let Some(spare) = spare else { continue };
            let Some(&(worker, old)) = self.roster.idle(now, Stirred::Yes).first() else { return };
            self.rebind(worker, old, spare, now);
        }
    }
}

#[cfg(test)]
impl Desk {
    /// A worker that is idle although a task may go to it now.
    pub(super) fn idle_with_work(&mut self, now: crate::clock::Timestamp) -> Option<WorkerId> {
        if !self.phase.is_running() || self.is_held_up() || self.pages_are_spoken_for() {
            return None;
        }
        let idle = self.roster.idle(now, Stirred::Yes);
        idle.into_iter().find(|(_, proxy)| matches!(self.pick(proxy.id, now), Pick::Task(_))).map(|(worker, _)| worker)
    }
}
