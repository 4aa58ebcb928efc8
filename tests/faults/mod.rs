//! The promise: whatever happens to disks, files, clocks and processes, a crawl with the durable frontier says clearly what is
//! wrong and stops in order, or mends it in silence; no record is lost, and none is there twice.
//!
//! In come the real binary and real faults; each test ends with the truth in the feed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod clock;
mod deadly;
mod disk;
mod feeds;
mod folder;
mod kills;
mod room;
mod store;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::common::{Bed, Ended, World};
use burdock::demo::check::{Comparison, compare};
use rusqlite::Connection;
use serde_json::Value;
use tempfile::TempDir;

/// A crawl of 88 pages with 80 records that takes about a second.
fn durable() -> Bed {
    Bed::new()
        .proxies(4)
        .lists(8)
        .per_list(10)
        .latency(Duration::from_millis(2))
        .set("pace.delay", "\"30ms\"")
        .set("frontier.kind", "sqlite")
}

/// Crawls until so many pages are done, then stops in order.
fn in_part(world: &World, pages: usize) {
    let mut running = world.start(&[]);
    for _ in 0..pages {
        running.until_event("page.fetched");
    }
    running.signal("TERM");
    running.finish().expect_exit(143);
}

/// A feed beside the truth.
fn compared(world: &World, feed: &Path) -> Comparison {
    let text = fs::read(feed).unwrap();
    assert!(text.is_empty() || text.ends_with(b"\n"), "half a line");
    compare(&*text, world.site.truth()).unwrap()
}

/// No record twice, none that is wrong; some may be missing.
fn expect_a_part(world: &World, feed: &Path) {
    let found = compared(world, feed);
    assert!(found.twice.is_empty() && found.wrong.is_empty() && found.unexpected.is_empty(), "{found}\n{found:#?}");
}

/// The same command again ends with every record once.
fn expect_the_truth(world: &World) -> Ended {
    let ended = world.start(&[]).finish().expect_exit(0);
    let found = compared(world, &world.left("records.jsonl"));
    assert!(found.is_perfect(), "{found}\n{found:#?}");
    ended
}

/// What is on stderr of one event.
fn events(ended: &Ended, event: &str) -> Vec<Value> {
    let lines = ended.stderr.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["event"] == event).collect()
}

fn report(world: &World) -> Value {
    serde_json::from_slice(&fs::read(world.left("report.json")).unwrap()).unwrap()
}

/// A path with something behind it: `store.sqlite-wal`.
fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

/// The store of a process that is gone, as it left it: a copy, since opening it would mend what is to be looked at.
struct Left {
    folder: TempDir,
}

impl Left {
    fn by(world: &World) -> Self {
        let (folder, store) = (TempDir::new().unwrap(), world.left("store.sqlite"));
        for ending in ["", "-wal"] {
            let copy = beside(&folder.path().join("store.sqlite"), ending);
            // A log that was written back is not there.
            let _ = fs::copy(beside(&store, ending), copy);
        }
        Self { folder }
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("store.sqlite-wal")).unwrap_or_default()
    }

    fn number(&self, query: &str) -> i64 {
        let store = Connection::open(self.folder.path().join("store.sqlite")).unwrap();
        store.query_row(query, [], |row| row.get(0)).unwrap()
    }
}

/// Changes the store between two runs.
fn change_store(world: &World, sql: &str) -> usize {
    let store = Connection::open(world.left("store.sqlite")).unwrap();
    store.execute(sql, []).unwrap()
}
