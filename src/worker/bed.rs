//! What the worker's tests stand on: a scripted proxy on loopback that is the site as well, and a dispatcher that listens.
//!
//! What comes in: a script, what a path is answered with. What goes out: what was asked for and when, what was reported. It
//! must not know how the worker works.

mod proxy;

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use tokio::sync::mpsc;
use url::Url;

use crate::address::{DropParams, Scope};
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::extract::{self, Extracted, Page, Recipe};
use crate::pages::Pages;
use crate::protocol::{
    Assignment, Exited, Obituary, Outcome, ProxyLease, ProxyRef, Role, TaskLease, WorkerId, WorkerOrder, WorkerReport,
};
use crate::proxy::{Credentials, Endpoint, ProxyId, Route, Scheme, Secret};
use crate::task::{Epoch, HostKey, Request, StageId, Task, TaskId};
use crate::transport::Tls;
use crate::worker::{FetchParts, ProxyWorker, Rules, WorkerParts};

pub(super) use proxy::{Proxy, Reply};

/// The worker of all tests.
pub(super) const ME: WorkerId = WorkerId { slot: 3, incarnation: 1 };
/// The stage with links, and the one with a required `title`.
pub(super) const LIST: StageId = StageId(0);
pub(super) const DETAIL: StageId = StageId(1);

/// Our own bug, at an address of the test's choosing.
pub(super) fn panic_if_asked_to(url: &Url) {
    assert!(!url.as_str().contains("panic-here"), "asked to panic");
}

pub(super) fn scope(hosts: &[&str]) -> Scope {
    Scope::new(&config::Hosts::Start, hosts.iter().map(|host| (*host).to_owned()), false)
}

pub(super) fn rules() -> Rules {
    let retry = config::Retry {
        attempts: 3,
        witnesses: 3,
        max_requests: 100,
        status: vec![408, 500, 502, 503, 504, 520, 521, 522, 524],
        gone: vec![404, 410],
        backoff: Duration::from_secs(1),
        backoff_max: Duration::from_secs(300),
    };
    Rules::new(&retry, &config::Ban { status: vec![403, 303], cooldown: Duration::from_secs(300) })
}

pub(super) fn fetch_settings() -> config::Fetch {
    config::Fetch {
        connect_timeout: Duration::from_secs(10),
        head_timeout: Duration::from_secs(15),
        timeout: Duration::from_secs(30),
        max_body: 10 << 20,
        max_redirects: 3,
        user_agent: "burdock".into(),
        headers: Vec::new(),
        allow_private: false,
        insecure_tls: false,
        ca_file: None,
    }
}

fn stages() -> [config::Stage; 2] {
    let (expect, select) = (config::Expect::Any, || "h2".to_owned());
    let link = config::Link { select: "a".into(), attr: "href".into(), to: "detail".into() };
    let take = config::Take::First;
    let title = config::Field { name: "title".into(), select: select(), attr: None, take, required: true };
    let note = config::Field { name: "note".into(), select: "i".into(), required: false, ..title.clone() };
    [
        config::Stage { name: "list".into(), expect: expect.clone(), links: vec![link], priority: 0, fields: vec![] },
        config::Stage { name: "detail".into(), expect, links: vec![], priority: 7, fields: vec![title, note] },
    ]
}

/// The recipe of all tests.
pub(super) fn recipe() -> Recipe {
    Recipe::compile(&stages()).unwrap()
}

/// What the fetches of all tests go by.
pub(super) fn fetch_parts() -> FetchParts {
    FetchParts {
        recipe: Arc::new(recipe()),
        scope: Arc::new(scope(&["site.test", "also.test"])),
        drop_params: Arc::new(DropParams::new(&["sid".to_owned()])),
        rules: Arc::new(rules()),
        fetch: Arc::new(fetch_settings()),
        tls: Tls::new(&fetch_settings()).unwrap(),
        clock: Clock::start(),
    }
}

/// What the stage with a required `title` makes of a page.
pub(super) fn extracted(html: &str) -> Extracted {
    let recipe = recipe();
    let (meta, drop_params) = Default::default();
    let page = Page { url: &url("http://site.test/"), text: html, meta: &meta, drop_params: &drop_params };
    extract::read(recipe.stage(DETAIL), &page)
}

pub(super) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

pub(super) fn task(id: u64, stage: StageId, address: &str) -> Task {
    let request = Request::get(url(address));
    Task {
        id: TaskId(id),
        stage,
        host: HostKey::of(&request.url),
        request,
        priority: 0,
        depth: 4,
        meta: Arc::default(),
        referrer: Some("http://site.test/from".into()),
        start_url: "http://site.test/start".into(),
        attempts: 1,
        requests: 1,
    }
}

/// Everything that a worker reports, in order.
struct Ear<M>(mpsc::UnboundedSender<M>);

impl<M: Unpin + 'static> Actor for Ear<M> {
    type Context = Context<Self>;
}

impl<M: Message<Result = ()> + Unpin + 'static> Handler<M> for Ear<M> {
    type Result = ();

    fn handle(&mut self, message: M, _: &mut Self::Context) {
        let _ = self.0.send(message);
    }
}

fn ear<M: Message<Result = ()> + Unpin + Send + 'static>() -> (Recipient<M>, mpsc::UnboundedReceiver<M>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Ear(sender).start().recipient(), receiver)
}

/// A worker, and its dispatcher and supervisor as the test plays them.
pub(super) struct Bed {
    pub(super) worker: Option<Addr<ProxyWorker>>,
    pub(super) clock: Clock,
    pub(super) gap: Duration,
    home: Recipient<WorkerReport>,
    reports: mpsc::UnboundedReceiver<WorkerReport>,
    obituaries: mpsc::UnboundedReceiver<Exited>,
}

impl Bed {
    /// A worker that has said that it is ready.
    pub(super) async fn start() -> Self {
        Self::start_on(&Arbiter::current()).await
    }

    /// The same, on another thread.
    pub(super) async fn start_on(arbiter: &ArbiterHandle) -> Self {
        let (home, reports) = ear();
        let (supervisor, obituaries) = ear();
        let pages = Pages::open(std::path::Path::new("nowhere"), config::KeepPages::None);
        let parts = WorkerParts { dispatcher: home.clone(), fetching: fetch_parts(), pages };
        let clock = parts.fetching.clock;
        let obituary = Obituary::new(Role::Worker(ME), supervisor);
        let worker = ProxyWorker::start_in_arbiter(arbiter, move |_| ProxyWorker::new(ME, parts, obituary));
        let mut bed = Self { worker: Some(worker), clock, gap: Duration::ZERO, home, reports, obituaries };
        assert!(matches!(bed.report().await, WorkerReport::Ready { worker: ME, .. }));
        bed
    }

    pub(super) fn order(&self, order: WorkerOrder) {
        self.worker.as_ref().unwrap().do_send(order);
    }

    /// Binds it to the proxy at `port`, under lease `epoch`.
    pub(super) fn bind(&self, port: u16, epoch: u64) {
        let (host, credentials) = ("127.0.0.1".to_owned(), None);
        let label = format!("127.0.0.1:{port}").into();
        let endpoint = Endpoint { scheme: Scheme::Http, host, port, credentials, label };
        self.order(WorkerOrder::Bind(ProxyLease { proxy: lease(epoch), route: Arc::new(Route::Proxy(endpoint)) }));
    }

    /// Binds it to a proxy that there is no client for: SOCKS5 has no room for its password.
    pub(super) fn bind_in_vain(&self, epoch: u64) {
        let (host, port, label) = ("127.0.0.1".to_owned(), 9, "127.0.0.1:9".into());
        let credentials = Some(Credentials { user: Secret::new("user"), password: Secret::new("x".repeat(256)) });
        let endpoint = Endpoint { scheme: Scheme::Socks5, host, port, credentials, label };
        self.order(WorkerOrder::Bind(ProxyLease { proxy: lease(epoch), route: Arc::new(Route::Proxy(endpoint)) }));
    }

    pub(super) fn bind_direct(&self, epoch: u64) {
        self.order(WorkerOrder::Bind(ProxyLease { proxy: lease(epoch), route: Arc::new(Route::Direct) }));
    }

    /// Gives it a task, for the proxy under lease `epoch`.
    pub(super) fn give(&self, task: Task, epoch: u64) -> Assignment {
        let assignment = Assignment { task: task.id, epoch: Epoch(5), turn: 1, proxy: lease(epoch) };
        self.order(WorkerOrder::Fetch(TaskLease::new(assignment, Arc::new(task), self.gap, self.home.clone())));
        assignment
    }

    /// The next report; a test that waits in vain fails.
    pub(super) async fn report(&mut self) -> WorkerReport {
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, self.reports.recv()).await.expect("nothing was reported").unwrap()
    }

    pub(super) async fn outcome(&mut self) -> Outcome {
        match self.report().await {
            WorkerReport::Fetched(outcome) => *outcome,
            other => panic!("instead of an outcome: {other:?}"),
        }
    }

    pub(super) async fn abandoned(&mut self) -> Assignment {
        match self.report().await {
            WorkerReport::Abandoned { assignment } => assignment,
            other => panic!("instead of an abandoned task: {other:?}"),
        }
    }

    pub(super) async fn obituary(&mut self) -> Exited {
        let patience = Duration::from_secs(20);
        tokio::time::timeout(patience, self.obituaries.recv()).await.expect("nobody died").unwrap()
    }

    /// Fetches one address through a fresh binding to `proxy`.
    pub(super) async fn fetch(&mut self, proxy: &Proxy, stage: StageId, address: &str) -> Outcome {
        self.bind(proxy.port, 1);
        self.give(task(1, stage, address), 1);
        self.outcome().await
    }

    /// Lets everything that is already under way happen, then says that nothing was reported.
    pub(super) async fn hears_nothing(&mut self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        if let Ok(report) = self.reports.try_recv() {
            panic!("reported: {report:?}");
        }
    }

    /// When requests went out to `host`, as the outcome tells.
    pub(super) fn sent(outcome: &Outcome, host: &str) -> Timestamp {
        outcome.meters.sent.iter().find(|(key, _)| *key.0 == *host).expect("it was asked").1
    }
}

/// The proxy of all tests, under one of its leases.
pub(super) fn lease(epoch: u64) -> ProxyRef {
    ProxyRef { id: ProxyId(7), epoch: Epoch(epoch) }
}
