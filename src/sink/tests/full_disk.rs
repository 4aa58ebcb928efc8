//! A disk that is full: the feed fails by name, and once there is room again it is made exact.

use std::io::Write;
use std::process::Command;

use super::shelf::{Ended, Shelf, Step, every_kind};
use super::*;

/// A file system in memory, of a size; only root can have one.
struct Disk(TempDir);

impl Disk {
    fn of(size: &str) -> Option<Self> {
        let folder = TempDir::new().unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(folder.path()).output();
        mounted.is_ok_and(|mounted| mounted.status.success()).then_some(Self(folder))
    }

    /// Leaves so many bytes free.
    fn fill_but(&self, free: u64) {
        let mut filler = fs::File::create(self.0.path().join("filler")).unwrap();
        while filler.write_all(&[0; 4096]).is_ok() {}
        filler.set_len(filler.metadata().unwrap().len() - free).unwrap();
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(self.0.path()).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_feed_on_a_full_disk_fails_by_name_and_is_exact_when_there_is_room_again() {
    for place in 0..5 {
        let Some(disk) = Disk::of("96k") else {
            eprintln!("not shown here, but in tests/faults: only root may mount a disk of its own");
            return;
        };
        let feed = every_kind(&disk.0).swap_remove(place);
        let feeds = std::slice::from_ref(&feed);
        let mut shelf = Shelf::default();
        shelf.live(feeds, &[Step::Along(20)]).unwrap();
        let more = [Step::Along(300), Step::Flush(Flush::All)].repeat(60);
        disk.fill_but(4 << 10);
        for _ in 0..2 {
            let Ended(error) = shelf.live(feeds, &more).unwrap_err();
            assert!(error.starts_with(&format!("feed {}: cannot ", feed.path.display())), "{error}");
            // SQLite does not always say what it is that it cannot write.
            let said = ["full", "No space left", "disk I/O error"].iter().any(|word| error.contains(word));
            assert!(said, "{error}");
        }
        disk.grow("8m");
        shelf.live(feeds, &[Step::Along(20)]).unwrap();
        shelf.expect_exact(&feed);
    }
}
