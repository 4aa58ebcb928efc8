//! A bound on what one row may be: a line without an end, or a quote that is never closed, must not fill the memory.
//!
//! Bytes come in and go out, a line at a time, so that whoever reads on knows in which line it is; a row that takes too many
//! is an error. It does not know what a row is: it is told when one begins.

use std::io::{self, BufRead, BufReader, Read};

/// Bytes that one row may take.
pub(super) const LONGEST: usize = 1 << 20;

/// What is said of a longer one.
pub(super) fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a row is longer than 1 MiB")
}

/// A reader that gives one line at a time, and so much for a row and no more.
#[derive(Debug)]
pub(super) struct ByLine<R> {
    inner: BufReader<R>,
    left: usize,
    line: u64,
    last: u8,
    begins: bool,
}

impl<R: Read> ByLine<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner: BufReader::new(inner), left: LONGEST, line: 0, last: b'\n', begins: true }
    }

    /// A row begins.
    pub(super) const fn begin(&mut self) {
        self.left = LONGEST;
    }

    /// The line of what was given last, from 1.
    pub(super) const fn line(&self) -> u64 {
        self.line
    }

    /// The last byte given that does not end a line.
    pub(super) const fn last(&self) -> u8 {
        self.last
    }
}

impl<R: Read> Read for ByLine<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(too_long());
        }
        let available = self.inner.fill_buf()?;
        let end = available.iter().position(|byte| *byte == b'\n').map_or(available.len(), |at| at + 1);
        let given = &available[..end.min(buffer.len())];
        buffer[..given.len()].copy_from_slice(given);
        self.line += u64::from(self.begins && !given.is_empty());
        self.begins = given.last().map_or(self.begins, |byte| *byte == b'\n');
        self.last = given.iter().rev().find(|byte| !matches!(byte, b'\r' | b'\n')).copied().unwrap_or(self.last);
        let count = given.len();
        self.inner.consume(count);
        self.left = self.left.saturating_sub(count);
        Ok(count)
    }
}
