//! A database that is there already: whose it is, how far it is, and how it is made ready.
//!
//! In come its path, what is kept of it, and the columns; out goes what to do, and later an open feed. Only [`start`] changes
//! anything.
//!
//! [`start`]: FoundDatabase::start

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};

use super::{CURSORS, Sqlite, Table, Transaction, number, quoted};
use crate::config::IfExists;
use crate::frontier::FeedCursor;
use crate::record::Seq;
use crate::sink::columns::Columns;
use crate::sink::file::{Extent, FeedFile, Nature};
use crate::sink::kept::Mark;
use crate::sink::lines::aside;
use crate::sink::standing::{Standing, Why};
use crate::sink::{FeedError, fault};

/// How long another program may hold the database before that is an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// Files that SQLite keeps beside a database.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Columns about the page that are no text.
const NUMBERS: [&str; 2] = ["status", "attempts"];

/// A database that has been looked at.
#[derive(Debug)]
pub(in crate::sink) struct FoundDatabase {
    path: PathBuf,
    place: PathBuf,
    columns: Columns,
    token: u64,
    /// What is to be done with it.
    pub(in crate::sink) standing: Standing,
    /// The last record that is in it.
    pub(in crate::sink) through: Seq,
}

/// What a database says of a feed.
struct State {
    digest: String,
    through: Seq,
    /// Is all there that was recorded?
    whole: bool,
    /// A table with rows that are not this feed's.
    shared: Option<String>,
}

impl FoundDatabase {
    /// Looks at the database in `file`, of which `kept` is recorded. `token` marks a new feed.
    ///
    /// # Errors
    /// If it is not ours to write to; those of the database.
    pub(in crate::sink) fn look(
        file: &FeedFile,
        kept: Option<&FeedCursor>,
        columns: Columns,
        if_exists: IfExists,
        token: u64,
    ) -> Result<Self, FeedError> {
        if file.nature() == Nature::Stream {
            let error = io::Error::new(io::ErrorKind::InvalidInput, "a database must be a regular file");
            return Err(file.failed("open")(error));
        }
        let token = kept.and_then(|kept| Mark::read(&kept.columns)).map_or(token, |mark| mark.base.tail);
        let (path, place) = (file.path().to_owned(), file.place().to_owned());
        let mut found = Self { path, place, columns, token, standing: Standing::New, through: Seq(0) };
        let delivered = kept.is_some_and(|kept| kept.through > Seq(0));
        let state = if file.bytes() == 0 { Ok(None) } else { found.state() };
        match state {
            Ok(Some(state)) => found.judge(state)?,
            // Locked, or not ours to read: that is no reason to take it for broken.
            Err(error) if !is_foreign(&error) => return Err(FeedError::database(&found.path, "read")(error)),
            _ if delivered && file.bytes() == 0 => found.standing = Standing::Rebuilt(Why::Missing),
            _ if delivered => found.standing = Standing::Rebuilt(Why::Damaged),
            _ if file.bytes() > 0 => found.join(if_exists)?,
            _ => {}
        }
        Ok(found)
    }

    /// The word to keep of it.
    pub(in crate::sink) fn mark(&self) -> Mark {
        Mark { digest: self.digest(), base: Extent { bytes: 0, tail: self.token } }
    }

    fn digest(&self) -> u128 {
        self.columns.digest("sqlite")
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(&self.place, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        connection.busy_timeout(PATIENCE)?;
        Ok(connection)
    }

    fn state(&self) -> rusqlite::Result<Option<State>> {
        let connection = self.connect()?;
        if !has_table(&connection, "burdock_feed")? {
            return Ok(None);
        }
        let text = "SELECT stage, columns, through, base, last FROM burdock_feed WHERE feed = ?1";
        let mut query = connection.prepare(text)?;
        let mut rows = query.query([token_text(self.token)])?;
        let mut state: Option<State> = None;
        while let Some(row) = rows.next()? {
            let (stage, base, last): (String, i64, i64) = (row.get(0)?, row.get(3)?, row.get(4)?);
            let through = Seq(u64::try_from(row.get::<_, i64>(2)?).unwrap_or_default());
            let state = state.get_or_insert(State { digest: row.get(1)?, through, whole: true, shared: None });
            let max = if has_table(&connection, &stage)? { Some(last_row(&connection, &stage)?) } else { None };
            state.whole &= max.is_some_and(|max| max >= last);
            if base > 0 || max.is_some_and(|max| max > last) {
                state.shared = Some(stage);
            }
        }
        Ok(state)
    }

    fn judge(&mut self, state: State) -> Result<(), FeedError> {
        self.standing = if !state.whole {
            Standing::Rebuilt(Why::Damaged)
        } else if state.digest == digest_text(self.digest()) {
            self.through = state.through;
            Standing::Recorded { bytes: 0, cut: 0 }
        } else if let Some(table) = state.shared {
            return Err(FeedError::ForeignRows { path: self.path.clone(), table });
        } else {
            Standing::Rebuilt(Why::Columns)
        };
        Ok(())
    }

    /// May our tables stand among what is there?
    fn join(&self, if_exists: IfExists) -> Result<(), FeedError> {
        let failed = FeedError::database(&self.path, "open");
        let path = || self.path.clone();
        let connection = self.connect().map_err(&failed)?;
        let tables = connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get::<_, i64>(0));
        match (tables, if_exists) {
            (Ok(0), _) => return Ok(()),
            (_, IfExists::Refuse) => return Err(FeedError::Occupied { path: path() }),
            (Ok(_), IfExists::Append) => {}
            (Err(error), IfExists::Append) if is_foreign(&error) => {
                return Err(FeedError::NoDatabase { path: path() });
            }
            (Err(error), IfExists::Append) => return Err(failed(error)),
        }
        for (stage, wanted) in self.columns.tables() {
            let found = columns_of(&connection, stage).map_err(&failed)?;
            if !found.is_empty() && found != wanted {
                let (found, wanted) = (found.join(","), wanted.join(","));
                return Err(FeedError::OtherColumns { path: path(), found, wanted });
            }
        }
        Ok(())
    }

    /// Makes it ready and opens it.
    ///
    /// # Errors
    /// Those of the file system and the database.
    pub(in crate::sink) fn start(self) -> Result<Sqlite, FeedError> {
        if self.standing == Standing::Rebuilt(Why::Damaged) {
            self.put_aside().map_err(FeedError::io(&self.path, "replace"))?;
        }
        let connection = self.prepare().map_err(FeedError::database(&self.path, "open"))?;
        let (token, columns) = (token_text(self.token), self.columns);
        let tables = columns.tables().map(|(stage, names)| Table::new(stage, &names)).collect();
        Ok(Sqlite { path: self.path, columns, connection, token, tables, open: Transaction::No })
    }

    /// Its companions go first: a log that stayed behind would be taken for that of the next database at this place.
    fn put_aside(&self) -> io::Result<()> {
        let aside = aside(&self.place);
        for end in COMPANIONS.iter().chain([&""]) {
            let (from, to) = (with_end(&self.place, end), with_end(&aside, end));
            if from.exists() {
                fault::step()?;
                fs::rename(from, to)?;
            }
        }
        Ok(())
    }

    fn prepare(&self) -> rusqlite::Result<Connection> {
        let mut connection = Connection::open(&self.place)?;
        connection.busy_timeout(PATIENCE)?;
        // With a log others can read while we write.
        connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
        connection.execute_batch("PRAGMA synchronous = FULL")?;
        let changes = connection.transaction()?;
        changes.execute_batch(CURSORS)?;
        if !matches!(self.standing, Standing::Recorded { .. }) {
            self.clear(&changes)?;
            for (stage, columns) in self.columns.tables() {
                self.make_table(&changes, stage, &columns)?;
            }
        }
        changes.commit()?;
        Ok(connection)
    }

    /// Tables of another form go, and so do those of stages that are not taken any more.
    fn clear(&self, changes: &Connection) -> rusqlite::Result<()> {
        let token = token_text(self.token);
        if self.standing == Standing::Rebuilt(Why::Columns) {
            let mut query = changes.prepare("SELECT stage FROM burdock_feed WHERE feed = ?1")?;
            let stages = query.query_map([&token], |row| row.get::<_, String>(0))?;
            for stage in stages.collect::<rusqlite::Result<Vec<_>>>()? {
                changes.execute_batch(&format!("DROP TABLE IF EXISTS {}", quoted(&stage)))?;
            }
        }
        changes.execute("DELETE FROM burdock_feed WHERE feed = ?1", [&token])?;
        Ok(())
    }

    fn make_table(&self, changes: &Connection, stage: &str, columns: &[&str]) -> rusqlite::Result<()> {
        let columns = columns.iter().map(|column| {
            // Fields have no type of their own here: each value keeps the one that it has.
            let kind = if NUMBERS.contains(column) { " INTEGER" } else { "" };
            quoted(column) + kind
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        changes.execute_batch(&format!("CREATE TABLE IF NOT EXISTS {} ({columns})", quoted(stage)))?;
        let base = last_row(changes, stage)?;
        let cursor =
            "INSERT INTO burdock_feed (feed, stage, columns, through, base, last) VALUES (?1, ?2, ?3, ?4, ?5, ?5)";
        let columns = digest_text(self.digest());
        changes.execute(cursor, params![token_text(self.token), stage, columns, number(Seq(0)), base])?;
        Ok(())
    }
}

fn token_text(token: u64) -> String {
    format!("{token:016x}")
}

fn digest_text(digest: u128) -> String {
    format!("{digest:032x}")
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

/// Is it the file that is wrong?
fn is_foreign(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt))
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    let text = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1 COLLATE NOCASE";
    connection.query_row(text, [name], |_| Ok(())).optional().map(|found| found.is_some())
}

fn last_row(connection: &Connection, table: &str) -> rusqlite::Result<i64> {
    let text = format!("SELECT coalesce(max(rowid), 0) FROM {}", quoted(table));
    connection.query_row(&text, [], |row| row.get(0))
}

fn columns_of(connection: &Connection, table: &str) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    query.query_map([table], |row| row.get(0))?.collect()
}
