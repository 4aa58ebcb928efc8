//! What is committed together: ended leases, cursors of feeds, and whatever else must survive with them.

use std::fmt;
use std::sync::Arc;

use super::Settlement;
use crate::record::Seq;

/// One commit: all of it or nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Batch<'a> {
    /// Ends of leases.
    pub pages: &'a [Settlement],
    /// Where feeds are.
    pub feeds: &'a [FeedChange],
    /// What else is to be kept; of several for one key the last one counts.
    pub kept: &'a [Kept],
}

impl<'a> Batch<'a> {
    /// A batch of pages and nothing else.
    pub const fn of_pages(pages: &'a [Settlement]) -> Self {
        Self { pages, feeds: &[], kept: &[] }
    }
}

/// How far a feed durably is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedCursor {
    /// Which feed: its kind and canonical path.
    pub feed: Arc<str>,
    /// What its rows consist of; a feed whose columns have changed is built anew.
    pub columns: Arc<str>,
    /// The last record that it has dealt with.
    pub through: Seq,
    /// The length of its file in bytes.
    pub bytes: u64,
    /// A hash of the last 4 KiB of its file.
    pub tail: u64,
}

/// A change to the cursors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedChange {
    /// The feed is there.
    At(FeedCursor),
    /// The feed of this name is no longer listed.
    Dropped(Arc<str>),
}

/// Something small that survives the process: the health of a proxy, its cookies, a page's evidence.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// What it is.
    pub kind: Arc<str>,
    /// Whose it is.
    pub key: Arc<str>,
    /// It, as its owner writes it; `None` forgets it.
    pub value: Option<Arc<[u8]>>,
}

impl fmt::Debug for Kept {
    /// Shows sizes only: cookies are among what is kept, and keys may name users of a proxy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.value.as_ref().map(|value| value.len());
        f.debug_struct("Kept").field("kind", &self.kind).field("bytes", &bytes).finish_non_exhaustive()
    }
}
