//! A crawl that has ended, and the questions that can be put to what it left: feed, log, report, and the site's journal.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use burdock::demo::check::{Comparison, compare};
use burdock::demo::proxy::Behaviour;
use burdock::demo::site::Visit;
use serde_json::Value;

use super::process::{Ended, tail};
use super::world::World;

pub struct Crawl {
    pub world: World,
    pub ended: Ended,
}

impl Crawl {
    pub fn expect_exit(mut self, code: i32) -> Self {
        self.ended = self.ended.expect_exit(code);
        self
    }

    pub fn expect_said(mut self, text: &str) -> Self {
        self.ended = self.ended.expect_said(text);
        self
    }

    /// Every record that the site's faults leave, once, right, and no other.
    pub fn expect_all_records(self) -> Self {
        let comparison = self.compared();
        let stderr = tail(&self.ended.stderr);
        assert!(comparison.is_perfect(), "{comparison}\n{comparison:#?}\nexit {}\n{stderr}", self.ended.code);
        self
    }

    /// The feed beside the truth.
    pub fn compared(&self) -> Comparison {
        compare(self.read("records.jsonl").as_bytes(), self.world.site.truth()).unwrap()
    }

    /// The records, in the order of their URLs.
    pub fn records(&self) -> Vec<Value> {
        let mut records: Vec<Value> =
            self.read("records.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        records.sort_by_key(|record| record["url"].to_string());
        records
    }

    /// The log's lines, each of them JSON.
    pub fn log(&self) -> Vec<Value> {
        let line =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in a log line: {line}"));
        self.read("run.log.jsonl").lines().map(line).collect()
    }

    /// The log's lines of one event.
    pub fn events(&self, event: &str) -> Vec<Value> {
        self.log().into_iter().filter(|line| line["event"] == event).collect()
    }

    /// The pages that were given up on, by path, with the code of the reason.
    pub fn dead_letters(&self) -> BTreeMap<String, String> {
        let path = |line: &Value| {
            let url = line["task"]["url"].as_str().unwrap();
            url.strip_prefix(self.world.site.url()).unwrap().to_owned()
        };
        let code = |line: &Value| line["reason"]["code"].as_str().unwrap().to_owned();
        self.events("page.dead").iter().map(|line| (path(line), code(line))).collect()
    }

    /// All that a crawl writes, wherever.
    pub fn everything_written(&self) -> String {
        let files = ["records.jsonl", "run.log.jsonl", "report.json"].map(|name| self.read(name));
        files.concat() + &self.ended.stdout + &self.ended.stderr
    }

    /// What stands at `pointer` (`/proxy/label`) in each line of one event, each once.
    pub fn distinct(&self, event: &str, pointer: &str) -> BTreeSet<String> {
        let at = |line: &Value| line.pointer(pointer).unwrap_or_else(|| panic!("no {pointer} in {line}")).to_string();
        self.events(event).iter().map(at).collect()
    }

    /// The labels of the proxies that are not good, as `distinct` has them.
    pub fn bad_proxies(&self) -> BTreeSet<String> {
        let bad = self.world.proxies.iter().filter(|proxy| proxy.behaviour() != Behaviour::Good);
        bad.map(|proxy| Value::from(proxy.address().to_string()).to_string()).collect()
    }

    /// Nobody was found at fault, taken from its worker, or sent to rest.
    pub fn expect_no_proxy_blamed(self) -> Self {
        for event in ["proxy.charged", "proxy.replaced", "proxy.cooling", "proxy.retired"] {
            assert_eq!(self.events(event), [] as [Value; 0]);
        }
        self
    }

    /// Exactly these pages were given up on.
    pub fn expect_dead(self, paths: &[&str]) -> Self {
        let mut wanted = paths.to_vec();
        wanted.sort_unstable();
        assert_eq!(self.dead_letters().keys().collect::<Vec<_>>(), wanted, "{:#?}", self.dead_letters());
        self
    }

    pub fn report(&self) -> Value {
        serde_json::from_str(&self.read("report.json")).unwrap()
    }

    /// The site's journal, by address, each in the order of starting.
    pub fn visits(&mut self) -> BTreeMap<IpAddr, Vec<Visit>> {
        let mut by_address: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for visit in self.world.site.journal.visits() {
            by_address.entry(visit.from).or_default().push(visit.clone());
        }
        by_address.values_mut().for_each(|visits| visits.sort_by_key(|visit| visit.started));
        assert!(!by_address.is_empty(), "nobody asked the site anything\n{}", tail(&self.ended.stderr));
        by_address
    }

    /// At no time do two workers hold one proxy, by the order of the log.
    pub fn bindings_never_overlap(self) -> Self {
        let mut held: HashMap<Value, Value> = HashMap::new();
        let mut bindings = 0;
        for line in self.log() {
            let (label, epoch) = (line["proxy"]["label"].clone(), line["proxy"]["epoch"].clone());
            if line["event"] == "proxy.bound" {
                bindings += 1;
                assert!(label.is_string() && epoch.is_u64(), "label and epoch are there: {line}");
                let holder = held.insert(label, epoch);
                assert_eq!(holder, None, "bound while still held: {line}");
            } else if line["event"] == "proxy.released" {
                assert_eq!(held.remove(&label), Some(epoch), "released by who does not hold it: {line}");
            }
        }
        assert!(bindings > 0, "no proxy was ever bound");
        self
    }

    /// Every page was fetched by a worker through a proxy that it had been given before.
    pub fn fetches_are_by_holders(self) -> Self {
        let mut given = BTreeSet::new();
        let mut pages = 0;
        for line in self.log() {
            let pair = (line["worker"]["id"].to_string(), line["proxy"]["label"].to_string());
            if line["event"] == "proxy.bound" {
                given.insert(pair);
            } else if line["event"] == "page.fetched" {
                pages += 1;
                assert!(given.contains(&pair), "fetched through a proxy that it never held: {line}");
            }
        }
        assert!(pages > 0, "no page was ever fetched");
        self
    }

    /// The site never saw two requests of one address at once.
    pub fn requests_never_overlap_per_address(mut self) -> Self {
        for (address, visits) in self.visits() {
            for pair in visits.windows(2) {
                assert!(pair[1].started >= pair[0].ended, "{address} overlaps itself: {pair:#?}");
            }
        }
        self
    }

    /// The least time between the starts of two requests of one address.
    pub fn min_gap_per_address(&mut self) -> Duration {
        let visits = self.visits();
        let gaps =
            visits.values().flat_map(|of_one| of_one.windows(2)).map(|pair| pair[1].started.since(pair[0].started));
        gaps.min().expect("some address asked twice")
    }

    /// Nothing reached the site other than through a proxy.
    pub fn none_direct(mut self) -> Self {
        let direct = self.visits().remove(&IpAddr::from(Ipv4Addr::LOCALHOST));
        assert_eq!(direct, None);
        self
    }

    /// The same command once more, with further arguments.
    pub fn again(self, args: &[&str]) -> Self {
        let ended = self.world.start(args).finish();
        Self { world: self.world, ended }
    }

    fn read(&self, name: &str) -> String {
        let path = self.world.left(name);
        fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!("{}: {error}\nexit {}\n{}", path.display(), self.ended.code, tail(&self.ended.stderr))
        })
    }
}
