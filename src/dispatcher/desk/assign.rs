//! Assignment: which worker gets which proxy, and which task.
//!
//! A worker keeps its proxy. It is given another one only if its own is given up, or if its own may not be used for what is
//! there to do (tried already, banned, throttled) and a spare may: a mere delay is no reason.

use std::sync::Arc;
use std::time::Duration;

use super::pick::Pick;
use super::roster::{Grip, Hands, NEVER, Stirred};
use super::{Desk, Order, Place};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Notice;
use crate::protocol::{Assignment, ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::proxy::pool::State;
use crate::task::TaskId;

/// Spares are brought in for suspects so many times on one event; what is left goes on a moment later.
const ROUNDS: usize = 4;
const NEXT_ROUND: Duration = Duration::from_millis(1);

impl Desk {
    /// Gives out what can be given out. A spare that was brought in for one suspect changes what others wait for.
    pub(super) fn place(&mut self, now: Timestamp) {
        self.next_round = None;
        for _ in 0..ROUNDS {
            self.review_suspects(now);
            self.free_the_waiting(now);
            self.assign(now);
            // A worker that was given another proxy leaves those behind that waited for its old one.
            while self.free_the_waiting(now) {
                self.assign(now);
            }
            if !self.has_doubts() {
                return;
            }
        }
        // Not a review of its own: that would begin with the first ones again, and never get to the last.
        self.next_round = Some(now + NEXT_ROUND);
    }

    /// Gives proxies to workers and tasks to idle ones, as far as both go.
    fn assign(&mut self, now: Timestamp) {
        self.pool.rank_spares();
        self.bind_empty_hands();
        if self.is_held_up() {
            return;
        }
        let stirred = std::mem::replace(&mut self.stirred, Stirred::No);
        self.call_in_spares(now);
        let mut shut = None;
        for (worker, proxy) in self.roster.idle(now, stirred) {
            // A host that lets in one at a time does not make each of them look.
            if let Some(at) = shut.filter(|_| self.is_like_others(proxy.id)) {
                self.roster.look_again(worker, at);
                continue;
            }
            if self.pages_are_spoken_for() {
                self.stirred = Stirred::Yes;
                return;
            }
            match self.pick(proxy.id, now) {
                Pick::Task(task) => self.give(worker, proxy, task, now),
                Pick::Control(test) => self.give_control(worker, proxy, test, now),
                Pick::Wait(at) => self.roster.look_again(worker, at),
                Pick::Barred(until) => match self.useful_spare(now) {
                    Ok(spare) => self.rebind(worker, proxy, spare, now),
                    Err(later) => self.roster.look_again(worker, until.min(later)),
                },
                Pick::Shut(at) => {
                    self.roster.look_again(worker, at);
                    shut = shut.or_else(|| self.is_like_others(proxy.id).then_some(at));
                }
                Pick::Nothing => match self.spare_to_hedge(now) {
                    Some(spare) => self.rebind(worker, proxy, spare, now),
                    None => self.roster.look_again(worker, NEVER),
                },
            }
        }
    }

    /// Is there nothing that concerns it alone, a suspect, a proof, a page that waits for it, a question, or something that it may be
    /// asked for as well? Then what is shut to one such proxy is shut to all.
    fn is_like_others(&self, proxy: ProxyId) -> bool {
        self.window.suspects_waiting() == 0
            && self.docket.debts(proxy).next().is_none()
            && self.is_not_awaited(proxy)
            && !self.guard.concerns(proxy)
            && !self.robots.hedges.any_offered()
            && !self.stragglers.any_late()
    }

    /// Records wait for the feeds, pages for their commit, or all of them for room on a disk: no new fetches.
    pub(super) fn is_held_up(&mut self) -> bool {
        let lag = self.ledger.lag();
        let behind = lag > self.limits.max_lag;
        if behind && !self.feeds_behind {
            self.note(Notice::FeedsBehind { lag });
        }
        if self.feeds_behind && !behind {
            self.stirred = Stirred::Yes;
        }
        self.feeds_behind = behind;
        if behind {
            self.hurry_feeds();
        }
        let held_up = behind || self.room.is_short() || self.ledger.uncommitted() > super::ledger::MAX_UNCOMMITTED;
        if held_up {
            self.stirred = Stirred::Yes;
        }
        held_up
    }

    fn bind_empty_hands(&mut self) {
        while let Some(worker) = self.roster.first_without_proxy() {
            let Some(spare) = self.pool.spares().next().map(|(id, _)| id) else { break };
            self.bind(worker, spare);
        }
        while let Some(worker) = self.roster.first_empty() {
            self.roster.set(worker, Hands::Parked);
            self.orders.push(Order::Park(worker));
            self.note(Notice::Parked { worker });
        }
    }

    pub(super) fn bind(&mut self, worker: WorkerId, spare: ProxyId) {
        let Some(proxy) = self.pool.bind(spare, worker) else { return };
        let Some(route) = self.pool.get(spare).map(|member| Arc::clone(&member.route)) else { return };
        self.roster.set(worker, Hands::Holding(Grip { proxy, out: 0, closing: false }));
        self.moved.insert(spare);
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
            Pick::Control(test) => self.give_control(worker, grip.proxy, test, now),
            Pick::Wait(at) | Pick::Barred(at) | Pick::Shut(at) => self.roster.look_again(worker, at),
            Pick::Nothing => self.roster.look_again(worker, NEVER),
        }
    }

    fn give(&mut self, worker: WorkerId, proxy: ProxyRef, task: TaskId, now: Timestamp) {
        let Some(Hands::Holding(mut grip)) = self.roster.get(worker) else { return };
        let Some(address) = self.pool.get(proxy.id).map(|member| member.address) else { return };
        let is_late = self.overtake(task);
        // Others may be out for the same page or robots.txt.
        self.take_back(task);
        let Some(held) = self.held.get_mut(&task) else { return };
        let gap = self.pace.gap(address, &held.task.host, &mut self.rng);
        self.window.take(task);
        self.waiting.forget(task);
        self.affinity.take(task);
        if !is_late {
            self.intake.given();
        }
        held.place = Place::Assigned(worker);
        self.assigned.insert((worker, task));
        held.turn += 1;
        held.gap = gap;
        let assignment = Assignment { task, epoch: held.epoch, turn: held.turn, proxy };
        self.pace.begin(address, &held.task.host, gap, now);
        self.fetching.insert(assignment, held.task.host.clone());
        self.pool.sent_out(&assignment);
        if let Some(usage) = self.pool.usage(proxy.id) {
            usage.begin(now);
        }
        grip.out += 1;
        self.roster.set(worker, Hands::Holding(grip));
        let task = Arc::clone(&held.task);
        if task.stage.is_robots() {
            self.asked_for_robots(worker, assignment, &task, now);
        } else if !is_late {
            self.watch_for_lateness(&task, proxy.id, now);
        }
        let clearance = self.clearance(&task);
        self.orders.push(Order::Fetch { worker, assignment, task, gap, clearance, patience: None });
    }

    /// Spares that suspects wait for are brought in: an idle worker gets them.
    fn call_in_spares(&mut self, now: Timestamp) {
        for (page, spare) in self.wanted.clone() {
            if !self.roster.any_idle() {
                return;
            }
            let is_spare = self.pool.get(spare).is_some_and(|member| member.state() == State::Spare);
            if !is_spare || !self.window.is_suspect(page) {
                self.wanted.remove(&page);
                continue;
            }
            match self.pick(spare, now) {
                Pick::Task(_) | Pick::Control(_) => {}
                Pick::Wait(at) | Pick::Barred(at) | Pick::Shut(at) => {
                    self.review_again(at);
                    continue;
                }
                Pick::Nothing => continue,
            }
            let Some(&(worker, old)) = self.roster.idle(now, Stirred::Yes).first() else { return };
            self.wanted.remove(&page);
            self.rebind(worker, old, spare, now);
            self.doubts.insert(page);
        }
    }
}
