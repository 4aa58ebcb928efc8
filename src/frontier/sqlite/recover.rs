//! Second chances: leases of a process that is gone, waits by a clock that was wrong, dead letters that are to be tried again.
//!
//! Leases without an owner come in; out go ready tasks, and those that were there in too many crashes into quarantine.

use super::draft::Draft;
use super::error::Fault;
use super::letters;
use super::ready::Place;
use crate::clock::Timestamp;
use crate::frontier::{CRASHES_ALONE, CRASHES_TO_QUARANTINE, DeadFilter, Recovered, crashed_alone};
use crate::task::{Epoch, TaskId};

impl Draft<'_> {
    /// Puts back all leases older than `first`, counting the crash.
    pub(super) fn recover(&mut self, first: Epoch) -> Result<Recovered, Fault> {
        let mut recovered = Recovered::default();
        for (id, place) in self.orphans(first)? {
            let crashes: u32 = self
                .conn
                .prepare_cached("UPDATE task SET crashes = crashes + 1 WHERE id = ?1 RETURNING crashes")?
                .query_row([id], |row| row.get(0))?;
            self.stats().leased -= 1;
            if crashes < CRASHES_TO_QUARANTINE {
                self.make_ready(id, place)?;
                recovered.returned += 1;
            } else if crashes < CRASHES_TO_QUARANTINE + CRASHES_ALONE {
                self.isolate(id, place)?;
                recovered.quarantined += 1;
            } else {
                self.bury(TaskId(id.cast_unsigned()), place, &crashed_alone())?;
                recovered.dead += 1;
            }
        }
        self.conn.prepare_cached("DELETE FROM lease WHERE epoch < ?1")?.execute([first.0.cast_signed()])?;
        if recovered != Recovered::default() {
            self.stats().alone = 0;
        }
        Ok(recovered)
    }

    /// Lets no delayed task wait beyond `latest`.
    pub(super) fn hasten(&self, latest: Timestamp) -> Result<u64, Fault> {
        let latest = latest.as_micros().cast_signed();
        let mut update = self.conn.prepare_cached("UPDATE delayed SET not_before = ?1 WHERE not_before > ?1")?;
        Ok(update.execute([latest])? as u64)
    }

    /// As many as a window holds.
    fn orphans(&self, first: Epoch) -> Result<Vec<(i64, Place)>, Fault> {
        let mut select =
            self.conn.prepare_cached("SELECT id, host, prio, seq FROM lease WHERE epoch < ?1 ORDER BY id")?;
        let orphans = select.query_map([first.0.cast_signed()], |row| {
            Ok((row.get(0)?, Place { host: row.get(1)?, prio: row.get(2)?, seq: row.get(3)? }))
        })?;
        Ok(orphans.collect::<Result<_, _>>()?)
    }

    /// Makes dead letters ready again.
    pub(super) fn retry(&mut self, which: &DeadFilter) -> Result<u64, Fault> {
        let memory = self.memory;
        let stages = |number| memory.names.stage(number);
        let mut after = 0;
        let mut count = 0;
        while let Some((n, place, letter)) = letters::next(self.conn, after, &stages, self.texts)? {
            after = n;
            if !which.admits(&letter) {
                continue;
            }
            let id = letter.task.id.0.cast_signed();
            self.conn.prepare_cached("DELETE FROM dead WHERE n = ?1")?.execute([n])?;
            self.conn
                .prepare_cached("UPDATE task SET attempts = 0, requests = 0, crashes = 0 WHERE id = ?1")?
                .execute([id])?;
            self.stats().dead -= 1;
            self.make_ready(id, Place { seq: id, ..place })?;
            count += 1;
        }
        Ok(count)
    }
}
