//! What is remembered of paces from one process to the next: who is to leave which host alone, and how much slower to go.
//!
//! Pure. In come and out go small records without secrets or names; when requests went out last is not kept, since the first one of
//! a new process waits as if there had just been one. Who calls which address by which name is the caller's to know.

use super::{AddressId, HostRecord, LaneRecord, Pace};
use crate::clock::Timestamp;
use crate::task::HostKey;

impl Pace {
    /// What is to be kept of `address` at `host`, if anything.
    pub fn lane_record(&self, address: AddressId, host: &HostKey) -> Option<LaneRecord> {
        self.lane_of(address, host)?.record()
    }

    /// What is to be kept of `host`, if anything.
    pub fn host_record(&self, host: &HostKey) -> Option<HostRecord> {
        self.hosts.get(host)?.record()
    }

    /// Goes on with what was kept of `address` at `host`, under the settings of today.
    pub fn recall_lane(&mut self, address: AddressId, host: &HostKey, record: &LaneRecord, now: Timestamp) {
        let (settings, cooldown) = (self.settings, self.ban_cooldown);
        self.lane(address, host).recall(record, &settings, cooldown, now);
    }

    /// Goes on with what was kept of `host`, under the settings of today.
    pub fn recall_host(&mut self, host: &HostKey, record: &HostRecord, now: Timestamp) {
        let settings = self.settings;
        self.host(host).recall(record, &settings, now);
    }
}
