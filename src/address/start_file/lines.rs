//! Start files of a row a line: plain addresses, and JSON objects.
//!
//! Lines come in, rows go out. What is not a row is said with its line; it does not know where the lines are from.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};

use serde_json::{Map, Value};

use super::bounded::{LONGEST, too_long};
use super::{RowError, STAGE, StartFileError, StartRow, URL};

/// What a line holds; nothing, if it is to be skipped.
type Read = fn(&str) -> Option<Result<Row, RowError>>;

/// A row but for its line.
pub(super) struct Row {
    url: String,
    stage: Option<String>,
    meta: Map<String, Value>,
}

/// The lines of a file.
#[derive(Debug)]
pub(super) struct Lines {
    file: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self { file: BufReader::new(file), line: Vec::new(), number: 0 }
    }

    /// The next row.
    pub(super) fn row(&mut self, read: Read) -> Option<Result<StartRow, StartFileError>> {
        loop {
            match self.advance() {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(StartFileError::Unreadable { line: self.number, error })),
            }
            let line = self.number;
            let row = match std::str::from_utf8(&self.line) {
                Ok(text) => match read(text.trim_start_matches('\u{feff}').trim()) {
                    None => continue,
                    Some(row) => row,
                },
                Err(_) => Err(RowError::NotUtf8),
            };
            let with_line = |Row { url, stage, meta }| StartRow { line, url, stage, meta };
            return Some(row.map(with_line).map_err(|error| StartFileError::Row { line, error }));
        }
    }

    fn advance(&mut self) -> io::Result<usize> {
        self.number += 1;
        self.line.clear();
        let most = u64::try_from(LONGEST).unwrap_or(u64::MAX);
        let count = self.file.by_ref().take(most).read_until(b'\n', &mut self.line)?;
        if count == LONGEST && !self.line.ends_with(b"\n") { Err(too_long()) } else { Ok(count) }
    }
}

/// A URL, unless it is a comment.
pub(super) fn text_row(line: &str) -> Option<Result<Row, RowError>> {
    let row = Row { url: line.to_owned(), stage: None, meta: Map::new() };
    (!line.is_empty() && !line.starts_with('#')).then_some(Ok(row))
}

/// A JSON object.
pub(super) fn json_row(line: &str) -> Option<Result<Row, RowError>> {
    (!line.is_empty()).then(|| object(line))
}

fn object(line: &str) -> Result<Row, RowError> {
    let mut meta = match serde_json::from_str(line).map_err(|error| not_json(&error))? {
        Value::Object(object) => object,
        _ => return Err(RowError::NoObject),
    };
    let url = text(&mut meta, URL)?.filter(|url| !url.is_empty()).ok_or(RowError::NoUrl)?;
    let stage = text(&mut meta, STAGE)?.filter(|stage| !stage.is_empty());
    Ok(Row { url, stage, meta })
}

/// Takes a text out; a `null` is none.
fn text(object: &mut Map<String, Value>, key: &'static str) -> Result<Option<String>, RowError> {
    match object.shift_remove(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned())),
        Some(_) => Err(RowError::NotText(key)),
    }
}

/// The library says the line as well, which is always its first.
fn not_json(error: &serde_json::Error) -> RowError {
    let said = error.to_string();
    let problem = said.rsplit_once(" at line ").map_or(said.as_str(), |(problem, _)| problem).to_owned();
    RowError::NotJson { problem, column: error.column() }
}
