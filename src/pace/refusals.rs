//! Refusals: a page that is answered with 429 whoever asks, while the same proxies get others.
//!
//! In come the addresses that were turned away with it; out goes how many of them have shown since that it is not they who
//! are meant. Pure. Where the host turns others away too, it is simply busy, and nobody has shown anything.

use super::{AddressId, Pace};
use crate::task::HostKey;

/// Of so many answers to others, no more than one may be a 429 as well.
const MOST_PASS: u64 = 4;

/// Who was turned away with one page.
#[derive(Debug, Default)]
pub struct Refusals {
    /// The host that turned it away: redirects may lead to more than one.
    host: Option<HostKey>,
    /// What the host had let through and turned away when it began.
    before: Option<(u64, u64)>,
    /// Refusals of this page since then.
    own: u64,
    /// Each address, and the pages that it had got there.
    by: Vec<(AddressId, u64)>,
}

impl Refusals {
    /// Was it never turned away?
    pub const fn are_none(&self) -> bool {
        self.host.is_none()
    }

    /// Was it turned away more than once, while others were not?
    pub const fn are_repeated(&self) -> bool {
        self.own > 0
    }

    /// `address` was turned away with it, which `pace` knows already. Gives how many different addresses that were turned
    /// away have got another page of `host` since.
    pub fn add(&mut self, address: AddressId, host: &HostKey, pace: &Pace) -> usize {
        if self.host.as_ref() != Some(host) {
            *self = Self { host: Some(host.clone()), ..Self::default() };
        }
        let (passed, turned_away) = pace.answers(host);
        let (passed_before, turned_away_before) = *self.before.get_or_insert((passed, turned_away));
        let others = turned_away.saturating_sub(turned_away_before).saturating_sub(self.own);
        // One of those is this one, but for the first.
        let others = others.saturating_sub(u64::from(!self.by.is_empty()));
        if others * MOST_PASS > passed.saturating_sub(passed_before) {
            self.before = Some((passed, turned_away));
            self.own = 0;
            self.by = vec![(address, pace.pages(address, host))];
            return 0;
        }
        self.own += u64::from(!self.by.is_empty());
        if !self.by.iter().any(|(other, _)| *other == address) {
            self.by.push((address, pace.pages(address, host)));
        }
        self.by.iter().filter(|(other, before)| pace.pages(*other, host) > *before).count()
    }
}
