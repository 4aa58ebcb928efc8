//! What tells one version of a file from another, without its being read.
//!
//! A path comes in, a stamp goes out. Two files that look the same by it may still differ, if the same length was written within
//! one tick of the system's clock.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// When a file was written last, how long it is, and which one it is; nothing of a file that is not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FileStamp(Option<(i64, i64, u64, u64)>);

impl FileStamp {
    /// The stamp of the file at `path` now; of what it leads to, if it is a link.
    pub fn of(path: &Path) -> Self {
        let known = fs::metadata(path).ok();
        Self(known.map(|known| (known.mtime(), known.mtime_nsec(), known.len(), known.ino())))
    }
}
