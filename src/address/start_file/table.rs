//! Start files of comma-separated values: a header, then a row a record.
//!
//! A file comes in, rows go out. What a record lacks is said with its line; what its values mean is not known here.

use std::fs::File;

use csv::{ByteRecord, Reader, ReaderBuilder};
use serde_json::{Map, Value};

use super::bounded::ByLine;
use super::{OpenError, RowError, STAGE, StartFileError, StartRow, URL};

/// What a column is for.
#[derive(Debug)]
enum Column {
    Url,
    Stage,
    Meta(String),
}

/// A file behind its header.
#[derive(Debug)]
pub(super) struct Table {
    reader: Reader<ByLine<File>>,
    columns: Vec<Column>,
    record: ByteRecord,
    line: u64,
}

impl Table {
    pub(super) fn open(file: File) -> Result<Self, OpenError> {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(ByLine::new(file));
        let header = reader.byte_headers().map_err(|error| OpenError::Io(error.into()))?;
        let columns = columns(header)?;
        Ok(Self { reader, columns, record: ByteRecord::new(), line: 1 })
    }

    /// The next row.
    pub(super) fn row(&mut self) -> Option<Result<StartRow, StartFileError>> {
        let last = self.record.iter().next_back().unwrap_or_default();
        let (spans_lines, ends_a_line) = (last.contains(&b'\n'), last.ends_with(b"\n"));
        self.reader.get_mut().begin();
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {
                self.line = self.reader.get_ref().line().saturating_sub(line_breaks(&self.record));
                let line = self.line;
                Some(self.read().map_err(|error| StartFileError::Row { line, error }))
            }
            // The reader takes the end of the file for that of the quote. What was closed ends in a quote.
            Ok(false) if spans_lines && self.reader.get_ref().last() != b'"' => {
                self.record.clear();
                // The end of the last line was counted as one of the row's, which it is not.
                let line = self.line + u64::from(ends_a_line);
                Some(Err(StartFileError::Row { line, error: RowError::Unclosed }))
            }
            Ok(false) => None,
            Err(error) => {
                let line = self.reader.get_ref().line();
                Some(Err(StartFileError::Unreadable { line, error: error.into() }))
            }
        }
    }

    fn read(&self) -> Result<StartRow, RowError> {
        let (expected, found) = (self.columns.len(), self.record.len());
        if expected != found {
            return Err(RowError::Width { expected, found });
        }
        let mut row = StartRow { line: self.line, url: String::new(), stage: None, meta: Map::new() };
        for (column, value) in self.columns.iter().zip(&self.record) {
            let value = std::str::from_utf8(value).map_err(|_| RowError::NotUtf8)?;
            match column {
                Column::Url => row.url = value.trim().to_owned(),
                Column::Stage => row.stage = Some(value.trim().to_owned()).filter(|stage| !stage.is_empty()),
                Column::Meta(name) => _ = row.meta.insert(name.clone(), Value::String(value.to_owned())),
            }
        }
        if row.url.is_empty() { Err(RowError::NoUrl) } else { Ok(row) }
    }
}

/// Those in the values of a row: it began so many lines before the one where it ended.
fn line_breaks(record: &ByteRecord) -> u64 {
    record.as_slice().iter().map(|byte| u64::from(*byte == b'\n')).sum()
}

fn columns(header: &ByteRecord) -> Result<Vec<Column>, OpenError> {
    let names: Vec<_> = header.iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect();
    for (place, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(OpenError::Unnamed(place + 1));
        }
        if names[..place].contains(name) {
            return Err(OpenError::Twice(name.clone()));
        }
    }
    if !names.iter().any(|name| name == URL) {
        let shown: String = names.join(", ").chars().take(100).collect();
        return Err(OpenError::NoUrlColumn(if shown.is_empty() { "it is empty".to_owned() } else { shown }));
    }
    let column = |name: String| match name.as_str() {
        URL => Column::Url,
        STAGE => Column::Stage,
        _ => Column::Meta(name),
    };
    Ok(names.into_iter().map(column).collect())
}
