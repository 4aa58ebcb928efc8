//! Crawl delays: what sites ask for in their robots.txt, as the setting takes it.
//!
//! Pure. In come a host's delay and whom it concerns; out go the settings of that host and the least gap of one address there.

use std::collections::HashMap;
use std::time::Duration;

use super::Pace;
use crate::clock::Timestamp;
use crate::config::{self, CrawlDelay};
use crate::task::HostKey;

/// The delays of all hosts that ask for one.
#[derive(Debug, Default)]
pub(super) struct CrawlDelays {
    all_together: HashMap<HostKey, Duration>,
    each: HashMap<HostKey, Duration>,
}

impl CrawlDelays {
    /// `settings`, for this host.
    pub(super) fn at(&self, host: &HostKey, settings: &config::Pace) -> config::Pace {
        let asked = self.all_together.get(host).copied();
        config::Pace { host_gap: settings.host_gap.max(asked), ..*settings }
    }

    /// The least time between two requests of one address to this host.
    pub(super) fn gap(&self, host: &HostKey) -> Duration {
        self.each.get(host).copied().unwrap_or_default()
    }
}

impl Pace {
    /// `host` asks in its robots.txt, which has just been read, for `delay` between two requests; `None`: for nothing any more.
    /// It is held as long as [`config::Pace::retry_after_max`] at most.
    pub fn ask(&mut self, host: &HostKey, delay: Option<Duration>, whom: CrawlDelay, now: Timestamp) {
        self.crawl_delays.all_together.remove(host);
        self.crawl_delays.each.remove(host);
        let Some(delay) = delay.map(|delay| delay.min(self.settings.retry_after_max)) else { return };
        match whom {
            CrawlDelay::Host => {
                self.crawl_delays.all_together.insert(host.clone(), delay);
                if let Some(host) = self.hosts.get_mut(host) {
                    host.free_not_before(now + delay);
                }
            }
            CrawlDelay::Proxy => {
                self.crawl_delays.each.insert(host.clone(), delay);
                for lane in self.lanes.iter_mut().filter_map(|hosts| hosts.get_mut(host)) {
                    lane.free_after_last(delay);
                }
            }
            CrawlDelay::Ignore => {}
        }
    }
}
