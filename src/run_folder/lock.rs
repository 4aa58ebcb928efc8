//! Holds a run folder for one process: a file lock with the holder's pid in the file.
//!
//! In comes a folder; out comes the lock, or whose it is. The system frees the lock when its process ends, however it ends,
//! so a pid left in the file means nothing by itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{FolderError, LOCK, failed};

/// How often a folder may be moved away between opening its lock file and locking it.
const TRIES: u32 = 5;

/// The lock; dropping it frees the folder.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `folder` and writes our pid into it.
    pub(super) fn take(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(LOCK);
        for _ in 0..TRIES {
            let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
            let mut file = options.map_err(failed(&path))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FolderError::InUse { folder: folder.into(), pid: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(FolderError::Io { path, source }),
            }
            // `--fresh` elsewhere may have moved the folder, and this file with it, before we locked it.
            if is_at(&file, &path).map_err(failed(&path))? {
                sign(&mut file).map_err(failed(&path))?;
                return Ok(Self { _file: file });
            }
        }
        Err(FolderError::InUse { folder: folder.into(), pid: None })
    }
}

fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}
