//! The keeper: what is known of proxies and of pages under trial survives the process.
//!
//! In come changes, at the latest when a batch is committed; out go small values under names without secrets, only those that
//! have changed, and at the next start they come in again. That a proxy is out ends with the process, and is not kept.

mod health;
mod paces;
pub(super) mod values;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use self::health::ProxyRecord;
use self::values::{control, gone, put, read, venue, verdict};
use super::Desk;
use super::bench::{Bench, Venue};
use super::ledger::Eager;
use super::party::Party;
use super::repute::Repute;
use super::robots::ROBOTS;
use super::trial::{Testimony, Trial};
use crate::clock::Timestamp;
use crate::frontier::Kept;
use crate::proxy::reliability::Reliability;
use crate::proxy::{ProxyId, Route};
use crate::task::{HostKey, StageId, TaskId};
use crate::verdict::Reason;

/// How well a proxy is, by proxy.
const HEALTH: &str = "proxy.health";
/// How reliable a proxy is at a venue, by proxy, host and stage.
const RELIABILITY: &str = "proxy.reliability";
/// How many pages were done and condemned at a venue, by host and stage.
const VENUE: &str = "venue";
/// What is said against a page, by task.
const TRIAL: &str = "page.trial";

/// All kinds of what the Desk keeps.
pub const KEPT: [&str; 7] = [HEALTH, RELIABILITY, VENUE, TRIAL, paces::LANE, paces::HOST, ROBOTS];

/// So many values go along with one batch at most.
const AT_ONCE: usize = 1000;
/// News waits so long for pages to go along with.
const NEWS_AFTER: Duration = Duration::from_secs(1);

/// Who is who in what is kept, and what was last written of proxies.
#[derive(Debug)]
pub(super) struct Keeper {
    names: Vec<Option<Arc<str>>>,
    written: Vec<ProxyRecord>,
    /// Proxies whose health may have changed since it was written.
    pub(super) patients: BTreeSet<ProxyId>,
    /// Places whose pace may have changed since it was written.
    paced: BTreeSet<(ProxyId, HostKey)>,
    since: Option<Timestamp>,
}

#[derive(Debug, Serialize, Deserialize)]
struct VenueRecord {
    done: u64,
    condemned: u64,
    /// Pages that were done, by number and address: what proxies prove themselves by.
    controls: Vec<(u64, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TrialRecord {
    condemned_at: Option<f64>,
    testimonies: Vec<TestimonyRecord>,
}

#[derive(Debug, Serialize, Deserialize)]
struct TestimonyRecord {
    proxy: Arc<str>,
    host: Arc<str>,
    stage: u16,
    verdict: String,
    code: String,
    detail: String,
    trusted: bool,
    entered: bool,
}

impl VenueRecord {
    fn of(bench: &Bench) -> Self {
        let controls = bench.controls().map(|(id, url)| (id.0, url.as_str().to_owned())).collect();
        Self { done: bench.done, condemned: bench.condemned, controls }
    }
}

impl Keeper {
    /// Nothing is written yet.
    pub(super) fn new(routes: &[Route]) -> Self {
        let names: Vec<_> = routes.iter().map(Route::kept_as).collect();
        let written = vec![ProxyRecord::default(); names.len()];
        Self { written, names, patients: BTreeSet::new(), paced: BTreeSet::new(), since: None }
    }

    /// A proxy that was not there at the start, or is back.
    pub(super) fn meet(&mut self, proxy: ProxyId, route: &Route) {
        let place = proxy.0 as usize;
        if place >= self.names.len() {
            self.names.resize(place + 1, None);
            self.written.resize(place + 1, ProxyRecord::default());
        }
        self.names[place] = route.kept_as();
    }

    fn name(&self, proxy: ProxyId) -> Option<&Arc<str>> {
        self.names.get(proxy.0 as usize)?.as_ref()
    }
}

impl Desk {
    /// Gives what has changed to the ledger, if a batch is about to go or if the news has waited long enough.
    pub(super) fn write_news(&mut self, now: Timestamp, eager: Eager) {
        let no_pages = self.docket.news.is_empty() && self.trials.news.is_empty();
        let no_proxies = self.keeper.patients.is_empty() && self.keeper.paced.is_empty();
        if no_pages && no_proxies && self.robots.news.is_empty() {
            return;
        }
        let waited = now.since(*self.keeper.since.get_or_insert(now)) >= NEWS_AFTER;
        if self.ledger.takes_more(now, eager) || (waited && self.ledger.is_idle()) {
            self.keeper.since = None;
            let mut kept = Vec::new();
            self.write_health(&mut kept);
            self.write_paces(&mut kept);
            self.write_docket(&mut kept);
            self.write_trials(&mut kept);
            self.write_robots(&mut kept);
            self.ledger.keep(kept);
        }
    }

    fn write_docket(&mut self, kept: &mut Vec<Kept>) {
        while kept.len() < AT_ONCE
            && let Some((venue, proxy)) = self.docket.news.pop_first()
        {
            let bench = self.docket.bench(&venue);
            let place = format!("{} {}", venue.host, venue.stage.0);
            match proxy.map(|proxy| (proxy, self.keeper.name(proxy))) {
                None => {
                    let record = bench.map(VenueRecord::of);
                    kept.push(record.map_or_else(|| gone(VENUE, place.clone()), |record| put(VENUE, &*place, &record)));
                }
                Some((proxy, Some(name))) => {
                    let key = format!("{name} {place}");
                    let known = bench.and_then(|bench| bench.witness(proxy)).map(|witness| witness.reliability);
                    kept.push(
                        known.map_or_else(|| gone(RELIABILITY, key.clone()), |known| put(RELIABILITY, &*key, &known)),
                    );
                }
                Some((_, None)) => {}
            }
        }
    }

    fn write_trials(&mut self, kept: &mut Vec<Kept>) {
        while kept.len() < AT_ONCE
            && let Some(page) = self.trials.news.pop_first()
        {
            if page.is_built_in() {
                continue;
            }
            let key = page.to_string();
            kept.push(match self.trials.get(page) {
                None => gone(TRIAL, key),
                Some(trial) => put(TRIAL, key, &self.trial_record(trial)),
            });
        }
    }

    fn trial_record(&self, trial: &Trial) -> TrialRecord {
        let record = |testimony: &Testimony| {
            let Reason { code, detail } = testimony.verdict.reason().cloned()?;
            Some(TestimonyRecord {
                proxy: self.keeper.name(testimony.proxy).cloned()?,
                host: Arc::clone(&testimony.venue.host.0),
                stage: testimony.venue.stage.0,
                verdict: testimony.verdict.as_str().to_owned(),
                code,
                detail,
                trusted: testimony.trusted,
                entered: testimony.entered,
            })
        };
        let testimonies = trial.testimonies.iter().filter_map(record).collect();
        TrialRecord { condemned_at: trial.condemned_at, testimonies }
    }

    /// Takes in what an earlier process knew. What cannot be read is passed over: it only makes us ask again.
    pub(super) fn recall(&mut self, kept: &[Kept], now: Timestamp) {
        let names = self.keeper.names.iter().cloned().zip(0..);
        let ids: HashMap<Arc<str>, ProxyId> = names.filter_map(|(name, id)| Some((name?, ProxyId(id)))).collect();
        self.recall_health(kept, &ids, now);
        for Kept { kind, key, value } in kept {
            let value = value.as_deref().unwrap_or_default();
            match &**kind {
                RELIABILITY => self.recall_reliability(key, value, &ids, now),
                VENUE => self.recall_venue(key, value),
                TRIAL => self.recall_trial(key, value, &ids, now),
                paces::LANE => self.recall_lane(key, value, &ids, now),
                paces::HOST => self.recall_host(key, value, now),
                ROBOTS => self.recall_robots(key, value, now),
                _ => {}
            }
        }
        // All this is written already, and changes nothing for anybody who waits.
        (self.docket.news, self.trials.news) = (BTreeSet::new(), BTreeSet::new());
    }

    fn recall_reliability(&mut self, key: &str, value: &[u8], ids: &HashMap<Arc<str>, ProxyId>, now: Timestamp) {
        let known = key.split_once(' ').and_then(|(name, place)| Some((*ids.get(name)?, venue(place)?)));
        if let (Some((proxy, venue)), Some(reliability)) = (known, read::<Reliability>(value)) {
            self.docket.recall(proxy, &venue, reliability);
            if reliability.has_succeeded() {
                let repute = Repute::of(&self.docket.reliability_anywhere(proxy));
                for party in [Party::Line, Party::Host(venue.host.clone())] {
                    self.guard.recall(&party, proxy, repute, now);
                }
            }
        }
    }

    fn recall_venue(&mut self, key: &str, value: &[u8]) {
        if let (Some(venue), Some(record)) = (venue(key), read::<VenueRecord>(value)) {
            let bench = self.docket.bench_mut(&venue);
            (bench.done, bench.condemned) = (record.done, record.condemned);
            for (id, url) in record.controls {
                if let Ok(url) = url.parse() {
                    self.docket.recall_control(&venue, control(TaskId(id), venue.stage, url));
                }
            }
            if record.done > 0 {
                self.stages_done.insert(venue.stage);
            }
        }
    }

    fn recall_trial(&mut self, key: &str, value: &[u8], ids: &HashMap<Arc<str>, ProxyId>, now: Timestamp) {
        let (Ok(page), Some(record)) = (key.parse().map(TaskId), read::<TrialRecord>(value)) else { return };
        let mut trial = Trial { testimonies: Vec::new(), condemned_at: record.condemned_at };
        // Behind a rotating line, nobody who spoke then is ever met again.
        let met = if self.is_rotating() { Vec::new() } else { record.testimonies };
        for told in met {
            let Some(&proxy) = ids.get(&told.proxy) else { continue };
            let venue = Venue { host: HostKey(told.host), stage: StageId(told.stage) };
            if !told.entered {
                self.docket.failed(proxy, &venue, page);
            }
            let verdict = verdict(&told.verdict, Reason { code: told.code, detail: told.detail });
            let (trusted, entered) = (told.trusted, told.entered);
            trial.testimonies.push(Testimony { proxy, line: proxy, venue, verdict, trusted, entered, again_at: now });
        }
        if trial.condemned_at.is_some() || !trial.testimonies.is_empty() {
            *self.trials.open(page) = trial;
        }
    }
}
