//! JSONL: a flat object a line, `null` where nothing matched.
//!
//! In come records; out go lines, each ended by a line feed. Line feeds within a value are escaped by JSON itself.

use std::io::{self, BufWriter, Write};

use super::columns::Columns;
use super::file::{Extent, FeedFile};
use super::{Feed, FeedError};
use crate::record::Record;

/// A JSONL feed.
#[derive(Debug)]
pub(super) struct Jsonl {
    columns: Columns,
    out: BufWriter<FeedFile>,
}

impl Jsonl {
    /// A feed that appends to `file`.
    pub(super) fn new(columns: Columns, file: FeedFile) -> Self {
        Self { columns, out: BufWriter::new(file) }
    }
}

impl Feed for Jsonl {
    fn write(&mut self, record: &Record) -> Result<(), FeedError> {
        let Some(row) = self.columns.row(record) else { return Ok(()) };
        serde_json::to_writer(&mut self.out, &row)
            .map_err(io::Error::from)
            .and_then(|()| self.out.write_all(b"\n"))
            .map_err(|error| self.out.get_ref().failed("write", error))
    }

    fn sync(&mut self) -> Result<Extent, FeedError> {
        let synced = self.out.flush().and_then(|()| self.out.get_ref().sync());
        synced.map_err(|error| self.out.get_ref().failed("write", error))
    }

    fn close(mut self: Box<Self>) -> Result<Extent, FeedError> {
        self.sync()
    }
}
