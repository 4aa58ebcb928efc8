//! The jury: who may try a suspect page next.
//!
//! Pure. In come a page's trial and what is known of the proxies; out goes who is called: trusted proxies first, for a second
//! opinion is worth little from one that is suspect itself, and anybody only where nothing else can settle it. Somebody is always
//! called, or on the way to be: a page never waits for nothing.

use super::bench::{Bench, Venue};
use super::trial::{Testimony, Trial};
use super::{Desk, Held};
use crate::clock::Timestamp;
use crate::pace::Permit;
use crate::proxy::ProxyId;
use crate::proxy::pool::{Member, State};
use crate::task::TaskId;

/// Who may try a suspect page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Call {
    /// Nobody: enough words are on their way.
    Nobody,
    /// Nobody, until somebody who owes testimony has shown that it works, or is there at all.
    Debtors,
    /// Those that are reliable at its seat, owe nothing and have not failed on it.
    Trusted,
    /// Those that owe nothing and have not failed on it.
    Unproven,
    /// Those that have not failed on it.
    Anybody,
    /// All have failed on it: those that did, once their time has come.
    Again,
}

/// Who may try a page next.
pub(super) struct Hope {
    pub(super) call: Call,
    /// One of them, or one that has to prove itself first: the first one that is in a worker's hands, else a spare.
    pub(super) proxy: Option<ProxyId>,
    /// It has to be brought in.
    pub(super) is_spare: bool,
}

impl Hope {
    /// It names nobody.
    pub(super) const fn none(call: Call) -> Self {
        Self { call, proxy: None, is_spare: false }
    }
}

/// What a proxy's word is worth at one venue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice {
    trusted: bool,
    free: bool,
}

impl Voice {
    /// Is such a proxy meant?
    pub(super) const fn answers(self, call: Call) -> bool {
        match call {
            Call::Nobody | Call::Debtors => false,
            Call::Trusted => self.trusted,
            Call::Unproven => self.free,
            Call::Anybody | Call::Again => true,
        }
    }
}

/// Those who could be asked about one page.
pub(super) struct Jury<'a> {
    desk: &'a Desk,
    held: &'a Held,
    trial: &'a Trial,
    venue: Venue,
    seat: Venue,
    now: Timestamp,
}

impl<'a> Jury<'a> {
    /// Those of a page.
    pub(super) fn of(desk: &'a Desk, held: &'a Held, trial: &'a Trial, now: Timestamp) -> Self {
        let venue = Venue::of(&held.task);
        Self { desk, held, trial, seat: desk.seat(&venue), venue, now }
    }

    /// Who is to be asked next.
    pub(super) fn hope(&self) -> Hope {
        let all = || self.desk.pool.iter().map(|(proxy, _)| proxy);
        let bench = self.desk.docket.bench(&self.seat);
        let trusted = bench.into_iter().flat_map(Bench::trusted);
        let may_be_asked = |proxy, member: &Member| self.is_fresh(proxy) && !self.is_paused(member);
        let owes_nothing = |proxy, member: &Member| may_be_asked(proxy, member) && self.owes_nothing(proxy);
        let due = |proxy, member: &Member| {
            !self.is_paused(member) && self.trial.again_at(proxy).is_some_and(|at| at <= self.now)
        };
        self.call(Call::Trusted, trusted, owes_nothing)
            .or_else(|| self.call(Call::Unproven, all(), owes_nothing))
            .or_else(|| self.call(Call::Debtors, self.desk.docket.debtors(), |proxy, _| self.will_prove(proxy)))
            .or_else(|| self.call(Call::Anybody, all(), may_be_asked))
            // Those that leave the host alone now will not do so for ever.
            .or_else(|| {
                self.call(Call::Anybody, all(), |proxy, _| self.is_fresh(proxy)).map(|_| Hope::none(Call::Anybody))
            })
            .or_else(|| (self.desk.pool.usable() == 0).then_some(Hope::none(Call::Debtors)))
            .or_else(|| self.call(Call::Again, all(), due))
            .unwrap_or(Hope::none(Call::Again))
    }

    fn call(
        &self,
        call: Call,
        proxies: impl Iterator<Item = ProxyId>,
        fit: impl Fn(ProxyId, &Member) -> bool,
    ) -> Option<Hope> {
        self.desk.first(proxies, fit).map(|hope| Hope { call, ..hope })
    }

    /// Has it not failed on the page?
    fn is_fresh(&self, proxy: ProxyId) -> bool {
        !self.trial.heard(proxy)
    }

    fn is_paused(&self, member: &Member) -> bool {
        matches!(self.desk.pace.permit(member.address, &self.held.task.host, self.now), Permit::Paused(_))
    }

    fn owes_nothing(&self, proxy: ProxyId) -> bool {
        self.desk.owes_nothing(proxy, &self.venue, &self.seat)
    }

    /// Does its word about the page wait, or could it still be asked, and can it prove itself?
    fn will_prove(&self, proxy: ProxyId) -> bool {
        let concerned = self.is_fresh(proxy) || self.trial.pending().any(|testimony| testimony.proxy == proxy);
        concerned && self.desk.docket.debts(proxy).any(|debt| self.desk.can_prove(proxy, debt))
    }
}

impl Desk {
    /// Is its word believed at once, at this venue?
    pub(super) fn is_trusted(&self, proxy: ProxyId, venue: &Venue) -> bool {
        let seat = self.seat(venue);
        self.docket.trusts(proxy, &seat) && !self.docket.owes_at(proxy, venue)
    }

    /// Where proxies are judged for pages of a venue.
    pub(super) fn seat(&self, venue: &Venue) -> Venue {
        self.docket.seat(venue, self.window.best_at(venue).is_some())
    }

    fn owes_nothing(&self, proxy: ProxyId, venue: &Venue, seat: &Venue) -> bool {
        !self.docket.owes_at(proxy, seat) && !self.docket.owes_at(proxy, venue)
    }

    /// When a spare may try a page, for which none may now.
    pub(super) fn next_chance(&self, id: TaskId, now: Timestamp) -> Option<Timestamp> {
        let (held, trial) = (self.held.get(&id)?, self.trials.get(id)?);
        let chance = |(spare, member): (ProxyId, &Member)| {
            let pause = match self.pace.permit(member.address, &held.task.host, now) {
                Permit::Now => now,
                Permit::Wait(at) | Permit::Paused(at) => at,
            };
            pause.max(trial.again_at(spare).unwrap_or(now))
        };
        self.pool.spares().map(chance).filter(|&at| at > now).min()
    }

    /// The first of these that is usable and fit, if one in a worker's hands, else the first spare. Nobody is called.
    pub(super) fn first(
        &self,
        proxies: impl Iterator<Item = ProxyId>,
        fit: impl Fn(ProxyId, &Member) -> bool,
    ) -> Option<Hope> {
        let mut spare = None;
        for proxy in proxies {
            let Some(member) = self.pool.get(proxy).filter(|member| member.usable()) else { continue };
            let is_spare = member.state() == State::Spare;
            if (is_spare && spare.is_some()) || !fit(proxy, member) {
                continue;
            }
            if !is_spare {
                return Some(Hope { call: Call::Nobody, proxy: Some(proxy), is_spare: false });
            }
            spare = Some(proxy);
        }
        spare.map(|spare| Hope { call: Call::Nobody, proxy: Some(spare), is_spare: true })
    }

    /// May the proxy of a testimony be used, and is it on its way to succeed or to fail again, or can be sent on it?
    pub(super) fn is_proving(&self, testimony: &Testimony) -> bool {
        let Some(member) = self.pool.get(testimony.proxy) else { return false };
        let Testimony { proxy, venue, .. } = testimony;
        member.usable() && (self.can_prove(*proxy, venue) || (member.is_busy() && !self.is_refuted(*proxy, venue)))
    }

    /// Has it failed on a control, or does it owe nothing, so that nothing is to be expected of it?
    fn is_refuted(&self, proxy: ProxyId, debt: &Venue) -> bool {
        self.docket.witness(proxy, debt).is_none_or(|witness| witness.refuted)
    }

    /// Is there something by which it can show that it was not at fault there? One that has failed to do so goes on trying, but
    /// nobody waits for it.
    fn can_prove(&self, proxy: ProxyId, debt: &Venue) -> bool {
        if self.is_refuted(proxy, debt) {
            return false;
        }
        let seat = self.seat(debt);
        self.window.best_at(&seat).is_some() || self.docket.bench(&seat).is_some_and(Bench::has_control)
    }

    /// What a proxy's word is worth for pages of a venue.
    pub(super) fn voice(&self, proxy: ProxyId, venue: &Venue) -> Voice {
        let seat = self.seat(venue);
        let free = self.owes_nothing(proxy, venue, &seat);
        Voice { trusted: free && self.docket.trusts(proxy, &seat), free }
    }
}
