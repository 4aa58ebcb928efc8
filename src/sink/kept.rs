//! What a store keeps for the feeds, and how it gives records back.
//!
//! A feed is known by its kind and canonical path. Its cursor comes in when the feeds are opened; changes to it go out, to be
//! committed. Where and how they are kept is the store's business.

use std::fmt;

use super::Extent;
use crate::record::{Seq, StoredRecord};

/// Why records cannot be read.
pub type ReadError = Box<dyn std::error::Error + Send + Sync>;

/// Reads committed records, beside the thread that commits them.
pub trait Records: Send {
    /// Records after `after`, in order, at most `n` of them; none only if there is none.
    ///
    /// # Errors
    /// Those of the store.
    fn after(&mut self, after: Seq, n: usize) -> Result<Vec<StoredRecord>, ReadError>;
}

/// Where feeds get records from that do not come along with an order.
pub enum Source {
    /// Nowhere: all records come along.
    Orders,
    /// From the store, which has all that were ever committed.
    All(Box<dyn Records>),
    /// From the store, which removes what every feed has had.
    Undelivered(Box<dyn Records>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Orders => "Orders",
            Self::All(_) => "All",
            Self::Undelivered(_) => "Undelivered",
        })
    }
}

/// The word that is kept in [`FeedCursor::columns`](crate::frontier::FeedCursor::columns).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// A digest of columns and format: rows under another one must be written anew.
    pub(super) digest: u128,
    /// Of a file: what was in it before our first byte. Of a database: no bytes, and a number that is in it too.
    pub(super) base: Extent,
}

impl Mark {
    /// Reads a kept word; `None` if it is of a kind that this version does not know.
    pub(super) fn read(word: &str) -> Option<Self> {
        let mut parts = word.split(' ');
        let digest = u128::from_str_radix(parts.next()?, 16).ok()?;
        let bytes = parts.next()?.parse().ok()?;
        let tail = u64::from_str_radix(parts.next()?, 16).ok()?;
        parts.next().is_none().then_some(Self { digest, base: Extent { bytes, tail } })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { digest, base: Extent { bytes, tail } } = self;
        write!(f, "{digest:032x} {bytes} {tail:016x}")
    }
}
