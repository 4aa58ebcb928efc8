//! The outbox: records in the order of their commits, written with their pages and read beside them.
//!
//! What a record's page has in common with its task is not written twice.

use std::sync::Arc;

use rusqlite::{Connection, Row};

use super::draft::Draft;
use super::error::Fault;
use super::prepared::Prepared;
use super::rows::{StageOf, TaskRow, Text, Texts, json, parse};
use crate::clock::Timestamp;
use crate::record::{Provenance, Record, Seq, StoredRecord};
use crate::task::Task;

/// Records that one commit removes at most, so that none takes long.
const PRUNED: i64 = 4096;

/// In place of a referrer: the task's.
const THE_TASKS: i64 = 0;

impl Draft<'_> {
    /// Appends a record of `task`'s page.
    pub(super) fn append(&mut self, record: &Record, task: &Task) -> Result<(), Fault> {
        let stage = self.stage(record.stage)?;
        self.state.through = Seq(self.state.through.0 + 1);
        self.stats().records += 1;
        let Provenance { url, fetched_at, proxy, status, attempts, referrer, start_url } = &*record.provenance;
        let url = (**url != *task.request.url.as_str()).then_some(&**url);
        let start_url = (*start_url != task.start_url).then_some(&**start_url);
        let referrer = match referrer {
            same if *same == task.referrer => Text::Of(THE_TASKS),
            Some(text) => Text::Literal(Arc::clone(text)),
            None => Text::Null,
        };
        self.prepared
            .get(
                "INSERT INTO outbox (seq, id, n, stage, fetched_at, proxy, status, attempts, url, referrer, start_url, fields)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )?
            .execute((
                self.state.through.0.cast_signed(),
                record.task.0.cast_signed(),
                record.index,
                stage,
                fetched_at.as_micros().cast_signed(),
                &**proxy,
                status,
                attempts,
                url,
                referrer,
                start_url,
                json(&record.values)?,
            ))?;
        Ok(())
    }

    /// Removes records that every feed has.
    pub(super) fn prune(&mut self) -> Result<(), Fault> {
        self.conn
            .prepare_cached(
                "DELETE FROM outbox WHERE seq <= (SELECT min(through) FROM feed)
                 AND seq < (SELECT min(seq) FROM outbox) + ?1",
            )?
            .execute([PRUNED])?;
        Ok(())
    }
}

/// Up to `n` records after `after`.
pub(super) fn read(
    conn: &Connection,
    after: Seq,
    n: usize,
    stages: &StageOf<'_>,
    texts: &mut Texts,
) -> Result<Vec<StoredRecord>, Fault> {
    let mut select = conn.prepare_cached(
        "SELECT seq, id, n, stage, fetched_at, proxy, status, attempts, url, referrer, start_url, fields
         FROM outbox WHERE seq > ?1 ORDER BY seq LIMIT ?2",
    )?;
    let mut prepared = Prepared::new(conn);
    let mut rows = select.query((after.0.cast_signed(), i64::try_from(n).unwrap_or(i64::MAX)))?;
    let mut records = Vec::new();
    // Records of one page lie together: their task is read once, and they share their provenance.
    let mut last: Option<(Task, Arc<Provenance>)> = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(1)?;
        let (task, shared) = match last.take().filter(|(task, _)| task.id.0 == id.cast_unsigned()) {
            Some((task, shared)) => (task, Some(shared)),
            None => (TaskRow::find(&mut prepared, id, 0, stages, texts)?.task, None),
        };
        let own = provenance(row, &task)?;
        let provenance = shared.filter(|shared| **shared == own).unwrap_or_else(|| Arc::new(own));
        let (task, _) = last.insert((task, Arc::clone(&provenance)));
        let values = parse(row.get_ref(11)?.as_str().unwrap_or_default(), id)?;
        let record = Record { task: task.id, index: row.get(2)?, stage: stages(row.get(3)?)?, provenance, values };
        records.push(StoredRecord { seq: Seq(row.get::<_, i64>(0)?.cast_unsigned()), record: Arc::new(record) });
    }
    Ok(records)
}

fn provenance(row: &Row<'_>, task: &Task) -> Result<Provenance, Fault> {
    let (url, start_url): (Option<Arc<str>>, Option<Arc<str>>) = (row.get(8)?, row.get(10)?);
    let referrer = match row.get(9)? {
        Text::Null => None,
        Text::Literal(text) => Some(text),
        Text::Of(_) => task.referrer.clone(),
    };
    Ok(Provenance {
        url: url.unwrap_or_else(|| task.request.url.as_str().into()),
        fetched_at: Timestamp::from_micros(row.get::<_, i64>(4)?.cast_unsigned()),
        proxy: row.get(5)?,
        status: row.get(6)?,
        attempts: row.get(7)?,
        referrer,
        start_url: start_url.unwrap_or_else(|| Arc::clone(&task.start_url)),
    })
}
