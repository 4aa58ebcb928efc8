//! The composition root: builds a crawl's parts from its settings, wires the actors, and waits for the end.
//!
//! Everything that is connected to something else is connected here. It decides nothing.

mod again;
mod reload;
pub mod resume;
mod seeds;
pub mod shapes;
mod storage;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::timeout;

pub use self::again::put_back;
use self::resume::Plan as ResumePlan;
use self::storage::{Opening, Storage};
use crate::address::{DropParams, Scope, start_hosts};
use crate::clock::{Clock, Timestamp};
use crate::config::{Affinity, Count, Hosts, Settings};
use crate::dispatcher::actor::{Dispatcher, DispatcherParts, Ended};
use crate::dispatcher::desk::{Desk, Limits};
use crate::extract::Recipe;
use crate::pace::robots::product;
use crate::pages::Pages;
use crate::protocol::{Obituary, Role, Signal, Stop, WorkerId};
use crate::proxy::Route;
use crate::record::Seq;
use crate::sink::Sink;
use crate::supervisor::{StartWorker, Supervisor, SupervisorParts};
use crate::task::StageId;
use crate::telemetry::progress::View;
use crate::telemetry::{Names, Observer};
use crate::transport::{Connections, Tls};
use crate::worker::{FetchParts, ProxyWorker, Rules, WorkerParts};

/// When the dispatcher has ended, everybody else has been told to: who has not stopped after this is left behind.
const LAST_WAIT: Duration = Duration::from_secs(10);

/// What a crawl is given besides its settings.
pub struct Surroundings {
    /// The names behind its numbers.
    pub names: Arc<Names>,
    /// The time.
    pub clock: Clock,
    /// The key of the run's fingerprints.
    pub fingerprint_key: [u8; 16],
    /// How a run that is there already goes on.
    pub resuming: Option<ResumePlan>,
    /// Where people look on.
    pub view: Option<View>,
    /// What to do on the second signal: leave at once.
    pub leave: Box<dyn Fn(Signal)>,
}

/// The parts of a crawl that can be got wrong by its settings; built before anything is started.
struct Plan {
    settings: Settings,
    routes: Vec<Route>,
    fetching: FetchParts,
    storage: Storage,
    pages: Pages,
}

/// A crawl that has been started.
struct Running {
    dispatcher: Addr<Dispatcher>,
    ended: oneshot::Receiver<Ended>,
    all_ended: oneshot::Receiver<()>,
    arbiters: Vec<Arbiter>,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests kill it"))]
    sink: Addr<Sink>,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests kill those on it"))]
    roll: Roll,
}

/// The workers that have been started.
type Roll = Rc<RefCell<BTreeMap<WorkerId, Addr<ProxyWorker>>>>;

/// Crawls, on the actix system of the caller, until nothing is left or it has to stop.
///
/// # Errors
/// If the settings ask for what cannot be had (a feed that cannot be opened, a CA that cannot be read); nothing is crawled.
pub async fn run(settings: Settings, mut surroundings: Surroundings) -> anyhow::Result<Ended> {
    let file = settings.proxies_file.clone();
    let plan = plan(settings, &mut surroundings)?;
    let running = launch(plan, &surroundings);
    let reload = file.map(|file| actix_rt::spawn(reload::follow(file, running.dispatcher.clone())));
    let signals = actix_rt::spawn(heed_signals(running.dispatcher.clone(), surroundings.leave));
    let ended = running.wait().await;
    signals.abort();
    if let Some(reload) = reload {
        reload.abort();
    }
    ended
}

/// What the fetches of a crawl go by.
///
/// # Errors
/// If the settings ask for what cannot be had: a start file that cannot be read, certificates that are none.
pub fn fetch_parts(settings: &Settings, clock: Clock) -> anyhow::Result<FetchParts> {
    let hosts = match settings.crawl.hosts {
        Hosts::Start => start_hosts(&settings.crawl).context("reading the start URLs")?,
        // Nobody asks for them, and a start file may be long.
        Hosts::Any | Hosts::Listed(_) => BTreeSet::new(),
    };
    Ok(FetchParts {
        recipe: Arc::new(Recipe::compile(&settings.stages)?),
        scope: Arc::new(Scope::new(&settings.crawl.hosts, hosts, settings.fetch.allow_private)),
        drop_params: Arc::new(DropParams::new(&settings.crawl.drop_params)),
        rules: Arc::new(Rules::new(&settings.retry, &settings.ban)?),
        fetch: Arc::new(settings.fetch.clone()),
        tls: Tls::new(&settings.fetch)?,
        connections: if settings.proxies.rotating { Connections::Single } else { Connections::Kept },
        clock,
    })
}

fn plan(settings: Settings, surroundings: &mut Surroundings) -> anyhow::Result<Plan> {
    let fetching = fetch_parts(&settings, surroundings.clock)?;
    let (recipe, scope) = (&fetching.recipe, &fetching.scope);
    let stage = recipe.stage_id(&settings.crawl.start_stage).context("no such start stage")?;
    let (key, plan) = (surroundings.fingerprint_key, surroundings.resuming.take());
    let storage = storage::open(&settings, Opening { stage, recipe, scope, key, plan }, surroundings.clock.now())?;
    // Our own address may be in several hands: a lease for each worker, all of one pace.
    let routes =
        if settings.proxies.direct { vec![Route::Direct; settings.worker_count()] } else { settings.routes.clone() };
    let pages = Pages::open(&settings.run_dir(), settings.crawl.keep_pages);
    Ok(Plan { settings, routes, fetching, storage, pages })
}

fn limits(settings: &Settings, stored: Seq, resumed_at: Option<Timestamp>, seed: u64) -> Limits {
    Limits {
        workers: settings.worker_count(),
        pace: settings.pace,
        retry: settings.retry.clone(),
        ban: settings.ban.clone(),
        health: settings.health,
        outage: settings.outage,
        robots: settings.robots,
        robots_name: product(&settings.fetch.user_agent).into(),
        proxies: settings.proxies.clone(),
        most_workers: settings.most_workers(),
        affine: affine(settings),
        head_timeout: settings.fetch.head_timeout.min(settings.fetch.timeout),
        drain: settings.fetch.timeout,
        max_lag: settings.frontier.max_lag,
        bounds: settings.limits,
        feeds: settings.feeds.len(),
        stored,
        resumed_at,
        seed,
    }
}

/// The stages whose pages go through the proxy of their referrer.
fn affine(settings: &Settings) -> BTreeSet<StageId> {
    let stages = (0..).map(StageId).zip(&settings.stages);
    stages.filter(|(_, stage)| stage.affinity == Affinity::Referrer).map(|(id, _)| id).collect()
}

/// Starts everybody: the supervisor here, dispatcher and sink on an arbiter each, the workers spread over some.
fn launch(plan: Plan, surroundings: &Surroundings) -> Running {
    let Plan { settings, routes, fetching, storage, pages } = plan;
    let Storage { frontier, feeds, feed_names, stored, kept } = storage;
    let clock = surroundings.clock;
    // Whoever found pages before has asked for some, perhaps a moment ago.
    let resumed_at = (frontier.stats().found > 0).then(|| clock.now());
    let (dispatcher_home, sink_home) = (Arbiter::new(), Arbiter::new());
    let worker_homes: Vec<Arbiter> = (0..threads(&settings)).map(|_| Arbiter::new()).collect();
    let (ended_in, ended) = oneshot::channel();
    let (all_ended_in, all_ended) = oneshot::channel();
    let context = Context::<Supervisor>::new();
    let supervisor = context.address();

    let parts = DispatcherParts {
        desk: Desk::new(limits(&settings, stored, resumed_at, fastrand::u64(..)), &routes, &kept, clock.now()),
        feed_names,
        observer: Observer::new(Arc::clone(&surroundings.names), clock.now())
            .going_on_from(frontier.stats())
            .shown_on(surroundings.view.clone()),
        frontier,
        feeds: settings.feeds.iter().map(|feed| feed.path.clone()).collect(),
        clock,
        disks: disks(&settings),
        heartbeat: settings.log.heartbeat,
        supervisor: supervisor.clone().recipient(),
        ended: ended_in,
        obituary: Obituary::new(Role::Dispatcher, supervisor.clone().recipient()),
    };
    let dispatcher = Dispatcher::start_in_arbiter(&dispatcher_home.handle(), move |_| Dispatcher::new(parts));

    let (obituary, reports) = (Obituary::new(Role::Sink, supervisor.recipient()), dispatcher.clone().recipient());
    let sink = Sink::start_in_arbiter(&sink_home.handle(), move |_| Sink::new(feeds, reports, obituary));

    let parts = WorkerParts { dispatcher: dispatcher.clone().recipient(), fetching, pages };
    let roll = Roll::default();
    context.run(Supervisor::new(SupervisorParts {
        settings: settings.supervisor,
        workers: u16::try_from(settings.worker_count()).unwrap_or(u16::MAX),
        start: start_worker(worker_homes.iter().map(Arbiter::handle).collect(), parts, Rc::clone(&roll)),
        dispatcher: dispatcher.clone().recipient(),
        sink: sink.clone().recipient(),
        clock,
        all_ended: all_ended_in,
    }));
    let arbiters = worker_homes.into_iter().chain([dispatcher_home, sink_home]).collect();
    Running { dispatcher, sink, roll, ended, all_ended, arbiters }
}

/// Slots take the arbiters in turn.
fn start_worker(homes: Vec<ArbiterHandle>, parts: WorkerParts, roll: Roll) -> StartWorker {
    Box::new(move |id: WorkerId, obituary: Obituary| {
        let home = &homes[usize::from(id.slot) % homes.len()];
        let parts = parts.clone();
        let worker = ProxyWorker::start_in_arbiter(home, move |_| ProxyWorker::new(id, parts, obituary));
        roll.borrow_mut().insert(id, worker.clone());
        worker.recipient()
    })
}

/// Folders on all disks that are written to, if room is to be left on them.
fn disks(settings: &Settings) -> Vec<PathBuf> {
    if settings.limits.min_free.is_none() {
        return Vec::new();
    }
    let files = settings.feeds.iter().map(|feed| &feed.path).filter(|path| path.is_file()).chain([&settings.log.file]);
    let folders: BTreeSet<PathBuf> =
        files.filter_map(|file| file.parent()).map(Into::into).chain([settings.run_dir()]).collect();
    folders.into_iter().collect()
}

fn threads(settings: &Settings) -> usize {
    match settings.crawl.threads {
        Count::Auto => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        Count::Exactly(threads) => threads.get(),
    }
}

impl Running {
    /// Waits for the end: the dispatcher's word, then everybody's obituary, then their threads.
    async fn wait(self) -> anyhow::Result<Ended> {
        let ended = self.ended.await.context("the dispatcher has ended without a word")?;
        // Whoever has not stopped by now has nothing left to do that anybody waits for.
        let _ = timeout(LAST_WAIT, self.all_ended).await;
        for arbiter in self.arbiters {
            arbiter.stop();
            let _ = arbiter.join();
        }
        Ok(ended)
    }
}

/// The first signal stops the crawl in order, the second one at once.
async fn heed_signals(dispatcher: Addr<Dispatcher>, leave: Box<dyn Fn(Signal)>) {
    let (Ok(mut interrupts), Ok(mut terminations)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut told = false;
    loop {
        let signal = tokio::select! {
            _ = interrupts.recv() => Signal::Interrupt,
            _ = terminations.recv() => Signal::Terminate,
        };
        if told {
            leave(signal);
        }
        told = true;
        dispatcher.do_send(Stop(signal));
    }
}
