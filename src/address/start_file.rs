//! Start files: URLs to begin with, and what is to travel with each.
//!
//! A path comes in, rows go out, one at a time and in bounded memory: `.txt` has a URL a line; `.csv` and `.jsonl` have a column
//! `url`, perhaps one `stage`, and the rest is the row's meta. Nothing in them is a template. Whether a URL can be fetched, or a
//! stage is there, is not known here.

mod bounded;
mod lines;
mod table;

use std::fs::File;
use std::io;
use std::path::Path;

use serde_json::{Map, Value};

use self::lines::{Lines, json_row, text_row};
use self::table::Table;

/// The column, or key, of the address.
const URL: &str = "url";
/// That of the stage.
const STAGE: &str = "stage";

/// One row of a start file.
#[derive(Clone, Debug, PartialEq)]
pub struct StartRow {
    /// Its line, from 1; its first one, where a quoted value spans several.
    pub line: u64,
    /// The address as it is written there.
    pub url: String,
    /// The name of its stage; none is the start stage.
    pub stage: Option<String>,
    /// All else: texts from CSV, any values from JSON.
    pub meta: Map<String, Value>,
}

/// The kinds of start files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartFormat {
    /// A URL a line; blank lines and lines that begin with `#` are skipped.
    Txt,
    /// Comma-separated values with a header.
    Csv,
    /// A JSON object a line; blank lines are skipped.
    Jsonl,
}

impl StartFormat {
    /// The kind that a file's name ends in, in whatever case.
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Self::Txt),
            "csv" => Some(Self::Csv),
            "jsonl" => Some(Self::Jsonl),
            _ => None,
        }
    }

    /// What such a file has, for people.
    pub const fn described(self) -> &'static str {
        match self {
            Self::Txt => "it has a URL a line",
            Self::Csv => {
                "its first line names the columns: url, perhaps stage, and what you want to keep with each URL"
            }
            Self::Jsonl => {
                "each line is an object: {\"url\": \"https://…\"}, perhaps with \"stage\" and what you want to keep"
            }
        }
    }
}

/// Why a start file cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The file system says no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its name does not say how to read it.
    #[error("its name ends in neither .txt, .csv nor .jsonl")]
    Kind,
    /// The header has no column `url`, but these.
    #[error("no column of its header is called \"url\": {0}")]
    NoUrlColumn(String),
    /// A column without a name, by its number, from 1.
    #[error("column {0} of its header has no name")]
    Unnamed(usize),
    /// Two columns have one name.
    #[error("its header has two columns {0:?}")]
    Twice(String),
}

/// Why a row cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// It is not text.
    #[error("this is not UTF-8")]
    NotUtf8,
    /// There is no URL in it.
    #[error("this row has no \"url\"")]
    NoUrl,
    /// `url` or `stage` is something else.
    #[error("{0:?} is not text here")]
    NotText(&'static str),
    /// It has more or fewer values than the header has columns.
    #[error("this row is {found} wide, the header {expected}")]
    Width {
        /// Columns.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// A quote is opened and the file ends.
    #[error("a quote is opened in this row and never closed")]
    Unclosed,
    /// It is not JSON.
    #[error("this is not JSON: {problem} at column {column}")]
    NotJson {
        /// What is wrong.
        problem: String,
        /// Where, in bytes from 1.
        column: usize,
    },
    /// It is JSON, but no object.
    #[error("this is no JSON object")]
    NoObject,
}

/// What comes instead of a row.
#[derive(Debug, thiserror::Error)]
pub enum StartFileError {
    /// This row cannot be used; others follow.
    #[error("{error}")]
    Row {
        /// Its line, from 1.
        line: u64,
        /// Why.
        #[source]
        error: RowError,
    },
    /// The file cannot be read on.
    #[error("{error}")]
    Unreadable {
        /// The line, from 1.
        line: u64,
        /// Why.
        #[source]
        error: io::Error,
    },
}

impl StartFileError {
    /// The line that it is about, from 1.
    pub const fn line(&self) -> u64 {
        match self {
            Self::Row { line, .. } | Self::Unreadable { line, .. } => *line,
        }
    }
}

#[derive(Debug)]
enum Rows {
    Txt(Lines),
    Csv(Table),
    Jsonl(Lines),
}

/// The rows of a start file, read as they are asked for. CRLF and a byte order mark are tolerated.
#[derive(Debug)]
pub struct StartFile {
    rows: Rows,
    ended: bool,
}

impl StartFile {
    /// Opens a start file.
    ///
    /// # Errors
    /// Those of the file system, a name that does not say its kind, and a CSV header that is of no use.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let format = StartFormat::of(path).ok_or(OpenError::Kind)?;
        let file = File::open(path)?;
        let rows = match format {
            StartFormat::Txt => Rows::Txt(Lines::new(file)),
            StartFormat::Csv => Rows::Csv(Table::open(file)?),
            StartFormat::Jsonl => Rows::Jsonl(Lines::new(file)),
        };
        Ok(Self { rows, ended: false })
    }
}

impl Iterator for StartFile {
    type Item = Result<StartRow, StartFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = match &mut self.rows {
            Rows::Txt(lines) => lines.row(text_row),
            Rows::Csv(table) => table.row(),
            Rows::Jsonl(lines) => lines.row(json_row),
        };
        // After a failed read nothing more can be trusted to be the rest of the file.
        self.ended = matches!(row, None | Some(Err(StartFileError::Unreadable { .. })));
        row
    }
}

#[cfg(test)]
mod tests;
