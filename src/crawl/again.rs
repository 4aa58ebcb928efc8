//! Dead letters put back into the store of a run that nobody crawls.
//!
//! In come a store and which letters are meant; out goes how many there were. The lock of the run's folder is the caller's.

use std::path::Path;
use std::sync::Arc;

use crate::frontier::fingerprint::Fingerprinter;
use crate::frontier::sqlite::{Retention, SqliteFrontier};
use crate::frontier::{DeadFilter, Frontier, FrontierError, Seeds};
use crate::task::NewTask;

/// Nothing is claimed here, so no start URL is read.
struct NoSeeds;

impl Iterator for NoSeeds {
    type Item = std::io::Result<NewTask>;

    fn next(&mut self) -> Option<Self::Item> {
        None
    }
}

impl Seeds for NoSeeds {
    fn unread(&self) -> Option<u64> {
        None
    }
}

/// Makes dead letters ready again, as if they had never been tried; their history stays. How many there were.
///
/// # Errors
/// Those of the store; nothing has then changed.
pub fn put_back(
    store: &Path,
    stages: Vec<Arc<str>>,
    fingerprint_key: [u8; 16],
    which: &DeadFilter,
) -> Result<u64, FrontierError> {
    let fingerprints = Fingerprinter::new(fingerprint_key, stages);
    let mut frontier = SqliteFrontier::open(store, fingerprints, Retention::Keep, |_| Ok(Box::new(NoSeeds)))?;
    let count = frontier.retry(which)?;
    // What this would have saved the next start is made good there.
    drop(frontier.close());
    Ok(count)
}
