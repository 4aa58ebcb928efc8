//! What is kept of paces: which proxy is to leave which host alone, and which are asked less often.
//!
//! In come places where something has changed; out go small values, and at the next start they come in again.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::values::{gone, put, read};
use super::{AT_ONCE, Keeper};
use crate::clock::Timestamp;
use crate::dispatcher::desk::Desk;
use crate::frontier::Kept;
use crate::pace::AddressId;
use crate::proxy::ProxyId;
use crate::task::HostKey;

/// When a proxy may ask a host again, and how often, by proxy and host.
pub(super) const LANE: &str = "pace.proxy";
/// How often a host may be asked by all proxies together, by host.
pub(super) const HOST: &str = "pace.host";

/// What our own address is called: it has no name as a proxy has.
const OURSELVES: &str = "direct";

impl Keeper {
    /// What is to be kept of a proxy at a host, or of that host, may be another thing now.
    pub(in crate::dispatcher::desk) fn paced(&mut self, proxy: ProxyId, host: &HostKey) {
        self.paced.insert((proxy, host.clone()));
    }
}

impl Desk {
    pub(super) fn write_paces(&mut self, kept: &mut Vec<Kept>) {
        let mut hosts = BTreeSet::new();
        while kept.len() < AT_ONCE
            && let Some((proxy, host)) = self.keeper.paced.pop_first()
        {
            let name = self.keeper.name(proxy).map_or(OURSELVES, |name| name);
            let key = format!("{name} {host}");
            let lane = self.address(proxy).and_then(|address| self.pace.lane_record(address, &host));
            kept.push(lane.map_or_else(|| gone(LANE, key.clone()), |lane| put(LANE, key.clone(), &lane)));
            hosts.insert(host);
        }
        for host in hosts {
            let record = self.pace.host_record(&host);
            kept.push(record.map_or_else(|| gone(HOST, &*host.0), |record| put(HOST, &*host.0, &record)));
        }
    }

    pub(super) fn recall_lane(&mut self, key: &str, value: &[u8], ids: &HashMap<Arc<str>, ProxyId>, now: Timestamp) {
        let known = key.split_once(' ').and_then(|(name, host)| Some((self.address_of(name, ids)?, host)));
        if let (Some((address, host)), Some(record)) = (known, read(value)) {
            self.pace.recall_lane(address, &HostKey(host.into()), &record, now);
        }
    }

    pub(super) fn recall_host(&mut self, key: &str, value: &[u8], now: Timestamp) {
        if let Some(record) = read(value) {
            self.pace.recall_host(&HostKey(key.into()), &record, now);
        }
    }

    fn address_of(&self, name: &str, ids: &HashMap<Arc<str>, ProxyId>) -> Option<AddressId> {
        let ourselves = ProxyId(0);
        let is_direct = name == OURSELVES && self.keeper.name(ourselves).is_none();
        self.address(if is_direct { ourselves } else { *ids.get(name)? })
    }
}
