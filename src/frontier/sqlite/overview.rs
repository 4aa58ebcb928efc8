//! How a run stands, read from its store at one glance: counters, places of the feeds, dead letters by reason.
//!
//! A connection comes in, plain numbers go out. What they are shown as is not known here.

use std::sync::Arc;

use rusqlite::Connection;

use super::error::Fault;
use super::state::State;
use crate::frontier::{FeedCursor, Stats};
use crate::record::Seq;

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// The counters; start URLs that were not read yet are not known here.
    pub stats: Stats,
    /// The number of the last record.
    pub through: Seq,
    /// Start URLs that have been read.
    pub starts_read: u64,
    /// Where the feeds are.
    pub feeds: Vec<FeedCursor>,
    /// Dead letters by reason and stage, the most first.
    pub dead: Vec<DeadCount>,
}

/// How many tasks of a stage were given up on for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadCount {
    /// The reason's code.
    pub code: String,
    /// The stage's name.
    pub stage: Arc<str>,
    /// How many.
    pub count: u64,
}

/// Reads it, inside the caller's transaction.
pub(super) fn read(conn: &Connection) -> Result<Overview, Fault> {
    let State { stats, through, mark, .. } = State::load(conn)?;
    let stats = Stats { unread: None, ..stats };
    Ok(Overview { stats, through, starts_read: mark.read, feeds: feeds(conn)?, dead: dead(conn)? })
}

/// The cursors of all feeds.
pub(super) fn feeds(conn: &Connection) -> Result<Vec<FeedCursor>, Fault> {
    let mut select = conn.prepare("SELECT feed, columns, through, bytes, tail FROM feed ORDER BY feed")?;
    let feeds = select.query_map([], |row| {
        let number = |at| row.get(at).map(i64::cast_unsigned);
        let (through, bytes, tail) = (Seq(number(2)?), number(3)?, number(4)?);
        Ok(FeedCursor { feed: row.get(0)?, columns: row.get(1)?, through, bytes, tail })
    })?;
    Ok(feeds.collect::<Result<_, _>>()?)
}

fn dead(conn: &Connection) -> Result<Vec<DeadCount>, Fault> {
    let mut select = conn.prepare(
        "SELECT dead.code, stage.name, count(*) FROM dead JOIN task ON task.id = dead.id JOIN stage ON stage.id = task.stage
         GROUP BY dead.code, task.stage ORDER BY count(*) DESC, dead.code, stage.name",
    )?;
    let counts = select.query_map([], |row| {
        Ok(DeadCount { code: row.get(0)?, stage: row.get(1)?, count: row.get(2).map(i64::cast_unsigned)? })
    })?;
    Ok(counts.collect::<Result<_, _>>()?)
}
