//! What became of pages: fetches by verdict, tasks by stage, traffic, hosts, dead letters, and how full the records are.
//!
//! In come the ends of fetches and committed records. Pure counting.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::super::Names;
use super::super::shown::url_shown;
use crate::dispatcher::notice::{Decision, PageNotice, ProbeNotice, Then};
use crate::protocol::Meters;
use crate::record::Record;
use crate::task::Task;
use crate::verdict::Reason;

/// Hosts that are counted by name; a crawl of the whole web must not fill the memory with its report.
const HOSTS: usize = 1_000;
/// Reasons that are counted by name; their codes are a fixed set, so this is never reached.
const REASONS: usize = 100;
/// Where those beyond the caps are counted.
const OTHER: &str = "other";

/// Everything about pages.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Fetches and their traffic.
    pub fetches: Fetches,
    /// Ended tasks by stage.
    pub stages: Vec<StageTasks>,
    /// Fill counts by stage and field.
    pub fill: Vec<Fill>,
    /// By `host:port`.
    pub hosts: BTreeMap<String, Host>,
    /// By the reason's code.
    pub dead_letters: BTreeMap<String, DeadLetters>,
    /// Fetches that ended without an outcome.
    pub abandoned: u64,
    /// Links of pages that are done, that lie deeper than `limits.depth`.
    pub too_deep: u64,
    /// Pages that a robots.txt bars.
    pub barred: u64,
    /// Requests that would have done: for each task ended by a fetch one, and its hops; a robots.txt is such a task.
    pub least: u64,
}

/// Fetches, by what they turned out to be, and what they cost.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Fetches {
    /// All of them: one a verdict.
    pub total: u64,
    /// By verdict.
    pub by_verdict: BTreeMap<&'static str, u64>,
    /// By suspect.
    pub by_suspect: BTreeMap<&'static str, u64>,
    /// Those of them that asked for a robots.txt.
    pub robots: u64,
    /// Fetches of pages that were done before, which only showed whether a proxy works; not among the fetches.
    #[serde(skip)]
    pub probes: u64,
    /// Requests that went out.
    #[serde(skip)]
    pub requests: u64,
    /// Redirects that were followed.
    #[serde(skip)]
    pub hops: u64,
    /// Requests repeated on a fresh connection.
    #[serde(skip)]
    pub redials: u64,
    /// Requests that never went out, because the way to the site failed first.
    #[serde(skip)]
    pub unsent: u64,
    /// Bytes on the wire.
    #[serde(skip)]
    pub wire: u64,
    /// Bytes of bodies, decompressed.
    #[serde(skip)]
    pub body: u64,
}

/// The tasks of one stage that have ended, and the fetches that it took.
#[derive(Clone, Debug, Default, Serialize)]
pub struct StageTasks {
    /// Fetches.
    pub fetches: u64,
    /// Their pages are in.
    pub done: u64,
    /// Not there, says the site.
    pub gone: u64,
    /// Given up on.
    pub dead: u64,
    /// A redirect led them where the crawl must not go, or robots.txt bars them.
    pub excluded: u64,
}

/// How full the records of one stage are.
#[derive(Clone, Debug, Default)]
pub struct Fill {
    /// Records.
    pub records: u64,
    /// For each field, the records in which it has something.
    pub filled: Vec<u64>,
}

/// What one host was asked and gave.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Host {
    /// Fetches of its pages.
    pub fetches: u64,
    /// Requests for them.
    pub requests: u64,
    /// Fetches that gave a page.
    pub done: u64,
    /// Pages that it does not have.
    pub gone: u64,
    /// Pages given up on.
    pub dead: u64,
    /// Bytes on the wire.
    pub wire: u64,
}

/// Pages given up on for one reason.
#[derive(Clone, Debug, Default, Serialize)]
pub struct DeadLetters {
    /// How many.
    pub count: u64,
    /// The first one's address, without secrets.
    pub example: String,
    /// What was said of it.
    pub detail: String,
}

impl Pages {
    /// Nothing yet, with room for the stages of the recipe.
    pub fn new(names: &Names) -> Self {
        let fill = |fields: &Vec<_>| Fill { records: 0, filled: vec![0; fields.len()] };
        Self {
            fetches: Fetches::default(),
            stages: vec![StageTasks::default(); names.stages.len()],
            fill: names.fields.iter().map(fill).collect(),
            hosts: BTreeMap::new(),
            dead_letters: BTreeMap::new(),
            abandoned: 0,
            too_deep: 0,
            barred: 0,
            least: 0,
        }
    }

    /// Counts the end of a fetch.
    pub fn page(&mut self, page: &PageNotice) {
        let meters = &page.meters;
        let fetches = &mut self.fetches;
        fetches.total += 1;
        fetches.robots += u64::from(page.task.stage.is_robots());
        *fetches.by_verdict.entry(page.verdict.as_str()).or_default() += 1;
        *fetches.by_suspect.entry(page.verdict.suspect().as_str()).or_default() += 1;
        fetches.cost(meters);
        if matches!(page.then, Then::Done | Then::Gone | Then::Dead(_) | Then::Excluded) {
            self.least += (1 + u64::from(meters.hops)).min(meters.requests.into());
        }
        if page.then == Then::Done {
            self.too_deep += page.too_deep as u64;
        }
        if let Some(stage) = self.stages.get_mut(usize::from(page.task.stage.0)) {
            stage.fetches += 1;
            stage.then(&page.then);
        }
        let host = slot(&mut self.hosts, &page.task.host.0, HOSTS);
        host.fetches += 1;
        host.cost(meters);
        if !page.task.stage.is_robots() {
            host.then(&page.then);
            self.letter(&page.task, &page.then);
        }
    }

    /// Counts a page that a robots.txt bars.
    pub fn barred(&mut self, task: &Task) {
        self.barred += 1;
        if let Some(stage) = self.stages.get_mut(usize::from(task.stage.0)) {
            stage.then(&Then::Excluded);
        }
    }

    /// Counts a fetch that only showed whether a proxy works.
    pub fn probe(&mut self, probe: &ProbeNotice) {
        self.fetches.probes += 1;
        self.fetches.cost(&probe.meters);
        slot(&mut self.hosts, &probe.task.host.0, HOSTS).cost(&probe.meters);
    }

    /// Counts a page that was decided on while nobody fetched it.
    pub fn decided(&mut self, decision: &Decision) {
        let Decision { task, then, .. } = decision;
        // Without its host's robots.txt a page is given up on before it has cost anything.
        let has_cost = |reason: &Reason| reason.code != "robots.unreachable";
        self.least += u64::from(matches!(then, Then::Gone) || matches!(then, Then::Dead(why) if has_cost(why)));
        if task.stage.is_robots() {
            return;
        }
        if let Some(stage) = self.stages.get_mut(usize::from(task.stage.0)) {
            stage.then(then);
        }
        slot(&mut self.hosts, &task.host.0, HOSTS).then(then);
        self.letter(task, then);
    }

    fn letter(&mut self, task: &Task, then: &Then) {
        if let Then::Dead(reason) = then {
            slot(&mut self.dead_letters, &reason.code, REASONS).add(task, reason);
        }
    }

    /// Counts a committed record.
    pub fn record(&mut self, record: &Record) {
        let Some(fill) = self.fill.get_mut(usize::from(record.stage.0)) else { return };
        fill.records += 1;
        for (filled, value) in fill.filled.iter_mut().zip(&record.values) {
            *filled += u64::from(has_something(value));
        }
    }

    /// Requests beyond those that would have done.
    pub fn waste(&self) -> u64 {
        self.fetches.requests.saturating_sub(self.least)
    }
}

impl Fetches {
    fn cost(&mut self, meters: &Meters) {
        let planned = 1 + u64::from(meters.hops) + u64::from(meters.redials);
        self.requests += u64::from(meters.requests);
        self.hops += u64::from(meters.hops);
        self.redials += u64::from(meters.redials);
        self.unsent += planned.saturating_sub(meters.requests.into());
        self.wire += meters.wire;
        self.body += meters.body;
    }
}

impl StageTasks {
    fn then(&mut self, then: &Then) {
        match then {
            Then::Done => self.done += 1,
            Then::Gone => self.gone += 1,
            Then::Dead(_) => self.dead += 1,
            Then::Excluded => self.excluded += 1,
            Then::Again | Then::Later(_) | Then::Stale => {}
        }
    }
}

impl Host {
    fn cost(&mut self, meters: &Meters) {
        self.requests += u64::from(meters.requests);
        self.wire += meters.wire;
    }

    fn then(&mut self, then: &Then) {
        match then {
            Then::Done => self.done += 1,
            Then::Gone => self.gone += 1,
            Then::Dead(_) => self.dead += 1,
            Then::Excluded | Then::Again | Then::Later(_) | Then::Stale => {}
        }
    }
}

impl DeadLetters {
    fn add(&mut self, task: &Task, reason: &Reason) {
        self.count += 1;
        if self.count == 1 {
            self.example = url_shown(&task.request.url);
            self.detail.clone_from(&reason.detail);
        }
    }
}

/// The place where `name` is counted, among at most `cap` names and [`OTHER`].
pub(super) fn slot<'a, T: Default>(counts: &'a mut BTreeMap<String, T>, name: &str, cap: usize) -> &'a mut T {
    let name = if counts.len() < cap || counts.contains_key(name) { name } else { OTHER };
    counts.entry(name.to_owned()).or_default()
}

/// Is there something in a field: neither null nor an empty text or list?
fn has_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
