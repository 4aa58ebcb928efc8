//! What is known of robots.txt, host by host: read, asked for, or not to be had; and the pages that wait for it.
//!
//! Pure bookkeeping of bounded size: of many hosts those that were read longest ago are forgotten, and are asked again should
//! they be met again. When to ask, and what an answer means, is the Desk's to say.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::hedging::Hedges;
use crate::clock::Timestamp;
use crate::dispatcher::desk::Held;
use crate::pace::robots::{Clearance, Rules};
use crate::task::{HostKey, Task, TaskId};
use crate::verdict::Reason;

/// So many hosts are known at once …
const HOSTS: usize = 4096;
/// … with so many bytes of rules.
const BYTES: usize = 64 << 20;
/// Pages of one host lead to so many others by redirects; of those beyond, each page has to find out by itself.
const LEADS: usize = 8;

/// Rules, and when they were read.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) rules: Arc<Rules>,
    pub(super) at: Timestamp,
}

/// A robots.txt that is on its way.
#[derive(Debug)]
pub(super) struct Asked {
    /// The task that fetches it, whether somebody has it or it waits for a further attempt.
    pub(super) task: TaskId,
    /// Pages that wait for it.
    pub(super) waiting: Vec<TaskId>,
    /// What held before, if it was known.
    pub(super) stale: Option<Known>,
    /// What the last answer was a robots.txt of, should it be confirmed.
    pub(super) heard: Option<Arc<Rules>>,
    /// The last status; none, if there was no answer.
    pub(super) status: Option<u16>,
    /// Its next attempt, and when.
    pub(super) later: Option<(Timestamp, Held)>,
    /// It was not to be had before.
    pub(super) again: bool,
}

/// One host.
#[derive(Debug)]
pub(super) enum Host {
    Known(Known),
    Asked(Box<Asked>),
    /// It is not to be had, and nothing follows from that yet.
    Lost {
        reason: Reason,
        status: Option<u16>,
        waiting: Vec<TaskId>,
    },
    /// It was not to be had; it is asked again for the next page.
    GivenUp,
}

/// All hosts.
#[derive(Debug, Default)]
pub(in crate::dispatcher::desk) struct Hosts {
    hosts: HashMap<HostKey, Host>,
    /// Hosts that are asked or lost: no page of them is to be claimed.
    unsettled: BTreeSet<HostKey>,
    due: BTreeSet<(Timestamp, HostKey)>,
    /// The fetches of a robots.txt that are out, and when somebody else is asked as well.
    pub(in crate::dispatcher::desk) hedges: Hedges,
    /// Where redirects of a host's pages lead.
    leads: HashMap<HostKey, BTreeSet<HostKey>>,
    /// Where those of a page that is held lead.
    led: HashMap<TaskId, BTreeSet<HostKey>>,
    bytes: usize,
    pub(super) number: u64,
    /// Hosts whose rules have changed since they were last written down.
    pub(in crate::dispatcher::desk) news: BTreeSet<HostKey>,
}

impl Hosts {
    pub(super) fn get(&self, host: &HostKey) -> Option<&Host> {
        self.hosts.get(host)
    }

    pub(super) fn asked(&mut self, host: &HostKey) -> Option<&mut Asked> {
        match self.hosts.get_mut(host) {
            Some(Host::Asked(asked)) => Some(asked),
            _ => None,
        }
    }

    /// The pages that wait for a host that is asked or lost.
    pub(super) fn waiting(&mut self, host: &HostKey) -> Option<&mut Vec<TaskId>> {
        match self.hosts.get_mut(host)? {
            Host::Asked(asked) => Some(&mut asked.waiting),
            Host::Lost { waiting, .. } => Some(waiting),
            Host::Known(_) | Host::GivenUp => None,
        }
    }

    /// No page waits any more.
    pub(in crate::dispatcher::desk) fn let_go(&mut self) {
        for state in self.hosts.values_mut() {
            match state {
                Host::Asked(asked) => asked.waiting.clear(),
                Host::Lost { waiting, .. } => waiting.clear(),
                Host::Known(_) | Host::GivenUp => {}
            }
        }
    }

    /// How many pages wait for a robots.txt.
    #[cfg(test)]
    pub(in crate::dispatcher::desk) fn pages_waiting(&self) -> usize {
        let waiting = |host: &Host| match host {
            Host::Asked(asked) => asked.waiting.len(),
            Host::Lost { waiting, .. } => waiting.len(),
            Host::Known(_) | Host::GivenUp => 0,
        };
        self.hosts.values().map(waiting).sum()
    }

    /// Sets what is known of a host; gives what was, and the hosts that are forgotten for it.
    pub(super) fn set(&mut self, host: &HostKey, state: Host) -> (Option<Host>, Vec<HostKey>) {
        match state {
            Host::Asked(_) | Host::Lost { .. } => _ = self.unsettled.insert(host.clone()),
            Host::Known(_) | Host::GivenUp => _ = self.unsettled.remove(host),
        }
        self.bytes += size(&state);
        let before = self.hosts.insert(host.clone(), state);
        self.bytes -= before.as_ref().map_or(0, size);
        let crowded = self.hosts.len() > HOSTS || self.bytes > BYTES;
        (before, if crowded { self.forget_some() } else { Vec::new() })
    }

    /// Forgets a quarter, those that were read longest ago.
    fn forget_some(&mut self) -> Vec<HostKey> {
        let age = |(host, state): (&HostKey, &Host)| match state {
            Host::Known(known) => Some((known.at, host.clone())),
            Host::GivenUp => Some((Timestamp::default(), host.clone())),
            Host::Asked(_) | Host::Lost { .. } => None,
        };
        let mut settled: Vec<_> = self.hosts.iter().filter_map(age).collect();
        settled.sort_unstable();
        settled.truncate(settled.len().div_ceil(4));
        let forgotten: Vec<HostKey> = settled.into_iter().map(|(_, host)| host).collect();
        for host in &forgotten {
            self.bytes -= self.hosts.remove(host).as_ref().map_or(0, size);
            self.leads.remove(host);
            self.news.insert(host.clone());
        }
        forgotten
    }

    pub(in crate::dispatcher::desk) fn unsettled(&self) -> &BTreeSet<HostKey> {
        &self.unsettled
    }

    /// Hosts that are not to be had, as long as nothing follows from that.
    pub(super) fn lost(&self) -> impl Iterator<Item = (&HostKey, &Reason, Option<u16>)> {
        self.unsettled.iter().filter_map(|host| match self.hosts.get(host)? {
            Host::Lost { reason, status, .. } => Some((host, reason, *status)),
            Host::Known(_) | Host::Asked(_) | Host::GivenUp => None,
        })
    }

    /// Is one on its way?
    pub(super) fn any_asked(&self) -> bool {
        self.unsettled.iter().any(|host| matches!(self.hosts.get(host), Some(Host::Asked(_))))
    }

    /// The rules that are known.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Rules> {
        self.hosts.values().filter_map(|host| match host {
            Host::Known(known) => Some(&*known.rules),
            Host::Asked(_) | Host::Lost { .. } | Host::GivenUp => None,
        })
    }

    /// A host is asked again then.
    pub(super) fn wait_until(&mut self, at: Timestamp, host: &HostKey) {
        self.due.insert((at, host.clone()));
    }

    /// When the next host is asked again, or somebody else as well.
    pub(in crate::dispatcher::desk) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at).into_iter().chain(self.hedges.next_due()).min()
    }

    /// The next attempt that is due.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<Held> {
        while let Some((at, host)) = self.due.first().cloned().filter(|(at, _)| *at <= now) {
            self.due.pop_first();
            let later = self.asked(&host).and_then(|asked| asked.later.take_if(|(due, _)| *due == at));
            if let Some((_, held)) = later {
                return Some(held);
            }
        }
        None
    }

    /// The next attempt at one, if it waits for its time; that need not come any more.
    pub(super) fn take_later(&mut self, task: TaskId) -> Option<Held> {
        let waits = |host: &&HostKey| matches!(self.hosts.get(*host), Some(Host::Asked(asked)) if asked.task == task && asked.later.is_some());
        let host = self.unsettled.iter().find(waits)?.clone();
        self.asked(&host)?.later.take().map(|(_, held)| held)
    }

    /// A page was redirected to `host`, whose rules it has to know.
    pub(super) fn lead(&mut self, task: &Task, host: &HostKey) {
        self.led.entry(task.id).or_default().insert(host.clone());
        let leads = self.leads.entry(task.host.clone()).or_default();
        if leads.len() < LEADS {
            leads.insert(host.clone());
        }
    }

    /// Where a page was redirected to.
    pub(super) fn led(&self, page: TaskId) -> impl Iterator<Item = &HostKey> {
        self.led.get(&page).into_iter().flatten()
    }

    /// A page is held no more.
    pub(in crate::dispatcher::desk) fn leave(&mut self, page: TaskId) {
        self.led.remove(&page);
    }

    /// The rules that one fetch of a page may meet, of whatever age: it has been let in.
    pub(super) fn clearance(&self, task: &Task) -> Clearance {
        let leads = self.leads.get(&task.host).into_iter().flatten();
        let mut hosts: Vec<&HostKey> = [&task.host].into_iter().chain(leads).chain(self.led(task.id)).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let rules = |host: &HostKey| match self.hosts.get(host)? {
            Host::Known(known) => Some(&known.rules),
            Host::Asked(asked) => asked.stale.as_ref().map(|known| &known.rules),
            Host::Lost { .. } | Host::GivenUp => None,
        };
        Clearance::By(hosts.into_iter().filter_map(|host| Some((host.clone(), Arc::clone(rules(host)?)))).collect())
    }
}

fn size(host: &Host) -> usize {
    match host {
        Host::Known(known) => known.rules.text().len(),
        Host::Asked(_) | Host::Lost { .. } | Host::GivenUp => 0,
    }
}
