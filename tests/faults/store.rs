//! What can happen to the files of the store between two runs.

use std::fs;
use std::path::PathBuf;

use super::{World, beside, durable, expect_a_part, expect_the_truth, in_part, report};
use crate::common::Ended;

/// All files of the run's folder but those that a start writes anyway: its lock and its log.
fn files(world: &World) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = fs::read_dir(world.left("")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| !path.ends_with("run.lock") && !path.ends_with("run.log.jsonl"))
        .map(|path| (path.clone(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

fn under_way() -> World {
    let world = durable().world();
    in_part(&world, 40);
    world
}

/// The start is refused, names the store and what to do, and has changed nothing.
fn expect_refused(world: &World, said: &str) -> Ended {
    let before = files(world);
    let ended = world.start(&[]).finish().expect_exit(2).expect_said(said).expect_said("--fresh");
    assert!(ended.stderr.contains("store.sqlite"), "{}", ended.stderr);
    let after = files(world);
    let names = |files: &[(PathBuf, Vec<u8>)]| files.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&after), names(&before));
    for ((path, now), (_, was)) in after.iter().zip(&before) {
        assert!(now == was, "{} has changed", path.display());
    }
    ended
}

#[test]
fn a_store_that_is_no_database_is_refused_and_nothing_is_touched() {
    let world = under_way();
    fs::write(world.left("store.sqlite"), "a shopping list that is longer than a header ".repeat(100)).unwrap();
    expect_refused(&world, "is not a store of this program");
    world.start(&["--fresh"]).finish().expect_exit(0);
}

#[test]
fn a_store_of_somebody_else_is_refused_and_nothing_is_touched() {
    let world = under_way();
    let store = world.left("store.sqlite");
    fs::remove_file(&store).unwrap();
    rusqlite::Connection::open(&store).unwrap().execute_batch("CREATE TABLE songs (name)").unwrap();
    expect_refused(&world, "is not a store of this program");
}

#[test]
fn a_store_that_was_cut_in_the_middle_is_refused_and_nothing_is_touched() {
    let world = under_way();
    let store = world.left("store.sqlite");
    let whole = fs::read(&store).unwrap();
    for length in [whole.len() / 2, whole.len() - 4096, 4096, 1000] {
        fs::write(&store, &whole[..length]).unwrap();
        expect_refused(&world, "store.sqlite is");
    }
    fs::write(&store, &whole).unwrap();
    expect_the_truth(&world);
}

/// A page of garbage is found when it is needed: at the start, on the way, or never. Wherever that is, no feed takes harm.
#[test]
fn a_store_with_a_page_of_garbage_stops_by_name_when_it_comes_to_that_page_and_no_feed_takes_harm() {
    let world = under_way();
    let (store, feed) = (world.left("store.sqlite"), world.left("records.jsonl"));
    let good: Vec<_> = files(&world);
    let whole = fs::read(&store).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 20, "{pages}");
    let mut rng = fastrand::Rng::with_seed(5);
    let mut stopped = 0;
    for page in rng.choose_multiple(1..pages, 10) {
        for (path, bytes) in &good {
            fs::write(path, bytes).unwrap();
        }
        let mut torn = whole.clone();
        rng.fill(&mut torn[page * 4096..(page + 1) * 4096]);
        fs::write(&store, torn).unwrap();
        let ended = world.start(&[]).finish();
        match ended.code {
            0 => assert!(super::compared(&world, &feed).is_perfect(), "page {page}"),
            1 | 2 => {
                assert!(ended.stderr.contains("store.sqlite") || ended.stderr.contains("from the store"));
                ended.expect_said("malformed");
                stopped += 1;
            }
            other => panic!("page {page}: exit {other}\n{}", ended.stderr),
        }
        expect_a_part(&world, &feed);
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&store, ending));
        }
        let _ = fs::remove_file(world.left("report.json"));
    }
    assert!(stopped > 0, "no page was needed");
    for (path, bytes) in &good {
        fs::write(path, bytes).unwrap();
    }
    expect_the_truth(&world);
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_nothing_is_touched() {
    let world = under_way();
    super::change_store(&world, "UPDATE meta SET v = 99 WHERE k = 'version'");
    expect_refused(&world, "was written by a newer version (schema 99");
}

#[test]
fn a_run_folder_of_a_newer_version_is_refused() {
    let world = under_way();
    let manifest = world.left("run.json");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
    let said = "layout 2 is not known to this version";
    world.start(&[]).finish().expect_exit(2).expect_said("run.json").expect_said(said);
}

/// With the snapshot of the fingerprints as `mishap` leaves it, the run ends as it would have.
fn expect_no_harm(world: &World, mishap: impl Fn(&PathBuf)) {
    mishap(&world.left("store.fingerprints"));
    let ended = expect_the_truth(world);
    let trouble =
        ended.stderr.lines().find(|line| line.contains("fingerprint") || line.contains("\"level\":\"error\""));
    assert_eq!(trouble, None, "it is mended in silence");
    let tasks = &report(world)["tasks"];
    assert_eq!(&tasks["found"], &tasks["done"], "{tasks}");
    assert!([88, 100].contains(&tasks["found"].as_u64().unwrap()), "{tasks}");
}

#[test]
fn a_snapshot_of_the_fingerprints_that_is_missing_is_no_loss() {
    expect_no_harm(&under_way(), |snapshot| fs::remove_file(snapshot).unwrap());
}

#[test]
fn a_snapshot_of_the_fingerprints_that_is_torn_is_no_loss() {
    expect_no_harm(&under_way(), |snapshot| {
        let whole = fs::read(snapshot).unwrap();
        fs::write(snapshot, &whole[..whole.len() / 2]).unwrap();
    });
}

#[test]
fn an_older_snapshot_of_the_fingerprints_is_no_loss() {
    let world = durable().lists(20).per_list(4).world();
    in_part(&world, 4);
    let older = fs::read(world.left("store.fingerprints")).unwrap();
    in_part(&world, 30);
    assert!(fs::read(world.left("store.fingerprints")).unwrap().len() > older.len());
    expect_no_harm(&world, |snapshot| fs::write(snapshot, &older).unwrap());
}
