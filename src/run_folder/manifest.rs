//! `run.json`: what a run is, written when it begins, and when it is opened again.
//!
//! In come its name and config, out comes what identifies it: an id, the key of its fingerprints, and which config it is of.

use std::hash::Hasher;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use siphasher::sip128::{Hasher128, SipHasher13};

use super::{FolderError, MANIFEST, read_json};
use crate::clock::Timestamp;

/// The version of the folder's layout.
const VERSION: u32 = 1;

/// A config file, as far as runs have to be told apart by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where it lies, absolute.
    pub path: PathBuf,
    /// A digest of its text. It tells whether the text has changed; it is no protection against forgery.
    pub digest: String,
}

impl Source {
    /// The config at `path` with this text.
    pub fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let mut hasher = SipHasher13::new();
        hasher.write(text.as_bytes());
        Self { path: path.into(), digest: hex(&hasher.finish128().as_bytes()) }
    }

    /// The same file, edited or not; or the same text elsewhere, because it was moved.
    pub(super) fn is_same_as(&self, other: &Self) -> bool {
        self.path == other.path || self.digest == other.digest
    }
}

/// What a run is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of the folder's layout.
    pub version: u32,
    /// The run's id: its name, when it began, and four random digits.
    pub id: String,
    /// The run's name.
    pub name: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// The key of the tasks' fingerprints, in hex.
    pub key: String,
    /// Which config it is of.
    pub config: Source,
    /// When pages were put back into it, RFC 3339, UTC: a report that was written before does not say how it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reopened: Option<String>,
}

impl Manifest {
    pub(super) fn new(name: &str, source: &Source, now: Timestamp, rng: &mut fastrand::Rng) -> Self {
        let started = now.rfc3339();
        let time: String = started.chars().take(19).filter(|symbol| !matches!(symbol, '-' | ':')).collect();
        let mut key = [0; 16];
        rng.fill(&mut key);
        Self {
            version: VERSION,
            id: format!("{name}-{time}Z-{:04x}", rng.u16(..)),
            name: name.into(),
            started,
            key: hex(&key),
            config: source.clone(),
            reopened: None,
        }
    }

    /// The manifest of a folder, if there is one.
    pub(super) fn read(folder: &Path) -> Result<Option<Self>, FolderError> {
        let path = folder.join(MANIFEST);
        let Some(manifest) = read_json::<Self>(&path)? else { return Ok(None) };
        let garbled = |why: String| FolderError::Garbled { path: path.clone(), why };
        if manifest.version != VERSION {
            return Err(garbled(format!("layout {} is not known to this version", manifest.version)));
        }
        if manifest.bytes_of_key().is_none() {
            return Err(garbled("its key is not 32 hexadecimal digits".into()));
        }
        Ok(Some(manifest))
    }

    /// The key of the tasks' fingerprints.
    pub fn fingerprint_key(&self) -> [u8; 16] {
        // Checked when it was read.
        self.bytes_of_key().unwrap_or_default()
    }

    fn bytes_of_key(&self) -> Option<[u8; 16]> {
        u128::from_str_radix(&self.key, 16).ok().filter(|_| self.key.len() == 32).map(u128::to_be_bytes)
    }
}

fn hex(bytes: &[u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(*bytes))
}
