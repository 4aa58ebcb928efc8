//! The Desk: all decisions of the dispatcher, as a function of (state, event, now).
//!
//! Pure: no I/O, no clock, no randomness but the seed it is given. Events come in by [`Desk::handle`], orders go out; the same
//! Desk runs under the actor and under the simulation. It holds the window only, never the whole frontier. This file has its
//! state and the order of work; events and orders are in `words.rs`, what follows from an event in the parts beside it.

mod affinity;
mod alarm;
mod assign;
mod bench;
mod budget;
mod court;
mod docket;
mod ending;
#[cfg(test)]
mod fixture;
mod guard;
mod held;
mod inquiry;
mod intake;
mod judgment;
mod jury;
mod keeper;
mod ledger;
mod misfit;
mod outage;
mod pacing;
mod panel;
mod party;
mod penalty;
mod pick;
mod probing;
mod proof;
mod reload;
mod repute;
mod review;
mod robots;
mod room;
mod roster;
mod rotating;
mod signs;
#[cfg(test)]
mod simulation;
mod stragglers;
mod suspects;
mod suspense;
#[cfg(test)]
mod tests;
mod trial;
mod trials;
mod waiting;
mod window;
mod words;
mod workers;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::affinity::Affinity;
use self::docket::Docket;
use self::ending::Phase;
use self::guard::Guard;
use self::held::{Held, Place};
use self::intake::Intake;
pub use self::keeper::KEPT;
use self::keeper::Keeper;
use self::ledger::Ledger;
use self::misfit::Misfit;
pub use self::party::Party;
use self::proof::Control;
use self::robots::Hosts;
use self::room::Room;
use self::roster::{Hands, Roster, Stirred};
use self::stragglers::Stragglers;
use self::suspense::Suspense;
use self::trials::Trials;
use self::waiting::Waiting;
use self::window::Window;
pub use self::words::{Event, Free, Limits, Order, StoreCall};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Ending, Notice};
use crate::frontier::Kept;
use crate::pace::Pace;
use crate::protocol::{Assignment, ProxyRef, WorkerId};
use crate::proxy::pool::{Change, Pool};
use crate::proxy::{ProxyId, Route};
use crate::task::{HostKey, StageId, TaskId};
use crate::verdict::Reason;

/// Fetches that one worker may have out.
const PER_WORKER: u32 = 1;

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
    keeper: Keeper,
    pace: Pace,
    robots: Hosts,
    roster: Roster,
    window: Window,
    affinity: Affinity,
    held: HashMap<TaskId, Held>,
    /// Those that workers fetch.
    assigned: BTreeSet<(WorkerId, TaskId)>,
    /// Fetches that are out, and where.
    fetching: HashMap<Assignment, HostKey>,
    /// What is said against pages, held or waiting for a further attempt.
    trials: Trials,
    docket: Docket,
    /// Controls that are out.
    controls: HashMap<Assignment, Control>,
    controls_given: u32,
    stragglers: Stragglers,
    guard: Guard,
    suspense: Suspense,
    /// Spares that suspects wait for.
    wanted: BTreeMap<TaskId, ProxyId>,
    /// When suspects are to be looked at again whatever happens.
    review_at: Option<Timestamp>,
    /// When those suspects have their turn that were left over.
    next_round: Option<Timestamp>,
    stages_done: BTreeSet<StageId>,
    misfits: BTreeMap<StageId, Misfit>,
    ledger: Ledger,
    intake: Intake,
    phase: Phase,
    stirred: Stirred,
    /// Proxies that have come into other hands, have ended a fetch, or leave a host alone, since suspects were last looked at.
    moved: BTreeSet<ProxyId>,
    waiting: Waiting,
    /// Suspects to be looked at again.
    doubts: BTreeSet<TaskId>,
    seen_generation: u64,
    /// Addresses of rotating lines that have failed on a page.
    strangers: u32,
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
    /// A Desk with these proxies, all spare, that knows what was `kept` of them and of pages by an earlier one.
    pub fn new(limits: Limits, routes: &[Route], kept: &[Kept], now: Timestamp) -> Self {
        let mut desk = Self::blank(limits, routes);
        desk.recall(kept, now);
        desk
    }

    fn blank(limits: Limits, routes: &[Route]) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(limits.seed),
            pool: Pool::new(routes).in_order(limits.proxies.order),
            keeper: Keeper::new(routes),
            pace: Pace::new(limits.pace, &limits.ban, limits.resumed_at),
            robots: Hosts::default(),
            roster: Roster::new(PER_WORKER),
            window: Window::default(),
            affinity: Affinity::default(),
            held: HashMap::new(),
            assigned: BTreeSet::new(),
            fetching: HashMap::new(),
            trials: Trials::default(),
            docket: Docket::default(),
            controls: HashMap::new(),
            controls_given: 0,
            stragglers: Stragglers::default(),
            guard: Guard::new(limits.outage, &limits.pace, &limits.proxies),
            suspense: Suspense::default(),
            wanted: BTreeMap::new(),
            review_at: None,
            next_round: None,
            stages_done: BTreeSet::new(),
            misfits: BTreeMap::new(),
            ledger: Ledger::new(limits.feeds, limits.stored),
            intake: Intake::default(),
            phase: Phase::Running,
            stirred: Stirred::Yes,
            moved: BTreeSet::new(),
            waiting: Waiting::default(),
            doubts: BTreeSet::new(),
            seen_generation: 0,
            strangers: 0,
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
            Event::Claimed(claim) => self.claimed(claim, now),
            Event::Committed(committed) => self.committed(committed),
            Event::StoreFailed { what, error } => self.store_failed(what, error, now),
            Event::Flushed(cursor) => self.ledger.flushed(&cursor),
            Event::FeedFailed { feed, error } => self.feed_failed(feed, error, now),
            Event::SinkFinished => self.sink_finished(),
            Event::SinkDied => self.sink_died(now),
            Event::ProxiesRead(endpoints) => self.relist(endpoints, now),
            Event::Free(free) => self.found_free(free),
            Event::Timer => self.alarm = None,
            Event::Stop(signal) => self.stop(Ending::Interrupted(signal), now),
        }
        self.settle(now);
        std::mem::take(&mut self.orders)
    }

    /// Fetches that are out, controls and those that were overtaken among them.
    pub fn out(&self) -> usize {
        self.assigned.len() + self.controls.len() + self.stragglers.out()
    }

    /// Fetches of pages that are out.
    fn pages_out(&self) -> usize {
        let is_page = |id: &TaskId| self.held.get(id).is_some_and(|held| !held.task.stage.is_robots());
        self.assigned.iter().filter(|(_, id)| is_page(id)).count()
    }

    /// Every event ends here: whatever can go on now goes on.
    fn settle(&mut self, now: Timestamp) {
        for change in self.pool.wake(now) {
            self.changed(change);
        }
        self.retire_aged(now);
        if matches!(self.phase, Phase::Running) {
            self.ask_again_for_robots(now);
            self.notice_stragglers(now);
            self.place_or_probe(now);
            self.claim(now);
            self.check_end(now);
        }
        self.robots.hedges.withdraw_offers();
        self.commit(now);
        self.wind_down(now);
        self.set_alarm(now);
    }

    fn changed(&mut self, change: Change) {
        self.stirred = Stirred::Yes;
        let (Change::Released(_, ProxyRef { id, .. }) | Change::Rested(id)) = change;
        self.moved.insert(id);
        self.keeper.patients.insert(id);
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
