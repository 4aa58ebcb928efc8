//! One page without an actor: what a worker makes of it, for the commands that try proxies and recipes.
//!
//! What comes in: a route and a task, or a body from a file. What goes out: a [`Probe`], the answer itself included. The
//! fetch, the judge and the extraction are the worker's own; it must not know the command line.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use url::Url;

use crate::extract::Extracted;
use crate::pace::robots::Clearance;
use crate::protocol::{Meters, ProxyLease, ProxyRef};
use crate::proxy::{ProxyId, Route};
use crate::task::{Epoch, HostKey, NewTask, Request, StageId, Task, TaskId};
use crate::transport::{Answer, HeaderMap};
use crate::verdict::{Reason, Verdict};
use crate::worker::ban::{Outside, Watch};
use crate::worker::binding::Binding;
use crate::worker::fetch::{Fetch, FetchParts, Fetched, HopEnd, NoOutcome};
use crate::worker::job;
use crate::worker::judge::{self, Channel};
use crate::worker::page::{self, Unread};

/// What came of one page.
#[derive(Clone, Debug)]
pub struct Probe {
    /// What it turned out to be.
    pub verdict: Verdict,
    /// Tasks found on a real page.
    pub links: Vec<NewTask>,
    /// Fields without a match.
    pub missing: Vec<Arc<str>>,
    /// What it cost.
    pub meters: Meters,
    /// The last answer, whatever it is worth; `None` if there was none.
    pub seen: Option<Seen>,
}

/// An answer, as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its final address.
    pub url: Url,
    /// The status.
    pub status: u16,
    /// How many headers it has.
    pub headers: usize,
    /// `Content-Type`
    pub content_type: Option<String>,
    /// The body, decompressed.
    pub body: Bytes,
}

impl Seen {
    fn new(url: &Url, answer: &Answer) -> Self {
        Self {
            url: url.clone(),
            status: answer.status,
            headers: answer.headers.len(),
            content_type: answer.content_type().map(str::to_owned),
            body: answer.body.clone(),
        }
    }

    /// What the recipe of `parts` finds in it, as an answer to `task`, whatever the status; nothing if the runtime is ending.
    pub async fn read(&self, task: &Task, parts: &FetchParts) -> Extracted {
        let outside = Outside { status: self.status, url: &self.url, headers: &HeaderMap::new() };
        self.judged(task, parts, parts.rules.ban().watch(outside)).await.0
    }

    async fn judged(&self, task: &Task, parts: &FetchParts, watch: Watch) -> (Extracted, Option<Reason>) {
        let (url, content_type, body) = (self.url.clone(), self.content_type.clone(), self.body.clone());
        let (meta, drop_params) = (Arc::clone(&task.meta), Arc::clone(&parts.drop_params));
        let unread = Unread { stage: task.stage, url, content_type, body, meta, drop_params };
        unread.read(&parts.recipe, watch).await.unwrap_or_default()
    }
}

/// The task of asking for `url`, which is canonical, to be read by `stage`; nothing else came before it.
pub fn lone_task(url: &Url, stage: StageId) -> Task {
    let request = Request::get(url.clone());
    Task {
        id: TaskId(0),
        stage,
        host: HostKey::of(&request.url),
        start_url: request.url.as_str().into(),
        request,
        priority: 0,
        depth: 0,
        meta: Arc::default(),
        referrer: None,
        attempts: 0,
        requests: 0,
    }
}

/// Fetches one page by one route, and nothing else: redirects are followed as in a crawl, with `gap` between two requests
/// to one host. A panic on the way is a verdict.
///
/// # Errors
/// No client can be built for the route, or the runtime is ending.
pub async fn probe(route: Arc<Route>, task: &Task, gap: Duration, parts: &FetchParts) -> Result<Probe, Reason> {
    // Nobody else is there to hold a lease: the numbers mean nothing.
    let proxy = ProxyRef { id: ProxyId(0), epoch: Epoch(0) };
    let binding = Binding::new(ProxyLease { proxy, route }, parts)
        .map_err(|failure| Reason::new(failure.code(), failure.to_string()))?;
    let (mut meters, mut body, mut seen) = (Meters::default(), None, None);
    let fetching = async {
        let clearance = Clearance::Anywhere;
        let mut fetch = Fetch { binding: &binding, task, gap, clearance, parts, meters: &mut meters, body: &mut body };
        let last = fetch.hops().await;
        if let HopEnd::Answered(answer, _) = &last.end {
            seen = Some(Seen::new(&last.url, answer));
        }
        fetch.outcome(last).await
    };
    let fetched = match AssertUnwindSafe(fetching).catch_unwind().await {
        Ok(fetched) => fetched.map_err(no_outcome)?,
        Err(payload) => job::panicked(&*payload),
    };
    let Fetched { verdict, links, missing, .. } = fetched;
    Ok(Probe { verdict, links, missing, meters, seen })
}

fn no_outcome(why: NoOutcome) -> Reason {
    match why {
        NoOutcome::ClientUnusable(reason) => reason,
        NoOutcome::Interrupted => Reason::new("interrupted", "interrupted"),
    }
}

/// Judges a page that is there already, as if the site itself had answered the task's request with it.
pub async fn judge_file(task: &Task, body: Bytes, parts: &FetchParts) -> Probe {
    let meters = Meters { body: u64::try_from(body.len()).unwrap_or(u64::MAX), ..Meters::default() };
    let seen = Seen { url: task.request.url.clone(), status: 200, headers: 0, content_type: None, body };
    let begun = parts.clock.now();
    let outside = Outside { status: 200, url: &seen.url, headers: &HeaderMap::new() };
    let watch = parts.rules.ban().watch(outside);
    let (extracted, sign) = match AssertUnwindSafe(seen.judged(task, parts, watch)).catch_unwind().await {
        Ok(judged) => judged,
        Err(payload) => {
            let Fetched { verdict, links, missing, .. } = job::panicked(&*payload);
            return Probe { verdict, links, missing, meters, seen: Some(seen) };
        }
    };
    let verdict = match sign {
        Some(sign) => judge::banned(sign, Channel::Direct),
        None => judge::page(extracted.shortfall.as_ref(), Channel::Direct),
    };
    Probe {
        verdict,
        links: page::tasks(extracted.links, task, &seen.url, &parts.recipe, &parts.scope),
        missing: extracted.missing,
        meters: Meters { extract: parts.clock.now().since(begun), ..meters },
        seen: Some(seen),
    }
}
