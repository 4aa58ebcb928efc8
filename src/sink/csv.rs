//! CSV: a header, then a line a record; empty where nothing matched, JSON text for a list that is not joined.
//!
//! In come records of one stage; out go lines as RFC 4180 has them, but ended by a line feed alone.

use std::borrow::Cow;
use std::io;

use csv::{ByteRecord, ReaderBuilder, Writer};
use serde_json::Value;

use super::columns::{Cell, Columns, Row};
use super::file::{Extent, FeedFile};
use super::{Feed, FeedError};
use crate::record::Record;

/// A CSV feed.
#[derive(Debug)]
pub(super) struct Csv {
    columns: Columns,
    header: Header,
    out: Writer<FeedFile>,
}

/// It is written with the first record, so that a run that cannot start leaves no file that the next one would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    Due,
    Written,
}

impl Csv {
    /// A feed that appends to `file`.
    ///
    /// # Errors
    /// [`FeedError::OtherColumns`] if the file begins with a header that is not ours; those of the file.
    pub(super) fn new(columns: Columns, file: FeedFile) -> Result<Self, FeedError> {
        let header = if file.is_empty() { Header::Due } else { Header::Written };
        if header == Header::Written {
            compare(&columns, &file)?;
        }
        Ok(Self { columns, header, out: Writer::from_writer(file) })
    }

    fn failed(&self, error: impl Into<io::Error>) -> FeedError {
        self.out.get_ref().failed("write", error.into())
    }
}

impl Header {
    fn write(&mut self, columns: &Columns, out: &mut Writer<FeedFile>) -> csv::Result<()> {
        if *self == Self::Due {
            *self = Self::Written;
            out.write_record(columns.header())?;
        }
        Ok(())
    }
}

impl Feed for Csv {
    fn write(&mut self, record: &Record) -> Result<(), FeedError> {
        let Some(row) = self.columns.row(record) else { return Ok(()) };
        self.header
            .write(&self.columns, &mut self.out)
            .and_then(|()| put(row, &mut self.out))
            .map_err(|e| self.failed(e))
    }

    fn sync(&mut self) -> Result<Extent, FeedError> {
        self.out.flush().and_then(|()| self.out.get_ref().sync()).map_err(|error| self.failed(error))
    }

    fn close(mut self: Box<Self>) -> Result<Extent, FeedError> {
        self.header.write(&self.columns, &mut self.out).map_err(|error| self.failed(error))?;
        self.sync()
    }
}

fn put(row: Row<'_>, out: &mut Writer<FeedFile>) -> csv::Result<()> {
    for (_, cell) in row.cells() {
        out.write_field(text(&cell).as_bytes())?;
    }
    out.write_record(None::<&[u8]>)
}

fn text<'a>(cell: &'a Cell<'_>) -> Cow<'a, str> {
    match cell {
        Cell::Null | Cell::Value(Value::Null) => "".into(),
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Number(number) => number.to_string().into(),
        Cell::Value(Value::String(text)) => text.into(),
        Cell::Value(value) => value.to_string().into(),
    }
}

/// A file that is appended to must have our columns: under another header our lines would mean something else.
fn compare(columns: &Columns, file: &FeedFile) -> Result<(), FeedError> {
    let mut reader = ReaderBuilder::new().has_headers(false).from_path(file.path()).map_err(|e| unread(file, e))?;
    let mut found = ByteRecord::new();
    reader.read_byte_record(&mut found).map_err(|e| unread(file, e))?;
    let wanted: Vec<_> = columns.header().collect();
    if found.iter().eq(wanted.iter().map(|name| name.as_bytes())) {
        return Ok(());
    }
    let found: Vec<_> = found.iter().map(String::from_utf8_lossy).collect();
    // Whatever the file is, an error shows no more than a header's worth of it.
    let found = found.join(",").chars().take(200).collect();
    Err(FeedError::OtherColumns { path: file.path().to_owned(), found, wanted: wanted.join(",") })
}

fn unread(file: &FeedFile, error: csv::Error) -> FeedError {
    file.failed("read", error.into())
}
