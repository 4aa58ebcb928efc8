//! How a file stands to what is kept of it: new, as recorded, or to be built anew.
//!
//! In come an open file and its cursor; out goes what to do. Nothing is changed here.

use std::io::Read;

use super::file::{Extent, FeedFile, Nature};
use super::kept::Mark;
use super::lines::Layout;
use super::{FeedError, csv, frames};
use crate::config::{Compress, IfExists};
use crate::frontier::FeedCursor;

/// Why a feed is built anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its columns or its format have changed.
    Columns,
    /// Nothing is there any more.
    Missing,
    /// What is there is not what was recorded: shorter, or with another end.
    Damaged,
}

/// What is at the place of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing of ours.
    New,
    /// All that is recorded, and `cut` bytes that never were.
    Recorded {
        /// How many bytes are recorded.
        bytes: u64,
        /// How many are not.
        cut: u64,
    },
    /// Not what there should be.
    Rebuilt(Why),
}

/// What comes before the first record that is written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing.
    Nothing,
    /// The end of somebody else's last line.
    LineEnd,
    /// What a file begins with.
    Head,
}

/// A file that has been looked at.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) file: FeedFile,
    pub(super) standing: Standing,
    /// What is in it before our first byte.
    pub(super) base: Extent,
    pub(super) before: Before,
}

impl Found {
    /// Looks at a file, of which `kept` is recorded.
    ///
    /// # Errors
    /// [`FeedError::Occupied`] or [`FeedError::OtherColumns`] if it is not ours to write to; those of the file system.
    pub(super) fn look(
        mut file: FeedFile,
        kept: Option<&FeedCursor>,
        layout: &Layout,
        if_exists: IfExists,
    ) -> Result<Self, FeedError> {
        if file.nature() == Nature::Stream {
            return Ok(Self::stream(file, kept, layout));
        }
        let failed = FeedError::io(file.path(), "read");
        let (standing, base) = match kept {
            Some(kept) => recorded(&mut file, kept, layout.digest()).map_err(failed)?,
            None if file.bytes() > 0 && if_exists == IfExists::Refuse => {
                return Err(FeedError::Occupied { path: file.path().to_owned() });
            }
            None => (Standing::New, file.extent()),
        };
        let before = match standing {
            Standing::Recorded { bytes, .. } if bytes > base.bytes => Before::Nothing,
            _ if base.bytes == 0 => Before::Head,
            _ => behind(&mut file, base.bytes, layout)?,
        };
        Ok(Self { file, standing, base, before })
    }

    /// What went into a stream is gone: it can only go on.
    fn stream(file: FeedFile, kept: Option<&FeedCursor>, layout: &Layout) -> Self {
        let same = |kept: &FeedCursor| Mark::read(&kept.columns).is_some_and(|mark| mark.digest == layout.digest());
        let before = match kept {
            Some(kept) if kept.bytes > 0 && same(kept) => Before::Nothing,
            _ => Before::Head,
        };
        let standing = kept.map_or(Standing::New, |kept| Standing::Recorded { bytes: kept.bytes, cut: 0 });
        Self { file, standing, base: Extent::default(), before }
    }
}

fn recorded(file: &mut FeedFile, kept: &FeedCursor, digest: u128) -> std::io::Result<(Standing, Extent)> {
    let mark = Mark::read(&kept.columns);
    let base = mark.map_or_else(Extent::default, |mark| mark.base);
    let base = if file.extent_at(base.bytes)? == Some(base) { base } else { Extent::default() };
    let FeedCursor { bytes, tail, .. } = *kept;
    let standing = if file.extent_at(bytes)? != Some(Extent { bytes, tail }) {
        Standing::Rebuilt(if file.bytes() == 0 { Why::Missing } else { Why::Damaged })
    } else if mark.is_none_or(|mark| mark.digest != digest) {
        Standing::Rebuilt(Why::Columns)
    } else {
        Standing::Recorded { bytes, cut: file.bytes() - bytes }
    };
    Ok((standing, base))
}

/// May our lines come behind somebody else's, and how do those end?
fn behind(file: &mut FeedFile, bytes: u64, layout: &Layout) -> Result<Before, FeedError> {
    let (path, failed) = (file.path().to_owned(), FeedError::io(file.path(), "read"));
    if layout.format.has_header() {
        let text = file.head(bytes).and_then(|head| frames::text(layout.compress, head)).map_err(&failed)?;
        if let Some(found) = csv::other_header(&layout.columns, text).map_err(&failed)? {
            let wanted = layout.columns.header().collect::<Vec<_>>().join(",");
            return Err(FeedError::OtherColumns { path, found, wanted });
        }
    }
    let last = match layout.compress {
        Compress::None => file.byte_before(bytes),
        _ => file.head(bytes).and_then(|head| last_byte(frames::text(layout.compress, head)?)),
    };
    Ok(if last.map_err(failed)?.is_none_or(|last| last == b'\n') { Before::Nothing } else { Before::LineEnd })
}

fn last_byte(mut text: impl Read) -> std::io::Result<Option<u8>> {
    let (mut buffer, mut last) = (vec![0; 64 * 1024], None);
    loop {
        match text.read(&mut buffer)? {
            0 => return Ok(last),
            count => last = Some(buffer[count - 1]),
        }
    }
}
