//! The plan of the feeds: which stages and columns each one has, made from config and recipe before anything is opened.
//!
//! In come the `[[feed]]` tables and the compiled recipe; out go feeds that can be opened. What is in their files, and what is
//! written to them, is not known here.

use std::path::PathBuf;

use super::FeedError;
use super::columns::Columns;
use super::csv::Bom;
use super::kept::Source;
use super::lines::{Format, Layout};
use super::opening::Opening;
use crate::config::{self, FeedKind, IfExists};
use crate::extract::{Recipe, Stage};
use crate::frontier::FeedCursor;
use crate::protocol::FeedId;

/// What is to be opened.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    feeds: Vec<Planned>,
}

/// One feed to be opened.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) id: FeedId,
    pub(super) kind: FeedKind,
    pub(super) path: PathBuf,
    pub(super) form: Form,
    pub(super) if_exists: IfExists,
}

/// What a feed writes.
#[derive(Clone, Debug)]
pub(super) enum Form {
    Lines(Layout),
    Tables(Columns),
}

impl FeedPlan {
    /// Plans the feeds of a config; their ids are their places.
    ///
    /// # Errors
    /// A feed for a stage that is not in the recipe, or a CSV feed for several stages.
    pub fn new(feeds: &[config::Feed], recipe: &Recipe) -> Result<Self, FeedError> {
        let feeds = (0..=u16::MAX).zip(feeds);
        let feeds = feeds.map(|(id, feed)| Planned::new(FeedId(id), feed, recipe)).collect::<Result<_, _>>()?;
        Ok(Self { feeds })
    }

    /// Opens all feeds, and makes the folders that they lie in. `kept` is what the store has of the feeds of this run, and
    /// `source` is where the records are that a feed lacks.
    ///
    /// # Errors
    /// A file that is not ours to write to, that cannot be opened, or that can no longer be made whole. No file that had
    /// something in it has then changed.
    pub fn open(self, kept: &[FeedCursor], source: Source) -> Result<Opening, FeedError> {
        Opening::new(self.feeds, kept, source)
    }
}

impl Planned {
    pub(super) fn new(id: FeedId, feed: &config::Feed, recipe: &Recipe) -> Result<Self, FeedError> {
        if feed.kind == FeedKind::Csv && feed.stages.len() != 1 {
            return Err(FeedError::OneStageOnly { path: feed.path.clone(), count: feed.stages.len() });
        }
        let stage = |name: &String| -> Result<&Stage, FeedError> {
            let unknown = || FeedError::UnknownStage { path: feed.path.clone(), stage: name.clone() };
            recipe.stage_id(name).map(|id| recipe.stage(id)).ok_or_else(unknown)
        };
        let stages = feed.stages.iter().map(stage).collect::<Result<Vec<_>, _>>()?;
        let columns = Columns::new(&feed.meta, stages);
        let compress = feed.compress;
        let form = match feed.kind {
            FeedKind::Jsonl => Form::Lines(Layout { columns, format: Format::Jsonl, compress }),
            FeedKind::Csv => {
                let bom = if feed.bom { Bom::Present } else { Bom::Absent };
                Form::Lines(Layout { columns, format: Format::Csv(bom), compress })
            }
            FeedKind::Sqlite => Form::Tables(columns),
        };
        Ok(Self { id, kind: feed.kind, path: feed.path.clone(), form, if_exists: feed.if_exists })
    }
}
