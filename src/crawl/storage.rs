//! Where a crawl keeps its tasks and puts its records: the frontier of the config's kind, and the feeds over it.
//!
//! In come settings and start tasks; out go a frontier that is ours, and feeds that are as far as it knows them to be. The one
//! place that knows both; neither knows the other.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::seeds::StartTasks;
use crate::address::{Scope, StartMark, Starts};
use crate::clock::Timestamp;
use crate::config::{FrontierKind, Settings};
use crate::dispatcher::desk::KEPT;
use crate::extract::Recipe;
use crate::frontier::fingerprint::Fingerprinter;
use crate::frontier::memory::MemoryFrontier;
use crate::frontier::sqlite::{Retention, SqliteFrontier};
use crate::frontier::{Batch, FeedNames, Frontier, FrontierError, Kept, RecordReader, Seeds};
use crate::record::{Seq, StoredRecord};
use crate::sink::{FeedPlan, Feeds, ReadError, Records, Source, Start};
use crate::task::StageId;
use crate::telemetry::say::{self, Weight};

/// The store's file in the run's folder.
pub(super) const STORE: &str = "store.sqlite";

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

/// The start tasks of a crawl, from where they were left.
struct Tasks<'a> {
    settings: &'a Settings,
    stage: StageId,
    recipe: &'a Arc<Recipe>,
    scope: &'a Arc<Scope>,
}

impl Tasks<'_> {
    fn from(&self, mark: StartMark) -> io::Result<Box<dyn Seeds>> {
        let starts = Starts::open_at(&self.settings.crawl, mark)?;
        Ok(Box::new(StartTasks::new(starts, self.stage, Arc::clone(self.recipe), Arc::clone(self.scope))))
    }
}

/// Opens both. What an earlier process had claimed goes back to its place.
pub(super) fn open(
    settings: &Settings,
    stage: StageId,
    recipe: &Arc<Recipe>,
    scope: &Arc<Scope>,
    fingerprint_key: [u8; 16],
    now: Timestamp,
) -> anyhow::Result<Storage> {
    let names: Vec<Arc<str>> = recipe.stages().iter().map(|stage| Arc::clone(stage.name())).collect();
    let fingerprints = Fingerprinter::new(fingerprint_key, names);
    let tasks = Tasks { settings, stage, recipe, scope };
    let mut frontier: Box<dyn Frontier> = match settings.frontier.kind {
        FrontierKind::Memory => Box::new(MemoryFrontier::new(fingerprints, tasks.from(StartMark::default())?)),
        FrontierKind::Sqlite => {
            let path: PathBuf = settings.run_dir().join(STORE);
            Box::new(SqliteFrontier::open(&path, fingerprints, Retention::Keep, |mark| tasks.from(mark))?)
        }
    };
    frontier.recover()?;
    let source = match frontier.reader()? {
        Some(reader) => Source::All(Box::new(FromStore(reader))),
        None => Source::Orders,
    };
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

/// The store's reader, as the sink asks it.
struct FromStore(Box<dyn RecordReader>);

impl Records for FromStore {
    fn after(&mut self, after: Seq, n: usize) -> Result<Vec<StoredRecord>, ReadError> {
        self.0.records(after, n).map_err(|error: FrontierError| ReadError::from(error))
    }
}
