//! The listing: what becomes of the pool when the proxies are read again.
//!
//! Pure. In come the proxies that are there now; out go which are new or back, which are gone, and which have another password.
//! Whoever holds one of the latter two has to give it up first.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{After, Member, Pool, State};
use crate::clock::Timestamp;
use crate::proxy::line::{Identity, long_label};
use crate::proxy::{Endpoint, ProxyId, Route};

/// What has changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relisted {
    /// New ones, and those that were there before and are back.
    pub added: Vec<ProxyId>,
    /// Those that are not there any more.
    pub removed: Vec<ProxyId>,
    /// Those with another password.
    pub changed: Vec<ProxyId>,
}

impl Pool {
    /// How many are in the list now.
    pub fn listed(&self) -> usize {
        self.members.iter().filter(|member| member.is_listed()).count()
    }

    /// Takes in the proxies that are there now, each once.
    pub fn relist(&mut self, endpoints: Vec<Endpoint>, now: Timestamp) -> Relisted {
        let known: HashMap<Identity, ProxyId> =
            self.iter().filter_map(|(id, member)| Some((endpoint(member)?.identity(), id))).collect();
        let mut labels: HashSet<Arc<str>> = self.members.iter().map(|member| Arc::clone(&member.label)).collect();
        let (mut relisted, mut seen) = (Relisted::default(), HashSet::new());
        for (place, mut endpoint) in (0..).zip(endpoints) {
            if let Some(&id) = known.get(&endpoint.identity()) {
                seen.insert(id);
                self.keep(id, place, endpoint, now, &mut relisted);
                continue;
            }
            if labels.contains(&endpoint.label) {
                endpoint.label = long_label(&endpoint).into();
            }
            labels.insert(Arc::clone(&endpoint.label));
            relisted.added.push(self.add(endpoint, place));
        }
        let gone = known.values().filter(|id| !seen.contains(id) && self.get(**id).is_some_and(Member::is_listed));
        relisted.removed = gone.copied().collect();
        relisted.removed.sort_unstable();
        for &id in &relisted.removed {
            self.remove(id);
        }
        self.is_stale = true;
        relisted
    }

    fn add(&mut self, endpoint: Endpoint, place: u64) -> ProxyId {
        let id = ProxyId(u32::try_from(self.members.len()).unwrap_or(u32::MAX));
        self.members.push(Member::new(Route::Proxy(endpoint), id, place));
        self.usable.insert(id);
        self.generation += 1;
        self.enqueue(id);
        id
    }

    /// One that was known before.
    fn keep(&mut self, id: ProxyId, place: u64, mut new: Endpoint, now: Timestamp, relisted: &mut Relisted) {
        let Some(member) = self.members.get_mut(id.0 as usize) else { return };
        member.place = place;
        new.label = Arc::clone(&member.label);
        let is_changed = endpoint(member).is_some_and(|old| old.credentials != new.credentials);
        if is_changed {
            member.route = Arc::new(Route::Proxy(new));
        }
        let back = member.unlisted.take();
        match back {
            Some(_) => relisted.added.push(id),
            None if is_changed => relisted.changed.push(id),
            None => {}
        }
        let after = match back {
            _ if member.is_used_up => After::Retire,
            // Another password may be what it lacked.
            Some(After::Retire) | None if is_changed => After::Spare,
            Some(after) => after,
            None => return,
        };
        self.revive(id, after, now);
    }

    /// What is out, or is to be, is to come back as `after`. One in a worker's hands is given up in any case.
    fn revive(&mut self, id: ProxyId, after: After, now: Timestamp) {
        let Some(member) = self.get(id) else { return };
        let next = match member.state {
            State::Bound(worker) => State::Closing(worker, after),
            State::Closing(worker, After::Retire) => State::Closing(worker, after),
            State::Draining(worker, After::Retire) => State::Draining(worker, after),
            State::Retired => match after.at_once() {
                State::Cooling(until) if until <= now => State::Spare,
                state => state,
            },
            State::Closing(..) | State::Draining(..) | State::Spare | State::Cooling(_) => return,
        };
        self.set(id, next);
        if next == State::Spare {
            self.enqueue(id);
        }
    }

    /// It is not in the list any more: out, but for what it is to come back as.
    fn remove(&mut self, id: ProxyId) {
        let Some(member) = self.members.get_mut(id.0 as usize) else { return };
        member.unlisted = Some(match member.state {
            State::Bound(_) | State::Spare => After::Spare,
            State::Closing(_, after) | State::Draining(_, after) => after,
            State::Cooling(until) => After::Cool(until),
            State::Retired => After::Retire,
        });
        self.close(id, After::Retire);
    }
}

fn endpoint(member: &Member) -> Option<&Endpoint> {
    match &*member.route {
        Route::Proxy(endpoint) => Some(endpoint),
        Route::Direct => None,
    }
}

#[cfg(test)]
mod tests;
