//! The counters of the store: changed in the transaction that changes what they count, so that nothing is ever counted.
//!
//! Read when the store is opened, held in memory, written as far as they have changed.

use rusqlite::Connection;

use super::error::Fault;
use crate::address::StartMark;
use crate::frontier::Stats;
use crate::record::Seq;
use crate::task::Epoch;

/// All counters, as they are after a transaction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub(super) stats: Stats,
    /// The last task's number.
    pub(super) last_id: i64,
    /// The lowest sequence number: what is handed back goes before it.
    pub(super) front: i64,
    /// The last record's number.
    pub(super) through: Seq,
    /// How far the start URLs have been read.
    pub(super) mark: StartMark,
    /// Transactions so far: tells whether one whose end failed is there.
    pub(super) transactions: u64,
    /// The host that had its turn last. Not stored: a restart may begin anywhere.
    pub(super) turn: i64,
    /// The last epoch. Not stored: each owner begins with its own generation.
    pub(super) last_epoch: Epoch,
}

/// A counter's name, and where it lies.
type Counter = (&'static str, fn(&State) -> i64, fn(&mut State, i64));

/// A counter that is a field of [`State`] as it is, or of another type.
macro_rules! counter {
    ($name:literal, $($field:ident).+) => {
        ($name, |state| state.$($field).+.cast_signed(), |state, n| state.$($field).+ = n.cast_unsigned())
    };
}

const COUNTERS: [Counter; 16] = [
    counter!("found", stats.found),
    counter!("ready", stats.ready),
    counter!("delayed", stats.delayed),
    counter!("leased", stats.leased),
    counter!("quarantined", stats.quarantined),
    counter!("alone", stats.alone),
    counter!("done", stats.done),
    counter!("gone", stats.gone),
    counter!("dead", stats.dead),
    counter!("excluded", stats.excluded),
    counter!("records", stats.records),
    counter!("starts_read", mark.read),
    counter!("starts_digest", mark.digest),
    counter!("transactions", transactions),
    ("through", |state| state.through.0.cast_signed(), |state, n| state.through = Seq(n.cast_unsigned())),
    ("front", |state| state.front, |state, n| state.front = n),
];

impl State {
    /// The counters of a store.
    pub(super) fn load(conn: &Connection) -> Result<Self, Fault> {
        let mut state = Self::default();
        let mut select = conn.prepare("SELECT k, n FROM counter")?;
        let mut rows = select.query([])?;
        while let Some(row) = rows.next()? {
            let name = row.get_ref(0)?.as_str().unwrap_or_default();
            if let Some((_, _, set)) = COUNTERS.iter().find(|(known, ..)| *known == name) {
                set(&mut state, row.get(1)?);
            }
        }
        state.last_id = conn.query_row("SELECT ifnull(max(id), 0) FROM task", [], |row| row.get(0))?;
        if state.last_id.cast_unsigned() == state.stats.found {
            Ok(state)
        } else {
            Err(Fault::Damaged(format!(
                "{} tasks were found, the last has number {}",
                state.stats.found, state.last_id
            )))
        }
    }

    /// Writes what differs from `before`.
    pub(super) fn save(&self, before: &Self, conn: &Connection) -> Result<(), Fault> {
        for (name, get, _) in COUNTERS {
            if get(self) != get(before) {
                conn.prepare_cached(
                    "INSERT INTO counter (k, n) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET n = excluded.n",
                )?
                .execute((name, get(self)))?;
            }
        }
        Ok(())
    }
}
