//! An outage: when one party, a host or our own line, is taken to be down, and when it is back.
//!
//! Pure. In come what works and what fails there, and who is at work; out go the turns that this takes. It holds what has failed since
//! the party last worked, and which proxies it works for. All parties together are `guard.rs`.

use std::time::Duration;

use super::inquiry::Inquiry;
use super::repute::{Count, Known, Repute};
use super::signs::{Failure, Sign};
use crate::clock::Timestamp;
use crate::proxy::ProxyId;

/// So often a proxy may fail somewhere before it waits until the question there is settled.
const PATIENT: usize = 2;
/// A probe waits for so many times the longest that an answer took lately …
const SLOWER: u32 = 4;
/// … and by so much longer each time that an outage has lasted for this: some sites come back slowly.
const STRETCH: Duration = Duration::from_secs(120);
/// What the longest lately is fades by so much with each answer.
const FADING: f64 = 0.98;

/// By what an outage is told from an accident.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    /// The share of the proxies that count that fail.
    pub(super) share: f64,
    /// So many failures in a row, probes among them.
    pub(super) failures: usize,
    /// So many trusted proxies at least, or several that are new.
    pub(super) fewest: usize,
    /// A proxy works there lately if it did no longer than that before the last answer.
    pub(super) lately: Duration,
    /// From one probe to the next.
    pub(super) probe: Duration,
}

/// What follows from a look at a party in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Nobody is there who could tell: failures are judged as they are.
    Judge,
    /// Probes are to tell, or who may ask it has changed.
    Doubt,
    /// It is down: what failed there since it last worked says nothing.
    Down,
}

/// What is so at the moment of a look.
pub(super) struct Picture<F> {
    /// Does a proxy of that repute count: is it at work, may it ask there, and if it is new, has it been at fault of late?
    pub(super) counts: F,
    /// Is nothing out there that could still tell?
    pub(super) is_quiet: bool,
    /// Is there a page to probe with?
    pub(super) can_probe: bool,
}

/// Whose failures tell, and how many of them have failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tellers {
    pub(super) count: Count,
    /// Are they several that work at whatever host, since too few are known there?
    pub(super) are_strangers: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    #[default]
    Well,
    /// In question; shut, if so many have failed that the rest need not.
    Doubted {
        next_probe: Timestamp,
        shut: bool,
    },
    Down {
        since: Timestamp,
        next_probe: Timestamp,
    },
}

/// One party, as it is known.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Proxies that it worked for.
    known: Known,
    worked_at: Timestamp,
    slowest: Duration,
    /// What has failed since it worked last, and who was asked.
    inquiry: Inquiry,
    standing: Standing,
    /// Were strangers the ones to tell when it was looked at last?
    is_for_strangers: bool,
    /// When its last return was noticed.
    back_at: Timestamp,
    /// How often it was down, each time soon after a return.
    outages: usize,
}

impl Watch {
    /// An answer of use came. Gives for how long it was down, if that is over.
    pub(super) fn worked(&mut self, sign: Sign, now: Timestamp) -> Option<Duration> {
        self.worked_at = self.worked_at.max(sign.sent);
        self.slowest = sign.took.max(self.slowest.mul_f64(FADING));
        if let Some((proxy, repute)) = sign.through {
            self.known.worked(proxy, repute, now);
        }
        match self.standing {
            // What was asked for before it went down may arrive later.
            Standing::Down { since, .. } if sign.sent < since => None,
            Standing::Down { since, .. } => {
                self.settle();
                self.back_at = now;
                Some(now.since(since))
            }
            Standing::Well | Standing::Doubted { .. } => {
                self.inquiry.forget_until(sign.sent);
                if self.inquiry.failures() == 0 {
                    self.settle();
                }
                None
            }
        }
    }

    /// Something came through a proxy there in an earlier process.
    pub(super) fn recall(&mut self, proxy: ProxyId, repute: Repute, now: Timestamp) {
        self.worked_at = now;
        self.known.recall(proxy, repute, now);
    }

    /// Something failed there.
    pub(super) fn failed(&mut self, failure: Failure) {
        if !self.is_down() {
            self.inquiry.failed(failure);
        }
    }

    /// What it has come to, if anything has changed.
    pub(super) fn look<F: Fn(ProxyId, Repute) -> bool>(
        &mut self,
        rules: &Rules,
        picture: &Picture<F>,
        tellers: Tellers,
        now: Timestamp,
    ) -> Option<Turn> {
        let oldest = self.inquiry.oldest()?;
        self.is_for_strangers = tellers.are_strangers;
        let are_enough = tellers.are_strangers || tellers.count.is_enough(rules.fewest);
        let most = tellers.count.have_failed(rules.share);
        // Where one proxy fails with every other request, probes would say for ever that it is down, and that it is back.
        let is_new = now.since(self.back_at) >= rules.lately;
        let before = if is_new { 0 } else { self.outages };
        let have_probed = self.inquiry.failed_probes() > before;
        match &mut self.standing {
            Standing::Down { .. } => None,
            Standing::Well | Standing::Doubted { .. } if !are_enough || !picture.can_probe => {
                self.settle();
                Some(Turn::Judge)
            }
            standing @ Standing::Well if most || picture.is_quiet || oldest + rules.probe <= now => {
                *standing = Standing::Doubted { next_probe: now, shut: most };
                Some(Turn::Doubt)
            }
            Standing::Well => None,
            Standing::Doubted { .. } if most && have_probed && self.inquiry.failures() >= rules.failures => {
                self.standing = Standing::Down { since: now, next_probe: now + rules.probe };
                self.outages = before + 1;
                self.inquiry.forget_failures();
                Some(Turn::Down)
            }
            Standing::Doubted { shut, .. } => (std::mem::replace(shut, most) != most).then_some(Turn::Doubt),
        }
    }

    /// Those that count and brought something here lately, and how many of them have failed at a place, this or another one.
    pub(super) fn known_lately(&self, rules: &Rules, counts: impl Fn(ProxyId, Repute) -> bool, at: &Self) -> Count {
        self.known.lately((self.worked_at, rules.lately), counts, |proxy| at.has_failed(proxy))
    }

    fn settle(&mut self) {
        self.standing = Standing::Well;
        self.inquiry.settle();
    }

    /// The proxies that it has worked for.
    pub(super) const fn known(&self) -> &Known {
        &self.known
    }

    /// The longest that an answer took lately, if any came.
    pub(super) fn slowest(&self) -> Option<Duration> {
        Some(self.slowest).filter(|slowest| !slowest.is_zero())
    }

    /// When it last worked.
    pub(super) const fn worked_at(&self) -> Timestamp {
        self.worked_at
    }

    /// Is it down, or was it when that was sent?
    pub(super) fn was_down_at(&self, sent: Timestamp) -> bool {
        self.is_down() || sent < self.back_at
    }

    /// Is nothing in question?
    pub(super) fn is_well(&self) -> bool {
        self.standing == Standing::Well && !self.has_failures()
    }

    /// Has anything failed there since it worked?
    pub(super) const fn has_failures(&self) -> bool {
        self.inquiry.failures() > 0
    }

    /// Does nobody get pages of it?
    pub(super) const fn is_shut(&self) -> bool {
        matches!(self.standing, Standing::Down { .. } | Standing::Doubted { shut: true, .. })
    }

    /// Is it down?
    pub(super) const fn is_down(&self) -> bool {
        self.down_since().is_some()
    }

    /// Since when it is down.
    pub(super) const fn down_since(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Down { since, .. } => Some(since),
            Standing::Well | Standing::Doubted { .. } => None,
        }
    }

    /// Has a proxy failed there since it worked?
    pub(super) fn has_failed(&self, proxy: ProxyId) -> bool {
        self.inquiry.has_failed(proxy)
    }

    /// So often that it is to wait?
    pub(super) fn holds(&self, proxy: ProxyId) -> bool {
        self.inquiry.fetches_failed(proxy) >= PATIENT
    }

    /// When the next probe is due.
    pub(super) const fn next_probe(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Well => None,
            Standing::Doubted { next_probe, .. } | Standing::Down { next_probe, .. } => Some(next_probe),
        }
    }

    /// When it is to be looked at again.
    pub(super) fn next_look(&self, probe: Duration) -> Option<Timestamp> {
        self.next_probe().or_else(|| self.inquiry.oldest().map(|at| at + probe))
    }

    /// A probe has gone out; the next one is due then.
    pub(super) fn probed(&mut self, proxy: ProxyId, next: Timestamp) {
        self.inquiry.asked(proxy);
        if let Standing::Doubted { next_probe, .. } | Standing::Down { next_probe, .. } = &mut self.standing {
            *next_probe = next;
        }
    }

    /// How well a proxy suits for a probe, the least number first, given how well it is known elsewhere. `None`: its failure would
    /// say nothing.
    pub(super) fn suits(
        &self,
        proxy: ProxyId,
        elsewhere: Option<Repute>,
        counts: impl Fn(Repute) -> bool,
    ) -> Option<u8> {
        let repute = self.known.repute(proxy).or(elsewhere.filter(|_| self.is_for_strangers));
        match repute.is_some_and(counts) {
            true => Some(self.inquiry.suits(proxy)),
            false => self.is_down().then_some(Inquiry::SUITS_LEAST),
        }
    }

    /// Is a spare to be asked next? Every other time: it may be only those at work that are turned away.
    pub(super) const fn asks_spares(&self) -> bool {
        self.is_down() && self.inquiry.probes().is_multiple_of(2)
    }

    /// At which probe a proxy was asked last, if it was.
    pub(super) fn asked(&self, proxy: ProxyId) -> Option<usize> {
        self.inquiry.asked_at(proxy)
    }

    /// How long a probe waits for its answer, `most` at most.
    pub(super) fn patience(&self, probe: Duration, most: Duration, now: Timestamp) -> Duration {
        if self.slowest.is_zero() {
            return most;
        }
        let least = (2 * probe).max(SLOWER * self.slowest);
        let down_for = self.down_since().map_or(Duration::ZERO, |since| now.since(since));
        least.mul_f64(1.0 + down_for.as_secs_f64() / STRETCH.as_secs_f64()).min(most)
    }
}
