//! The file below a feed: opened with care, only ever appended to, its length and tail known without reading it again.
//!
//! In come bytes; out goes an [`Extent`] once they are on the disk. It knows nothing of records or formats.

use std::cell::Cell;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;

use super::FeedError;
use crate::config::IfExists;

/// How much of a file's end its tail covers, in bytes: a page of the disk.
const TAIL: usize = 4096;

/// What a file is: enough to see later whether it is still the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Its length in bytes.
    pub bytes: u64,
    /// SipHash-1-3 with a key of zeros over its last 4 KiB, so that any process comes to the same number.
    pub tail: u64,
}

/// A file that grows.
#[derive(Debug)]
pub(super) struct FeedFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    synced: Cell<u64>,
    tail: Vec<u8>,
    /// What must come before anything else, so that a foreign last line does not run into ours.
    pending: &'static [u8],
}

impl FeedFile {
    /// Opens or makes the file at `path`, and the folders above it. What is in it stays, and stays unchanged until
    /// something is written.
    ///
    /// # Errors
    /// [`FeedError::Occupied`] if it is not empty and that is not allowed; those of the file system.
    pub(super) fn open(path: &Path, if_exists: IfExists) -> Result<Self, FeedError> {
        let unable = |action| move |source| FeedError::Io { path: path.to_owned(), action, source };
        let failed = unable("open");
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(unable("make the folder of"))?;
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        if bytes > 0 && if_exists == IfExists::Refuse {
            return Err(FeedError::Occupied { path: path.to_owned() });
        }
        let tail = read_tail(&mut file, bytes).map_err(failed)?;
        if bytes == 0 {
            sync_folder(path);
        }
        let pending: &[u8] = if tail.last().is_some_and(|last| *last != b'\n') { b"\n" } else { b"" };
        Ok(Self { path: path.to_owned(), file, bytes, synced: Cell::new(bytes), tail, pending })
    }

    /// Is nothing in it yet?
    pub(super) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Makes what was written durable (`fdatasync`), unless it is already.
    pub(super) fn sync(&self) -> io::Result<Extent> {
        if self.bytes > self.synced.get() {
            self.file.sync_data()?;
            self.synced.set(self.bytes);
        }
        Ok(Extent { bytes: self.bytes, tail: SipHasher13::new().hash(&self.tail) })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An error of this file, for people.
    pub(super) fn failed(&self, action: &'static str, source: io::Error) -> FeedError {
        FeedError::Io { path: self.path.clone(), action, source }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.bytes += count as u64;
        let fresh = &bytes[count.saturating_sub(TAIL)..count];
        self.tail.drain(..(self.tail.len() + fresh.len()).saturating_sub(TAIL));
        self.tail.extend_from_slice(fresh);
        Ok(count)
    }
}

impl Write for FeedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        while !self.pending.is_empty() {
            let count = self.put(self.pending)?;
            self.pending = &self.pending[count..];
        }
        self.put(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn read_tail(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    if bytes > 0 {
        file.seek(SeekFrom::Start(bytes.saturating_sub(TAIL as u64)))?;
        file.take(TAIL as u64).read_to_end(&mut tail)?;
    }
    Ok(tail)
}

/// A new file is durable only once its folder has it. Not every file system can be asked for that, and the file's own
/// syncs are what counts, so this is no reason to refuse a feed.
fn sync_folder(path: &Path) {
    if let Some(folder) = path.parent() {
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
}
