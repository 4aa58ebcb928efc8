//! The durable frontier: all tasks of a run in one SQLite file, and the set of their fingerprints in memory.
//!
//! In come the trait's calls, each of which is one transaction: all of it or nothing, on disk and in memory. There is one
//! writer at a time; a lock beside the file is the run folder's business, and each transaction checks that nobody else has
//! opened the store since. It decides nothing about pages.

mod ahead;
mod by_stage;
mod claim;
mod draft;
mod error;
mod letters;
mod names;
mod open;
mod outbox;
mod overview;
mod prepared;
mod reader;
mod ready;
mod recover;
mod revise;
mod rows;
mod schema;
mod settle;
mod snapshot;
mod state;
mod survey;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;

use self::claim::Reading;
use self::draft::{Draft, Memory};
use self::error::Fault;
use self::ready::Ready;
use self::rows::Texts;
use self::state::State;
use super::revision::{Revised, Revision};
use super::{
    Batch, Claim, Claimed, Committed, DeadFilter, DeadLetter, FeedCursor, Frontier, FrontierError, Kept, RecordReader,
    Recovered, Stats,
};
use crate::clock::Timestamp;
use crate::record::{Seq, StoredRecord};
use crate::task::{Epoch, HostKey, TaskId};

pub use by_stage::StageTasks;
pub use error::StoreError;
pub use overview::{DeadCount, Overview};
pub use reader::StoreReader;
pub use survey::Survey;

/// How long another program may keep the store locked before a call fails; the caller tries again anyway.
const BUSY: Duration = Duration::from_secs(1);

/// A new snapshot is written after so many new tasks, or a quarter of all: what is read at the next start stays a small part,
/// and what is written for it grows with the store, not with its square.
const SNAPSHOT_AFTER: u64 = 250_000;

/// A log that has grown so far is held by somebody who reads for hours: better an error than a full disk.
const LONGEST_LOG: u64 = 1 << 30;

/// What becomes of records that every feed has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// They stay: for exports, and for feeds added later.
    Keep,
    /// They are removed.
    Prune,
}

/// All tasks of a run, in a SQLite file.
pub struct SqliteFrontier {
    conn: Connection,
    path: PathBuf,
    log: PathBuf,
    longest_log: u64,
    generation: i64,
    retention: Retention,
    memory: Memory,
    texts: Texts,
    ready: Ready,
    reading: Reading,
    state: State,
    /// The last task in the snapshot.
    snapshot: u64,
}

/// Must a transaction survive a power loss?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durable {
    /// Yes: something in it has been told to somebody, or will be.
    Yes,
    /// Only the death of the process: without it, tasks are merely claimed again. Saves a sync, half of all.
    NotYet,
}

impl SqliteFrontier {
    /// One transaction: all of what `work` does, or nothing.
    fn transact<T>(
        &mut self,
        durable: Durable,
        work: impl FnOnce(&mut Draft<'_>, &mut Reading) -> Result<T, Fault>,
    ) -> Result<T, FrontierError> {
        // Begun and not taken back, if even that failed the last time.
        let begin = self.take_back().and_then(|()| self.shorten_log());
        let result = begin.and_then(|()| self.attempt(durable, work));
        if result.is_err() {
            self.ready.doubt();
            drop(self.take_back());
        }
        result.map_err(|fault| fault.at(&self.path))
    }

    /// Does what a changed config asks for. To be called before the first claim, after [`Frontier::recover`].
    ///
    /// # Errors
    /// Those of the store; nothing has then changed.
    pub fn revise(&mut self, revision: &Revision<'_>) -> Result<Revised, FrontierError> {
        self.transact(Durable::Yes, |draft, _| draft.revise(revision))
    }

    /// The log is written back by itself, unless somebody reads without end.
    fn shorten_log(&self) -> Result<(), Fault> {
        let length = || std::fs::metadata(&self.log).map_or(0, |log| log.len());
        if length() > self.longest_log {
            self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Some(length()).filter(|&bytes| bytes > self.longest_log).map_or(Ok(()), |bytes| Err(Fault::Held(bytes)))
    }

    fn take_back(&self) -> Result<(), Fault> {
        if !self.conn.is_autocommit() {
            self.conn.execute_batch("ROLLBACK")?;
        }
        Ok(())
    }

    fn attempt<T>(
        &mut self,
        durable: Durable,
        work: impl FnOnce(&mut Draft<'_>, &mut Reading) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.conn.execute_batch(match durable {
            Durable::Yes => "PRAGMA synchronous = FULL; BEGIN IMMEDIATE",
            Durable::NotYet => "PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE",
        })?;
        if schema::meta(&self.conn, "generation")? != Some(self.generation) {
            return Err(Fault::Superseded);
        }
        self.ready.refresh(&self.conn)?;
        let mut draft = Draft::new(&self.conn, &self.memory, &mut self.texts, &mut self.ready, self.state);
        let value = work(&mut draft, &mut self.reading)?;
        draft.ready.fold_if_due(draft.conn)?;
        draft.count_done()?;
        draft.state.transactions += 1;
        let number = draft.state.transactions;
        draft.state.save(&self.state, &self.conn)?;
        let taken = draft.finish();
        if let Err(error) = self.conn.execute_batch("COMMIT") {
            // An error does not say that it is not there: the store itself knows.
            self.take_back()?;
            if State::load(&self.conn)?.transactions != number {
                return Err(error.into());
            }
        }
        self.state = self.memory.take(taken);
        Ok(value)
    }

    /// Writes the snapshot if it is far behind.
    fn refresh_snapshot(&mut self) {
        let newer = self.state.last_id.cast_unsigned().saturating_sub(self.snapshot);
        if newer > SNAPSHOT_AFTER.max(self.state.stats.found / 4) {
            self.write_snapshot();
        }
    }
}

impl Frontier for SqliteFrontier {
    fn recover(&mut self) -> Result<Recovered, FrontierError> {
        let first = open::first_epoch(self.generation);
        self.transact(Durable::Yes, |draft, _| draft.recover(first))
    }

    fn hasten(&mut self, latest: Timestamp) -> Result<u64, FrontierError> {
        self.transact(Durable::Yes, |draft, _| draft.hasten(latest))
    }

    fn claim(&mut self, n: usize, now: Timestamp, barred: &[HostKey]) -> Result<Claim, FrontierError> {
        let (next_due, tasks) = self.transact(Durable::NotYet, |draft, reading| {
            draft.promote(now)?;
            if draft.state.stats.alone == 0 {
                draft.read_seeds(reading, n)?;
                draft.lease_ready(n, barred)?;
                if n > 0 && draft.state.stats.leased == 0 {
                    draft.lease_alone(barred)?;
                }
            }
            let leased = draft.leased().iter();
            let tasks = leased.map(|lease| Claimed { task: Arc::clone(&lease.task), epoch: lease.epoch }).collect();
            Ok((draft.next_due()?, tasks))
        })?;
        self.reading.ahead.clear();
        self.refresh_snapshot();
        Ok(Claim { tasks, next_due, stats: self.state.stats })
    }

    fn hand_back(&mut self, leases: &[(TaskId, Epoch)]) -> Result<(), FrontierError> {
        self.transact(Durable::NotYet, |draft, _| draft.hand_back(leases))
    }

    fn commit(&mut self, batch: &Batch<'_>, _now: Timestamp) -> Result<Committed, FrontierError> {
        let (retention, before) = (self.retention, self.state.through);
        let new_links: Vec<Option<usize>> = self.transact(Durable::Yes, |draft, _| {
            let new_links = batch.pages.iter().map(|page| draft.settle(page)).collect::<Result<_, _>>()?;
            batch.feeds.iter().try_for_each(|change| draft.change_feed(change))?;
            batch.kept.iter().try_for_each(|kept| draft.keep(kept))?;
            if retention == Retention::Prune && !batch.feeds.is_empty() {
                draft.prune()?;
            }
            Ok(new_links)
        })?;
        self.refresh_snapshot();
        let ended = batch.pages.iter().zip(&new_links).filter(|(_, new)| new.is_some());
        let records = ended.flat_map(|(page, _)| &page.records).zip(before.0 + 1..);
        let records = records.map(|(record, seq)| StoredRecord { seq: Seq(seq), record: Arc::new(record.clone()) });
        let (records, through) = (records.collect(), self.state.through);
        Ok(Committed { through, records, new_links, stats: self.state.stats })
    }

    fn stats(&self) -> Stats {
        self.state.stats
    }

    fn dead_letters(&self) -> Result<Vec<DeadLetter>, FrontierError> {
        let stages = |number| self.memory.names.stage(number);
        letters::all(&self.conn, &stages).map_err(|fault| fault.at(&self.path))
    }

    fn retry(&mut self, which: &DeadFilter) -> Result<u64, FrontierError> {
        self.transact(Durable::Yes, |draft, _| draft.retry(which))
    }

    fn feeds(&self) -> Result<Vec<FeedCursor>, FrontierError> {
        overview::feeds(&self.conn).map_err(|fault| fault.at(&self.path))
    }

    fn kept(&self, kind: &str) -> Result<Vec<Kept>, FrontierError> {
        let read = || {
            let mut select =
                self.conn.prepare_cached("SELECT kind, key, value FROM kept WHERE kind = ?1 ORDER BY key")?;
            let kept = select.query_map([kind], |row| {
                let value: Vec<u8> = row.get(2)?;
                Ok(Kept { kind: row.get(0)?, key: row.get(1)?, value: Some(value.into()) })
            })?;
            Ok(kept.collect::<Result<_, _>>()?)
        };
        read().map_err(|fault: Fault| fault.at(&self.path))
    }

    fn reader(&self) -> Result<Option<Box<dyn RecordReader>>, FrontierError> {
        let stages = self.memory.fingerprints.stages().to_vec();
        Ok(Some(Box::new(StoreReader::open(&self.path, stages)?)))
    }

    fn close(&mut self) -> Result<(), FrontierError> {
        self.write_snapshot();
        // Busy while somebody reads: the log is then written back at the next start.
        let checkpoint = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
        checkpoint.map_err(|error| Fault::from(error).at(&self.path))
    }
}

/// Where the snapshot of a store lies.
fn snapshot_path(store: &Path) -> PathBuf {
    store.with_extension("fingerprints")
}

#[cfg(test)]
mod tests;
