//! The intake: when tasks are claimed from the frontier, and what becomes of them.
//!
//! In come claims and what the frontier says of itself; out go the order to claim again, and tasks for the window. Which
//! worker gets one is not known here.

use super::ending::Phase;
use super::ledger::{AfterFailure, Batch, Eager};
use super::party::Party;
use super::{Desk, Held, Order, PER_WORKER, StoreCall};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Ending, Notice};
use crate::frontier::{Claim, Claimed, Committed, Stats};
use crate::task::{HostKey, TaskId};
use crate::verdict::Reason;

/// What the Desk knows of the frontier, as of its last answer.
#[derive(Debug)]
pub(super) struct Intake {
    /// A claim is out.
    out: bool,
    /// The counters.
    stats: Stats,
    /// When the next delayed task is due.
    due: Option<Timestamp>,
    /// The last claim for other hosts brought nothing, and nothing has come in since: as long as no further host has left the
    /// window, counted so far.
    dry: Option<u64>,
    /// The hosts that it left out because they might be down.
    left_out: Vec<HostKey>,
    /// The last claim brought nothing because of hosts whose robots.txt is awaited, and nothing has come in since.
    starved: bool,
    /// When the last claim went out.
    sent_at: Timestamp,
    /// Tasks given to workers since a claim went out.
    given: usize,
    /// So many were given while a claim was out, lately, when that was most of what the window had.
    used: usize,
}

impl Default for Intake {
    fn default() -> Self {
        let stats = Stats { unread: None, ..Stats::default() };
        let sent_at = Timestamp::default();
        Self {
            out: false,
            stats,
            due: None,
            dry: None,
            left_out: Vec::new(),
            starved: false,
            sent_at,
            given: 0,
            used: 0,
        }
    }
}

impl Intake {
    /// When a claim will bring a delayed task.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.filter(|_| !self.out)
    }

    /// Is a claim out?
    pub(super) const fn is_out(&self) -> bool {
        self.out
    }

    /// Is nothing left to claim, now or later, and nothing leased?
    pub(super) const fn is_exhausted(&self) -> bool {
        self.stats.exhausted() && self.stats.leased == 0
    }

    /// A task goes to a worker.
    pub(super) const fn given(&mut self) {
        self.given += 1;
    }

    /// There may be something to claim that there was not.
    pub(super) const fn look_again(&mut self) {
        (self.dry, self.starved) = (None, false);
    }

    /// Is anything done, in this process or before?
    pub(super) const fn has_done(&self) -> bool {
        self.stats.done > 0
    }

    /// Is all that was found excluded?
    pub(super) const fn has_only_excluded(&self) -> bool {
        self.stats.found > 0 && self.stats.excluded == self.stats.found
    }

    /// Would a claim for other hosts bring nothing again, so many departures later, while these hosts are shut?
    fn is_dry(&self, departures: u64, shut: &[HostKey]) -> bool {
        self.dry == Some(departures) && self.left_out.iter().all(|host| shut.contains(host))
    }

    fn is_starved(&self, now: Timestamp) -> bool {
        self.starved && self.due.is_none_or(|due| due > now)
    }

    /// May tasks of hosts come that are not barred?
    pub(super) fn may_bring_others(&self, now: Timestamp) -> bool {
        self.out || (self.has_ready(now) && self.dry.is_none()) || self.due.is_some_and(|due| due > now)
    }

    fn sent(&mut self, barred: &[HostKey], departures: u64, now: Timestamp) {
        self.out = true;
        self.sent_at = now;
        self.dry = (!barred.is_empty()).then_some(departures);
        self.given = 0;
    }

    /// A claim is answered; so many fresh tasks were `left`.
    fn answered(&mut self, claim: &Claim, left: usize) {
        self.out = false;
        self.stats = claim.stats;
        self.due = claim.next_due;
        // A burst that the window had plenty for, as at the start, is no sign of a slow store.
        let was_short = left < self.given;
        self.used = if was_short { self.used.max(self.given) } else { self.used - self.used.div_ceil(8) };
    }

    /// So many more than usual are to be in the window: twice what is used up while a claim is out, or workers wait for the store.
    fn reserve(&self) -> usize {
        (2 * self.used).min(MAX_RESERVE)
    }

    fn will_bring(&self, now: Timestamp) -> bool {
        self.out || self.has_ready(now)
    }

    /// May tasks come that nobody has claimed yet?
    pub(super) const fn has_more(&self) -> bool {
        self.out || self.stats.ready > 0 || !matches!(self.stats.unread, Some(0))
    }

    fn has_ready(&self, now: Timestamp) -> bool {
        self.stats.claimable() || (self.stats.alone == 0 && self.due.is_some_and(|due| due <= now))
    }
}

/// So many fresh tasks a worker are claimed at most: one to go on with, one to spare while a claim is out. Where the store is
/// slow and the site fast, that is not enough to spare, and the window grows with what is used up meanwhile.
const PER_CAPACITY: usize = 2;

/// With fewer fresh tasks, a single worker would always wait for the next claim.
const FEWEST: usize = 2;

/// The window stays small beside the crawl: what it holds has its turn before what is found later.
const MAX_RESERVE: usize = 1024;

/// Where the hosts in the window leave workers idle, tasks of others are claimed beyond that, up to so many a worker.
const PER_CAPACITY_OF_OTHERS: usize = 16;

/// While so many suspects a worker wait, none is claimed: opinions on those are more urgent than further first ones.
const SUSPECTS_PER_CAPACITY: usize = 4;

impl Desk {
    fn capacity(&self) -> usize {
        self.limits.workers.max(1) * PER_WORKER as usize
    }

    /// Claims, if the window runs low, or if idle workers may take tasks of hosts that are not in the window.
    pub(super) fn claim(&mut self, now: Timestamp) {
        // A claim is written down as well.
        if self.intake.out || self.room.is_short() || !self.intake.has_ready(now) {
            return;
        }
        let Some(shut) = self.shut_hosts() else { return };
        let departures = self.window.departures();
        let is_dry = self.intake.is_dry(departures, &shut);
        if !shut.is_empty() && is_dry && now.since(self.intake.sent_at) < self.limits.outage.probe {
            return;
        }
        // What waits for a host that is down must not keep others waiting.
        let fresh = self.window.fresh() - shut.iter().map(|host| self.window.fresh_of(host)).sum::<usize>();
        let capacity = self.capacity();
        let enough = FEWEST.max(capacity + self.intake.reserve());
        if self.suspects_of_others(&shut) >= SUSPECTS_PER_CAPACITY * capacity {
            return;
        }
        let mut barred = shut.clone();
        let n = if fresh < enough && !self.intake.is_starved(now) {
            let unsettled = self.robots.unsettled();
            self.intake.starved = !unsettled.is_empty();
            barred.extend(unsettled.iter().cloned());
            PER_CAPACITY * enough - fresh
        } else if self.roster.any_idle() && !is_dry && fresh < PER_CAPACITY_OF_OTHERS * capacity {
            barred.extend(self.window.hosts().cloned());
            capacity
        } else {
            return;
        };
        self.intake.left_out = shut;
        self.intake.sent(&barred, departures, now);
        self.orders.push(Order::Claim { n, barred });
    }

    /// Hosts that nobody gets pages of now. `None`: that is all of them.
    fn shut_hosts(&self) -> Option<Vec<HostKey>> {
        let host = |party: &Party| match party {
            Party::Line => None,
            Party::Host(host) => Some(host.clone()),
        };
        self.guard.shut().map(host).collect()
    }

    fn suspects_of_others(&self, shut: &[HostKey]) -> usize {
        if shut.is_empty() {
            return self.window.suspects_waiting();
        }
        let is_shut = |id: &TaskId| self.held.get(id).is_some_and(|held| shut.contains(&held.task.host));
        self.window.suspects().filter(|id| !is_shut(id)).count()
    }

    pub(super) fn claimed(&mut self, claim: Claim, now: Timestamp) {
        self.intake.answered(&claim, self.window.fresh());
        self.note(Notice::Progress(claim.stats));
        if !claim.tasks.is_empty() {
            self.intake.look_again();
        }
        for Claimed { task, epoch } in claim.tasks {
            let id = task.id;
            self.held.insert(id, Held::new(task, epoch));
            self.admit(id, now);
        }
    }

    /// Gives a batch to the store, if it is time for one.
    pub(super) fn commit(&mut self, now: Timestamp) {
        let eager = match &self.phase {
            Phase::Closing { sink: false, .. } => Eager::Last,
            Phase::Stopping { .. } | Phase::Closing { .. } | Phase::Over => Eager::Yes,
            // Unless a claim will give them something to do anyway: small commits would only hold it up.
            Phase::Running if self.roster.any_idle() && !self.intake.will_bring(now) => Eager::Yes,
            Phase::Running => Eager::No,
        };
        self.write_news(now, eager);
        if let Some(Batch { pages: batch, cursors, kept }) = self.ledger.batch(now, eager) {
            self.orders.push(Order::Commit { batch, cursors, kept });
        }
    }

    pub(super) fn committed(&mut self, committed: Committed) {
        let before = self.ledger.stored();
        let Some(batch) = self.ledger.committed(&committed) else { return };
        let retries = batch.iter().filter_map(|settlement| match settlement.fate {
            crate::frontier::Fate::Retry { not_before, .. } => Some(not_before),
            _ => None,
        });
        self.intake.due = self.intake.due.into_iter().chain(retries).min();
        self.intake.stats = committed.stats;
        if committed.new_links.iter().flatten().any(|&new| new > 0) {
            self.intake.look_again();
        }
        self.note(Notice::Progress(committed.stats));
        if committed.through > before {
            self.orders.push(Order::Stored { through: committed.through, records: committed.records });
        }
    }

    pub(super) fn store_failed(&mut self, what: StoreCall, error: String, now: Timestamp) {
        match what {
            StoreCall::Claim => {
                self.intake.out = false;
                self.stop(Ending::Failed { error }, now);
            }
            StoreCall::Any => {
                self.intake.out = false;
                self.ledger.store_lost();
                self.break_off(error, now);
            }
            StoreCall::Commit => {
                if self.ledger.failed(now) == AfterFailure::GiveUp {
                    self.ledger.store_lost();
                    self.break_off(error, now);
                }
            }
        }
    }

    /// Counts an error of the proxies, for whoever has to say what was wrong with them.
    pub(super) fn blame(&mut self, reason: &Reason) {
        let entry = self.proxy_errors.entry(reason.code.clone()).or_insert_with(|| (0, reason.clone()));
        entry.0 += 1;
    }

    /// The commonest error of the proxies.
    pub(super) fn commonest_error(&self) -> Option<Reason> {
        self.proxy_errors.values().max_by_key(|(times, _)| *times).map(|(_, reason)| reason.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_grows_only_where_a_claim_takes_most_of_it() {
        let mut intake = Intake::default();
        let mut claimed = |given: usize, left: usize| {
            intake.sent(&[], 0, Timestamp::default());
            (0..given).for_each(|_| intake.given());
            intake.answered(&Claim { tasks: Vec::new(), next_due: None, stats: Stats::default() }, left);
            intake.reserve()
        };
        assert_eq!(claimed(60, 60), 0, "a burst, and as much is left");
        assert_eq!(claimed(60, 59), 120);
        assert_eq!(claimed(20, 0), 120, "it is large enough");
        assert!(claimed(0, 200) < 120, "it shrinks again");
        assert!((0..99).map(|_| claimed(0, 200)).last() == Some(0));
    }
}
