//! The sink: committed records on their way into files.
//!
//! In come records in the store's order; out go lines in each feed, and cursors that say how far each one durably is. It
//! knows formats and files, but neither pages nor the store, which it asks through [`Records`] alone. [`Sink`] is the actor; all
//! that it does is done by [`Feeds`]. A [`FeedPlan`] is opened with what the store keeps, its [`Opening`]'s changes are
//! committed, and then it is started.

mod actor;
mod columns;
mod csv;
mod error;
mod export;
mod fault;
mod feeds;
mod file;
mod frames;
mod jsonl;
mod kept;
mod lines;
mod notes;
mod opening;
mod plan;
mod sqlite;
mod standing;

#[cfg(test)]
mod tests;

use crate::record::{Record, Seq};

pub use actor::Sink;
pub use error::FeedError;
pub use export::Export;
pub use feeds::{Feeds, Flush};
pub use file::Extent;
pub use kept::{ReadError, Records, Source};
pub use notes::{FeedNote, Start};
pub use opening::Opening;
pub use plan::FeedPlan;
pub use standing::Why;

/// One output. It takes the records of its stages and passes over all others.
pub trait Feed: Send {
    /// Takes a record. It need not be in the file before the next [`Feed::sync`].
    ///
    /// # Errors
    /// Those of the file; the feed is then of no more use.
    fn write(&mut self, record: &Record) -> Result<(), FeedError>;

    /// Does it wait for more, because making durable what it has would cost too much for too little?
    fn is_short(&self) -> bool;

    /// Makes all that was taken durable, everything up to `through` having been given, and says what the file is now.
    ///
    /// # Errors
    /// Those of the file; the feed is then of no more use.
    fn sync(&mut self, through: Seq) -> Result<Extent, FeedError>;

    /// Takes the place of what was there before, if it was built anew: it has all that the store has.
    ///
    /// # Errors
    /// Those of the file; the feed is then of no more use.
    fn install(&mut self) -> Result<(), FeedError> {
        Ok(())
    }

    /// Writes what a complete file still needs, and makes it durable.
    ///
    /// # Errors
    /// Those of the file.
    fn close(self: Box<Self>, through: Seq) -> Result<Extent, FeedError>;
}
