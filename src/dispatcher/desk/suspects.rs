//! Suspects: pages on which a proxy failed, and nobody knows yet which of the two is to blame.
//!
//! Testimony comes in; out go rulings, as far as a page can be ruled on now. Who may be asked next is `jury.rs`, when to look again
//! `review.rs`, and what a ruling does to page and proxies `judgment.rs`.

use std::collections::BTreeSet;

use super::bench::{Bench, Venue};
use super::jury::{Call, Hope};
use super::panel::Panels;
use super::roster::Stirred;
use super::trial::{Stand, Testimony, Trial};
use super::waiting::Prospect;
use super::{Desk, Held};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Then;
use crate::frontier::Fate;
use crate::proxy::ProxyId;
use crate::task::TaskId;
use crate::verdict::{Reason, Verdict};

/// Who was convicted more often than it succeeded is no second voice.
const VOICE: f64 = 0.5;

/// What follows for a suspect page.
pub(super) enum Ruling {
    Agreed(Verdict),
    Condemned(Reason, f64),
    /// It waits for these.
    Waits(Hope),
}

impl Desk {
    /// The page or the proxy: others will tell.
    pub(super) fn testify(
        &mut self,
        id: TaskId,
        line: ProxyId,
        venue: Venue,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Then {
        let proxy = self.witness(line);
        let Some(reason) = verdict.reason().cloned() else { return Then::Stale };
        let times = self.trials.get(id).map_or(0, |trial| trial.times(proxy));
        let again_at = now + self.backoff(times + 1);
        let trusted = self.is_trusted(proxy, &venue);
        if !self.is_rotating() {
            self.docket.failed(proxy, &venue, id);
        }
        // An address of a rotating line has no other chance to prove itself: the record of the line speaks for it.
        let (verdict, entered) = (verdict.clone(), self.is_rotating());
        let testimony = Testimony { proxy, line, venue, verdict, trusted, entered, again_at };
        self.trials.open(id).testimonies.push(testimony);
        self.blame(&reason);
        if let Some(then) = self.suspect_recipe(id, proxy, &reason, now) {
            return then;
        }
        self.try_page(id, now).unwrap_or_else(|| {
            // What its own word has settled is no silence.
            self.silent(proxy, id, &reason, now);
            self.put_back(id);
            Then::Again
        })
    }

    /// Rules on a suspect page, as far as it can be ruled on now. `None`: it waits.
    fn try_page(&mut self, id: TaskId, now: Timestamp) -> Option<Then> {
        let ruling = self.ruling(id, &mut Panels::of(self, now))?;
        self.carry_out(id, ruling, now)
    }

    /// Does what was ruled on a page. `None`: it waits.
    pub(super) fn carry_out(&mut self, id: TaskId, ruling: Ruling, now: Timestamp) -> Option<Then> {
        match ruling {
            Ruling::Agreed(verdict) => {
                let fate = match verdict {
                    Verdict::Gone(_, reason) => Fate::Gone(reason),
                    other => Fate::Dead(other.reason().cloned().unwrap_or_else(|| Reason::new("unknown", "it failed"))),
                };
                Some(self.agreed(id, None, fate, now))
            }
            Ruling::Condemned(reason, odds) => Some(self.condemn(id, reason, odds, now)),
            Ruling::Waits(hope) => {
                self.wait_for(id, hope, now);
                None
            }
        }
    }

    fn wait_for(&mut self, id: TaskId, Hope { call, proxy, is_spare }: Hope, now: Timestamp) {
        let Some(venue) = self.held.get(&id).map(|held| Venue::of(&held.task)) else { return };
        let is_poor = !matches!(call, Call::Nobody | Call::Trusted) || proxy.is_none();
        self.waiting.set(id, proxy, if is_poor { Prospect::Poor } else { Prospect::Good });
        match (proxy, is_spare) {
            (Some(spare), true) => _ = self.wanted.insert(id, spare),
            _ => _ = self.wanted.remove(&id),
        }
        let may_wait = matches!(call, Call::Anybody | Call::Again) && proxy.is_none();
        let is_news = match call {
            Call::Nobody | Call::Debtors => self.window.call_off(id),
            Call::Trusted | Call::Unproven | Call::Anybody | Call::Again => self.window.call(id, venue, call),
        };
        if is_news {
            self.stirred = Stirred::Yes;
        }
        if let Some(at) = may_wait.then(|| self.next_chance(id, now)).flatten() {
            self.review_again(at);
        }
    }

    /// How its trial stands, by what is known of the witnesses where they are judged.
    fn stand(&self, held: &Held, trial: &Trial) -> Stand {
        let prior = self.prior_of(held, trial);
        let known = |testimony: &Testimony| self.docket.reliability(testimony.line, &self.seat(&testimony.venue));
        let alone = self.pool.usable() == 1;
        trial.stand(prior, |told| known(told).weight(), |told| known(told).share() >= VOICE, alone)
    }

    /// The log-odds that a page is at fault where it failed last, before anything was said.
    fn prior_of(&self, held: &Held, trial: &Trial) -> f64 {
        let venue = trial.testimonies.last().map_or_else(|| Venue::of(&held.task), |last| last.venue.clone());
        self.docket.bench(&venue).map_or_else(|| Bench::default().prior(), Bench::prior)
    }

    /// Is there nothing to prove oneself by where the page is, and has everybody failed on it, as many as are asked for so often as
    /// a single one would have to? If none of them ever worked, it is they who are at fault, unless all brought the site's word for it
    /// that it is the site.
    fn is_asked_out(&self, held: &Held, trial: &Trial) -> bool {
        let seat = self.seat(&Venue::of(&held.task));
        let by_something =
            self.window.best_at(&seat).is_some() || self.docket.bench(&seat).is_some_and(Bench::has_control);
        let one_worked = || self.pool.all_usable().any(|(_, member)| member.health.ever_worked());
        let site_fails = || trial.testimonies.iter().all(|told| matches!(told.verdict, Verdict::Failing(..)));
        if by_something || !(one_worked() || site_fails()) {
            return false;
        }
        let needed = usize::try_from(self.limits.retry.witnesses.max(1)).unwrap_or(usize::MAX);
        let jury = self.pool.usable().min(needed);
        jury > 0 && trial.testimonies.len() >= needed.saturating_mul(jury)
    }

    /// What follows for a suspect page, as far as it can be ruled on now.
    pub(super) fn ruling(&self, id: TaskId, panels: &mut Panels<'_>) -> Option<Ruling> {
        let (held, trial) = (self.held.get(&id)?, self.trials.get(id)?);
        let needed = if trial.condemned_at.is_some() { 1 } else { self.limits.retry.witnesses.max(1) };
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        let (heard, certain) = match self.stand(held, trial) {
            Stand::Agreed(verdict) => return Some(Ruling::Agreed(verdict)),
            _ if self.is_said_of_robots(held, trial) => {
                return Some(Ruling::Condemned(trial.last_reason(), self.prior_of(held, trial)));
            }
            Stand::Certain { witnesses, odds } if witnesses >= needed => {
                return Some(Ruling::Condemned(trial.last_reason(), odds));
            }
            Stand::Certain { witnesses, odds } => (witnesses, Some(odds)),
            Stand::Open { witnesses } => (witnesses, None),
        };
        let proving = trial.pending().filter(|testimony| self.is_proving(testimony));
        let proving: BTreeSet<ProxyId> = proving.map(|testimony| testimony.proxy).collect();
        if proving.len() >= needed.saturating_sub(heard).max(1) {
            return Some(Ruling::Waits(self.first(proving.into_iter())));
        }
        let hope = panels.at(&Venue::of(&held.task)).hope(trial);
        match (&hope.call, certain) {
            // As many as exist have been heard.
            (Call::Again, Some(odds)) => Some(Ruling::Condemned(trial.last_reason(), odds)),
            // Nobody can show that it works, and asking on tells no more: no evidence is gained, but an attempt is used.
            (Call::Again, None) if self.is_asked_out(held, trial) => {
                Some(Ruling::Condemned(trial.last_reason(), self.prior_of(held, trial)))
            }
            _ => Some(Ruling::Waits(hope)),
        }
    }
}
