//! The trial of one page: which proxies failed on it, what their words weigh, and what follows.
//!
//! Pure. A proxy's word waits until it succeeds elsewhere; then it enters the evidence, as log-odds that the page is at fault.
//! Who could still be asked is known in `suspects.rs`, how reliable a proxy is in `docket.rs`: both are told.

use std::collections::BTreeSet;

use super::bench::Venue;
use crate::clock::Timestamp;
use crate::proxy::ProxyId;
use crate::verdict::{Reason, Verdict};

/// Beyond these log-odds, 99 in 100, a page is held to be at fault.
const SURE: f64 = 4.595_119_850_134_59;

/// Two voices that say the same final thing are believed: the second one need not come from `retry.witnesses`.
const VOICES: usize = 2;

/// What one proxy says against the page, once.
#[derive(Clone, Debug)]
pub(super) struct Testimony {
    pub(super) proxy: ProxyId,
    /// By whose record its word is weighed: its own, or that of the rotating line that it stood behind.
    pub(super) line: ProxyId,
    /// Where it failed.
    pub(super) venue: Venue,
    pub(super) verdict: Verdict,
    /// Was it trusted when it failed?
    pub(super) trusted: bool,
    /// Has it succeeded since, so that its word counts?
    pub(super) entered: bool,
    /// It may try the page again then, should there be nobody else.
    pub(super) again_at: Timestamp,
}

/// All that is said against one page.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    pub(super) testimonies: Vec<Testimony>,
    /// The log-odds with which it was condemned before: a further attempt begins with them.
    pub(super) condemned_at: Option<f64>,
}

/// How a trial stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stand {
    /// A second voice says the same final thing: that is what the page is.
    Agreed(Verdict),
    /// There is no doubt that the page is at fault, with so many witnesses heard, and these log-odds.
    Certain { witnesses: usize, odds: f64 },
    /// There is doubt, with so many witnesses heard.
    Open { witnesses: usize },
}

impl Trial {
    /// Has this proxy failed on the page?
    pub(super) fn heard(&self, proxy: ProxyId) -> bool {
        self.testimonies.iter().any(|testimony| testimony.proxy == proxy)
    }

    /// How often it has.
    pub(super) fn times(&self, proxy: ProxyId) -> u32 {
        let times = self.testimonies.iter().filter(|testimony| testimony.proxy == proxy).count();
        u32::try_from(times).unwrap_or(u32::MAX)
    }

    /// When it may try the page again.
    pub(super) fn again_at(&self, proxy: ProxyId) -> Option<Timestamp> {
        self.testimonies.iter().filter(|testimony| testimony.proxy == proxy).map(|testimony| testimony.again_at).max()
    }

    /// Testimonies that wait until their proxies succeed.
    pub(super) fn pending(&self) -> impl Iterator<Item = &Testimony> {
        self.testimonies.iter().filter(|testimony| !testimony.entered)
    }

    /// Does what a proxy said of a failure at a venue wait until it succeeds?
    pub(super) fn is_pending(&self, line: ProxyId, venue: &Venue) -> bool {
        self.pending().any(|testimony| testimony.line == line && testimony.venue == *venue)
    }

    /// The words of a proxy about failures at a venue count from now on.
    pub(super) fn enter(&mut self, proxy: ProxyId, venue: &Venue) {
        for testimony in &mut self.testimonies {
            testimony.entered |= testimony.proxy == proxy && testimony.venue == *venue;
        }
    }

    /// Each proxy that failed on the page, once, with the last thing that it said and how often it failed.
    pub(super) fn speakers(&self) -> Vec<(&Testimony, u32)> {
        let mut speakers: Vec<(&Testimony, u32)> = Vec::new();
        for testimony in self.testimonies.iter().rev() {
            match speakers.iter_mut().find(|(other, _)| other.proxy == testimony.proxy) {
                Some((_, times)) => *times += 1,
                None => speakers.push((testimony, 1)),
            }
        }
        speakers
    }

    /// The last thing that was said.
    pub(super) fn last_reason(&self) -> Reason {
        let reason = self.testimonies.last().and_then(|last| last.verdict.reason().cloned());
        reason.unwrap_or_else(|| Reason::new("unknown", "the page failed"))
    }

    /// How it stands, if the page would be at fault with log-odds of `prior` before anything was said, and a word weighs what
    /// `weight` says. `is_voice` tells whose final word is believed at all; alone in the world, a proxy may agree with itself.
    pub(super) fn stand(
        &self,
        prior: f64,
        weight: impl Fn(&Testimony) -> f64,
        is_voice: impl Fn(&Testimony) -> bool,
        alone: bool,
    ) -> Stand {
        if let Some(verdict) = self.agreed(is_voice, alone) {
            return Stand::Agreed(verdict);
        }
        let again = self.condemned_at.is_some();
        let counts = |testimony: &&Testimony| testimony.entered || (again && testimony.trusted);
        let odds = self.testimonies.iter().filter(counts).map(weight).sum::<f64>() + self.condemned_at.unwrap_or(prior);
        let witnesses: BTreeSet<ProxyId> =
            self.testimonies.iter().filter(counts).map(|testimony| testimony.proxy).collect();
        let witnesses = witnesses.len();
        if odds > SURE && witnesses > 0 { Stand::Certain { witnesses, odds } } else { Stand::Open { witnesses } }
    }

    fn agreed(&self, is_voice: impl Fn(&Testimony) -> bool, alone: bool) -> Option<Verdict> {
        let last = self.testimonies.last()?;
        let said = self.testimonies.iter().filter(|other| same_final(&other.verdict, &last.verdict) && is_voice(other));
        let voices =
            if alone { said.count() } else { said.map(|testimony| testimony.proxy).collect::<BTreeSet<_>>().len() };
        (voices >= VOICES).then(|| last.verdict.clone())
    }
}

/// Do both say the same final thing about the page?
pub(super) fn same_final(one: &Verdict, other: &Verdict) -> bool {
    let final_code = |verdict: &Verdict| match verdict {
        Verdict::Gone(_, reason) | Verdict::Rejected(_, reason) | Verdict::Unusable(reason) => {
            Some(reason.code.clone())
        }
        Verdict::Done
        | Verdict::ProxyBroken(_)
        | Verdict::ProxyDenied(_)
        | Verdict::Throttled { .. }
        | Verdict::Banned(_)
        | Verdict::Doubtful(_)
        | Verdict::Failing(..)
        | Verdict::Excluded(..)
        | Verdict::Unasked(..)
        | Verdict::Panicked(_) => None,
    };
    final_code(one).is_some_and(|code| final_code(other) == Some(code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{HostKey, StageId};
    use crate::verdict::Certainty;

    fn stalled() -> Verdict {
        Verdict::Doubtful(Reason::new("timeout.head", "no answer in time"))
    }

    fn gone() -> Verdict {
        Verdict::Gone(Certainty::Doubtful, Reason::new("status.404", "404"))
    }

    fn testimony(proxy: u32, verdict: Verdict, entered: bool) -> Testimony {
        let venue = Venue { host: HostKey("site.test:80".into()), stage: StageId(0) };
        let again_at = Timestamp::default();
        let (proxy, line) = (ProxyId(proxy), ProxyId(proxy));
        Testimony { proxy, line, venue, verdict, trusted: false, entered, again_at }
    }

    fn trial(said: &[(u32, Verdict, bool)]) -> Trial {
        let testimonies = said.iter().map(|(proxy, verdict, entered)| testimony(*proxy, verdict.clone(), *entered));
        Trial { testimonies: testimonies.collect(), condemned_at: None }
    }

    /// With one page in a hundred at fault, and proxies that fail by themselves in a case of twenty.
    fn stand(trial: &Trial) -> Stand {
        trial.stand(-4.6, |_| 3.0, |_| true, false)
    }

    #[test]
    fn words_that_wait_count_nothing_and_those_that_entered_add_up() {
        let said = |entered: [bool; 4]| {
            let said: Vec<_> = (0..).zip(entered).map(|(proxy, entered)| (proxy, stalled(), entered)).collect();
            stand(&trial(&said))
        };
        assert_eq!(said([false; 4]), Stand::Open { witnesses: 0 });
        assert_eq!(said([true, true, true, false]), Stand::Open { witnesses: 3 });
        assert!(matches!(said([true; 4]), Stand::Certain { witnesses: 4, odds } if odds > 7.0));
    }

    #[test]
    fn one_proxy_that_fails_again_and_again_is_one_witness() {
        let again = trial(&[(1, stalled(), true), (1, stalled(), true), (1, stalled(), true), (1, stalled(), true)]);
        assert!(matches!(stand(&again), Stand::Certain { witnesses: 1, .. }));
        assert_eq!(again.times(ProxyId(1)), 4);
    }

    #[test]
    fn what_was_condemned_once_needs_one_trusted_word_and_no_other() {
        let mut trial = trial(&[(1, stalled(), false)]);
        trial.condemned_at = Some(4.7);
        assert_eq!(stand(&trial), Stand::Open { witnesses: 0 }, "it may be the proxy this time");
        trial.testimonies[0].trusted = true;
        assert!(matches!(stand(&trial), Stand::Certain { witnesses: 1, .. }));
    }

    #[test]
    fn a_404_needs_a_second_proxy_unless_there_is_but_one() {
        assert_eq!(stand(&trial(&[(1, gone(), false)])), Stand::Open { witnesses: 0 });
        assert_eq!(stand(&trial(&[(1, gone(), false), (1, gone(), false)])), Stand::Open { witnesses: 0 });
        assert_eq!(stand(&trial(&[(1, gone(), false), (2, gone(), false)])), Stand::Agreed(gone()));
        let alone = trial(&[(1, gone(), false), (1, gone(), false)]).stand(-4.6, |_| 3.0, |_| true, true);
        assert_eq!(alone, Stand::Agreed(gone()));
    }

    #[test]
    fn a_voice_that_was_convicted_more_often_than_it_succeeded_is_none() {
        let said = trial(&[(1, gone(), false), (2, gone(), false)]);
        let stand = said.stand(-4.6, |_| 3.0, |testimony| testimony.proxy == ProxyId(2), false);
        assert_eq!(stand, Stand::Open { witnesses: 0 });
    }

    #[test]
    fn a_proxy_enters_what_it_said_at_the_venue_where_it_succeeded_only() {
        let mut trial = trial(&[(1, stalled(), false), (2, stalled(), false)]);
        let elsewhere = Venue { host: HostKey("other.test:80".into()), stage: StageId(0) };
        trial.enter(ProxyId(1), &elsewhere);
        assert_eq!(trial.pending().count(), 2);
        let venue = trial.testimonies[0].venue.clone();
        trial.enter(ProxyId(1), &venue);
        assert_eq!(trial.pending().map(|testimony| testimony.proxy).collect::<Vec<_>>(), [ProxyId(2)]);
    }
}
