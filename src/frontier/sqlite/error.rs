//! What can go wrong with the store on disk, in the words of its owner.
//!
//! Inside, a [`Fault`] says what happened; at the door it becomes a [`StoreError`] that names the file.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::super::FrontierError;

/// Why the store on disk cannot be used, or did not take a batch.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is something else.
    #[error("{} is not a store of this program", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of this program has written it.
    #[error("{} was written by a newer version (schema {found}, this one knows {known})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
        /// The newest schema that is known here.
        known: i64,
    },
    /// Its fingerprints are those of another run.
    #[error("{} belongs to another run", path.display())]
    OtherRun {
        /// The file.
        path: PathBuf,
    },
    /// There are tasks of a stage that the config no longer has.
    #[error("{} holds pages of stage \"{stage}\", which the config does not have", path.display())]
    StageGone {
        /// The file.
        path: PathBuf,
        /// The stage.
        stage: String,
    },
    /// Part of it is missing or garbled.
    #[error("{} is damaged: {why}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
    /// Another process has opened it since.
    #[error("{} has been taken over by another process", path.display())]
    Superseded {
        /// The file.
        path: PathBuf,
    },
    /// The disk is full.
    #[error("{}: the disk is full", path.display())]
    Full {
        /// The file.
        path: PathBuf,
    },
    /// Another program keeps it locked.
    #[error("{} is locked by another program", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// Its log cannot be written back and has grown too far.
    #[error("{}: its log has {bytes} bytes and cannot be written back while another program reads it", path.display())]
    Held {
        /// The file.
        path: PathBuf,
        /// The length of the log.
        bytes: u64,
    },
    /// The system refuses.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite refuses.
    #[error("{}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
}

impl StoreError {
    /// Does it lie with what the file is, rather than with the system that it is on?
    pub const fn is_of_the_file(&self) -> bool {
        match self {
            Self::Foreign { .. }
            | Self::Newer { .. }
            | Self::OtherRun { .. }
            | Self::StageGone { .. }
            | Self::Damaged { .. } => true,
            Self::Superseded { .. }
            | Self::Full { .. }
            | Self::Busy { .. }
            | Self::Held { .. }
            | Self::Io { .. }
            | Self::Sqlite { .. } => false,
        }
    }

    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Foreign { .. } | Self::OtherRun { .. } => {
                "put the run's own store back, or begin anew with --fresh, which moves the run's folder aside"
            }
            Self::Newer { .. } => "use that version, or begin anew with --fresh, which moves the run's folder aside",
            Self::StageGone { .. } => {
                "put the stage back, or begin anew with --fresh, which moves the run's folder aside"
            }
            Self::Damaged { .. } => {
                "put back a copy of the run's folder, or begin anew with --fresh, which moves it aside; feeds in it stay as they are"
            }
            Self::Superseded { .. } => "see which process that is: only one can crawl a run",
            Self::Full { .. } => "make room on that disk, then start again",
            Self::Busy { .. } | Self::Held { .. } => "close the other program, then start again",
            Self::Io { .. } | Self::Sqlite { .. } => "see to the file, its permissions and the space on its disk",
        }
    }
}

/// What happened, before it is known to which file.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Io(io::Error),
    Seeds(io::Error),
    Damaged(String),
    Held(u64),
    Newer(i64),
    StageGone(String),
    Foreign,
    OtherRun,
    Superseded,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    /// The same, with the file's name.
    pub(super) fn at(self, path: &Path) -> FrontierError {
        let path = path.to_path_buf();
        FrontierError::Store(match self {
            Self::Seeds(error) => return FrontierError::Seeds(error),
            Self::Io(source) => StoreError::Io { path, source },
            Self::Damaged(why) => StoreError::Damaged { path, why },
            Self::Held(bytes) => StoreError::Held { path, bytes },
            Self::Newer(found) => StoreError::Newer { path, found, known: super::schema::VERSION },
            Self::StageGone(stage) => StoreError::StageGone { path, stage },
            Self::Foreign => StoreError::Foreign { path },
            Self::OtherRun => StoreError::OtherRun { path },
            Self::Superseded => StoreError::Superseded { path },
            Self::Sqlite(source) => match source.sqlite_error_code() {
                Some(ErrorCode::NotADatabase) => StoreError::Foreign { path },
                Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path, why: source.to_string() },
                Some(ErrorCode::DiskFull) => StoreError::Full { path },
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy { path },
                _ => StoreError::Sqlite { path, source },
            },
        })
    }
}
