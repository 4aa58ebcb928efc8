//! Opening a store: making or checking it, becoming its owner, and filling the memory beside it.
//!
//! A path and the run's key come in, a store that is ours goes out. Nothing in a file that is not ours is changed.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::claim::Reading;
use super::draft::Memory;
use super::error::Fault;
use super::names::Names;
use super::ready::Ready;
use super::rows::Texts;
use super::state::State;
use super::{BUSY, Durable, LONGEST_LOG, Retention, SqliteFrontier, schema, snapshot, snapshot_path};
use crate::address::StartMark;
use crate::frontier::fingerprint::{Fingerprint, Fingerprinter};
use crate::frontier::known::FingerprintSet;
use crate::frontier::{FrontierError, Seeds};
use crate::task::Epoch;

/// Epochs of one owner; the next owner's begin above them.
const EPOCHS: u32 = 40;

/// The first epoch of an owner.
pub(super) const fn first_epoch(generation: i64) -> Epoch {
    Epoch(generation.cast_unsigned() << EPOCHS)
}

impl SqliteFrontier {
    /// Opens the store at `path`, or makes it, and becomes its owner: whoever had it open before can commit nothing more.
    ///
    /// `seeds` is given how far the start URLs have been read, and opens them there.
    ///
    /// # Errors
    /// It is not a store, of another run, of a newer version, damaged, or the file system refuses; start URLs that cannot be
    /// opened.
    pub fn open(
        path: &Path,
        fingerprints: Fingerprinter,
        retention: Retention,
        seeds: impl FnOnce(StartMark) -> io::Result<Box<dyn Seeds>>,
    ) -> Result<Self, FrontierError> {
        let open = || {
            let (conn, generation) = own(path, &fingerprints)?;
            let mut state = State { last_epoch: first_epoch(generation), ..State::load(&conn)? };
            let names = Names::load(&conn, fingerprints.stages())?;
            let (known, snapshot) = known(&conn, path, state.last_id)?;
            let seeds = seeds(state.mark).map_err(Fault::Seeds)?;
            state.stats.unread = seeds.unread();
            let memory = Memory { fingerprints, known, names, leases: HashMap::new() };
            let reading = Reading { seeds, ahead: Vec::new() };
            let mut log = path.as_os_str().to_owned();
            log.push("-wal");
            Ok(Self {
                conn,
                path: path.into(),
                log: log.into(),
                longest_log: LONGEST_LOG,
                generation,
                retention,
                memory,
                texts: Texts::default(),
                ready: Ready::default(),
                reading,
                state,
                snapshot,
            })
        };
        open().map_err(|fault: Fault| fault.at(path))
    }

    /// Writes the snapshot. It is no more than a short cut, so a failure is none of the caller's.
    pub(super) fn write_snapshot(&mut self) {
        let last_id = self.state.last_id.cast_unsigned();
        // After a failure too: the next one is tried no sooner.
        self.snapshot = last_id;
        if let Ok(sum) = snapshot::write(&snapshot_path(&self.path), &self.memory.known, last_id) {
            let noted =
                self.transact(Durable::Yes, |draft, _| schema::set_meta(draft.conn, "snapshot", sum.cast_signed()));
            drop(noted);
        }
    }
}

/// Opens the file, and takes it over.
fn own(path: &Path, fingerprints: &Fingerprinter) -> Result<(Connection, i64), Fault> {
    // For its owner's eyes only: cookies are in it.
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map_err(Fault::Io)?;
    let conn = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY)?;
    // Before anything is changed in a file that may not be ours, or was cut short.
    schema::version(&conn)?;
    schema::configure(&conn)?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    schema::migrate(&conn)?;
    let identity = fingerprints.identity().cast_signed();
    if schema::meta(&conn, "identity")?.is_some_and(|there| there != identity) {
        return Err(Fault::OtherRun);
    }
    let generation = schema::meta(&conn, "generation")?.unwrap_or(0) + 1;
    schema::set_meta(&conn, "identity", identity)?;
    schema::set_meta(&conn, "generation", generation)?;
    conn.execute_batch("COMMIT")?;
    Ok((conn, generation))
}

/// All fingerprints, and up to which task they came from the snapshot.
fn known(conn: &Connection, path: &Path, last_id: i64) -> Result<(FingerprintSet, u64), Fault> {
    let sum = schema::meta(conn, "snapshot")?;
    let (mut set, read) = match sum.and_then(|sum| snapshot::read(&snapshot_path(path), sum.cast_unsigned())) {
        Some(read) => read,
        // How many are expected is known, so the set need not grow on the way.
        None => (FingerprintSet::with_capacity(usize::try_from(last_id).unwrap_or(0)), 0),
    };
    let mut select = conn.prepare("SELECT fp FROM task WHERE id > ?1")?;
    let mut rows = select.query([read.cast_signed()])?;
    while let Some(row) = rows.next()? {
        set.insert(Fingerprint(row.get::<_, i64>(0)?.cast_unsigned()));
    }
    Ok((set, read))
}
