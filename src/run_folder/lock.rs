//! Holds a run folder for one process: a file lock with the holder's pid in the file.
//!
//! In comes a folder; out comes the lock, or whose it is: by taking it, or by a look that keeps nobody from taking it. The
//! system frees the lock when its process ends, however it ends, so a pid left in the file means nothing by itself.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::{FolderError, LOCK, failed};
use crate::clock::Timestamp;

/// How often the folder may be moved away, or be looked at by another process, while we are at it.
const TRIES: u32 = 50;
/// More than a look takes, unless its process has to wait for a processor.
const A_LOOK: Duration = Duration::from_millis(10);

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
                // Somebody only looks.
                Err(TryLockError::WouldBlock) if file.try_lock_shared().is_ok() => {
                    std::thread::park_timeout(A_LOOK);
                    continue;
                }
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

/// A process that holds a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its id, if it could be read.
    pub pid: Option<u32>,
    /// When it took the folder, by the wall clock.
    pub since: Timestamp,
}

/// Who holds `folder`.
pub(super) fn look(folder: &Path) -> Result<Option<Holder>, FolderError> {
    let path = folder.join(LOCK);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(FolderError::Io { path, source }),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let modified = file.metadata().and_then(|about| about.modified()).map_err(failed(&path))?;
            let since = Timestamp::default() + modified.duration_since(UNIX_EPOCH).unwrap_or_default();
            Ok(Some(Holder { pid: holder(&mut file), since }))
        }
        Err(TryLockError::Error(source)) => Err(FolderError::Io { path, source }),
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
    fn a_look_says_who_holds_a_folder_and_keeps_nobody_from_it() {
        let home = tempfile::TempDir::new().unwrap();
        let folder = home.path().join("shop");
        assert_eq!(look(&folder).unwrap(), None);
        let lock = Lock::take(&folder).unwrap();
        assert_eq!(look(&folder).unwrap().and_then(|holder| holder.pid), Some(std::process::id()));
        drop(lock);
        assert_eq!(look(&folder).unwrap(), None);
        for _ in 0..20 {
            let looking = File::open(folder.join(LOCK)).unwrap();
            looking.try_lock_shared().unwrap();
            let (begins, begun) = std::sync::mpsc::channel();
            let folder = folder.clone();
            let taking = std::thread::spawn(move || {
                begins.send(()).unwrap();
                Lock::take(&folder).map(drop)
            });
            begun.recv().unwrap();
            drop(looking);
            taking.join().unwrap().unwrap();
        }
    }

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
