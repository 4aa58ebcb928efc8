//! A look at a run's folder from outside, whether or not a process crawls in it.
//!
//! In come a folder and a config; out goes what its files say of the run. Nothing in it is changed, and nobody who wants to
//! crawl in it is kept from it.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::lock::{self, Holder};
use super::{FolderError, Manifest, REPORT, RunFolder, Source, failed, read_json};
use crate::exit::ExitCode;

/// What the files of a run's folder say.
#[derive(Clone, Debug)]
pub struct Glance {
    /// The folder, absolute.
    pub folder: PathBuf,
    /// What the run is.
    pub manifest: Manifest,
    /// The process that holds the folder now.
    pub holder: Option<Holder>,
    /// How the last process that came to an end did so.
    pub end: Option<End>,
}

/// What a report says of the end of its process.
#[derive(Clone, Debug, Deserialize)]
pub struct End {
    /// The exit code.
    pub exit_code: ExitCode,
    /// Why, as a sentence.
    pub ended_because: String,
    /// When that process began, RFC 3339, UTC; `None` if it did not even begin.
    pub started: Option<String>,
    /// When it ended, RFC 3339, UTC; `None` if it did not even begin.
    pub ended: Option<String>,
}

/// Is there still something to do in a run?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A process has the folder.
    Running,
    /// Everything has ended.
    Finished,
    /// Nobody works on it, and not everything has ended.
    Unfinished,
}

impl Progress {
    /// The name in what is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Unfinished => "unfinished",
        }
    }
}

impl Glance {
    /// Where the report lies, or will.
    pub fn report_path(&self) -> PathBuf {
        self.folder.join(REPORT)
    }

    /// Is there still something to do?
    pub fn progress(&self) -> Progress {
        let complete = self.end.as_ref().is_some_and(|end| end.exit_code.is_complete());
        match (&self.holder, complete && self.manifest.reopened.is_none()) {
            (Some(_), _) => Progress::Running,
            (None, true) => Progress::Finished,
            (None, false) => Progress::Unfinished,
        }
    }
}

impl RunFolder {
    /// Looks at the folder of a run at `path`, without holding it.
    ///
    /// # Errors
    /// There is no run, or another config's; its files are garbled; the file system refuses.
    pub fn look(path: &Path, source: &Source) -> Result<Glance, FolderError> {
        let folder = std::path::absolute(path).map_err(failed(path))?;
        let manifest = manifest(&folder, source)?;
        let holder = lock::look(&folder)?;
        let end = read_json(&folder.join(REPORT))?;
        Ok(Glance { folder, manifest, holder, end })
    }
}

/// The manifest of the run that is there, which is this config's.
pub(super) fn manifest(folder: &Path, source: &Source) -> Result<Manifest, FolderError> {
    let manifest = Manifest::read(folder)?.ok_or_else(|| FolderError::NoRun { folder: folder.into() })?;
    if manifest.config.is_same_as(source) {
        Ok(manifest)
    } else {
        Err(FolderError::OtherConfig { folder: folder.into(), config: manifest.config.path })
    }
}
