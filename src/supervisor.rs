//! The Supervisor: starts workers, reads obituaries, starts successors, and knows when everybody has ended.
//!
//! actix's own supervisor ends with an actor whose handler panics, so each actor holds an [`Obituary`] instead. A worker that
//! dies gets a successor after a short wait; a slot that dies too often stays closed. Whether a crawl is over is the
//! dispatcher's business.

use std::collections::VecDeque;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::oneshot;

use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::protocol::{
    Exit, Exited, Obituary, Role, SinkOrder, SupervisorOrder, SupervisorReport, WorkerId, WorkerOrder,
};
use crate::telemetry::say;

/// The wait before a successor is started; doubled for each further death within the window.
const RESTART_AFTER: Duration = Duration::from_millis(100);

/// Starts a worker on its arbiter and gives the way to it.
pub type StartWorker = Box<dyn Fn(WorkerId, Obituary) -> Recipient<WorkerOrder>>;

/// What a supervisor is made of.
pub struct SupervisorParts {
    /// `[supervisor]`
    pub settings: config::Supervisor,
    /// How many slots.
    pub workers: u16,
    /// Starts a worker.
    pub start: StartWorker,
    /// Who has to know of deaths.
    pub dispatcher: Recipient<SupervisorReport>,
    /// Who is told to finish if the dispatcher cannot do it any more.
    pub sink: Recipient<SinkOrder>,
    /// The crawl's time.
    pub clock: Clock,
    /// Told once dispatcher, sink and all workers have ended.
    pub all_ended: oneshot::Sender<()>,
}

/// One place for a worker.
#[derive(Default)]
struct Slot {
    incarnation: u32,
    deaths: VecDeque<Timestamp>,
    worker: Option<Recipient<WorkerOrder>>,
    closed: bool,
}

/// The supervisor.
pub struct Supervisor {
    parts: SupervisorParts,
    slots: Vec<Slot>,
    restarting: bool,
    dispatcher_lives: bool,
    sink_lives: bool,
    all_ended: Option<oneshot::Sender<()>>,
}

impl Supervisor {
    /// A supervisor that has started nobody. Dispatcher and sink are taken to be alive.
    pub fn new(mut parts: SupervisorParts) -> Self {
        let (unused, _) = oneshot::channel();
        let all_ended = Some(std::mem::replace(&mut parts.all_ended, unused));
        let slots = (0..parts.workers).map(|_| Slot::default()).collect();
        Self { parts, slots, restarting: true, dispatcher_lives: true, sink_lives: true, all_ended }
    }

    fn start(&mut self, slot: u16, supervisor: Recipient<Exited>) {
        let Some(place) = self.slots.get_mut(usize::from(slot)) else { return };
        let id = WorkerId { slot, incarnation: place.incarnation };
        place.worker = Some((self.parts.start)(id, Obituary::new(Role::Worker(id), supervisor)));
    }

    /// Opens slots until there are so many, each with a worker.
    fn grow(&mut self, slots: u16, ctx: &Context<Self>) {
        let there = u16::try_from(self.slots.len()).unwrap_or(u16::MAX);
        if !self.restarting {
            return;
        }
        for slot in there..slots {
            self.slots.push(Slot::default());
            self.start(slot, ctx.address().recipient());
        }
    }

    fn worker_exited(&mut self, id: WorkerId, why: Exit, ctx: &mut Context<Self>) {
        let Some(place) = self.slots.get_mut(usize::from(id.slot)) else { return };
        if place.incarnation != id.incarnation {
            return;
        }
        place.worker = None;
        if why == Exit::Asked {
            return;
        }
        self.parts.dispatcher.do_send(SupervisorReport::Gone { worker: id });
        if self.restarting {
            self.succeed(id.slot, ctx);
        }
    }

    /// Sees to a successor, or closes the slot.
    fn succeed(&mut self, slot: u16, ctx: &mut Context<Self>) {
        let (now, settings) = (self.parts.clock.now(), self.parts.settings);
        let Some(place) = self.slots.get_mut(usize::from(slot)) else { return };
        place.deaths.push_back(now);
        place.deaths.retain(|&death| now.since(death) < settings.window);
        let deaths = u32::try_from(place.deaths.len()).unwrap_or(u32::MAX);
        if deaths > settings.max_restarts {
            place.closed = true;
            self.parts.dispatcher.do_send(SupervisorReport::SlotClosed { slot });
            if self.slots.iter().all(|place| place.closed) {
                self.parts.dispatcher.do_send(SupervisorReport::NoWorkers);
            }
            return;
        }
        place.incarnation += 1;
        let wait = RESTART_AFTER.saturating_mul(2u32.saturating_pow(deaths - 1)).min(settings.window);
        ctx.run_later(wait, move |supervisor, ctx| {
            if supervisor.restarting {
                supervisor.start(slot, ctx.address().recipient());
                if let Some(place) = supervisor.slots.get(usize::from(slot)) {
                    say::restarted(WorkerId { slot, incarnation: place.incarnation });
                }
            }
        });
    }

    /// Nobody is left to tell workers and sink to stop: it has to be done here. The sink flushes what it has.
    fn dispatcher_exited(&mut self, why: Exit) {
        self.dispatcher_lives = false;
        self.restarting = false;
        if why == Exit::Died {
            for worker in self.slots.iter().filter_map(|place| place.worker.as_ref()) {
                worker.do_send(WorkerOrder::Finish);
            }
            self.parts.sink.do_send(SinkOrder::Finish);
        }
    }

    fn sink_exited(&mut self, why: Exit) {
        self.sink_lives = false;
        if why == Exit::Died {
            self.parts.dispatcher.do_send(SupervisorReport::SinkDied);
        }
    }

    fn check_end(&mut self, ctx: &mut Context<Self>) {
        let somebody =
            self.dispatcher_lives || self.sink_lives || self.slots.iter().any(|place| place.worker.is_some());
        if !somebody && let Some(all_ended) = self.all_ended.take() {
            let _ = all_ended.send(());
            ctx.stop();
        }
    }
}

impl Actor for Supervisor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        for slot in 0..self.parts.workers {
            self.start(slot, ctx.address().recipient());
        }
    }
}

impl Handler<Exited> for Supervisor {
    type Result = ();

    fn handle(&mut self, Exited { who, why }: Exited, ctx: &mut Self::Context) {
        match who {
            Role::Worker(id) => self.worker_exited(id, why, ctx),
            Role::Dispatcher => self.dispatcher_exited(why),
            Role::Sink => self.sink_exited(why),
        }
        self.check_end(ctx);
    }
}

impl Handler<SupervisorOrder> for Supervisor {
    type Result = ();

    fn handle(&mut self, order: SupervisorOrder, ctx: &mut Self::Context) {
        match order {
            SupervisorOrder::Workers(slots) => self.grow(slots, ctx),
            SupervisorOrder::NoRestarts => self.restarting = false,
        }
    }
}
