//! What the view says: pages, pace, workers and proxies, in two lines.
//!
//! In come counts at their times; out goes text. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use super::super::shown::{count, span};
use super::super::tally::ProxyCounts;
use crate::clock::Timestamp;
use crate::frontier::Stats;

/// The pace is that of so long a time: long enough not to jump, short enough to see a change.
const WINDOW: Duration = Duration::from_secs(20);
/// Before so long there is no pace to speak of.
const LEAST: Duration = Duration::from_secs(2);

/// A run at one moment.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    /// The frontier's counters.
    pub stats: Stats,
    /// Workers that have a proxy.
    pub bound: usize,
    /// Workers that have none.
    pub parked: usize,
    /// Where the proxies are.
    pub proxies: ProxyCounts,
    /// Proxies that were given up at least once.
    pub replaced: usize,
    /// Tasks that end a minute; unknown at first.
    pub rate: Option<f64>,
}

impl Glance {
    /// Tasks that have ended, whichever way.
    pub fn ended(&self) -> u64 {
        ended(&self.stats)
    }

    /// Tasks that still have to end, as far as they are counted.
    pub fn left(&self) -> u64 {
        self.stats.left() + self.stats.unread.unwrap_or(0)
    }

    /// Until nothing is left, at this rate.
    fn eta(&self) -> Option<Duration> {
        self.stats.unread?;
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        Duration::try_from_secs_f64(self.left() as f64 / rate * 60.0).ok()
    }

    /// `118 done, 2 dead, 27 left, 1,234 a minute, 12s to go`
    pub fn of_pages(&self) -> String {
        let stats = &self.stats;
        let mut parts = vec![format!("{} done", count(stats.done))];
        for (number, what) in [(stats.dead, "dead"), (stats.gone, "gone"), (stats.excluded, "excluded")] {
            if number > 0 {
                parts.push(format!("{} {what}", count(number)));
            }
        }
        let more = if stats.unread.is_none() { " and more" } else { "" };
        parts.push(format!("{}{more} left", count(self.left())));
        parts.extend(self.rate.map(|rate| format!("{} a minute", count(rate.round() as u64))));
        parts.extend(self.eta().map(|eta| format!("{} to go", span(eta))));
        parts.join(", ")
    }

    /// `8 workers bound, 0 parked; proxies: 4 spare, 1 resting, 3 replaced`
    pub fn of_proxies(&self) -> String {
        let proxies = &self.proxies;
        let mut parts = vec![format!("{} spare", count(proxies.spare))];
        for (number, what) in [(proxies.cooling, "resting"), (proxies.banned, "banned"), (proxies.retired, "retired")] {
            if number > 0 {
                parts.push(format!("{} {what}", count(number)));
            }
        }
        parts.push(format!("{} replaced", self.replaced));
        format!("{} workers bound, {} parked; proxies: {}", self.bound, self.parked, parts.join(", "))
    }
}

fn ended(stats: &Stats) -> u64 {
    stats.done + stats.gone + stats.dead + stats.excluded
}

/// How many tasks end a minute, of late.
#[derive(Clone, Debug, Default)]
pub struct Pace(VecDeque<(Timestamp, u64)>);

impl Pace {
    /// The pace now that so many have ended; unknown before there is a while to look back on.
    pub fn at(&mut self, now: Timestamp, stats: &Stats) -> Option<f64> {
        let ended = ended(stats);
        self.0.push_back((now, ended));
        while self.0.get(1).is_some_and(|(at, _)| now.since(*at) >= WINDOW) {
            self.0.pop_front();
        }
        let (since, before) = *self.0.front()?;
        let time = now.since(since);
        (time >= LEAST).then(|| ended.saturating_sub(before) as f64 / time.as_secs_f64() * 60.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(done: u64, left: u64) -> Stats {
        Stats { found: done + left, done, ready: left, unread: Some(0), ..Stats::default() }
    }

    #[test]
    fn the_pace_is_that_of_the_last_while_and_unknown_at_first() {
        let mut pace = Pace::default();
        let at = |seconds: u64| Timestamp::from_micros(seconds * 1_000_000);
        assert_eq!(pace.at(at(0), &stats(0, 9)), None);
        assert_eq!(pace.at(at(1), &stats(10, 9)), None);
        assert_eq!(pace.at(at(2), &stats(20, 9)), Some(600.0));
        for second in 3..=60 {
            pace.at(at(second), &stats(20, 9));
        }
        assert_eq!(pace.at(at(61), &stats(20, 9)), Some(0.0), "what was fast long ago is not fast now");
        assert!(pace.0.len() < 30, "it remembers no more than it needs");
    }

    #[test]
    fn two_lines_say_how_it_goes() {
        let stats = Stats { dead: 2, ..stats(1_118, 60) };
        let proxies = ProxyCounts { bound: 8, spare: 4, cooling: 1, ..ProxyCounts::default() };
        let mut glance = Glance { stats, bound: 8, parked: 0, proxies, replaced: 3, rate: Some(120.2) };
        assert_eq!(glance.of_pages(), "1,118 done, 2 dead, 60 left, 120 a minute, 30s to go");
        assert_eq!(glance.of_proxies(), "8 workers bound, 0 parked; proxies: 4 spare, 1 resting, 3 replaced");
        assert_eq!((glance.ended(), glance.left()), (1_120, 60));
        glance.stats.unread = None;
        assert_eq!(glance.of_pages(), "1,118 done, 2 dead, 60 and more left, 120 a minute");
        glance.rate = None;
        assert_eq!(glance.of_pages(), "1,118 done, 2 dead, 60 and more left");
    }
}
