//! Going on with a run whose config may have changed: what is compared, what simply takes effect, and what is asked about.
//!
//! In come settings and the store of the run, out comes a [`Plan`]: what has changed, whether there is anything to crawl, and what
//! becomes of the tasks in the store. Nothing is changed before it is applied.

mod change;
mod found;
mod judge;
mod meaning;
mod starts;

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use self::change::{Again, changes};
use self::found::{CONFIG, begun_with, holds};
use self::judge::Judge;
use self::meaning::{Allowed, Meaning};
use self::starts::{REMOVED, StartList};
use super::shapes::{Fitting, Shapes};
use crate::address::{Scope, StartMark, Starts, start_hosts};
use crate::config::{Hosts, Settings};
use crate::extract::Recipe;
use crate::frontier::fingerprint::{Fingerprint, Fingerprinter};
use crate::frontier::revision::{Revised, Revision};
use crate::frontier::sqlite::{SqliteFrontier, Survey};
use crate::frontier::{FrontierError, Kept, StoreError};
use crate::record::Seq;
use crate::run_folder::Changes;
use crate::task::Task;

pub use change::Change;

/// Why a run cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The store cannot be looked at.
    #[error(transparent)]
    Store(#[from] FrontierError),
    /// The start URLs cannot be read.
    #[error("reading the start URLs: {0}")]
    Starts(#[source] io::Error),
    /// What the run was begun with is there, but in other words than this version's.
    #[error("what the run was begun with cannot be read: {0}")]
    Garbled(#[source] serde_json::Error),
    /// The pages that are done speak against it.
    #[error("the run was begun with other settings:{}", listed(.0))]
    Changed(Vec<Change>),
}

fn listed(changes: &[Change]) -> String {
    changes.iter().map(|change| format!("\n  {change}")).collect()
}

impl ResumeError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Store(FrontierError::Store(StoreError::Newer { .. })) => {
                "go on with that version, or begin anew with --fresh, which moves the old folder aside"
            }
            Self::Changed(_) => {
                "go on with --accept-changes (pages that are done keep their records), or begin anew with --fresh (which moves \
                 the old folder aside), or put it back as it was"
            }
            Self::Store(_) | Self::Garbled(_) => {
                "see to the file, or begin anew with --fresh, which moves the old folder aside"
            }
            Self::Starts(_) => "mend the start file",
        }
    }
}

/// How a run goes on.
#[derive(Debug)]
pub struct Plan {
    changes: Vec<Change>,
    meaning: Meaning,
    starts: StartList,
    shapes: Shapes,
    kept: Vec<Kept>,
    /// Stages of the store that the config does not have.
    ghosts: Vec<Arc<str>>,
    ghosts_wait: bool,
    hosts_differ: bool,
    left: u64,
}

impl Plan {
    /// Compares settings with the store at `path`, which need not be there; `key` is that of the run's fingerprints.
    ///
    /// # Errors
    /// The store cannot be looked at, or the start URLs cannot be read.
    pub fn new(settings: &Settings, key: [u8; 16], path: &Path) -> Result<Self, ResumeError> {
        let hosts = match settings.crawl.hosts {
            Hosts::Start => start_hosts(&settings.crawl).map_err(ResumeError::Starts)?,
            Hosts::Any | Hosts::Listed(_) => BTreeSet::new(),
        };
        let meaning = Meaning::of(settings, &hosts, key);
        match Survey::open(path)? {
            None => Ok(Self::first(settings, meaning)),
            Some(survey) => Self::compare(settings, meaning, key, &survey),
        }
    }

    fn first(settings: &Settings, meaning: Meaning) -> Self {
        let mut shapes = Shapes::default();
        let kept = shapes.go_on_with(&settings.stages, Seq::default());
        Self {
            changes: Vec::new(),
            meaning,
            starts: StartList::unread(),
            shapes,
            kept,
            ghosts: Vec::new(),
            ghosts_wait: false,
            hosts_differ: false,
            left: 0,
        }
    }

    fn compare(settings: &Settings, mut meaning: Meaning, key: [u8; 16], survey: &Survey) -> Result<Self, ResumeError> {
        // None: the process died between making the store and its first word in it, so nothing was crawled.
        let before = begun_with(survey)?.unwrap_or_else(|| meaning.clone());
        let holds = holds(settings, survey)?;
        let mut changes = changes(&before, &meaning, &holds);
        let fingerprints = Fingerprinter::new(key, names(settings));
        let starts = StartList::compare(settings, &fingerprints, survey, &before, &meaning)?;
        changes.extend(start_changes(&starts, &changes));
        let hosts_differ =
            matches!((&before.hosts, &meaning.hosts), (Allowed::Start(one), Allowed::Start(other)) if one != other);
        meaning.remember(&before);
        meaning.starts_within = starts.within;
        let mut shapes = Shapes::of(survey)?;
        let kept = shapes.go_on_with(&settings.stages, survey.through());
        let gone = holds.iter().filter(|(name, _)| !settings.stages.iter().any(|stage| stage.name == **name));
        let ghosts = gone.clone().map(|(name, _)| name.as_str().into()).collect();
        let ghosts_wait = gone.clone().any(|(_, holds)| holds.left > 0);
        Ok(Self {
            changes,
            meaning,
            starts,
            shapes,
            kept,
            ghosts,
            ghosts_wait,
            hosts_differ,
            left: survey.stats().left(),
        })
    }

    /// What has changed.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The same plan, if the pages that are done do not speak against it.
    ///
    /// # Errors
    /// What speaks against it, unless that is accepted.
    pub fn allowed(self, changes: Changes) -> Result<Self, ResumeError> {
        let against: Vec<_> = self.changes.iter().filter(|change| !change.is_safe()).cloned().collect();
        if against.is_empty() || changes == Changes::Accept { Ok(self) } else { Err(ResumeError::Changed(against)) }
    }

    /// Is there, or may there be, anything to do in a run that was finished?
    pub fn has_work(&self) -> bool {
        self.left > 0
            || self.starts.unread != Some(0)
            || self.hosts_differ
            || self.changes.iter().any(Change::brings_work)
    }

    /// The names of all stages: the config's, then those that only the store has.
    pub(super) fn stage_names(&self, recipe: &Recipe) -> Vec<Arc<str>> {
        let names = recipe.stages().iter().map(|stage| Arc::clone(stage.name()));
        names.chain(self.ghosts.iter().cloned()).collect()
    }

    /// The start URLs, from where they are to be read on if they were read up to `mark`.
    pub(super) fn starts(&mut self, settings: &Settings, mark: StartMark) -> io::Result<Starts> {
        let mark = if self.reads_anew() { StartMark::default() } else { mark };
        match self.starts.opened.take().filter(|starts| starts.mark() == mark) {
            Some(starts) => Ok(starts),
            None => Starts::open_at(&settings.crawl, mark),
        }
    }

    /// Must the list be read from its beginning? What is known in it is passed over.
    fn reads_anew(&self) -> bool {
        self.starts.is_other || self.has(&[Change::StartStage, Change::DropParams])
    }

    fn has(&self, wanted: &[Change]) -> bool {
        self.changes.iter().any(|change| wanted.contains(change))
    }

    /// What brings older records into the order of today's fields.
    pub(super) fn fitting(&self, settings: &Settings) -> Fitting {
        self.shapes.fitting(&settings.stages)
    }

    /// Makes the tasks of the store follow the config, in one transaction; gives how many were left out and came back.
    pub(super) fn apply(
        &self,
        store: &mut SqliteFrontier,
        fingerprints: &Fingerprinter,
        recipe: &Recipe,
        scope: &Scope,
    ) -> Result<Revised, FrontierError> {
        let judge = Judge { starts: &self.starts, fingerprints, recipe, scope, widened: self.is_wider() };
        let (waiting, left_out) = (|task: &Task| judge.waiting(task), |task: &Task, why| judge.left_out(task, why));
        let kept = self.to_keep();
        store.revise(&Revision {
            mark: self.reads_anew().then(StartMark::default),
            kept: &kept,
            waiting: self.sifts().then_some(&waiting),
            left_out: self.readmits().then_some(&left_out),
        })
    }

    fn is_wider(&self) -> bool {
        self.hosts_differ
            || self.changes.iter().any(|change| matches!(change, Change::Widened { .. } | Change::Narrowed { .. }))
    }

    fn sifts(&self) -> bool {
        let moved = |change: &Change| matches!(change, Change::Narrowed { .. } | Change::Priority { .. });
        self.ghosts_wait || self.hosts_differ || !self.starts.removed.is_empty() || self.changes.iter().any(moved)
    }

    fn readmits(&self) -> bool {
        let back = |change: &Change| matches!(change, Change::StageAdded { again: Again::Back, .. });
        self.is_wider() || !self.starts.returned.is_empty() || self.changes.iter().any(back)
    }

    fn to_keep(&self) -> Vec<Kept> {
        let mut kept = self.kept.clone();
        let meaning = serde_json::to_vec(&self.meaning).unwrap_or_default();
        kept.push(Kept { kind: CONFIG.0.into(), key: CONFIG.1.into(), value: Some(meaning.into()) });
        let start = |start: &Fingerprint, value: Option<Arc<[u8]>>| {
            let key = format!("{:016x}", start.0).into();
            Kept { kind: REMOVED.into(), key, value }
        };
        kept.extend(self.starts.removed.iter().map(|removed| start(removed, Some([].into()))));
        kept.extend(self.starts.returned.iter().map(|returned| start(returned, None)));
        kept
    }
}

fn names(settings: &Settings) -> Vec<Arc<str>> {
    settings.stages.iter().map(|stage| stage.name.as_str().into()).collect()
}

/// What has changed in the list of start URLs, beside what else has.
fn start_changes(starts: &StartList, others: &[Change]) -> Vec<Change> {
    let mut changes = Vec::new();
    // Then all of them are other pages, which is said already.
    let renamed = others.iter().any(|change| matches!(change, Change::StartStage | Change::DropParams));
    if !renamed && !starts.removed.is_empty() {
        changes.push(Change::StartsRemoved { count: starts.removed.len() as u64, first: starts.first.clone() });
    }
    if starts.is_other {
        changes.push(Change::Starts);
    }
    changes
}
