//! The watcher of one file: tells when it has changed, whoever wrote it and however, and when SIGHUP asks for it to be read again.
//!
//! In come the system's notes of what happens in its folder, since editors put a new file in the place of the old one; out go signs,
//! once it is quiet. It never opens the file, and does not know what is in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{EventKind, RecommendedWatcher, RecursiveMode};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::sleep;

use crate::config::FileStamp;

/// A file that has been left alone for so long is taken to be whole.
const QUIET: Duration = Duration::from_millis(200);
/// So often it may be found to be written still; then it is read as it is.
const PATIENCE: u32 = 50;

/// Why a file is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system does not tell.
    #[error("watching {folder}: {error}")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why not.
        error: notify::Error,
    },
    /// There is no handler to be had for the signal.
    #[error("listening for SIGHUP: {0}")]
    Signal(std::io::Error),
}

/// A reason to read the file again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It is another one than it was.
    Changed,
    /// The operator asks for it, by SIGHUP.
    Asked,
}

/// Watches one file, until it is dropped.
pub struct Watcher {
    path: PathBuf,
    seen: FileStamp,
    stirs: Receiver<()>,
    hangups: Signal,
    /// Both ends of the way from the system's thread to here.
    folders: Option<RecommendedWatcher>,
    _stir: Sender<()>,
}

impl Watcher {
    /// Watches the file at `path`, which looked like `seen` when it was read last. Where the system does not tell of changes, why
    /// not is given too, and only SIGHUP is heeded.
    ///
    /// # Errors
    /// If there is no listening for SIGHUP either.
    pub fn new(path: &Path, seen: FileStamp) -> Result<(Self, Option<WatchError>), WatchError> {
        let hangups = signal(SignalKind::hangup()).map_err(WatchError::Signal)?;
        let (stir, stirs) = channel(1);
        let (folders, error) = match watch(path, stir.clone()) {
            Ok(folders) => (Some(folders), None),
            Err(error) => (None, Some(error)),
        };
        // What happened before it was watched is seen by the first look.
        let _ = stir.try_send(());
        Ok((Self { path: path.to_owned(), seen, stirs, hangups, folders, _stir: stir }, error))
    }

    /// Waits for the next reason to read the file.
    pub async fn next(&mut self) -> Sign {
        loop {
            tokio::select! {
                _ = self.stirs.recv() => {
                    if FileStamp::of(&self.path) != self.seen {
                        self.quiet().await;
                        return Sign::Changed;
                    }
                }
                _ = self.hangups.recv() => {
                    self.seen = FileStamp::of(&self.path);
                    return Sign::Asked;
                }
            }
        }
    }

    /// Is it told of changes?
    pub const fn is_watching(&self) -> bool {
        self.folders.is_some()
    }

    /// Waits until nobody writes the file any more.
    async fn quiet(&mut self) {
        for _ in 0..PATIENCE {
            self.seen = FileStamp::of(&self.path);
            sleep(QUIET).await;
            if FileStamp::of(&self.path) == self.seen {
                return;
            }
        }
    }
}

/// Watches the folder of the file, and that of what it links to.
fn watch(path: &Path, stir: Sender<()>) -> Result<RecommendedWatcher, WatchError> {
    let above = |path: &Path| path.parent().unwrap_or(Path::new("/")).to_owned();
    let mut folders = vec![above(path)];
    folders.extend(path.canonicalize().ok().map(|target| above(&target)).filter(|folder| *folder != folders[0]));
    let failed = |folder: &Path| {
        let folder = folder.to_owned();
        move |error| WatchError::Folder { folder, error }
    };
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Somebody's reading changes nothing; of what cannot be told, a look at the file tells more.
        let read = |kind| matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write));
        if !event.is_ok_and(|event| read(event.kind)) {
            // A stir that waits already is enough.
            let _ = stir.try_send(());
        }
    })
    .map_err(failed(path))?;
    for folder in &folders {
        notify::Watcher::watch(&mut watcher, folder, RecursiveMode::NonRecursive).map_err(failed(folder))?;
    }
    Ok(watcher)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn watched(text: &str) -> (tempfile::TempDir, PathBuf, Watcher) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.txt");
        fs::write(&path, text).unwrap();
        let (watcher, error) = Watcher::new(&path, FileStamp::of(&path)).unwrap();
        assert!(error.is_none() && watcher.is_watching());
        (folder, path, watcher)
    }

    #[actix_rt::test]
    async fn a_file_that_is_written_in_place_or_renamed_over_or_removed_has_changed() {
        let (folder, path, mut watcher) = watched("a:1\n");
        fs::write(&path, "a:1\nb:1\n").unwrap();
        assert_eq!(watcher.next().await, Sign::Changed);
        let draft = folder.path().join(".p.txt.swp");
        fs::write(&draft, "c:1\n").unwrap();
        fs::rename(&draft, &path).unwrap();
        assert_eq!(watcher.next().await, Sign::Changed);
        fs::remove_file(&path).unwrap();
        assert_eq!(watcher.next().await, Sign::Changed);
    }

    #[actix_rt::test]
    async fn a_link_that_is_turned_to_another_file_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for version in ["v1", "v2"] {
            fs::create_dir(at(version)).unwrap();
            fs::write(at(version).join("p.txt"), version.repeat(version.len())).unwrap();
        }
        std::os::unix::fs::symlink("v1", at("now")).unwrap();
        std::os::unix::fs::symlink("now/p.txt", at("p.txt")).unwrap();
        let (mut watcher, _) = Watcher::new(&at("p.txt"), FileStamp::of(&at("p.txt"))).unwrap();
        std::os::unix::fs::symlink("v2", at("next")).unwrap();
        fs::rename(at("next"), at("now")).unwrap();
        assert_eq!(watcher.next().await, Sign::Changed);
    }

    #[actix_rt::test]
    async fn what_changed_between_reading_and_watching_is_seen_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.txt");
        fs::write(&path, "a:1\n").unwrap();
        let seen = FileStamp::of(&path);
        fs::write(&path, "a:1\nb:1\n").unwrap();
        let (mut watcher, _) = Watcher::new(&path, seen).unwrap();
        assert_eq!(watcher.next().await, Sign::Changed);
    }

    #[actix_rt::test]
    async fn what_happens_to_its_neighbours_is_no_sign_and_many_writes_are_one() {
        let (folder, path, mut watcher) = watched("a:1\n");
        for n in 0..20 {
            fs::write(folder.path().join("neighbour"), n.to_string()).unwrap();
            fs::write(&path, "b:1\n".repeat(n + 1)).unwrap();
        }
        assert_eq!(watcher.next().await, Sign::Changed);
        assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 20, "after the last one");
        fs::write(folder.path().join("neighbour"), "again").unwrap();
        let nothing = tokio::time::timeout(Duration::from_millis(300), watcher.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
    }

    #[actix_rt::test]
    async fn where_there_is_nothing_to_watch_it_says_so() {
        let (watcher, error) = Watcher::new(Path::new("/nowhere/at/all/p.txt"), FileStamp::default()).unwrap();
        assert!(!watcher.is_watching());
        assert!(error.unwrap().to_string().starts_with("watching /nowhere/at/all: "));
    }
}
