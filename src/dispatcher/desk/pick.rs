//! The pick: what there is to do for one proxy.
//!
//! In comes a proxy; out goes a page or a control, or when it should look again. A proxy that owes testimony proves itself first;
//! else suspects go first, then what waits for this proxy, then hosts in turn. Who gets which proxy is `assign.rs`.

use std::collections::BTreeMap;

use super::Desk;
use super::affinity::Awaiting;
use super::bench::Venue;
use super::jury::{Call, Voice};
use super::proof::Test;
use super::roster::NEVER;
use super::window::Place;
use crate::clock::Timestamp;
use crate::pace::Permit;
use crate::proxy::ProxyId;
use crate::task::TaskId;

/// What there is to do for a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// This, now.
    Task(TaskId),
    /// A page that was done before, now.
    Control(Test),
    /// Something, once its delay is over.
    Wait(Timestamp),
    /// Nothing that it may do before then; another proxy might.
    Barred(Timestamp),
    /// Nothing before then, whichever the proxy: all hosts are shut.
    Shut(Timestamp),
    /// Nothing at all.
    Nothing,
}

/// When there may be something to do.
#[derive(Debug, Default)]
pub(super) struct Times {
    wait: Option<Timestamp>,
    barred: Option<Timestamp>,
    shut: Option<Timestamp>,
}

fn sooner(time: &mut Option<Timestamp>, at: Timestamp) {
    *time = Some(time.map_or(at, |other| other.min(at)));
}

impl Times {
    /// A delay is over then.
    pub(super) fn wait(&mut self, at: Timestamp) {
        sooner(&mut self.wait, at);
    }

    /// It may not before then.
    pub(super) fn bar(&mut self, until: Timestamp) {
        sooner(&mut self.barred, until);
    }

    /// Nobody may before then.
    pub(super) fn shut(&mut self, until: Timestamp) {
        sooner(&mut self.shut, until);
    }

    fn pick(self) -> Pick {
        let soonest = [self.wait, self.barred, self.shut].into_iter().flatten().min();
        match (self.wait, self.barred, soonest) {
            (Some(_), _, Some(at)) => Pick::Wait(at),
            (None, Some(_), Some(at)) => Pick::Barred(at),
            (None, None, Some(at)) => Pick::Shut(at),
            (.., None) => Pick::Nothing,
        }
    }
}

impl Desk {
    /// What this proxy should do.
    pub(super) fn pick(&self, proxy: ProxyId, now: Timestamp) -> Pick {
        if self.pool.get(proxy).is_none() {
            return Pick::Nothing;
        }
        let mut times = Times::default();
        let proof = self.proof(proxy, &mut times, now);
        if (proof.is_none() || self.is_tired_of_controls(proxy))
            && let Some(id) = self.page_for(proxy, &mut times, now)
        {
            return Pick::Task(id);
        }
        if let Some(proof) = proof {
            return proof;
        }
        let hedge = self.hedge_for(proxy, now).filter(|_| times.wait.is_none());
        match hedge.or_else(|| self.straggler_for(proxy, &mut times, now)) {
            Some(id) => Pick::Task(id),
            None => times.pick(),
        }
    }

    /// The page that this proxy should fetch now, whatever it owes.
    fn page_for(&self, proxy: ProxyId, times: &mut Times, now: Timestamp) -> Option<TaskId> {
        if let Some(id) = self.suspect_for(proxy, times, now) {
            return Some(id);
        }
        match self.awaiting(proxy, now) {
            Awaiting::Task(id) => return Some(id),
            Awaiting::Later { wait, barred, shut } => {
                shut.into_iter().for_each(|until| times.shut(until));
                wait.into_iter().for_each(|at| times.wait(at));
                barred.into_iter().for_each(|until| times.bar(until));
            }
        }
        for host in self.window.hosts() {
            match self.permit(proxy, host, now) {
                Permit::Now => {
                    if let Some(id) = self.window.best_of(host) {
                        return Some(id);
                    }
                }
                Permit::Wait(at) => times.wait(at),
                Permit::Paused(until) => times.bar(until),
                Permit::Shut(until) => times.shut(until),
            }
        }
        None
    }

    /// The first suspect page that it may try now.
    fn suspect_for(&self, proxy: ProxyId, times: &mut Times, now: Timestamp) -> Option<TaskId> {
        let mut best: Option<(Place, TaskId)> = None;
        let mut here: Option<(&Venue, Voice)> = None;
        for (venue, call, pages) in self.window.on_call() {
            let voice = match &here {
                Some((known, voice)) if *known == venue => *voice,
                _ => self.voice(proxy, venue),
            };
            here = Some((venue, voice));
            if !voice.answers(call) {
                continue;
            }
            let (at, place, page) = match self.first_for(proxy, call, pages, now) {
                Some(first) => first,
                None => continue,
            };
            match self.permit(proxy, &venue.host, now) {
                Permit::Now if at <= now => {
                    best = Some(best.map_or((place, page), |other| other.min((place, page))));
                }
                Permit::Now => times.wait(at),
                Permit::Wait(free) => times.wait(free.max(at)),
                Permit::Paused(until) => times.bar(until),
                Permit::Shut(until) => times.shut(until.max(at)),
            }
        }
        best.map(|(_, page)| page)
    }

    /// The first of these pages that a proxy may try, if it answers the call, and when.
    fn first_for(
        &self,
        proxy: ProxyId,
        call: Call,
        pages: &BTreeMap<Place, TaskId>,
        now: Timestamp,
    ) -> Option<(Timestamp, Place, TaskId)> {
        let mut trials = pages.iter().filter_map(|(place, page)| Some((*place, *page, self.trials.get(*page)?)));
        if call == Call::Again {
            let due = trials.filter_map(|(place, page, trial)| Some((trial.again_at(proxy)?.max(now), place, page)));
            return due.min();
        }
        trials.find(|(_, _, trial)| !trial.heard(proxy)).map(|(place, page, _)| (now, place, page))
    }

    /// A spare that has something to do, now or once its delay is over; else when one might have.
    pub(super) fn useful_spare(&self, now: Timestamp) -> Result<ProxyId, Timestamp> {
        let mut later = NEVER;
        for (spare, _) in self.pool.spares() {
            match self.pick(spare, now) {
                Pick::Task(_) | Pick::Control(_) | Pick::Wait(_) => return Ok(spare),
                Pick::Barred(until) | Pick::Shut(until) => later = later.min(until),
                Pick::Nothing => {}
            }
        }
        Err(later)
    }

    /// Is there nothing that any usable proxy may do now, or will after a mere delay?
    pub(super) fn all_barred(&self, now: Timestamp) -> bool {
        self.pool.usable() > 0
            && self.pool.all_usable().all(|(proxy, _)| match self.pick(proxy, now) {
                Pick::Barred(_) => true,
                // Suspects are there, but not for this one.
                Pick::Nothing => self.window.suspects_waiting() > 0,
                Pick::Task(_) | Pick::Control(_) | Pick::Wait(_) | Pick::Shut(_) => false,
            })
    }
}

#[cfg(test)]
impl Pick {
    fn is_now(&self) -> bool {
        matches!(self, Self::Task(_) | Self::Control(_))
    }
}

#[cfg(test)]
impl Desk {
    /// A worker that is idle although there is something for it to do now.
    pub(super) fn idle_with_work(&mut self, now: Timestamp) -> Option<(crate::protocol::WorkerId, Pick)> {
        if !self.phase.is_running() || self.is_held_up() || self.pages_are_spoken_for() {
            return None;
        }
        let idle = self.roster.idle(now, super::roster::Stirred::Yes);
        let mut picks = idle.into_iter().map(|(worker, proxy)| (worker, self.pick(proxy.id, now)));
        picks.find(|(_, pick)| pick.is_now())
    }
}
