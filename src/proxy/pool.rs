//! The pool: every proxy's state, the queue of spares, and the leases under which proxies are in workers' hands.
//!
//! Pure. One proxy is under one lease at a time, and a lease that has fetches out is not over: the proxy *drains*, and only
//! then is it spare, cooling or retired. Who gets which spare, and who is at fault, is the Desk's business.

mod listing;
mod member;
mod order;
mod state;

use std::collections::BTreeSet;

pub use self::listing::Relisted;
pub use self::member::Member;
pub use self::state::{After, Change, State};
use crate::clock::Timestamp;
use crate::config::{self, SpareOrder};
use crate::protocol::{Assignment, ProxyRef, WorkerId};
use crate::proxy::health::Health;
use crate::proxy::usage::Usage;
use crate::proxy::{ProxyId, Route};

/// All proxies of a run.
#[derive(Debug)]
pub struct Pool {
    members: Vec<Member>,
    spares: Vec<ProxyId>,
    order: SpareOrder,
    /// Something was learnt of a spare since the spares were ranked.
    is_stale: bool,
    arrivals: u64,
    bindings: u64,
    usable: BTreeSet<ProxyId>,
    generation: u64,
    /// Those that rest, by when that is over.
    cooling: BTreeSet<(Timestamp, ProxyId)>,
    /// Answers that were believed, of all of them.
    successes: u64,
}

impl Pool {
    /// All spare, in the order given, which is that of `"file"`. Direct routes share one address: our own.
    pub fn new(routes: &[Route]) -> Self {
        let members: Vec<Member> =
            (0..).zip(routes).map(|(place, route)| Member::new(route.clone(), ProxyId(place), place.into())).collect();
        Self {
            spares: (0..).take(members.len()).map(ProxyId).collect(),
            usable: (0..).take(members.len()).map(ProxyId).collect(),
            arrivals: members.len() as u64,
            members,
            order: SpareOrder::default(),
            is_stale: false,
            bindings: 0,
            generation: 0,
            cooling: BTreeSet::new(),
            successes: 0,
        }
    }

    /// Takes over what is known of a proxy from before, and until when it rests.
    pub fn recall(&mut self, id: ProxyId, health: Health, rests_until: Option<Timestamp>) {
        if let Some(member) = self.members.get_mut(id.0 as usize) {
            member.health = health;
        }
        if let Some(until) = rests_until {
            self.close(id, After::Cool(until));
            // It has not been found wanting in this process: that decides whether a pool never worked.
            if let Some(member) = self.members.get_mut(id.0 as usize) {
                member.has_rested = false;
            }
        }
    }

    /// All of them, in the order of the config.
    pub fn iter(&self) -> impl Iterator<Item = (ProxyId, &Member)> {
        (0u32..).map(ProxyId).zip(&self.members)
    }

    /// How many may be used: bound and not given up, or spare.
    pub fn usable(&self) -> usize {
        self.usable.len()
    }

    /// Those, in the order of the config.
    pub fn all_usable(&self) -> impl Iterator<Item = (ProxyId, &Member)> {
        self.usable.iter().filter_map(|&id| Some((id, self.get(id)?)))
    }

    /// Changes whenever some proxy becomes usable or stops being so.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// One of them.
    pub fn get(&self, id: ProxyId) -> Option<&Member> {
        self.members.get(id.0 as usize)
    }

    /// Its health, to be changed.
    pub fn health(&mut self, id: ProxyId) -> Option<&mut Health> {
        self.members.get_mut(id.0 as usize).map(|member| &mut member.health)
    }

    /// One of them brought an answer that is believed.
    pub fn succeeded(&mut self, id: ProxyId, limits: &config::Health) {
        self.successes += 1;
        if let Some(health) = self.health(id) {
            health.succeed(limits);
        }
    }

    /// Has anything come through any of them since this one was back from its last rest? If not, it may be others that fail.
    pub fn has_worked_since_it_rested(&self, id: ProxyId) -> bool {
        self.get(id).is_some_and(|member| member.back_after < Some(self.successes))
    }

    /// What it was used for, to be changed.
    pub fn usage(&mut self, id: ProxyId) -> Option<&mut Usage> {
        let member = self.members.get_mut(id.0 as usize)?;
        self.is_stale |= member.state == State::Spare;
        Some(&mut member.usage)
    }

    /// Gives a spare to a worker, under a new lease. `None` if it is not a spare.
    pub fn bind(&mut self, id: ProxyId, worker: WorkerId) -> Option<ProxyRef> {
        let place = self.spares.iter().position(|&spare| spare == id)?;
        self.spares.remove(place);
        self.bindings += 1;
        let member = self.members.get_mut(id.0 as usize)?;
        member.state = State::Bound(worker);
        member.epoch = member.epoch.next();
        Some(ProxyRef { id, epoch: member.epoch })
    }

    /// A fetch goes out under a lease.
    pub fn sent_out(&mut self, assignment: &Assignment) {
        if let Some(member) = self.current(assignment.proxy) {
            member.out.insert((assignment.task, assignment.turn));
        }
    }

    /// A fetch is back, with an outcome or without.
    pub fn came_back(&mut self, assignment: &Assignment, now: Timestamp) -> Option<Change> {
        let member = self.current(assignment.proxy)?;
        member.out.remove(&(assignment.task, assignment.turn));
        match member.state {
            State::Draining(worker, after) if member.out.is_empty() => {
                Some(self.settle(assignment.proxy, worker, after, now))
            }
            _ => None,
        }
    }

    /// A proxy is to rest or to be retired: a bound one once its worker has given it up, a spare at once. Where both are asked
    /// for, the harder one holds.
    pub fn close(&mut self, id: ProxyId, after: After) {
        if after == After::Spare {
            return;
        }
        let Some(member) = self.members.get_mut(id.0 as usize) else { return };
        let next = match member.state {
            State::Bound(worker) => State::Closing(worker, after),
            State::Closing(worker, earlier) => State::Closing(worker, earlier.or_harder(after)),
            State::Draining(worker, earlier) => State::Draining(worker, earlier.or_harder(after)),
            State::Spare => {
                self.spares.retain(|&spare| spare != id);
                after.at_once()
            }
            State::Cooling(until) => match after {
                After::Retire => State::Retired,
                After::Cool(other) => State::Cooling(until.max(other)),
                After::Spare => return,
            },
            State::Retired => State::Retired,
        };
        self.set(id, next);
    }

    /// Its budget for this run is used up.
    pub fn use_up(&mut self, id: ProxyId) {
        if let Some(member) = self.members.get_mut(id.0 as usize) {
            member.is_used_up = true;
        }
        self.close(id, After::Retire);
    }

    /// A worker's hands are off a proxy: for good reasons (`close` came before), or because it is rebound or dead.
    pub fn release(&mut self, proxy: ProxyRef, now: Timestamp) -> Option<Change> {
        let member = self.current(proxy)?;
        let (worker, after) = match member.state {
            State::Bound(worker) => (worker, After::Spare),
            State::Closing(worker, after) => (worker, after),
            State::Spare | State::Draining(..) | State::Cooling(_) | State::Retired => return None,
        };
        if member.out.is_empty() {
            Some(self.settle(proxy, worker, after, now))
        } else {
            self.set(proxy.id, State::Draining(worker, after));
            None
        }
    }

    /// Rests that are over by `now`.
    pub fn wake(&mut self, now: Timestamp) -> Vec<Change> {
        let mut rested = Vec::new();
        while let Some(&(until, id)) = self.cooling.first()
            && until <= now
        {
            self.set(id, State::Spare);
            self.enqueue(id);
            rested.push(Change::Rested(id));
        }
        rested
    }

    /// When the next rest is over.
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.cooling.first().map(|(until, _)| *until)
    }

    fn settle(&mut self, proxy: ProxyRef, worker: WorkerId, after: After, now: Timestamp) -> Change {
        let state = match after.at_once() {
            State::Cooling(until) if until <= now => State::Spare,
            state => state,
        };
        self.set(proxy.id, state);
        if state == State::Spare {
            self.enqueue(proxy.id);
        }
        Change::Released(worker, proxy)
    }

    fn set(&mut self, id: ProxyId, state: State) {
        let Some(member) = self.members.get_mut(id.0 as usize) else { return };
        let (before, earlier) = (member.usable(), member.state);
        member.state = state;
        if matches!(state, State::Cooling(_)) && !matches!(earlier, State::Cooling(_)) {
            member.has_rested = true;
            member.out_after = self.successes;
        }
        if let State::Cooling(until) = earlier {
            if !matches!(state, State::Cooling(_)) {
                member.rests += u64::from(self.successes > member.out_after);
                member.back_after = Some(self.successes);
            }
            self.cooling.remove(&(until, id));
        }
        if let State::Cooling(until) = state {
            self.cooling.insert((until, id));
        }
        if before != member.usable() {
            self.generation += 1;
            if before {
                self.usable.remove(&id)
            } else {
                self.usable.insert(id)
            };
        }
    }

    fn current(&mut self, proxy: ProxyRef) -> Option<&mut Member> {
        self.members.get_mut(proxy.id.0 as usize).filter(|member| member.epoch == proxy.epoch)
    }
}

#[cfg(test)]
mod tests;
