//! A party to an outage: what may be down as a whole, while no page and no proxy is at fault.
//!
//! A plain word of the guard, the log and the heartbeat.

use std::fmt;

use crate::task::HostKey;

/// Fewer proxies that cannot be reached may have died, each by itself.
const LINES: usize = 3;

/// What may be down.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// Our own line: nothing reaches any proxy.
    Line,
    /// A host: nothing that it answers is of use.
    Host(HostKey),
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line => f.write_str("our own line"),
            Self::Host(host) => host.fmt(f),
        }
    }
}

impl Party {
    /// So many trusted proxies there must be for their failing to say something.
    pub(super) const fn fewest(&self) -> usize {
        match self {
            Self::Line => LINES,
            Self::Host(_) => 1,
        }
    }
}
