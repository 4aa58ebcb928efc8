//! The plan of the feeds: which stages and columns each one has, made from config and recipe before anything is opened.
//!
//! In come the `[[feed]]` tables and the compiled recipe; out go open feeds. What is written to them is not known here.

use std::path::PathBuf;

use super::columns::Columns;
use super::csv::Csv;
use super::feeds::Feeds;
use super::file::FeedFile;
use super::jsonl::Jsonl;
use super::{Feed, FeedError};
use crate::config::{self, FeedKind, IfExists};
use crate::extract::{Recipe, Stage};
use crate::protocol::FeedId;

/// What is to be opened.
#[derive(Clone, Debug)]
pub struct FeedPlan {
    feeds: Vec<Planned>,
}

#[derive(Clone, Debug)]
struct Planned {
    id: FeedId,
    kind: FeedKind,
    path: PathBuf,
    columns: Columns,
    if_exists: IfExists,
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

    /// Opens all feeds, and makes the folders that they lie in.
    ///
    /// # Errors
    /// A file that is not ours to write to, or cannot be opened. No file that had something in it has then changed.
    pub fn open(self) -> Result<Feeds, FeedError> {
        let opened = self.feeds.into_iter().map(|planned| Ok((planned.id, planned.open()?)));
        opened.collect::<Result<Vec<_>, FeedError>>().map(Feeds::new)
    }
}

impl Planned {
    fn new(id: FeedId, feed: &config::Feed, recipe: &Recipe) -> Result<Self, FeedError> {
        if feed.kind == FeedKind::Csv && feed.stages.len() != 1 {
            return Err(FeedError::OneStageOnly { path: feed.path.clone(), count: feed.stages.len() });
        }
        let stage = |name: &String| -> Result<&Stage, FeedError> {
            let unknown = || FeedError::UnknownStage { path: feed.path.clone(), stage: name.clone() };
            recipe.stage_id(name).map(|id| recipe.stage(id)).ok_or_else(unknown)
        };
        let stages = feed.stages.iter().map(stage).collect::<Result<Vec<_>, _>>()?;
        let columns = Columns::new(&feed.meta, stages);
        Ok(Self { id, kind: feed.kind, path: feed.path.clone(), columns, if_exists: feed.if_exists })
    }

    fn open(self) -> Result<Box<dyn Feed>, FeedError> {
        let file = FeedFile::open(&self.path, self.if_exists)?;
        Ok(match self.kind {
            FeedKind::Jsonl => Box::new(Jsonl::new(self.columns, file)),
            FeedKind::Csv => Box::new(Csv::new(self.columns, file)?),
        })
    }
}
