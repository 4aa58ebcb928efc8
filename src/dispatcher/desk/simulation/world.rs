//! The made-up world around the Desk, and the invariants that must hold in it.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::audit;
use super::downs::Downs;
use super::figures::Figures;
use super::file::File;
use super::scenario::{ProxyKind, Scenario, Telling};
use super::site::{Answer, Site};
use crate::clock::Timestamp;
use crate::config::Budget;
use crate::dispatcher::desk::{Desk, Event, Free, KEPT, Order, StoreCall};
use crate::dispatcher::notice::{Ending, Notice};
use crate::frontier::fingerprint::Fingerprinter;
use crate::frontier::memory::MemoryFrontier;
use crate::frontier::{Batch, Fate, Frontier, Kept, Settlement, Stats};
use crate::protocol::{Assignment, Cursor, FeedId, Meters, Next, Outcome, ProxyRef, Signal, Why, WorkerId};
use crate::proxy::{ProxyId, Route};
use crate::record::Seq;
use crate::task::{Epoch, HostKey, Task, TaskId};
use crate::verdict::{PROBE_TIMEOUT, Reason, Verdict};

/// So many lines are kept of what happened.
const LAST_EVENTS: usize = 60;

/// Audits take as long as the Desk holds much.
const AUDIT_EVERY: u64 = 16;

/// A claim and what has to go before it, the wait for company in a commit included, are over by then.
const A_CLAIM: Duration = Duration::from_millis(100);

/// Something that will happen.
enum Coming {
    /// The Desk hears of something.
    Event(Event),
    /// A job ends.
    JobEnds(u64),
    /// What a dead worker had out through a proxy to a host comes to an end.
    LastWord(ProxyId, HostKey, Event),
    /// The timer, if it is still the last one that was set.
    Timer(u64),
    /// A worker is started in a slot.
    Start(WorkerId),
    /// Somebody edits the file of proxies.
    Edit,
    /// An idle worker answers that its proxy is spent.
    Reply(WorkerId, ProxyRef),
    /// The process dies, and another one begins.
    Restart,
}

/// Has the Desk handed its window back?
#[derive(Clone, Copy, PartialEq, Eq)]
enum HandedBack {
    No,
    Yes,
}

#[derive(Debug, Default)]
struct Worker {
    incarnation: u32,
    alive: bool,
    proxy: Option<ProxyRef>,
    route: Option<Arc<Route>>,
    jobs: usize,
    spent: bool,
}

struct Job {
    worker: WorkerId,
    assignment: Assignment,
    task: Arc<Task>,
    outcome: Option<Box<Outcome>>,
}

/// How a simulated crawl ended.
pub(super) struct End {
    pub(super) ending: Ending,
    pub(super) stats: Stats,
    pub(super) details: u64,
    pub(super) charges: u64,
    /// Attempts that were used without being the last.
    pub(super) retries: u64,
    /// How long each return took to be noticed.
    pub(super) noticed: Vec<Duration>,
    pub(super) are_noticed_in_time: bool,
    pub(super) figures: Figures,
}

/// A probe is given up when its time is over.
fn impatient(answer: Answer, patience: Option<Duration>) -> Answer {
    match patience {
        Some(patience) if answer.takes > patience => {
            let verdict = Verdict::Doubtful(Reason::new(PROBE_TIMEOUT, "no answer to a probe in time"));
            Answer { verdict, takes: patience, sent: true }
        }
        _ => answer,
    }
}

pub(super) struct World {
    scenario: Scenario,
    rng: fastrand::Rng,
    now: Timestamp,
    desk: Desk,
    site: Site,
    store: MemoryFrontier,
    store_busy_until: Timestamp,
    claims_out: usize,
    commits_out: usize,
    coming: BTreeMap<(Timestamp, u64), Coming>,
    number: u64,
    timer: u64,
    slots: u16,
    workers: BTreeMap<u16, Worker>,
    jobs: HashMap<u64, Job>,
    /// How each proxy behaves, by its id; a restart gives other ids.
    kinds: Vec<ProxyKind>,
    /// Which slot has each proxy, as the workers know it.
    hands: HashMap<ProxyId, u16>,
    /// Under which epoch each proxy was leased last.
    epochs: HashMap<ProxyId, Epoch>,
    /// Fetches that are out, by proxy and by host.
    in_use: HashMap<ProxyId, u32>,
    out_at: HashMap<HostKey, u32>,
    /// Requests through each proxy in this process.
    asked: HashMap<ProxyId, u64>,
    /// Since when somebody is idle with an unclaimed task to go to it.
    starving: Option<(Timestamp, WorkerId)>,
    /// When the store or a disk last had a word.
    last_word: Timestamp,
    handed_back: HandedBack,
    done_urls: HashSet<String>,
    /// Which of the file each proxy is, by its id.
    numbers: Vec<usize>,
    file: File,
    /// How often each of the file was used.
    used: Vec<u32>,
    last_sent: HashMap<(ProxyId, HostKey), Timestamp>,
    last_begun: HashMap<HostKey, Timestamp>,
    done: HashSet<TaskId>,
    delivered: HashSet<(TaskId, u32)>,
    through: Seq,
    cursors: HashMap<FeedId, Seq>,
    requests: HashMap<TaskId, u32>,
    bound: HashMap<ProxyId, (WorkerId, ProxyRef)>,
    restarts: bool,
    restarted: bool,
    charges: u64,
    retries: u64,
    downs: Downs,
    /// The disks have the room that they must have.
    room: bool,
    figures: Figures,
    tasks: HashMap<TaskId, Arc<Task>>,
    events: u64,
    ended: Option<Ending>,
    trail: VecDeque<String>,
}

impl World {
    pub(super) fn new(scenario: Scenario) -> Self {
        let mut rng = fastrand::Rng::with_seed(scenario.seed ^ 0x5eed);
        let file = File::new(scenario.proxies.len());
        let routes: Vec<Route> = file.endpoints().into_iter().map(Route::Proxy).collect();
        let site = Site::new(&scenario, &mut rng);
        let names = vec!["list".into(), "detail".into()];
        let mut world = Self {
            now: Timestamp::from_micros(1_000_000_000),
            desk: Desk::new(scenario.limits.clone(), &routes, &[], Timestamp::default()),
            store: MemoryFrontier::new(Fingerprinter::new([1; 16], names), site.seeds()),
            site,
            store_busy_until: Timestamp::default(),
            claims_out: 0,
            commits_out: 0,
            coming: BTreeMap::new(),
            number: 0,
            timer: 0,
            slots: scenario.limits.workers as u16,
            workers: BTreeMap::new(),
            jobs: HashMap::new(),
            kinds: scenario.proxies.clone(),
            hands: HashMap::new(),
            epochs: HashMap::new(),
            in_use: HashMap::new(),
            out_at: HashMap::new(),
            asked: HashMap::new(),
            starving: None,
            last_word: Timestamp::default(),
            handed_back: HandedBack::No,
            done_urls: HashSet::new(),
            file,
            numbers: (0..scenario.proxies.len()).collect(),
            used: vec![0; scenario.proxies.len() + scenario.further.len()],
            last_sent: HashMap::new(),
            last_begun: HashMap::new(),
            done: HashSet::new(),
            delivered: HashSet::new(),
            through: Seq::default(),
            cursors: HashMap::new(),
            requests: HashMap::new(),
            bound: HashMap::new(),
            restarts: true,
            restarted: false,
            charges: 0,
            retries: 0,
            downs: Downs::of(&scenario),
            room: scenario.limits.bounds.min_free.is_none(),
            figures: Figures::default(),
            tasks: HashMap::new(),
            events: 0,
            ended: None,
            trail: VecDeque::new(),
            rng,
            scenario,
        };
        world.start_all();
        if let Some(after) = world.scenario.restart_after {
            world.later(after, Coming::Restart);
        }
        world.look_at_disks();
        for after in world.scenario.edits.clone() {
            world.later(after, Coming::Edit);
        }
        if let Some(after) = world.scenario.stop_after {
            world.later(after, Coming::Event(Event::Stop(Signal::Interrupt)));
        }
        world
    }

    /// The disks are looked at some times; in the end they have room, or else nothing would.
    fn look_at_disks(&mut self) {
        if self.scenario.limits.bounds.min_free.is_none() {
            return;
        }
        let mut wait = Duration::ZERO;
        // Drawn apart, so that a seed stays what it is.
        let mut rng = fastrand::Rng::with_seed(self.scenario.seed ^ 0xd15c);
        for looks_left in (0..rng.u8(1..8)).rev() {
            let bytes = if looks_left == 0 { 200 } else { rng.u64(0..200) };
            let free = Free { bytes, place: Path::new("/runs").into() };
            self.later(wait, Coming::Event(Event::Free(Some(free))));
            wait += Duration::from_millis(rng.u64(0..5000));
        }
    }

    fn start_all(&mut self) {
        for slot in 0..self.scenario.limits.workers {
            let id = WorkerId { slot: slot as u16, incarnation: 0 };
            self.later(Duration::from_millis(slot as u64), Coming::Start(id));
        }
    }

    /// All that is not in the store is gone. What the feeds have not got of it, they read there.
    fn restart(&mut self) {
        for (_, coming) in std::mem::take(&mut self.coming) {
            if let Coming::Event(Event::Committed(committed)) = coming {
                for stored in committed.records {
                    self.through = stored.seq;
                    self.delivered.insert((stored.record.task, stored.record.index));
                }
            }
        }
        (self.workers, self.jobs, self.bound) = Default::default();
        (self.hands, self.in_use, self.out_at, self.asked, self.starving) = Default::default();
        (self.epochs, self.handed_back) = (HashMap::new(), HandedBack::No);
        // What was about to be sent is not; what was sent counts for the next process too.
        let now = self.now;
        self.last_sent.retain(|_, sent| *sent <= now);
        (self.claims_out, self.commits_out, self.restarts, self.restarted) = (0, 0, true, true);
        self.store.recover().expect("recovered");
        let endpoints = self.file.endpoints();
        self.numbers = endpoints.iter().map(|endpoint| File::number(&endpoint.label)).collect();
        self.kinds = self.numbers.iter().map(|&number| self.scenario.kind(number)).collect();
        self.slots = self.scenario.limits.workers as u16;
        let routes: Vec<Route> = endpoints.into_iter().map(Route::Proxy).collect();
        let kept: Vec<Kept> = KEPT.iter().flat_map(|kind| self.store.kept(kind).expect("what is kept")).collect();
        let mut limits = self.scenario.limits.clone();
        limits.stored = self.through;
        limits.resumed_at = Some(self.now);
        self.desk = Desk::new(limits, &routes, &kept, self.now);
        self.start_all();
        self.look_at_disks();
        for feed in 0..self.scenario.limits.feeds {
            let cursor = Cursor { feed: FeedId(feed as u16), through: self.through, bytes: 0, tail: 0 };
            self.later(Duration::from_millis(1), Coming::Event(Event::Flushed(cursor)));
        }
    }

    /// Runs to the end, checking everything on the way.
    pub(super) fn run(mut self) -> End {
        for _ in 0..5_000_000 {
            let Some(((at, _), coming)) = self.coming.pop_first() else { break };
            assert!(at >= self.now);
            self.now = at;
            assert!(self.now.as_micros() < 1_000_000 * 86_400 * 30, "still going after 30 days\n{}", self.story());
            self.check_starving();
            self.happen(coming);
            if let Some(ending) = self.ended.take() {
                return self.audit(ending);
            }
        }
        panic!("it never ends: nothing is to come and it has not said that it is over\n{}", self.story());
    }

    fn trace(&mut self, line: impl FnOnce(u64) -> String) {
        if self.scenario.told == Telling::All {
            self.trail.push_back(line(self.now.as_micros()));
            if self.trail.len() > LAST_EVENTS {
                self.trail.pop_front();
            }
        }
    }

    fn story(&self) -> String {
        let (proxies, last) = (self.scenario.proxies.len(), Vec::from(self.trail.clone()).join("\n"));
        let small =
            Scenario { proxies: self.scenario.proxies.iter().take(20).copied().collect(), ..self.scenario.clone() };
        format!("{small:#?} ({proxies} proxies)\nlast events:\n{last}")
    }

    fn later(&mut self, wait: Duration, coming: Coming) {
        self.number += 1;
        self.coming.insert((self.now + wait, self.number), coming);
    }

    fn soon(&mut self) -> Duration {
        Duration::from_micros(self.rng.u64(1..2000))
    }

    fn happen(&mut self, coming: Coming) {
        match coming {
            Coming::Event(event) => {
                if let Event::Free(free) = &event {
                    self.room = free.as_ref().is_none_or(|free| free.bytes >= 100);
                }
                self.tell(event);
            }
            Coming::Timer(number) if number == self.timer => self.tell(Event::Timer),
            Coming::Timer(_) => {}
            Coming::Start(id) => self.start(id),
            Coming::Restart => self.restart(),
            Coming::Edit => {
                let all = self.scenario.proxies.len() + self.scenario.further.len();
                self.file.edit(all, &mut self.rng);
                self.tell(Event::ProxiesRead(self.file.endpoints()));
            }
            Coming::JobEnds(number) => self.job_ends(number),
            Coming::LastWord(proxy, host, event) => {
                self.is_back(proxy, &host);
                self.tell(event);
            }
            Coming::Reply(id, proxy) => {
                if let Some(worker) = self.worker(id)
                    && worker.proxy == Some(proxy)
                    && worker.spent
                {
                    worker.spent = false;
                    self.hold(id, None);
                    self.tell(Event::Replace { worker: id, proxy, why: Why::Spent });
                }
            }
        }
    }

    fn worker(&mut self, id: WorkerId) -> Option<&mut Worker> {
        self.workers.get_mut(&id.slot).filter(|worker| worker.alive && worker.incarnation == id.incarnation)
    }

    /// What a worker has in its hands from now on.
    fn hold(&mut self, id: WorkerId, proxy: Option<ProxyRef>) {
        self.let_go(id.slot);
        let Some(worker) = self.worker(id) else { return };
        worker.proxy = proxy;
        if let Some(proxy) = proxy {
            let other = self.hands.insert(proxy.id, id.slot);
            assert!(other.is_none(), "I3: one proxy, two workers\n{}", self.story());
        }
    }

    fn let_go(&mut self, slot: u16) {
        if let Some(proxy) = self.workers.get_mut(&slot).and_then(|worker| worker.proxy.take()) {
            self.hands.remove(&proxy.id);
        }
    }

    fn start(&mut self, id: WorkerId) {
        if !self.restarts && id.incarnation > 0 {
            return;
        }
        self.let_go(id.slot);
        self.workers.insert(id.slot, Worker { incarnation: id.incarnation, alive: true, ..Worker::default() });
        self.tell(Event::Ready(id));
    }

    fn tell(&mut self, event: Event) {
        match &event {
            Event::Claimed(_) => self.claims_out -= 1,
            Event::Committed(_) | Event::StoreFailed { what: StoreCall::Commit, .. } => self.commits_out -= 1,
            _ => {}
        }
        if matches!(
            event,
            Event::Claimed(_) | Event::Committed(_) | Event::Flushed(_) | Event::Free(_) | Event::WorkerFinished(_)
        ) {
            self.last_word = self.now;
        }
        self.trace(|now| format!("{now} {event:?}"));
        for order in self.desk.handle(event, self.now) {
            self.trace(|_| format!("    {order:?}"));
            self.obey(order);
        }
        self.check();
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Bind { worker: worker_id, proxy, route } => {
                assert!(self.file.has(&route), "bound as it is not in the file (any more)\n{}", self.story());
                let earlier = self.epochs.insert(proxy.id, proxy.epoch);
                assert!(earlier < Some(proxy.epoch), "I3: a lease under an old epoch\n{}", self.story());
                if let Some(worker) = self.worker(worker_id) {
                    assert_eq!(worker.jobs, 0, "bound while it works");
                    worker.route = Some(route);
                    worker.spent = false;
                    self.hold(worker_id, Some(proxy));
                }
            }
            Order::Fetch { worker, assignment, task, gap, clearance: _, patience } => {
                self.fetch(worker, assignment, task, gap, patience);
            }
            Order::Spent { worker: id, proxy } => {
                let wait = self.soon();
                if let Some(worker) = self.worker(id)
                    && worker.proxy == Some(proxy)
                {
                    worker.spent = true;
                    if worker.jobs == 0 {
                        self.later(wait, Coming::Reply(id, proxy));
                    }
                }
            }
            Order::Park(id) => {
                if let Some(worker) = self.worker(id) {
                    assert_eq!(worker.jobs, 0);
                    self.hold(id, None);
                }
            }
            Order::FinishWorker(id) => {
                let wait = self.soon();
                if let Some(worker) = self.worker(id) {
                    worker.alive = false;
                    self.let_go(id.slot);
                    self.later(wait, Coming::Event(Event::WorkerFinished(id)));
                }
            }
            Order::Claim { n, barred } => {
                self.claims_out += 1;
                let claim = self.store.claim(n, self.now, &barred).expect("a claim");
                assert!(claim.tasks.len() <= n);
                self.store_replies(Event::Claimed(claim));
            }
            Order::Commit { batch, cursors, kept } => self.commit(&batch, &cursors, &kept),
            Order::HandBack(leases) => {
                self.store.hand_back(&leases).expect("handed back");
                self.handed_back = HandedBack::Yes;
            }
            Order::Stored { through, records } => self.deliver(through, records),
            Order::FlushSink => {}
            Order::FinishSink => {
                let wait = self.soon();
                self.later(wait, Coming::Event(Event::SinkFinished));
            }
            Order::Workers(slots) => {
                assert!(usize::from(slots) <= self.scenario.limits.most_workers, "more workers than there may be");
                let there = self.slots;
                self.slots = slots;
                for slot in there..slots {
                    let wait = self.soon();
                    self.later(wait, Coming::Start(WorkerId { slot, incarnation: 0 }));
                }
            }
            Order::NoRestarts => self.restarts = false,
            Order::WakeAt(at) => {
                assert!(at > self.now, "a timer for now would run in circles");
                self.timer += 1;
                let timer = Coming::Timer(self.timer);
                self.later(at.since(self.now), timer);
            }
            Order::Note(notice) => self.noted(notice),
            Order::Finished(ending) => self.ended = Some(ending),
        }
    }

    fn store_replies(&mut self, event: Event) {
        let takes = self.soon().mul_f64(self.scenario.store_takes.as_secs_f64() / 0.002);
        self.store_busy_until = self.store_busy_until.max(self.now) + takes;
        let wait = self.store_busy_until.since(self.now);
        self.later(wait, Coming::Event(event));
    }

    fn commit(&mut self, batch: &[Settlement], cursors: &[Cursor], kept: &[Kept]) {
        self.commits_out += 1;
        if self.rng.f64() < self.scenario.commit_failure {
            return self.store_replies(Event::StoreFailed { what: StoreCall::Commit, error: "disk full".to_owned() });
        }
        self.cursors.extend(cursors.iter().map(|cursor| (cursor.feed, cursor.through)));
        let committed = self.store.commit(&Batch { kept, ..Batch::of_pages(batch) }, self.now).expect("a commit");
        for (settlement, new_links) in batch.iter().zip(&committed.new_links) {
            assert!(new_links.is_some(), "a settlement under an old lease");
            // What a robots.txt bars was never given out.
            if let Some(task) = self.tasks.get(&settlement.task) {
                self.figures.settled(settlement, self.site.kind(task));
            }
            self.retries += u64::from(matches!(settlement.fate, Fate::Retry { .. }));
            if settlement.fate == Fate::Done {
                let url = self.tasks[&settlement.task].request.url.to_string();
                let is_new = self.done.insert(settlement.task) && self.done_urls.insert(url);
                assert!(is_new, "I1: done twice\n{}", self.story());
            }
        }
        self.store_replies(Event::Committed(committed));
    }

    fn deliver(&mut self, through: Seq, records: Vec<crate::record::StoredRecord>) {
        for stored in records {
            assert!(stored.seq > self.through, "I2: records out of order");
            self.through = stored.seq;
            let key = (stored.record.task, stored.record.index);
            assert!(self.delivered.insert(key), "I2: a record twice\n{}", self.story());
        }
        assert_eq!(self.through, through);
        for feed in 0..self.scenario.limits.feeds {
            let cursor = Cursor { feed: FeedId(feed as u16), through, bytes: 0, tail: 0 };
            let wait = self.soon();
            self.later(wait, Coming::Event(Event::Flushed(cursor)));
        }
    }

    fn noted(&mut self, notice: Notice) {
        self.figures.heard(&notice, &self.kinds);
        self.downs.heard(&notice, self.now);
        match notice {
            Notice::Bound { worker, proxy } => {
                let other = self.bound.insert(proxy.id, (worker, proxy));
                assert!(other.is_none(), "I3: bindings of one proxy overlap\n{}", self.story());
            }
            Notice::Released { proxy, .. } => {
                assert_eq!(self.bound.remove(&proxy.id).map(|(_, bound)| bound), Some(proxy));
            }
            Notice::Added { proxy, label } => {
                let number = File::number(&label);
                if proxy.0 as usize == self.kinds.len() {
                    self.kinds.push(self.scenario.kind(number));
                    self.numbers.push(number);
                }
            }
            Notice::Charged { .. } => self.charges += 1,
            _ => {}
        }
    }

    fn fetch(
        &mut self,
        id: WorkerId,
        assignment: Assignment,
        task: Arc<Task>,
        gap: Duration,
        patience: Option<Duration>,
    ) {
        self.tasks.insert(task.id, Arc::clone(&task));
        let in_use = self.in_use.get(&assignment.proxy.id).copied().unwrap_or_default();
        assert_eq!(in_use, 0, "I3: a proxy in two hands\n{}", self.story());
        let room = self.room;
        let Some(worker) = self.worker(id) else {
            let wait = self.soon();
            return self.later(wait, Coming::Event(Event::Abandoned(assignment)));
        };
        assert_eq!(worker.proxy, Some(assignment.proxy), "I4: a task for a worker without that proxy");
        assert!(room, "a fetch while a disk has too little room");
        assert_eq!(worker.jobs, 0, "more than it can carry");
        assert!(!worker.spent, "a task through a spent proxy");
        worker.jobs += 1;
        let route = worker.route.clone().expect("a route");
        self.check_host(&task.host);
        self.check_robots(&task);
        assert!(self.file.has(&route), "a task by a proxy or password that is not in the file\n{}", self.story());
        let is_control = assignment.epoch == Epoch::default();
        self.figures.controls += u64::from(is_control);
        let kind = self.kinds[assignment.proxy.id.0 as usize];
        let used = &mut self.used[self.numbers[assignment.proxy.id.0 as usize]];
        *used += 1;
        let answer = self.site.answer(&task, kind, *used, &mut self.rng);
        let dials = self.soon();
        let answer = impatient(self.downs.spoil(&task.host, answer, self.now + dials), patience);
        if answer.verdict == Verdict::Done && !is_control {
            self.downs.done(&task.host, assignment.proxy.id, self.now + dials + answer.takes);
        }
        let meters = self.meters(&task, assignment, &answer, dials, gap);
        let takes = dials + answer.takes;
        let outcome = self.outcome(id, assignment, &task, answer.verdict, meters, takes);
        self.number += 1;
        let number = self.number;
        *self.in_use.entry(assignment.proxy.id).or_default() += 1;
        *self.out_at.entry(task.host.clone()).or_default() += 1;
        self.jobs.insert(number, Job { worker: id, assignment, task, outcome });
        self.later(takes, Coming::JobEnds(number));
    }

    /// A page is asked for: its host's robots.txt lets us, as far as no proxy can have lied about it, be it one that has left since.
    fn check_robots(&self, task: &Task) {
        let is_honest = |number| matches!(self.scenario.kind(number), ProxyKind::Good | ProxyKind::Dead);
        let honest = (0..self.used.len()).all(|number| self.used[number] == 0 || is_honest(number));
        if self.scenario.limits.robots.obey && honest && !task.stage.is_robots() {
            assert!(self.site.lets_in(task), "{} is barred by robots.txt\n{}", task.request.url, self.story());
        }
    }

    /// A fetch begins: the caps of its host hold.
    fn check_host(&mut self, host: &HostKey) {
        let pace = self.scenario.limits.pace;
        let out = self.out_at.get(host).copied().unwrap_or_default();
        let cap = pace.host_in_flight.map_or(u32::MAX, |most| most.get());
        assert!(out < cap, "I7: {out} are out at {host} already\n{}", self.story());
        if let (Some(before), Some(gap)) = (self.last_begun.insert(host.clone(), self.now), pace.host_gap) {
            // A timer that came late is made up for.
            let apart = self.now.since(before);
            assert!(apart >= gap / 2, "I7: {host} is asked again after {apart:?}\n{}", self.story());
        }
    }

    fn meters(
        &mut self,
        task: &Task,
        assignment: Assignment,
        answer: &Answer,
        dials: Duration,
        gap: Duration,
    ) -> Meters {
        if !answer.sent {
            return Meters::default();
        }
        let sent = self.now + dials;
        let requests = self.requests.entry(task.id).or_default();
        // A page is done only once, but may be asked for again to try a proxy.
        *requests += u32::from(assignment.epoch != Epoch::default());
        self.figures.requests += 1;
        // What a dead process had not committed is not counted.
        assert!(
            self.restarted || *requests <= self.scenario.limits.retry.max_requests,
            "I5: too many requests\n{}",
            self.story()
        );
        assert!(gap >= self.scenario.limits.pace.delay);
        let asked = self.asked.entry(assignment.proxy.id).or_default();
        *asked += 1;
        let most = self.scenario.limits.proxies.max_requests.unwrap_or(u64::MAX);
        assert!(*asked <= most, "more requests through a proxy than its budget\n{}", self.story());
        if let Some(before) = self.last_sent.insert((assignment.proxy.id, task.host.clone()), sent) {
            let apart = sent.since(before);
            assert!(apart >= self.scenario.limits.pace.delay, "I7: only {apart:?} apart\n{}", self.story());
        }
        let status = match answer.verdict.reason().and_then(|reason| reason.code.strip_prefix("status.")) {
            Some(status) => status.parse().ok(),
            None => answer.is_whole().then_some(200),
        };
        let sent = vec![(task.host.clone(), sent)];
        Meters { sent, requests: 1, status, head: answer.takes, ..Meters::default() }
    }

    fn outcome(
        &mut self,
        worker: WorkerId,
        assignment: Assignment,
        task: &Arc<Task>,
        verdict: Verdict,
        meters: Meters,
        takes: Duration,
    ) -> Option<Box<Outcome>> {
        if self.rng.f64() < self.scenario.loss {
            return None;
        }
        let (links, records) = match verdict {
            Verdict::Done => self.site.harvest(task, self.now + takes),
            _ => (Vec::new(), Vec::new()),
        };
        // What bars everything comes with what it says.
        let had = matches!(&verdict, crate::verdict::Verdict::Done)
            || verdict.reason().is_some_and(|reason| reason.code == "robots.bars_everything");
        let robots = if task.stage.is_robots() && had { self.site.rules(task) } else { None };
        let next = Next::Ready;
        Some(Box::new(Outcome {
            worker,
            assignment,
            verdict,
            links,
            records,
            missing: Vec::new(),
            robots,
            meters,
            next,
        }))
    }

    fn job_ends(&mut self, number: u64) {
        let Some(job) = self.jobs.remove(&number) else { return };
        let dies = self.rng.f64() < self.scenario.death;
        let wait = self.soon();
        let mut reply = None;
        let alive = self.worker(job.worker).map(|worker| {
            worker.jobs -= 1;
            if worker.spent {
                reply = worker.proxy;
            }
        });
        let event = match job.outcome {
            Some(mut outcome) => {
                if reply.is_some() {
                    outcome.next = Next::Closing;
                }
                Event::Fetched(outcome)
            }
            None => Event::Abandoned(job.assignment),
        };
        if alive.is_some() && dies {
            return self.die(job.worker, event, job.task.host.clone());
        }
        self.is_back(job.assignment.proxy.id, &job.task.host);
        self.tell(event);
        if let Some(proxy) = reply {
            self.later(wait, Coming::Reply(job.worker, proxy));
        }
    }

    /// A fetch is out no longer.
    fn is_back(&mut self, proxy: ProxyId, host: &HostKey) {
        self.in_use.entry(proxy).and_modify(|out| *out -= 1);
        self.out_at.entry(host.clone()).and_modify(|out| *out -= 1);
    }

    /// A worker dies at the end of a job: its outcome may still come, late, or be lost, and until then the proxy is in use; the
    /// obituary comes at some time; the next incarnation may be there before it.
    fn die(&mut self, id: WorkerId, last: Event, host: HostKey) {
        self.hold(id, None);
        if let Some(worker) = self.worker(id) {
            worker.alive = false;
        }
        let (proxy, last) = match last {
            Event::Fetched(outcome) if self.rng.bool() => (outcome.assignment.proxy.id, Event::Fetched(outcome)),
            Event::Fetched(outcome) => (outcome.assignment.proxy.id, Event::Abandoned(outcome.assignment)),
            Event::Abandoned(assignment) => (assignment.proxy.id, Event::Abandoned(assignment)),
            other => unreachable!("{other:?} is no end of a job"),
        };
        let waits = [self.soon(), self.soon(), self.soon() + Duration::from_millis(self.rng.u64(0..3))];
        let late = if self.rng.bool() { Duration::from_millis(self.rng.u64(0..3000)) } else { Duration::ZERO };
        self.later(waits[0] + late, Coming::LastWord(proxy, host, last));
        self.later(waits[1], Coming::Event(Event::Gone(id)));
        let next = WorkerId { incarnation: id.incarnation + 1, ..id };
        self.later(waits[2], Coming::Start(next));
    }

    /// What must hold after every event.
    fn check(&mut self) {
        assert!(self.claims_out <= 1 && self.commits_out <= 1, "more than one call of a kind to the store");
        let stats = self.store.stats();
        assert_eq!(
            stats.found,
            stats.ready + stats.delayed + stats.leased + stats.done + stats.gone + stats.dead + stats.excluded,
            "the frontier lost count"
        );
        self.events += 1;
        let is_time = self.events.is_multiple_of(self.scenario.check_every);
        // Whoever was found hungry is looked at again after each event.
        if is_time || self.starving.is_some() {
            self.look_for_the_hungry();
        }
        if is_time && let Some(idle) = self.desk.idle_with_work(self.now) {
            panic!("I8: {idle:?} is idle while a task may go to it\n{}", self.story());
        }
        if self.events.is_multiple_of(self.scenario.check_every * AUDIT_EVERY) {
            self.audit_desk();
        }
    }

    /// Is somebody idle with an unclaimed task to go to it, that the Desk can know of?
    fn look_for_the_hungry(&mut self) {
        let store_is_silent = self.claims_out == 0 && self.commits_out == 0;
        let hungry = audit::starving(&mut self.desk, &self.store, self.now).filter(|_| store_is_silent);
        self.starving = hungry.map(|worker| self.starving.unwrap_or((self.now, worker)));
    }

    /// What costs as much as the Desk holds.
    fn audit_desk(&mut self) {
        let wrong = audit::contradictions(&self.desk);
        assert!(wrong.is_empty(), "the Desk contradicts itself: {wrong:?}\n{}", self.story());
        if self.claims_out == 0 && self.commits_out == 0 && self.handed_back == HandedBack::No {
            let of_frontier = self.desk.held.values().filter(|held| !held.task.stage.is_robots()).count();
            let known = (of_frontier + self.desk.ledger.uncommitted()) as u64;
            let leased = self.store.stats().leased;
            // A store that is given up keeps the leases of what it could not take: the next start recovers them.
            let is_given_up = self.desk.phase.has_failed() || matches!(self.ended, Some(Ending::Failed { .. }));
            let holds = leased == known || (leased > known && is_given_up);
            assert!(holds, "{leased} leases in the store, and {known} tasks in the Desk\n{}", self.story());
        }
    }

    /// Nobody may have been idle for longer than a claim takes, with a task there that nobody has claimed.
    fn check_starving(&self) {
        if let Some((since, worker)) = self.starving {
            let long = self.now.since(since) > A_CLAIM;
            assert!(!long, "I8: {worker:?} is idle since {since:?}, an unclaimed task may go to it\n{}", self.story());
        }
    }

    /// What must hold at the end.
    fn audit(self, ending: Ending) -> End {
        let stats = self.store.stats();
        let story = || self.story();
        assert_eq!(self.delivered.len() as u64, stats.records, "I2: records lost\n{}", story());
        // A store that failed again and again keeps the leases of what could not be committed: the next start recovers them.
        let store_broke = matches!(ending, Ending::Failed { .. });
        assert!(stats.leased == 0 || store_broke, "a task is still leased\n{}", story());
        if ending == Ending::Complete {
            let late = self.now.since(self.last_word);
            assert!(late < A_CLAIM, "I5: it ended {late:?} after there was nothing left\n{}", story());
            assert_eq!(
                stats.found,
                self.site.reachable(&self.done_urls),
                "pages were not found, or found twice\n{}",
                story()
            );
            assert_eq!(stats.left(), 0, "I5: it ended with work left\n{}", story());
            assert_eq!(stats.unread, Some(0));
            assert_eq!(self.store.dead_letters().expect("dead letters").len() as u64, stats.dead);
        }
        if let Some(limit) = self.scenario.limits.bounds.pages {
            assert!(stats.done <= limit, "more pages than asked for\n{}", story());
        }
        for feed in 0..self.scenario.limits.feeds {
            let known = self.cursors.get(&FeedId(feed as u16)).copied().unwrap_or_default();
            assert!(known == self.through || store_broke, "a cursor is not committed\n{}", story());
        }
        let has_good = self.kinds.contains(&ProxyKind::Good) && self.scenario.edits.is_empty();
        let has_no_end = self.scenario.limits.proxies.budget() == Budget::default();
        // A rotating line does not cool: its worker stays with it, however bad it is and however good the others are.
        let may_rest = !self.scenario.limits.proxies.rotating;
        // What is down before the first page looks like a pool that never worked.
        let never_worked = !self.scenario.downs.is_empty() && stats.done == 0;
        if has_good && has_no_end && may_rest && !never_worked && self.scenario.bad_pages == 0.0 {
            assert!(!matches!(ending, Ending::NoProxy { .. }), "gave up with a good proxy in the pool\n{}", story());
        }
        let mut figures = self.figures;
        figures.ended(Timestamp::from_micros(1_000_000_000), self.now);
        End {
            ending,
            stats,
            details: self.site.details(),
            charges: self.charges,
            retries: self.retries,
            are_noticed_in_time: self.downs.are_noticed_in_time(),
            noticed: self.downs.noticed,
            figures,
        }
    }
}
