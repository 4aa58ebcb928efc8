//! The index of ready tasks, read ahead: which host follows which in it, and the next few tasks of each.
//!
//! Between two folds nothing comes into the index, and what is taken is only noted beside it: so what was read stays true until
//! it is forgotten. In comes a host, out comes the best task of the next one that has any. It knows nothing of what lies beside
//! the index but which tasks are taken.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};

use rusqlite::{Connection, Row};

use super::error::Fault;
use super::ready::Place;

/// Rows that are read at once. In the SQL they are written out, and places are compared whole: for a number that is bound where
/// it may decide the plan, SQLite makes a new plan each time.
const ROWS: usize = 16;
/// Hosts that are held at most, some 4 MB with their rows; then all are forgotten.
const HELD: usize = 1 << 13;

/// What was read of the index.
#[derive(Default)]
pub(super) struct Ahead {
    /// By host: the next one that has a task in the index that is not taken, as far as is known.
    next: HashMap<i64, Option<i64>>,
    fronts: HashMap<i64, Front>,
    /// Rows that were read in vain, because they are taken.
    passed: usize,
}

/// The next tasks of a host, best first.
#[derive(Default)]
struct Front {
    rows: VecDeque<(i64, Place)>,
    /// Are there no more behind them?
    whole: bool,
}

fn task(row: &Row<'_>) -> rusqlite::Result<(i64, Place)> {
    Ok((row.get(0)?, Place { host: row.get(1)?, prio: row.get(2)?, seq: row.get(3)? }))
}

impl Ahead {
    /// Forgets everything: the index has changed, or what is taken has become less.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Rows that were read in vain since it was last forgotten.
    pub(super) const fn passed(&self) -> usize {
        self.passed
    }

    /// The best task of the first host after `host` that is not in `barred` and has one that is not taken.
    pub(super) fn best_after(
        &mut self,
        conn: &Connection,
        host: i64,
        barred: &HashSet<i64>,
        taken: &HashMap<i64, Place>,
    ) -> Result<Option<(i64, Place)>, Fault> {
        if self.fronts.len() > HELD {
            let passed = self.passed;
            *self = Self { passed, ..Self::default() };
        }
        let mut after = host;
        while let Some(next) = self.host_after(conn, after)? {
            if barred.contains(&next) {
                after = next;
            } else if let Some(best) = self.best_of(conn, next, taken)? {
                return Ok(Some(best));
            } else {
                // Nobody need ever pass by it again.
                let beyond = self.host_after(conn, next)?;
                self.next.insert(after, beyond);
            }
        }
        Ok(None)
    }

    fn host_after(&mut self, conn: &Connection, host: i64) -> Result<Option<i64>, Fault> {
        if let Some(&next) = self.next.get(&host) {
            return Ok(next);
        }
        self.read_after(conn, host)?;
        Ok(self.next.get(&host).copied().flatten())
    }

    /// Reads the first rows after those of `host`: of the next host, and of more if it has few.
    fn read_after(&mut self, conn: &Connection, host: i64) -> Result<(), Fault> {
        let mut select = conn.prepare_cached(
            "SELECT id, host, prio, seq FROM ready WHERE (host, prio, seq) > (?1, ?2, ?3)
             ORDER BY host, prio, seq LIMIT 16",
        )?;
        let end = Place::end_of(host);
        let rows = select.query_map((host, end.prio, end.seq), task)?.collect::<Result<Vec<_>, _>>()?;
        let (mut last, mut held) = (host, true);
        for &(id, place) in &rows {
            if place.host != last {
                self.next.insert(last, Some(place.host));
                self.complete(last, held);
                last = place.host;
                held = self.fronts.contains_key(&last);
            }
            if !held {
                self.fronts.entry(last).or_default().rows.push_back((id, place));
            }
        }
        if rows.len() < ROWS {
            self.next.insert(last, None);
            self.complete(last, held);
        }
        Ok(())
    }

    /// All rows of a host have been read, unless it was `held` before.
    fn complete(&mut self, host: i64, held: bool) {
        if !held && let Some(front) = self.fronts.get_mut(&host) {
            front.whole = true;
        }
    }

    fn best_of(
        &mut self,
        conn: &Connection,
        host: i64,
        taken: &HashMap<i64, Place>,
    ) -> Result<Option<(i64, Place)>, Fault> {
        let front = match self.fronts.entry(host) {
            Entry::Occupied(front) => front.into_mut(),
            Entry::Vacant(new) => new.insert(Front::default()),
        };
        let mut last = Place { host, prio: i64::MIN, seq: i64::MIN };
        loop {
            while let Some(&(id, place)) = front.rows.front() {
                if !taken.contains_key(&id) {
                    return Ok(Some((id, place)));
                }
                front.rows.pop_front();
                last = place;
                self.passed += 1;
            }
            if front.whole {
                return Ok(None);
            }
            front.read_on(conn, last)?;
        }
    }
}

impl Front {
    /// Reads the rows of the same host after `last`.
    fn read_on(&mut self, conn: &Connection, last: Place) -> Result<(), Fault> {
        let mut select = conn.prepare_cached(
            "SELECT id, host, prio, seq FROM ready WHERE host = ?1 AND (prio, seq) > (?2, ?3)
             ORDER BY prio, seq LIMIT 16",
        )?;
        let rows = select.query_map((last.host, last.prio, last.seq), task)?;
        self.rows = rows.collect::<Result<_, _>>()?;
        self.whole = self.rows.len() < ROWS;
        Ok(())
    }
}
