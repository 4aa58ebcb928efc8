//! What people should know about the start of a feed.
//!
//! In comes what was found at its place; out go sentences. Who says them, and where, is not known here.

use std::fmt;
use std::path::PathBuf;

use super::standing::Why;
use crate::record::Seq;

/// How a feed starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedNote {
    /// Its file.
    pub feed: PathBuf,
    /// How.
    pub start: Start,
}

/// How a feed starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With a file of its own.
    New,
    /// Behind so many bytes that are not ours.
    Appended(u64),
    /// While the run was under way: it gets what the others have had.
    Added,
    /// Where it was.
    Resumed {
        /// The last record that is in it.
        through: Seq,
        /// Bytes that were written but never recorded, and are cut off.
        cut: u64,
    },
    /// From the beginning.
    Rebuilt(Why),
    /// As a stream.
    Stream,
    /// Not any more.
    Dropped,
}

impl Start {
    /// Its name in the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Appended(_) => "appended",
            Self::Added => "added",
            Self::Resumed { .. } => "resumed",
            Self::Rebuilt(_) => "rebuilt",
            Self::Stream => "stream",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::New => f.write_str("begins"),
            Self::Appended(bytes) => write!(f, "begins behind the {bytes} bytes that are there"),
            Self::Added => f.write_str("is new and gets all records of the run so far"),
            Self::Resumed { through, cut: 0 } => write!(f, "goes on behind record {}", through.0),
            Self::Resumed { through, cut } => {
                write!(f, "goes on behind record {}; {cut} bytes after it were not recorded and are written again", through.0)
            }
            Self::Rebuilt(Why::Columns) => f.write_str("is written anew, because its columns or its format have changed"),
            Self::Rebuilt(Why::Missing) => f.write_str("is written anew, because its file is gone"),
            Self::Rebuilt(Why::Damaged) => f.write_str(
                "is written anew, because its file is not as it was left; that is kept beside it as .replaced-1 or higher",
            ),
            Self::Stream => f.write_str("is a stream: after a crash some records may come twice"),
            Self::Dropped => f.write_str("is not listed any more; its file stays as it is"),
        }
    }
}
