//! What one proxy was used for in this run: requests, bytes and age against its budget; speed and faults, to choose by.
//!
//! Pure. Fetches come in with their cost; out go what its budget has left, and what may be expected of it. Whether it rests or is
//! retired is not known here.

use std::time::Duration;

use crate::clock::Timestamp;
use crate::config::Budget;

/// The code of the reason for which a proxy with a used-up budget is not used any more.
pub const USED_UP: &str = "proxy.used_up";

/// What a success leaves of earlier successes and faults: about the last fifty count.
const FADING: f64 = 0.98;
/// The share that one more answer has in the mean of their times.
const SHARE: f64 = 0.125;
/// An answer of a proxy that has given none is taken to need so long, in seconds.
const UNKNOWN: f64 = 1.0;

/// A budget that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// So many requests.
    Requests(u64),
    /// So many bytes on the wire.
    Bytes(u64),
    /// Its first page is so long ago.
    Age(Duration),
}

/// What one proxy was used for.
#[derive(Clone, Debug, Default)]
pub struct Usage {
    requests: u64,
    bytes: u64,
    first: Option<Timestamp>,
    good: f64,
    faults: f64,
    seconds: Option<f64>,
}

impl Usage {
    /// Requests through it.
    pub const fn requests(&self) -> u64 {
        self.requests
    }

    /// Was it never given a page?
    pub const fn is_new(&self) -> bool {
        self.first.is_none()
    }

    /// It is given a page.
    pub fn begin(&mut self, now: Timestamp) {
        self.first.get_or_insert(now);
    }

    /// A fetch through it is over.
    pub const fn spend(&mut self, requests: u32, bytes: u64) {
        self.requests = self.requests.saturating_add(requests as u64);
        self.bytes = self.bytes.saturating_add(bytes);
    }

    /// It brought a page, and was busy with it for so long.
    pub fn succeed(&mut self, took: Duration) {
        self.good = self.good * FADING + 1.0;
        self.faults *= FADING;
        let took = took.as_secs_f64();
        self.seconds = Some(self.seconds.map_or(took, |mean| mean + (took - mean) * SHARE));
    }

    /// It was found at fault.
    pub fn fault(&mut self) {
        self.faults += 1.0;
    }

    /// What may be expected of it, from 0 to 1: the share of fetches that it is likely to bring, (s + 1) / (s + f + 2) with s
    /// pages brought and f faults, divided by 1 + the seconds that an answer takes. A new one has 1/2 divided by 2.
    pub fn promise(&self) -> f64 {
        (self.good + 1.0) / (self.good + self.faults + 2.0) / (1.0 + self.seconds.unwrap_or(UNKNOWN))
    }

    /// What of its budget is used up.
    pub fn over(&self, budget: &Budget, now: Timestamp) -> Option<Over> {
        let requests = budget.requests.filter(|&most| self.requests >= most).map(Over::Requests);
        let bytes = || budget.bytes.filter(|&most| self.bytes >= most).map(Over::Bytes);
        let age = || budget.age.filter(|_| self.ends(budget).is_some_and(|end| end <= now)).map(Over::Age);
        requests.or_else(bytes).or_else(age)
    }

    /// When it will be too old.
    pub fn ends(&self, budget: &Budget) -> Option<Timestamp> {
        Some(self.first? + budget.age?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetched(pages: u32, faults: u32, took: Duration) -> Usage {
        let mut usage = Usage::default();
        (0..faults).for_each(|_| usage.fault());
        (0..pages).for_each(|_| usage.succeed(took));
        usage
    }

    #[test]
    fn a_good_fast_one_promises_more_than_a_slow_one_than_a_new_one_than_one_that_only_failed() {
        let (fast, slow) = (fetched(20, 0, Duration::from_millis(100)), fetched(20, 0, Duration::from_secs(2)));
        let (new, bad) = (Usage::default(), fetched(0, 3, Duration::ZERO));
        let promises = [&fast, &slow, &new, &bad].map(Usage::promise);
        assert!(promises.windows(2).all(|pair| pair[0] > pair[1]), "{promises:?}");
    }

    #[test]
    fn faults_fade_with_what_it_brings_afterwards() {
        let (once_bad, never) = (fetched(200, 10, Duration::ZERO), fetched(200, 0, Duration::ZERO));
        assert!(never.promise() - once_bad.promise() < 0.01);
    }

    #[test]
    fn each_budget_is_used_up_by_itself_and_not_a_moment_before() {
        let budget = Budget { requests: Some(3), bytes: Some(100), age: Some(Duration::from_secs(60)) };
        let at = |seconds: u64| Timestamp::from_micros(1_000_000 * seconds);
        let mut usage = Usage::default();
        assert_eq!((usage.over(&budget, at(1_000)), usage.ends(&budget)), (None, None), "a new one does not age");
        usage.begin(at(10));
        usage.begin(at(50));
        assert_eq!(
            (usage.over(&budget, at(69)), usage.over(&budget, at(70))),
            (None, Some(Over::Age(Duration::from_secs(60))))
        );
        usage.spend(1, 99);
        assert_eq!(usage.over(&budget, at(11)), None);
        usage.spend(1, 1);
        assert_eq!(usage.over(&budget, at(11)), Some(Over::Bytes(100)));
        usage.spend(1, 0);
        assert_eq!(usage.over(&budget, at(11)), Some(Over::Requests(3)));
        assert_eq!(usage.over(&Budget::default(), at(1_000)), None);
    }
}
