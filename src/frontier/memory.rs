//! The frontier in memory: fast, and gone with the process.
//!
//! Tasks that have ended leave only their fingerprint behind.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use super::fingerprint::{Fingerprint, Fingerprinter};
use super::{Claim, Claimed, Committed, DeadLetter, Fate, Frontier, FrontierError, Seeds, Settlement, Stats, Try};
use crate::clock::Timestamp;
use crate::protocol::Cursor;
use crate::record::{Seq, StoredRecord};
use crate::task::{Epoch, HostKey, NewTask, Task, TaskId};

/// Order within a host: priority, then first in, first out.
type Place = (Reverse<i32>, i64);

/// A task that has not ended.
struct Entry {
    task: Arc<Task>,
    place: Place,
    lease: Option<Epoch>,
    tries: Vec<Try>,
}

/// All tasks of a run, in memory.
pub struct MemoryFrontier {
    fingerprints: Fingerprinter,
    seeds: Box<dyn Seeds>,
    known: HashSet<Fingerprint>,
    live: HashMap<TaskId, Entry>,
    ready: HashMap<HostKey, BTreeMap<Place, TaskId>>,
    turns: VecDeque<HostKey>,
    delayed: BTreeSet<(Timestamp, TaskId)>,
    dead: Vec<DeadLetter>,
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
            known: HashSet::new(),
            live: HashMap::new(),
            ready: HashMap::new(),
            turns: VecDeque::new(),
            delayed: BTreeSet::new(),
            dead: Vec::new(),
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
        self.live.insert(id, Entry { task, place, lease: None, tries: Vec::new() });
        self.make_ready(id);
        true
    }

    fn make_ready(&mut self, id: TaskId) {
        let Some(entry) = self.live.get(&id) else { return };
        let host = &entry.task.host;
        let queue = self.ready.entry(host.clone()).or_insert_with(|| {
            self.turns.push_back(host.clone());
            BTreeMap::new()
        });
        queue.insert(entry.place, id);
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

    /// The best task of the host whose turn it is, barred ones aside.
    fn take(&mut self, barred: &[HostKey]) -> Option<TaskId> {
        for _ in 0..self.turns.len() {
            let host = self.turns.pop_front()?;
            if barred.contains(&host) {
                self.turns.push_back(host);
                continue;
            }
            let queue = self.ready.get_mut(&host)?;
            let taken = queue.pop_first();
            if queue.is_empty() {
                self.ready.remove(&host);
            } else {
                self.turns.push_back(host);
            }
            if let Some((_, id)) = taken {
                return Some(id);
            }
        }
        None
    }

    fn settle(&mut self, settlement: &Settlement, records: &mut Vec<StoredRecord>) -> Option<usize> {
        let leased = self.live.get(&settlement.task).is_some_and(|entry| entry.lease == Some(settlement.epoch));
        if !leased {
            return None;
        }
        let mut entry = self.live.remove(&settlement.task)?;
        self.stats.leased -= 1;
        entry.tries.extend(settlement.tries.iter().cloned());
        match &settlement.fate {
            Fate::Done => self.stats.done += 1,
            Fate::Gone(_) => self.stats.gone += 1,
            Fate::Excluded(_) => self.stats.excluded += 1,
            Fate::Dead(reason) => {
                self.stats.dead += 1;
                let task = Arc::new(Task { requests: settlement.requests, ..Task::clone(&entry.task) });
                self.dead.push(DeadLetter { task, reason: reason.clone(), tries: entry.tries });
            }
            Fate::Retry { not_before, attempts } => {
                let (attempts, requests) = (*attempts, settlement.requests);
                entry.task = Arc::new(Task { attempts, requests, ..Task::clone(&entry.task) });
                entry.lease = None;
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

impl Frontier for MemoryFrontier {
    fn claim(&mut self, n: usize, now: Timestamp, barred: &[HostKey]) -> Result<Claim, FrontierError> {
        self.promote(now);
        self.read_seeds(n)?;
        let mut tasks = Vec::new();
        while tasks.len() < n
            && let Some(id) = self.take(barred)
        {
            self.next_epoch = self.next_epoch.next();
            self.stats.ready -= 1;
            self.stats.leased += 1;
            if let Some(entry) = self.live.get_mut(&id) {
                entry.lease = Some(self.next_epoch);
                tasks.push(Claimed { task: Arc::clone(&entry.task), epoch: self.next_epoch });
            }
        }
        let next_due = self.delayed.first().map(|&(due, _)| due);
        Ok(Claim { tasks, next_due, stats: self.stats })
    }

    fn hand_back(&mut self, leases: &[(TaskId, Epoch)]) -> Result<(), FrontierError> {
        for &(id, epoch) in leases {
            let Some(entry) = self.live.get_mut(&id).filter(|entry| entry.lease == Some(epoch)) else { continue };
            self.next_front -= 1;
            entry.lease = None;
            entry.place.1 = self.next_front;
            self.stats.leased -= 1;
            self.make_ready(id);
        }
        Ok(())
    }

    /// Cursors are of no use here: nothing can be continued.
    fn commit(&mut self, batch: &[Settlement], _: &[Cursor], _: Timestamp) -> Result<Committed, FrontierError> {
        let mut records = Vec::new();
        let new_links = batch.iter().map(|settlement| self.settle(settlement, &mut records)).collect();
        Ok(Committed { through: self.through, records, new_links, stats: self.stats })
    }

    fn stats(&self) -> Stats {
        self.stats
    }

    fn dead_letters(&self) -> Result<Vec<DeadLetter>, FrontierError> {
        Ok(self.dead.clone())
    }
}
