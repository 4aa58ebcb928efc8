//! A disk that is full, while committing and while writing a feed.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{compared, durable, expect_a_part};
use crate::common::{Bed, Ended, World};

/// A place that can be made to have no room.
pub(super) enum Disk {
    /// A small file system in memory.
    Mounted(TempDir),
    /// Where this process may not mount one: the disk that is there.
    Shared(TempDir),
}

impl Disk {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=16m", "tmpfs"]).arg(folder.path()).output();
        if mount.is_ok_and(|mount| mount.status.success()) { Self::Mounted(folder) } else { Self::Shared(folder) }
    }

    pub(super) fn path(&self) -> &Path {
        let (Self::Mounted(folder) | Self::Shared(folder)) = self;
        folder.path()
    }

    /// Starts the crawl; once so many pages are done, nothing more can be written here, or where that cannot be brought about
    /// nothing beyond so many bytes to any file: the same calls fail, with the same half-written bytes.
    fn crawl_until_full(&self, world: &World, pages: usize, longest: u64) -> Ended {
        match self {
            Self::Mounted(_) => {
                let mut running = world.start(&[]);
                for _ in 0..pages {
                    running.until_event("page.fetched");
                }
                self.fill();
                running.finish()
            }
            Self::Shared(_) => {
                // Ignored, the signal is an error of the call, as a full disk is.
                let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", longest / 512);
                let mut limited = Command::new("sh");
                limited.arg("-c").arg(script).arg(env!("CARGO_BIN_EXE_burdock"));
                world.start_by(limited).finish()
            }
        }
    }

    fn fill(&self) {
        let mut filler = File::create(self.path().join("filler")).unwrap();
        let mut block = vec![0; 1 << 20];
        while !block.is_empty() {
            while filler.write_all(&block).is_ok() {}
            block.truncate(block.len() / 2);
        }
    }

    fn make_room(&self) {
        let _ = fs::remove_file(self.path().join("filler"));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Mounted(folder) = self {
            let _ = Command::new("umount").arg(folder.path()).status();
        }
    }
}

/// The log lies elsewhere; so does whatever is not said to lie on the disk.
fn bed(data: &Path, feed: &Path) -> Bed {
    durable()
        .per_list(20)
        .set("crawl.data_dir", &format!("{data:?}"))
        .set("feed", &format!("[{{ kind = \"jsonl\", path = {feed:?} }}]"))
        .set("log.file", "\"./run.log.jsonl\"")
        .set("limits.min_free", "\"none\"")
}

/// It ended in order, and said why as an error, once.
fn expect_one_clear_message(ended: Ended, said: &str) {
    let ended = ended.expect_exit(1).expect_said(said);
    let finished = super::events(&ended, "run.finished");
    let [last] = &finished[..] else { panic!("{finished:#?}\n{}", ended.stderr) };
    assert!(last["message"].as_str().unwrap().contains("mend that, then continue with `burdock run"), "{last}");
    assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
}

fn expect_the_truth_in(world: &World, feed: &Path) {
    world.start(&[]).finish().expect_exit(0);
    let found = compared(world, feed);
    assert!(found.is_perfect(), "{found}\n{found:#?}");
}

#[test]
fn full_while_committing_it_stops_in_order_and_goes_on_when_there_is_room() {
    let disk = Disk::new();
    let world = bed(&disk.path().join("runs"), Path::new("./records.out")).world();
    let feed = world.file("records.out");
    for _ in 0..2 {
        let ended = disk.crawl_until_full(&world, 20, 600 << 10);
        expect_one_clear_message(
            ended,
            match disk {
                Disk::Mounted(_) => "store.sqlite: the disk is full",
                Disk::Shared(_) => "store.sqlite: disk I/O error",
            },
        );
        expect_a_part(&world, &feed);
        disk.make_room();
    }
    expect_the_truth_in(&world, &feed);
}

#[test]
fn full_while_a_feed_is_written_it_stops_in_order_and_the_feed_is_mended_when_there_is_room() {
    let disk = Disk::new();
    let Disk::Mounted(_) = disk else { return a_feed_that_takes_nothing() };
    let feed = disk.path().join("records.out");
    let world = bed(Path::new("runs"), &feed).world();
    for _ in 0..2 {
        let ended = disk.crawl_until_full(&world, 20, 0);
        expect_one_clear_message(ended, "records.out: cannot write it: No space left on device");
        expect_a_part(&world, &feed);
        disk.make_room();
    }
    expect_the_truth_in(&world, &feed);
}

/// What there is to see where nothing can be mounted: the feed's place is always full, and then another one is given.
fn a_feed_that_takes_nothing() {
    let world = bed(Path::new("runs"), Path::new("/dev/full")).world();
    let ended = world.start(&[]).finish();
    expect_one_clear_message(ended, "/dev/full: cannot write it: No space left on device");
    let elsewhere = "feed=[{ kind = \"jsonl\", path = \"./records.out\" }]";
    world.start(&["--set", elsewhere]).finish().expect_exit(0);
    let found = compared(&world, &world.file("records.out"));
    assert!(found.is_perfect(), "{found}\n{found:#?}");
}

#[test]
fn a_feed_that_takes_nothing_ends_the_crawl_by_name_and_another_one_gets_everything() {
    a_feed_that_takes_nothing();
}

#[test]
fn full_from_the_start_it_says_so_and_begins_when_there_is_room() {
    let disk = Disk::new();
    let world = bed(&disk.path().join("runs"), Path::new("./records.out")).world();
    let ended = disk.crawl_until_full(&world, 0, 0).expect_exit(1);
    assert!(ended.stderr.contains("error: ") && ended.stderr.contains("\nhelp: "), "{}", ended.stderr);
    let system_says = match disk {
        Disk::Mounted(_) => "No space left on device",
        Disk::Shared(_) => "File too large",
    };
    // Which file meets the end of the disk first: the store, or one of the others.
    assert!([system_says, "the disk is full"].iter().any(|said| ended.stderr.contains(said)), "{}", ended.stderr);
    disk.make_room();
    expect_the_truth_in(&world, &world.file("records.out"));
}
