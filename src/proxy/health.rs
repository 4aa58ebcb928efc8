//! The health of one proxy: its score, its silence, its rests.
//!
//! Pure. A charge adds 1 to the score, a success multiplies it by `health.decay`; at `health.max_errors` the proxy is spent.
//! Failures that are nobody's fault yet only make it *silent*: too many of them in a row, without a success, and it rests as
//! well. Who is at fault is decided elsewhere.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config;
use crate::task::TaskId;

/// What a proxy's failures have come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It may go on.
    Fit,
    /// Its budget is used up: it has to rest.
    Spent,
}

/// The health of one proxy.
#[derive(Clone, Debug, Default)]
pub struct Health {
    score: f64,
    rests_in_a_row: u32,
    silent_on: Vec<TaskId>,
    successes: u64,
}

/// What is kept of a proxy's health from one process to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// The score in hundredths.
    score: u32,
    rests_in_a_row: u32,
    silent_on: Vec<u64>,
    ever_worked: bool,
}

impl HealthRecord {
    /// Has it ever brought an answer that was believed?
    pub const fn ever_worked(&self) -> bool {
        self.ever_worked
    }
}

impl From<&HealthRecord> for Health {
    fn from(record: &HealthRecord) -> Self {
        Self {
            score: f64::from(record.score) / 100.0,
            rests_in_a_row: record.rests_in_a_row,
            silent_on: record.silent_on.iter().copied().map(TaskId).collect(),
            successes: record.ever_worked.into(),
        }
    }
}

impl From<&Health> for HealthRecord {
    fn from(health: &Health) -> Self {
        Self {
            score: (health.score * 100.0).round() as u32,
            rests_in_a_row: health.rests_in_a_row,
            silent_on: health.silent_on.iter().map(|page| page.0).collect(),
            ever_worked: health.ever_worked(),
        }
    }
}

impl Health {
    /// The score: charges, faded by successes.
    pub const fn score(&self) -> f64 {
        self.score
    }

    /// Has it ever brought an answer that was believed?
    pub const fn ever_worked(&self) -> bool {
        self.successes > 0
    }

    /// It brought an answer that is believed.
    pub fn succeed(&mut self, limits: &config::Health) {
        self.successes += 1;
        self.score *= limits.decay;
        self.silent_on.clear();
        if self.score < 1.0 {
            self.rests_in_a_row = 0;
        }
    }

    /// It was found at fault.
    pub fn charge(&mut self, limits: &config::Health) -> Standing {
        self.score += 1.0;
        self.standing(limits)
    }

    /// It failed on a page, and nobody can tell yet whose fault that is. Repeats on one page count once, unless it has never
    /// worked: there may be no other page.
    pub fn fail_silently(&mut self, page: TaskId, limits: &config::Health) -> Standing {
        if !self.ever_worked() || !self.silent_on.contains(&page) {
            self.silent_on.push(page);
        }
        self.standing(limits)
    }

    /// The page was at fault: having failed on it says nothing.
    pub fn forgive(&mut self, page: TaskId) {
        self.silent_on.retain(|other| *other != page);
    }

    /// May it go on?
    pub fn standing(&self, limits: &config::Health) -> Standing {
        let silent = u32::try_from(self.silent_on.len()).unwrap_or(u32::MAX);
        if self.score >= f64::from(limits.max_errors) || silent >= limits.max_silent {
            Standing::Spent
        } else {
            Standing::Fit
        }
    }

    /// Sends it to rest: for how long. It comes back one charge below the limit, and one silent failure below that one, so
    /// that the next fault sends it to rest again, for twice as long.
    pub fn rest(&mut self, limits: &config::Health) -> Duration {
        let doubled = 2u32.saturating_pow(self.rests_in_a_row);
        self.rests_in_a_row = self.rests_in_a_row.saturating_add(1);
        self.score = f64::from(limits.max_errors) - 1.0;
        self.silent_on.truncate(usize::try_from(limits.max_silent.saturating_sub(1)).unwrap_or(usize::MAX));
        limits.cooldown.saturating_mul(doubled).min(limits.cooldown_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: config::Health =
        config::Health { cooldown_max: Duration::from_secs(100), ..crate::proxy::fixture::HEALTH };

    #[test]
    fn it_takes_several_charges_to_be_spent_not_one() {
        let mut health = Health::default();
        assert_eq!(health.charge(&LIMITS), Standing::Fit);
        assert_eq!(health.charge(&LIMITS), Standing::Fit);
        assert_eq!(health.charge(&LIMITS), Standing::Spent);
    }

    #[test]
    fn successes_fade_the_score() {
        let mut health = Health::default();
        health.charge(&LIMITS);
        health.charge(&LIMITS);
        health.succeed(&LIMITS);
        assert!((health.score() - 1.0).abs() < 1e-9);
        assert_eq!(health.charge(&LIMITS), Standing::Fit);
        assert_eq!(health.charge(&LIMITS), Standing::Spent);
    }

    #[test]
    fn rests_double_up_to_the_longest_and_start_anew_after_it_worked() {
        let mut health = Health::default();
        let rests: Vec<u64> = (0..3).map(|_| health.rest(&LIMITS).as_secs()).collect();
        assert_eq!(rests, [30, 60, 100]);
        health.succeed(&LIMITS);
        health.succeed(&LIMITS);
        assert_eq!(health.rest(&LIMITS).as_secs(), 30);
    }

    #[test]
    fn after_a_rest_one_more_charge_spends_it() {
        let mut health = Health::default();
        health.rest(&LIMITS);
        assert_eq!(health.standing(&LIMITS), Standing::Fit);
        assert_eq!(health.charge(&LIMITS), Standing::Spent);
    }

    #[test]
    fn silence_counts_different_pages_and_ends_with_a_success() {
        let mut health = Health::default();
        health.succeed(&LIMITS);
        for page in [1, 1, 1, 2, 3, 4] {
            assert_eq!(health.fail_silently(TaskId(page), &LIMITS), Standing::Fit);
        }
        assert_eq!(health.fail_silently(TaskId(5), &LIMITS), Standing::Spent);
        health.succeed(&LIMITS);
        assert_eq!(health.fail_silently(TaskId(6), &LIMITS), Standing::Fit);
    }

    #[test]
    fn a_proxy_that_never_worked_is_spent_by_one_page_alone() {
        let mut health = Health::default();
        let standings: Vec<Standing> = (0..5).map(|_| health.fail_silently(TaskId(1), &LIMITS)).collect();
        assert_eq!(standings, [Standing::Fit, Standing::Fit, Standing::Fit, Standing::Fit, Standing::Spent]);
    }

    #[test]
    fn what_is_kept_of_it_is_all_that_matters() {
        let mut health = Health::default();
        health.succeed(&LIMITS);
        health.charge(&LIMITS);
        health.fail_silently(TaskId(3), &LIMITS);
        health.rest(&LIMITS);
        let again = Health::from(&HealthRecord::from(&health));
        assert_eq!(HealthRecord::from(&again), HealthRecord::from(&health));
        assert!(again.ever_worked() && (again.score() - health.score()).abs() < 0.01);
    }

    #[test]
    fn a_page_that_was_at_fault_is_forgiven() {
        let mut health = Health::default();
        health.succeed(&LIMITS);
        for page in 1..=4 {
            health.fail_silently(TaskId(page), &LIMITS);
        }
        health.forgive(TaskId(1));
        assert_eq!(health.fail_silently(TaskId(5), &LIMITS), Standing::Fit);
        assert_eq!(health.fail_silently(TaskId(6), &LIMITS), Standing::Spent);
    }
}
