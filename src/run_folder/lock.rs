//! Holds a run folder for one process: a file lock with the holder's pid in the file.
//!
//! In comes a folder; out comes the lock, or whose it is. The system frees the lock when its process ends, however it ends,
//! so a pid left in the file means nothing by itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::{FolderError, LOCK, failed};

/// How often the folder may be moved away while we are at it.
const TRIES: u32 = 5;

/// The lock; dropping it frees the folder.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of `folder`, which is created if need be, and writes our pid into it.
    pub(super) fn take(folder: &Path) -> Result<Self, FolderError> {
        let path = folder.join(LOCK);
        for _ in 0..TRIES {
            fs::create_dir_all(folder).map_err(failed(folder))?;
            let mut file = match OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path) {
                Ok(file) => file,
                // `--fresh` elsewhere has moved the folder in between.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(source) => return Err(FolderError::Io { path, source }),
            };
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    return Err(FolderError::InUse { folder: folder.into(), pid: holder(&mut file) });
                }
                Err(TryLockError::Error(source)) => return Err(FolderError::Io { path, source }),
            }
            // The same, after we opened the file: what we hold then is the old run's.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_file_that_was_moved_away_with_its_folder_is_not_the_folders_any_more() {
        let home = tempfile::TempDir::new().unwrap();
        let (folder, aside) = (home.path().join("shop"), home.path().join("shop.old"));
        let lock = Lock::take(&folder).unwrap();
        let path = folder.join(LOCK);
        assert!(is_at(&lock._file, &path).unwrap());
        fs::rename(&folder, aside).unwrap();
        assert!(!is_at(&lock._file, &path).unwrap(), "nothing is there");
        let _other = Lock::take(&folder).unwrap();
        assert!(!is_at(&lock._file, &path).unwrap(), "another one is there");
    }
}
