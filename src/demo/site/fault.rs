//! What can be wrong with a page of the practice site, and what a crawl gets from it nevertheless.
//!
//! Pure. Extended by adding a variant and its name here, and its answer in `answer.rs`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::hostile::Hostile;
use crate::demo::mode::{ModeError, Name};

/// One fault of one page; it holds whoever asks, through whichever proxy. Its name, as in `status:500`, can be parsed and is
/// what is displayed.
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
    /// The connection is reset before the head.
    Reset,
    /// No answer at all.
    Silent,
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
            Self::Status(_)
            | Self::FieldMissing
            | Self::Reset
            | Self::Silent
            | Self::CutBody
            | Self::RedirectLoop
            | Self::Hostile(_) => Yield::Nothing,
        }
    }
}

impl FromStr for Fault {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let mut name = Name::of(text);
        let fault = match name.word() {
            "status" => Self::Status(name.take("a status")?),
            "throttled" => Self::Throttled {
                status: name.take("a status")?,
                first: name.take("a number of requests")?,
                retry_after: if name.is_over() { None } else { Some(name.time()?) },
            },
            "field-missing" => Self::FieldMissing,
            "reset" => Self::Reset,
            "silent" => Self::Silent,
            "cut" => Self::CutBody,
            "moved" => Self::Moved(name.take("a path")?),
            "redirect-loop" => Self::RedirectLoop,
            "cut-chunks" => Self::Hostile(Hostile::CutChunks),
            "no-length" => Self::Hostile(Hostile::NoLength),
            "bomb" => Self::Hostile(Hostile::Bomb),
            "trickle" => Self::Hostile(Hostile::Trickle),
            "garbage" => Self::Hostile(Hostile::Garbage),
            "endless-head" => Self::Hostile(Hostile::EndlessHead),
            "endless" => Self::Hostile(Hostile::Endless),
            "huge" => Self::Hostile(Hostile::Huge),
            "links" => Self::Hostile(Hostile::Links { count: name.take("a number of links")? }),
            _ => return Err(name.unknown()),
        };
        name.end(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "status:{status}"),
            Self::Throttled { status, first, retry_after: None } => write!(f, "throttled:{status}:{first}"),
            Self::Throttled { status, first, retry_after: Some(wait) } => {
                write!(f, "throttled:{status}:{first}:{wait:?}")
            }
            Self::FieldMissing => f.write_str("field-missing"),
            Self::Reset => f.write_str("reset"),
            Self::Silent => f.write_str("silent"),
            Self::CutBody => f.write_str("cut"),
            Self::Moved(to) => write!(f, "moved:{to}"),
            Self::RedirectLoop => f.write_str("redirect-loop"),
            Self::Hostile(Hostile::CutChunks) => f.write_str("cut-chunks"),
            Self::Hostile(Hostile::NoLength) => f.write_str("no-length"),
            Self::Hostile(Hostile::Bomb) => f.write_str("bomb"),
            Self::Hostile(Hostile::Trickle) => f.write_str("trickle"),
            Self::Hostile(Hostile::Garbage) => f.write_str("garbage"),
            Self::Hostile(Hostile::EndlessHead) => f.write_str("endless-head"),
            Self::Hostile(Hostile::Endless) => f.write_str("endless"),
            Self::Hostile(Hostile::Huge) => f.write_str("huge"),
            Self::Hostile(Hostile::Links { count }) => write!(f, "links:{count}"),
        }
    }
}
