//! Asking for a robots.txt: who fetches it, how often, and what the end of that means.
//!
//! In come hosts to be asked and what their fetches come to; out go rules, or that there are none, or that they cannot be had. Its
//! fetches are tasks of a built-in stage that the frontier knows nothing of: the court judges them like pages.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::DAY;
use super::hosts::{Asked, Host, Known};
use crate::clock::Timestamp;
use crate::dispatcher::desk::trial::Trial;
use crate::dispatcher::desk::{Desk, Held, Place};
use crate::dispatcher::notice::Notice;
use crate::frontier::Fate;
use crate::pace::Refusals;
use crate::pace::robots::Rules;
use crate::task::{Epoch, HostKey, Request, StageId, Task, TaskId};

/// Where new rules are not to be had, the old ones hold on, and are asked for again after this.
const HOUR: Duration = Duration::from_secs(3600);
/// A site that answers, but not with its robots.txt, has so many attempts more than a page has: about a minute, as waits double.
const PATIENCE: u32 = 4;
/// A proxy of which nothing is known counts for so much less than one that has worked.
const UNPROVEN: usize = 3;

/// What the last answer says about a robots.txt that was not had.
enum Lack {
    /// There is none: all may be asked for.
    None,
    /// It cannot be had now.
    Unreachable,
}

impl Lack {
    /// As RFC 9309 has it, and a site that asks to wait (429) is not one without rules.
    const fn of(status: Option<u16>) -> Self {
        match status {
            None | Some(..200 | 408 | 429 | 500..) => Self::Unreachable,
            Some(200..500) => Self::None,
        }
    }
}

impl Known {
    /// The same rules, for want of new ones.
    fn for_an_hour(self, now: Timestamp) -> Self {
        let earlier = now.as_micros().saturating_sub((DAY - HOUR).as_micros() as u64);
        Self { at: Timestamp::from_micros(earlier), ..self }
    }
}

impl Desk {
    pub(super) fn ask_for_robots(&mut self, host: &HostKey, url: &Url, now: Timestamp) {
        let mut url = url.clone();
        url.set_path("/robots.txt");
        url.set_query(None);
        url.set_fragment(None);
        self.robots.number += 1;
        let id = TaskId::built_in(self.robots.number);
        let asked = Asked {
            task: id,
            waiting: Vec::new(),
            stale: None,
            heard: None,
            status: None,
            later: None,
            again: matches!(self.robots.get(host), Some(Host::GivenUp)),
        };
        let (before, _) = self.robots.set(host, Host::Asked(Box::new(asked)));
        if let (Some(Host::Known(known)), Some(asked)) = (before, self.robots.asked(host)) {
            asked.stale = Some(known);
        }
        let held = self.robots_task(id, host, url);
        self.give_robots(held, now);
    }

    fn robots_task(&mut self, id: TaskId, host: &HostKey, url: Url) -> Held {
        self.robots.number += 1;
        let task = Task {
            id,
            stage: StageId::ROBOTS,
            host: host.clone(),
            priority: i32::MAX,
            depth: 0,
            meta: Arc::default(),
            referrer: None,
            start_url: url.as_str().into(),
            attempts: 0,
            requests: 0,
            request: Request::get(url),
        };
        Held::new(Arc::new(task), Epoch(self.robots.number))
    }

    fn give_robots(&mut self, held: Held, now: Timestamp) {
        let task = Arc::clone(&held.task);
        self.held.insert(task.id, held);
        self.let_in(&task, now);
    }

    /// Asks again for what it is time for.
    pub(in crate::dispatcher::desk) fn ask_again_for_robots(&mut self, now: Timestamp) {
        while let Some(held) = self.robots.take_due(now) {
            self.give_robots(held, now);
        }
        self.offer_hedges(now);
    }

    /// A fetch of a robots.txt has ended; what it means is still to be ruled on.
    pub(in crate::dispatcher::desk) fn heard_robots(
        &mut self,
        task: &Task,
        rules: Option<Arc<Rules>>,
        status: Option<u16>,
    ) {
        if let Some(asked) = self.robots.asked(&task.host).filter(|asked| asked.task == task.id) {
            (asked.heard, asked.status) = (rules, status);
        }
    }

    /// How many attempts a task has.
    pub(in crate::dispatcher::desk) fn attempts_of(&mut self, task: &Task) -> u32 {
        let attempts = self.limits.retry.attempts;
        let Some(asked) = self.robots.asked(&task.host).filter(|asked| asked.task == task.id) else { return attempts };
        match (Lack::of(asked.status), asked.status) {
            // That is an answer.
            (Lack::None, _) => 0,
            (Lack::Unreachable, Some(_)) if !asked.again => attempts.saturating_add(PATIENCE),
            (Lack::Unreachable, _) => attempts,
        }
    }

    /// Have enough said that a robots.txt is not to be had? Before it is, no page can show who works: those count that have worked
    /// elsewhere. Where nobody has, several times as many have to have had an answer; a pool that gets none is not proven right.
    pub(in crate::dispatcher::desk) fn is_said_of_robots(&self, held: &Held, trial: &Trial) -> bool {
        if !held.task.stage.is_robots() || trial.testimonies.is_empty() {
            return false;
        }
        let needed = usize::try_from(self.limits.retry.witnesses.max(1)).unwrap_or(usize::MAX);
        let as_many_as_exist = |many: usize| many.min(self.pool.usable()).max(1);
        let has_worked = |line| self.pool.get(line).is_some_and(|member| member.health.ever_worked());
        let voices = trial.speakers();
        let proven = voices.iter().filter(|(testimony, _)| has_worked(testimony.line)).count();
        let answered = matches!(self.robots.get(&held.task.host), Some(Host::Asked(asked)) if asked.status.is_some());
        let many = needed.saturating_mul(UNPROVEN);
        let enough = proven >= as_many_as_exist(needed) || (answered && voices.len() >= as_many_as_exist(many));
        enough && trial.testimonies.len() >= needed
    }

    /// The lease on a robots.txt, if one can call it that, ends.
    pub(in crate::dispatcher::desk) fn robots_ended(&mut self, mut held: Held, fate: Fate, now: Timestamp) {
        let task = Arc::clone(&held.task);
        held.requests += self.forsake_hedges(&held);
        let Some(asked) = self.robots.asked(&task.host).filter(|asked| asked.task == task.id) else { return };
        let (heard, status) = (asked.heard.take(), asked.status);
        let rules = match (fate, asked.stale.take()) {
            (Fate::Retry { .. }, Some(stale)) => {
                self.trials.close(task.id);
                return self.robots_settled(&task.host, stale.for_an_hour(now), now);
            }
            (Fate::Retry { not_before, attempts }, None) => return self.robots_later(&held, not_before, attempts),
            (Fate::Done, _) => heard,
            (Fate::Gone(_) | Fate::Excluded(_), _) => None,
            // A second voice has confirmed what bars everything.
            (Fate::Dead(_), _) if heard.is_some() => heard,
            (Fate::Dead(reason), stale) => match (Lack::of(status), stale) {
                (Lack::None, _) => None,
                (Lack::Unreachable, None) => return self.robots_lost(&task.host, reason, status, now),
                (Lack::Unreachable, Some(stale)) => {
                    return self.robots_settled(&task.host, stale.for_an_hour(now), now);
                }
            },
        };
        let (rules, host) = (rules.unwrap_or_else(|| Arc::new(Rules::none())), task.host.clone());
        self.note(Notice::RobotsRead { host, rules: rules.count(), delay: rules.crawl_delay() });
        self.robots_settled(&task.host, Known { rules, at: now }, now);
    }

    fn robots_later(&mut self, held: &Held, not_before: Timestamp, attempts: u32) {
        self.robots.number += 1;
        let task = Task { attempts, requests: held.requests, ..Task::clone(&held.task) };
        let next = Held::new(Arc::new(task), Epoch(self.robots.number));
        let host = &held.task.host;
        if let Some(asked) = self.robots.asked(host) {
            asked.later = Some((not_before, next));
        }
        self.robots.wait_until(not_before, host);
    }
}

impl Held {
    /// A task that nobody has tried under this lease.
    pub(in crate::dispatcher::desk) fn new(task: Arc<Task>, epoch: Epoch) -> Self {
        Self {
            requests: task.requests,
            epoch,
            place: Place::Windowed,
            turn: 0,
            tries: Vec::new(),
            asides: Vec::new(),
            abandoned: 0,
            refusals: Refusals::default(),
            challenged: Vec::new(),
            gap: Duration::ZERO,
            task,
        }
    }
}
