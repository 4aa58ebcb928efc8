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

/// How much of `bytes` is to be written, and what comes after that.
#[cfg(not(test))]
pub(super) const fn part(bytes: &[u8]) -> (&[u8], io::Result<()>) {
    (bytes, Ok(()))
}

#[cfg(test)]
pub(super) use scripted::{ends_after, part, step, steps};

#[cfg(test)]
mod scripted {
    use std::cell::Cell;
    use std::io;

    thread_local! {
        /// Steps that this test's feeds may still take.
        static LEFT: Cell<u64> = const { Cell::new(u64::MAX) };
        /// Has one been refused?
        static DEAD: Cell<bool> = const { Cell::new(false) };
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
