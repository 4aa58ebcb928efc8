//! The file below a feed: opened with care, only ever appended to, its length and tail known without reading it again.
//!
//! In come bytes; out goes an [`Extent`] once they are on the disk. A pipe, a device or standard output is a *stream*: it takes
//! bytes and can neither be read, cut nor synced. It knows nothing of records, formats or cursors.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use siphasher::sip::SipHasher13;

use super::{FeedError, fault};
use crate::config::STDOUT;

/// How much of a file's end its tail covers, in bytes: a page of the disk.
const TAIL: usize = 4096;

/// What a file is: enough to see later whether it is still the same one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// Its length in bytes.
    pub bytes: u64,
    /// SipHash-1-3 with a key of zeros over its last 4 KiB, so that any process comes to the same number.
    pub tail: u64,
}

/// What can be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    /// It can be read, cut and synced.
    Regular,
    /// What is written to it is gone.
    Stream,
}

/// A file that grows.
#[derive(Debug)]
pub(super) struct FeedFile {
    path: PathBuf,
    place: PathBuf,
    nature: Nature,
    file: File,
    bytes: u64,
    synced: u64,
    tail: Vec<u8>,
}

impl FeedFile {
    /// Opens or makes the file at `path`, and the folders above it. What is in it stays as it is.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(path: &Path) -> Result<Self, FeedError> {
        let failed = FeedError::io(path, "open");
        if path == Path::new(STDOUT) {
            let file = File::from(io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
            return Ok(Self::stream(path, file));
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(FeedError::io(path, "make the folder of"))?;
        }
        if fs::metadata(path).is_ok_and(|known| !known.is_file() && !known.is_dir()) {
            let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
            return Ok(Self::stream(path, file));
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(path).map_err(&failed)?;
        let place = path.canonicalize().map_err(&failed)?;
        let mut opened = Self::regular(path, place, file).map_err(failed)?;
        if opened.bytes == 0 {
            opened.sync_folder();
        }
        opened.synced = opened.bytes;
        Ok(opened)
    }

    /// An empty file at `place`, whatever was there, which people will know as `path`.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn create(path: &Path, place: PathBuf) -> io::Result<Self> {
        fault::step()?;
        let file = OpenOptions::new().read(true).append(true).create(true).open(&place)?;
        file.set_len(0)?;
        Self::regular(path, place, file)
    }

    fn regular(path: &Path, place: PathBuf, mut file: File) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        let tail = read_tail(&mut file, bytes)?;
        Ok(Self { path: path.to_owned(), place, nature: Nature::Regular, file, bytes, synced: 0, tail })
    }

    fn stream(path: &Path, file: File) -> Self {
        let (path, place) = (path.to_owned(), path.to_owned());
        Self { path, place, nature: Nature::Stream, file, bytes: 0, synced: 0, tail: Vec::new() }
    }

    /// What can be done with it.
    pub(super) const fn nature(&self) -> Nature {
        self.nature
    }

    /// Its name, for people.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is, without symbolic links.
    pub(super) fn place(&self) -> &Path {
        &self.place
    }

    /// Its length in bytes; of a stream, what has gone through it.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What it is now.
    pub(super) fn extent(&self) -> Extent {
        Extent { bytes: self.bytes, tail: digest(&self.tail) }
    }

    /// What it was when it had so many bytes; `None` if it never had.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn extent_at(&mut self, bytes: u64) -> io::Result<Option<Extent>> {
        if bytes > self.bytes {
            return Ok(None);
        }
        let tail = read_tail(&mut self.file, bytes)?;
        Ok(Some(Extent { bytes, tail: digest(&tail) }))
    }

    /// The last one of its first `bytes` bytes.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn byte_before(&mut self, bytes: u64) -> io::Result<Option<u8>> {
        Ok(read_tail(&mut self.file, bytes)?.last().copied())
    }

    /// Its first `bytes` bytes, to be read.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn head(&mut self, bytes: u64) -> io::Result<impl Read + '_> {
        self.file.seek(SeekFrom::Start(0))?;
        Ok((&self.file).take(bytes))
    }

    /// Goes on behind its first `bytes` bytes; what comes after them is cut off. A stream has had so many.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn resume(&mut self, bytes: u64) -> io::Result<()> {
        if self.nature == Nature::Regular && bytes < self.bytes {
            fault::step()?;
            self.file.set_len(bytes)?;
            self.tail = read_tail(&mut self.file, bytes)?;
        }
        (self.bytes, self.synced) = (bytes, bytes);
        Ok(())
    }

    /// Appends bytes. They need not be durable before the next sync.
    ///
    /// # Errors
    /// Those of the file system; some of the bytes may then be in it.
    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (part, then) = fault::part(bytes);
        if let Err(error) = self.file.write_all(part) {
            self.cut_back();
            return Err(error);
        }
        then?;
        self.bytes += bytes.len() as u64;
        let fresh = &bytes[bytes.len().saturating_sub(TAIL)..];
        self.tail.drain(..(self.tail.len() + fresh.len()).saturating_sub(TAIL));
        self.tail.extend_from_slice(fresh);
        Ok(())
    }

    /// Ends the file where it is known to be whole, so that nobody meets half a line. What is cut off comes again at the next
    /// start, and so it would if this failed too.
    fn cut_back(&self) {
        if self.nature == Nature::Regular {
            let _ = self.file.set_len(self.synced);
        }
    }

    /// Makes what was written durable (`fdatasync`), unless it is already.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn sync(&mut self) -> io::Result<Extent> {
        if self.bytes > self.synced && self.nature == Nature::Regular {
            fault::step()?;
            self.file.sync_data()?;
            fault::synced(&self.file, self.bytes);
        }
        self.synced = self.bytes;
        Ok(self.extent())
    }

    /// Gives it another place. Whatever is there is gone at the same moment.
    ///
    /// # Errors
    /// Those of the file system; it is then still where it was.
    pub(super) fn move_to(&mut self, place: &Path) -> io::Result<()> {
        fault::step()?;
        fs::rename(&self.place, place)?;
        place.clone_into(&mut self.place);
        self.sync_folder();
        Ok(())
    }

    /// Gives it the permissions of another file.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn permit_as(&self, other: &Self) -> io::Result<()> {
        self.file.set_permissions(other.file.metadata()?.permissions())
    }

    /// A new name is durable only once its folder has it. Not every file system can be asked for that, and the file's own
    /// syncs are what counts, so this is no reason to refuse a feed.
    fn sync_folder(&self) {
        if let Some(folder) = self.place.parent() {
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
    }

    /// An error of this file, for people.
    pub(super) fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> FeedError + use<> {
        FeedError::io(&self.path, action)
    }
}

fn digest(tail: &[u8]) -> u64 {
    SipHasher13::new().hash(tail)
}

fn read_tail(file: &mut File, bytes: u64) -> io::Result<Vec<u8>> {
    let mut tail = Vec::new();
    if bytes > 0 {
        let from = bytes.saturating_sub(TAIL as u64);
        file.seek(SeekFrom::Start(from))?;
        file.take(bytes - from).read_to_end(&mut tail)?;
    }
    Ok(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_that_of_the_file_however_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = FeedFile::open(&folder.path().join("a")).unwrap();
        for (size, byte) in [(1, b'a'), (3000, b'b'), (2000, b'c'), (9000, b'd'), (5, b'e')] {
            file.append(&vec![byte; size]).unwrap();
            let written = file.sync().unwrap();
            assert_eq!(file.extent_at(written.bytes).unwrap(), Some(written));
            assert_eq!(FeedFile::open(file.path()).unwrap().extent(), written);
        }
        assert_eq!(file.extent_at(file.bytes() + 1).unwrap(), None);
    }
}
