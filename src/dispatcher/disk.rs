//! How much is free on the disks that a crawl writes to.
//!
//! In come folders, out goes what the fullest disk has. It blocks: a network file system may take its time, or not come back.

use std::path::PathBuf;

use rustix::fs::statvfs;

use super::desk::Free;

/// What is free on the fullest of the disks that these folders are on, for who is not root; `None` if none can be asked.
pub(super) fn fullest(folders: &[PathBuf]) -> Option<Free> {
    let free = |folder: &PathBuf| {
        let disk = statvfs(folder).ok()?;
        Some(Free { bytes: disk.f_bavail.saturating_mul(disk.f_frsize), place: folder.as_path().into() })
    };
    folders.iter().filter_map(free).min_by_key(|free| free.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fullest_disk_counts_and_a_folder_that_is_gone_does_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let (here, gone) = (folder.path().to_owned(), folder.path().join("gone"));
        // It has no room at all, and is on every machine that has processes to look at.
        let full = PathBuf::from("/proc");
        assert_eq!(fullest(std::slice::from_ref(&gone)), None);
        assert!(fullest(&[gone.clone(), here.clone()]).is_some_and(|free| *free.place == *here && free.bytes > 0));
        assert!(fullest(&[here, full.clone(), gone]).is_some_and(|free| *free.place == *full && free.bytes == 0));
    }
}
