//! The jury: who may try a suspect page next.
//!
//! Pure. In come a page's trial and what is known of the proxies; out goes who is called: trusted proxies first, for a second
//! opinion is worth little from one that is suspect itself, and anybody only where nothing else can settle it. Somebody is always
//! called, or on the way to be: a page never waits for nothing.

use super::Desk;
use super::bench::{Bench, Venue};
use super::panel::{Bank, Juror, Panel};
use super::trial::{Testimony, Trial};
use crate::clock::Timestamp;
use crate::pace::Permit;
use crate::proxy::ProxyId;
use crate::proxy::pool::Member;
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

    const fn of(call: Call, Juror { proxy, is_spare }: Juror) -> Self {
        Self { call, proxy: Some(proxy), is_spare }
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

impl Panel<'_> {
    /// Who is to be asked next about a page against which this was said.
    pub(super) fn hope(&mut self, trial: &Trial) -> Hope {
        let now = self.now;
        let is_fresh = |proxy| !trial.heard(proxy);
        // Its word about the page waits, or it could still be asked.
        let is_concerned = |proxy| is_fresh(proxy) || trial.pending().any(|testimony| testimony.proxy == proxy);
        let is_due = |proxy| trial.again_at(proxy).is_some_and(|at| at <= now);
        self.call(Call::Trusted, Bank::Trusted, is_fresh)
            .or_else(|| self.call(Call::Unproven, Bank::Unproven, is_fresh))
            .or_else(|| self.call(Call::Debtors, Bank::Debtors, is_concerned))
            .or_else(|| self.call(Call::Anybody, Bank::Unpaused, is_fresh))
            // Those that leave the host alone now will not do so for ever.
            .or_else(|| self.find(Bank::Usable, is_fresh).map(|_| Hope::none(Call::Anybody)))
            .or_else(|| self.is_empty().then_some(Hope::none(Call::Debtors)))
            .or_else(|| self.call(Call::Again, Bank::Unpaused, is_due))
            .unwrap_or(Hope::none(Call::Again))
    }

    fn call(&mut self, call: Call, bank: Bank, fits: impl Fn(ProxyId) -> bool) -> Option<Hope> {
        self.find(bank, fits).map(|juror| Hope::of(call, juror))
    }
}

impl Desk {
    /// Is its word believed at once, at this venue? Of a rotating line it is another one's each time.
    pub(super) fn is_trusted(&self, proxy: ProxyId, venue: &Venue) -> bool {
        if self.is_rotating() {
            return false;
        }
        let seat = self.seat(venue);
        self.docket.trusts(proxy, &seat) && !self.docket.owes_at(proxy, venue)
    }

    /// Where proxies are judged for pages of a venue.
    pub(super) fn seat(&self, venue: &Venue) -> Venue {
        self.docket.seat(venue, self.window.best_at(venue).is_some())
    }

    pub(super) fn owes_nothing(&self, proxy: ProxyId, venue: &Venue, seat: &Venue) -> bool {
        !self.docket.owes_at(proxy, seat) && !self.docket.owes_at(proxy, venue)
    }

    /// When a spare may try a page, for which none may now.
    pub(super) fn next_chance(&self, id: TaskId, now: Timestamp) -> Option<Timestamp> {
        let (held, trial) = (self.held.get(&id)?, self.trials.get(id)?);
        let chance = |(spare, member): (ProxyId, &Member)| {
            let pause = match self.pace.own_permit(member.address, &held.task.host, now) {
                Permit::Now => now,
                Permit::Wait(at) | Permit::Paused(at) | Permit::Shut(at) => at,
            };
            pause.max(trial.again_at(spare).unwrap_or(now))
        };
        self.pool.spares().map(chance).filter(|&at| at > now).min()
    }

    /// The first of these that is in a worker's hands, else the first spare. Nobody is called.
    pub(super) fn first(&self, proxies: impl Iterator<Item = ProxyId>) -> Hope {
        let usable = |proxy| self.pool.get(proxy).filter(|member| member.usable());
        let jurors = proxies.filter_map(|proxy| Some(Juror::of(proxy, usable(proxy)?)));
        let first = jurors.min_by_key(|juror| juror.is_spare);
        first.map_or(Hope::none(Call::Nobody), |juror| Hope::of(Call::Nobody, juror))
    }

    /// May the proxy of a testimony be used, and is it on its way to succeed or to fail again, or can be sent on it?
    pub(super) fn is_proving(&self, testimony: &Testimony) -> bool {
        let Some(member) = self.pool.get(testimony.proxy) else { return false };
        let Testimony { proxy, venue, .. } = testimony;
        member.usable() && (self.can_prove(*proxy, venue) || (member.is_busy() && !self.is_refuted(*proxy, venue)))
    }

    /// Has it failed on a control, or does it owe nothing, so that nothing is to be expected of it?
    pub(super) fn is_refuted(&self, proxy: ProxyId, debt: &Venue) -> bool {
        self.docket.witness(proxy, debt).is_none_or(|witness| witness.refuted)
    }

    /// Is there something by which it can show that it was not at fault there? One that has failed to do so goes on trying, but
    /// nobody waits for it.
    pub(super) fn can_prove(&self, proxy: ProxyId, debt: &Venue) -> bool {
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
