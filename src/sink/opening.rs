//! The opening of the feeds, in two halves: first all are looked at, then all are made to go on.
//!
//! In comes what is planned and what the store keeps; out go changes for the store, to be committed between the two halves, and
//! open feeds. Until they are committed nothing is written: a line of ours in a file without a cursor would be taken for
//! somebody else's at the next start.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::feeds::{Feeds, Open, Place};
use super::file::{Extent, FeedFile, Nature};
use super::kept::{Mark, Records, Source};
use super::lines::{Layout, LineFeed};
use super::notes::{FeedNote, Start};
use super::plan::{Form, Planned};
use super::sqlite::FoundDatabase;
use super::standing::{Found, Standing, Why};
use super::{Feed, FeedError};
use crate::frontier::{FeedChange, FeedCursor, FeedNames};
use crate::protocol::FeedId;
use crate::record::Seq;

/// Feeds that have been looked at.
pub struct Opening {
    ready: Vec<Ready>,
    names: FeedNames,
    changes: Vec<FeedChange>,
    notes: Vec<FeedNote>,
    reader: Option<Box<dyn Records>>,
}

/// A feed that has been looked at.
struct Ready {
    id: FeedId,
    path: PathBuf,
    cursor: FeedCursor,
    what: What,
}

enum What {
    Lines(Layout, Found),
    Tables(FoundDatabase),
}

/// What a store can still give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum History {
    Whole,
    Rest,
}

impl Opening {
    pub(super) fn new(planned: Vec<Planned>, kept: &[FeedCursor], source: Source) -> Result<Self, FeedError> {
        let (history, reader) = match source {
            Source::Orders => (History::Rest, None),
            Source::All(reader) => (History::Whole, Some(reader)),
            Source::Undelivered(reader) => (History::Rest, Some(reader)),
        };
        let ready = planned.into_iter().map(|planned| Ready::look(planned, kept)).collect::<Result<Vec<_>, _>>()?;
        if history == History::Rest {
            ready.iter().try_for_each(|ready| ready.needs_no_history(kept))?;
        }
        let notes = ready.iter().map(|ready| ready.note(kept)).collect();
        let names = FeedNames::new(ready.iter().map(|ready| ready.cursor.clone()).collect());
        let mut opening = Self { ready, names, changes: Vec::new(), notes, reader };
        opening.settle_changes(kept);
        Ok(opening)
    }

    /// What is to be committed before [`Opening::start`].
    pub fn changes(&self) -> &[FeedChange] {
        &self.changes
    }

    /// What people should know about it.
    pub fn notes(&self) -> &[FeedNote] {
        &self.notes
    }

    /// What turns a cursor that the sink reports into what is kept.
    pub const fn names(&self) -> &FeedNames {
        &self.names
    }

    /// Makes all feeds go on where their cursors are. The changes are committed by now.
    ///
    /// # Errors
    /// Those of the file system. The next start can do it again.
    pub fn start(self) -> Result<Feeds, FeedError> {
        let reader = self.reader;
        let start = |ready: Ready| ready.start(if reader.is_some() { Place::Behind } else { Place::Level });
        let open = self.ready.into_iter().map(start).collect::<Result<Vec<_>, _>>()?;
        Ok(Feeds::new(open, reader))
    }

    fn settle_changes(&mut self, kept: &[FeedCursor]) {
        for ready in &self.ready {
            let known = kept.iter().find(|known| known.feed == ready.cursor.feed);
            // What is built anew keeps its old cursor until it is in place, so that the old file is good until then.
            let current = known.is_some_and(|known| known.columns == ready.cursor.columns);
            if !current && !ready.is_building() {
                self.changes.push(FeedChange::At(ready.cursor.clone()));
            }
        }
        let listed: HashSet<_> = self.ready.iter().map(|ready| &ready.cursor.feed).collect();
        for known in kept.iter().filter(|known| !listed.contains(&known.feed)) {
            self.changes.push(FeedChange::Dropped(Arc::clone(&known.feed)));
            let path = known.feed.split_once(':').map_or(&*known.feed, |(_, path)| path);
            self.notes.push(FeedNote { feed: path.into(), start: Start::Dropped });
        }
    }
}

impl Ready {
    fn look(planned: Planned, kept: &[FeedCursor]) -> Result<Self, FeedError> {
        let Planned { id, kind, path, form, if_exists } = planned;
        let file = FeedFile::open(&path)?;
        let feed: Arc<str> = format!("{}:{}", kind.as_str(), name(file.place())).into();
        let known = kept.iter().find(|known| known.feed == feed);
        let (what, mark) = match form {
            Form::Lines(layout) => {
                let found = Found::look(file, known, &layout, if_exists)?;
                let mark = Mark { digest: layout.digest(), base: found.base };
                (What::Lines(layout, found), mark)
            }
            Form::Tables(columns) => {
                let found = FoundDatabase::look(&file, known, columns, if_exists, fastrand::u64(1..))?;
                let mark = found.mark();
                (What::Tables(found), mark)
            }
        };
        let (through, Extent { bytes, tail }) = what.recorded(known);
        let cursor = FeedCursor { feed, columns: mark.to_string().into(), through, bytes, tail };
        Ok(Self { id, path, cursor, what })
    }

    fn needs_no_history(&self, kept: &[FeedCursor]) -> Result<(), FeedError> {
        let known = kept.iter().find(|known| known.feed == self.cursor.feed);
        let why = match self.what.standing() {
            Standing::New if kept.is_empty() || known.is_some() => return Ok(()),
            Standing::New => "it was added later",
            Standing::Recorded { .. } if known.is_none_or(|known| known.through <= self.cursor.through) => {
                return Ok(());
            }
            Standing::Recorded { .. } => "it is an older copy",
            Standing::Rebuilt(Why::Columns) => "its columns have changed",
            Standing::Rebuilt(Why::Missing) => "its file is gone",
            Standing::Rebuilt(Why::Damaged) => "its file is not as it was left",
        };
        Err(FeedError::NotKept { path: self.path.clone(), why })
    }

    fn note(&self, kept: &[FeedCursor]) -> FeedNote {
        let start = match (self.what.standing(), &self.what) {
            (_, What::Lines(_, found)) if found.file.nature() == Nature::Stream => Start::Stream,
            (Standing::New, What::Lines(_, found)) if found.base.bytes > 0 => Start::Appended(found.base.bytes),
            (Standing::New, _) if !kept.is_empty() => Start::Added,
            (Standing::New, _) => Start::New,
            (Standing::Recorded { cut, .. }, _) => Start::Resumed { through: self.cursor.through, cut },
            (Standing::Rebuilt(why), _) => Start::Rebuilt(why),
        };
        FeedNote { feed: self.path.clone(), start }
    }

    /// Does it grow beside its place?
    fn is_building(&self) -> bool {
        matches!(self.what, What::Lines(..)) && matches!(self.what.standing(), Standing::Rebuilt(_))
    }

    fn start(self, place: Place) -> Result<Open, FeedError> {
        let place = if self.is_building() { Place::Building } else { place };
        let feed: Box<dyn Feed> = match self.what {
            What::Lines(layout, found) => Box::new(LineFeed::start(layout, found)?),
            What::Tables(found) => Box::new(found.start()?),
        };
        Ok(Open { id: self.id, path: self.path, feed, through: self.cursor.through, place, reported: None })
    }
}

impl What {
    const fn standing(&self) -> Standing {
        match self {
            Self::Lines(_, found) => found.standing,
            Self::Tables(found) => found.standing,
        }
    }

    /// How far it is, before anything is written now.
    fn recorded(&self, known: Option<&FeedCursor>) -> (Seq, Extent) {
        match (self, self.standing()) {
            (Self::Tables(found), _) => (found.through, Extent::default()),
            (Self::Lines(_, found), Standing::New | Standing::Rebuilt(_)) => (Seq(0), found.base),
            (Self::Lines(_, found), Standing::Recorded { .. }) => known
                .map_or((Seq(0), found.base), |known| (known.through, Extent { bytes: known.bytes, tail: known.tail })),
        }
    }
}

/// A path as part of a feed's name: itself, or with what is no text in it spelled out.
fn name(place: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;

    let spelled = || percent_encoding::percent_encode(place.as_os_str().as_bytes(), percent_encoding::CONTROLS);
    place.to_str().map_or_else(|| spelled().to_string(), str::to_owned)
}
