//! The ready tasks in order, and how few pages of the file are touched to keep them so.
//!
//! The large index `ready`, by host, is left alone most of the time: a batch over many hosts would touch a page for each of its
//! tasks. What comes goes into the small table `fresh`, what is taken from the index is noted in the small table `taken`; both
//! are held in memory as well, and folded into the index from time to time, host by host; `ahead.rs` reads the index. In come
//! tasks with their places, out comes the best one of the next host. It knows nothing of leases.

use std::collections::{BTreeMap, HashMap, HashSet};

use rusqlite::Connection;

use super::ahead::Ahead;
use super::error::Fault;
use super::prepared::Prepared;

/// Rows of both small tables at which they are folded into the index: some 50 ms of work, and 3 MB of memory.
const FOLD_AT: usize = 1 << 15;
/// Rows of the index that were passed over since, because they are taken, at which the same is due.
const PASSED_AT: usize = 1 << 16;

/// Where a task stands in the order: host, then priority (smaller first), then sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) host: i64,
    pub(super) prio: i64,
    pub(super) seq: i64,
}

impl Place {
    pub(super) fn priority(self) -> i32 {
        i32::try_from(-self.prio).unwrap_or_default()
    }

    /// Before every place of the next host.
    pub(super) const fn end_of(host: i64) -> Self {
        Self { host, prio: i64::MAX, seq: i64::MAX }
    }
}

/// The small tables, in memory.
pub(super) struct Ready {
    fresh: BTreeMap<Place, i64>,
    taken: HashMap<i64, Place>,
    ahead: Ahead,
    pub(super) fold_at: usize,
    /// A transaction was taken back; what is here may not be what is there.
    stale: bool,
}

impl Default for Ready {
    /// To be read before it is used.
    fn default() -> Self {
        let (fresh, taken, ahead) = (BTreeMap::new(), HashMap::new(), Ahead::default());
        Self { fresh, taken, ahead, fold_at: FOLD_AT, stale: true }
    }
}

impl Ready {
    /// Makes it be read anew before it is used next.
    pub(super) fn doubt(&mut self) {
        self.stale = true;
    }

    /// Reads the small tables, if need be.
    pub(super) fn refresh(&mut self, conn: &Connection) -> Result<(), Fault> {
        if !self.stale {
            return Ok(());
        }
        let mut fresh = conn.prepare_cached("SELECT id, host, prio, seq FROM fresh")?;
        let mut taken = conn.prepare_cached("SELECT id, host, prio, seq FROM taken")?;
        let row = |row: &rusqlite::Row<'_>| {
            Ok((row.get::<_, i64>(0)?, Place { host: row.get(1)?, prio: row.get(2)?, seq: row.get(3)? }))
        };
        self.fresh =
            fresh.query_map([], row)?.map(|row| row.map(|(id, place)| (place, id))).collect::<Result<_, _>>()?;
        self.taken = taken.query_map([], row)?.collect::<Result<_, _>>()?;
        self.ahead.forget();
        self.stale = false;
        Ok(())
    }

    /// Puts a task in its place.
    pub(super) fn put(&mut self, prepared: &mut Prepared<'_>, id: i64, place: Place) -> Result<(), Fault> {
        if self.taken.get(&id) == Some(&place) {
            // It is still there in the index.
            prepared.get("DELETE FROM taken WHERE id = ?1")?.execute([id])?;
            self.taken.remove(&id);
            self.ahead.forget();
            return Ok(());
        }
        prepared
            .get("INSERT INTO fresh (id, host, prio, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute((id, place.host, place.prio, place.seq))?;
        self.fresh.insert(place, id);
        Ok(())
    }

    /// The best task of the first host after `host` that is not in `barred` and has one.
    pub(super) fn best_after(
        &mut self,
        conn: &Connection,
        host: i64,
        barred: &HashSet<i64>,
    ) -> Result<Option<(i64, Place)>, Fault> {
        let indexed = self.ahead.best_after(conn, host, barred, &self.taken)?;
        let mut after = Place::end_of(host);
        let fresh = loop {
            let later = (std::ops::Bound::Excluded(after), std::ops::Bound::Unbounded);
            match self.fresh.range(later).next() {
                Some((place, _)) if barred.contains(&place.host) => after = Place::end_of(place.host),
                found => break found.map(|(&place, &id)| (id, place)),
            }
        };
        Ok([indexed, fresh].into_iter().flatten().min_by_key(|(_, place)| *place))
    }

    /// Takes a task out of its place.
    pub(super) fn take(&mut self, prepared: &mut Prepared<'_>, id: i64, place: Place) -> Result<(), Fault> {
        if self.fresh.remove(&place).is_some() {
            prepared.get("DELETE FROM fresh WHERE id = ?1")?.execute([id])?;
            return Ok(());
        }
        prepared
            .get("INSERT INTO taken (id, host, prio, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute((id, place.host, place.prio, place.seq))?;
        self.taken.insert(id, place);
        Ok(())
    }

    /// Folds the small tables into the index, if it is time.
    pub(super) fn fold_if_due(&mut self, conn: &Connection) -> Result<(), Fault> {
        if self.fresh.len() + self.taken.len() < self.fold_at && self.ahead.passed() < PASSED_AT {
            return Ok(());
        }
        self.fold(conn)
    }

    /// Folds the small tables into the index: all that is ready lies there then.
    pub(super) fn fold(&mut self, conn: &Connection) -> Result<(), Fault> {
        let mut taken: Vec<Place> = self.taken.drain().map(|(_, place)| place).collect();
        taken.sort_unstable();
        let mut delete = conn.prepare_cached("DELETE FROM ready WHERE host = ?1 AND prio = ?2 AND seq = ?3")?;
        for Place { host, prio, seq } in taken {
            delete.execute((host, prio, seq))?;
        }
        let mut insert = conn.prepare_cached("INSERT INTO ready (host, prio, seq, id) VALUES (?1, ?2, ?3, ?4)")?;
        for (Place { host, prio, seq }, id) in std::mem::take(&mut self.fresh) {
            insert.execute((host, prio, seq, id))?;
        }
        conn.execute_batch("DELETE FROM fresh; DELETE FROM taken")?;
        self.ahead.forget();
        Ok(())
    }
}
