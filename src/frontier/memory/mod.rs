//! The frontier in memory: fast, and gone with the process.
//!
//! Tasks that have ended leave only their fingerprint behind.

mod calls;
mod ready;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::ready::{Place, Ready};
use super::fingerprint::Fingerprinter;
use super::known::FingerprintSet;
use super::{Claimed, DeadLetter, Fate, FeedCursor, FrontierError, Kept, Seeds, Settlement, Stats, Try};
use crate::clock::Timestamp;
use crate::record::{Seq, StoredRecord};
use crate::task::{Epoch, HostKey, NewTask, Task, TaskId};
use crate::verdict::Reason;

/// A task that has not ended.
struct Entry {
    task: Arc<Task>,
    place: Place,
    lease: Option<Lease>,
    tries: Vec<Try>,
    crashes: u32,
}

#[derive(Clone, Copy)]
struct Lease {
    epoch: Epoch,
    company: Company,
}

/// May other tasks be leased meanwhile?
#[derive(Clone, Copy, PartialEq, Eq)]
enum Company {
    Any,
    Alone,
}

/// All tasks of a run, in memory.
pub struct MemoryFrontier {
    fingerprints: Fingerprinter,
    seeds: Box<dyn Seeds>,
    known: FingerprintSet,
    live: HashMap<TaskId, Entry>,
    ready: Ready,
    delayed: BTreeSet<(Timestamp, TaskId)>,
    quarantine: BTreeSet<TaskId>,
    dead: Vec<DeadLetter>,
    feeds: BTreeMap<Arc<str>, FeedCursor>,
    kept: BTreeMap<(Arc<str>, Arc<str>), Kept>,
    stats: Stats,
    next_id: u64,
    next_front: i64,
    next_epoch: Epoch,
    through: Seq,
}

impl MemoryFrontier {
    /// Empty, with start URLs that are read as they are needed.
    pub fn new(fingerprints: Fingerprinter, seeds: Box<dyn Seeds>) -> Self {
        let stats = Stats { unread: seeds.unread(), ..Stats::default() };
        Self {
            fingerprints,
            seeds,
            known: FingerprintSet::default(),
            live: HashMap::new(),
            ready: Ready::default(),
            delayed: BTreeSet::new(),
            quarantine: BTreeSet::new(),
            dead: Vec::new(),
            feeds: BTreeMap::new(),
            kept: BTreeMap::new(),
            stats,
            next_id: 0,
            next_front: 0,
            next_epoch: Epoch::default(),
            through: Seq::default(),
        }
    }

    /// Takes a task in if it is new.
    fn insert(&mut self, new: NewTask) -> bool {
        if !self.known.insert(self.fingerprints.of(new.stage, &new.request)) {
            return false;
        }
        self.stats.found += 1;
        self.next_id += 1;
        if new.excluded.is_some() {
            self.stats.excluded += 1;
            return true;
        }
        let id = TaskId(self.next_id);
        let task = Arc::new(Task {
            id,
            stage: new.stage,
            host: HostKey::of(&new.request.url),
            request: new.request,
            priority: new.priority,
            depth: new.depth,
            meta: new.meta,
            referrer: new.referrer,
            start_url: new.start_url,
            attempts: 0,
            requests: 0,
        });
        let place = (Reverse(task.priority), i64::try_from(self.next_id).unwrap_or(i64::MAX));
        self.live.insert(id, Entry { task, place, lease: None, tries: Vec::new(), crashes: 0 });
        self.make_ready(id);
        true
    }

    fn make_ready(&mut self, id: TaskId) {
        let Some(entry) = self.live.get(&id) else { return };
        self.ready.put(&entry.task.host, entry.place, id);
        self.stats.ready += 1;
    }

    fn promote(&mut self, now: Timestamp) {
        while let Some(&(due, id)) = self.delayed.first()
            && due <= now
        {
            self.delayed.pop_first();
            self.stats.delayed -= 1;
            self.make_ready(id);
        }
    }

    /// Reads start URLs until `n` tasks are ready or none is left.
    fn read_seeds(&mut self, n: usize) -> Result<(), FrontierError> {
        while self.stats.unread != Some(0) && self.stats.ready < n as u64 {
            match self.seeds.next().transpose().map_err(FrontierError::Seeds)? {
                Some(seed) => {
                    self.insert(seed);
                    self.stats.unread = self.seeds.unread();
                }
                None => self.stats.unread = Some(0),
            }
        }
        Ok(())
    }

    fn lease(&mut self, id: TaskId, company: Company) -> Option<Claimed> {
        self.next_epoch = self.next_epoch.next();
        self.stats.leased += 1;
        let entry = self.live.get_mut(&id)?;
        entry.lease = Some(Lease { epoch: self.next_epoch, company });
        Some(Claimed { task: Arc::clone(&entry.task), epoch: self.next_epoch })
    }

    fn lease_ready(&mut self, n: usize, barred: &[HostKey]) -> Vec<Claimed> {
        let mut tasks = Vec::new();
        while tasks.len() < n
            && let Some(id) = self.ready.take(barred)
        {
            self.stats.ready -= 1;
            tasks.extend(self.lease(id, Company::Any));
        }
        tasks
    }

    fn lease_alone(&mut self, barred: &[HostKey]) -> Option<Claimed> {
        let admitted = |id: &&TaskId| self.live.get(id).is_some_and(|entry| !barred.contains(&entry.task.host));
        let id = *self.quarantine.iter().find(admitted)?;
        self.quarantine.remove(&id);
        self.stats.quarantined -= 1;
        self.stats.alone = 1;
        self.lease(id, Company::Alone)
    }

    fn end_lease(&mut self, company: Company) {
        self.stats.leased -= 1;
        if company == Company::Alone {
            self.stats.alone = 0;
        }
    }

    fn isolate(&mut self, id: TaskId) {
        self.quarantine.insert(id);
        self.stats.quarantined += 1;
    }

    fn bury(&mut self, task: Arc<Task>, reason: Reason, tries: Vec<Try>) {
        self.stats.dead += 1;
        self.dead.push(DeadLetter { task, reason, tries });
    }

    fn settle(&mut self, settlement: &Settlement, records: &mut Vec<StoredRecord>) -> Option<usize> {
        let lease = self.live.get(&settlement.task)?.lease.filter(|lease| lease.epoch == settlement.epoch)?;
        let mut entry = self.live.remove(&settlement.task)?;
        self.end_lease(lease.company);
        entry.tries.extend(settlement.tries.iter().cloned());
        match &settlement.fate {
            Fate::Done => self.stats.done += 1,
            Fate::Gone(_) => self.stats.gone += 1,
            Fate::Excluded(_) => self.stats.excluded += 1,
            Fate::Dead(reason) => {
                let task = Arc::new(Task { requests: settlement.requests, ..Task::clone(&entry.task) });
                self.bury(task, reason.clone(), entry.tries);
            }
            Fate::Retry { not_before, attempts } => {
                let (attempts, requests) = (*attempts, settlement.requests);
                entry.task = Arc::new(Task { attempts, requests, ..Task::clone(&entry.task) });
                entry.lease = None;
                // It was alone and nothing broke.
                if lease.company == Company::Alone {
                    entry.crashes = 0;
                }
                self.live.insert(settlement.task, entry);
                self.delayed.insert((*not_before, settlement.task));
                self.stats.delayed += 1;
            }
        }
        for record in &settlement.records {
            self.through = Seq(self.through.0 + 1);
            self.stats.records += 1;
            records.push(StoredRecord { seq: self.through, record: Arc::new(record.clone()) });
        }
        Some(settlement.links.iter().filter(|link| self.insert((*link).clone())).count())
    }
}

#[cfg(test)]
impl MemoryFrontier {
    /// The hosts of ready tasks.
    pub(crate) fn ready_hosts(&self) -> impl Iterator<Item = &HostKey> {
        self.ready.hosts()
    }
}

#[cfg(test)]
mod tests;
