//! Dead letters, read from the store with their history.
//!
//! Rows come in and letters go out, or back to the ready tasks. When a page is given up on is not decided here.

use std::sync::Arc;

use rusqlite::Connection;

use super::error::Fault;
use super::prepared::Prepared;
use super::ready::Place;
use super::rows::{StageOf, TaskRow, Texts};
use crate::clock::Timestamp;
use crate::frontier::{DeadLetter, Try};
use crate::verdict::Reason;

/// The first dead letter after number `after`: its number, where it stood, and it.
pub(super) fn next(
    conn: &Connection,
    after: i64,
    stages: &StageOf<'_>,
    texts: &mut Texts,
) -> Result<Option<(i64, Place, DeadLetter)>, Fault> {
    let mut select =
        conn.prepare_cached("SELECT n, id, host, prio, code, detail FROM dead WHERE n > ?1 ORDER BY n LIMIT 1")?;
    let mut rows = select.query([after])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let id: i64 = row.get(1)?;
    let place = Place { host: row.get(2)?, prio: row.get(3)?, seq: id };
    let reason = Reason { code: row.get(4)?, detail: row.get(5)? };
    let task = Arc::new(TaskRow::find(&mut Prepared::new(conn), id, place.priority(), stages, texts)?.task);
    Ok(Some((row.get(0)?, place, DeadLetter { task, reason, tries: tries(conn, id)? })))
}

/// All dead letters, oldest first.
pub(super) fn all(conn: &Connection, stages: &StageOf<'_>) -> Result<Vec<DeadLetter>, Fault> {
    let (mut letters, mut after, mut texts) = (Vec::new(), 0, Texts::default());
    while let Some((n, _, letter)) = next(conn, after, stages, &mut texts)? {
        after = n;
        letters.push(letter);
    }
    Ok(letters)
}

/// Up to `n` dead letters after number `after`, with their numbers.
pub(super) fn page(
    conn: &Connection,
    after: u64,
    n: usize,
    stages: &StageOf<'_>,
) -> Result<Vec<(u64, DeadLetter)>, Fault> {
    let (mut letters, mut after, mut texts) = (Vec::new(), after.cast_signed(), Texts::default());
    while letters.len() < n
        && let Some((number, _, letter)) = next(conn, after, stages, &mut texts)?
    {
        after = number;
        letters.push((number.cast_unsigned(), letter));
    }
    Ok(letters)
}

fn tries(conn: &Connection, id: i64) -> Result<Vec<Try>, Fault> {
    let mut select =
        conn.prepare_cached("SELECT at, proxy, verdict, code, detail FROM try WHERE id = ?1 ORDER BY n")?;
    let tries = select.query_map([id], |row| {
        Ok(Try {
            at: Timestamp::from_micros(row.get::<_, i64>(0)?.cast_unsigned()),
            proxy: row.get(1)?,
            verdict: row.get::<_, String>(2)?.into(),
            reason: Reason { code: row.get(3)?, detail: row.get(4)? },
        })
    })?;
    Ok(tries.collect::<Result<_, _>>()?)
}
