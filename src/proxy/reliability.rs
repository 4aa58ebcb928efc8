//! Reliability: how much a proxy's word against a page weighs, learnt from what became of its earlier ones.
//!
//! Pure. Successes and convictions at one place come in; out go the share of its failures that are not its own fault, as far as
//! can be known, and what its testimony adds to the evidence against a page. Where that place is, is not known here.

use serde::{Deserialize, Serialize};

/// What a success leaves of all that was before: the last fifty or so count.
const FADING: f64 = 0.98;

/// A proxy of this reliability gives second opinions.
const TRUSTED: f64 = 0.8;

/// What is known of one proxy at one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reliability {
    successes: f64,
    convictions: f64,
}

impl Reliability {
    /// From 0 to 1: the share of successes, with one success and one conviction assumed beforehand.
    pub fn share(&self) -> f64 {
        (self.successes + 1.0) / (self.successes + self.convictions + 2.0)
    }

    /// Is it believed at once, where others need company?
    pub fn is_trusted(&self) -> bool {
        self.share() >= TRUSTED
    }

    /// Has it ever brought a page?
    pub fn has_succeeded(&self) -> bool {
        self.successes > 0.0
    }

    /// What its word adds to the log-odds that a page is at fault: if it fails by itself in `1 - share` of all cases, its
    /// failure is so much likelier on a bad page.
    pub fn weight(&self) -> f64 {
        -(1.0 - self.share()).ln()
    }

    /// What is known of it at either of two places.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { successes: self.successes + other.successes, convictions: self.convictions + other.convictions }
    }

    /// It brought a page.
    pub fn succeed(&mut self) {
        self.successes = self.successes * FADING + 1.0;
        self.convictions *= FADING;
    }

    /// So many of its failures were its own fault.
    pub fn convict(&mut self, failures: u32) {
        self.convictions += f64::from(failures);
    }

    /// Has it changed so much since `then` that it is worth writing down?
    pub fn differs(&self, then: &Self) -> bool {
        let far = |now: f64, then: f64| (now - then).abs() > 0.25 * then.max(1.0);
        far(self.successes, then.successes) || far(self.convictions, then.convictions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(successes: u32, convictions: u32) -> Reliability {
        let mut reliability = Reliability::default();
        (0..successes).for_each(|_| reliability.succeed());
        reliability.convict(convictions);
        reliability
    }

    #[test]
    fn an_unknown_proxy_says_little_a_trusted_one_much_and_a_convicted_one_hardly_anything() {
        let weights = [after(0, 20), after(0, 0), after(4, 0), after(200, 0)].map(|known| known.weight());
        assert!(weights.is_sorted(), "{weights:?}");
        assert!(weights[0] < 0.1 && weights[3] > 3.9, "{weights:?}");
    }

    #[test]
    fn a_few_successes_make_it_trusted_and_a_few_convictions_undo_that() {
        assert!(!after(2, 0).is_trusted());
        assert!(after(4, 0).is_trusted());
        assert!(!after(4, 1).is_trusted());
    }

    #[test]
    fn old_convictions_fade_with_successes() {
        let mut known = after(0, 10);
        (0..200).for_each(|_| known.succeed());
        assert!(known.share() > 0.95, "{}", known.share());
    }

    #[test]
    fn it_is_never_beyond_doubt() {
        assert!(after(100_000, 0).weight() < 4.0, "fifty successes are all that it remembers");
    }

    #[test]
    fn what_has_settled_down_is_not_written_again() {
        assert!(after(1, 0).differs(&after(0, 0)));
        assert!(after(5, 1).differs(&after(5, 0)));
        assert!(!after(201, 0).differs(&after(200, 0)));
    }
}
