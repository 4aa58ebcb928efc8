//! A copy of the fingerprint set in a file beside the store, so that opening it need not read every task.
//!
//! Only ever a short cut. The store remembers the sum of the last copy: one that is missing, torn, or not that one is not
//! used, and the set is then read from the tasks. Of a copy that is used, only the tasks after it are read.

use std::fs::{self, File};
use std::hash::Hasher;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

use siphasher::sip::SipHasher13;

use crate::frontier::fingerprint::Fingerprint;
use crate::frontier::known::FingerprintSet;

/// The first bytes of the file; the digit is the format's.
const MAGIC: u64 = u64::from_le_bytes(*b"burdock1");
/// Words before the fingerprints, and after them.
const WORDS_AROUND: u64 = 4;

/// Writes `set`, which has all tasks up to `last_id`, to `path`; gives the sum. A half-written file has another name.
///
/// Not synced: after a power loss the sum tells, and the store is read instead.
pub(super) fn write(path: &Path, set: &FingerprintSet, last_id: u64) -> io::Result<u64> {
    let beside = path.with_extension("tmp");
    let mut out = Summed { inner: BufWriter::with_capacity(1 << 16, File::create(&beside)?), sum: SipHasher13::new() };
    for word in [MAGIC, last_id, set.len() as u64] {
        out.put(word)?;
    }
    for fingerprint in set.iter() {
        out.put(fingerprint.0)?;
    }
    let sum = out.sum.finish();
    out.inner.write_all(&sum.to_le_bytes())?;
    out.inner.flush()?;
    fs::rename(&beside, path)?;
    Ok(sum)
}

/// Reads the set that lies at `path` and the last task in it, if it is whole and has that sum.
pub(super) fn read(path: &Path, sum: u64) -> Option<(FingerprintSet, u64)> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut file = Summed { inner: BufReader::with_capacity(1 << 16, file), sum: SipHasher13::new() };
    let (magic, last_id, count) = (file.take()?, file.take()?, file.take()?);
    // Before room is made for them.
    let expected = count.checked_add(WORDS_AROUND)?.checked_mul(8)?;
    if magic != MAGIC || length != expected {
        return None;
    }
    let mut set = FingerprintSet::with_capacity(usize::try_from(count).ok()?);
    for _ in 0..count {
        set.insert(Fingerprint(file.take()?));
    }
    let found = file.sum.finish();
    (found == sum && file.take()? == sum).then_some((set, last_id))
}

/// A stream of words and a sum over them.
struct Summed<T> {
    inner: T,
    sum: SipHasher13,
}

impl<T: Write> Summed<T> {
    fn put(&mut self, word: u64) -> io::Result<()> {
        self.sum.write_u64(word);
        self.inner.write_all(&word.to_le_bytes())
    }
}

impl<T: Read> Summed<T> {
    fn take(&mut self) -> Option<u64> {
        let mut bytes = [0; 8];
        self.inner.read_exact(&mut bytes).ok()?;
        let word = u64::from_le_bytes(bytes);
        self.sum.write_u64(word);
        Some(word)
    }
}
