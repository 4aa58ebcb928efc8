//! `limits.min_free`: a crawl waits before a disk is full, and goes on when there is room.

use std::fs::{self, File};
use std::io::Write;

use rustix::fs::statvfs;

use super::disk::Disk;
use super::{compared, durable};

fn free(disk: &Disk) -> u64 {
    let room = statvfs(disk.path()).unwrap();
    room.f_bavail * room.f_frsize
}

#[test]
fn with_less_room_than_min_free_on_a_feeds_disk_it_waits_and_goes_on_when_there_is_more() {
    let disk = Disk::new();
    // Where other programs write to the same disk, there is more between too little and enough.
    let size: usize = match disk {
        Disk::Mounted(_) => 8 << 20,
        Disk::Shared(_) => 512 << 20,
    };
    let (filler, feed) = (disk.path().join("filler"), disk.path().join("records.out"));
    let mut file = File::create(&filler).unwrap();
    for _ in 0..size >> 20 {
        file.write_all(&[1; 1 << 20]).unwrap();
    }
    drop(file);
    let mut world = durable()
        .set("feed", &format!("[{{ kind = \"jsonl\", path = {feed:?} }}]"))
        .set("limits.min_free", &format!("\"{}B\"", free(&disk) + size as u64 / 2))
        .world();
    let mut running = world.start(&[]);
    let short = running.until_event("disk.short");
    assert_eq!(short["disk"].as_str(), disk.path().to_str(), "{short}");
    assert!(short["free"].as_u64() < short["least"].as_u64(), "{short}");
    assert!(world.site.journal.visits().is_empty(), "nothing is fetched before that");
    fs::remove_file(filler).unwrap();
    running.until_event("disk.free");
    running.finish().expect_exit(0);
    assert!(compared(&world, &feed).is_perfect());
}

#[test]
fn where_there_is_never_enough_room_it_waits_until_it_is_interrupted() {
    let mut world = durable().set("limits.min_free", "\"4000TiB\"").set("log.heartbeat", "\"100ms\"").world();
    let mut running = world.start(&[]);
    running.until_event("disk.short");
    let beat = running.until_event("run.progress");
    assert_eq!((&beat["limited_by"], &beat["done"]), (&"disk".into(), &0.into()), "{beat}");
    running.signal("INT");
    let ended = running.finish().expect_exit(130).expect_said("less than limits.min_free (4.4 PB)");
    assert!(world.site.journal.visits().is_empty(), "{}", ended.stderr);
    world.start(&["--set", "limits.min_free=none"]).finish().expect_exit(0);
    assert!(compared(&world, &world.left("records.jsonl")).is_perfect());
}
