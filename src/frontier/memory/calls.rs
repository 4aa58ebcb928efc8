//! What the frontier in memory is asked to do: the trait's calls over the state next door.
//!
//! None of them can fail but reading start URLs.

use std::cmp::Reverse;
use std::sync::Arc;

use super::{Company, Entry, MemoryFrontier};
use crate::clock::Timestamp;
use crate::frontier::{
    Batch, CRASHES_ALONE, CRASHES_TO_QUARANTINE, Claim, Committed, DeadFilter, DeadLetter, FeedChange, FeedCursor,
    Frontier, FrontierError, Kept, RecordReader, Recovered, Stats, crashed_alone,
};
use crate::task::{Epoch, HostKey, Task, TaskId};

impl Frontier for MemoryFrontier {
    fn recover(&mut self) -> Result<Recovered, FrontierError> {
        let mut recovered = Recovered::default();
        let leased = self.live.iter().filter(|(_, entry)| entry.lease.is_some());
        let mut ids: Vec<TaskId> = leased.map(|(&id, _)| id).collect();
        ids.sort_unstable();
        for id in ids {
            let Some(entry) = self.live.get_mut(&id) else { continue };
            entry.crashes += 1;
            let crashes = entry.crashes;
            if let Some(lease) = entry.lease.take() {
                self.end_lease(lease.company);
            }
            if crashes < CRASHES_TO_QUARANTINE {
                self.make_ready(id);
                recovered.returned += 1;
            } else if crashes < CRASHES_TO_QUARANTINE + CRASHES_ALONE {
                self.isolate(id);
                recovered.quarantined += 1;
            } else if let Some(entry) = self.live.remove(&id) {
                self.bury(entry.task, crashed_alone(), entry.tries);
                recovered.dead += 1;
            }
        }
        Ok(recovered)
    }

    fn hasten(&mut self, latest: Timestamp) -> Result<u64, FrontierError> {
        let late: Vec<_> = self.delayed.range((latest, TaskId(u64::MAX))..).copied().collect();
        for &(due, task) in &late {
            self.delayed.remove(&(due, task));
            self.delayed.insert((latest, task));
        }
        Ok(late.len() as u64)
    }

    fn claim(&mut self, n: usize, now: Timestamp, barred: &[HostKey]) -> Result<Claim, FrontierError> {
        self.promote(now);
        let mut tasks = Vec::new();
        if self.stats.alone == 0 {
            self.read_seeds(n)?;
            tasks = self.lease_ready(n, barred);
            if n > 0 && self.stats.leased == 0 {
                tasks.extend(self.lease_alone(barred));
            }
        }
        let next_due = self.delayed.first().map(|&(due, _)| due);
        Ok(Claim { tasks, next_due, stats: self.stats })
    }

    fn hand_back(&mut self, leases: &[(TaskId, Epoch)]) -> Result<(), FrontierError> {
        for &(id, epoch) in leases {
            let Some(entry) = self.live.get_mut(&id) else { continue };
            let Some(lease) = entry.lease.take_if(|lease| lease.epoch == epoch) else { continue };
            match lease.company {
                Company::Any => {
                    self.next_front -= 1;
                    entry.place.1 = self.next_front;
                    self.make_ready(id);
                }
                Company::Alone => self.isolate(id),
            }
            self.end_lease(lease.company);
        }
        Ok(())
    }

    fn commit(&mut self, batch: &Batch<'_>, _now: Timestamp) -> Result<Committed, FrontierError> {
        let mut records = Vec::new();
        let new_links = batch.pages.iter().map(|page| self.settle(page, &mut records)).collect();
        for change in batch.feeds {
            match change {
                FeedChange::At(cursor) => drop(self.feeds.insert(Arc::clone(&cursor.feed), cursor.clone())),
                FeedChange::Dropped(feed) => drop(self.feeds.remove(feed)),
            }
        }
        for kept in batch.kept {
            let key = (Arc::clone(&kept.kind), Arc::clone(&kept.key));
            match kept.value {
                Some(_) => drop(self.kept.insert(key, kept.clone())),
                None => drop(self.kept.remove(&key)),
            }
        }
        Ok(Committed { through: self.through, records, new_links, stats: self.stats })
    }

    fn stats(&self) -> Stats {
        self.stats
    }

    fn dead_letters(&self) -> Result<Vec<DeadLetter>, FrontierError> {
        Ok(self.dead.clone())
    }

    fn retry(&mut self, which: &DeadFilter) -> Result<u64, FrontierError> {
        let (meant, others) = std::mem::take(&mut self.dead).into_iter().partition(|letter| which.admits(letter));
        self.dead = others;
        let meant: Vec<DeadLetter> = meant;
        let count = meant.len() as u64;
        for letter in meant {
            let task = Arc::new(Task { attempts: 0, requests: 0, ..Task::clone(&letter.task) });
            let id = task.id;
            let place = (Reverse(task.priority), i64::try_from(id.0).unwrap_or(i64::MAX));
            self.live.insert(id, Entry { task, place, lease: None, tries: letter.tries, crashes: 0 });
            self.stats.dead -= 1;
            self.make_ready(id);
        }
        Ok(count)
    }

    fn feeds(&self) -> Result<Vec<FeedCursor>, FrontierError> {
        Ok(self.feeds.values().cloned().collect())
    }

    fn kept(&self, kind: &str) -> Result<Vec<Kept>, FrontierError> {
        Ok(self.kept.values().filter(|kept| &*kept.kind == kind).cloned().collect())
    }

    fn reader(&self) -> Result<Option<Box<dyn RecordReader>>, FrontierError> {
        Ok(None)
    }

    fn close(&mut self) -> Result<(), FrontierError> {
        Ok(())
    }
}
