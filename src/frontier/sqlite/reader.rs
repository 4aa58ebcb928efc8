//! Reads a store beside the process that writes it: records for the feeds, and what commands show.
//!
//! It writes nothing, and each call is one short look, so that it never keeps the store's log from being written back.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::by_stage::{self, StageTasks};
use super::error::Fault;
use super::names::{self, Names};
use super::overview::{self, Overview};
use super::rows::Texts;
use super::{letters, outbox, schema};
use crate::frontier::{DeadLetter, FrontierError, RecordReader};
use crate::record::{Seq, StoredRecord};

/// A read-only look at a store. It may cross threads and run while another process writes.
pub struct StoreReader {
    conn: Connection,
    path: PathBuf,
    stages: Vec<Arc<str>>,
    texts: Texts,
}

impl StoreReader {
    /// The same, but the store may hold pages of stages that the config does not have: they come behind the config's.
    ///
    /// # Errors
    /// It is not there, not ours, or of a newer version.
    pub fn open_with_all(path: &Path, mut stages: Vec<Arc<str>>) -> Result<Self, FrontierError> {
        let mut reader = Self::open(path, Vec::new())?;
        let held = names::held(&reader.conn).map_err(|fault| fault.at(path))?;
        let others: Vec<_> = held.into_iter().filter(|name| !stages.contains(name)).collect();
        stages.extend(others);
        reader.stages = stages;
        Ok(reader)
    }

    /// The names of the stages, in the order of their numbers.
    pub fn stages(&self) -> &[Arc<str>] {
        &self.stages
    }

    /// Opens the store at `path`; `stages` are the config's, in the order of their numbers.
    ///
    /// # Errors
    /// It is not there, not ours, or of a newer version.
    pub fn open(path: &Path, stages: Vec<Arc<str>>) -> Result<Self, FrontierError> {
        let open = || {
            let conn =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            conn.busy_timeout(super::BUSY)?;
            match schema::version(&conn)? {
                0 => Err(Fault::Foreign),
                _ => Ok(conn),
            }
        };
        let conn = open().map_err(|fault| fault.at(path))?;
        Ok(Self { conn, path: path.into(), stages, texts: Texts::default() })
    }

    /// How the run stands: constant work, but for its dead letters, which are counted.
    ///
    /// # Errors
    /// Those of the store.
    pub fn overview(&self) -> Result<Overview, FrontierError> {
        self.look(|conn, _| overview::read(conn))
    }

    /// Tasks by stage and state, in the order in which the stages were met. They are counted in short looks, so that of a store
    /// that is being written the sums may be a little off.
    ///
    /// # Errors
    /// Those of the store.
    pub fn by_stage(&self) -> Result<Vec<StageTasks>, FrontierError> {
        by_stage::count(&self.conn, by_stage::SLICE).map_err(|fault| fault.at(&self.path))
    }

    /// Up to `n` tasks given up on, oldest first, after the one that has the number `after` (0: from the first), each with its
    /// number.
    ///
    /// # Errors
    /// Those of the store.
    pub fn dead_letters_after(&self, after: u64, n: usize) -> Result<Vec<(u64, DeadLetter)>, FrontierError> {
        self.look(|conn, names| letters::page(conn, after, n, &|number| names.stage(number)))
    }

    /// All tasks given up on, oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub fn dead_letters(&self) -> Result<Vec<DeadLetter>, FrontierError> {
        self.look(|conn, names| letters::all(conn, &|number| names.stage(number)))
    }

    /// One transaction, so that what is read fits together. The stages are read anew: there may be more by now.
    fn look<T>(&self, read: impl FnOnce(&Connection, &Names) -> Result<T, Fault>) -> Result<T, FrontierError> {
        let look = || {
            let transaction = self.conn.unchecked_transaction()?;
            let names = Names::load(&transaction, &self.stages)?;
            read(&transaction, &names)
        };
        look().map_err(|fault| fault.at(&self.path))
    }
}

impl RecordReader for StoreReader {
    fn records(&mut self, after: Seq, n: usize) -> Result<Vec<StoredRecord>, FrontierError> {
        let mut texts = std::mem::take(&mut self.texts);
        let records = self.look(|conn, names| outbox::read(conn, after, n, &|number| names.stage(number), &mut texts));
        self.texts = texts;
        records
    }
}
