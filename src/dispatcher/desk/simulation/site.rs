//! The made-up site: what a page says through a proxy, and what is on it.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::scenario::{BadPages, PageKind, ProxyKind, RobotsKind, Scenario};
use crate::clock::Timestamp;
use crate::frontier::Seeds;
use crate::pace::robots::Rules;
use crate::record::{Provenance, Record};
use crate::task::{Exclusion, NewTask, Request, StageId, Task};
use crate::verdict::{Certainty, Reason, Verdict};

pub(super) const LIST: StageId = StageId(0);
pub(super) const DETAIL: StageId = StageId(1);
/// What a robots.txt bars that bars some.
const BARRED: [&str; 2] = ["/list/1", "/detail/0-"];

/// The pages and what has happened to them.
pub(super) struct Site {
    lists: u32,
    per_list: u32,
    hosts: u32,
    secure: bool,
    kinds: HashMap<String, PageKind>,
    asked: HashMap<String, u32>,
    robots: HashMap<String, RobotsKind>,
    /// Requests that have reached it, and those among them at which everybody is asked to wait.
    requests: u32,
    wave: Range<u32>,
}

/// What a fetch comes to.
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    pub(super) takes: Duration,
    /// Did a request go out?
    pub(super) sent: bool,
}

impl Answer {
    /// Has it come to its end?
    pub(super) fn is_whole(&self) -> bool {
        let broken = |reason: &Reason| {
            ["closed", "body.cut", "tunnel.refused"].contains(&&*reason.code) || reason.code.starts_with("timeout")
        };
        !self.verdict.reason().is_some_and(broken)
    }
}

impl Site {
    pub(super) fn new(scenario: &Scenario, rng: &mut fastrand::Rng) -> Self {
        let Scenario { lists, per_list, hosts, secure, bad_pages, bad, .. } = *scenario;
        let mut site = Self {
            lists,
            per_list,
            hosts,
            secure,
            kinds: HashMap::new(),
            asked: HashMap::new(),
            robots: robots(scenario),
            requests: 0,
            wave: scenario.wave.clone(),
        };
        let urls: Vec<String> =
            (0..lists).flat_map(|list| site.links(list).into_iter().chain([site.list(list)])).collect();
        for url in urls {
            let kind = match bad {
                BadPages::Any if rng.f64() < bad_pages => bad_page(rng),
                BadPages::Details(kinds) if url.contains("/detail/") && rng.f64() < bad_pages => {
                    kinds[rng.usize(0..kinds.len())]
                }
                BadPages::Any | BadPages::Details(_) => PageKind::Good,
            };
            site.kinds.insert(url, kind);
        }
        site
    }

    fn list(&self, list: u32) -> String {
        format!("http://h{}.test/list/{list}", list % self.hosts)
    }

    /// Links of a list page: its own details, and one of its neighbour's.
    fn links(&self, list: u32) -> Vec<String> {
        let detail = |of: u32, n: u32| format!("http://h{}.test/detail/{of}-{n}", (of + n) % self.hosts);
        let own = (0..self.per_list).map(|n| detail(list, n));
        let neighbour = (self.per_list > 0).then(|| detail((list + 1) % self.lists, 0));
        own.chain(neighbour).collect()
    }

    pub(super) fn details(&self) -> u64 {
        u64::from(self.lists) * u64::from(self.per_list)
    }

    /// What `task` says through a proxy of that kind that has been used `used` times.
    pub(super) fn answer(&mut self, task: &Task, proxy: ProxyKind, used: u32, rng: &mut fastrand::Rng) -> Answer {
        let quick = Duration::from_millis(rng.u64(1..400));
        let lost = |verdict, takes| Answer { verdict, takes, sent: true };
        let stalled = || {
            let verdict = Verdict::Doubtful(Reason::new("timeout.head", "no head in time"));
            lost(verdict, Duration::from_secs(15))
        };
        match proxy {
            ProxyKind::Dead => Answer {
                verdict: Verdict::ProxyBroken(Reason::new("proxy.refused", "refused")),
                takes: Duration::from_millis(1),
                sent: false,
            },
            ProxyKind::Denying => {
                let verdict = Verdict::ProxyDenied(Reason::new("proxy.auth", "407"));
                Answer { verdict, takes: Duration::from_millis(2), sent: false }
            }
            ProxyKind::Flaky(share) if rng.f64() < share => {
                lost(Verdict::Doubtful(Reason::new("closed", "closed before the head")), quick)
            }
            ProxyKind::Banning(after) if used > after => lost(Verdict::Banned(Reason::new("status.403", "403")), quick),
            ProxyKind::SoftBanning(after) if used > after => {
                lost(Verdict::Doubtful(Reason::new("field.missing", "a captcha")), quick)
            }
            ProxyKind::Stalling => stalled(),
            ProxyKind::StallingAfter(after) if used > after => stalled(),
            ProxyKind::Lying(every) if !self.secure && used.is_multiple_of(every) => {
                lost(Verdict::Gone(Certainty::Doubtful, Reason::new("status.404", "404")), quick)
            }
            ProxyKind::Erring(every) if !self.secure && used.is_multiple_of(every) => {
                lost(Verdict::Failing(Certainty::Doubtful, Reason::new("status.503", "503")), quick)
            }
            ProxyKind::Garbling(share) if rng.f64() < share => {
                lost(Verdict::ProxyBroken(Reason::new("proxy.garbage", "not HTTP")), quick)
            }
            ProxyKind::Throttled(every) if used.is_multiple_of(every) => {
                let reason = Reason::new("status.429", "429");
                lost(Verdict::Throttled { retry_after: Some(Duration::from_secs(rng.u64(0..20))), reason }, quick)
            }
            ProxyKind::Good
            | ProxyKind::Erring(_)
            | ProxyKind::Garbling(_)
            | ProxyKind::Throttled(_)
            | ProxyKind::Flaky(_)
            | ProxyKind::Banning(_)
            | ProxyKind::SoftBanning(_)
            | ProxyKind::StallingAfter(_)
            | ProxyKind::Lying(_) => {
                let stuck = self.kind(task) == PageKind::Stuck;
                lost(self.page(task), if stuck { Duration::from_secs(15) } else { quick })
            }
        }
    }

    /// The robots.txt of a task's host.
    fn robots_kind(&self, task: &Task) -> RobotsKind {
        let host = task.request.url.host_str().unwrap_or_default();
        self.robots.get(host).copied().unwrap_or(RobotsKind::Absent)
    }

    /// Does its host let us ask for a page?
    pub(super) fn lets_in(&self, task: &Task) -> bool {
        match self.robots_kind(task) {
            RobotsKind::Absent | RobotsKind::Open | RobotsKind::Forbidden | RobotsKind::Page => true,
            RobotsKind::Some | RobotsKind::Late(_) => {
                !BARRED.iter().any(|path| task.request.url.path().starts_with(path))
            }
            RobotsKind::All | RobotsKind::Broken => false,
        }
    }

    /// What a robots.txt says that was had.
    pub(super) fn rules(&self, task: &Task) -> Option<Arc<Rules>> {
        let text = match self.robots_kind(task) {
            RobotsKind::Some | RobotsKind::Late(_) => BARRED.map(|path| format!("Disallow: {path}\n")).concat(),
            RobotsKind::All => "Disallow: /\n".to_owned(),
            RobotsKind::Open => "Allow: /\n".to_owned(),
            RobotsKind::Absent | RobotsKind::Forbidden | RobotsKind::Page | RobotsKind::Broken => return None,
        };
        Some(Arc::new(Rules::parse(format!("User-agent: *\n{text}").as_bytes(), "burdock")))
    }

    fn robots_txt(&mut self, task: &Task) -> Verdict {
        let kind = self.robots_kind(task);
        let times = self.asked.entry(task.request.url.as_str().to_owned()).or_default();
        *times += 1;
        let certainty = if self.secure { Certainty::Sure } else { Certainty::Doubtful };
        let broken = || Verdict::Failing(certainty, Reason::new("status.500", "500"));
        match kind {
            RobotsKind::Absent => Verdict::Gone(certainty, Reason::new("status.404", "404")),
            RobotsKind::Open | RobotsKind::Some => Verdict::Done,
            RobotsKind::All if self.secure => Verdict::Done,
            RobotsKind::All => Verdict::Rejected(certainty, Reason::new("robots.bars_everything", "all")),
            RobotsKind::Forbidden => Verdict::Banned(Reason::new("status.403", "403")),
            RobotsKind::Page => Verdict::Doubtful(Reason::new("robots.not_text", "a page")),
            RobotsKind::Late(first) if *times <= first => broken(),
            RobotsKind::Late(_) => Verdict::Done,
            RobotsKind::Broken => broken(),
        }
    }

    pub(super) fn kind(&self, task: &Task) -> PageKind {
        self.kinds.get(task.request.url.as_str()).copied().unwrap_or(PageKind::Good)
    }

    fn page(&mut self, task: &Task) -> Verdict {
        if task.stage.is_robots() {
            return self.robots_txt(task);
        }
        self.requests += 1;
        if self.wave.contains(&self.requests) {
            return Verdict::Throttled { retry_after: None, reason: Reason::new("status.429", "429") };
        }
        let (url, kind) = (task.request.url.as_str(), self.kind(task));
        let times = self.asked.entry(url.to_owned()).or_default();
        *times += 1;
        let certainty = if self.secure { Certainty::Sure } else { Certainty::Doubtful };
        match kind {
            PageKind::Good => Verdict::Done,
            PageKind::Gone => Verdict::Gone(certainty, Reason::new("status.404", "404")),
            PageKind::Broken => Verdict::Failing(certainty, Reason::new("status.500", "500")),
            PageKind::Forbidden => Verdict::Banned(Reason::new("status.403", "403")),
            PageKind::Incomplete => Verdict::Doubtful(Reason::new("field.missing", "no title")),
            PageKind::Cut => Verdict::Doubtful(Reason::new("body.cut", "cut")),
            PageKind::Stuck => Verdict::Doubtful(Reason::new("timeout.body", "no end in time")),
            PageKind::Endless => Verdict::Unusable(Reason::new("body.too_large", "endless")),
            PageKind::Throttled(first) if *times <= first => {
                Verdict::Throttled { retry_after: None, reason: Reason::new("status.429", "429") }
            }
            PageKind::Throttled(_) => Verdict::Done,
            PageKind::Astray => Verdict::Excluded(Exclusion::ForeignHost, Reason::new("foreign_host", "elsewhere")),
            PageKind::Deadly => Verdict::Panicked(Reason::new("panic", "boom")),
        }
    }

    /// What a good answer to `task` holds.
    pub(super) fn harvest(&self, task: &Arc<Task>, now: Timestamp) -> (Vec<NewTask>, Vec<Record>) {
        if task.stage.is_robots() {
            return (Vec::new(), Vec::new());
        }
        if task.stage == DETAIL {
            return (Vec::new(), vec![record(task, now)]);
        }
        let list = task.request.url.path().rsplit('/').next().and_then(|text| text.parse().ok()).unwrap_or(0);
        let referrer: Arc<str> = task.request.url.as_str().into();
        let link = |url: &String| NewTask { referrer: Some(Arc::clone(&referrer)), ..new_task(DETAIL, url) };
        (self.links(list).iter().map(link).collect(), Vec::new())
    }

    /// How many pages there are to be found, with these done.
    pub(super) fn reachable(&self, done: &HashSet<String>) -> u64 {
        let lists = (0..self.lists).map(|list| (self.list(list), list));
        let read = lists.clone().filter(|(url, _)| done.contains(url)).flat_map(|(_, list)| self.links(list));
        read.chain(lists.map(|(url, _)| url)).collect::<HashSet<String>>().len() as u64
    }

    pub(super) fn seeds(&self) -> Box<dyn Seeds> {
        let urls: Vec<String> = (0..self.lists).map(|list| self.list(list)).collect();
        Box::new(Starts(urls.into_iter()))
    }
}

/// Drawn apart, so that a seed stays what it is.
fn robots(scenario: &Scenario) -> HashMap<String, RobotsKind> {
    let mut rng = fastrand::Rng::with_seed(scenario.seed ^ 0x0b07);
    let mut kind = || match rng.u32(0..if scenario.bad_pages > 0.0 { 8 } else { 2 }) {
        0 => RobotsKind::Absent,
        1 => RobotsKind::Open,
        2 => RobotsKind::Some,
        3 => RobotsKind::All,
        4 => RobotsKind::Forbidden,
        5 => RobotsKind::Page,
        6 => RobotsKind::Late(rng.u32(1..20)),
        _ => RobotsKind::Broken,
    };
    (0..scenario.hosts).map(|host| (format!("h{host}.test"), kind())).collect()
}

fn bad_page(rng: &mut fastrand::Rng) -> PageKind {
    match rng.u32(0..10) {
        0 => PageKind::Gone,
        1 => PageKind::Broken,
        2 => PageKind::Forbidden,
        3 => PageKind::Incomplete,
        4 => PageKind::Throttled(rng.u32(1..5)),
        5 => PageKind::Astray,
        6 => PageKind::Cut,
        7 => PageKind::Stuck,
        8 => PageKind::Endless,
        _ => PageKind::Deadly,
    }
}

fn new_task(stage: StageId, url: &str) -> NewTask {
    NewTask {
        stage,
        request: Request::get(url.parse().expect("a URL")),
        priority: i32::from(stage.0),
        depth: u32::from(stage.0),
        meta: Arc::default(),
        referrer: None,
        start_url: url.into(),
        excluded: None,
    }
}

fn record(task: &Arc<Task>, now: Timestamp) -> Record {
    let provenance = Provenance {
        url: task.request.url.as_str().into(),
        fetched_at: now,
        proxy: "".into(),
        status: 200,
        attempts: task.attempts + 1,
        referrer: None,
        start_url: Arc::clone(&task.start_url),
    };
    Record { task: task.id, index: 0, stage: task.stage, provenance: Arc::new(provenance), values: Vec::new() }
}

/// Start URLs whose number is not known beforehand.
struct Starts(std::vec::IntoIter<String>);

impl Iterator for Starts {
    type Item = std::io::Result<NewTask>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|url| Ok(new_task(LIST, &url)))
    }
}

impl Seeds for Starts {
    fn unread(&self) -> Option<u64> {
        None
    }
}
