//! Judgments: how a page's lease ends, and what that means for the proxies that failed on it.
//!
//! In come decisions of the court; out go settlements for the ledger, convictions, and testimonies that say nothing any more.

use std::sync::Arc;
use std::time::Duration;

use super::bench::Venue;
use super::court::Ended;
use super::roster::Stirred;
use super::{Desk, Held};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Decision, Notice, Then};
use crate::frontier::{Fate, Settlement};
use crate::proxy::ProxyId;
use crate::record::Record;
use crate::task::{NewTask, Task, TaskId};
use crate::verdict::{Reason, Verdict};

/// What a page brought.
#[derive(Debug, Default)]
pub(super) struct Harvest {
    pub(super) links: Vec<NewTask>,
    pub(super) records: Vec<Record>,
}

impl Desk {
    /// The page is in: whoever failed on it was at fault.
    pub(super) fn done(&mut self, ended: &Ended, harvest: Harvest, now: Timestamp) -> Then {
        let Some(task) = self.held.get(&ended.page).map(|held| Arc::clone(&held.task)) else { return Then::Stale };
        self.worked(ended.proxy);
        self.stragglers.done(ended.page);
        self.convict_all(ended, now);
        self.succeeded(ended);
        self.remember_who(&harvest.links, ended.proxy);
        // Its robots.txt a site may show to those that get nothing else: it is no page to prove oneself by.
        if !task.stage.is_robots() {
            self.docket.done(&Venue::of(&task), &task);
            self.stages_done.insert(task.stage);
            self.misfits.remove(&task.stage);
        }
        self.conclude(ended.page, Fate::Done, harvest, now);
        Then::Done
    }

    /// A proxy has succeeded at all these places: pauses there end, and what it said about other pages counts from now on.
    pub(super) fn succeeded(&mut self, ended: &Ended) {
        let address = self.pool.get(ended.proxy).map(|member| member.address);
        for venue in &ended.passed {
            if address.is_some_and(|address| self.pace.succeeded(address, &venue.host)) {
                self.keeper.paced(ended.proxy, &venue.host);
            }
            let window = &self.window;
            let entered = self.docket.succeeded(ended.proxy, venue, |venue| window.best_at(venue).is_some());
            for (place, page) in entered {
                if let Some(trial) = self.trials.change(page) {
                    trial.enter(ended.proxy, &place);
                }
                self.doubts.insert(page);
            }
        }
    }

    /// Everybody who failed on a page that is done was at fault.
    fn convict_all(&mut self, ended: &Ended, now: Timestamp) {
        let Some(trial) = self.trials.close(ended.page) else { return };
        for (testimony, times) in trial.speakers() {
            self.docket.convicted(testimony.line, &testimony.venue, ended.page, times);
            if matches!(testimony.verdict, Verdict::Banned(_)) {
                self.docket.bench_mut(&testimony.venue).ban_was_meant();
            }
            // What it failed on and then brought itself is no reason to let go of it, only to believe it less.
            if let Some(reason) = testimony.verdict.reason().filter(|_| testimony.proxy != ended.proxy) {
                self.charge(testimony.proxy, reason, now);
            }
        }
    }

    /// The page is what it is, and the proxies that failed on it are not to blame; those that said so have worked.
    pub(super) fn agreed(&mut self, id: TaskId, proxy: Option<ProxyId>, fate: Fate, now: Timestamp) -> Then {
        for proxy in self.acquit(id).into_iter().chain(proxy) {
            self.worked(proxy);
        }
        self.trials.close(id);
        let then = match &fate {
            Fate::Gone(_) => Then::Gone,
            Fate::Dead(reason) => Then::Dead(reason.clone()),
            Fate::Excluded(_) => Then::Excluded,
            Fate::Done => Then::Done,
            Fate::Retry { not_before, .. } => Then::Later(*not_before),
        };
        self.conclude(id, fate, Harvest::default(), now);
        then
    }

    /// There is no doubt left that the page is at fault: it uses an attempt, and the next one begins with what is known.
    pub(super) fn condemn(&mut self, id: TaskId, reason: Reason, odds: f64, now: Timestamp) -> Then {
        let venue = self.trials.get(id).and_then(|trial| Some(trial.testimonies.last()?.venue.clone()));
        let first = self.trials.get(id).is_some_and(|trial| trial.condemned_at.is_none());
        self.acquit(id);
        if let Some(venue) = venue.filter(|_| first) {
            self.docket.condemned(&venue);
        }
        self.trials.open(id).condemned_at = Some(odds);
        self.use_attempt(id, reason, now)
    }

    /// The page has failed, and no proxy can have made that up.
    pub(super) fn failed_by_itself(&mut self, id: TaskId, reason: Reason, now: Timestamp) -> Then {
        self.acquit(id);
        self.use_attempt(id, reason, now)
    }

    /// What was said about a page says nothing any more: pauses and silence because of it end. Gives those who agreed with what
    /// was said last, if that is final.
    pub(super) fn acquit(&mut self, id: TaskId) -> Vec<ProxyId> {
        let Some(trial) = self.trials.change(id) else { return Vec::new() };
        let testimonies = std::mem::take(&mut trial.testimonies);
        let mut agreeing = Vec::new();
        for testimony in &testimonies {
            let proxy = testimony.proxy;
            self.docket.withdraw(testimony.line, &testimony.venue, id);
            if matches!(testimony.verdict, Verdict::Banned(_)) {
                self.docket.bench_mut(&testimony.venue).ban_was_mistaken();
            }
            if let Some(address) = self.pool.get(proxy).map(|member| member.address) {
                self.pace.lift_ban(address, &testimony.venue.host, id);
                self.keeper.paced(proxy, &testimony.venue.host);
            }
            if let Some(health) = self.pool.health(proxy) {
                health.forgive(id);
                self.keeper.patients.insert(proxy);
            }
            let last = testimonies.last().map(|last| &last.verdict);
            if last.is_some_and(|last| super::trial::same_final(&testimony.verdict, last))
                && !agreeing.contains(&testimony.line)
            {
                agreeing.push(testimony.line);
            }
        }
        self.stirred = Stirred::Yes;
        agreeing
    }

    /// No page costs more requests than this, whoever is to blame.
    pub(super) fn bound_requests(&mut self, id: TaskId, last: &str, now: Timestamp) -> Option<Then> {
        let held = self.held.get(&id)?;
        if held.requests < self.limits.retry.max_requests {
            return None;
        }
        let reason = Reason::new("retry.max_requests", format!("{} requests, the last one: {last}", held.requests));
        self.window.take(id);
        self.acquit(id);
        self.trials.close(id);
        self.conclude(id, Fate::Dead(reason.clone()), Harvest::default(), now);
        Some(Then::Dead(reason))
    }

    /// The page has failed by its own fault: once more after a while, or never.
    pub(super) fn use_attempt(&mut self, id: TaskId, reason: Reason, now: Timestamp) -> Then {
        let Some(task) = self.held.get(&id).map(|held| Arc::clone(&held.task)) else { return Then::Stale };
        let most = self.attempts_of(&task);
        let Some(held) = self.held.get(&id) else { return Then::Stale };
        let attempts = task.attempts + 1;
        let requests = held.requests + self.robots.hedges.out_under(id, held.epoch);
        if attempts >= most || requests >= self.limits.retry.max_requests {
            self.trials.close(id);
            self.conclude(id, Fate::Dead(reason.clone()), Harvest::default(), now);
            return Then::Dead(reason);
        }
        let not_before = now + self.backoff(attempts);
        self.conclude(id, Fate::Retry { not_before, attempts }, Harvest::default(), now);
        Then::Later(not_before)
    }

    /// The wait after the `nth` failure, from 1: doubled each time, and up to half of it more at random.
    pub(super) fn backoff(&mut self, nth: u32) -> Duration {
        let retry = &self.limits.retry;
        let doubled = retry.backoff.saturating_mul(2u32.saturating_pow(nth.saturating_sub(1)));
        doubled.min(retry.backoff_max).mul_f64(1.0 + 0.5 * self.rng.f64())
    }

    /// Tells of a page that was decided on while nobody fetched it.
    pub(super) fn decided(&mut self, task: Arc<Task>, then: Then) {
        self.note(Notice::Decided(Box::new(Decision { attempt: task.attempts + 1, task, then })));
    }

    /// Nobody is given a task any more, or waited for because of it.
    pub(super) fn leave_queues(&mut self, id: TaskId) {
        self.window.take(id);
        self.wanted.remove(&id);
        self.waiting.forget(id);
    }

    /// The lease on a task ends.
    fn conclude(&mut self, id: TaskId, fate: Fate, harvest: Harvest, now: Timestamp) {
        self.take_back(id);
        let Some(held) = self.held.remove(&id) else { return };
        self.withdraw_challenges(&held.challenged, id);
        if held.task.stage.is_robots() {
            // Whoever is asked next for it, somebody else has answered.
            self.leave_queues(id);
            return self.robots_ended(held, fate, now);
        }
        self.robots.leave(id);
        let Harvest { links, records } = harvest;
        let Held { epoch, requests, mut tries, asides, .. } = held;
        tries.extend(asides);
        tries.sort_by_key(|one| one.at);
        match &fate {
            Fate::Done => self.done.pages += 1,
            Fate::Dead(_) => self.done.dead_letters += 1,
            Fate::Gone(_) | Fate::Excluded(_) | Fate::Retry { .. } => {}
        }
        self.done.records += records.len() as u64;
        self.ledger.settle(Settlement { task: id, epoch, fate, links, records, requests, tries }, now);
    }
}
