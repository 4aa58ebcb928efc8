//! What a simulated crawl came to, for tables: whom the blame fell on, what pages cost, how long it took.
//!
//! In come the world's happenings with what it knows of proxies and pages; nothing is checked here.

use std::collections::HashMap;
use std::time::Duration;

use super::scenario::{PageKind, ProxyKind};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Notice;
use crate::frontier::{Fate, Settlement};
use crate::task::TaskId;

/// Counts of one crawl, or of several added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Figures {
    /// Rests and retirements of good proxies.
    pub(super) good_replaced: u64,
    /// Those of them after the proxy had brought ten pages.
    pub(super) good_replaced_warm: u64,
    /// Good pages that are dead, gone or excluded.
    pub(super) good_lost: u64,
    /// Good pages whose attempts were used.
    pub(super) good_tried: u64,
    /// Poison pages that used an attempt, and the requests until the first one was used.
    pub(super) poison: u64,
    pub(super) poison_first: u64,
    /// Further attempts of poison pages, and the requests that they cost.
    pub(super) further: u64,
    pub(super) further_requests: u64,
    /// Fetches of pages that were done before.
    pub(super) controls: u64,
    /// All requests, and the least: one for each page that ended.
    pub(super) requests: u64,
    pub(super) least: u64,
    /// The most requests that one page cost.
    pub(super) most: u64,
    /// Charges, and those that hit proxies that are not good.
    pub(super) charges: u64,
    pub(super) guilty: u64,
    /// Outages that were taken to be.
    pub(super) outages: u64,
    pub(super) took: Duration,
    spent: HashMap<TaskId, (u32, u32)>,
    brought: HashMap<u32, u64>,
}

impl Figures {
    pub(super) fn heard(&mut self, notice: &Notice, proxies: &[ProxyKind]) {
        let good = |proxy: &crate::proxy::ProxyId| proxies[proxy.0 as usize] == ProxyKind::Good;
        match notice {
            Notice::Cooling { proxy, .. } | Notice::Retired { proxy, .. } if good(proxy) => {
                self.good_replaced += 1;
                self.good_replaced_warm += u64::from(self.brought.get(&proxy.0).is_some_and(|&pages| pages >= 10));
            }
            Notice::Charged { proxy, .. } => {
                self.charges += 1;
                self.guilty += u64::from(!good(proxy));
            }
            Notice::Outage { .. } => self.outages += 1,
            Notice::Page(page) if page.verdict == crate::verdict::Verdict::Done => {
                *self.brought.entry(page.proxy.0).or_default() += 1;
            }
            _ => {}
        }
    }

    pub(super) fn settled(&mut self, settlement: &Settlement, kind: PageKind) {
        let (before, attempts) = self.spent.get(&settlement.task).copied().unwrap_or_default();
        let cost = u64::from(settlement.requests - before);
        self.most = self.most.max(settlement.requests.into());
        let used = match settlement.fate {
            Fate::Retry { attempts, .. } => attempts,
            Fate::Dead(_) => attempts + 1,
            Fate::Done | Fate::Gone(_) | Fate::Excluded(_) => attempts,
        };
        if !matches!(settlement.fate, Fate::Retry { .. }) {
            self.least += 1;
        }
        if kind == PageKind::Good {
            self.good_lost += u64::from(!matches!(settlement.fate, Fate::Done | Fate::Retry { .. }));
            self.good_tried += u64::from(used > attempts);
        } else if used > attempts && attempts == 0 {
            self.poison += 1;
            self.poison_first += cost;
        } else if used > attempts {
            self.further += 1;
            self.further_requests += cost;
        }
        self.spent.insert(settlement.task, (settlement.requests, used));
    }

    pub(super) fn ended(&mut self, began: Timestamp, now: Timestamp) {
        self.took = now.since(began);
    }

    /// Requests until a poison page had used its first attempt.
    pub(super) fn a_poison_page(&self) -> f64 {
        self.poison_first as f64 / self.poison as f64
    }

    /// Adds another crawl's.
    pub(super) fn add(&mut self, other: &Self) {
        self.good_replaced += other.good_replaced;
        self.good_replaced_warm += other.good_replaced_warm;
        self.good_lost += other.good_lost;
        self.good_tried += other.good_tried;
        self.poison += other.poison;
        self.poison_first += other.poison_first;
        self.further += other.further;
        self.further_requests += other.further_requests;
        self.controls += other.controls;
        self.requests += other.requests;
        self.least += other.least;
        self.most = self.most.max(other.most);
        self.charges += other.charges;
        self.guilty += other.guilty;
        self.outages += other.outages;
        self.took += other.took;
    }
}
