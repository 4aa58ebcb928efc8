//! Committing: the ends of leases with all that comes of them, cursors of feeds, and what else is kept.
//!
//! Settlements come in; rows and counters change, in the caller's transaction. A lease that is not current changes nothing.

use super::draft::{Company, Draft, Lease};
use super::error::Fault;
use super::ready::Place;
use super::rows::Parent;
use crate::clock::Timestamp;
use crate::frontier::{Fate, FeedChange, Kept, Settlement, Try};
use crate::task::TaskId;
use crate::verdict::Reason;

impl Draft<'_> {
    /// Ends one lease: how many of its links were new. `None`: it is not current.
    pub(super) fn settle(&mut self, settlement: &Settlement) -> Result<Option<usize>, Fault> {
        let Some(lease) = self.end_lease(settlement.task, settlement.epoch)? else { return Ok(None) };
        let id = settlement.task.0.cast_signed();
        match &settlement.fate {
            Fate::Done => self.done(lease.task.stage),
            Fate::Gone(reason) => self.gone(id, reason)?,
            Fate::Excluded(why) => self.exclude(id, why.as_str())?,
            Fate::Dead(reason) => {
                self.keep_cost(lease, lease.task.attempts, settlement)?;
                self.bury(settlement.task, lease.place, reason)?;
            }
            Fate::Retry { not_before, attempts } => {
                self.keep_cost(lease, *attempts, settlement)?;
                self.delay(id, lease, *not_before)?;
            }
        }
        if lease.tries > 0 && !matches!(settlement.fate, Fate::Dead(_) | Fate::Retry { .. }) {
            self.conn.prepare_cached("DELETE FROM try WHERE id = ?1")?.execute([id])?;
        }
        for record in &settlement.records {
            self.append(record, &lease.task)?;
        }
        let parent = Parent { task: &lease.task, start_url: &lease.start_url };
        let mut new = 0;
        for link in &settlement.links {
            new += usize::from(self.insert(link, Some(&parent))?);
        }
        Ok(Some(new))
    }

    fn gone(&mut self, id: i64, reason: &Reason) -> Result<(), Fault> {
        self.stats().gone += 1;
        self.conn.prepare_cached("INSERT INTO gone (id, code, detail) VALUES (?1, ?2, ?3)")?.execute((
            id,
            &reason.code,
            &reason.detail,
        ))?;
        Ok(())
    }

    /// Gives a task up.
    pub(super) fn bury(&mut self, task: TaskId, place: Place, reason: &Reason) -> Result<(), Fault> {
        self.stats().dead += 1;
        self.conn
            .prepare_cached("INSERT INTO dead (id, host, prio, code, detail) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((task.0.cast_signed(), place.host, place.prio, &reason.code, &reason.detail))?;
        Ok(())
    }

    fn delay(&mut self, id: i64, lease: &Lease, not_before: Timestamp) -> Result<(), Fault> {
        self.stats().delayed += 1;
        // It was alone and nothing broke.
        if lease.company == Company::Alone {
            self.conn.prepare_cached("UPDATE task SET crashes = 0 WHERE id = ?1")?.execute([id])?;
        }
        let Place { host, prio, seq } = lease.place;
        self.conn
            .prepare_cached("INSERT INTO delayed (not_before, id, host, prio, seq) VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((not_before.as_micros().cast_signed(), id, host, prio, seq))?;
        Ok(())
    }

    /// What a task that has not ended well has cost so far, and its history.
    fn keep_cost(&mut self, lease: &Lease, attempts: u32, settlement: &Settlement) -> Result<(), Fault> {
        let id = settlement.task.0.cast_signed();
        let mut tries = lease.tries;
        for Try { at, proxy, verdict, reason } in &settlement.tries {
            self.conn
                .prepare_cached(
                    "INSERT INTO try (id, n, at, proxy, verdict, code, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                )?
                .execute((
                    id,
                    tries,
                    at.as_micros().cast_signed(),
                    &**proxy,
                    &**verdict,
                    &reason.code,
                    &reason.detail,
                ))?;
            tries += 1;
        }
        self.conn
            .prepare_cached("UPDATE task SET attempts = ?2, requests = ?3, tries = ?4 WHERE id = ?1")?
            .execute((id, attempts, settlement.requests, tries))?;
        Ok(())
    }

    /// Moves the cursor of a feed.
    pub(super) fn change_feed(&mut self, change: &FeedChange) -> Result<(), Fault> {
        match change {
            FeedChange::At(cursor) => self
                .conn
                .prepare_cached(
                    "INSERT INTO feed (feed, columns, through, bytes, tail) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET columns = excluded.columns, through = excluded.through,
                     bytes = excluded.bytes, tail = excluded.tail",
                )?
                .execute((
                    &*cursor.feed,
                    &*cursor.columns,
                    cursor.through.0.cast_signed(),
                    cursor.bytes.cast_signed(),
                    cursor.tail.cast_signed(),
                ))?,
            FeedChange::Dropped(feed) => {
                self.conn.prepare_cached("DELETE FROM feed WHERE feed = ?1")?.execute([&**feed])?
            }
        };
        Ok(())
    }

    /// Keeps something small, or forgets it.
    pub(super) fn keep(&mut self, kept: &Kept) -> Result<(), Fault> {
        match &kept.value {
            Some(value) => self
                .conn
                .prepare_cached(
                    "INSERT INTO kept (kind, key, value) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET value = excluded.value",
                )?
                .execute((&*kept.kind, &*kept.key, &**value))?,
            None => self
                .conn
                .prepare_cached("DELETE FROM kept WHERE kind = ?1 AND key = ?2")?
                .execute((&*kept.kind, &*kept.key))?,
        };
        Ok(())
    }
}
