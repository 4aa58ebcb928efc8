//! Why a run folder cannot be used, and what to do about it.
//!
//! In come a folder and what was found there; out go an exit code and sentences for people.

use std::io;
use std::path::PathBuf;

use crate::exit::ExitCode;

/// Why a run folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process is crawling in it.
    #[error("run folder {folder} is in use{}", by(*.pid))]
    InUse {
        /// The folder.
        folder: PathBuf,
        /// That process.
        pid: Option<u32>,
    },
    /// The folder holds something, but no run.
    #[error("{folder} is not empty and holds no run")]
    Foreign {
        /// The folder.
        folder: PathBuf,
    },
    /// Nothing has been crawled there.
    #[error("there is no run in {folder}")]
    NoRun {
        /// The folder.
        folder: PathBuf,
    },
    /// The run of another config.
    #[error("{folder} holds the run of another config, {config}")]
    OtherConfig {
        /// The folder.
        folder: PathBuf,
        /// That config.
        config: PathBuf,
    },
    /// A run that did not come to its end, and is not kept where the config says.
    #[error("the run in {folder} {state}, and it is kept in a store")]
    Stored {
        /// The folder.
        folder: PathBuf,
        /// How it ended, as the end of a sentence.
        state: String,
    },
    /// A run that did not come to its end, and cannot be continued.
    #[error("the run in {folder} {state}, and a run in memory cannot be continued")]
    Unfinished {
        /// The folder.
        folder: PathBuf,
        /// How it ended, as the end of a sentence.
        state: String,
    },
    /// A file in it is not what it should be.
    #[error("{path}: {why}")]
    Garbled {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The file system refuses.
    #[error("{path}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn by(pid: Option<u32>) -> String {
    pid.map_or_else(|| " by another process".into(), |pid| format!(" by process {pid}"))
}

impl FolderError {
    /// The exit code that it leads to.
    pub const fn exit_code(&self) -> ExitCode {
        match self {
            Self::InUse { .. } => ExitCode::InUse,
            Self::Foreign { .. }
            | Self::NoRun { .. }
            | Self::OtherConfig { .. }
            | Self::Unfinished { .. }
            | Self::Stored { .. }
            | Self::Garbled { .. } => ExitCode::Usage,
            Self::Io { .. } => ExitCode::Unexpected,
        }
    }

    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::InUse { .. } => "wait for it, stop it, or give this run another crawl.name",
            Self::Foreign { .. } => "choose another crawl.name or crawl.data_dir, or move that folder away",
            Self::NoRun { .. } => "begin one with burdock run; where it lies is said by crawl.data_dir and crawl.name",
            Self::OtherConfig { .. } => "give one of the two configs another crawl.name",
            Self::Stored { .. } => {
                "continue it with frontier.kind = \"sqlite\", or begin anew with --fresh, which moves the old folder aside"
            }
            Self::Unfinished { .. } => "begin anew with --fresh, which moves the old folder aside",
            Self::Garbled { .. } => "move the folder away, or choose another crawl.name",
            Self::Io { .. } => "see to the path, its permissions and the space on its disk",
        }
    }
}
