//! Records as text, outside of any feed: written once more, in the form that a feed has.
//!
//! In come a feed's columns and records; out go the lines that the feed would have. Where they go is the caller's business.

use std::io;

use super::FeedError;
use super::lines::{Format, Layout};
use super::plan::{Form, Planned};
use crate::config::{self, Compress};
use crate::extract::Recipe;
use crate::protocol::FeedId;
use crate::record::Record;

/// Writes lines of one form.
#[derive(Clone, Debug)]
pub struct Export {
    layout: Layout,
}

impl Export {
    /// Lines as `feed` has them, uncompressed; those of a database are JSONL.
    ///
    /// # Errors
    /// A stage that is not in the recipe, or CSV of several stages.
    pub fn new(feed: &config::Feed, recipe: &Recipe) -> Result<Self, FeedError> {
        let layout = match Planned::new(FeedId(0), feed, recipe)?.form {
            Form::Lines(layout) => layout,
            Form::Tables(columns) => Layout { columns, format: Format::Jsonl, compress: Compress::None },
        };
        Ok(Self { layout })
    }

    /// What comes before the first record.
    ///
    /// # Errors
    /// None that columns can cause.
    pub fn head(&self) -> io::Result<Vec<u8>> {
        self.layout.format.head(&self.layout.columns)
    }

    /// Adds a record to `text`, unless it is of another stage.
    ///
    /// # Errors
    /// None that a record can cause.
    pub fn line(&self, record: &Record, text: &mut Vec<u8>) -> io::Result<()> {
        match self.layout.columns.row(record) {
            Some(row) => self.layout.format.line(row, text),
            None => Ok(()),
        }
    }
}
