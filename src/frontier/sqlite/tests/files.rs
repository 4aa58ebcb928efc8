//! What can be wrong with the files of a store when it is opened.

use std::fs;
use std::sync::Arc;

use super::{Sqlite, leave_behind, open};
use crate::frontier::conformance::{Backend, End, List, fingerprints};
use crate::frontier::fingerprint::Fingerprinter;
use crate::frontier::sqlite::{Retention, SqliteFrontier, StoreReader, snapshot_path};
use crate::frontier::{Frontier, FrontierError, StoreError};

fn urls(range: std::ops::Range<u32>) -> List {
    let urls: Vec<String> = range.map(|n| format!("http://h{}.test/{n}", n % 7)).collect();
    List::of(&urls.iter().map(String::as_str).collect::<Vec<_>>())
}

fn refused(path: &std::path::Path, fingerprints: Fingerprinter) -> StoreError {
    let opened =
        SqliteFrontier::open(path, fingerprints, Retention::Keep, |mark| Ok(Box::new(List::default().from(mark))));
    match opened.err().expect("it is refused") {
        FrontierError::Store(error) => error,
        FrontierError::Seeds(error) => panic!("{error}"),
    }
}

#[test]
fn a_missing_stale_or_torn_snapshot_gives_the_same_set() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(urls(0..500));
    store.claim(500, crate::clock::Timestamp::default(), &[]).unwrap();
    store.close().unwrap();
    let (path, whole) = (store.path.clone(), fs::read(snapshot_path(&store.path)).unwrap());
    drop(store);
    let found_again = |store: &mut SqliteFrontier| {
        let known = store.memory.known.len();
        store.reading.seeds = Box::new(urls(0..1200));
        store.state.stats.unread = Some(1200);
        store.claim(1200, crate::clock::Timestamp::default(), &[]).unwrap();
        (known, store.stats().found)
    };
    let torn = |change: fn(&mut Vec<u8>)| {
        let mut bytes = whole.clone();
        change(&mut bytes);
        Some(bytes)
    };
    let cases = [
        ("whole", Some(whole.clone())),
        ("missing", None),
        ("cut", torn(|bytes| bytes.truncate(2000))),
        ("empty", torn(Vec::clear)),
        ("a bit flipped", torn(|bytes| bytes[1000] ^= 1)),
        ("another count", torn(|bytes| bytes[16] ^= 1)),
        ("another end", torn(|bytes| bytes[9] ^= 1)),
        ("something after it", torn(|bytes| bytes.push(0))),
    ];
    for (case, snapshot) in cases {
        let copy = backend.next_path();
        fs::copy(&path, &copy).unwrap();
        if let Some(bytes) = snapshot {
            fs::write(snapshot_path(&copy), bytes).unwrap();
        }
        let mut store = open(&copy, List::default());
        assert_eq!(store.snapshot > 0, case == "whole", "{case}: used or not");
        assert_eq!(found_again(&mut store), (500, 1200), "{case}");
        // Stale: this snapshot lacks 700 tasks.
        let store = backend.reopen(store, End::Killed, List::default());
        assert_eq!(store.memory.known.len(), 1200, "{case}, killed later");
    }
}

#[test]
fn the_snapshot_of_a_store_that_has_been_put_back_is_not_used() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(urls(0..10));
    store.claim(10, crate::clock::Timestamp::default(), &[]).unwrap();
    store.close().unwrap();
    let path = store.path.clone();
    drop(store);
    let older = fs::read(&path).unwrap();
    let mut store = open(&path, urls(0..40));
    store.claim(40, crate::clock::Timestamp::default(), &[]).unwrap();
    store.close().unwrap();
    drop(store);
    fs::write(&path, older).unwrap();
    let store = open(&path, List::default());
    assert_eq!((store.memory.known.len(), store.stats().found), (10, 10));
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("frontier.db");
    fs::write(&path, "a shopping list, long enough to be taken for a header of something else entirely ".repeat(40))
        .unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refused(&path, fingerprints()), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
    fs::remove_file(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE songs (name)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    assert!(matches!(refused(&path, fingerprints()), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_store_that_was_cut_short_or_overwritten_is_damaged() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(urls(0..2000));
    store.claim(2000, crate::clock::Timestamp::default(), &[]).unwrap();
    store.close().unwrap();
    let path = store.path.clone();
    drop(store);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = refused(&path, fingerprints());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    fs::write(&path, &whole[..whole.len() - 4096]).unwrap();
    assert!(matches!(refused(&path, fingerprints()), StoreError::Damaged { .. }));
    let mut garbled = whole.clone();
    garbled[4096..].fill(0x55);
    fs::write(&path, garbled).unwrap();
    assert!(matches!(refused(&path, fingerprints()), StoreError::Damaged { .. }));
}

#[test]
fn a_newer_store_another_runs_store_and_one_with_an_unknown_stage_are_refused_by_name() {
    let mut backend = Sqlite::new();
    let mut store = backend.open(urls(0..3));
    store.claim(3, crate::clock::Timestamp::default(), &[]).unwrap();
    let path = store.path.clone();
    drop(store);
    let other_key = Fingerprinter::new([9; 16], vec!["list".into()]);
    assert!(matches!(refused(&path, other_key), StoreError::OtherRun { .. }));
    let renamed: Vec<Arc<str>> = vec!["detail".into(), "shelf".into()];
    let error = refused(&path, Fingerprinter::new([3; 16], renamed.clone()));
    assert!(matches!(&error, StoreError::StageGone { stage, .. } if stage == "list"), "{error}");
    let added = Fingerprinter::new([3; 16], vec!["new".into(), "list".into()]);
    let seeds = |mark| Ok(Box::new(urls(0..3).from(mark)) as Box<dyn crate::frontier::Seeds>);
    let mut store = SqliteFrontier::open(&path, added, Retention::Keep, seeds).unwrap();
    store.recover().unwrap();
    let task = store.claim(1, crate::clock::Timestamp::default(), &[]).unwrap().tasks.pop().unwrap().task;
    assert_eq!(task.stage.0, 1, "a stage is known by its name");
    store.conn.execute("UPDATE meta SET v = 2 WHERE k = 'version'", []).unwrap();
    drop(store);
    let error = refused(&path, fingerprints());
    assert!(matches!(error, StoreError::Newer { found: 2, known: 1, .. }), "{error}");
    assert!(matches!(StoreReader::open(&path, renamed), Err(FrontierError::Store(StoreError::Newer { .. }))));
}

#[test]
fn whoever_has_opened_the_store_last_is_its_owner() {
    let mut backend = Sqlite::new();
    let mut old = backend.open(urls(0..3));
    let leases = old.claim(1, crate::clock::Timestamp::default(), &[]).unwrap().tasks;
    let new = open(&old.path.clone(), List::default());
    let error = old.hand_back(&[(leases[0].task.id, leases[0].epoch)]).unwrap_err();
    assert!(matches!(error, FrontierError::Store(StoreError::Superseded { .. })), "{error}");
    assert_eq!(new.stats().leased, 1);
}

#[test]
fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let mut backend = Sqlite::new();
    let store = backend.open(urls(0..3));
    for ending in ["", "-wal"] {
        let mode = fs::metadata(format!("{}{ending}", store.path.display())).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{ending}");
    }
    let copy = backend.next_path();
    leave_behind(&store.path, &copy);
    assert!(copy.exists());
}
