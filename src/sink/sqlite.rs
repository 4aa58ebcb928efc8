//! SQLite: a table a stage in a database of its own, its cursor committed with its rows.
//!
//! In come records; out go rows, a transaction from sync to sync. Text and numbers are stored as they are, lists as JSON text,
//! no match as NULL. What the file held before is [`found`]'s business.

mod found;

use std::path::PathBuf;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params, params_from_iter};
use serde_json::Value;

pub(super) use self::found::FoundDatabase;
use super::columns::{Cell, Columns};
use super::{Extent, Feed, FeedError, fault};
use crate::record::{Record, Seq};

/// Where cursors are: a row a feed and table. `base` and `last` are row ids: what was there before us, and our last one.
const CURSORS: &str = "CREATE TABLE IF NOT EXISTS burdock_feed (
    feed TEXT NOT NULL, stage TEXT NOT NULL, columns TEXT NOT NULL, through INTEGER NOT NULL, base INTEGER NOT NULL,
    last INTEGER NOT NULL, PRIMARY KEY (feed, stage)) WITHOUT ROWID";

/// A feed in a database.
pub(super) struct Sqlite {
    path: PathBuf,
    columns: Columns,
    connection: Connection,
    /// The number that marks its cursor among those of other runs.
    token: String,
    tables: Vec<Table>,
    open: Transaction,
}

/// One stage's.
struct Table {
    stage: String,
    insert: String,
    /// The id of the last row, if one came since the last commit.
    last: Option<i64>,
}

/// Is a transaction open?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transaction {
    No,
    Yes,
}

impl Sqlite {
    fn begin(&mut self) -> Result<(), FeedError> {
        if self.open == Transaction::No {
            fault::step().map_err(FeedError::io(&self.path, "write"))?;
            self.connection.execute_batch("BEGIN IMMEDIATE").map_err(FeedError::database(&self.path, "write"))?;
            self.open = Transaction::Yes;
        }
        Ok(())
    }

    fn insert(&mut self, record: &Record) -> rusqlite::Result<()> {
        let Some(row) = self.columns.row(record) else { return Ok(()) };
        let Some(table) = self.tables.iter_mut().find(|table| table.stage == row.stage()) else { return Ok(()) };
        let cells = row.cells().map(|(_, cell)| cell);
        self.connection.prepare_cached(&table.insert)?.execute(params_from_iter(cells))?;
        table.last = Some(self.connection.last_insert_rowid());
        Ok(())
    }

    fn commit(&mut self, through: Seq) -> rusqlite::Result<()> {
        let text = "UPDATE burdock_feed SET through = ?1, last = coalesce(?2, last) WHERE feed = ?3 AND stage = ?4";
        for table in &mut self.tables {
            let values = params![number(through), table.last.take(), self.token, table.stage];
            self.connection.prepare_cached(text)?.execute(values)?;
        }
        self.connection.execute_batch("COMMIT")?;
        self.open = Transaction::No;
        Ok(())
    }
}

impl Table {
    fn new(stage: &str, columns: &[&str]) -> Self {
        let names = columns.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let places = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {} ({names}) VALUES ({places})", quoted(stage));
        Self { stage: stage.to_owned(), insert, last: None }
    }
}

impl Feed for Sqlite {
    fn write(&mut self, record: &Record) -> Result<(), FeedError> {
        self.begin()?;
        fault::step().map_err(FeedError::io(&self.path, "write"))?;
        self.insert(record).map_err(FeedError::database(&self.path, "write"))
    }

    fn is_short(&self) -> bool {
        false
    }

    fn sync(&mut self, through: Seq) -> Result<Extent, FeedError> {
        self.begin()?;
        fault::step().map_err(FeedError::io(&self.path, "write"))?;
        self.commit(through).map_err(FeedError::database(&self.path, "write"))?;
        Ok(Extent::default())
    }

    fn close(mut self: Box<Self>, through: Seq) -> Result<Extent, FeedError> {
        let extent = self.sync(through)?;
        let Self { path, connection, .. } = *self;
        // This also folds the log into the file, so that one file is all that people need to copy.
        connection.close().map_err(|(_, error)| FeedError::database(&path, "close")(error))?;
        Ok(extent)
    }
}

impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null | Cell::Value(Value::Null) => ToSqlOutput::Borrowed(ValueRef::Null),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Number(number) => ToSqlOutput::Borrowed(ValueRef::Integer((*number).into())),
            Cell::Value(Value::String(text)) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Value(Value::Number(number)) => match number.as_i64() {
                Some(whole) => ToSqlOutput::Borrowed(ValueRef::Integer(whole)),
                None => ToSqlOutput::Owned(number.as_f64().into()),
            },
            Cell::Value(other) => ToSqlOutput::Owned(other.to_string().into()),
        })
    }
}

/// A name as SQL takes it, whatever is in it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A place in the store's order as SQLite has numbers; the store's are SQLite's too, or smaller.
fn number(seq: Seq) -> i64 {
    i64::try_from(seq.0).unwrap_or(i64::MAX)
}
