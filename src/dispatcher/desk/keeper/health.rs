//! What is kept of proxies: how well each is, and until when it rests.
//!
//! In come proxies whose health may have changed; out go small values, only those that have changed since they were written, and at
//! the next start they come in again.

use std::collections::HashMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::HEALTH;
use super::values::{put, read};
use crate::clock::Timestamp;
use crate::dispatcher::desk::Desk;
use crate::frontier::Kept;
use crate::proxy::ProxyId;
use crate::proxy::health::{Health, HealthRecord};
use crate::proxy::pool::{After, State};

/// What is kept of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProxyRecord {
    health: HealthRecord,
    /// In microseconds since the Unix epoch.
    rests_until: Option<u64>,
}

impl Desk {
    pub(super) fn write_health(&mut self, kept: &mut Vec<Kept>) {
        for proxy in std::mem::take(&mut self.keeper.patients) {
            let (Some(name), Some(member)) = (self.keeper.name(proxy).cloned(), self.pool.get(proxy)) else { continue };
            let rests_until = match member.state() {
                State::Cooling(until)
                | State::Closing(_, After::Cool(until))
                | State::Draining(_, After::Cool(until)) => Some(until.as_micros()),
                _ => None,
            };
            let record = ProxyRecord { health: HealthRecord::from(&member.health), rests_until };
            if let Some(written) = self.keeper.written.get_mut(proxy.0 as usize).filter(|written| **written != record) {
                kept.push(put(HEALTH, name, &record));
                *written = record;
            }
        }
    }

    /// Rests go on, but no longer than a rest can be: the wall clock may have been set. A pool that never worked begins anew,
    /// since something has been mended or nothing will work.
    pub(super) fn recall_health(&mut self, kept: &[Kept], ids: &HashMap<Arc<str>, ProxyId>, now: Timestamp) {
        let records: Vec<(ProxyId, ProxyRecord)> = kept
            .iter()
            .filter(|kept| &*kept.kind == HEALTH)
            .filter_map(|kept| Some((*ids.get(&kept.key)?, read(kept.value.as_deref()?)?)))
            .collect();
        if !records.iter().any(|(_, record): &(_, ProxyRecord)| record.health.ever_worked()) {
            return;
        }
        let longest = now + self.limits.health.cooldown_max;
        for (proxy, record) in records {
            let until = record.rests_until.map(|until| Timestamp::from_micros(until).min(longest));
            self.pool.recall(proxy, Health::from(&record.health), until.filter(|&until| until > now));
            if let Some(written) = self.keeper.written.get_mut(proxy.0 as usize) {
                *written = record;
            }
        }
    }
}
