//! The court: what an outcome means for the page, for its proxy, and for the proxies that failed on the page before.
//!
//! Until the odds of a failure are weighed, an "either" failure sends the page to another proxy; a success there convicts
//! the proxies that failed on it, and enough witnesses condemn the page (`suspects.rs`). What the judge says is
//! `worker/judge.rs`.

use std::sync::Arc;
use std::time::Duration;

use super::roster::Stirred;
use super::{Desk, Held, Place};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PageNotice, Then};
use crate::frontier::{Fate, Settlement, Try};
use crate::protocol::{Assignment, Outcome};
use crate::proxy::ProxyId;
use crate::record::Record;
use crate::task::{HostKey, NewTask, TaskId};
use crate::verdict::{Reason, Verdict};

/// What a page brought.
#[derive(Debug, Default)]
struct Harvest {
    links: Vec<NewTask>,
    records: Vec<Record>,
}

/// Links no deeper than that. Deeper ones are left out rather than excluded: excluded they would be known, and a shorter way to
/// one that is found later would lead nowhere.
fn within(depth: Option<u64>, mut links: Vec<NewTask>) -> Vec<NewTask> {
    if let Some(depth) = depth {
        links.retain(|link| u64::from(link.depth) <= depth);
    }
    links
}

impl Desk {
    pub(super) fn fetched(&mut self, outcome: Outcome, now: Timestamp) {
        let Outcome { worker, assignment, verdict, links, records, missing, meters, next: _ } = outcome;
        let current = self.came_back(&assignment, now).is_some();
        self.loosen(worker, assignment.proxy);
        self.done.bytes += meters.wire;
        self.keep_pace(&assignment, &meters.sent);
        let Some(held) = self.held.get_mut(&assignment.task) else {
            return self.blame_only(assignment.proxy.id, assignment.task, &verdict, now);
        };
        let (task, attempt) = (Arc::clone(&held.task), held.task.attempts + 1);
        let (found, recorded) = (links.len(), records.len());
        let links = within(self.limits.bounds.depth, links);
        let too_deep = found - links.len();
        let then = if current {
            held.requests += meters.requests;
            held.place = Place::Windowed;
            self.rule(&assignment, &verdict, Harvest { links, records }, now)
        } else {
            // When its worker died it was counted as one request.
            held.requests += meters.requests.saturating_sub(1);
            self.blame_only(assignment.proxy.id, assignment.task, &verdict, now);
            Then::Stale
        };
        self.note(Notice::Page(Box::new(PageNotice {
            worker,
            proxy: assignment.proxy.id,
            task,
            attempt,
            verdict,
            meters,
            links: found,
            too_deep,
            records: recorded,
            missing,
            then,
        })));
    }

    /// When requests really went out decides when the next ones may.
    pub(super) fn keep_pace(&mut self, assignment: &Assignment, sent: &[(HostKey, Timestamp)]) {
        let Some(address) = self.pool.get(assignment.proxy.id).map(|member| member.address) else { return };
        let gap = match self.held.get(&assignment.task) {
            Some(held) if held.turn == assignment.turn => held.gap,
            Some(_) | None => self.pace.gap(&mut self.rng),
        };
        for (host, at) in sent {
            self.pace.asked(address, host, *at, gap);
        }
    }

    /// An outcome under an old lease decides nothing about the page, but what it shows of the proxy is true all the same.
    fn blame_only(&mut self, proxy: ProxyId, page: TaskId, verdict: &Verdict, now: Timestamp) {
        match verdict {
            Verdict::Done => self.worked(proxy),
            Verdict::ProxyBroken(reason) => self.charge(proxy, reason, now),
            Verdict::ProxyDenied(reason) => self.deny(proxy, reason),
            Verdict::Throttled { retry_after, reason } => self.throttle(proxy, page, *retry_after, reason, now),
            Verdict::Banned(_)
            | Verdict::Doubtful(_)
            | Verdict::Gone(..)
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_)
            | Verdict::Excluded(..)
            | Verdict::Panicked(_) => {}
        }
    }

    /// What one outcome means.
    fn rule(&mut self, assignment: &Assignment, verdict: &Verdict, harvest: Harvest, now: Timestamp) -> Then {
        let (id, proxy) = (assignment.task, assignment.proxy.id);
        let sure = verdict.suspect() != crate::verdict::Suspect::Either;
        self.remember(id, proxy, verdict, now);
        let then = match verdict {
            Verdict::Done => self.done(id, proxy, harvest, now),
            Verdict::ProxyBroken(reason) => {
                self.charge(proxy, reason, now);
                self.put_back(id);
                Then::Again
            }
            Verdict::ProxyDenied(reason) => {
                self.deny(proxy, reason);
                self.put_back(id);
                Then::Again
            }
            Verdict::Throttled { retry_after, reason } => {
                self.throttle(proxy, id, *retry_after, reason, now);
                self.put_back(id);
                Then::Again
            }
            Verdict::Banned(reason) => {
                self.ban(proxy, id, reason, now);
                self.testify(id, proxy, verdict, now)
            }
            Verdict::Gone(_, reason) if sure => self.agreed(id, Some(proxy), Fate::Gone(reason.clone()), now),
            Verdict::Rejected(_, reason) if sure => self.agreed(id, Some(proxy), Fate::Dead(reason.clone()), now),
            Verdict::Failing(_, reason) if sure => self.use_attempt(id, reason.clone(), now),
            Verdict::Doubtful(_)
            | Verdict::Gone(..)
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_) => self.testify(id, proxy, verdict, now),
            Verdict::Excluded(why, _) => self.agreed(id, Some(proxy), Fate::Excluded(*why), now),
            Verdict::Panicked(reason) => self.use_attempt(id, reason.clone(), now),
        };
        match then {
            Then::Again => {
                let last = verdict.reason().map_or("", |reason| &reason.detail);
                self.bound_requests(id, last, now).unwrap_or(then)
            }
            Then::Done | Then::Gone | Then::Dead(_) | Then::Excluded | Then::Later(_) | Then::Stale => then,
        }
    }

    fn remember(&mut self, id: TaskId, proxy: ProxyId, verdict: &Verdict, now: Timestamp) {
        let label = self.label(proxy);
        let Some(held) = self.held.get_mut(&id) else { return };
        if let Some(reason) = verdict.reason() {
            held.tries.push(Try { at: now, proxy: label, verdict: verdict.as_str().into(), reason: reason.clone() });
        }
    }

    /// A proxy has brought something that is believed.
    fn worked(&mut self, proxy: ProxyId) {
        let limits = self.limits.health;
        if let Some(health) = self.pool.health(proxy) {
            health.succeed(&limits);
        }
        self.no_proxy_since = None;
        self.barred_since = None;
        self.last_ban = None;
    }

    fn deny(&mut self, proxy: ProxyId, reason: &Reason) {
        self.blame(reason);
        self.retire(proxy, reason.clone());
    }

    /// The page is in: whoever failed on it was at fault.
    fn done(&mut self, id: TaskId, proxy: ProxyId, harvest: Harvest, now: Timestamp) -> Then {
        self.worked(proxy);
        let Some(held) = self.held.get(&id) else { return Then::Stale };
        let (host, witnesses) = (held.task.host.clone(), held.trial.witnesses());
        if let Some(address) = self.pool.get(proxy).map(|member| member.address) {
            self.pace.succeeded(address, &host);
        }
        for (witness, verdict) in witnesses {
            if let Some(reason) = verdict.reason().filter(|_| witness != proxy) {
                self.charge(witness, reason, now);
            }
        }
        self.conclude(id, Fate::Done, harvest, now);
        Then::Done
    }

    /// The page is what it is, and the proxies that said so, or failed on it, are not to blame.
    pub(super) fn agreed(&mut self, id: TaskId, proxy: Option<ProxyId>, fate: Fate, now: Timestamp) -> Then {
        for proxy in self.acquit(id).into_iter().chain(proxy) {
            self.worked(proxy);
        }
        let then = match &fate {
            Fate::Gone(_) => Then::Gone,
            Fate::Dead(reason) => Then::Dead(reason.clone()),
            Fate::Excluded(_) => Then::Excluded,
            Fate::Done => Then::Done,
            Fate::Retry { not_before, .. } => Then::Later(*not_before),
        };
        self.conclude(id, fate, Harvest::default(), now);
        then
    }

    /// The page is to blame: pauses because of it end. Gives the witnesses.
    pub(super) fn acquit(&mut self, id: TaskId) -> Vec<ProxyId> {
        let Some(held) = self.held.get(&id) else { return Vec::new() };
        let (host, witnesses) = (held.task.host.clone(), held.trial.witnesses());
        for (witness, _) in &witnesses {
            if let Some(address) = self.pool.get(*witness).map(|member| member.address) {
                self.pace.lift_ban(address, &host, id);
            }
        }
        self.stirred = Stirred::Yes;
        witnesses.into_iter().map(|(witness, _)| witness).collect()
    }

    /// No page costs more requests than this, whoever is to blame.
    pub(super) fn bound_requests(&mut self, id: TaskId, last: &str, now: Timestamp) -> Option<Then> {
        let held = self.held.get(&id)?;
        if held.requests < self.limits.retry.max_requests {
            return None;
        }
        let reason = Reason::new("retry.max_requests", format!("{} requests, the last one: {last}", held.requests));
        self.window.take(id);
        self.acquit(id);
        self.conclude(id, Fate::Dead(reason.clone()), Harvest::default(), now);
        Some(Then::Dead(reason))
    }

    /// The page has failed by its own fault: once more after a while, or never.
    pub(super) fn use_attempt(&mut self, id: TaskId, reason: Reason, now: Timestamp) -> Then {
        let Some(held) = self.held.get(&id) else { return Then::Stale };
        let attempts = held.task.attempts + 1;
        if attempts >= self.limits.retry.attempts || held.requests >= self.limits.retry.max_requests {
            self.conclude(id, Fate::Dead(reason.clone()), Harvest::default(), now);
            return Then::Dead(reason);
        }
        let not_before = now + self.backoff(attempts);
        self.conclude(id, Fate::Retry { not_before, attempts }, Harvest::default(), now);
        Then::Later(not_before)
    }

    /// The wait after the `nth` failure, from 1: doubled each time, and up to half of it more at random.
    pub(super) fn backoff(&mut self, nth: u32) -> Duration {
        let retry = &self.limits.retry;
        let doubled = retry.backoff.saturating_mul(2u32.saturating_pow(nth.saturating_sub(1)));
        doubled.min(retry.backoff_max).mul_f64(1.0 + 0.5 * self.rng.f64())
    }

    /// The lease on a task ends.
    fn conclude(&mut self, id: TaskId, fate: Fate, harvest: Harvest, now: Timestamp) {
        let Some(held) = self.held.remove(&id) else { return };
        let Harvest { links, records } = harvest;
        let Held { epoch, requests, tries, .. } = held;
        match &fate {
            Fate::Done => self.done.pages += 1,
            Fate::Dead(_) => self.done.dead_letters += 1,
            Fate::Gone(_) | Fate::Excluded(_) | Fate::Retry { .. } => {}
        }
        self.done.records += records.len() as u64;
        self.ledger.settle(Settlement { task: id, epoch, fate, links, records, requests, tries }, now);
    }
}
