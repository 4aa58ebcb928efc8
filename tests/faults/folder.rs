//! Folders that cannot be written to: one clear message, nothing changed, and on it goes once they can be.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::{World, compared, durable, expect_the_truth, in_part};
use crate::common::Ended;

/// Somebody who owns nothing.
const NOBODY: u32 = 65534;

fn am_root(world: &World) -> bool {
    world.file("bed.toml").metadata().unwrap().uid() == 0
}

/// Starts the crawl as somebody to whom permissions apply: as nobody, if this is root, who may write everywhere.
fn start(world: &World) -> Ended {
    let binary = world.file("burdock");
    if !binary.exists() {
        let built = env!("CARGO_BIN_EXE_burdock");
        fs::hard_link(built, &binary).or_else(|_| fs::copy(built, &binary).map(drop)).unwrap();
    }
    permit(&world.file(""), 0o755);
    let mut command = Command::new(binary);
    if am_root(world) {
        command.uid(NOBODY).gid(NOBODY);
    }
    world.start_by(command).finish()
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A folder that whoever crawls may write to, and all that is in it.
fn give(world: &World, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            give(world, &path);
        } else if am_root(world) {
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
    }
    permit(folder, 0o755);
    if am_root(world) {
        chown(folder, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// A folder that nobody may write to; what is in it stays as it is.
fn close(folder: &Path) {
    permit(folder, 0o555);
    let _ = chown(folder, Some(0), Some(0));
}

fn expect_refused(ended: Ended, code: i32, name: &str) {
    let ended = ended.expect_exit(code).expect_said("Permission denied").expect_said(name);
    let errors = ended.stderr.lines().filter(|line| line.starts_with("error: ")).count();
    assert_eq!((errors, ended.stderr.contains("\nhelp: ")), (1, true), "{}", ended.stderr);
}

#[test]
fn where_no_run_can_be_made_it_says_so_and_makes_nothing() {
    let world = durable().world();
    fs::create_dir(world.runs()).unwrap();
    close(&world.runs());
    expect_refused(start(&world), 1, "runs/bed");
    assert_eq!(world.run_folders(), 0);
    give(&world, &world.runs());
    start(&world).expect_exit(0);
    assert!(compared(&world, &world.left("records.jsonl")).is_perfect());
}

#[test]
fn a_runs_folder_that_became_read_only_is_one_clear_message_and_nothing_is_touched() {
    let world = durable().world();
    in_part(&world, 30);
    let run = world.left("");
    let (feed, before) = (world.left("records.jsonl"), fs::read(world.left("records.jsonl")).unwrap());
    for entry in fs::read_dir(&run).unwrap() {
        permit(&entry.unwrap().path(), 0o444);
    }
    close(&run);
    expect_refused(start(&world), 1, "run.lock");
    assert_eq!(fs::read(&feed).unwrap(), before);
    for entry in fs::read_dir(&run).unwrap() {
        permit(&entry.unwrap().path(), 0o644);
    }
    permit(&run, 0o755);
    expect_the_truth(&world);
}

#[test]
fn a_store_and_a_feed_that_became_read_only_are_named() {
    for (file, code) in [("store.sqlite", 1), ("records.jsonl", 2)] {
        let world = durable().world();
        in_part(&world, 30);
        give(&world, &world.left(""));
        let path = world.left(file);
        let before = fs::read(&path).unwrap();
        permit(&path, 0o444);
        let _ = chown(&path, Some(0), Some(0));
        expect_refused(start(&world), code, file);
        assert_eq!(fs::read(&path).unwrap(), before);
        permit(&path, 0o644);
        give(&world, &world.left(""));
        start(&world).expect_exit(0);
        assert!(compared(&world, &world.left("records.jsonl")).is_perfect());
    }
}
