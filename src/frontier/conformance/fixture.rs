//! A story teller's words for frontiers: start lists, pages with links, and ends of leases.

use std::io;
use std::sync::Arc;

use serde_json::json;

use crate::address::StartMark;
use crate::clock::Timestamp;
use crate::frontier::fingerprint::Fingerprinter;
use crate::frontier::{
    Batch, Claimed, Committed, DeadLetter, Fate, FeedCursor, Frontier, Kept, Seeds, Settlement, Stats, Try,
};
use crate::record::{Provenance, Record, Seq, StoredRecord};
use crate::task::{NewTask, Request, StageId};
use crate::verdict::Reason;

/// How a process leaves its frontier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Closed.
    Orderly,
    /// As by `kill -9`.
    Killed,
}

/// A kind of frontier, and what can be done to it.
pub(crate) trait Backend {
    type Store: Frontier;

    /// A new, empty frontier.
    fn open(&mut self, seeds: List) -> Self::Store;

    /// The frontier of the next process, after the last one has ended; not recovered yet.
    fn reopen(&mut self, store: Self::Store, end: End, seeds: List) -> Self::Store;

    /// Makes the `n`-th step of a write from here on fail, until it is mended. False: nothing of it can fail.
    fn sabotage(&mut self, store: &mut Self::Store, n: u32) -> bool;

    /// Lets all writes succeed again.
    fn mend(&mut self, store: &mut Self::Store);

    /// The counters, counted.
    fn count(&self, store: &Self::Store) -> Stats;

    /// All records that are kept; `None` if they are not.
    fn records(&self, store: &Self::Store) -> Option<Vec<StoredRecord>> {
        store.reader().unwrap().map(|mut reader| reader.records(Seq(0), usize::MAX).unwrap())
    }
}

pub(crate) fn at(secs: u64) -> Timestamp {
    Timestamp::from_micros(secs * 1_000_000)
}

pub(crate) fn fingerprints() -> Fingerprinter {
    Fingerprinter::new([3; 16], vec!["list".into(), "detail".into()])
}

/// A task found at the beginning.
pub(crate) fn seed(url: &str) -> NewTask {
    NewTask {
        stage: StageId(0),
        request: Request::get(url.parse().unwrap()),
        priority: 0,
        depth: 0,
        meta: Arc::default(),
        referrer: None,
        start_url: url.parse::<url::Url>().unwrap().as_str().into(),
        excluded: None,
    }
}

/// A start list, read up to some place.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    seeds: Vec<NewTask>,
    mark: StartMark,
}

impl List {
    pub(crate) fn of(urls: &[&str]) -> Self {
        Self { seeds: urls.iter().map(|url| seed(url)).collect(), mark: StartMark::default() }
    }

    /// The same list, from `mark` on if it begins as it did then.
    pub(crate) fn from(mut self, mark: StartMark) -> Self {
        while self.mark.read < mark.read && self.next().is_some() {}
        if self.mark != mark {
            self.mark = StartMark::default();
        }
        self
    }
}

impl Iterator for List {
    type Item = io::Result<NewTask>;

    fn next(&mut self) -> Option<Self::Item> {
        let seed = self.seeds.get(usize::try_from(self.mark.read).unwrap())?;
        self.mark = self.mark.after(seed.request.url.as_str());
        Some(Ok(seed.clone()))
    }
}

impl Seeds for List {
    fn unread(&self) -> Option<u64> {
        Some(self.seeds.len() as u64 - self.mark.read)
    }

    fn mark(&self) -> StartMark {
        self.mark
    }
}

/// A link on the page of `from`.
pub(crate) fn link(from: &Claimed, url: &str) -> NewTask {
    let task = &from.task;
    NewTask {
        stage: StageId(1),
        depth: task.depth + 1,
        referrer: Some(task.request.url.as_str().into()),
        start_url: Arc::clone(&task.start_url),
        ..seed(url)
    }
}

/// The end of a lease, with nothing on the page.
pub(crate) fn end(claimed: &Claimed, fate: Fate) -> Settlement {
    let (task, epoch) = (claimed.task.id, claimed.epoch);
    let (links, records, tries) = (Vec::new(), Vec::new(), Vec::new());
    Settlement { task, epoch, fate, links, records, requests: claimed.task.requests + 1, tries }
}

/// A page with these links and one record.
pub(crate) fn page(claimed: &Claimed, links: &[&str]) -> Settlement {
    let task = &claimed.task;
    let provenance = Provenance {
        url: task.request.url.as_str().into(),
        fetched_at: at(1),
        proxy: "gw:7777".into(),
        status: 200,
        attempts: task.attempts + 1,
        referrer: task.referrer.clone(),
        start_url: Arc::clone(&task.start_url),
    };
    let values = vec![json!(task.request.url.as_str()), json!(null), json!(0.1), json!(["ä", "b"])];
    let record = Record { task: task.id, index: 0, stage: task.stage, provenance: Arc::new(provenance), values };
    let links = links.iter().map(|url| link(claimed, url)).collect();
    Settlement { links, records: vec![record], ..end(claimed, Fate::Done) }
}

pub(crate) fn again(claimed: &Claimed, secs: u64) -> Settlement {
    let tries = vec![Try {
        at: at(secs),
        proxy: "p1".into(),
        verdict: "doubtful".into(),
        reason: Reason::new("timeout", "no head within 15 s"),
    }];
    let fate = Fate::Retry { not_before: at(secs), attempts: claimed.task.attempts + 1 };
    Settlement { tries, ..end(claimed, fate) }
}

/// Commits pages, all of them under current leases; gives how many links were new.
pub(crate) fn commit(store: &mut impl Frontier, pages: &[Settlement]) -> usize {
    let Committed { new_links, .. } = store.commit(&Batch::of_pages(pages), at(0)).unwrap();
    new_links.iter().map(|new| new.expect("a current lease")).sum()
}

pub(crate) fn claim(store: &mut impl Frontier, n: usize) -> Vec<Claimed> {
    store.claim(n, at(0), &[]).unwrap().tasks
}

pub(crate) fn claim_one(store: &mut impl Frontier) -> Claimed {
    let mut tasks = claim(store, 1);
    tasks.pop().expect("a task")
}

/// Paths of what is claimed, in order.
pub(crate) fn paths(tasks: &[Claimed]) -> Vec<&str> {
    tasks.iter().map(|claimed| claimed.task.request.url.path()).collect()
}

/// All that can be seen of a frontier from outside.
pub(crate) struct View {
    pub(crate) stats: Stats,
    pub(crate) dead: Vec<DeadLetter>,
    pub(crate) feeds: Vec<FeedCursor>,
    pub(crate) kept: Vec<Kept>,
}

impl View {
    pub(crate) fn of(store: &impl Frontier) -> Self {
        let (dead, feeds) = (store.dead_letters().unwrap(), store.feeds().unwrap());
        Self { stats: store.stats(), dead, feeds, kept: store.kept("health").unwrap() }
    }

    /// All of it, to compare; what was kept by its values, which its own text does not show.
    pub(crate) fn text(&self) -> String {
        let values: Vec<_> = self.kept.iter().map(|kept| (&kept.key, &kept.value)).collect();
        format!("{:?} {:?} {:?} {values:?}", self.stats, self.dead, self.feeds)
    }
}
