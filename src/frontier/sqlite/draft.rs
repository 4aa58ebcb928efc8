//! One transaction in the making: what it has written, and what the memory beside the store will take over from it.
//!
//! Nothing outside of a [`Draft`] changes before its transaction is committed, so that taking it back is dropping it; only the
//! ready tasks are then read anew.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::Connection;

use super::error::Fault;
use super::names::{Names, NewNames};
use super::prepared::Prepared;
use super::ready::{Place, Ready};
use super::rows::{Parent, TaskRow, Text, Texts, insert_task};
use super::state::State;
use super::survey::DONE_OF;
use crate::frontier::Stats;
use crate::frontier::fingerprint::{Fingerprint, Fingerprinter};
use crate::frontier::known::FingerprintSet;
use crate::task::{Epoch, HostKey, NewTask, StageId, Task, TaskId};

/// May other tasks be leased meanwhile?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Company {
    Any,
    Alone,
}

/// What is held of a leased task, so that its end need not read it again.
pub(super) struct Lease {
    pub(super) task: Arc<Task>,
    pub(super) epoch: Epoch,
    pub(super) place: Place,
    pub(super) company: Company,
    pub(super) start_url: Text,
    pub(super) tries: u32,
}

/// What the store's memory consists of, apart from the counters.
pub(super) struct Memory {
    pub(super) fingerprints: Fingerprinter,
    pub(super) known: FingerprintSet,
    pub(super) names: Names,
    pub(super) leases: HashMap<TaskId, Lease>,
}

/// A transaction in the making.
pub(super) struct Draft<'a> {
    pub(super) conn: &'a Connection,
    pub(super) prepared: Prepared<'a>,
    pub(super) memory: &'a Memory,
    pub(super) texts: &'a mut Texts,
    pub(super) ready: &'a mut Ready,
    pub(super) state: State,
    staged: HashSet<Fingerprint>,
    names: NewNames,
    ended: Vec<TaskId>,
    leased: Vec<Lease>,
    done: BTreeMap<StageId, i64>,
}

/// What the memory takes over once the transaction is committed.
pub(super) struct Taken {
    state: State,
    staged: HashSet<Fingerprint>,
    names: NewNames,
    ended: Vec<TaskId>,
    leased: Vec<Lease>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(
        conn: &'a Connection,
        memory: &'a Memory,
        texts: &'a mut Texts,
        ready: &'a mut Ready,
        state: State,
    ) -> Self {
        let (staged, names) = (HashSet::new(), NewNames::default());
        let (ended, leased, done) = (Vec::new(), Vec::new(), BTreeMap::new());
        let prepared = Prepared::new(conn);
        Self { conn, prepared, memory, texts, ready, state, staged, names, ended, leased, done }
    }

    /// The counters as they will be.
    pub(super) fn stats(&mut self) -> &mut Stats {
        &mut self.state.stats
    }

    /// Takes a task in if it is new.
    pub(super) fn insert(&mut self, new: &NewTask, parent: Option<&Parent<'_>>) -> Result<bool, Fault> {
        let fingerprint = self.memory.fingerprints.of(new.stage, &new.request);
        if self.memory.known.contains(fingerprint) || !self.staged.insert(fingerprint) {
            return Ok(false);
        }
        let stage = self.stage(new.stage)?;
        self.state.last_id += 1;
        self.stats().found += 1;
        let id = self.state.last_id;
        insert_task(&mut self.prepared, id, fingerprint.0.cast_signed(), stage, new, parent)?;
        if let Some(why) = new.excluded {
            self.exclude(id, why.as_str())?;
            return Ok(true);
        }
        let host = self.host(&HostKey::of(&new.request.url))?;
        self.make_ready(id, Place { host, prio: -i64::from(new.priority), seq: id })?;
        Ok(true)
    }

    /// The number of a stage, which is added if need be.
    pub(super) fn stage(&mut self, stage: StageId) -> Result<i64, Fault> {
        let memory = self.memory;
        self.names.stage(&memory.names, self.conn, stage, memory.fingerprints.stages())
    }

    /// The number of a host, which is added if need be.
    pub(super) fn host(&mut self, host: &HostKey) -> Result<i64, Fault> {
        self.names.host(&self.memory.names, self.conn, host)
    }

    /// Counts a page that is done.
    pub(super) fn done(&mut self, stage: StageId) {
        self.stats().done += 1;
        *self.done.entry(stage).or_default() += 1;
    }

    /// Writes how many pages of each stage are done: once a transaction, whatever it has of them.
    pub(super) fn count_done(&self) -> Result<(), Fault> {
        for (stage, count) in &self.done {
            let name = self.memory.fingerprints.stages().get(usize::from(stage.0)).map_or("", |name| name);
            self.conn
                .prepare_cached(
                    "INSERT INTO counter (k, n) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET n = n + excluded.n",
                )?
                .execute((format!("{DONE_OF}{name}"), count))?;
        }
        Ok(())
    }

    pub(super) fn exclude(&mut self, id: i64, why: &str) -> Result<(), Fault> {
        self.stats().excluded += 1;
        self.conn.prepare_cached("INSERT INTO excluded (id, why) VALUES (?1, ?2)")?.execute((id, why))?;
        Ok(())
    }

    pub(super) fn make_ready(&mut self, id: i64, place: Place) -> Result<(), Fault> {
        self.stats().ready += 1;
        self.ready.put(&mut self.prepared, id, place)
    }

    pub(super) fn isolate(&mut self, id: i64, place: Place) -> Result<(), Fault> {
        self.stats().quarantined += 1;
        self.conn
            .prepare_cached("INSERT INTO quarantine (id, host, prio, seq) VALUES (?1, ?2, ?3, ?4)")?
            .execute((id, place.host, place.prio, place.seq))?;
        Ok(())
    }

    /// Gives a task out under the next epoch.
    pub(super) fn lease(&mut self, id: i64, place: Place, company: Company) -> Result<(), Fault> {
        let (memory, names) = (self.memory, &self.names);
        let stages = |number| names.stage_of(&memory.names, number);
        let row = TaskRow::find(&mut self.prepared, id, place.priority(), &stages, self.texts)?;
        self.state.last_epoch = self.state.last_epoch.next();
        let epoch = self.state.last_epoch;
        self.stats().leased += 1;
        let alone = company == Company::Alone;
        if alone {
            self.stats().alone = 1;
        }
        self.prepared
            .get("INSERT INTO lease (id, host, prio, seq, epoch, alone) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute((id, place.host, place.prio, place.seq, epoch.0.cast_signed(), alone))?;
        let TaskRow { task, start_url, tries, .. } = row;
        self.leased.push(Lease { task: Arc::new(task), epoch, place, company, start_url, tries });
        Ok(())
    }

    /// Ends the lease of a task, if it is the one with that epoch.
    pub(super) fn end_lease(&mut self, id: TaskId, epoch: Epoch) -> Result<Option<&'a Lease>, Fault> {
        let Some(lease) = self.memory.leases.get(&id).filter(|lease| lease.epoch == epoch) else { return Ok(None) };
        let delete = self.prepared.get("DELETE FROM lease WHERE id = ?1 AND epoch = ?2")?;
        if delete.execute((id.0.cast_signed(), epoch.0.cast_signed()))? == 0 {
            return Ok(None);
        }
        self.stats().leased -= 1;
        if lease.company == Company::Alone {
            self.stats().alone = 0;
        }
        self.ended.push(id);
        Ok(Some(lease))
    }

    /// Makes room for up to `n` more leases.
    pub(super) fn expect_leases(&mut self, n: usize) {
        let ready = usize::try_from(self.state.stats.ready).unwrap_or(n);
        self.leased.reserve(n.min(ready));
    }

    /// The tasks that were leased.
    pub(super) fn leased(&self) -> &[Lease] {
        &self.leased
    }

    /// What is to be taken over once the transaction is committed.
    pub(super) fn finish(self) -> Taken {
        let Self { state, staged, names, ended, leased, .. } = self;
        Taken { state, staged, names, ended, leased }
    }
}

impl Memory {
    /// Takes over what has been committed; gives the new counters.
    pub(super) fn take(&mut self, taken: Taken) -> State {
        for fingerprint in taken.staged {
            self.known.insert(fingerprint);
        }
        self.names.adopt(taken.names);
        for id in taken.ended {
            self.leases.remove(&id);
        }
        self.leases.extend(taken.leased.into_iter().map(|lease| (lease.task.id, lease)));
        taken.state
    }
}
