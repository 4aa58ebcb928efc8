//! How the real world is brought down to loopback: times in proportion to each other, as many pages as take so long.
//!
//! In come how many proxies, for how long, and how much faster than life; out comes a bed for a crawl. What matters is how times
//! relate. Life is a site that answers within a second, and Burdock's own defaults: a page that never comes costs 15 answers, a
//! rest is as long as 30. All of that is divided by `scale`, 20 by default. The delay alone is only divided by 5: a hundred
//! proxies at full speed would otherwise measure this machine, not who is blamed.

use std::fmt;
use std::time::Duration;

use crate::common::{Bed, Behaviour};

/// How long the site takes to answer in life.
const LATENCY: Duration = Duration::from_secs(1);
/// The defaults that are divided.
const SCALED: [(&str, u32); 9] = [
    ("fetch.connect_timeout", 10),
    ("fetch.head_timeout", 15),
    ("fetch.timeout", 30),
    ("retry.backoff", 1),
    ("retry.backoff_max", 300),
    ("ban.cooldown", 300),
    ("health.cooldown", 30),
    ("health.cooldown_max", 1800),
    ("proxies.wait", 900),
];
const DELAY: Duration = Duration::from_millis(200);
/// With the default jitter of up to a half.
const PACE: Duration = Duration::from_millis(250);
/// Details that a list links to.
pub(crate) const PER_LIST: u32 = 20;
/// A crawl that does not get to its end is stopped after so many times the time that it should take.
const STOPPED_AFTER: u32 = 6;

/// The size of a crawl.
pub(crate) struct Scale {
    /// Proxies, good and bad.
    pub(crate) proxies: usize,
    seconds: u32,
    scale: u32,
    sets: Vec<(String, String)>,
}

impl Default for Scale {
    fn default() -> Self {
        Self { proxies: 100, seconds: 12, scale: 20, sets: Vec::new() }
    }
}

impl Scale {
    /// Another value for one thing.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        match key {
            "proxies" => self.proxies = value.parse().unwrap(),
            "seconds" => self.seconds = value.parse().unwrap(),
            "scale" => self.scale = value.parse().unwrap(),
            _ => self.sets.push((key.to_owned(), value.to_owned())),
        }
    }

    /// Lists of as many pages as so many good proxies can fetch in the time.
    pub(crate) fn lists(&self, good: f64) -> u32 {
        let pages = Duration::from_secs(self.seconds.into()).div_duration_f64(PACE) * good;
        pages as u32 / (PER_LIST + 1)
    }

    /// A site of so many lists and these proxies.
    pub(crate) fn bed(&self, lists: u32, proxies: impl IntoIterator<Item = Behaviour>) -> Bed {
        let bed = Bed::new().lists(lists).per_list(PER_LIST).latency(LATENCY / self.scale);
        let bed = proxies.into_iter().fold(bed, Bed::proxy);
        let times = SCALED.iter().map(|(key, seconds)| (*key, Duration::from_secs((*seconds).into()) / self.scale));
        let limit = Duration::from_secs((self.seconds * STOPPED_AFTER).into());
        let times = times.chain([("pace.delay", DELAY), ("limits.duration", limit)]);
        let bed = times.fold(bed, |bed, (key, time)| bed.set(key, &format!("\"{}ms\"", time.as_millis())));
        let bed = bed.set("pace.jitter", "0.5").set("fetch.max_body", "\"256KiB\"").patience(limit * 2);
        self.sets.iter().fold(bed, |bed, (key, value)| bed.set(key, value))
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { proxies, seconds, scale, sets } = self;
        write!(
            f,
            "{proxies} proxies, crawls of about {seconds} s; times are 1/{scale} of the defaults, the site answers in {:?}, \
             delay {DELAY:?}",
            LATENCY / *scale
        )?;
        sets.iter().try_for_each(|(key, value)| write!(f, ", {key} = {value}"))
    }
}
