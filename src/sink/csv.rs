//! CSV: a header, then a line a record; empty where nothing matched, JSON text for a list that is not joined.
//!
//! In come records of one stage; out go lines as RFC 4180 has them, but ended by a line feed alone.

use std::borrow::Cow;
use std::io::{self, Read};

use csv::{ByteRecord, ReaderBuilder, WriterBuilder};
use serde_json::Value;

use super::columns::{Cell, Columns, Row};

/// What some spreadsheets want to see before they take text for UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// A writer's own buffer, in bytes: as much as a usual line, because each line has a writer of its own.
const LINE: usize = 512;

/// Does a file begin with a byte order mark?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bom {
    /// No.
    Absent,
    /// Yes.
    Present,
}

/// What a file begins with.
///
/// # Errors
/// None that columns can cause.
pub(super) fn header(columns: &Columns, bom: Bom) -> io::Result<Vec<u8>> {
    let mut text = match bom {
        Bom::Absent => Vec::new(),
        Bom::Present => BYTE_ORDER_MARK.to_vec(),
    };
    write(columns.header().map(Cow::Borrowed), &mut text)?;
    Ok(text)
}

/// Adds a record to `text`.
///
/// # Errors
/// None that a record can cause.
pub(super) fn line(row: Row<'_>, text: &mut Vec<u8>) -> io::Result<()> {
    write(row.cells().map(|(_, cell)| cell_text(cell)), text)
}

fn write<'a>(cells: impl Iterator<Item = Cow<'a, str>>, text: &mut Vec<u8>) -> io::Result<()> {
    let mut writer = WriterBuilder::new().buffer_capacity(LINE).from_writer(text);
    for cell in cells {
        writer.write_field(cell.as_bytes())?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.flush()
}

fn cell_text(cell: Cell<'_>) -> Cow<'_, str> {
    match cell {
        Cell::Null | Cell::Value(Value::Null) => "".into(),
        Cell::Text(text) => text,
        Cell::Number(number) => number.to_string().into(),
        Cell::Value(Value::String(text)) => text.into(),
        Cell::Value(value) => value.to_string().into(),
    }
}

/// The first line of a file, for people, if it is not our header: under another one our lines would mean something else.
///
/// # Errors
/// Those of the file.
pub(super) fn other_header(columns: &Columns, file: impl Read) -> io::Result<Option<String>> {
    let mut found = ByteRecord::new();
    ReaderBuilder::new().has_headers(false).from_reader(file).read_byte_record(&mut found)?;
    if found.iter().eq(columns.header().map(str::as_bytes)) {
        return Ok(None);
    }
    let found: Vec<_> = found.iter().map(String::from_utf8_lossy).collect();
    // Whatever the file is, an error shows no more than a header's worth of it.
    Ok(Some(found.join(",").chars().take(200).collect()))
}
