//! Claiming, and giving back.
//!
//! In come a number and hosts to leave out, out come leases. The order of ready tasks tells both the next host and its best
//! task, so no list of hosts is held.

use std::collections::HashSet;

use rusqlite::OptionalExtension;

use super::draft::{Company, Draft};
use super::error::Fault;
use super::names::host_number;
use super::ready::Place;
use crate::clock::Timestamp;
use crate::frontier::Seeds;
use crate::task::{Epoch, HostKey, NewTask, TaskId};

/// Start URLs on their way in: those that were read and are not committed yet are not read again.
pub(super) struct Reading {
    pub(super) seeds: Box<dyn Seeds>,
    pub(super) ahead: Vec<NewTask>,
}

impl Draft<'_> {
    /// Makes ready what is due.
    pub(super) fn promote(&mut self, now: Timestamp) -> Result<(), Fault> {
        let now = now.as_micros().cast_signed();
        let due = self.next_due()?.is_some_and(|due| due.as_micros().cast_signed() <= now);
        if !due {
            return Ok(());
        }
        let mut select = self.conn.prepare_cached("SELECT id, host, prio, seq FROM delayed WHERE not_before <= ?1")?;
        let mut rows = select.query([now])?;
        while let Some(row) = rows.next()? {
            self.make_ready(row.get(0)?, Place { host: row.get(1)?, prio: row.get(2)?, seq: row.get(3)? })?;
            self.stats().delayed -= 1;
        }
        self.conn.prepare_cached("DELETE FROM delayed WHERE not_before <= ?1")?.execute([now])?;
        Ok(())
    }

    /// When the next delayed task is due.
    pub(super) fn next_due(&self) -> Result<Option<Timestamp>, Fault> {
        let mut select = self.conn.prepare_cached("SELECT not_before FROM delayed ORDER BY not_before LIMIT 1")?;
        let due: Option<i64> = select.query_row([], |row| row.get(0)).optional()?;
        Ok(due.map(|due| Timestamp::from_micros(due.cast_unsigned())))
    }

    /// Reads start URLs until `n` tasks are ready or none is left.
    pub(super) fn read_seeds(&mut self, reading: &mut Reading, n: usize) -> Result<(), Fault> {
        for seed in &reading.ahead {
            self.insert(seed, None)?;
        }
        if !reading.ahead.is_empty() {
            self.state.stats.unread = reading.seeds.unread();
        }
        while self.state.stats.unread != Some(0) && self.state.stats.ready < n as u64 {
            let Some(seed) = reading.seeds.next().transpose().map_err(Fault::Seeds)? else {
                self.state.stats.unread = Some(0);
                break;
            };
            // Held before it is written: the list cannot be asked for it again.
            reading.ahead.push(seed);
            let is_new = reading.ahead.last().map(|seed| self.insert(seed, None)).transpose()?;
            if is_new == Some(false) {
                reading.ahead.pop();
            }
            self.state.stats.unread = reading.seeds.unread();
        }
        self.state.mark = reading.seeds.mark();
        Ok(())
    }

    /// Leases up to `n` ready tasks.
    pub(super) fn lease_ready(&mut self, n: usize, barred: &[HostKey]) -> Result<(), Fault> {
        let barred = self.numbers(barred)?;
        self.expect_leases(n);
        while self.leased().len() < n {
            let next = self.ready.best_after(self.conn, self.state.turn, &barred)?;
            // After the last host the first one has its turn.
            let next = next.map_or_else(|| self.ready.best_after(self.conn, 0, &barred), |next| Ok(Some(next)))?;
            let Some((id, place)) = next else { break };
            self.state.turn = place.host;
            self.ready.take(&mut self.prepared, id, place)?;
            self.stats().ready -= 1;
            self.lease(id, place, Company::Any)?;
        }
        Ok(())
    }

    /// Leases the first quarantined task, alone.
    pub(super) fn lease_alone(&mut self, barred: &[HostKey]) -> Result<(), Fault> {
        let barred = self.numbers(barred)?;
        let mut select = self.conn.prepare_cached("SELECT id, host, prio, seq FROM quarantine ORDER BY id")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let (id, place) = (row.get(0)?, Place { host: row.get(1)?, prio: row.get(2)?, seq: row.get(3)? });
            if !barred.contains(&place.host) {
                drop(rows);
                self.conn.prepare_cached("DELETE FROM quarantine WHERE id = ?1")?.execute([id])?;
                self.stats().quarantined -= 1;
                return self.lease(id, place, Company::Alone);
            }
        }
        Ok(())
    }

    fn numbers(&self, hosts: &[HostKey]) -> Result<HashSet<i64>, Fault> {
        hosts.iter().filter_map(|host| host_number(self.conn, host).transpose()).collect()
    }

    /// Puts leased tasks before all others of their host and priority.
    pub(super) fn hand_back(&mut self, leases: &[(TaskId, Epoch)]) -> Result<(), Fault> {
        for &(task, epoch) in leases {
            let Some(lease) = self.end_lease(task, epoch)? else { continue };
            let id = task.0.cast_signed();
            match lease.company {
                Company::Any => {
                    self.state.front -= 1;
                    let place = Place { seq: self.state.front, ..lease.place };
                    self.make_ready(id, place)?;
                }
                Company::Alone => self.isolate(id, lease.place)?,
            }
        }
        Ok(())
    }
}
