//! A look at a store before anything in it is changed: what the run in it was begun with, and how far it is.
//!
//! In comes a path, out go counts and what was kept. It needs to know nothing of the config, so that a config that does not fit
//! the store can be told from one that does.

use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use rusqlite::{Connection, OpenFlags};

use super::error::Fault;
use super::state::State;
use super::{BUSY, schema};
use crate::address::StartMark;
use crate::frontier::fingerprint::Fingerprint;
use crate::frontier::{FrontierError, Stats};
use crate::record::Seq;

/// The counter of the pages that are done of one stage begins so.
pub(super) const DONE_OF: &str = "done.";

/// A store that is there, read only.
pub struct Survey {
    conn: Connection,
    path: PathBuf,
    state: State,
}

impl Survey {
    /// Looks at the store at `path`. `None`: there is none, or nothing was ever written to it.
    ///
    /// # Errors
    /// It is not a store, of a newer version, damaged, or cannot be read.
    pub fn open(path: &Path) -> Result<Option<Self>, FrontierError> {
        if std::fs::metadata(path).map_or(true, |file| file.len() == 0) {
            return Ok(None);
        }
        let open = || {
            let conn = look_at(path)?;
            conn.busy_timeout(BUSY)?;
            if schema::version(&conn)? == 0 {
                return Ok(None);
            }
            // One transaction: another process may be writing.
            let state = State::load(&*conn.unchecked_transaction()?)?;
            Ok(Some((conn, state)))
        };
        let opened = open().map_err(|fault: Fault| fault.at(path))?;
        Ok(opened.map(|(conn, state)| Self { conn, path: path.into(), state }))
    }

    /// The counters; start URLs that were not read yet are not known here.
    pub const fn stats(&self) -> Stats {
        Stats { unread: None, ..self.state.stats }
    }

    /// The number of the last record.
    pub const fn through(&self) -> Seq {
        self.state.through
    }

    /// How far the start URLs have been read.
    pub const fn mark(&self) -> StartMark {
        self.state.mark
    }

    /// The names of all stages that there are tasks of.
    ///
    /// # Errors
    /// Those of the store.
    pub fn stages(&self) -> Result<Vec<String>, FrontierError> {
        self.look(|conn| {
            let mut select = conn.prepare("SELECT name FROM stage ORDER BY id")?;
            let names = select.query_map([], |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }

    /// How many pages of a stage are done: kept count of, so it takes no time.
    ///
    /// # Errors
    /// Those of the store.
    pub fn done(&self, stage: &str) -> Result<u64, FrontierError> {
        self.count("SELECT ifnull(max(n), 0) FROM counter WHERE k = ?1", &format!("{DONE_OF}{stage}"))
    }

    /// How many tasks of a stage still have to end. It takes as long as there are such tasks of any stage.
    ///
    /// # Errors
    /// Those of the store.
    pub fn left(&self, stage: &str) -> Result<u64, FrontierError> {
        let waiting = "SELECT id FROM fresh UNION ALL SELECT id FROM ready WHERE id NOT IN (SELECT id FROM taken)
             UNION ALL SELECT id FROM lease UNION ALL SELECT id FROM delayed UNION ALL SELECT id FROM quarantine";
        self.count(
            &format!(
                "SELECT count(*) FROM ({waiting}) AS waiting JOIN task USING (id) JOIN stage ON stage.id = task.stage
                 WHERE stage.name = ?1"
            ),
            stage,
        )
    }

    /// Everything that is kept under a kind: keys and values, in the order of the keys.
    ///
    /// # Errors
    /// Those of the store.
    pub fn kept(&self, kind: &str) -> Result<Vec<(String, Vec<u8>)>, FrontierError> {
        self.look(|conn| {
            let mut select = conn.prepare("SELECT key, value FROM kept WHERE kind = ?1 ORDER BY key")?;
            let kept = select.query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(kept.collect::<Result<_, _>>()?)
        })
    }

    /// Gives `each` the fingerprint and the address of every task that was a start URL when it was found.
    ///
    /// # Errors
    /// Those of the store.
    pub fn starts(&self, mut each: impl FnMut(Fingerprint, &str)) -> Result<(), FrontierError> {
        self.look(|conn| {
            let mut select = conn.prepare("SELECT fp, url FROM task WHERE depth = 0 ORDER BY id")?;
            let mut rows = select.query([])?;
            while let Some(row) = rows.next()? {
                each(Fingerprint(row.get::<_, i64>(0)?.cast_unsigned()), row.get_ref(1)?.as_str().unwrap_or_default());
            }
            Ok(())
        })
    }

    fn count(&self, sql: &str, name: &str) -> Result<u64, FrontierError> {
        self.look(|conn| Ok(conn.query_row(sql, [name], |row| row.get::<_, i64>(0))?.cast_unsigned()))
    }

    fn look<T>(&self, read: impl FnOnce(&Connection) -> Result<T, Fault>) -> Result<T, FrontierError> {
        read(&self.conn).map_err(|fault| fault.at(&self.path))
    }
}

/// What only the path of an address may hold as it stands.
const OF_A_PATH: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#');

/// Opens a store read only. Where no log lies beside it, nobody has it open, and none is made: it would stay behind, with the
/// permissions of the store.
fn look_at(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::symlink_metadata(Path::new(&log)).is_ok();
    match path.to_str().filter(|_| !has_log) {
        Some(path) => {
            let address = format!("file:{}?immutable=1", utf8_percent_encode(path, OF_A_PATH));
            Ok(Connection::open_with_flags(address, flags | OpenFlags::SQLITE_OPEN_URI)?)
        }
        None => Ok(Connection::open_with_flags(path, flags)?),
    }
}
