//! A store as the sink sees it, and lives of a sink that may end at any step.
//!
//! In come feeds and what happens to them; out goes what is in their files. Records are committed before the sink hears of
//! them, cursors after it has told them, and a life that ends leaves both as they are.

use std::io::Read;
use std::sync::Mutex;

use super::*;
use crate::frontier::{FeedChange, FeedCursor, FeedNames};
use crate::sink::{fault, frames};

/// What a crash may leave behind the last recorded byte, on a disk that lost power.
#[derive(Clone, Copy, Debug)]
pub(in crate::sink) enum Loss {
    Nothing,
    Half,
    Zeros,
}

/// What happens to a sink.
#[derive(Clone, Copy, Debug)]
pub(in crate::sink) enum Step {
    /// Records are committed and come along.
    Along(u64),
    /// Records are committed and have to be read.
    Apart(u64),
    CatchUp,
    Flush(Flush),
}

/// Committed records and cursors.
#[derive(Clone, Debug, Default)]
pub(in crate::sink) struct Shelf {
    pub(in crate::sink) kept: Vec<FeedCursor>,
    records: Arc<Mutex<Vec<StoredRecord>>>,
    removed: Arc<Mutex<Seq>>,
}

/// It is over: the process has ended.
#[derive(Debug)]
pub(in crate::sink) struct Ended(pub(in crate::sink) String);

impl Records for Shelf {
    fn after(&mut self, after: Seq, n: usize) -> Result<Vec<StoredRecord>, ReadError> {
        if after < *self.removed.lock().unwrap() {
            return Err("removed".into());
        }
        // In small pieces, as a store may do.
        let records = self.records.lock().unwrap();
        Ok(records.iter().filter(|stored| stored.seq > after).take(n.min(7)).cloned().collect())
    }
}

impl Shelf {
    pub(in crate::sink) fn source(&self) -> Source {
        Source::All(Box::new(self.clone()))
    }

    pub(in crate::sink) fn last(&self) -> Seq {
        self.records.lock().unwrap().last().map_or(Seq(0), |last| last.seq)
    }

    /// Commits so many records, every third of another stage, with gaps between their numbers.
    pub(in crate::sink) fn add(&self, count: u64) -> Vec<StoredRecord> {
        let first = self.last().0 + 2;
        let make =
            |seq| if seq % 3 == 0 { stored(seq, PERSON, vec![json!(format!("Person {seq}"))]) } else { film(seq) };
        let fresh: Vec<_> = (first..first + count).map(make).collect();
        self.records.lock().unwrap().extend(fresh.clone());
        fresh
    }

    pub(in crate::sink) fn commit(&mut self, change: FeedChange) -> Result<(), Ended> {
        fault::step().map_err(|error| Ended(error.to_string()))?;
        let name = match &change {
            FeedChange::At(cursor) => Arc::clone(&cursor.feed),
            FeedChange::Dropped(name) => Arc::clone(name),
        };
        self.kept.retain(|kept| kept.feed != name);
        if let FeedChange::At(cursor) = change {
            let path = Path::new(cursor.feed.split_once(':').unwrap().1);
            // Before the first record there may be bytes that are not ours.
            if path.is_file() && cursor.through > Seq(0) {
                assert!(cursor.bytes <= fault::durable(path), "{cursor:?} is ahead of the disk");
            }
            self.kept.push(cursor);
        }
        Ok(())
    }

    /// One life of a sink, up to an orderly end or its death.
    pub(in crate::sink) fn live(&mut self, feeds: &[config::Feed], steps: &[Step]) -> Result<(), Ended> {
        let ended = |error: FeedError| Ended(error.to_string());
        let opening = FeedPlan::new(feeds, &films()).unwrap().open(&self.kept, self.source()).map_err(ended)?;
        for change in opening.changes().to_vec() {
            self.commit(change)?;
        }
        let names = opening.names().clone();
        let mut open = opening.start().map_err(ended)?;
        for step in steps {
            let reports = match *step {
                Step::Along(count) => {
                    let records = self.add(count);
                    open.store(self.last(), &records)
                }
                Step::Apart(count) => {
                    self.add(count);
                    open.store(self.last(), &[])
                }
                Step::CatchUp => open.catch_up(),
                Step::Flush(which) => open.flush(which),
            };
            self.heed(&names, reports)?;
        }
        while open.is_behind() {
            let reports = open.catch_up();
            self.heed(&names, reports)?;
        }
        let reports = open.close();
        self.heed(&names, reports)
    }

    fn heed(&mut self, names: &FeedNames, reports: Vec<SinkReport>) -> Result<(), Ended> {
        for report in reports {
            match report {
                SinkReport::Flushed(cursor) => self.commit(FeedChange::At(names.at(&cursor).unwrap()))?,
                SinkReport::FeedFailed { error, .. } => return Err(Ended(error)),
                other => panic!("{other:?} is no report of a feed"),
            }
        }
        Ok(())
    }

    /// What a disk does to bytes that were never synced.
    pub(in crate::sink) fn lose(&self, feed: &config::Feed, loss: Loss) {
        let name = format!("{}:{}", feed.kind.as_str(), feed.path.display());
        let recorded = self.kept.iter().find(|kept| *kept.feed == *name).map(|kept| kept.bytes);
        let (Some(recorded), Ok(mut content)) = (recorded, fs::read(&feed.path)) else { return };
        let recorded = usize::try_from(recorded).unwrap();
        if feed.kind == FeedKind::Sqlite || content.len() <= recorded {
            return;
        }
        match loss {
            Loss::Nothing => {}
            Loss::Half => content.truncate(recorded + (content.len() - recorded) / 2),
            Loss::Zeros => content[recorded..].fill(0),
        }
        fs::write(&feed.path, content).unwrap();
    }

    /// Only what no feed has had is left.
    pub(in crate::sink) fn remove_delivered(&self) {
        let slowest = self.kept.iter().map(|kept| kept.through).min().unwrap_or_default();
        *self.removed.lock().unwrap() = slowest;
        self.records.lock().unwrap().retain(|stored| stored.seq > slowest);
    }

    /// How many films there are.
    pub(in crate::sink) fn films(&self) -> usize {
        self.records.lock().unwrap().iter().filter(|stored| stored.record.stage == DETAIL).count()
    }

    /// Is every film of the store in the feed, once and in order?
    #[track_caller]
    pub(in crate::sink) fn expect_exact(&self, feed: &config::Feed) {
        let films = self.records.lock().unwrap();
        let wanted: Vec<_> = films.iter().filter(|stored| stored.record.stage == DETAIL).map(url).collect();
        assert_eq!(urls(feed), wanted);
    }
}

fn url(stored: &StoredRecord) -> String {
    stored.record.provenance.url.to_string()
}

/// The text of a file of lines.
pub(in crate::sink) fn text(feed: &config::Feed) -> String {
    let mut text = String::new();
    let bytes = fs::read(&feed.path).unwrap();
    frames::text(feed.compress, &*bytes).unwrap().read_to_string(&mut text).unwrap();
    text
}

/// The addresses in a feed, from first to last. Half a line, a second header or a broken frame is a panic.
pub(in crate::sink) fn urls(feed: &config::Feed) -> Vec<String> {
    match feed.kind {
        FeedKind::Jsonl => {
            let text = text(feed);
            assert!(text.is_empty() || text.ends_with('\n'));
            let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["url"].as_str().unwrap().to_owned();
            text.lines().map(of).collect()
        }
        FeedKind::Csv => {
            let text = text(feed);
            assert_eq!(text.matches("title").count(), 1, "one header: {text}");
            let mut reader = ::csv::Reader::from_reader(text.as_bytes());
            let at = reader.headers().unwrap().iter().position(|name| name == "url").unwrap();
            reader.records().map(|row| row.unwrap()[at].to_owned()).collect()
        }
        FeedKind::Sqlite => column(&feed.path, "SELECT url FROM detail ORDER BY rowid"),
    }
}

pub(in crate::sink) fn column(path: &Path, query: &str) -> Vec<String> {
    let database = rusqlite::Connection::open(path).unwrap();
    let mut query = database.prepare(query).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// Memory instead of a disk where there is: these tests sync thousands of times.
pub(in crate::sink) fn folder() -> TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { TempDir::new_in(memory).unwrap() } else { TempDir::new().unwrap() }
}

/// A feed of every kind, in one folder.
pub(in crate::sink) fn every_kind(folder: &TempDir) -> Vec<config::Feed> {
    let at = |name: &str| folder.path().canonicalize().unwrap().join(name);
    let compressed = |kind, name: &str, compress| config::Feed { compress, ..feed(kind, at(name)) };
    vec![
        feed(FeedKind::Jsonl, at("a.jsonl")),
        feed(FeedKind::Csv, at("a.csv")),
        compressed(FeedKind::Jsonl, "a.jsonl.zst", Compress::Zstd),
        compressed(FeedKind::Csv, "a.csv.gz", Compress::Gzip),
        feed(FeedKind::Sqlite, at("a.db")),
    ]
}
