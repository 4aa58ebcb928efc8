//! Bodies of pages, kept as files in the run's folder: for people to look at, and for `burdock try --file`.
//!
//! In come bodies with what they turned out to be; out go files, whole or not at all. No header and no cookie is in them. They
//! are an aid: that one cannot be kept is said, and nothing else follows from it.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;

use crate::config::KeepPages;
use crate::task::TaskId;
use crate::telemetry::say;

/// The folder in the run's folder.
const FOLDER: &str = "pages";
/// Bodies of failed pages take so many bytes of disk at most: some ten thousand pages of the usual size.
const MOST: u64 = 1 << 30;
/// What a file takes of a disk comes in pieces of so many bytes.
const BLOCK: u64 = 4096;
/// Files that are not whole yet begin and end with these.
const UNFINISHED: (&str, &str) = (".", ".tmp");

/// What an answer turned out to be, as far as its body is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Worth {
    /// The page that was wanted.
    Good(Bytes),
    /// Not that, for what the page may be to blame for; `None`: there was no body.
    Failed(Option<Bytes>),
    /// The page has ended without being what was wanted, and nobody need look into it.
    Ended(Option<Bytes>),
    /// Nothing of the page's: its proxy's doing.
    Nothing,
}

/// Where bodies are kept. Its clones keep them at the same place.
#[derive(Clone, Debug)]
pub struct Pages {
    keep: KeepPages,
    shelf: Arc<Shelf>,
}

#[derive(Debug)]
struct Shelf {
    folder: PathBuf,
    most: u64,
    /// Bytes of disk that the bodies of failed pages take.
    taken: AtomicU64,
    /// Counts files, so that no two that are being written have one name.
    files: AtomicU64,
    /// Has it been said that there is no more room?
    full: AtomicBool,
}

/// Where the body of a task's page lies, if it is kept.
pub fn body_path(run_dir: &Path, task: TaskId) -> PathBuf {
    run_dir.join(FOLDER).join(format!("{task}.html"))
}

impl Pages {
    /// Keeps bodies below `run_dir`, which this process holds.
    pub fn open(run_dir: &Path, keep: KeepPages) -> Self {
        Self::with_room(run_dir, keep, MOST)
    }

    fn with_room(run_dir: &Path, keep: KeepPages, most: u64) -> Self {
        let folder = run_dir.join(FOLDER);
        let taken = AtomicU64::new(if keep == KeepPages::None { 0 } else { tidy(&folder) });
        let shelf = Shelf { folder, most, taken, files: AtomicU64::new(0), full: AtomicBool::new(false) };
        Self { keep, shelf: Arc::new(shelf) }
    }

    /// Keeps what is to be kept of an answer to `task`, and removes what is not any more. Returns when that is done; the disk is
    /// waited for on another thread.
    pub async fn settle(&self, task: TaskId, worth: Worth) {
        match (self.keep, worth) {
            (KeepPages::None, _) | (_, Worth::Nothing | Worth::Failed(None)) | (KeepPages::All, Worth::Ended(None)) => {
            }
            (KeepPages::Failed, Worth::Good(_) | Worth::Ended(_)) => self.remove(task).await,
            (KeepPages::Failed, Worth::Failed(Some(body))) => self.put(task, body, Room::Bounded).await,
            (KeepPages::All, Worth::Good(body) | Worth::Failed(Some(body)) | Worth::Ended(Some(body))) => {
                self.put(task, body, Room::Any).await;
            }
        }
    }

    async fn put(&self, task: TaskId, body: Bytes, room: Room) {
        let shelf = Arc::clone(&self.shelf);
        self.work(task, move || shelf.put(task, &body, room)).await;
    }

    /// Most pages have never failed, and cost a question to the file system at most.
    async fn remove(&self, task: TaskId) {
        if self.shelf.taken.load(Ordering::Relaxed) > 0 && self.shelf.path(task).exists() {
            let shelf = Arc::clone(&self.shelf);
            self.work(task, move || shelf.remove(task)).await;
        }
    }

    async fn work(&self, task: TaskId, work: impl FnOnce() -> io::Result<()> + Send + 'static) {
        // If the runtime is ending, nobody is there any more to be told.
        if let Ok(Err(error)) = actix_rt::task::spawn_blocking(work).await {
            say::page_not_kept(task, &self.shelf.path(task), &error);
        }
    }
}

/// How much may be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Bounded,
    Any,
}

impl Shelf {
    fn path(&self, task: TaskId) -> PathBuf {
        self.folder.join(format!("{task}.html"))
    }

    fn put(&self, task: TaskId, body: &[u8], room: Room) -> io::Result<()> {
        let path = self.path(task);
        let (old, new) = (size(&path), blocks(body.len() as u64));
        let taken = self.taken.load(Ordering::Relaxed);
        if room == Room::Bounded && taken.saturating_sub(old) + new > self.most {
            let first = !self.full.swap(true, Ordering::Relaxed);
            let why =
                || io::Error::other(format!("bodies of failed pages take {} bytes, and no more are kept", self.most));
            return if first { Err(why()) } else { Ok(()) };
        }
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let beside = self.folder.join(format!("{}{task}-{number}{}", UNFINISHED.0, UNFINISHED.1));
        let written = write(&beside, body).and_then(|()| fs::rename(&beside, &path));
        if written.is_err() {
            // A full disk has no room for half of it. It need not be there.
            let _ = fs::remove_file(&beside);
        } else {
            self.account(old, new);
        }
        written
    }

    fn remove(&self, task: TaskId) -> io::Result<()> {
        let path = self.path(task);
        let old = size(&path);
        match fs::remove_file(&path) {
            Ok(()) => self.account(old, 0),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// In one step each, since others are at it too.
    fn account(&self, old: u64, new: u64) {
        let change = |taken: u64| Some((taken + new).saturating_sub(old));
        let _ = self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
    }
}

/// For its owner's eyes only: pages may be what only somebody who is logged in sees.
fn write(path: &Path, body: &[u8]) -> io::Result<()> {
    let open = || OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = match open() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let folder = path.parent().unwrap_or(path);
            match fs::DirBuilder::new().mode(0o700).create(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => open()?,
            }
        }
        opened => opened?,
    };
    file.write_all(body)
}

/// What a file takes of the disk; nothing if it is not there.
fn size(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |about| blocks(about.len()))
}

const fn blocks(bytes: u64) -> u64 {
    if bytes == 0 { BLOCK } else { bytes.next_multiple_of(BLOCK) }
}

/// Removes what a crash has left unfinished, and adds up the rest.
fn tidy(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut taken = 0;
    for entry in entries {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with(UNFINISHED.0) && name.ends_with(UNFINISHED.1) {
            // The next start tries again.
            let _ = fs::remove_file(entry.path());
        } else {
            taken += entry.metadata().map_or(0, |about| blocks(about.len()));
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: TaskId = TaskId(7);

    struct Bed {
        folder: tempfile::TempDir,
        pages: Pages,
    }

    impl Bed {
        fn new(keep: KeepPages, most: u64) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let pages = Pages::with_room(folder.path(), keep, most);
            Self { folder, pages }
        }

        fn body(&self, task: TaskId) -> Option<Vec<u8>> {
            fs::read(body_path(self.folder.path(), task)).ok()
        }

        /// Settles these one after the other, and gives what is kept in the end.
        async fn kept(&self, worths: impl IntoIterator<Item = Worth>) -> Option<Vec<u8>> {
            for worth in worths {
                self.pages.settle(PAGE, worth).await;
            }
            self.body(PAGE)
        }
    }

    fn failed(body: &'static str) -> Worth {
        Worth::Failed(Some(body.into()))
    }

    fn good() -> Worth {
        Worth::Good("good".into())
    }

    #[actix_rt::test]
    async fn of_a_failed_page_the_last_body_is_kept_until_it_is_done_or_gone() {
        let bed = Bed::new(KeepPages::Failed, MOST);
        assert_eq!(bed.kept([failed("1"), failed("2"), Worth::Failed(None), Worth::Nothing]).await.unwrap(), b"2");
        assert_eq!(bed.kept([good()]).await, None);
        assert_eq!(bed.kept([failed("3"), Worth::Ended(None)]).await, None);
        assert_eq!(bed.pages.shelf.taken.load(Ordering::Relaxed), 0, "the room is free again");
    }

    #[actix_rt::test]
    async fn of_all_pages_the_last_body_is_kept_and_of_none_nothing() {
        let bed = Bed::new(KeepPages::All, 0);
        assert_eq!(bed.kept([failed("1"), good()]).await.unwrap(), b"good");
        assert_eq!(bed.kept([Worth::Ended(Some("gone".into()))]).await.unwrap(), b"gone");
        let bed = Bed::new(KeepPages::None, MOST);
        assert_eq!(bed.kept([good(), failed("1")]).await, None);
        assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 0);
    }

    #[actix_rt::test]
    async fn bodies_of_failed_pages_take_no_more_than_their_room() {
        let bed = Bed::new(KeepPages::Failed, 2 * BLOCK);
        for task in [1, 2, 3] {
            bed.pages.settle(TaskId(task), failed("x")).await;
        }
        assert_eq!([1, 2, 3].map(|task| bed.body(TaskId(task)).is_some()), [true, true, false]);
        bed.pages.settle(TaskId(1), failed("again")).await;
        assert_eq!(bed.body(TaskId(1)).unwrap(), b"again", "in its own place");
        bed.pages.settle(TaskId(2), good()).await;
        bed.pages.settle(TaskId(3), failed("y")).await;
        assert!(bed.body(TaskId(3)).is_some(), "in the place of another one");
    }

    #[actix_rt::test]
    async fn the_next_process_knows_what_is_there_and_removes_what_is_half_written() {
        let bed = Bed::new(KeepPages::Failed, MOST);
        bed.pages.settle(PAGE, failed("x")).await;
        let half = bed.folder.path().join(FOLDER).join(".9-0.tmp");
        fs::write(&half, "ha").unwrap();
        let next = Pages::open(bed.folder.path(), KeepPages::Failed);
        assert!(!half.exists());
        next.settle(PAGE, good()).await;
        assert_eq!(bed.body(PAGE), None);
    }

    #[actix_rt::test]
    async fn a_body_that_cannot_be_kept_is_no_more_than_that() {
        let bed = Bed::new(KeepPages::Failed, MOST);
        let nowhere = Pages::open(&bed.folder.path().join("nowhere"), KeepPages::Failed);
        nowhere.settle(PAGE, failed("x")).await;
        assert_eq!(fs::read_dir(bed.folder.path()).unwrap().count(), 0, "no folder is made up for it");
    }

    #[actix_rt::test]
    async fn only_their_owner_can_read_them() {
        use std::os::unix::fs::PermissionsExt;

        let bed = Bed::new(KeepPages::Failed, MOST);
        bed.pages.settle(PAGE, failed("x")).await;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = body_path(bed.folder.path(), PAGE);
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    }
}
