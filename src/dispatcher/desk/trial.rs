//! The trial of one page: which proxies it failed through, and what follows from that.
//!
//! Pure. An "either" failure is testimony of a proxy against the page. Other proxies are asked; a success convicts those that
//! failed, and enough witnesses condemn the page.

use crate::proxy::ProxyId;
use crate::verdict::{Reason, Verdict};

/// What one proxy says against the page.
#[derive(Clone, Debug)]
struct Testimony {
    proxy: ProxyId,
    verdict: Verdict,
}

/// All that is said against one page under its current lease.
#[derive(Clone, Debug, Default)]
pub(super) struct Trial {
    testimonies: Vec<Testimony>,
}

/// Who could still be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Jury {
    /// Some usable proxy has not tried the page.
    Fresh,
    /// All usable proxies, two or more, have tried it.
    Heard,
    /// One proxy is usable, and has tried it.
    Single,
    /// No proxy is usable now.
    Nobody,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ruling {
    /// A second voice says the same final thing: that is what the page is.
    Agreed(Verdict),
    /// The page is at fault: it uses an attempt.
    Condemned(Reason),
    /// Another proxy has to try it.
    Elsewhere,
    /// The only proxy has to try it again, after a while.
    Repeat,
}

/// Two voices that say the same final thing are believed: the second one need not come from `retry.witnesses`.
const VOICES: usize = 2;

impl Trial {
    /// A proxy failed on the page.
    pub(super) fn testify(&mut self, proxy: ProxyId, verdict: Verdict) {
        self.testimonies.push(Testimony { proxy, verdict });
    }

    /// Has any proxy failed on the page?
    pub(super) fn is_open(&self) -> bool {
        !self.testimonies.is_empty()
    }

    /// Has this proxy failed on the page?
    pub(super) fn heard(&self, proxy: ProxyId) -> bool {
        self.testimonies.iter().any(|testimony| testimony.proxy == proxy)
    }

    /// Each proxy that failed on the page, once, with the last thing that it said.
    pub(super) fn witnesses(&self) -> Vec<(ProxyId, Verdict)> {
        let mut witnesses: Vec<(ProxyId, Verdict)> = Vec::new();
        for Testimony { proxy, verdict } in self.testimonies.iter().rev() {
            if !witnesses.iter().any(|(other, _)| other == proxy) {
                witnesses.push((*proxy, verdict.clone()));
            }
        }
        witnesses
    }

    /// What follows from what was said so far, if `jury` is who could still be asked.
    pub(super) fn rule(&self, needed: u32, jury: Jury) -> Ruling {
        let Some(last) = self.testimonies.last() else { return Ruling::Elsewhere };
        let witnesses = self.witnesses();
        let voices = match jury {
            Jury::Single => self.testimonies.iter().filter(|other| same_final(&other.verdict, &last.verdict)).count(),
            Jury::Fresh | Jury::Heard | Jury::Nobody => {
                witnesses.iter().filter(|(_, other)| same_final(other, &last.verdict)).count()
            }
        };
        if voices >= VOICES {
            return Ruling::Agreed(last.verdict.clone());
        }
        let said = match jury {
            Jury::Single => self.testimonies.len(),
            Jury::Fresh | Jury::Heard | Jury::Nobody => witnesses.len(),
        };
        let enough = said >= usize::try_from(needed).unwrap_or(usize::MAX);
        match jury {
            _ if enough => Ruling::Condemned(reason(&last.verdict)),
            Jury::Heard => Ruling::Condemned(reason(&last.verdict)),
            Jury::Single => Ruling::Repeat,
            Jury::Fresh | Jury::Nobody => Ruling::Elsewhere,
        }
    }
}

/// Do both say the same final thing about the page?
fn same_final(one: &Verdict, other: &Verdict) -> bool {
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
        | Verdict::Panicked(_) => None,
    };
    final_code(one).is_some_and(|code| final_code(other) == Some(code))
}

fn reason(verdict: &Verdict) -> Reason {
    verdict.reason().cloned().unwrap_or_else(|| Reason::new("unknown", "the page failed"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Certainty;

    fn stalled() -> Verdict {
        Verdict::Doubtful(Reason::new("timeout.head", "no answer in time"))
    }

    fn gone() -> Verdict {
        Verdict::Gone(Certainty::Doubtful, Reason::new("status.404", "404"))
    }

    fn trial(said: &[(u32, Verdict)]) -> Trial {
        let mut trial = Trial::default();
        for (proxy, verdict) in said {
            trial.testify(ProxyId(*proxy), verdict.clone());
        }
        trial
    }

    #[test]
    fn one_failure_sends_the_page_to_another_proxy() {
        assert_eq!(trial(&[(1, stalled())]).rule(3, Jury::Fresh), Ruling::Elsewhere);
    }

    #[test]
    fn enough_different_proxies_condemn_a_page_and_repeats_of_one_do_not() {
        assert!(matches!(
            trial(&[(1, stalled()), (2, stalled()), (3, stalled())]).rule(3, Jury::Fresh),
            Ruling::Condemned(_)
        ));
        assert_eq!(trial(&[(1, stalled()), (1, stalled()), (1, stalled())]).rule(3, Jury::Fresh), Ruling::Elsewhere);
    }

    #[test]
    fn as_many_as_exist_are_enough() {
        assert!(matches!(trial(&[(1, stalled()), (2, stalled())]).rule(3, Jury::Heard), Ruling::Condemned(_)));
    }

    #[test]
    fn a_single_proxy_repeats_before_the_page_is_condemned() {
        assert_eq!(trial(&[(1, stalled())]).rule(3, Jury::Single), Ruling::Repeat);
        assert!(matches!(
            trial(&[(1, stalled()), (1, stalled()), (1, stalled())]).rule(3, Jury::Single),
            Ruling::Condemned(_)
        ));
    }

    #[test]
    fn a_404_over_plain_http_needs_a_second_proxy() {
        assert_eq!(trial(&[(1, gone())]).rule(3, Jury::Fresh), Ruling::Elsewhere);
        assert_eq!(trial(&[(1, gone()), (1, gone())]).rule(3, Jury::Fresh), Ruling::Elsewhere);
        assert_eq!(trial(&[(1, gone()), (2, gone())]).rule(3, Jury::Fresh), Ruling::Agreed(gone()));
        assert_eq!(trial(&[(1, gone()), (1, gone())]).rule(3, Jury::Single), Ruling::Agreed(gone()));
    }

    #[test]
    fn without_any_usable_proxy_the_page_waits() {
        assert_eq!(trial(&[(1, stalled()), (2, stalled())]).rule(3, Jury::Nobody), Ruling::Elsewhere);
    }
}
