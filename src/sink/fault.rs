//! Where a test can end the life of a process: before and within each step that a feed takes on a disk.
//!
//! In come steps, out goes the order to take them. Outside of tests this is nothing, and costs nothing.

#[cfg(not(test))]
use std::io;

/// A step that is taken whole or not at all.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "a test can make it fail")]
pub(super) const fn step() -> io::Result<()> {
    Ok(())
}

/// A file is durable up to here.
#[cfg(not(test))]
pub(super) const fn synced(_: &std::fs::File, _: u64) {}

/// How much of `bytes` is to be written, and what comes after that.
#[cfg(not(test))]
pub(super) const fn part(bytes: &[u8]) -> (&[u8], io::Result<()>) {
    (bytes, Ok(()))
}

#[cfg(test)]
pub(super) use scripted::{durable, ends_after, part, step, steps, synced};

#[cfg(test)]
mod scripted {
    use std::cell::{Cell, RefCell};
    use std::collections::HashMap;
    use std::fs::File;
    use std::io;
    use std::os::unix::fs::MetadataExt;
    use std::path::Path;

    thread_local! {
        /// Steps that this test's feeds may still take.
        static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
        /// Has one been refused?
        static DEAD: Cell<bool> = const { Cell::new(false) };
        /// How many bytes of each file are durable, by its number in the file system, whatever it is called.
        static SYNCED: RefCell<HashMap<u64, u64>> = RefCell::default();
    }

    /// From now on this thread's feeds can take so many steps; the next one is cut in half, and none follows.
    pub(in crate::sink) fn ends_after(steps: u64) {
        LEFT.set(steps);
        DEAD.set(false);
    }

    /// How many steps are taken by `work`, if nothing ends them.
    pub(in crate::sink) fn steps(work: impl FnOnce()) -> u64 {
        ends_after(u64::MAX);
        work();
        u64::MAX - LEFT.get()
    }

    pub(in crate::sink) fn synced(file: &File, bytes: u64) {
        let number = file.metadata().unwrap().ino();
        SYNCED.with_borrow_mut(|synced| synced.insert(number, bytes));
    }

    /// How many bytes of the file at `path` this test's feeds have made durable.
    pub(in crate::sink) fn durable(path: &Path) -> u64 {
        let number = path.metadata().unwrap().ino();
        SYNCED.with_borrow(|synced| synced.get(&number).copied().unwrap_or_default())
    }

    pub(in crate::sink) fn step() -> io::Result<()> {
        match LEFT.get() {
            0 => {
                DEAD.set(true);
                Err(io::Error::other("the end, as asked"))
            }
            left => {
                LEFT.set(left - 1);
                Ok(())
            }
        }
    }

    pub(in crate::sink) fn part(bytes: &[u8]) -> (&[u8], io::Result<()>) {
        let dying = !DEAD.get();
        match step() {
            Ok(()) => (bytes, Ok(())),
            // Dead already, or dying: the first write that fails leaves a half, later ones nothing.
            Err(error) => (if dying { &bytes[..bytes.len() / 2] } else { &[] }, Err(error)),
        }
    }
}
