//! The durable frontier, held against the suite and against what can happen to its files.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::by_stage::{self, StageTasks};
use super::{Retention, SqliteFrontier, snapshot_path};
use crate::frontier::conformance::{Backend, End, List, any_history_is_as_in_memory, fingerprints, suite};
use crate::frontier::{Frontier, Stats};

mod files;
mod limits;
mod ready;
mod revise;

/// Stores in a folder of their own, a new file for each.
struct Sqlite {
    folder: TempDir,
    opened: u32,
}

impl Sqlite {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), opened: 0 }
    }

    fn next_path(&mut self) -> PathBuf {
        self.opened += 1;
        self.folder.path().join(format!("{}.db", self.opened))
    }
}

/// Opens a store that folds every few rows, as large ones do every few thousand.
fn open(path: &Path, list: List) -> SqliteFrontier {
    let opened = SqliteFrontier::open(path, fingerprints(), Retention::Keep, |mark| Ok(Box::new(list.from(mark))));
    let mut store = opened.unwrap();
    store.ready.fold_at = 4;
    store
}

/// What is on disk of an open store, as a process that was killed would leave it.
fn leave_behind(store: &Path, copy: &Path) {
    let with = |path: &Path, ending: &str| PathBuf::from(format!("{}{ending}", path.display()));
    fs::copy(store, copy).unwrap();
    fs::copy(with(store, "-wal"), with(copy, "-wal")).unwrap();
    drop(fs::copy(snapshot_path(store), snapshot_path(copy)));
}

impl Backend for Sqlite {
    type Store = SqliteFrontier;

    fn open(&mut self, seeds: List) -> SqliteFrontier {
        open(&self.next_path(), seeds)
    }

    fn reopen(&mut self, mut store: SqliteFrontier, end: End, seeds: List) -> SqliteFrontier {
        let path = match end {
            End::Orderly => {
                store.close().unwrap();
                store.path.clone()
            }
            End::Killed => {
                let copy = self.next_path();
                leave_behind(&store.path, &copy);
                copy
            }
        };
        drop(store);
        open(&path, seeds)
    }

    /// Interrupts the `n`-th instruction that SQLite executes.
    fn sabotage(&mut self, store: &mut SqliteFrontier, n: u32) -> bool {
        let mut done = 0;
        let interrupt = move || {
            done += 1;
            done == n
        };
        store.conn.progress_handler(1, Some(interrupt)).unwrap();
        true
    }

    fn mend(&mut self, store: &mut SqliteFrontier) {
        store.conn.progress_handler(0, None::<fn() -> bool>).unwrap();
    }

    fn count(&self, store: &SqliteFrontier) -> Stats {
        let count = |table: &str| -> u64 {
            let count = store.conn.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0));
            count.unwrap().cast_unsigned()
        };
        let done = "task_state WHERE state = 'done'";
        let counted = Stats {
            found: count("task"),
            ready: count("ready") + count("fresh") - count("taken"),
            delayed: count("delayed"),
            leased: count("lease"),
            quarantined: count("quarantine"),
            alone: count("lease WHERE alone"),
            done: count(done),
            gone: count("gone"),
            dead: count("dead"),
            excluded: count("excluded"),
            records: count("outbox"),
            unread: store.stats().unread,
        };
        let stages = by_stage::count(&store.conn, 3).unwrap();
        let sum = |of: fn(&StageTasks) -> u64| stages.iter().map(of).sum::<u64>();
        assert_eq!((sum(|stage| stage.found), sum(|stage| stage.left)), (counted.found, counted.left()));
        assert_eq!((sum(|stage| stage.done), sum(|stage| stage.gone)), (counted.done, counted.gone));
        assert_eq!((sum(|stage| stage.dead), sum(|stage| stage.excluded)), (counted.dead, counted.excluded));
        counted
    }
}

suite!(Sqlite::new());

#[test]
fn any_history_is_the_same_as_in_memory() {
    any_history_is_as_in_memory(Sqlite::new);
}
