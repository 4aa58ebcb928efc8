//! What can go wrong with a feed; each error names its file.
//!
//! In come what was being done and why it failed; out go sentences for people. What follows from one is the caller's business.

use std::io;
use std::path::{Path, PathBuf};

use super::kept::ReadError;

/// Why a feed cannot be opened or cannot go on.
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
    /// A file to append to has other columns.
    #[error(
        "feed {}: its columns are {found}, and would be {wanted}; move the file away, or give the feed another path",
        path.display()
    )]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// The first line of the file, or the columns of the table.
        found: String,
        /// Those of this feed.
        wanted: String,
    },
    /// A table would have to be built anew, and not all that is in it is this run's.
    #[error(
        "feed {}: the columns have changed, and table {table:?} has rows that this run did not write; move the file away, or give \
         the feed another path",
        path.display()
    )]
    ForeignRows {
        /// The file.
        path: PathBuf,
        /// The table.
        table: String,
    },
    /// A file to append to is no database.
    #[error("feed {}: it is not an SQLite database; move it away, or give the feed another path", path.display())]
    NoDatabase {
        /// The file.
        path: PathBuf,
    },
    /// The feed lacks records that have been removed.
    #[error(
        "feed {}: {why}, and records that were delivered are not kept (frontier.keep_records = false); put the file back as it \
         was, leave out a feed that was added, or begin anew with --fresh",
        path.display()
    )]
    NotKept {
        /// The file.
        path: PathBuf,
        /// Why it lacks them.
        why: &'static str,
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
    /// The database cannot be worked with.
    #[error("feed {}: cannot {action} it: {source}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done, as in `write`.
        action: &'static str,
        /// Why not.
        source: rusqlite::Error,
    },
    /// The store does not give the records that the feed lacks.
    #[error("feed {}: cannot read its records from the store: {reason}", path.display())]
    Records {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

impl FeedError {
    /// An error of the file system with `path`.
    pub(super) fn io(path: &Path, action: &'static str) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Io { path: path.clone(), action, source }
    }

    /// An error of the database at `path`.
    pub(super) fn database(path: &Path, action: &'static str) -> impl Fn(rusqlite::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::Database { path: path.clone(), action, source }
    }

    /// An error of the store's reader, as it concerns the feed at `path`.
    pub(super) fn records(path: &Path, error: &ReadError) -> Self {
        Self::Records { path: path.to_owned(), reason: error.to_string() }
    }
}
