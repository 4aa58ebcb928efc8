//! All feeds of a run: what each has had, so that no record is in one twice, and which of them have failed.
//!
//! In come records in the store's order, maybe some of them again; out go reports for the dispatcher. It knows neither
//! actors nor formats.

use super::{Extent, Feed, FeedError};
use crate::protocol::{Cursor, FeedId, SinkReport};
use crate::record::{Seq, StoredRecord};

/// The open feeds. One that fails is dropped, and takes nothing more.
#[derive(Default)]
pub struct Feeds {
    open: Vec<Open>,
}

struct Open {
    id: FeedId,
    feed: Box<dyn Feed>,
    through: Seq,
}

impl Feeds {
    /// Feeds that have had nothing yet.
    pub fn new(feeds: impl IntoIterator<Item = (FeedId, Box<dyn Feed>)>) -> Self {
        let open = |(id, feed)| Open { id, feed, through: Seq::default() };
        Self { open: feeds.into_iter().map(open).collect() }
    }

    /// Gives new records to every feed that has not had them. They need not be durable before the next flush.
    /// Returns the feeds that failed.
    pub fn store(&mut self, through: Seq, records: &[StoredRecord]) -> Vec<SinkReport> {
        self.each(|open| open.store(through, records).err().map(|error| open.failed(&error)))
    }

    /// Makes every feed durable. Returns how far each one is, and the feeds that failed.
    pub fn flush(&mut self) -> Vec<SinkReport> {
        let mut flushed = Vec::new();
        let failed = self.each(|open| match open.feed.sync() {
            Ok(extent) => {
                flushed.push(open.flushed(extent));
                None
            }
            Err(error) => Some(open.failed(&error)),
        });
        flushed.into_iter().chain(failed).collect()
    }

    /// Completes every feed and closes it. Returns how far each one is, and the feeds that failed.
    pub fn close(&mut self) -> Vec<SinkReport> {
        self.open.drain(..).map(Open::close).collect()
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
    fn store(&mut self, through: Seq, records: &[StoredRecord]) -> Result<(), FeedError> {
        for stored in records {
            if stored.seq > self.through {
                self.feed.write(&stored.record)?;
                self.through = stored.seq;
            }
        }
        self.through = self.through.max(through);
        Ok(())
    }

    fn close(self) -> SinkReport {
        let Self { id, feed, through } = self;
        match feed.close() {
            Ok(Extent { bytes, tail }) => SinkReport::Flushed(Cursor { feed: id, through, bytes, tail }),
            Err(error) => SinkReport::FeedFailed { feed: id, error: error.to_string() },
        }
    }

    fn flushed(&self, Extent { bytes, tail }: Extent) -> SinkReport {
        SinkReport::Flushed(Cursor { feed: self.id, through: self.through, bytes, tail })
    }

    fn failed(&self, error: &FeedError) -> SinkReport {
        SinkReport::FeedFailed { feed: self.id, error: error.to_string() }
    }
}
