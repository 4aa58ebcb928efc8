//! Numbers in the store for names in the program: hosts and stages.
//!
//! A stage's number in the config may change between two starts, its name may not. Hosts may be many: what is held of them in
//! memory is bounded.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension};

use super::error::Fault;
use crate::task::{HostKey, StageId};

/// Hosts whose numbers are held at most; then all are forgotten and looked up again.
const HELD: usize = 1 << 16;

/// Numbers that have been committed.
#[derive(Default)]
pub(super) struct Names {
    hosts: HashMap<HostKey, i64>,
    stages: Vec<(StageId, i64)>,
}

impl Names {
    /// Reads the stages of the store, all of which must be among `names`.
    pub(super) fn load(conn: &Connection, names: &[Arc<str>]) -> Result<Self, Fault> {
        let mut select = conn.prepare("SELECT id, name FROM stage ORDER BY id")?;
        let mut rows = select.query([])?;
        let mut stages = Vec::new();
        while let Some(row) = rows.next()? {
            let (number, name): (i64, String) = (row.get(0)?, row.get(1)?);
            let at = names.iter().position(|known| **known == *name);
            let stage = at.and_then(|at| u16::try_from(at).ok()).ok_or(Fault::StageGone(name))?;
            stages.push((StageId(stage), number));
        }
        Ok(Self { hosts: HashMap::new(), stages })
    }

    /// The stage with that number in the store.
    pub(super) fn stage(&self, number: i64) -> Result<StageId, Fault> {
        let found = self.stages.iter().find(|(_, known)| *known == number);
        found.map(|&(stage, _)| stage).ok_or_else(|| Fault::Damaged(format!("there is no stage {number}")))
    }

    fn number(&self, stage: StageId) -> Option<i64> {
        self.stages.iter().find(|(known, _)| *known == stage).map(|&(_, number)| number)
    }

    /// Takes over what a transaction has added or looked up.
    pub(super) fn adopt(&mut self, new: NewNames) {
        if self.hosts.len() + new.0.hosts.len() > HELD {
            self.hosts.clear();
        }
        self.hosts.extend(new.0.hosts);
        self.stages.extend(new.0.stages);
    }
}

/// Numbers met in a transaction that is not committed yet.
#[derive(Default)]
pub(super) struct NewNames(Names);

impl NewNames {
    /// The stage with that number in the store, or in the transaction.
    pub(super) fn stage_of(&self, known: &Names, number: i64) -> Result<StageId, Fault> {
        known.stage(number).or_else(|_| self.0.stage(number))
    }

    /// The number of a host, which is added if need be.
    pub(super) fn host(&mut self, known: &Names, conn: &Connection, host: &HostKey) -> Result<i64, Fault> {
        if let Some(&number) = known.hosts.get(host).or_else(|| self.0.hosts.get(host)) {
            return Ok(number);
        }
        let found = host_number(conn, host)?;
        let number = match found {
            Some(number) => number,
            None => {
                conn.prepare_cached("INSERT INTO host (name) VALUES (?1)")?.execute([&*host.0])?;
                conn.last_insert_rowid()
            }
        };
        self.0.hosts.insert(host.clone(), number);
        Ok(number)
    }

    /// The number of a stage, which is added if need be.
    pub(super) fn stage(
        &mut self,
        known: &Names,
        conn: &Connection,
        stage: StageId,
        names: &[Arc<str>],
    ) -> Result<i64, Fault> {
        if let Some(number) = known.number(stage).or_else(|| self.0.number(stage)) {
            return Ok(number);
        }
        let name = names.get(usize::from(stage.0)).map_or("", |name| name);
        conn.prepare_cached("INSERT INTO stage (name) VALUES (?1)")?.execute([name])?;
        let number = conn.last_insert_rowid();
        self.0.stages.push((stage, number));
        Ok(number)
    }
}

/// The names of all stages that the store has pages of.
pub(super) fn held(conn: &Connection) -> Result<Vec<Arc<str>>, Fault> {
    let mut select = conn.prepare("SELECT name FROM stage ORDER BY id")?;
    let names = select.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The number of a host, if the store knows it.
pub(super) fn host_number(conn: &Connection, host: &HostKey) -> Result<Option<i64>, Fault> {
    let mut select = conn.prepare_cached("SELECT id FROM host WHERE name = ?1")?;
    Ok(select.query_row([&*host.0], |row| row.get(0)).optional()?)
}
