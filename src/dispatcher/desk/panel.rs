//! The panel: who could be asked about any page of one venue now, found once for all pages that are looked at together.
//!
//! Pure. In comes a Desk that nothing changes meanwhile; out go proxies, those in workers' hands before spares. It looks only as far as
//! it has to, and remembers how far that was: with a thousand proxies, hundreds of pages could not each look at them all. What a page
//! has heard already is not known here (`jury.rs`).

use std::collections::BTreeMap;

use super::Desk;
use super::bench::Venue;
use crate::clock::Timestamp;
use crate::pace::Permit;
use crate::proxy::ProxyId;
use crate::proxy::pool::{Member, State};

/// Which proxies; usable they are all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Bank {
    /// Those that are reliable at the seat of the venue, owe nothing, and do not leave its host alone.
    Trusted,
    /// Those that owe nothing, and do not leave it alone.
    Unproven,
    /// Those that owe something, and could prove themselves.
    Debtors,
    /// Those that do not leave it alone.
    Unpaused,
    /// All of them.
    Usable,
}

/// One who could be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Juror {
    pub(super) proxy: ProxyId,
    /// It has to be brought in.
    pub(super) is_spare: bool,
}

impl Juror {
    /// A proxy that may be used.
    pub(super) fn of(proxy: ProxyId, member: &Member) -> Self {
        Self { proxy, is_spare: member.state() == State::Spare }
    }
}

/// Those of one bank, as far as somebody has looked.
struct Roll<'a> {
    rest: Box<dyn Iterator<Item = Juror> + 'a>,
    in_hands: Vec<ProxyId>,
    spares: Vec<ProxyId>,
}

impl<'a> Roll<'a> {
    fn new(jurors: impl Iterator<Item = Juror> + 'a) -> Self {
        Self { rest: Box::new(jurors), in_hands: Vec::new(), spares: Vec::new() }
    }

    fn find(&mut self, fits: impl Fn(ProxyId) -> bool) -> Option<Juror> {
        let known = self.in_hands.iter().find(|proxy| fits(**proxy));
        if let Some(&proxy) = known {
            return Some(Juror { proxy, is_spare: false });
        }
        for juror in self.rest.by_ref() {
            if juror.is_spare {
                self.spares.push(juror.proxy);
            } else {
                self.in_hands.push(juror.proxy);
                if fits(juror.proxy) {
                    return Some(juror);
                }
            }
        }
        self.spares.iter().find(|proxy| fits(**proxy)).map(|&proxy| Juror { proxy, is_spare: true })
    }
}

/// Those who could be asked at one venue.
pub(super) struct Panel<'a> {
    desk: &'a Desk,
    venue: Venue,
    pub(super) now: Timestamp,
    rolls: BTreeMap<Bank, Roll<'a>>,
}

impl Panel<'_> {
    /// May nobody be used at all?
    pub(super) fn is_empty(&self) -> bool {
        self.desk.pool.usable() == 0
    }

    /// The first one of a bank that fits: in a worker's hands, if there is one, else a spare.
    pub(super) fn find(&mut self, bank: Bank, fits: impl Fn(ProxyId) -> bool) -> Option<Juror> {
        let (desk, venue, now) = (self.desk, &self.venue, self.now);
        self.rolls.entry(bank).or_insert_with(|| Roll::new(desk.jurors(bank, venue.clone(), now))).find(fits)
    }
}

/// The panels of all venues.
pub(super) struct Panels<'a> {
    desk: &'a Desk,
    now: Timestamp,
    panels: BTreeMap<Venue, Panel<'a>>,
}

impl<'a> Panels<'a> {
    /// Nobody has been looked for yet.
    pub(super) fn of(desk: &'a Desk, now: Timestamp) -> Self {
        Self { desk, now, panels: BTreeMap::new() }
    }

    /// That of a venue.
    pub(super) fn at(&mut self, venue: &Venue) -> &mut Panel<'a> {
        let (desk, now) = (self.desk, self.now);
        let panel = || Panel { desk, venue: venue.clone(), now, rolls: BTreeMap::new() };
        self.panels.entry(venue.clone()).or_insert_with(panel)
    }
}

impl Desk {
    fn jurors(&self, bank: Bank, venue: Venue, now: Timestamp) -> Box<dyn Iterator<Item = Juror> + '_> {
        let seat = self.seat(&venue);
        let owes_nothing = {
            let venue = venue.clone();
            let seat = seat.clone();
            move |proxy| self.owes_nothing(proxy, &venue, &seat)
        };
        let is_free =
            move |member: &Member| !matches!(self.pace.own_permit(member.address, &venue.host, now), Permit::Paused(_));
        let jurors: Box<dyn Iterator<Item = (ProxyId, &Member)>> = match bank {
            Bank::Trusted => {
                let Some(bench) = self.docket.bench(&seat) else { return Box::new(std::iter::empty()) };
                let trusted = self.usable_of(bench.trusted(), |proxy| bench.trusts(proxy));
                Box::new(trusted.filter(move |(proxy, member)| owes_nothing(*proxy) && is_free(member)))
            }
            Bank::Unproven => {
                Box::new(self.pool.all_usable().filter(move |(proxy, member)| owes_nothing(*proxy) && is_free(member)))
            }
            Bank::Debtors => {
                let debtors = self.usable_of(self.docket.debtors(), |proxy| self.docket.debts(proxy).next().is_some());
                Box::new(
                    debtors.filter(|(proxy, _)| self.docket.debts(*proxy).any(|debt| self.can_prove(*proxy, debt))),
                )
            }
            Bank::Unpaused => Box::new(self.pool.all_usable().filter(move |(_, member)| is_free(member))),
            Bank::Usable => Box::new(self.pool.all_usable()),
        };
        Box::new(jurors.map(|(proxy, member)| Juror::of(proxy, member)))
    }

    /// Those of `some` that may be used. `is_one` tells who is one of them: of a pool of which few may be used, most may not.
    fn usable_of<'a>(
        &'a self,
        some: impl ExactSizeIterator<Item = ProxyId> + 'a,
        is_one: impl Fn(ProxyId) -> bool + 'a,
    ) -> Box<dyn Iterator<Item = (ProxyId, &'a Member)> + 'a> {
        if some.len() > self.pool.usable() {
            return Box::new(self.pool.all_usable().filter(move |(proxy, _)| is_one(*proxy)));
        }
        let member = |proxy| Some((proxy, self.pool.get(proxy).filter(|member| member.usable())?));
        Box::new(some.filter_map(member))
    }
}
