//! What is kept of robots.txt from one process to the next: the rules that concern us, and when they were read.
//!
//! In come hosts whose rules have changed; out go small texts under their names, and the other way round at the next start.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::hosts::{Host, Known};
use crate::clock::Timestamp;
use crate::dispatcher::desk::Desk;
use crate::dispatcher::desk::keeper::values::{gone, put, read};
use crate::frontier::Kept;
use crate::pace::robots::Rules;
use crate::task::HostKey;

/// What a robots.txt says to us, by host.
pub(in crate::dispatcher::desk) const ROBOTS: &str = "robots";

#[derive(Debug, Serialize, Deserialize)]
struct RobotsRecord {
    /// In microseconds since the Unix epoch.
    at: u64,
    /// Whom it speaks to: under another name something else may hold.
    name: Arc<str>,
    /// Empty if nothing is barred.
    text: Arc<str>,
}

impl Desk {
    pub(in crate::dispatcher::desk) fn write_robots(&mut self, kept: &mut Vec<Kept>) {
        for host in std::mem::take(&mut self.robots.news) {
            kept.push(match self.robots.get(&host) {
                Some(Host::Known(Known { rules, at })) => {
                    let (name, text) = (Arc::clone(&self.limits.robots_name), Arc::clone(rules.text()));
                    put(ROBOTS, &*host.0, &RobotsRecord { at: at.as_micros(), name, text })
                }
                Some(Host::Asked(_) | Host::Lost { .. } | Host::GivenUp) | None => gone(ROBOTS, &*host.0),
            });
        }
    }

    pub(in crate::dispatcher::desk) fn recall_robots(&mut self, host: &str, value: &[u8], now: Timestamp) {
        let Some(record) = read::<RobotsRecord>(value).filter(|record| record.name == self.limits.robots_name) else {
            return;
        };
        if self.limits.robots.obey {
            // The wall clock may have been set: nothing was read tomorrow.
            let at = Timestamp::from_micros(record.at).min(now);
            self.take_rules(&HostKey(host.into()), Known { rules: Arc::new(Rules::recall(&record.text)), at }, now);
        }
    }
}
