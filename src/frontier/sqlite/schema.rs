//! The tables of the store, their version, and how a connection is set up.
//!
//! In comes a connection, out comes one with the newest schema or the reason why not. It knows no rows.

use rusqlite::{Connection, OptionalExtension};

use super::error::Fault;

/// The newest schema that this program knows.
pub(super) const VERSION: i64 = 1;

/// Pages of the log after which it is written back into the store (16 MB).
const CHECKPOINT_PAGES: i64 = 4000;
/// The log is cut to so many bytes after it was written back.
const LOG_BYTES: i64 = 64 << 20;
/// The page cache, in KiB: what a batch over a thousand hosts touches. More only fills up with pages that are not read again.
const CACHE_KIB: i64 = 16 << 10;

/// Tables are only appended to where they grow with the crawl; what changes stays small. Smaller `prio` goes first.
const TABLES: &str = "
CREATE TABLE meta (k TEXT PRIMARY KEY, v NOT NULL) WITHOUT ROWID;
CREATE TABLE counter (k TEXT PRIMARY KEY, n INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE stage (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE host (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
-- referrer, start_url: an address, or the number of the task whose address it is; start_url NULL is the task's own
CREATE TABLE task (
    id INTEGER PRIMARY KEY, fp INTEGER NOT NULL, stage INTEGER NOT NULL, url TEXT NOT NULL, method INTEGER NOT NULL,
    body TEXT, depth INTEGER NOT NULL, referrer, start_url, meta TEXT, attempts INTEGER NOT NULL DEFAULT 0,
    requests INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0, tries INTEGER NOT NULL DEFAULT 0);
CREATE TABLE ready (
    host INTEGER, prio INTEGER, seq INTEGER, id INTEGER NOT NULL, PRIMARY KEY (host, prio, seq)) WITHOUT ROWID;
-- put there since ready was brought up to date, and taken out of it since
CREATE TABLE fresh (
    id INTEGER PRIMARY KEY, host INTEGER NOT NULL, prio INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE taken (
    id INTEGER PRIMARY KEY, host INTEGER NOT NULL, prio INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE lease (
    id INTEGER PRIMARY KEY, host INTEGER NOT NULL, prio INTEGER NOT NULL, seq INTEGER NOT NULL, epoch INTEGER NOT NULL,
    alone INTEGER NOT NULL);
CREATE TABLE delayed (
    not_before INTEGER, id INTEGER, host INTEGER NOT NULL, prio INTEGER NOT NULL, seq INTEGER NOT NULL,
    PRIMARY KEY (not_before, id)) WITHOUT ROWID;
CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY, host INTEGER NOT NULL, prio INTEGER NOT NULL, seq INTEGER NOT NULL);
CREATE TABLE dead (
    n INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL, host INTEGER NOT NULL, prio INTEGER NOT NULL,
    code TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE gone (id INTEGER PRIMARY KEY, code TEXT NOT NULL, detail TEXT NOT NULL);
CREATE TABLE excluded (id INTEGER PRIMARY KEY, why TEXT NOT NULL);
CREATE TABLE try (
    id INTEGER, n INTEGER, at INTEGER NOT NULL, proxy TEXT NOT NULL, verdict TEXT NOT NULL, code TEXT NOT NULL,
    detail TEXT NOT NULL, PRIMARY KEY (id, n)) WITHOUT ROWID;
-- url, start_url NULL: the task's; referrer 0: the task's, NULL: none
CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL, n INTEGER NOT NULL, stage INTEGER NOT NULL,
    fetched_at INTEGER NOT NULL, proxy TEXT NOT NULL, status INTEGER NOT NULL, attempts INTEGER NOT NULL, url TEXT,
    referrer, start_url TEXT, fields TEXT NOT NULL);
CREATE TABLE feed (
    feed TEXT PRIMARY KEY, columns TEXT NOT NULL, through INTEGER NOT NULL, bytes INTEGER NOT NULL,
    tail INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE kept (kind TEXT, key TEXT, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID;
-- for people: the program never reads it
CREATE VIEW task_state AS SELECT task.id, stage.name AS stage, url, CASE
    WHEN task.id IN (SELECT id FROM fresh UNION ALL SELECT id FROM ready WHERE id NOT IN (SELECT id FROM taken))
    THEN 'ready' WHEN task.id IN (SELECT id FROM lease) THEN 'leased'
    WHEN task.id IN (SELECT id FROM delayed) THEN 'delayed' WHEN task.id IN (SELECT id FROM quarantine) THEN 'quarantined'
    WHEN task.id IN (SELECT id FROM dead) THEN 'dead' WHEN task.id IN (SELECT id FROM gone) THEN 'gone'
    WHEN task.id IN (SELECT id FROM excluded) THEN 'excluded' ELSE 'done' END AS state
    FROM task JOIN stage ON stage.id = task.stage;
";

/// What makes each version of the schema from the one before.
const STEPS: [&str; VERSION as usize] = [TABLES];

/// Sets up a connection that writes.
pub(super) fn configure(conn: &Connection) -> Result<(), Fault> {
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
    conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    conn.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Brings the schema to [`VERSION`], inside the caller's transaction.
pub(super) fn migrate(conn: &Connection) -> Result<(), Fault> {
    advance(conn, version(conn)?, &STEPS)
}

/// Takes the steps after the `found` first ones.
fn advance(conn: &Connection, found: i64, steps: &[&str]) -> Result<(), Fault> {
    let missing = usize::try_from(found).ok().and_then(|found| steps.get(found..)).ok_or(Fault::Newer(found))?;
    for (step, version) in missing.iter().zip(found + 1..) {
        conn.execute_batch(step)?;
        set_meta(conn, "version", version)?;
    }
    Ok(())
}

/// The schema of a store that is there; 0 for an empty file.
///
/// A database of somebody else's has no version either, but tables.
pub(super) fn version(conn: &Connection) -> Result<i64, Fault> {
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(0);
    }
    let is_ours: i64 =
        conn.query_row("SELECT count(*) FROM sqlite_schema WHERE name IN ('meta', 'counter', 'task')", [], |row| {
            row.get(0)
        })?;
    if is_ours < 3 {
        return Err(Fault::Foreign);
    }
    let version = meta(conn, "version")?.ok_or(Fault::Foreign)?;
    if version > VERSION { Err(Fault::Newer(version)) } else { Ok(version) }
}

/// A value of `meta`.
pub(super) fn meta(conn: &Connection, key: &str) -> Result<Option<i64>, Fault> {
    let mut select = conn.prepare_cached("SELECT v FROM meta WHERE k = ?1")?;
    Ok(select.query_row([key], |row| row.get(0)).optional()?)
}

/// Sets a value of `meta`.
pub(super) fn set_meta(conn: &Connection, key: &str, value: i64) -> Result<(), Fault> {
    conn.prepare_cached("INSERT INTO meta (k, v) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET v = excluded.v")?
        .execute((key, value))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a later version might do.
    const LATER: [&str; 3] =
        [TABLES, "ALTER TABLE task ADD COLUMN colour", "UPDATE task SET colour = 'red'; DROP TABLE gone"];

    fn of_version(version: usize) -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        advance(&conn, 0, &LATER[..version]).unwrap();
        conn.execute(
            "INSERT INTO task (id, fp, stage, url, method, depth) VALUES (7, 1, 1, 'http://a.test/', 0, 0)",
            [],
        )
        .unwrap();
        conn
    }

    fn colour(conn: &Connection) -> Option<String> {
        conn.query_row("SELECT colour FROM task WHERE id = 7", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn an_older_store_takes_the_steps_that_it_lacks_and_keeps_what_it_has() {
        for before in [1, 2] {
            let conn = of_version(before);
            let found = meta(&conn, "version").unwrap().unwrap();
            assert_eq!(found, before as i64);
            advance(&conn, found, &LATER).unwrap();
            assert_eq!((meta(&conn, "version").unwrap(), colour(&conn).as_deref()), (Some(3), Some("red")));
            advance(&conn, 3, &LATER).unwrap();
        }
    }

    #[test]
    fn a_step_that_fails_leaves_the_store_as_it_was() {
        let conn = of_version(1);
        conn.execute_batch("BEGIN").unwrap();
        assert!(advance(&conn, 1, &[TABLES, LATER[1], "UPDATE nothing SET there = 1"]).is_err());
        conn.execute_batch("ROLLBACK").unwrap();
        assert_eq!(meta(&conn, "version").unwrap(), Some(1));
        advance(&conn, 1, &LATER).unwrap();
        assert_eq!(colour(&conn).as_deref(), Some("red"));
    }

    #[test]
    fn a_newer_store_takes_no_step() {
        assert!(matches!(advance(&of_version(3), 3, &LATER[..2]), Err(Fault::Newer(3))));
    }
}
