//! The `Dispatcher`: carries messages to the Desk and its orders to workers, sink, store and supervisor.
//!
//! A thin shell. It reads the clock, keeps the addresses of those that the Desk knows by number, and wraps what it gives out
//! in leases that speak up when they are dropped. It decides nothing.

mod handlers;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use super::desk::{Desk, Event, Order, StoreCall};
use super::disk;
use super::notice::{Ending, Notice};
use super::store::{Store, StoreRequest};
use crate::clock::Clock;
use crate::frontier::{DeadLetter, FeedNames, Frontier, Stats};
use crate::protocol::{Obituary, ProxyLease, Role, SinkOrder, SupervisorOrder, TaskLease, WorkerId, WorkerOrder};
use crate::telemetry::progress::REFRESH;
use crate::telemetry::{Observer, Tally};

/// How often the disks are asked for their room: at 100 MB/s the default of `limits.min_free` lasts for five times as long.
const LOOK_AT_DISKS: Duration = Duration::from_secs(1);

/// How a crawl ended, and all that is known of it.
#[derive(Debug)]
pub struct Ended {
    /// How.
    pub ending: Ending,
    /// What was counted.
    pub tally: Tally,
    /// The frontier's counters; `None` if the store was gone.
    pub stats: Option<Stats>,
    /// Tasks given up on, with their history.
    pub dead_letters: Vec<DeadLetter>,
}

/// What a dispatcher is made of.
pub struct DispatcherParts {
    /// The Desk.
    pub desk: Desk,
    /// The frontier.
    pub frontier: Box<dyn Frontier>,
    /// The log and the tally.
    pub observer: Observer,
    /// The names under which the feeds' cursors are kept.
    pub feed_names: FeedNames,
    /// The paths of the feeds, by number.
    pub feeds: Vec<PathBuf>,
    /// The crawl's time.
    pub clock: Clock,
    /// Folders on the disks that are written to, if they are to be watched.
    pub disks: Vec<PathBuf>,
    /// How often `run.progress` is said.
    pub heartbeat: Duration,
    /// Who starts workers.
    pub supervisor: Recipient<SupervisorOrder>,
    /// Where the end is told.
    pub ended: oneshot::Sender<Ended>,
    /// Read by the supervisor.
    pub obituary: Obituary,
}

/// The dispatcher.
pub struct Dispatcher {
    desk: Desk,
    frontier: Option<(Box<dyn Frontier>, FeedNames)>,
    store: Option<Store>,
    observer: Option<Observer>,
    feeds: Vec<PathBuf>,
    disks: Vec<PathBuf>,
    clock: Clock,
    heartbeat: Duration,
    workers: HashMap<WorkerId, Recipient<WorkerOrder>>,
    sink: Option<Recipient<SinkOrder>>,
    for_sink: Vec<SinkOrder>,
    supervisor: Recipient<SupervisorOrder>,
    timer: Option<SpawnHandle>,
    ending: Option<Ending>,
    ended: Option<oneshot::Sender<Ended>>,
    obituary: Obituary,
}

impl Dispatcher {
    /// A dispatcher that has not begun.
    pub fn new(parts: DispatcherParts) -> Self {
        Self {
            desk: parts.desk,
            frontier: Some((parts.frontier, parts.feed_names)),
            store: None,
            observer: Some(parts.observer),
            feeds: parts.feeds,
            clock: parts.clock,
            disks: parts.disks,
            heartbeat: parts.heartbeat,
            workers: HashMap::new(),
            sink: None,
            for_sink: Vec::new(),
            supervisor: parts.supervisor,
            timer: None,
            ending: None,
            ended: Some(parts.ended),
            obituary: parts.obituary,
        }
    }

    fn tell(&mut self, event: Event, ctx: &mut Context<Self>) {
        for order in self.desk.handle(event, self.clock.now()) {
            self.obey(order, ctx);
        }
    }

    fn obey(&mut self, order: Order, ctx: &mut Context<Self>) {
        match order {
            Order::Bind { worker, proxy, route } => {
                self.order_worker(worker, WorkerOrder::Bind(ProxyLease { proxy, route }));
            }
            Order::Fetch { worker, assignment, task, gap, clearance, patience } => {
                let mut lease = TaskLease::new(assignment, task, gap, ctx.address().recipient());
                (lease.clearance, lease.patience) = (clearance, patience);
                self.order_worker(worker, WorkerOrder::Fetch(lease));
            }
            Order::Spent { worker, proxy } => self.order_worker(worker, WorkerOrder::Spent { proxy }),
            Order::Park(worker) => self.order_worker(worker, WorkerOrder::Park),
            Order::FinishWorker(worker) => self.order_worker(worker, WorkerOrder::Finish),
            Order::Claim { n, barred } => self.ask_store(StoreRequest::Claim { n, barred, now: self.clock.now() }),
            Order::Commit { batch, cursors, kept } => {
                self.ask_store(StoreRequest::Commit { batch, cursors, kept, now: self.clock.now() });
            }
            Order::HandBack(leases) => self.ask_store(StoreRequest::HandBack(leases)),
            Order::Stored { through, records } => self.order_sink(SinkOrder::Stored { through, records }),
            Order::FlushSink => self.order_sink(SinkOrder::Flush),
            Order::FinishSink => self.order_sink(SinkOrder::Finish),
            Order::Workers(slots) => self.supervisor.do_send(SupervisorOrder::Workers(slots)),
            Order::NoRestarts => self.supervisor.do_send(SupervisorOrder::NoRestarts),
            Order::WakeAt(at) => {
                if let Some(timer) = self.timer.take() {
                    ctx.cancel_future(timer);
                }
                let wait = at.since(self.clock.now());
                self.timer = Some(ctx.run_later(wait, |dispatcher, ctx| {
                    dispatcher.timer = None;
                    dispatcher.tell(Event::Timer, ctx);
                }));
            }
            Order::Note(notice) => self.note(notice),
            Order::Finished(ending) => {
                self.ending = Some(ending);
                self.ask_store(StoreRequest::Close);
            }
        }
    }

    /// A message to the dead is dropped, and the lease in it says so.
    fn order_worker(&self, worker: WorkerId, order: WorkerOrder) {
        if let Some(inbox) = self.workers.get(&worker) {
            inbox.do_send(order);
        }
    }

    fn order_sink(&mut self, order: SinkOrder) {
        match &self.sink {
            Some(inbox) => inbox.do_send(order),
            None => self.for_sink.push(order),
        }
    }

    fn ask_store(&self, request: StoreRequest) {
        if let Some(store) = &self.store {
            store.ask(request);
        }
    }

    /// Away from the mailbox: a disk may be slow to answer. It is asked again only once it has.
    fn look_at_disks(&mut self, ctx: &mut Context<Self>) {
        let disks = self.disks.clone();
        let look = actix_rt::task::spawn_blocking(move || disk::fullest(&disks)).into_actor(self);
        ctx.spawn(look.map(|free, dispatcher, ctx| {
            dispatcher.tell(Event::Free(free.unwrap_or_default()), ctx);
            ctx.run_later(LOOK_AT_DISKS, Self::look_at_disks);
        }));
    }

    fn note(&mut self, notice: Notice) {
        let now = self.clock.now();
        if let Some(observer) = &mut self.observer {
            observer.notice(notice, now);
        }
    }

    /// The last thing: everybody else has stopped.
    fn close(&mut self, stats: Option<Stats>, dead_letters: Vec<DeadLetter>, ctx: &mut Context<Self>) {
        if let Some(stats) = stats {
            self.note(Notice::Progress(stats));
        }
        if let (Some(ending), Some(observer), Some(ended)) =
            (self.ending.take(), self.observer.take(), self.ended.take())
        {
            drop(ended.send(Ended { ending, tally: observer.into_tally(), stats, dead_letters }));
        }
        self.obituary.expected();
        ctx.stop();
    }
}

/// Dropped before its end, by a panic, it still says what it has counted.
impl Drop for Dispatcher {
    fn drop(&mut self) {
        if let (Some(observer), Some(ended)) = (self.observer.take(), self.ended.take()) {
            let (ending, tally) = (Ending::Died { who: Role::Dispatcher }, observer.into_tally());
            drop(ended.send(Ended { ending, tally, stats: None, dead_letters: Vec::new() }));
        }
    }
}

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if let Some((frontier, names)) = self.frontier.take() {
            match Store::start(frontier, names, ctx.address().recipient()) {
                Ok(store) => self.store = Some(store),
                Err(error) => {
                    let error = format!("starting the store's thread: {error}");
                    self.tell(Event::StoreFailed { what: StoreCall::Any, error }, ctx);
                }
            }
        }
        if !self.disks.is_empty() {
            self.look_at_disks(ctx);
        }
        if self.observer.as_ref().is_some_and(Observer::is_shown) {
            ctx.run_interval(REFRESH, |dispatcher, _| {
                let now = dispatcher.clock.now();
                if let Some(observer) = &mut dispatcher.observer {
                    observer.refresh(now);
                }
            });
        }
        ctx.run_interval(self.heartbeat, |dispatcher, _| {
            let now = dispatcher.clock.now();
            if let Some(observer) = &mut dispatcher.observer {
                observer.heartbeat(now);
            }
        });
    }
}
