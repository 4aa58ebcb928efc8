//! The folder of a run: `<data_dir>/<name>/`, with its manifest, lock, report, and (by default) feeds and log.
//!
//! In come the run's name, folder and config; out comes the folder, held for this process alone, or why it cannot be used. It
//! never deletes anything and never touches a folder that is not ours. What the files say of the crawl is others' business.

mod error;
mod lock;
mod look;
mod manifest;
mod reopen;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::exit::ExitCode;

pub use error::FolderError;
pub use lock::Holder;
pub use look::{End, Glance, Progress};
pub use manifest::{Manifest, Source};

use lock::Lock;

const MANIFEST: &str = "run.json";
const LOCK: &str = "run.lock";
const REPORT: &str = "report.json";
/// Where the tasks of a run are kept, unless they are in memory only.
pub const STORE: &str = "store.sqlite";
/// Files are written under this ending first; a crash may leave one behind.
const UNFINISHED: &str = "tmp";

/// What to do with a run that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Say how it ended; what was only in memory cannot be continued.
    Keep,
    /// Give it out, with how it ended: what it holds decides whether there is more to do.
    Continue(Changes),
    /// Move it aside and begin anew.
    MoveAside,
}

/// What to do with changes of the config that the pages that are done speak against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changes {
    /// Name them, and do not go on.
    Refuse,
    /// Go on; pages that are done keep their records.
    Accept,
}

/// What was found on opening.
#[derive(Debug)]
pub enum Opened {
    /// A new run to crawl.
    New(RunFolder),
    /// A run that was begun before.
    Begun {
        /// Its folder.
        folder: RunFolder,
        /// Its exit code, if everything in it had ended then.
        complete: Option<ExitCode>,
    },
    /// The run has ended completely before; there is nothing to crawl.
    Finished {
        /// Its exit code.
        exit_code: ExitCode,
        /// Its report.
        report: PathBuf,
    },
}

/// The folder of a run, held by this process until it is dropped.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    manifest: Manifest,
    _lock: Lock,
}

impl RunFolder {
    /// Opens the folder of the run `name` at `path`, creating it if need be.
    ///
    /// # Errors
    /// It is in use, not ours, another config's, holds a run that cannot be continued, or the file system refuses.
    pub fn open(
        path: &Path,
        name: &str,
        source: &Source,
        existing: Existing,
        now: Timestamp,
        rng: &mut fastrand::Rng,
    ) -> Result<Opened, FolderError> {
        refuse_foreign(path)?;
        let path = std::path::absolute(path).map_err(failed(path))?;
        let mut lock = Lock::take(&path)?;
        // Once more under the lock: another process may have been here in between.
        refuse_foreign(&path)?;
        if let Some(manifest) = Manifest::read(&path)? {
            if !manifest.config.is_same_as(source) {
                return Err(FolderError::OtherConfig { folder: path, config: manifest.config.path });
            }
            match existing {
                Existing::MoveAside => lock = move_aside(&path, lock, now)?,
                Existing::Keep => {
                    if let Some(exit_code) = may_begin(&path)? {
                        return Ok(Opened::Finished { exit_code, report: path.join(REPORT) });
                    }
                }
                Existing::Continue(_) => {
                    let complete = complete(&path)?.filter(|_| manifest.reopened.is_none());
                    return Ok(Opened::Begun { folder: Self { path, manifest, _lock: lock }, complete });
                }
            }
        }
        let manifest = Manifest::new(name, source, now, rng);
        write_json(&path.join(MANIFEST), &manifest)?;
        Ok(Opened::New(Self { path, manifest, _lock: lock }))
    }

    /// The folder, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the manifest says.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where the report lies, or will.
    pub fn report_path(&self) -> PathBuf {
        self.path.join(REPORT)
    }

    /// Checks that a run which was begun left nothing that cannot be continued, though it kept its tasks in memory only.
    ///
    /// # Errors
    /// It did not come to its end.
    pub fn check_kept_in_memory(&self) -> Result<(), FolderError> {
        if self.report_path().exists() { may_begin(&self.path).map(drop) } else { Ok(()) }
    }

    /// Writes the report, whole or not at all.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn write_report(&self, report: &impl Serialize) -> Result<(), FolderError> {
        write_json(&self.report_path(), report)?;
        self.settle()
    }

    /// Notes that the crawl did not even begin, because the config asks for something that cannot be had; the next process may
    /// then begin it here. What a crawl has reported before stays.
    ///
    /// # Errors
    /// The file system refuses.
    pub fn never_began(&self, why: &str) -> Result<(), FolderError> {
        let before = read_json::<Past>(&self.report_path())?;
        if before.is_some_and(|past| past.exit_code != ExitCode::Usage) {
            return Ok(());
        }
        self.write_report(&Past { exit_code: ExitCode::Usage, ended_because: why.into() })
    }
}

/// What a report says of its run's end.
#[derive(Debug, Serialize, Deserialize)]
struct Past {
    exit_code: ExitCode,
    ended_because: String,
}

/// The exit code of a run in which everything has ended.
fn complete(folder: &Path) -> Result<Option<ExitCode>, FolderError> {
    let past = read_json::<Past>(&folder.join(REPORT))?;
    Ok(past.map(|past| past.exit_code).filter(|code| code.is_complete()))
}

/// What stands in a run's way: nothing if it never began, its exit code if it is complete, otherwise an error.
fn may_begin(folder: &Path) -> Result<Option<ExitCode>, FolderError> {
    let unfinished = |state| match folder.join(STORE).exists() {
        true => FolderError::Stored { folder: folder.into(), state },
        false => FolderError::Unfinished { folder: folder.into(), state },
    };
    match read_json::<Past>(&folder.join(REPORT))? {
        Some(past) if past.exit_code.is_complete() => Ok(Some(past.exit_code)),
        Some(past) if past.exit_code == ExitCode::Usage => Ok(None),
        Some(past) => Err(unfinished(format!("ended unfinished ({})", past.ended_because))),
        None => Err(unfinished("broke off".into())),
    }
}

/// A folder without a manifest must hold nothing but what a crash of ours can have left behind.
fn refuse_foreign(folder: &Path) -> Result<(), FolderError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(FolderError::Io { path: folder.into(), source }),
    };
    // One look at it: another process may be writing its manifest.
    let names: Vec<_> =
        entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<_, _>>().map_err(failed(folder))?;
    let leftover = Path::new(MANIFEST).with_extension(UNFINISHED);
    let is_ours = names.iter().any(|name| name == MANIFEST);
    if is_ours || names.iter().all(|name| name == LOCK || *name == leftover.as_os_str()) {
        Ok(())
    } else {
        Err(FolderError::Foreign { folder: folder.into() })
    }
}

/// Gives the folder another name, `<name>.<UTC time>`, and holds a new one in its place.
fn move_aside(folder: &Path, held: Lock, now: Timestamp) -> Result<Lock, FolderError> {
    let time: String = now.rfc3339().chars().filter(|symbol| !matches!(symbol, '-' | ':')).collect();
    let stem = format!("{}.{time}", folder.file_name().unwrap_or_default().to_string_lossy());
    let mut names = std::iter::once(stem.clone()).chain((2u32..).map(|n| format!("{stem}-{n}")));
    let aside = names.find_map(|name| Some(folder.with_file_name(name)).filter(|aside| !aside.exists()));
    let aside = aside.unwrap_or_else(|| folder.with_file_name(stem));
    fs::rename(folder, aside).map_err(failed(folder))?;
    let lock = Lock::take(folder)?;
    drop(held);
    Ok(lock)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> FolderError {
    let path = path.to_path_buf();
    move |source| FolderError::Io { path, source }
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, FolderError> {
    match fs::read(path) {
        Ok(text) => serde_json::from_slice(&text)
            .map(Some)
            .map_err(|error| FolderError::Garbled { path: path.into(), why: error.to_string() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FolderError::Io { path: path.into(), source }),
    }
}

/// Writes to a neighbour first and renames it, so that a reader never sees half a file.
fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FolderError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| failed(path)(error.into()))?;
    let beside = path.with_extension(UNFINISHED);
    let write = || {
        let mut file = fs::File::create(&beside)?;
        io::Write::write_all(&mut file, format!("{text}\n").as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(failed(path))
}

#[cfg(test)]
mod tests;
