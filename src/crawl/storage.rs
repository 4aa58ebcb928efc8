//! Where a crawl keeps its tasks and puts its records: the frontier of the config's kind, and the feeds over it.
//!
//! In come settings and start tasks; out go a frontier that is ours, and feeds that are as far as it knows them to be. The one
//! place that knows both; neither knows the other.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::resume::Plan;
use super::seeds::StartTasks;
use super::shapes::Fitting;
use crate::address::{Scope, Starts};
use crate::clock::Timestamp;
use crate::config::{FrontierKind, Retry, Settings};
use crate::dispatcher::desk::KEPT;
use crate::extract::Recipe;
use crate::frontier::fingerprint::Fingerprinter;
use crate::frontier::memory::MemoryFrontier;
use crate::frontier::sqlite::{Retention, SqliteFrontier};
use crate::frontier::{Batch, FeedNames, Frontier, FrontierError, Kept, RecordReader, Seeds};
use crate::record::{Seq, StoredRecord};
use crate::run_folder::{Changes, STORE};
use crate::sink::{FeedPlan, Feeds, ReadError, Records, Source, Start};
use crate::task::StageId;
use crate::telemetry::say::{self, Weight};

/// A frontier and the feeds over it.
pub(super) struct Storage {
    pub(super) frontier: Box<dyn Frontier>,
    pub(super) feeds: Feeds,
    pub(super) feed_names: FeedNames,
    /// The last record that was committed before.
    pub(super) stored: Seq,
    /// What is known of proxies and pages from before.
    pub(super) kept: Vec<Kept>,
}

/// What makes tasks of start URLs.
struct Tasks<'a> {
    stage: StageId,
    recipe: &'a Arc<Recipe>,
    scope: &'a Arc<Scope>,
}

impl Tasks<'_> {
    fn of(&self, starts: Starts) -> Box<dyn Seeds> {
        Box::new(StartTasks::new(starts, self.stage, Arc::clone(self.recipe), Arc::clone(self.scope)))
    }
}

/// What a storage is opened with besides its settings.
pub(super) struct Opening<'a> {
    /// The stage of the start URLs.
    pub(super) stage: StageId,
    /// The recipe.
    pub(super) recipe: &'a Arc<Recipe>,
    /// What may be fetched.
    pub(super) scope: &'a Arc<Scope>,
    /// The key of the run's fingerprints.
    pub(super) key: [u8; 16],
    /// How the run goes on, if that is known already.
    pub(super) plan: Option<Plan>,
}

/// Opens both. What an earlier process had claimed goes back to its place.
pub(super) fn open(settings: &Settings, opening: Opening<'_>, now: Timestamp) -> anyhow::Result<Storage> {
    let recipe = opening.recipe;
    let (mut frontier, fitting): (Box<dyn Frontier>, _) = match settings.frontier.kind {
        FrontierKind::Memory => (Box::new(in_memory(settings, &opening)?), Fitting::default()),
        FrontierKind::Sqlite => {
            let (store, fitting) = in_store(settings, opening, now)?;
            (Box::new(store), fitting)
        }
    };
    let source = source(&*frontier, settings.frontier.keep_records, fitting)?;
    let opening = FeedPlan::new(&settings.feeds, recipe)?.open(&frontier.feeds()?, source)?;
    // Before a feed writes anything: without its first cursor, the next start would take our lines for somebody else's.
    let begun = frontier.commit(&Batch { feeds: opening.changes(), ..Batch::default() }, now)?;
    for note in opening.notes() {
        let weight = match note.start {
            Start::New => Weight::Usual,
            Start::Rebuilt(_) => Weight::Odd,
            Start::Appended(_) | Start::Added | Start::Resumed { .. } | Start::Stream | Start::Dropped => Weight::News,
        };
        say::feed_started(&note.feed, note.start.as_str(), &note.start.to_string(), weight);
    }
    let feed_names = opening.names().clone();
    let mut kept = Vec::new();
    for kind in KEPT {
        kept.extend(frontier.kept(kind)?);
    }
    Ok(Storage { frontier, feeds: opening.start()?, feed_names, stored: begun.through, kept })
}

fn in_memory(settings: &Settings, opening: &Opening<'_>) -> anyhow::Result<MemoryFrontier> {
    let &Opening { stage, recipe, scope, key, .. } = opening;
    let names = recipe.stages().iter().map(|stage| Arc::clone(stage.name())).collect();
    let starts = Starts::open(&settings.crawl)?;
    Ok(MemoryFrontier::new(Fingerprinter::new(key, names), Tasks { stage, recipe, scope }.of(starts)))
}

fn in_store(settings: &Settings, opening: Opening<'_>, now: Timestamp) -> anyhow::Result<(SqliteFrontier, Fitting)> {
    let Opening { stage, recipe, scope, key, plan } = opening;
    let path: PathBuf = settings.run_dir().join(STORE);
    let mut plan = match plan {
        Some(plan) => plan,
        None => Plan::new(settings, key, &path)?.allowed(Changes::Refuse)?,
    };
    let fingerprints = Fingerprinter::new(key, plan.stage_names(recipe));
    let tasks = Tasks { stage, recipe, scope };
    let from = |mark| Ok(tasks.of(plan.starts(settings, mark)?));
    let retention = if settings.frontier.keep_records { Retention::Keep } else { Retention::Prune };
    let mut store = SqliteFrontier::open(&path, fingerprints.clone(), retention, from)?;
    store.recover()?;
    store.hasten(now + longest_wait(&settings.retry))?;
    let revised = plan.apply(&mut store, &fingerprints, recipe, scope)?;
    say::revised(plan.changes(), revised.left_out, revised.returned);
    Ok((store, plan.fitting(settings)))
}

/// The longest that a page is ever put off: see `retry.backoff_max`, to which jitter adds up to a half.
fn longest_wait(retry: &Retry) -> Duration {
    retry.backoff_max.saturating_mul(3) / 2
}

/// Where feeds get what they lack. Whether the store still has everything is for itself to say: an earlier start may have been
/// told to remove what was delivered.
fn source(frontier: &dyn Frontier, keep: bool, fitting: Fitting) -> Result<Source, FrontierError> {
    let Some(mut reader) = frontier.reader()? else { return Ok(Source::Orders) };
    let first = reader.records(Seq(0), 1)?.first().map(|record| record.seq);
    let whole = frontier.stats().records == 0 || first == Some(Seq(1));
    let records = Box::new(FromStore { reader, fitting });
    Ok(if keep && whole { Source::All(records) } else { Source::Undelivered(records) })
}

/// The store's reader, as the sink asks it.
struct FromStore {
    reader: Box<dyn RecordReader>,
    fitting: Fitting,
}

impl Records for FromStore {
    fn after(&mut self, after: Seq, n: usize) -> Result<Vec<StoredRecord>, ReadError> {
        let records = self.reader.records(after, n).map_err(|error: FrontierError| ReadError::from(error))?;
        Ok(records.into_iter().map(|record| self.fitting.fit(record)).collect())
    }
}
