//! What is committed together: ended leases, cursors of feeds, and whatever else must survive with them.
//!
//! Plain words between whoever commits and the frontier. What they mean is known to those who put them in.

use std::fmt;
use std::sync::Arc;

use super::Settlement;
use crate::protocol::Cursor;
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
    /// What it is made of and where our part of it begins: the sink's own word, kept as it is and never read by others.
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

/// The names of the open feeds, by number: what turns a report of the sink into what is kept.
#[derive(Clone, Debug, Default)]
pub struct FeedNames(Vec<FeedCursor>);

impl FeedNames {
    /// The feeds as they are opened, in the order of their numbers.
    pub const fn new(feeds: Vec<FeedCursor>) -> Self {
        Self(feeds)
    }

    /// What is to be kept once a feed has reported `cursor`; `None` if there is no such feed.
    pub fn at(&self, cursor: &Cursor) -> Option<FeedCursor> {
        let feed = self.0.get(usize::from(cursor.feed.0))?.clone();
        Some(FeedCursor { through: cursor.through, bytes: cursor.bytes, tail: cursor.tail, ..feed })
    }
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
