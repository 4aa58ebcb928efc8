//! Opening a run again that has come to its end: what is put back into it is to be crawled.
//!
//! In come a folder and a config; out goes the folder of the run that is there, held. A run that was opened again counts as
//! unfinished until the next process that crawls in it has written its report.

use std::path::Path;

use super::lock::Lock;
use super::{FolderError, MANIFEST, RunFolder, Source, failed, look, write_json};
use crate::clock::Timestamp;

impl RunFolder {
    /// Takes hold of the run that is at `path`, whatever its state.
    ///
    /// # Errors
    /// There is no run, or another config's; it is in use; the file system refuses.
    pub fn hold(path: &Path, source: &Source) -> Result<Self, FolderError> {
        let path = std::path::absolute(path).map_err(failed(path))?;
        // Before the lock, which would make a folder.
        look::manifest(&path, source)?;
        let lock = Lock::take(&path)?;
        let manifest = look::manifest(&path, source)?;
        Ok(Self { path, manifest, _lock: lock })
    }

    /// Notes that the run is not finished, whatever its report says.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn reopen(&mut self, now: Timestamp) -> Result<(), FolderError> {
        self.manifest.reopened = Some(now.rfc3339());
        write_json(&self.path.join(MANIFEST), &self.manifest)
    }

    /// Notes that its report says how it stands.
    pub(super) fn settle(&self) -> Result<(), FolderError> {
        if self.manifest.reopened.is_none() {
            return Ok(());
        }
        let mut manifest = self.manifest.clone();
        manifest.reopened = None;
        write_json(&self.path.join(MANIFEST), &manifest)
    }
}
