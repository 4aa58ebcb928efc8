//! What can be wrong with a page of the practice site, and what a crawl gets from it nevertheless.
//!
//! Pure. Extended by adding a variant here and its answer in `answer.rs`.

use std::time::Duration;

use super::hostile::Hostile;

/// One fault of one page; it holds whoever asks, through whichever proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status always, with a short page: 404, 410, 500, 403 for everybody, …
    Status(u16),
    /// This status (429, or 503 with a wait) for the first `first` requests, then the page.
    Throttled {
        /// The status.
        status: u16,
        /// `Retry-After`, in whole seconds.
        retry_after: Option<Duration>,
        /// How many requests are sent away.
        first: u32,
    },
    /// A page of the usual form without what a recipe asks for: no heading, no links.
    FieldMissing,
    /// The connection ends in the middle of the body.
    CutBody,
    /// 301 to another path of this site.
    Moved(String),
    /// 302 to itself.
    RedirectLoop,
    /// The page is sent as a trap.
    Hostile(Hostile),
}

/// What a crawl gets from a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Yield<'a> {
    Itself,
    Other(&'a str),
    Nothing,
}

impl Fault {
    /// What a crawl that does everything right gets.
    pub(super) fn yields(&self) -> Yield<'_> {
        match self {
            Self::Throttled { .. } => Yield::Itself,
            Self::Hostile(hostile) if hostile.is_whole() => Yield::Itself,
            Self::Moved(to) => Yield::Other(to),
            Self::Status(_) | Self::FieldMissing | Self::CutBody | Self::RedirectLoop | Self::Hostile(_) => {
                Yield::Nothing
            }
        }
    }
}
