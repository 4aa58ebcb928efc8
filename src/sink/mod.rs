//! The sink: committed records on their way into files.
//!
//! In come records in the store's order; out go lines in each feed, and cursors that say how far each one durably is. It
//! knows formats and files, but neither pages nor the store. [`Sink`] is the actor; all that it does is done by [`Feeds`].

mod actor;
mod columns;
mod csv;
mod feeds;
mod file;
mod jsonl;
mod plan;

#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use crate::record::Record;

pub use actor::Sink;
pub use feeds::Feeds;
pub use file::Extent;
pub use plan::FeedPlan;

/// One output. It takes the records of its stages and passes over all others.
pub trait Feed: Send {
    /// Takes a record. It need not be in the file before the next [`Feed::sync`].
    ///
    /// # Errors
    /// Those of the file; the feed is then of no more use.
    fn write(&mut self, record: &Record) -> Result<(), FeedError>;

    /// Makes all that was taken durable, and says what the file is now.
    ///
    /// # Errors
    /// Those of the file; the feed is then of no more use.
    fn sync(&mut self) -> Result<Extent, FeedError>;

    /// Writes what a complete file still needs, and makes it durable.
    ///
    /// # Errors
    /// Those of the file.
    fn close(self: Box<Self>) -> Result<Extent, FeedError>;
}

/// What can go wrong with a feed; each names its file.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// Something is in the file that this run did not write, and the config does not say to append to it.
    #[error(
        "feed {}: the file is not empty and was not written by this run; move it away, give the feed another path, or set \
         if_exists = \"append\"",
        path.display()
    )]
    Occupied {
        /// The file.
        path: PathBuf,
    },
    /// A CSV file to append to has other columns.
    #[error(
        "feed {}: its columns are {found}, and would be {wanted}; move the file away, or give the feed another path",
        path.display()
    )]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The first line of the file.
        found: String,
        /// The header of this feed.
        wanted: String,
    },
    /// The feed is for a stage that the recipe does not have.
    #[error("feed {}: there is no stage {stage:?}", path.display())]
    UnknownStage {
        /// The file.
        path: PathBuf,
        /// The stage.
        stage: String,
    },
    /// A CSV feed has one header, so it takes the records of one stage.
    #[error("feed {}: a csv feed takes one stage, not {count}; set stages = [\"…\"]", path.display())]
    OneStageOnly {
        /// The file.
        path: PathBuf,
        /// How many stages it was to take.
        count: usize,
    },
    /// The file cannot be worked with.
    #[error("feed {}: cannot {action} it: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was being done, as in `write`.
        action: &'static str,
        /// Why not.
        source: io::Error,
    },
}
