//! The tally of a run: counts everything that the Desk tells, for the heartbeat and the report.
//!
//! In come notices with their times, and the records of commits; out come a [`Heartbeat`] and the report's numbers. Its size
//! is bounded by the config's proxies, stages and workers; hosts and reason codes are capped. Pure: time is given.

mod heartbeat;
mod pages;
mod proxies;
mod workers;

use std::sync::Arc;
use std::time::Duration;

pub use heartbeat::{Heartbeat, Limit};
pub use pages::{DeadLetters, Fetches, Fill, Host, Pages, StageTasks};
pub use proxies::{Proxy, ProxyCounts, ProxyState};
pub use workers::{WorkerCounts, Workers};

use heartbeat::Beats;
use proxies::Proxies;

use super::Names;
use super::progress::{Glance, Pace};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PageNotice};
use crate::frontier::Stats;
use crate::protocol::Meters;
use crate::record::Record;

/// What has happened so far.
#[derive(Clone, Debug)]
pub struct Tally {
    pub(super) names: Arc<Names>,
    pub(super) started: Timestamp,
    pub(super) stats: Stats,
    /// What an earlier process had done already.
    pub(super) before: Stats,
    pub(super) pages: Pages,
    pub(super) proxies: Proxies,
    pub(super) workers: Workers,
    beats: Beats,
}

impl Tally {
    /// Nothing has happened yet.
    pub fn new(names: Arc<Names>, started: Timestamp) -> Self {
        Self {
            started,
            stats: Stats::default(),
            before: Stats::default(),
            pages: Pages::new(&names),
            proxies: Proxies::new(&names),
            workers: Workers::default(),
            beats: Beats::new(started),
            names,
        }
    }

    /// The same, of a run of which so much has happened before.
    #[must_use]
    pub fn going_on_from(self, before: Stats) -> Self {
        Self { beats: self.beats.going_on_from(&before), stats: before, before, ..self }
    }

    /// Counts a fact.
    pub fn take(&mut self, notice: &Notice, now: Timestamp) {
        match notice {
            Notice::Bound { worker, proxy } => {
                self.proxies.bound(proxy.id, now);
                self.workers.bound(*worker, *proxy);
            }
            Notice::Released { worker, proxy } => {
                self.proxies.released(proxy.id, now);
                self.workers.released(*worker, *proxy);
            }
            Notice::Replaced { proxy, .. } => self.proxies.of(*proxy).replaced += 1,
            Notice::Parked { worker } => self.workers.parked(*worker),
            Notice::Charged { proxy, reason, .. } => self.proxies.of(*proxy).charged(reason),
            Notice::Cooling { proxy, .. } => self.proxies.of(*proxy).cooling(),
            Notice::Rested { proxy } => self.proxies.of(*proxy).rested(),
            Notice::Retired { proxy, reason } => self.proxies.of(*proxy).retired(reason),
            Notice::UsedUp { proxy, .. } => self.proxies.of(*proxy).is_used_up = true,
            Notice::Added { proxy, label } => {
                Arc::make_mut(&mut self.names).name(*proxy, label);
                self.proxies.of(*proxy).is_removed = false;
            }
            Notice::Removed { proxy } => self.proxies.of(*proxy).is_removed = true,
            Notice::Reloaded { .. } => {}
            Notice::HostPaused { proxy, until, cause, .. } => self.proxies.of(*proxy).paused(*until, *cause),
            Notice::Barred { task } => self.pages.barred(task),
            Notice::RobotsRead { .. } | Notice::RobotsLost { .. } => {}
            Notice::Page(page) => self.page(page),
            Notice::Probed(probe) => {
                self.pages.probe(probe);
                self.proxies.of(probe.proxy).probe(probe);
            }
            Notice::Decided(decision) => self.pages.decided(decision),
            Notice::Abandoned { .. } => self.pages.abandoned += 1,
            Notice::WorkerGone { worker } => self.workers.gone(*worker),
            Notice::SlotClosed { slot } => self.workers.closed(*slot),
            Notice::HostSlowed { .. } | Notice::NoUsableProxy { .. } | Notice::Stopping { .. } => {}
            Notice::Outage { party, .. } => self.beats.down(party),
            Notice::Returned { party, .. } => self.beats.returned(party),
            Notice::FeedsBehind { .. } => self.beats.lagged(),
            Notice::DiskShort { .. } => self.beats.disk_short(),
            Notice::DiskFree { .. } => self.beats.disk_free(),
            Notice::Progress(stats) => self.stats = *stats,
        }
    }

    /// Counts committed records, for the fill rates.
    pub fn records<'a>(&mut self, records: impl IntoIterator<Item = &'a Record>) {
        for record in records {
            self.pages.record(record);
        }
    }

    /// What to say now, about the time since the last heartbeat.
    pub fn heartbeat(&mut self, now: Timestamp) -> Heartbeat {
        let picture = heartbeat::Picture {
            stats: self.stats,
            bound: self.workers.count_bound(),
            parked: self.workers.count_parked(),
            proxies: self.proxies.counts(now),
            bound_time: self.proxies.bound_time(now),
            busy_time: self.proxies.busy_time(),
        };
        self.beats.beat(&picture, now)
    }

    /// How it goes now; `pace` remembers how it went before.
    pub fn glance(&self, pace: &mut Pace, now: Timestamp) -> Glance {
        Glance {
            stats: self.stats,
            bound: self.workers.count_bound(),
            parked: self.workers.count_parked(),
            proxies: self.proxies.counts(now),
            replaced: self.proxies.iter().filter(|(_, proxy)| proxy.replaced > 0).count(),
            rate: pace.at(now, &self.stats),
        }
    }

    /// What most heartbeats named as the limit.
    pub(super) fn limited_by(&self) -> Option<Limit> {
        self.beats.commonest()
    }

    fn page(&mut self, page: &PageNotice) {
        self.pages.page(page);
        self.proxies.of(page.proxy).page(page);
    }
}

/// How long a fetch kept its proxy busy: waiting between hops and extraction are not the proxy's.
fn busy(meters: &Meters) -> Duration {
    meters.connect + meters.head + meters.receive
}

#[cfg(test)]
mod tests;
