//! `report.json`: what a run was, what it did and cost, and what to do next.
//!
//! In comes the tally with how the run ended; out goes a [`Report`] that serializes as the file has it. Pure: nothing is
//! read or written here. `docs/logs.md` explains the numbers.

mod check;
mod next;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use super::tally::{DeadLetters, Fetches, Host, Limit, Proxy, ProxyState, StageTasks, Tally, WorkerCounts};
use super::{Names, Places};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Ending;
use crate::exit::{ExitCode, ending_name, ending_shown};
use crate::proxy::ProxyId;
use crate::task::StageId;

/// What is known of a run before it begins.
#[derive(Clone, Debug)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The config that it was started with.
    pub config: PathBuf,
    /// Where its files lie.
    pub places: Places,
    /// The same command continues it, if it does not come to its end.
    pub durable: bool,
}

/// The report.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The run's id.
    pub run_id: String,
    /// The run's name.
    pub name: String,
    /// Burdock's version.
    pub version: &'static str,
    /// How it ended: `complete`, `no_proxy`, `interrupted`, `died`, `failed`.
    pub outcome: &'static str,
    /// The same as a sentence.
    pub ended_because: String,
    /// The process's exit code.
    pub exit_code: ExitCode,
    /// What to do next.
    pub next: String,
    /// RFC 3339, UTC.
    pub started: String,
    /// RFC 3339, UTC.
    pub ended: String,
    /// Seconds between the two.
    pub wall_s: f64,
    /// Pages done a minute, in this process.
    pub pages_per_minute: f64,
    /// What most heartbeats named as the limit.
    pub limited_by: Option<Limit>,
    /// Tasks by state and stage.
    pub tasks: Tasks,
    /// Records committed.
    pub records: u64,
    /// By stage and field: the share of records that have something in it, 0 to 1.
    pub fill: BTreeMap<String, BTreeMap<String, f64>>,
    /// Fetches by verdict and suspect.
    pub fetches: Fetches,
    /// Requests.
    pub requests: Requests,
    /// Bytes.
    pub bytes: Bytes,
    /// The proxies, in the order of the config.
    pub proxies: Vec<ProxyLine>,
    /// By `host:port`; the first thousand, the rest as `other`.
    pub hosts: BTreeMap<String, Host>,
    /// The worker slots.
    pub workers: WorkerCounts,
    /// Pages given up on, by the reason's code.
    pub dead_letters: BTreeMap<String, DeadLetters>,
    /// Where everything lies.
    #[serde(serialize_with = "places")]
    pub places: Places,
    /// Sums that do not add up; not in the file if they do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub discrepancies: Vec<String>,
}

/// Tasks: found = done + gone + dead + excluded + left.
#[derive(Clone, Debug, Serialize)]
pub struct Tasks {
    /// Distinct tasks found.
    pub found: u64,
    /// Fetched and committed.
    pub done: u64,
    /// Not there, says the site.
    pub gone: u64,
    /// Given up on.
    pub dead: u64,
    /// Not to be fetched.
    pub excluded: u64,
    /// Those of them that robots.txt has barred since this start.
    pub barred_by_robots: u64,
    /// Not ended.
    pub left: u64,
    /// Start URLs that were not looked at, and are not among those found; `null`: some.
    pub unread: Option<u64>,
    /// Links found since this start that lie deeper than `limits.depth`, and are not among those found.
    pub too_deep: u64,
    /// Ended by a fetch, by stage; links that were excluded when they were found are not among them.
    pub by_stage: BTreeMap<String, StageTasks>,
}

/// Requests: total = fetches + probes + hops + redials − unsent; waste = total − the least that would have done.
#[derive(Clone, Debug, Serialize)]
pub struct Requests {
    /// Requests that went out.
    pub total: u64,
    /// Fetches of pages that were done before, which only showed whether a proxy works.
    pub probes: u64,
    /// Redirects followed.
    pub hops: u64,
    /// Repeated because a kept connection had gone stale.
    pub redials: u64,
    /// Never went out, because the way to the site failed first.
    pub unsent: u64,
    /// Beyond one for each task ended by a fetch, and its hops.
    pub waste: u64,
    /// Fetches that ended without an outcome; what they sent is not known.
    pub abandoned: u64,
}

/// Bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Bytes {
    /// On the wire, both ways, handshakes included.
    pub wire: u64,
    /// Of bodies, decompressed.
    pub body: u64,
}

/// One proxy.
#[derive(Clone, Debug, Serialize)]
pub struct ProxyLine {
    /// Its label.
    pub label: String,
    /// Where it was at the end.
    pub state: ProxyState,
    /// Requests through it.
    pub requests: u64,
    /// Fetches.
    pub fetches: u64,
    /// Fetches that gave a page.
    pub ok: u64,
    /// The others, by the reason's code, whoever was to blame.
    pub failures: BTreeMap<String, u64>,
    /// What it was found at fault for.
    pub faults: BTreeMap<String, u64>,
    /// Times that a worker gave it up.
    pub replaced: u64,
    /// Times that it had to rest.
    pub cooldowns: u64,
    /// Bytes on the wire.
    pub wire: u64,
    /// Seconds in workers' hands.
    pub bound_s: f64,
    /// The share of that time in which it was fetching.
    pub busy_share: f64,
}

impl Tally {
    /// The report of a run that ended so.
    pub fn report(&mut self, run: &Run, ending: &Ending, now: Timestamp) -> Report {
        // The time since the last heartbeat counts for `limited_by` as well.
        self.heartbeat(now);
        let wall = now.since(self.started).as_secs_f64();
        let exit_code = ExitCode::of(ending, self.stats.dead);
        let fetches = &self.pages.fetches;
        let done = self.stats.done.saturating_sub(self.before.done);
        let mut report = Report {
            run_id: run.id.clone(),
            name: run.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            outcome: ending_name(ending),
            ended_because: ending_shown(ending),
            exit_code,
            next: next::step(ending, self.stats.dead, run),
            started: self.started.rfc3339(),
            ended: now.rfc3339(),
            wall_s: rounded(wall),
            pages_per_minute: if wall > 0.0 { rounded(done as f64 / wall * 60.0) } else { 0.0 },
            limited_by: self.limited_by(),
            tasks: self.tasks(),
            records: self.stats.records,
            fill: self.fill(),
            fetches: fetches.clone(),
            requests: self.requests(),
            bytes: Bytes { wire: fetches.wire, body: fetches.body },
            proxies: self.proxies.iter().map(|(id, proxy)| proxy_line(&self.names, id, proxy, now)).collect(),
            hosts: self.pages.hosts.clone(),
            workers: self.workers.counts(),
            dead_letters: self.pages.dead_letters.clone(),
            places: run.places.clone(),
            discrepancies: Vec::new(),
        };
        report.discrepancies = check::discrepancies(&report, &self.before, ending);
        report
    }

    fn tasks(&self) -> Tasks {
        let stats = &self.stats;
        let stages = (0..).map(StageId).zip(&self.pages.stages);
        Tasks {
            found: stats.found,
            done: stats.done,
            gone: stats.gone,
            dead: stats.dead,
            excluded: stats.excluded,
            barred_by_robots: self.pages.barred,
            left: stats.left(),
            unread: stats.unread,
            too_deep: self.pages.too_deep,
            by_stage: stages.map(|(id, tasks)| (self.names.stage(id).to_owned(), tasks.clone())).collect(),
        }
    }

    fn requests(&self) -> Requests {
        let fetches = &self.pages.fetches;
        Requests {
            total: fetches.requests,
            probes: fetches.probes,
            hops: fetches.hops,
            redials: fetches.redials,
            unsent: fetches.unsent,
            waste: self.pages.waste(),
            abandoned: self.pages.abandoned,
        }
    }

    fn fill(&self) -> BTreeMap<String, BTreeMap<String, f64>> {
        let mut shares = BTreeMap::new();
        for ((stage, fields), fill) in self.names.stages.iter().zip(&self.names.fields).zip(&self.pages.fill) {
            if fill.records > 0 {
                let share = |filled: &u64| rounded(*filled as f64 / fill.records as f64);
                let fields = fields.iter().map(ToString::to_string).zip(fill.filled.iter().map(share));
                shares.insert(stage.to_string(), fields.collect());
            }
        }
        shares
    }
}

fn proxy_line(names: &Names, id: ProxyId, proxy: &Proxy, now: Timestamp) -> ProxyLine {
    ProxyLine {
        label: names.proxy(id).to_owned(),
        state: proxy.state(),
        requests: proxy.requests,
        fetches: proxy.fetches,
        ok: proxy.ok,
        failures: proxy.failures.clone(),
        faults: proxy.faults.clone(),
        replaced: proxy.replaced,
        cooldowns: proxy.cooldowns,
        wire: proxy.wire,
        bound_s: rounded(proxy.bound_time(now).as_secs_f64()),
        busy_share: rounded(proxy.busy_share(now)),
    }
}

/// Three decimals are enough for people and keep the file short.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

fn places<S: serde::Serializer>(places: &Places, serializer: S) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(3))?;
    map.serialize_entry("feeds", &places.feeds)?;
    map.serialize_entry("log", &places.log)?;
    map.serialize_entry("report", &places.report)?;
    map.end()
}

#[cfg(test)]
mod tests;
