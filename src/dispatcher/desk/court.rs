//! The court: what an outcome means for the page and for its proxy.
//!
//! In come outcomes; each verdict leads to what follows from it: a page's end (`judgment.rs`), a proxy's penalty (`penalty.rs`),
//! or, where nobody can tell, a trial (`suspects.rs`). What the judge says is `worker/judge.rs`.

use std::sync::Arc;

use super::Desk;
use super::bench::Venue;
use super::judgment::Harvest;
use super::suspense::Case;
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PageNotice, Then};
use crate::frontier::{Fate, Try};
use crate::protocol::{Meters, Outcome};
use crate::proxy::ProxyId;
use crate::task::{HostKey, NewTask, Task, TaskId};
use crate::verdict::{Reason, Suspect, Verdict};

/// A fetch that has ended: which page, through which proxy, and where it got to.
#[derive(Clone, Debug)]
pub(super) struct Ended {
    pub(super) page: TaskId,
    pub(super) proxy: ProxyId,
    /// Where its last request went: what went wrong went wrong there.
    pub(super) last: Venue,
    /// All places where a request of it was answered.
    pub(super) passed: Vec<Venue>,
}

impl Ended {
    /// After redirects, a host is blamed for its own hop only.
    pub(super) fn new(task: &Task, proxy: ProxyId, meters: &Meters) -> Self {
        let at = |host: &HostKey| Venue { host: host.clone(), stage: task.stage };
        let mut passed: Vec<Venue> = meters.sent.iter().map(|(host, _)| at(host)).collect();
        let begun = Venue::of(task);
        if !passed.contains(&begun) {
            passed.push(begun.clone());
        }
        let last = meters.sent.last().map_or(begun, |(host, _)| at(host));
        Self { page: task.id, proxy, last, passed }
    }
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
        self.done.bytes += outcome.meters.wire;
        let Some(outcome) = self.straggled(outcome, now) else { return };
        let Outcome { worker, assignment, verdict, links, records, missing, robots, meters, next: _ } = outcome;
        if let Some(control) = self.controls.remove(&assignment) {
            return self.probed(worker, &assignment, control, verdict, meters, now);
        }
        let sought = self.robots.hedges.sought(&assignment);
        let came_back = self.came_back(&assignment, now).is_some();
        self.loosen(worker, assignment.proxy);
        self.spend(assignment.proxy.id, &verdict, &meters, now);
        self.keep_pace(&assignment, &meters.sent, &verdict, now);
        let current = came_back && self.counts(&assignment, &verdict);
        let Some(held) = self.held.get(&assignment.task) else {
            return match sought {
                Some(task) => self.had_already(worker, task, &assignment, verdict, meters, now),
                None => self.came_late(assignment.proxy.id, &verdict, now),
            };
        };
        let (task, attempt) = (Arc::clone(&held.task), held.task.attempts + 1);
        let ended = Ended::new(&task, assignment.proxy.id, &meters);
        self.hear(&ended, &verdict, &meters, now);
        let in_question = self.in_question(&verdict, &ended.last.host);
        let begun = meters.sent.last().map_or(now, |(_, at)| *at);
        let (found, recorded) = (links.len(), records.len());
        let links = within(self.limits.bounds.depth, links);
        let too_deep = found - links.len();
        // When its worker died, or its robots.txt was asked for anew, it was counted as one request.
        let requests = if current { meters.requests } else { meters.requests.saturating_sub(1) };
        if let Some(held) = self.held.get_mut(&ended.page) {
            held.requests += requests;
        }
        let then = if !current {
            self.came_late(ended.proxy, &verdict, now);
            Then::Stale
        } else {
            self.take_back(task.id);
            self.heard_robots(&task, robots, meters.status);
            match in_question {
                Some(party) => {
                    let case = Case::Page { ended, verdict: verdict.clone() };
                    let then = self.suspend(party, case, begun, now);
                    self.others_are_asked(task.id);
                    then
                }
                None => self.rule(&ended, &verdict, Harvest { links, records }, now),
            }
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

    /// An outcome under an old lease decides nothing about the page, but what it shows of the proxy is true all the same.
    pub(super) fn came_late(&mut self, proxy: ProxyId, verdict: &Verdict, now: Timestamp) {
        match self.may_be_line(verdict) {
            Some(line) => _ = self.suspend(line, Case::Stale { proxy, verdict: verdict.clone() }, now, now),
            None => self.blame_only(proxy, verdict, now),
        }
    }

    /// What a fetch shows of its proxy alone.
    pub(super) fn blame_only(&mut self, proxy: ProxyId, verdict: &Verdict, now: Timestamp) {
        match verdict {
            Verdict::Done => self.worked(proxy),
            Verdict::ProxyBroken(reason) => self.charge(proxy, reason, now),
            Verdict::ProxyDenied(reason) if !self.is_doubtful_denial(proxy, reason) => self.deny(proxy, reason),
            Verdict::ProxyDenied(_)
            | Verdict::Throttled { .. }
            | Verdict::Banned(_)
            | Verdict::Doubtful(_)
            | Verdict::Gone(..)
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_)
            | Verdict::Excluded(..)
            | Verdict::Unasked(..)
            | Verdict::Panicked(_) => {}
        }
    }

    /// What one outcome means.
    pub(super) fn rule(&mut self, ended: &Ended, verdict: &Verdict, harvest: Harvest, now: Timestamp) -> Then {
        let (id, proxy) = (ended.page, ended.proxy);
        self.remember(id, proxy, verdict, now);
        let believed = verdict.suspect() != Suspect::Either || self.is_trusted(proxy, &ended.last);
        let then = match verdict {
            Verdict::Done => self.done(ended, harvest, now),
            Verdict::ProxyBroken(reason) => {
                self.charge(proxy, reason, now);
                self.once_more(id)
            }
            Verdict::ProxyDenied(reason) if !self.is_doubtful_denial(proxy, reason) => {
                self.deny(proxy, reason);
                self.once_more(id)
            }
            // The address that is to wait is not the one that asks next.
            Verdict::Throttled { .. } if self.is_rotating() => {
                self.testify(id, proxy, ended.last.clone(), verdict, now)
            }
            Verdict::Throttled { reason, .. } if self.is_turned_away(ended) => {
                self.failed_by_itself(id, reason.clone(), now)
            }
            Verdict::Throttled { .. } => self.once_more(id),
            Verdict::Banned(reason) => {
                self.ban(proxy, &ended.last.host, id, reason, now);
                self.testify(id, proxy, ended.last.clone(), verdict, now)
            }
            Verdict::Gone(_, reason) if believed => self.agreed(id, Some(proxy), Fate::Gone(reason.clone()), now),
            Verdict::Rejected(_, reason) if believed => self.agreed(id, Some(proxy), Fate::Dead(reason.clone()), now),
            Verdict::Failing(_, reason) if verdict.suspect() != Suspect::Either => {
                match self.suspect_recipe(id, proxy, reason, now) {
                    Some(then) => then,
                    None => self.failed_by_itself(id, reason.clone(), now),
                }
            }
            Verdict::Doubtful(_)
            | Verdict::ProxyDenied(_)
            | Verdict::Gone(..)
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_) => self.testify(id, proxy, ended.last.clone(), verdict, now),
            Verdict::Excluded(why, _) => self.agreed(id, Some(proxy), Fate::Excluded(*why), now),
            Verdict::Unasked(url, _) => self.led_astray(id, url, now),
            Verdict::Panicked(reason) => self.failed_by_itself(id, reason.clone(), now),
        };
        match then {
            Then::Again => {
                let last = verdict.reason().map_or("", |reason| &reason.detail);
                self.bound_requests(id, last, now).unwrap_or(then)
            }
            Then::Done | Then::Gone | Then::Dead(_) | Then::Excluded | Then::Later(_) | Then::Stale => then,
        }
    }

    /// Nobody has judged the page.
    fn once_more(&mut self, id: TaskId) -> Then {
        self.put_back(id);
        Then::Again
    }

    /// A 407 that came as an answer may be the site's own, once the proxy has taken our credentials.
    pub(super) fn is_doubtful_denial(&self, proxy: ProxyId, reason: &Reason) -> bool {
        reason.is_of_status() && self.pool.get(proxy).is_some_and(|member| member.health.ever_worked())
    }

    fn remember(&mut self, id: TaskId, proxy: ProxyId, verdict: &Verdict, now: Timestamp) {
        let a_try = self.a_try(proxy, verdict, now);
        if let Some(held) = self.held.get_mut(&id) {
            held.tries.extend(a_try);
        }
    }

    /// What a page's history has of a fetch, if it failed.
    pub(super) fn a_try(&self, proxy: ProxyId, verdict: &Verdict, now: Timestamp) -> Option<Try> {
        let reason = verdict.reason()?.clone();
        Some(Try { at: now, proxy: self.label(proxy), verdict: verdict.as_str().into(), reason })
    }

    /// A proxy has brought something that is believed.
    pub(super) fn worked(&mut self, proxy: ProxyId) {
        let limits = self.limits.health;
        self.pool.succeeded(proxy, &limits);
        self.keeper.patients.insert(proxy);
        self.no_proxy_since = None;
        self.barred_since = None;
        self.last_ban = None;
    }

    pub(super) fn deny(&mut self, proxy: ProxyId, reason: &Reason) {
        self.blame(reason);
        self.retire(proxy, reason.clone());
    }
}
