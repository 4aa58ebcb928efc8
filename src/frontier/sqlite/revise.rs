//! Revising: what a changed config makes of tasks that wait, and of those that were left out.
//!
//! Judgements come in as functions over tasks; rows and counters change, in the caller's transaction. It takes as long as there
//! are tasks of that kind, so it is asked for only when the config has changed.

use rusqlite::Connection;

use super::draft::Draft;
use super::error::Fault;
use super::ready::Place;
use super::rows::TaskRow;
use crate::frontier::revision::{JudgeLeftOut, JudgeWaiting, LeftOut, Revised, Revision, Waits};
use crate::task::Task;

/// Where a task waits.
#[derive(Clone, Copy)]
enum Queue {
    Ready,
    Delayed,
    Quarantine,
}

/// A task that waits somewhere else from now on, or nowhere.
struct Moved {
    id: i64,
    place: Place,
    to: Waits,
}

impl Queue {
    const ALL: [Self; 3] = [Self::Ready, Self::Delayed, Self::Quarantine];

    const fn table(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Delayed => "delayed",
            Self::Quarantine => "quarantine",
        }
    }

    fn rows(self, conn: &Connection, mut each: impl FnMut(i64, Place) -> Result<(), Fault>) -> Result<(), Fault> {
        let mut select = conn.prepare(&format!("SELECT id, host, prio, seq FROM {}", self.table()))?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            each(row.get(0)?, Place { host: row.get(1)?, prio: row.get(2)?, seq: row.get(3)? })?;
        }
        Ok(())
    }
}

impl Draft<'_> {
    /// Does all of a revision. Nothing is leased meanwhile.
    pub(super) fn revise(&mut self, revision: &Revision<'_>) -> Result<Revised, Fault> {
        if let Some(mark) = revision.mark {
            self.state.mark = mark;
        }
        revision.kept.iter().try_for_each(|kept| self.keep(kept))?;
        let returned = revision.left_out.map_or(Ok(0), |judge| self.readmit(judge))?;
        let left_out = revision.waiting.map_or(Ok(0), |judge| self.sift(judge))?;
        Ok(Revised { left_out, returned })
    }

    fn task(&mut self, id: i64, priority: i32) -> Result<Task, Fault> {
        let memory = self.memory;
        let stages = |number| memory.names.stage(number);
        Ok(TaskRow::find(&mut self.prepared, id, priority, &stages, self.texts)?.task)
    }

    /// Makes ready what was left out and is not any more.
    fn readmit(&mut self, judge: JudgeLeftOut<'_>) -> Result<u64, Fault> {
        let conn = self.conn;
        let mut back = Vec::new();
        let mut select = conn.prepare("SELECT id, why FROM excluded ORDER BY id")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let Some(why) = LeftOut::named(row.get_ref(1)?.as_str().unwrap_or_default()) else { continue };
            let task = self.task(id, 0)?;
            if let Some(priority) = judge(&task, why) {
                back.push((id, task.host, priority));
            }
        }
        for (id, host, priority) in &back {
            conn.prepare_cached("DELETE FROM excluded WHERE id = ?1")?.execute([id])?;
            self.stats().excluded -= 1;
            let place = Place { host: self.host(host)?, prio: -i64::from(*priority), seq: *id };
            self.make_ready(*id, place)?;
        }
        Ok(back.len() as u64)
    }

    /// Moves what waits: to another priority, or out.
    fn sift(&mut self, judge: JudgeWaiting<'_>) -> Result<u64, Fault> {
        // Then all that is ready lies in one table.
        self.ready.fold(self.conn)?;
        let mut left_out = 0;
        for queue in Queue::ALL {
            let mut moved = Vec::new();
            queue.rows(self.conn, |id, place| {
                let to = judge(&self.task(id, place.priority())?);
                if to != Waits::At(place.priority()) {
                    moved.push(Moved { id, place, to });
                }
                Ok(())
            })?;
            for Moved { id, place, to } in moved {
                match to {
                    Waits::At(priority) => self.reprioritize(queue, id, place, priority)?,
                    Waits::Not(why) => {
                        self.take_out(queue, id, place)?;
                        self.exclude(id, why.as_str())?;
                        left_out += 1;
                    }
                }
            }
        }
        Ok(left_out)
    }

    fn reprioritize(&self, queue: Queue, id: i64, place: Place, priority: i32) -> Result<(), Fault> {
        let prio = -i64::from(priority);
        // Of `ready` the place is the key: finding a task by its number would take the whole table.
        let (table, key) = (queue.table(), key_of(queue));
        self.conn
            .prepare_cached(&format!("UPDATE {table} SET prio = ?5 WHERE {key}"))?
            .execute((id, place.host, place.prio, place.seq, prio))?;
        Ok(())
    }

    fn take_out(&mut self, queue: Queue, id: i64, place: Place) -> Result<(), Fault> {
        let count = match queue {
            Queue::Ready => &mut self.stats().ready,
            Queue::Delayed => &mut self.stats().delayed,
            Queue::Quarantine => &mut self.stats().quarantined,
        };
        *count -= 1;
        let (table, key) = (queue.table(), key_of(queue));
        self.conn
            .prepare_cached(&format!("DELETE FROM {table} WHERE {key}"))?
            .execute((id, place.host, place.prio, place.seq))?;
        Ok(())
    }
}

/// All four parameters are named, so that one call serves each table.
const fn key_of(queue: Queue) -> &'static str {
    match queue {
        Queue::Ready => "host = ?2 AND prio = ?3 AND seq = ?4 AND id = ?1",
        Queue::Delayed | Queue::Quarantine => "id = ?1 AND host = ?2 AND prio = ?3 AND seq = ?4",
    }
}
