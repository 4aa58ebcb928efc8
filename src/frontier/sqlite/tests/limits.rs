//! A full disk, a lock held elsewhere, a reader that stays: an error or bounded growth, never a loss.

use std::fs;

use super::{Sqlite, open};
use crate::clock::Timestamp;
use crate::frontier::conformance::{Backend, List, claim, page};
use crate::frontier::sqlite::{Retention, StoreReader};
use crate::frontier::{Batch, FeedChange, FeedCursor, Frontier, FrontierError, RecordReader, StoreError};
use crate::record::Seq;

fn list(n: u32) -> List {
    let urls: Vec<String> = (0..n).map(|n| format!("http://h{}.test/{n}", n % 7)).collect();
    List::of(&urls.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_batch_that_found_the_disk_full_is_committed_when_there_is_room() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(list(1));
    let tasks = claim(&mut store, 1);
    let links: Vec<String> = (0..3000).map(|n| format!("http://b.test/{n}")).collect();
    let pages = [page(&tasks[0], &links.iter().map(String::as_str).collect::<Vec<_>>())];
    let before = store.stats();
    let room: i64 = store.conn.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    let limit = |store: &super::SqliteFrontier, pages: i64| {
        store.conn.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
    };
    limit(&store, room + 5);
    let error = store.commit(&Batch::of_pages(&pages), Timestamp::default()).unwrap_err();
    assert!(matches!(error, FrontierError::Store(StoreError::Full { .. })), "{error}");
    assert_eq!(store.stats(), before);
    limit(&store, i64::from(u32::MAX - 1));
    let committed = store.commit(&Batch::of_pages(&pages), Timestamp::default()).unwrap();
    assert_eq!(committed.new_links, [Some(3000)]);
    assert_eq!(store.stats(), backend.count(&store));
}

#[test]
fn a_locked_store_is_an_error_and_works_again_when_it_is_free() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(list(1));
    store.conn.busy_timeout(std::time::Duration::ZERO).unwrap();
    let tasks = claim(&mut store, 1);
    let other = rusqlite::Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let pages = [page(&tasks[0], &["http://b.test/"])];
    let error = store.commit(&Batch::of_pages(&pages), Timestamp::default()).unwrap_err();
    assert!(matches!(error, FrontierError::Store(StoreError::Busy { .. })), "{error}");
    other.execute_batch("ROLLBACK").unwrap();
    let committed = store.commit(&Batch::of_pages(&pages), Timestamp::default()).unwrap();
    assert_eq!(committed.new_links, [Some(1)]);
}

#[test]
fn a_reader_that_stays_costs_an_error_and_not_the_disk() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(list(1000));
    store.conn.busy_timeout(std::time::Duration::ZERO).unwrap();
    store.longest_log = 1 << 20;
    let other = rusqlite::Connection::open(&store.path).unwrap();
    other.execute_batch("BEGIN; SELECT count(*) FROM task").unwrap();
    let log = || fs::metadata(format!("{}-wal", other.path().unwrap())).unwrap().len();
    let (mut done, mut refused) = (0, 0);
    for round in 0..100 {
        let Ok(claimed) = store.claim(10, Timestamp::default(), &[]) else {
            refused += 1;
            assert!(log() < 2 << 20, "the log is bounded, and has {} bytes", log());
            if refused == 3 {
                other.execute_batch("ROLLBACK").unwrap();
            }
            continue;
        };
        let pages: Vec<_> =
            claimed.tasks.iter().map(|claimed| page(claimed, &[&format!("http://n.test/{round}")])).collect();
        while let Err(error) = store.commit(&Batch::of_pages(&pages), Timestamp::default()) {
            assert!(matches!(error, FrontierError::Store(StoreError::Held { .. })), "{error}");
            refused += 1;
            if refused >= 3 && !other.is_autocommit() {
                other.execute_batch("ROLLBACK").unwrap();
            }
        }
        done += pages.len() as u64;
    }
    assert!(refused >= 3, "it never grew too far");
    assert_eq!((store.stats().done, store.stats()), (done, backend.count(&store)));
}

#[test]
fn a_reader_in_another_thread_sees_what_is_committed_and_nothing_else() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(list(300));
    let path = store.path.clone();
    let (go, told) = std::sync::mpsc::channel();
    let reading = std::thread::spawn(move || {
        let mut reader = StoreReader::open(&path, vec!["list".into(), "detail".into()]).unwrap();
        let (mut seen, mut last) = (Vec::new(), false);
        loop {
            let after = Seq(seen.len() as u64);
            let records = reader.records(after, 7).unwrap();
            if records.is_empty() && last {
                let stats = reader.overview().unwrap().stats;
                return (seen, stats, reader.dead_letters().unwrap().len());
            }
            last = last || (records.is_empty() && told.try_recv().is_ok());
            seen.extend(records.iter().map(|record| record.seq.0));
        }
    });
    for _ in 0..30 {
        let pages: Vec<_> = claim(&mut store, 10).iter().map(|claimed| page(claimed, &[])).collect();
        store.commit(&Batch::of_pages(&pages), Timestamp::default()).unwrap();
    }
    go.send(()).unwrap();
    let (seen, stats, dead) = reading.join().unwrap();
    assert_eq!(seen, (1..=300).collect::<Vec<_>>());
    assert_eq!((stats.done, dead), (300, 0));
}

#[test]
fn delivered_records_are_removed_up_to_the_slowest_feed_and_numbers_go_on() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(list(10));
    store.retention = Retention::Prune;
    let pages: Vec<_> = claim(&mut store, 6).iter().map(|claimed| page(claimed, &[])).collect();
    let cursor = |feed: &str, through| {
        FeedChange::At(FeedCursor { feed: feed.into(), columns: "a".into(), through: Seq(through), bytes: 0, tail: 0 })
    };
    let left = |store: &super::SqliteFrontier| {
        let records = Sqlite::new().records(store).unwrap();
        records.iter().map(|record| record.seq.0).collect::<Vec<_>>()
    };
    store.commit(&Batch { pages: &pages, ..Batch::default() }, Timestamp::default()).unwrap();
    let at = |a, b| [cursor("a", a), cursor("b", b)];
    store.commit(&Batch { feeds: &at(5, 2), ..Batch::default() }, Timestamp::default()).unwrap();
    assert_eq!(left(&store), [3, 4, 5, 6]);
    store.commit(&Batch { feeds: &at(6, 6), ..Batch::default() }, Timestamp::default()).unwrap();
    assert!(left(&store).is_empty());
    let path = store.path.clone();
    drop(store);
    let mut store = open(&path, list(10));
    store.recover().unwrap();
    let pages: Vec<_> = claim(&mut store, 1).iter().map(|claimed| page(claimed, &[])).collect();
    let committed = store.commit(&Batch::of_pages(&pages), Timestamp::default()).unwrap();
    assert_eq!((committed.through, left(&store), store.stats().records), (Seq(7), vec![7], 7));
}

#[test]
fn a_store_in_a_folder_that_cannot_be_written_is_one_clear_error() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("nowhere").join("frontier.db");
    let opened = super::SqliteFrontier::open(&path, super::fingerprints(), Retention::Keep, |mark| {
        Ok(Box::new(list(1).from(mark)))
    });
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("nowhere/frontier.db: ") && error.contains("No such file"), "{error}");
    assert!(fs::read_dir(folder.path()).unwrap().next().is_none());
}
