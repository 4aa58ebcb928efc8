//! The ending: when a crawl is over, and the order in which it stops.
//!
//! Stop claiming, wait for what is out, commit, hand the window back, wait for the feeds, then dismiss workers and sink.

use std::collections::BTreeSet;

use super::{Desk, Order, Place};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Ending, Notice};
use crate::protocol::{FeedId, Role, WorkerId};
use crate::proxy::pool::State;
use crate::verdict::Reason;

/// How far a crawl is.
#[derive(Debug)]
pub(super) enum Phase {
    /// Tasks are given out.
    Running,
    /// Nothing new is given out; what is out is awaited.
    Stopping {
        /// Why.
        ending: Ending,
        /// What is out then is given up.
        until: Timestamp,
    },
    /// Workers and sink are dismissed.
    Closing {
        /// Why.
        ending: Ending,
        /// Workers that have not answered.
        workers: BTreeSet<WorkerId>,
        /// Has the sink not answered?
        sink: bool,
    },
    /// It is over.
    Over,
}

impl Phase {
    pub(super) const fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }

    /// Does it stop because something of it is broken?
    #[cfg(test)]
    pub(super) const fn has_failed(&self) -> bool {
        matches!(
            self,
            Self::Stopping { ending: Ending::Failed { .. }, .. } | Self::Closing { ending: Ending::Failed { .. }, .. }
        )
    }

    pub(super) const fn until(&self) -> Option<Timestamp> {
        match self {
            Self::Stopping { until, .. } => Some(*until),
            Self::Running | Self::Closing { .. } | Self::Over => None,
        }
    }
}

impl Desk {
    /// Starts to stop, unless it has already.
    pub(super) fn stop(&mut self, ending: Ending, now: Timestamp) {
        if !self.phase.is_running() {
            return;
        }
        let until = now + self.limits.drain;
        self.orders.push(Order::NoRestarts);
        self.note(Notice::Stopping { ending: ending.clone(), until });
        self.phase = Phase::Stopping { ending, until };
    }

    /// The store is broken: that is how it ends, whatever it was about to end with, since not all of that is in the store.
    pub(super) fn break_off(&mut self, error: String, now: Timestamp) {
        self.stop(Ending::Failed { error: error.clone() }, now);
        if let Phase::Stopping { ending, .. } | Phase::Closing { ending, .. } = &mut self.phase
            && !matches!(ending, Ending::Failed { .. } | Ending::Died { .. })
        {
            *ending = Ending::Failed { error };
        }
    }

    /// Is nothing left to do, or nobody left to do it?
    pub(super) fn check_end(&mut self, now: Timestamp) {
        let nothing_left = self.nothing_left();
        if nothing_left && self.ledger.all_flushed() {
            self.stop(self.completion(), now);
        } else if nothing_left {
            self.hurry_feeds();
        } else if let Some(key) = self.limit_reached(now) {
            self.stop(Ending::Limit { key }, now);
        } else if self.has_no_proxy(now) {
            let commonest = self.whats_wrong();
            self.stop(Ending::NoProxy { commonest }, now);
        } else if self.is_banned_everywhere(now) {
            let text = format!("every proxy has been banned for {:?}: {}", self.limits.ban.max_wait, self.last_ban());
            self.stop(Ending::Guarded { reason: Reason::new("banned", text) }, now);
        } else if let Some(reason) = self.outage_to_end_with(now) {
            self.stop(Ending::Guarded { reason }, now);
        }
    }

    /// Has every proxy that may be used been banned from all there is to do, for too long?
    fn is_banned_everywhere(&mut self, now: Timestamp) -> bool {
        if self.last_ban.is_none() || self.held.is_empty() || self.out() > 0 {
            return false;
        }
        if !self.all_barred(now) {
            return false;
        }
        let since = *self.barred_since.get_or_insert(now);
        now.since(since) >= self.limits.ban.max_wait
    }

    fn last_ban(&self) -> String {
        self.last_ban.as_ref().map(|reason| reason.detail.clone()).unwrap_or_default()
    }

    /// The key of the first limit that is reached.
    fn limit_reached(&self, now: Timestamp) -> Option<&'static str> {
        let (bounds, done) = (&self.limits.bounds, &self.done);
        let reached = |limit: Option<u64>, count: u64| limit.is_some_and(|limit| count >= limit);
        if reached(bounds.pages, done.pages) {
            Some("pages")
        } else if reached(bounds.records, done.records) {
            Some("records")
        } else if reached(bounds.dead_letters, done.dead_letters) {
            Some("dead_letters")
        } else if reached(bounds.bytes, done.bytes) {
            Some("bytes")
        } else if self.deadline().is_some_and(|deadline| deadline <= now) {
            Some("duration")
        } else {
            None
        }
    }

    /// When `limits.duration` is over.
    pub(super) fn deadline(&self) -> Option<Timestamp> {
        Some(self.done.since? + self.limits.bounds.duration?).filter(|_| self.phase.is_running())
    }

    /// Would one more fetch be one page too many, if all that is out is done?
    pub(super) fn pages_are_spoken_for(&self) -> bool {
        self.limits.bounds.pages.is_some_and(|limit| self.done.pages + self.pages_out() as u64 >= limit)
    }

    /// Is everything done, but for what the feeds may still lack?
    fn nothing_left(&self) -> bool {
        self.held.is_empty() && !self.intake.is_out() && self.ledger.uncommitted() == 0 && self.intake.is_exhausted()
    }

    /// Feeds wait for more where that saves work; while everybody waits for them, they are not to.
    pub(super) fn hurry_feeds(&mut self) {
        if self.ledger.is_worth_hurrying() {
            self.orders.push(Order::FlushSink);
        }
    }

    /// Has no proxy been usable for too long, or is none ever going to be?
    fn has_no_proxy(&mut self, now: Timestamp) -> bool {
        if self.held.is_empty() {
            return false;
        }
        if self.is_hopeless() {
            return true;
        }
        let at_rest = self.pool.iter().all(|(_, member)| matches!(member.state(), State::Cooling(_) | State::Retired));
        if at_rest && self.no_proxy_since.is_none() {
            self.no_proxy_since = Some(now);
            let reason = self.whats_wrong();
            self.note(Notice::NoUsableProxy { until: now + self.limits.proxies.wait, reason });
        }
        self.no_proxy_deadline().is_some_and(|deadline| deadline <= now)
    }

    pub(super) fn no_proxy_deadline(&self) -> Option<Timestamp> {
        self.no_proxy_since
            .filter(|_| self.phase.is_running() && self.pool.usable() == 0)
            .map(|since| since + self.limits.proxies.wait)
    }

    /// Goes on with stopping, as far as it can.
    pub(super) fn wind_down(&mut self, now: Timestamp) {
        if let Phase::Stopping { until, .. } = self.phase {
            if until <= now {
                self.give_up_what_is_out();
            }
            // What a control would show decides nothing any more: who is out with one is called off.
            let settled = self.assigned.is_empty() && !self.intake.is_out() && self.ledger.uncommitted() == 0;
            if settled {
                self.hand_back();
                if self.ledger.all_flushed() || until <= now {
                    self.close();
                } else {
                    self.hurry_feeds();
                }
            }
        }
        if let Phase::Closing { workers, sink: false, .. } = &self.phase
            && workers.is_empty()
            && self.ledger.is_settled()
            && let Phase::Closing { ending, .. } = std::mem::replace(&mut self.phase, Phase::Over)
        {
            self.orders.push(Order::Finished(ending));
        }
    }

    fn give_up_what_is_out(&mut self) {
        for (_, task) in std::mem::take(&mut self.assigned) {
            if let Some(held) = self.held.get_mut(&task) {
                held.place = Place::Windowed;
            }
        }
        self.controls.clear();
        self.stragglers.clear();
    }

    fn hand_back(&mut self) {
        if self.held.is_empty() {
            return;
        }
        // What is asked of a host for its robots.txt is no task of the frontier.
        let mut leases = Vec::new();
        for (id, held) in std::mem::take(&mut self.held) {
            self.withdraw_challenges(&held.challenged, id);
            if !held.task.stage.is_robots() {
                leases.push((id, held.epoch));
            }
        }
        self.suspense.clear();
        self.stragglers.clear();
        self.robots.let_go();
        self.window = super::Window::default();
        self.affinity.clear();
        self.orders.push(Order::HandBack(leases));
    }

    fn close(&mut self) {
        let Phase::Stopping { ending, .. } = std::mem::replace(&mut self.phase, Phase::Over) else { return };
        let workers: BTreeSet<WorkerId> = self.roster.ids().into_iter().collect();
        for &worker in &workers {
            self.orders.push(Order::FinishWorker(worker));
        }
        let sink = !self.sink_lost;
        if sink {
            self.orders.push(Order::FinishSink);
        }
        self.phase = Phase::Closing { ending, workers, sink };
    }

    /// A worker that comes while it is being closed down is dismissed at once.
    pub(super) fn dismiss(&mut self, worker: WorkerId) {
        if let Phase::Closing { workers, .. } = &mut self.phase {
            workers.insert(worker);
            self.orders.push(Order::FinishWorker(worker));
        }
    }

    pub(super) fn worker_finished(&mut self, worker: WorkerId, now: Timestamp) {
        if let Some(super::Hands::Holding(grip)) = self.roster.leave(worker) {
            self.release(grip.proxy, now);
        }
        self.not_awaited(worker);
    }

    /// Nobody waits for this worker's answer any more.
    pub(super) fn not_awaited(&mut self, worker: WorkerId) {
        if let Phase::Closing { workers, .. } = &mut self.phase {
            workers.remove(&worker);
        }
    }

    pub(super) fn sink_finished(&mut self) {
        if let Phase::Closing { sink, .. } = &mut self.phase {
            *sink = false;
        }
    }

    pub(super) fn sink_died(&mut self, now: Timestamp) {
        self.sink_lost = true;
        self.ledger.feeds_lost();
        self.sink_finished();
        self.stop(Ending::Died { who: Role::Sink }, now);
    }

    pub(super) fn no_workers(&mut self, now: Timestamp) {
        self.stop(Ending::Died { who: Role::Worker(self.last_gone) }, now);
    }

    pub(super) fn feed_failed(&mut self, feed: FeedId, error: String, now: Timestamp) {
        self.ledger.feed_failed(feed);
        self.stop(Ending::Failed { error }, now);
    }
}
