//! Suspects: pages on which a proxy failed, and nobody knows yet which of the two is to blame.
//!
//! Testimony comes in; out go rulings, and pages that wait for another proxy. What a ruling costs a proxy is `penalty.rs`.

use super::roster::Stirred;
use super::trial::{Jury, Ruling};
use super::{Desk, Held};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Then;
use crate::frontier::Fate;
use crate::proxy::ProxyId;
use crate::proxy::health::Standing;
use crate::task::TaskId;
use crate::verdict::{Reason, Verdict};

impl Desk {
    /// The page or the proxy: another proxy will tell.
    pub(super) fn testify(&mut self, id: TaskId, proxy: ProxyId, verdict: &Verdict, now: Timestamp) -> Then {
        let proxy = self.witness(proxy);
        let Some(held) = self.held.get_mut(&id) else { return Then::Stale };
        held.trial.testify(proxy, verdict.clone());
        let limits = self.limits.health;
        let standing = self.pool.health(proxy).map_or(Standing::Fit, |health| health.fail_silently(id, &limits));
        if let Some(reason) = verdict.reason() {
            self.blame(reason);
            self.mind(proxy, standing, reason, now);
        }
        match self.try_page(id, now) {
            Some(then) => then,
            None => {
                self.put_back(id);
                Then::Again
            }
        }
    }

    /// Rules on a suspect page, as far as it can be ruled on now. `None`: it waits for another proxy, or for its time.
    fn try_page(&mut self, id: TaskId, now: Timestamp) -> Option<Then> {
        let held = self.held.get(&id)?;
        let jury = self.jury(held);
        match held.trial.rule(self.limits.retry.witnesses, jury) {
            Ruling::Agreed(verdict) => {
                let fate = match verdict {
                    Verdict::Gone(_, reason) => Fate::Gone(reason),
                    other => Fate::Dead(other.reason().cloned().unwrap_or_else(|| Reason::new("unknown", "it failed"))),
                };
                Some(self.agreed(id, None, fate, now))
            }
            Ruling::Condemned(reason) => {
                self.acquit(id);
                Some(self.use_attempt(id, reason, now))
            }
            Ruling::Elsewhere => None,
            Ruling::Repeat => {
                let said = u32::try_from(held.tries.len()).unwrap_or(u32::MAX);
                let wait = self.backoff(said);
                let held = self.held.get_mut(&id)?;
                if !held.repeat {
                    held.repeat = true;
                    held.not_before = now + wait;
                }
                None
            }
        }
    }

    fn jury(&self, held: &Held) -> Jury {
        let usable = self.pool.usable();
        if self.pool.iter().any(|(proxy, member)| member.usable() && !held.trial.heard(proxy)) {
            Jury::Fresh
        } else if usable == 0 {
            Jury::Nobody
        } else if usable == 1 && held.trial.witnesses().len() == 1 {
            Jury::Single
        } else {
            Jury::Heard
        }
    }

    /// Rules again on suspects, if the proxies that could be asked have changed, or one has come back undecided.
    pub(super) fn review_suspects(&mut self, now: Timestamp) {
        let stirred = std::mem::replace(&mut self.suspects_stirred, Stirred::No);
        if stirred == Stirred::No && self.pool.generation() == self.seen_generation {
            return;
        }
        self.seen_generation = self.pool.generation();
        for id in self.window.suspects().collect::<Vec<_>>() {
            if self.try_page(id, now).is_some() {
                self.window.take(id);
            }
        }
        self.stirred = Stirred::Yes;
    }
}
