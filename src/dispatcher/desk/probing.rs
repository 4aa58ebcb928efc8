//! Probing: how the return of a host, or of our own line, is found.
//!
//! In come parties that are in question or down; out go controls with a short time-out, one in `outage.probe`, through whichever idle
//! proxy says most. Pace holds for them as for pages. What their answers come to is `outage.rs`.

use super::Desk;
use super::bench::Venue;
use super::court::Ended;
use super::docket::Docket;
use super::guard::Urgency;
use super::party::Party;
use super::proof::Errand;
use super::repute::Repute;
use super::roster::{Hands, Stirred};
use super::signs::{Failure, FailureOf, Sign};
use super::suspense::{came_by_line, perhaps_down};
use crate::clock::Timestamp;
use crate::pace::{Pace, Permit};
use crate::protocol::{Meters, ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::proxy::pool::Pool;
use crate::task::TaskId;
use crate::verdict::Verdict;

/// A probe that is back.
pub(super) struct Probed<'a> {
    pub(super) party: &'a Party,
    pub(super) seat: &'a Venue,
    pub(super) page: TaskId,
}

/// A new proxy of a score below that has not been at fault of late: a fault adds 1, and two successes outweigh it.
pub(super) const BLAMELESS: f64 = 0.5;

/// Does it tell whether a party is down, that a proxy fails there: is it at work, may it ask there, and if it is new, has it not been
/// at fault of late?
pub(super) fn counts(
    pool: &Pool,
    pace: &Pace,
    party: &Party,
    (proxy, repute): (ProxyId, Repute),
    now: Timestamp,
) -> bool {
    pool.get(proxy).is_some_and(|member| {
        let is_paused = || match party {
            Party::Line => false,
            Party::Host(host) => matches!(pace.own_permit(member.address, host, now), Permit::Paused(_)),
        };
        let is_at_fault = repute == Repute::New && member.health.score() >= BLAMELESS;
        member.is_in_hands() && !is_at_fault && !is_paused()
    })
}

impl Docket {
    /// Is there a page to probe with?
    pub(super) fn can_probe(&self, party: &Party) -> bool {
        self.probe_seat(party).is_some()
    }

    /// Where a page was done that a party can be probed with.
    fn probe_seat(&self, party: &Party) -> Option<&Venue> {
        match party {
            Party::Line => self.controlled().next(),
            Party::Host(host) => self.controlled_at(host),
        }
    }
}

impl Desk {
    /// Sends the probes that are due, as far as somebody is idle.
    pub(super) fn send_probes(&mut self, urgency: Urgency, now: Timestamp) {
        self.suspense.probe_at = None;
        if self.guard.is_quiet() || self.is_held_up() {
            return;
        }
        for party in self.guard.due(urgency, now) {
            let Some(seat) = self.docket.probe_seat(&party).cloned() else { continue };
            let spare = self.spare_prober(&party, &seat, now);
            let Some((worker, proxy)) = spare.or_else(|| self.prober(&party, &seat, now)) else { continue };
            let patience = self.guard.patience(&party, self.limits.drain, now);
            self.guard.probed(&party, proxy.id, now);
            self.send_control(worker, proxy, seat, Errand::Probe { party, patience }, now);
        }
    }

    /// An idle worker that gets a spare for it, the one that was asked longest ago: a host may turn away those at work, one by one,
    /// for what they have asked for, and let in others. It is the same worker each time, if that can be: its own proxy suits least.
    fn spare_prober(&mut self, party: &Party, seat: &Venue, now: Timestamp) -> Option<(WorkerId, ProxyRef)> {
        let watch = self.guard.watch_of(party).filter(|watch| watch.asks_spares())?;
        let may_ask = |proxy: ProxyId| {
            let address = self.pool.get(proxy).map(|member| member.address);
            address.is_some_and(|address| self.pace.permit(address, &seat.host, now) == Permit::Now)
        };
        let spares = self.pool.spares().map(|(spare, _)| spare).filter(|spare| may_ask(*spare));
        let spare = spares.min_by_key(|spare| watch.asked(*spare))?;
        let idle = self.roster.idle(now, Stirred::Yes);
        let (worker, old) = idle.into_iter().max_by_key(|(_, proxy)| watch.suits(proxy.id, None, |_| true))?;
        self.release(old, now);
        self.bind(worker, spare);
        match self.roster.get(worker) {
            Some(Hands::Holding(grip)) => Some((worker, grip.proxy)),
            _ => None,
        }
    }

    /// The idle worker whose proxy suits best.
    fn prober(&mut self, party: &Party, seat: &Venue, now: Timestamp) -> Option<(WorkerId, ProxyRef)> {
        let (mut best, mut later): (Option<(u8, WorkerId, ProxyRef)>, Option<Timestamp>) = (None, None);
        for (worker, proxy) in self.roster.idle(now, Stirred::Yes) {
            let Some(address) = self.pool.get(proxy.id).map(|member| member.address) else { continue };
            let tells = |repute| counts(&self.pool, &self.pace, party, (proxy.id, repute), now);
            let Some(suits) = self.guard.suits(party, proxy.id, tells) else { continue };
            match self.pace.permit(address, &seat.host, now) {
                Permit::Now if best.is_none_or(|(other, ..)| suits < other) => best = Some((suits, worker, proxy)),
                Permit::Now => {}
                Permit::Wait(at) | Permit::Paused(at) | Permit::Shut(at) => {
                    later = Some(later.map_or(at, |other| other.min(at)));
                }
            }
        }
        if best.is_none() {
            self.suspense.probe_at = [self.suspense.probe_at, later].into_iter().flatten().min();
        }
        best.map(|(_, worker, proxy)| (worker, proxy))
    }

    /// A probe is back. Its proxy is not charged for it: it had less time than others.
    pub(super) fn weigh_probe(
        &mut self,
        probed: &Probed<'_>,
        ended: &Ended,
        verdict: &Verdict,
        meters: &Meters,
        now: Timestamp,
    ) {
        let proxy = ended.proxy;
        let sign = Sign {
            sent: meters.sent.last().map_or(now, |(_, at)| *at),
            through: None,
            took: meters.connect + meters.head + meters.receive,
        };
        match (verdict, probed.party) {
            (Verdict::Done, _) => {
                self.worked(proxy);
                self.succeeded(ended);
            }
            (Verdict::ProxyBroken(_), Party::Host(_)) => self.came_late(proxy, verdict, now),
            (Verdict::ProxyBroken(_), Party::Line) => {
                self.guard.failed(probed.party, Failure { at: now, proxy, is_of: FailureOf::Probe })
            }
            // That the proxy was reached has been heard; a probe that ran out of time has not shown it.
            (_, Party::Line) => {
                if !came_by_line(verdict) {
                    self.guard.failed(probed.party, Failure { at: now, proxy, is_of: FailureOf::Probe });
                }
            }
            (_, Party::Host(_)) if perhaps_down(verdict, &ended.last.host).as_ref() == Some(probed.party) => {
                self.guard.failed(probed.party, Failure { at: now, proxy, is_of: FailureOf::Probe });
            }
            (Verdict::Gone(..) | Verdict::Rejected(..) | Verdict::Excluded(..), Party::Host(_)) => {
                self.docket.forget_control(probed.seat, probed.page);
                self.party_worked(probed.party, sign, now);
            }
            (Verdict::Panicked(_), Party::Host(_)) => self.docket.forget_control(probed.seat, probed.page),
            // Whatever else it says, it answers.
            (_, Party::Host(_)) => self.party_worked(probed.party, sign, now),
        }
    }
}
