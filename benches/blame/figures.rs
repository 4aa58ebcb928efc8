//! The figures of one crawl, read from what it left: its log, its report, its feed, and the truth.
//!
//! In come a crawl that has ended and which of its proxies are bad; out come counts and rates.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::Value;

use crate::common::{Behaviour, Crawl};

/// Successes after which a proxy has shown itself.
const WARM: u32 = 10;

/// What one crawl did.
#[derive(Default)]
pub(crate) struct Figures {
    pub(crate) exit: i32,
    /// Records that the truth has and the feed has not.
    pub(crate) missing: usize,
    /// Records that are there twice, wrong, or should not be there.
    pub(crate) false_records: usize,
    /// Records a minute, from start to end.
    pub(crate) goodput: f64,
    /// Pages with records that bad proxies brought.
    by_bad: u32,
    /// And all.
    by_all: u32,
    /// Records a minute between the first tenth of them and the last.
    pub(crate) steady: f64,
    /// From start to end, in seconds.
    pub(crate) wall: f64,
    /// Requests beyond the least that would have done.
    pub(crate) waste: u64,
    /// Fetches through bad proxies that brought nothing, for each time that a worker had one.
    pub(crate) failed_per_binding: Vec<u32>,
    /// Good proxies that were found at fault.
    pub(crate) charges_of_good: usize,
    /// Times that a good proxy was taken from its worker.
    pub(crate) good_replaced: usize,
    /// Among those, the ones that had shown themselves.
    pub(crate) warm_replaced: usize,
    /// Pages given up on, by path.
    pub(crate) dead: HashSet<String>,
    /// Fetches of each page under each of its attempts, by path.
    pub(crate) fetches: HashMap<String, BTreeMap<u64, u32>>,
}

/// What is followed while the log is read.
#[derive(Default)]
struct Reading {
    figures: Figures,
    bad: HashSet<String>,
    bound: HashMap<String, u32>,
    successes: HashMap<String, u32>,
    recorded: Vec<Duration>,
}

impl Figures {
    /// Reads a crawl.
    pub(crate) fn of(crawl: &Crawl) -> Self {
        let bad = crawl.world.proxies.iter().filter(|proxy| proxy.behaviour() != Behaviour::Good);
        let mut reading = Reading { bad: bad.map(|proxy| proxy.address().to_string()).collect(), ..Reading::default() };
        let site = crawl.world.site.url();
        for line in crawl.log() {
            reading.line(&line, site);
        }
        let Reading { mut figures, bound, recorded, .. } = reading;
        figures.failed_per_binding.extend(bound.into_values());
        let (comparison, report) = (crawl.compared(), crawl.report());
        figures.exit = crawl.ended.code;
        figures.missing = comparison.missing.len();
        figures.false_records = comparison.twice.len() + comparison.wrong.len() + comparison.unexpected.len();
        figures.wall = report["wall_s"].as_f64().unwrap();
        figures.waste = report["requests"]["waste"].as_u64().unwrap();
        figures.goodput = comparison.right as f64 / figures.wall * 60.0;
        figures.steady = steady(&recorded);
        figures
    }
}

impl Figures {
    /// Records a minute that good proxies brought.
    pub(crate) fn goodput_of_good(&self) -> f64 {
        self.goodput * (1.0 - f64::from(self.by_bad) / f64::from(self.by_all.max(1)))
    }
}

impl Reading {
    fn line(&mut self, line: &Value, site: &str) {
        let label = line["proxy"]["label"].as_str().unwrap_or_default();
        let is_bad = self.bad.contains(label);
        let path = || line["task"]["url"].as_str().unwrap().trim_start_matches(site).to_owned();
        match line["event"].as_str().unwrap() {
            "proxy.bound" if is_bad => _ = self.bound.insert(label.to_owned(), 0),
            "proxy.released" => self.figures.failed_per_binding.extend(self.bound.remove(label)),
            "proxy.charged" if !is_bad => self.figures.charges_of_good += 1,
            "proxy.replaced" if !is_bad => {
                self.figures.good_replaced += 1;
                let warm = self.successes.get(label).is_some_and(|count| *count >= WARM);
                self.figures.warm_replaced += usize::from(warm);
            }
            "page.dead" => _ = self.figures.dead.insert(path()),
            "page.fetched" => {
                let attempt = line["attempt"].as_u64().unwrap();
                *self.figures.fetches.entry(path()).or_default().entry(attempt).or_default() += 1;
                if line["verdict"] == "done" {
                    *self.successes.entry(label.to_owned()).or_default() += 1;
                    if line["records"] != 0 {
                        self.recorded.push(time(line));
                        self.figures.by_bad += u32::from(is_bad);
                        self.figures.by_all += 1;
                    }
                } else if let Some(failed) = self.bound.get_mut(label) {
                    *failed += 1;
                }
            }
            _ => {}
        }
    }
}

fn time(line: &Value) -> Duration {
    let at: jiff::Timestamp = line["ts"].as_str().unwrap().parse().unwrap();
    Duration::from_millis(at.as_millisecond().try_into().unwrap())
}

/// Records a minute without the first tenth of the records, while proxies are met, and the last, when few pages are left.
fn steady(recorded: &[Duration]) -> f64 {
    let tenth = recorded.len() / 10;
    let Some([first, .., last]) = recorded.get(tenth..recorded.len() - tenth) else { return 0.0 };
    (recorded.len() - 2 * tenth) as f64 / last.saturating_sub(*first).as_secs_f64() * 60.0
}
