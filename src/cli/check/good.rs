//! The file of usable proxies that `--write` asks for.
//!
//! In come lines with passwords in them; out goes a file that only its owner may read, whole or not at all. Lines are never
//! shown.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::proxy::Secret;

/// For its owner alone.
const MODE: u32 = 0o600;

/// Refuses to write over the file that the proxies are read from: what is not usable now may be tomorrow.
///
/// # Errors
/// They are the same file.
pub(super) fn refuse_the_source(file: &Path, source: Option<&Path>) -> io::Result<()> {
    let same = source.and_then(|source| Some(fs::canonicalize(source).ok()? == fs::canonicalize(file).ok()?));
    match same {
        Some(true) => Err(io::Error::other(format!("{} is the file that the proxies are read from", file.display()))),
        Some(false) | None => Ok(()),
    }
}

/// Writes the lines, in the place of an older file.
///
/// # Errors
/// The file system refuses; an older file is then as it was.
pub(super) fn write<'a>(file: &Path, lines: impl Iterator<Item = &'a Secret>) -> io::Result<()> {
    let mut beside = file.as_os_str().to_owned();
    beside.push(format!(".{}.tmp", std::process::id()));
    let written = write_new(Path::new(&beside), lines).and_then(|()| fs::rename(&beside, file));
    if written.is_err() {
        // Passwords are not left lying about; whether it was there at all does not matter.
        let _ = fs::remove_file(&beside);
    }
    written
}

fn write_new<'a>(file: &Path, lines: impl Iterator<Item = &'a Secret>) -> io::Result<()> {
    let text: String = lines.map(|line| format!("{}\n", line.reveal())).collect();
    let mut file = OpenOptions::new().write(true).create_new(true).mode(MODE).open(file)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn an_older_file_is_replaced_and_only_its_owner_may_read_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("good.txt");
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        write(&file, [Secret::new("a:1:me:hush"), Secret::new("b:2")].iter()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "a:1:me:hush\nb:2\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, MODE);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("taken");
        fs::create_dir_all(file.join("x")).unwrap();
        assert!(write(&file, [Secret::new("a:1")].iter()).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
