//! Reviews: which suspects are to be looked at again after an event, and that only those are.
//!
//! In comes what has changed since the last time: proxies that may be asked or no longer, words that count, fresh pages that have
//! run out. Out go rulings on the pages that are concerned, on some at a time, so that an event costs little however many wait.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Desk;
use super::bench::{Bench, Venue};
use super::docket::Change;
use super::panel::Panels;
use super::roster::Stirred;
use super::suspects::Ruling;
use crate::clock::Timestamp;
use crate::proxy::ProxyId;
use crate::task::TaskId;

/// So many suspects are looked at again at once: a settlement must not take long.
const AT_A_TIME: usize = 32;

/// And so many of those that wait for anybody better.
const POOR_AT_A_TIME: usize = 16;

impl Desk {
    /// Is there a suspect to be looked at again?
    pub(super) fn has_doubts(&self) -> bool {
        let waiting = self.window.suspects_waiting() > 0 && !(self.doubts.is_empty() && self.moved.is_empty());
        waiting || self.docket.has_changed() || self.window.has_turned()
    }

    /// Suspects are to be looked at again then, whatever happens.
    pub(super) fn review_again(&mut self, at: Timestamp) {
        self.review_at = Some(self.review_at.map_or(at, |other| other.min(at)));
    }

    /// Rules again on suspects for which something has changed, on some at a time.
    pub(super) fn review_suspects(&mut self, now: Timestamp) {
        self.raise_doubts(now);
        let mut left = AT_A_TIME;
        while left > 0 && !self.doubts.is_empty() {
            let rulings = self.rulings(left, now);
            left -= rulings.len();
            for (id, ruling) in rulings {
                self.doubts.remove(&id);
                self.carry_out_on_suspect(id, ruling, now);
            }
        }
    }

    /// Rulings on the first suspects in doubt, so many at most, up to one that is more than to wait: that may change all others.
    fn rulings(&self, most: usize, now: Timestamp) -> Vec<(TaskId, Option<Ruling>)> {
        let mut panels = Panels::of(self, now);
        let mut rulings = Vec::new();
        for &id in self.doubts.iter().take(most) {
            let ruling = if self.window.is_suspect(id) { self.ruling(id, &mut panels) } else { None };
            let is_last = ruling.as_ref().is_some_and(|ruling| !matches!(ruling, Ruling::Waits(_)));
            rulings.push((id, ruling));
            if is_last {
                break;
            }
        }
        rulings
    }

    fn carry_out_on_suspect(&mut self, id: TaskId, ruling: Option<Ruling>, now: Timestamp) {
        let task = self.held.get(&id).filter(|_| self.window.is_suspect(id)).map(|held| Arc::clone(&held.task));
        let Some(task) = task else { return self.waiting.forget(id) };
        if let Some(then) = ruling.and_then(|ruling| self.carry_out(id, ruling, now)) {
            self.window.take(id);
            self.wanted.remove(&id);
            self.waiting.forget(id);
            self.decided(task, then);
        }
    }

    /// Finds the suspects for which something has changed.
    fn raise_doubts(&mut self, now: Timestamp) {
        let due = self.review_at.is_some_and(|at| at <= now);
        self.review_at = self.review_at.filter(|&at| at > now);
        let changes = self.docket.changes();
        let (opened, turned) = (self.docket.has_opened(), self.window.turned());
        let moved = std::mem::take(&mut self.moved);
        if opened || !changes.is_empty() || !turned.is_empty() {
            self.stirred = Stirred::Yes;
        }
        let unproven = |venue: &Venue| !self.docket.bench(venue).is_some_and(Bench::has_control);
        let everything = opened || self.pool.generation() != self.seen_generation || turned.iter().any(unproven);
        self.seen_generation = self.pool.generation();
        if self.window.suspects_waiting() == 0 {
            self.doubts.clear();
        } else if everything {
            self.doubts.extend(self.window.suspects());
        } else {
            let gains = due || changes.iter().any(|(_, change)| *change == Change::Gain);
            let concerned = changes.into_iter().map(|(proxy, _)| proxy).chain(moved).collect();
            self.doubt_some(gains, &concerned);
        }
    }

    /// Doubts those that wait for one of these proxies, or for its word; if there is something to gain, also some of those that
    /// any proxy may be better for: it can take but one.
    fn doubt_some(&mut self, gains: bool, concerned: &BTreeSet<ProxyId>) {
        for &proxy in concerned {
            self.doubts.extend(self.waiting.on(proxy));
            for witness in self.docket.debts(proxy).filter_map(|debt| self.docket.witness(proxy, debt)) {
                self.doubts.extend(&witness.owes);
            }
        }
        if gains {
            self.doubts.extend(self.waiting.some_poor(POOR_AT_A_TIME));
        }
        if self.out() == 0 && (gains || !concerned.is_empty()) {
            // Nothing else will stir them.
            self.doubts.extend(self.waiting.some_poor(usize::MAX));
        }
    }
}
