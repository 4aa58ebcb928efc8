//! All feeds of a run: what each has had, so that no record is in one twice, and which of them have failed.
//!
//! In come records in the store's order, maybe some of them again; out go reports for the dispatcher. What a feed lacks is read
//! from the store, in steps. It knows neither actors nor formats.

use std::path::PathBuf;

use super::kept::Records;
use super::{Extent, Feed, FeedError};
use crate::protocol::{Cursor, FeedId, SinkReport};
use crate::record::{Seq, StoredRecord};

/// How many records are read from the store in one step.
const STEP: usize = 1000;

/// The open feeds. One that fails is dropped, and takes nothing more.
#[derive(Default)]
pub struct Feeds {
    open: Vec<Open>,
    reader: Option<Box<dyn Records>>,
    /// The last record that is known to be in the store.
    stored: Seq,
    /// Has the store been read to its end once?
    explored: bool,
    turn: usize,
}

/// Which feeds are to be made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flush {
    /// Those that have enough for it to be worth its cost.
    Ripe,
    /// All of them.
    All,
}

/// Where a feed stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is built anew beside its old file, and nothing that it has counts yet.
    Building,
    /// It lacks records that are in the store.
    Behind,
    /// It has all that is known of.
    Level,
}

/// A feed in use.
pub(super) struct Open {
    pub(super) id: FeedId,
    /// Its name, for people.
    pub(super) path: PathBuf,
    pub(super) feed: Box<dyn Feed>,
    /// The last record that it has had.
    pub(super) through: Seq,
    pub(super) place: Place,
    /// Where it was when it was last told.
    pub(super) reported: Option<Seq>,
}

impl Feeds {
    /// These feeds, and a reader for what they lack.
    pub(super) fn new(open: Vec<Open>, reader: Option<Box<dyn Records>>) -> Self {
        let stored = open.iter().map(|open| open.through).max().unwrap_or_default();
        let explored = reader.is_none();
        Self { open, reader, stored, explored, turn: 0 }
    }

    /// Gives new records to every feed that has not had them, if they have come along. They need not be durable before the next
    /// flush. Returns the feeds that failed.
    pub fn store(&mut self, through: Seq, records: &[StoredRecord]) -> Vec<SinkReport> {
        let before = self.stored;
        self.stored = before.max(through);
        let along = self.reader.is_none() || !records.is_empty();
        self.each(|open| {
            if open.place == Place::Level && along && open.through >= before {
                return open.take(through, records).err().map(|error| open.failed(&error));
            }
            if open.place == Place::Level && open.through < through {
                open.place = Place::Behind;
            }
            None
        })
    }

    /// Does a feed lack records that are, or may be, in the store?
    pub fn is_behind(&self) -> bool {
        self.open.iter().any(|open| open.place != Place::Level)
    }

    /// Takes a step towards what is in the store. Returns the feeds that failed.
    pub fn catch_up(&mut self) -> Vec<SinkReport> {
        self.turn = self.turn.wrapping_add(1);
        let behind: Vec<_> = self.open.iter().filter(|open| open.place != Place::Level).collect();
        // In turn, so that one that has far to go holds up no other.
        let Some(after) = behind.get(self.turn % behind.len().max(1)).map(|open| open.through) else {
            return Vec::new();
        };
        let Some(reader) = &mut self.reader else { return Vec::new() };
        match reader.after(after, STEP) {
            Ok(records) => self.deal(after, &records),
            Err(error) => self.each(|open| {
                let lost = open.place != Place::Level;
                lost.then(|| open.failed(&FeedError::records(&open.path, &error)))
            }),
        }
    }

    /// Gives what was read from the store behind `after` to all that can go on with it.
    fn deal(&mut self, after: Seq, records: &[StoredRecord]) -> Vec<SinkReport> {
        self.explored |= records.is_empty();
        self.stored = self.stored.max(records.last().map_or(after, |last| last.seq));
        let (explored, stored) = (self.explored, self.stored);
        let at_end = records.is_empty();
        self.each(|open| {
            if open.place == Place::Level || open.through < after {
                return None;
            }
            let through = if at_end { stored } else { open.through };
            let mut taken = open.take(through, records);
            if taken.is_ok() && (at_end || (explored && open.through >= stored)) {
                taken = open.arrive();
            }
            taken.err().map(|error| open.failed(&error))
        })
    }

    /// Makes feeds durable. Returns how far each of them is, if that has not been told, and the feeds that failed.
    pub fn flush(&mut self, which: Flush) -> Vec<SinkReport> {
        let mut flushed = Vec::new();
        let failed = self.each(|open| match open.flush(which) {
            Ok(report) => {
                flushed.extend(report);
                None
            }
            Err(error) => Some(open.failed(&error)),
        });
        flushed.into_iter().chain(failed).collect()
    }

    /// Does a feed wait for more before it is worth a flush?
    pub fn holds_back(&self) -> bool {
        self.open.iter().any(|open| open.feed.is_short())
    }

    /// Completes every feed and closes it. Returns how far each one is, and the feeds that failed.
    pub fn close(&mut self) -> Vec<SinkReport> {
        self.open.drain(..).filter(|open| open.place != Place::Building).map(Open::close).collect()
    }

    /// Calls `work` on every feed, and drops those for which it returns a failure.
    fn each(&mut self, mut work: impl FnMut(&mut Open) -> Option<SinkReport>) -> Vec<SinkReport> {
        let mut failures = Vec::new();
        self.open.retain_mut(|open| match work(open) {
            Some(failure) => {
                failures.push(failure);
                false
            }
            None => true,
        });
        failures
    }
}

impl Open {
    fn take(&mut self, through: Seq, records: &[StoredRecord]) -> Result<(), FeedError> {
        for stored in records {
            if stored.seq > self.through {
                self.feed.write(&stored.record)?;
                self.through = stored.seq;
            }
        }
        self.through = self.through.max(through);
        Ok(())
    }

    /// It has all that is in the store.
    fn arrive(&mut self) -> Result<(), FeedError> {
        if self.place == Place::Building {
            self.feed.install()?;
        }
        self.place = Place::Level;
        Ok(())
    }

    fn flush(&mut self, which: Flush) -> Result<Option<SinkReport>, FeedError> {
        let waits = which == Flush::Ripe && self.feed.is_short();
        if waits || self.place == Place::Building || self.reported == Some(self.through) {
            return Ok(None);
        }
        let extent = self.feed.sync(self.through)?;
        self.reported = Some(self.through);
        Ok(Some(flushed(self.id, self.through, extent)))
    }

    fn close(self) -> SinkReport {
        let Self { id, feed, through, .. } = self;
        match feed.close(through) {
            Ok(extent) => flushed(id, through, extent),
            Err(error) => SinkReport::FeedFailed { feed: id, error: error.to_string() },
        }
    }

    fn failed(&self, error: &FeedError) -> SinkReport {
        SinkReport::FeedFailed { feed: self.id, error: error.to_string() }
    }
}

fn flushed(feed: FeedId, through: Seq, Extent { bytes, tail }: Extent) -> SinkReport {
    SinkReport::Flushed(Cursor { feed, through, bytes, tail })
}
