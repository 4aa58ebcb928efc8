//! Tasks by stage and state. The store has no counters for them, so that commits cost nothing for what is seldom asked.
//!
//! A connection comes in, counts go out. A look is a slice of the tables, so that however long they are, none keeps the store's
//! log from being written back.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::{Connection, Params};

use super::error::Fault;

/// Rows of one look: some tens of milliseconds.
pub(super) const SLICE: i64 = 50_000;

/// The tasks of a stage, by state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StageTasks {
    /// The stage's name.
    pub stage: Arc<str>,
    /// Distinct tasks ever found.
    pub found: u64,
    /// Not ended: waiting, for whatever it may be, or in the hands of a crawl.
    pub left: u64,
    /// Fetched and committed.
    pub done: u64,
    /// Not there, says the site.
    pub gone: u64,
    /// Given up on.
    pub dead: u64,
    /// Not to be fetched.
    pub excluded: u64,
}

/// Counts by the stage's number in the store.
type Counts = BTreeMap<i64, i64>;

/// Tables that have the task's number as their key.
const BY_TASK: [&str; 6] = ["gone", "excluded", "lease", "quarantine", "fresh", "taken"];

/// Counts all tasks, in slices of so many rows.
pub(super) fn count(conn: &Connection, slice: i64) -> Result<Vec<StageTasks>, Fault> {
    let found = slices(conn, "task", slice)?;
    let [gone, excluded, leased, quarantined, fresh, taken] = {
        let mut counts = [const { Counts::new() }; BY_TASK.len()];
        for (counts, table) in counts.iter_mut().zip(BY_TASK) {
            *counts = slices(conn, table, slice)?;
        }
        counts
    };
    let ready = ready(conn, slice)?;
    let delayed = grouped(conn, "SELECT stage, count(*) FROM delayed JOIN task USING (id) GROUP BY stage", ())?;
    let dead = grouped(conn, "SELECT stage, count(*) FROM dead JOIN task USING (id) GROUP BY stage", ())?;
    let mut select = conn.prepare("SELECT id, name FROM stage ORDER BY id")?;
    let names = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<Vec<_>, _>>()?;
    let stage = |(number, stage): (i64, Arc<str>)| {
        let of = |counts: &Counts| counts.get(&number).copied().unwrap_or(0);
        let left = of(&ready) - of(&taken) + of(&fresh) + of(&delayed) + of(&leased) + of(&quarantined);
        let ended = of(&gone) + of(&dead) + of(&excluded);
        // The slices are not of one moment.
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        StageTasks {
            stage,
            found: count(of(&found)),
            left: count(left),
            done: count(of(&found) - left - ended),
            gone: count(of(&gone)),
            dead: count(of(&dead)),
            excluded: count(of(&excluded)),
        }
    };
    Ok(names.into_iter().map(stage).collect())
}

/// The rows of a table that has the task's number as its key.
fn slices(conn: &Connection, table: &str, slice: i64) -> Result<Counts, Fault> {
    let select = if table == "task" {
        "SELECT stage, count(*) FROM task WHERE id > ?1 AND id <= ?2 GROUP BY stage".to_owned()
    } else {
        format!(
            "SELECT stage, count(*) FROM {table} JOIN task ON task.id = {table}.id
             WHERE {table}.id > ?1 AND {table}.id <= ?2 GROUP BY stage"
        )
    };
    let last: i64 = conn.query_row(&format!("SELECT ifnull(max(id), 0) FROM {table}"), [], |row| row.get(0))?;
    let mut counts = Counts::new();
    let mut after = 0;
    while after < last {
        for (stage, count) in grouped(conn, &select, (after, after + slice))? {
            *counts.entry(stage).or_default() += count;
        }
        after += slice;
    }
    Ok(counts)
}

/// The rows of `ready`, taken ones among them.
fn ready(conn: &Connection, slice: i64) -> Result<Counts, Fault> {
    let mut select = conn.prepare(
        "SELECT ready.host, ready.prio, ready.seq, task.stage FROM ready JOIN task ON task.id = ready.id
         WHERE (ready.host, ready.prio, ready.seq) > (?1, ?2, ?3)
         ORDER BY ready.host, ready.prio, ready.seq LIMIT ?4",
    )?;
    let mut counts = Counts::new();
    let mut after: Option<(i64, i64, i64)> = Some((i64::MIN, i64::MIN, i64::MIN));
    while let Some((host, prio, seq)) = after.take() {
        let mut rows = select.query((host, prio, seq, slice))?;
        while let Some(row) = rows.next()? {
            *counts.entry(row.get(3)?).or_default() += 1;
            after = Some((row.get(0)?, row.get(1)?, row.get(2)?));
        }
    }
    Ok(counts)
}

fn grouped(conn: &Connection, select: &str, params: impl Params) -> Result<Counts, Fault> {
    let mut select = conn.prepare_cached(select)?;
    let counts = select.query_map(params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(counts.collect::<Result<_, _>>()?)
}
