//! The Desk: all decisions of the dispatcher, as a function of (state, event, now).
//!
//! Pure: no I/O, no clock, no randomness but the seed it is given. Events come in by [`Desk::handle`], orders go out; the same
//! Desk runs under the actor and under the simulation. It holds the window only, never the whole frontier. This file has its
//! state and the order of work; events and orders are in `words.rs`, what follows from an event in the parts beside it.

mod assign;
mod court;
mod ending;
#[cfg(test)]
mod fixture;
mod intake;
mod ledger;
mod penalty;
mod room;
mod roster;
#[cfg(test)]
mod simulation;
mod suspects;
#[cfg(test)]
mod tests;
mod trial;
mod window;
mod words;
mod workers;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use self::ending::Phase;
use self::intake::Intake;
use self::ledger::Ledger;
use self::room::Room;
use self::roster::{Hands, Roster, Stirred};
use self::trial::Trial;
use self::window::Window;
pub use self::words::{Event, Free, Limits, Order, StoreCall};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Ending, Notice};
use crate::frontier::Try;
use crate::pace::Pace;
use crate::protocol::WorkerId;
use crate::proxy::pool::{Change, Pool};
use crate::proxy::{ProxyId, Route};
use crate::task::{Epoch, Task, TaskId};
use crate::verdict::Reason;

/// Fetches that one worker may have out.
const PER_WORKER: u32 = 1;

/// A claimed task that is not settled.
#[derive(Debug)]
struct Held {
    task: Arc<Task>,
    epoch: Epoch,
    place: Place,
    turn: u32,
    trial: Trial,
    tries: Vec<Try>,
    requests: u32,
    abandoned: u32,
    /// Not to be given out before that.
    not_before: Timestamp,
    /// The only proxy may try it again.
    repeat: bool,
    /// The least time from the fetch that is out to the next one.
    gap: Duration,
}

/// Where a held task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Windowed,
    Assigned(WorkerId),
}

/// What has been done since this start, for `[limits]`.
#[derive(Debug, Default)]
struct Done {
    since: Option<Timestamp>,
    pages: u64,
    records: u64,
    dead_letters: u64,
    bytes: u64,
}

/// All decisions of the dispatcher.
#[derive(Debug)]
pub struct Desk {
    limits: Limits,
    rng: fastrand::Rng,
    pool: Pool,
    pace: Pace,
    roster: Roster,
    window: Window,
    held: HashMap<TaskId, Held>,
    ledger: Ledger,
    intake: Intake,
    phase: Phase,
    stirred: Stirred,
    suspects_stirred: Stirred,
    seen_generation: u64,
    proxy_errors: BTreeMap<String, (u64, Reason)>,
    no_proxy_since: Option<Timestamp>,
    last_ban: Option<Reason>,
    barred_since: Option<Timestamp>,
    done: Done,
    feeds_behind: bool,
    room: Room,
    sink_lost: bool,
    last_gone: WorkerId,
    alarm: Option<Timestamp>,
    orders: Vec<Order>,
}

impl Desk {
    /// A Desk that has seen nothing, with these proxies, all spare.
    pub fn new(limits: Limits, routes: &[Route]) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(limits.seed),
            pool: Pool::new(routes),
            pace: Pace::new(limits.pace, &limits.ban),
            roster: Roster::new(PER_WORKER),
            window: Window::default(),
            held: HashMap::new(),
            ledger: Ledger::new(limits.feeds, limits.stored),
            intake: Intake::default(),
            phase: Phase::Running,
            stirred: Stirred::Yes,
            suspects_stirred: Stirred::No,
            seen_generation: 0,
            proxy_errors: BTreeMap::new(),
            no_proxy_since: None,
            last_ban: None,
            barred_since: None,
            done: Done::default(),
            feeds_behind: false,
            room: Room::to_be_left(limits.bounds.min_free),
            sink_lost: false,
            last_gone: WorkerId { slot: 0, incarnation: 0 },
            alarm: None,
            orders: Vec::new(),
            limits,
        }
    }

    /// Takes an event in and says what is to be done, in order.
    pub fn handle(&mut self, event: Event, now: Timestamp) -> Vec<Order> {
        self.done.since.get_or_insert(now);
        match event {
            Event::Ready(worker) => self.enter(worker, now),
            Event::Fetched(outcome) => self.fetched(*outcome, now),
            Event::Replace { worker, proxy, why } => self.replace(worker, proxy, why, now),
            Event::Abandoned(assignment) => self.abandoned(&assignment, now),
            Event::Gone(worker) => self.gone(worker, now),
            Event::WorkerFinished(worker) => self.worker_finished(worker, now),
            Event::SlotClosed(slot) => self.note(Notice::SlotClosed { slot }),
            Event::NoWorkers => self.no_workers(now),
            Event::Claimed(claim) => self.claimed(claim),
            Event::Committed(committed) => self.committed(committed),
            Event::StoreFailed { what, error } => self.store_failed(what, error, now),
            Event::Flushed(cursor) => self.ledger.flushed(&cursor),
            Event::FeedFailed { feed, error } => self.feed_failed(feed, error, now),
            Event::SinkFinished => self.sink_finished(),
            Event::SinkDied => self.sink_died(now),
            Event::Free(free) => self.found_free(free),
            Event::Timer => self.alarm = None,
            Event::Stop(signal) => self.stop(Ending::Interrupted(signal), now),
        }
        self.settle(now);
        std::mem::take(&mut self.orders)
    }

    /// Fetches that are out.
    pub fn out(&self) -> usize {
        self.held.values().filter(|held| matches!(held.place, Place::Assigned(_))).count()
    }

    /// Every event ends here: whatever can go on now goes on.
    fn settle(&mut self, now: Timestamp) {
        for change in self.pool.wake(now) {
            self.changed(change);
        }
        if matches!(self.phase, Phase::Running) {
            self.review_suspects(now);
            self.assign(now);
            self.claim(now);
            self.check_end(now);
        }
        self.commit(now);
        self.wind_down(now);
        self.set_alarm(now);
    }

    fn set_alarm(&mut self, now: Timestamp) {
        let wishes = [
            self.ledger.next_due(),
            self.pool.next_wake(),
            self.roster.next_look(now),
            self.intake.next_due(),
            self.no_proxy_deadline(),
            self.phase.until(),
            self.deadline(),
            self.barred_since.map(|since| since + ending::BANNED_FOR),
        ];
        // What was due by now has been done or cannot be done yet: then another event will come.
        let next = wishes.into_iter().flatten().filter(|&at| at > now).min();
        if let Some(at) = next
            && !matches!(self.phase, Phase::Over)
            && self.alarm != next
        {
            self.alarm = next;
            self.orders.push(Order::WakeAt(at));
        }
    }

    fn changed(&mut self, change: Change) {
        self.stirred = Stirred::Yes;
        self.note(match change {
            Change::Released(worker, proxy) => Notice::Released { worker, proxy },
            Change::Rested(proxy) => Notice::Rested { proxy },
        });
    }

    fn note(&mut self, notice: Notice) {
        self.orders.push(Order::Note(notice));
    }

    fn label(&self, proxy: ProxyId) -> Arc<str> {
        self.pool.get(proxy).map_or_else(|| "".into(), |member| Arc::clone(&member.label))
    }
}
