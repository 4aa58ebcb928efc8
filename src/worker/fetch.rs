//! One task through one client: its hops, a redial where a kept connection was stale, and the gaps between them.
//!
//! What comes in: a binding, a task, what fetches go by. What goes out: [`Fetched`], with the meters filled on the way. It
//! must not know the dispatcher, nor decide who is to blame: that is the judge's.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use crate::address::{DropParams, Scope};
use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::extract::Recipe;
use crate::pace::robots::{Clearance, Rules as RobotsRules, is_robots, product};
use crate::protocol::Meters;
use crate::record::{Provenance, Record};
use crate::task::{HostKey, NewTask, Request, Task};
use crate::transport::{Answer, Connections, Exchange, Failure, Tls};
use crate::verdict::{Reason, Verdict};
use crate::worker::ban::Outside;
use crate::worker::binding::Binding;
use crate::worker::judge::{self, Channel, Head, RobotsText, Rules};
use crate::worker::page::{self, Interrupted, Unread};
use crate::worker::redirect::{self, DeadEnd, Trail};

/// A robots.txt is looked for behind so many redirects at least, says RFC 9309.
const ROBOTS_REDIRECTS: u32 = 5;

/// What all fetches of a crawl go by.
#[derive(Clone, Debug)]
pub struct FetchParts {
    /// How pages are read.
    pub recipe: Arc<Recipe>,
    /// Where links and redirects may lead.
    pub scope: Arc<Scope>,
    /// What is no part of an address.
    pub drop_params: Arc<DropParams>,
    /// What statuses mean.
    pub rules: Arc<Rules>,
    /// `[fetch]`
    pub fetch: Arc<config::Fetch>,
    /// Whom to trust.
    pub tls: Tls,
    /// Whether connections are kept.
    pub connections: Connections,
    /// The crawl's time.
    pub clock: Clock,
}

/// What came of a task.
#[derive(Debug)]
pub(crate) struct Fetched {
    /// What it turned out to be.
    pub(crate) verdict: Verdict,
    /// Tasks found on a real page.
    pub(crate) links: Vec<NewTask>,
    /// Records of a real page.
    pub(crate) records: Vec<Record>,
    /// Fields without a match.
    pub(crate) missing: Vec<Arc<str>>,
    /// What a robots.txt says to us.
    pub(crate) robots: Option<Arc<RobotsRules>>,
}

impl From<Verdict> for Fetched {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, links: Vec::new(), records: Vec::new(), missing: Vec::new(), robots: None }
    }
}

/// Why nothing can be said of a task: somebody has to fetch it again.
#[derive(Debug)]
pub(crate) enum NoOutcome {
    /// The client is of no use.
    ClientUnusable(Reason),
    /// The runtime is ending.
    Interrupted,
}

impl From<Interrupted> for NoOutcome {
    fn from(_: Interrupted) -> Self {
        Self::Interrupted
    }
}

/// How the hops of a task ended, and at which address.
pub(crate) struct LastHop {
    pub(crate) url: Url,
    pub(crate) end: HopEnd,
}

/// The end of the last hop.
pub(crate) enum HopEnd {
    /// An answer that leads no further, and when it was there.
    Answered(Answer, Timestamp),
    /// No answer.
    Failed(Failure),
    /// An answer that leads where this task must not go.
    Astray(DeadEnd, Channel),
}

/// A fetch on its way. Meters and body belong to the caller, who still has them should this panic.
pub(crate) struct Fetch<'a> {
    /// Through which proxy.
    pub(crate) binding: &'a Binding,
    /// What.
    pub(crate) task: &'a Task,
    /// The least time between the first bytes of two requests to one host.
    pub(crate) gap: Duration,
    /// Where redirects may lead it.
    pub(crate) clearance: Clearance,
    /// With which rules.
    pub(crate) parts: &'a FetchParts,
    /// What it costs.
    pub(crate) meters: &'a mut Meters,
    /// The body of the answer, whatever it is worth.
    pub(crate) body: &'a mut Option<Bytes>,
}

impl Fetch<'_> {
    /// Fetches, reads and judges.
    ///
    /// # Errors
    /// There is no outcome, and the page is not to blame.
    pub(crate) async fn run(mut self) -> Result<Fetched, NoOutcome> {
        let last = self.hops().await;
        self.outcome(last).await
    }

    /// Reads and judges what the hops have led to.
    ///
    /// # Errors
    /// There is no outcome, and the page is not to blame.
    pub(crate) async fn outcome(self, LastHop { url, end }: LastHop) -> Result<Fetched, NoOutcome> {
        match end {
            HopEnd::Answered(answer, at) => self.answered(url, answer, at).await,
            HopEnd::Astray(end, channel) => Ok(judge::dead_end(&end, channel).into()),
            HopEnd::Failed(failure) => {
                let channel = Channel::asked(&self.binding.route, &url);
                judge::failure(&failure, channel).map(Fetched::from).map_err(NoOutcome::ClientUnusable)
            }
        }
    }

    /// Asks, and follows redirects to their end.
    pub(crate) async fn hops(&mut self) -> LastHop {
        let (anywhere, most) = (self.parts.scope.of_any_host(), self.parts.fetch.max_redirects);
        let trail = match self.task.stage.is_robots() {
            true => Trail::new(&anywhere, most.max(ROBOTS_REDIRECTS)),
            false => Trail::new(&self.parts.scope, most),
        };
        let mut trail = trail.cleared_by(self.clearance.clone());
        let mut request = self.task.request.clone();
        loop {
            let answer = match self.ask(&request).await {
                Ok(answer) => answer,
                Err(failure) => return LastHop { url: request.url, end: HopEnd::Failed(failure) },
            };
            let at = self.parts.clock.now();
            let next = match redirect::onward(
                &request,
                answer.status,
                answer.location().as_deref(),
                &self.parts.drop_params,
            ) {
                Some(next) if !self.parts.rules.name(answer.status) => next,
                _ => return LastHop { url: request.url, end: HopEnd::Answered(answer, at) },
            };
            let channel = Channel::answered(&self.binding.route, &request.url, &answer);
            let url = request.url.clone();
            let outside = Outside { status: answer.status, url: &next.url, headers: &answer.headers };
            // First of all: a login on another host is a ban, not a link that leads astray.
            let followed = match self.parts.rules.ban().of_redirect(outside) {
                Some(sign) => Err(DeadEnd::Banned { sign }),
                None => trail.follow(request, &next),
            };
            if let Err(end) = followed {
                return LastHop { url, end: HopEnd::Astray(end, channel) };
            }
            self.meters.hops += 1;
            self.pause(&HostKey::of(&next.url)).await;
            request = next;
        }
    }

    /// Sends a request, and once more if the connection kept from an earlier one turns out to have been closed since.
    async fn ask(&mut self, request: &Request) -> Result<Answer, Failure> {
        let host = HostKey::of(&request.url);
        let mut exchange = self.send(request, &host).await;
        if exchange.reused && matches!(exchange.result, Err(Failure::ClosedBeforeHead)) {
            self.meters.redials += 1;
            if exchange.sent.is_some() {
                self.pause(&host).await;
            }
            exchange = self.send(request, &host).await;
        }
        exchange.result
    }

    async fn send(&mut self, request: &Request, host: &HostKey) -> Exchange {
        let exchange = self.binding.client.send(request).await;
        let meters = &mut *self.meters;
        meters.wire += exchange.wire;
        meters.connect += exchange.timing.connect;
        meters.head += exchange.timing.head;
        meters.receive += exchange.timing.receive;
        if let Some(sent) = exchange.sent {
            meters.requests += 1;
            meters.sent.push((host.clone(), sent));
            self.binding.spacing.borrow_mut().sent(host, sent, self.gap);
        }
        // Of the last request alone: an earlier hop's status would be taken for the answer that there was none of.
        meters.status = exchange.result.as_ref().ok().map(|answer| answer.status);
        meters.body = exchange.result.as_ref().map_or(0, |answer| u64::try_from(answer.body.len()).unwrap_or(u64::MAX));
        exchange
    }

    /// Waits until `host` may be asked again.
    async fn pause(&mut self, host: &HostKey) {
        let clock = self.parts.clock;
        let now = clock.now();
        let at = self.binding.spacing.borrow_mut().take(host, self.gap, now);
        if at > now {
            tokio::time::sleep_until(clock.instant(at).into()).await;
            self.meters.wait += clock.now().since(now);
        }
    }

    async fn answered(self, url: Url, answer: Answer, at: Timestamp) -> Result<Fetched, NoOutcome> {
        let (parts, task) = (self.parts, self.task);
        let channel = Channel::answered(&self.binding.route, &url, &answer);
        *self.body = Some(answer.body.clone());
        let outside = Outside { status: answer.status, url: &url, headers: &answer.headers };
        let watch = parts.rules.ban().watch(outside);
        let unread = Unread {
            stage: task.stage,
            url: url.clone(),
            content_type: answer.content_type().map(str::to_owned),
            body: answer.body.clone(),
            meta: Arc::clone(&task.meta),
            drop_params: Arc::clone(&parts.drop_params),
        };
        let (extracted, sign) = match judge::head(answer.status, answer.retry_after(), channel, &parts.rules) {
            Head::Verdict(verdict) => {
                let sign = unread.search(watch).await?;
                return Ok(sign.map_or(verdict, |sign| judge::banned(sign, channel)).into());
            }
            Head::Page if task.stage.is_robots() => {
                let sign = unread.search(watch).await?;
                return Ok(
                    sign.map_or_else(|| robots(&answer, channel, parts), |sign| judge::banned(sign, channel).into())
                );
            }
            Head::Page => unread.read(&parts.recipe, watch).await?,
        };
        self.meters.extract = parts.clock.now().since(at);
        if let Some(sign) = sign {
            return Ok(judge::banned(sign, channel).into());
        }
        let provenance = self.provenance(answer.status, at);
        // A page that falls short has neither links nor rows: extraction sees to that.
        Ok(Fetched {
            verdict: judge::page(extracted.shortfall.as_ref(), channel),
            links: page::tasks(extracted.links, task, &url, &parts.recipe, &parts.scope),
            records: page::records(extracted.rows, task, &provenance),
            missing: extracted.missing,
            robots: None,
        })
    }

    fn provenance(&self, status: u16, fetched_at: Timestamp) -> Arc<Provenance> {
        let task = self.task;
        Arc::new(Provenance {
            url: task.request.url.as_str().into(),
            fetched_at,
            proxy: Arc::clone(&self.binding.label),
            status,
            attempts: task.attempts.saturating_add(1),
            referrer: task.referrer.clone(),
            start_url: Arc::clone(&task.start_url),
        })
    }
}

/// Reads what came as a robots.txt, for whoever goes by our name.
fn robots(answer: &Answer, channel: Channel, parts: &FetchParts) -> Fetched {
    if !is_robots(&answer.body) {
        return judge::robots(RobotsText::Other, channel).into();
    }
    let rules = RobotsRules::parse(&answer.body, product(&parts.fetch.user_agent));
    let text = if rules.bar_everything() { RobotsText::BarsEverything } else { RobotsText::Usual };
    Fetched { robots: Some(Arc::new(rules)), ..judge::robots(text, channel).into() }
}

#[cfg(test)]
mod tests;
