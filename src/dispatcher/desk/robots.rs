//! robots.txt: which pages may be given out, and when it has to be asked for first.
//!
//! In come claimed pages, pages that were redirected to another host, and how what is found out about robots.txt;
//! out go pages for the window, those that wait, and those that are excluded. How it is asked for is `asking.rs`, what the file
//! means `pace/robots.rs`.

mod asking;
mod hedging;
mod hosts;
mod kept;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub(super) use self::hosts::Hosts;
use self::hosts::{Host, Known};
pub(super) use self::kept::ROBOTS;
use super::Desk;
use super::roster::Stirred;
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Ending, Notice, Then};
use crate::frontier::Fate;
use crate::pace::robots::Clearance;
use crate::task::{Exclusion, HostKey, Task, TaskId};
use crate::verdict::Reason;

/// Rules hold for so long, says RFC 9309.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// May a page be given out?
enum Standing {
    Admitted,
    Barred,
    /// The robots.txt of this address has to be read first.
    Waits(Url),
}

impl Desk {
    /// A page that is held may go into the window, or waits for a robots.txt, or is excluded by one.
    pub(super) fn admit(&mut self, id: TaskId, now: Timestamp) {
        let Some(task) = self.held.get(&id).map(|held| Arc::clone(&held.task)) else { return };
        match self.standing(&task, now) {
            Standing::Admitted => self.let_in(&task, now),
            Standing::Barred => {
                self.note(Notice::Barred { task });
                self.agreed(id, None, Fate::Excluded(Exclusion::Robots), now);
            }
            Standing::Waits(url) => self.wait_for_robots(id, &url, now),
        }
    }

    fn standing(&self, task: &Task, now: Timestamp) -> Standing {
        if !self.limits.robots.obey {
            return Standing::Admitted;
        }
        match self.robots.get(&task.host) {
            Some(Host::Known(known)) if now.since(known.at) < DAY => match known.rules.admit(&task.request.url) {
                true => Standing::Admitted,
                false => Standing::Barred,
            },
            _ => Standing::Waits(task.request.url.clone()),
        }
    }

    /// Pages that were tried go on where that left them.
    fn let_in(&mut self, task: &Task, now: Timestamp) {
        if self.trials.get(task.id).is_some() {
            self.window.suspect(task);
            self.doubts.insert(task.id);
            self.stirred = Stirred::Yes;
        } else if self.held.get(&task.id).is_some_and(|held| held.turn > 0) {
            self.window.put_back(task);
        } else if self.waits_for_its_proxy(task, now) {
            self.stirred = Stirred::Yes;
        } else {
            // Where fresh pages wait already, everybody knows when to look for them.
            self.window.arrive(task);
        }
    }

    /// A page was redirected to an address on a host whose robots.txt comes first.
    pub(super) fn led_astray(&mut self, id: TaskId, url: &Url, now: Timestamp) -> Then {
        let (host, Some(held)) = (HostKey::of(url), self.held.get(&id)) else { return Then::Stale };
        let task = Arc::clone(&held.task);
        match self.robots.get(&host) {
            // It has become known meanwhile.
            Some(Host::Known(known)) if now.since(known.at) < DAY => {
                self.robots.lead(&task, &host);
                self.put_back(id);
            }
            _ => {
                self.robots.lead(&task, &host);
                self.wait_for_robots(id, url, now);
            }
        }
        Then::Again
    }

    /// A page waits for the robots.txt of an address, which is asked for if it is not on its way.
    fn wait_for_robots(&mut self, id: TaskId, url: &Url, now: Timestamp) {
        let host = HostKey::of(url);
        if self.robots.waiting(&host).is_none() {
            self.ask_for_robots(&host, url, now);
        }
        if let Some(waiting) = self.robots.waiting(&host) {
            waiting.push(id);
        }
    }

    /// Where redirects may lead the fetch of a task.
    pub(super) fn clearance(&self, task: &Task) -> Clearance {
        if self.limits.robots.obey && !task.stage.is_robots() {
            self.robots.clearance(task)
        } else {
            Clearance::Anywhere
        }
    }

    fn robots_settled(&mut self, host: &HostKey, known: Known, now: Timestamp) {
        let waiting = self.robots.waiting(host).map(std::mem::take).unwrap_or_default();
        self.take_rules(host, known, now);
        self.robots.news.insert(host.clone());
        for id in waiting {
            self.admit(id, now);
        }
        self.settle_lost(now);
    }

    /// From now on these rules hold.
    fn take_rules(&mut self, host: &HostKey, known: Known, now: Timestamp) {
        self.pace.ask(host, known.rules.crawl_delay(), self.limits.robots.crawl_delay, now);
        let (_, forgotten) = self.robots.set(host, Host::Known(known));
        for other in forgotten {
            self.pace.ask(&other, None, self.limits.robots.crawl_delay, now);
        }
        self.intake.look_again();
    }

    fn robots_lost(&mut self, host: &HostKey, reason: Reason, status: Option<u16>, now: Timestamp) {
        let waiting = self.robots.waiting(host).map(std::mem::take).unwrap_or_default();
        self.note(Notice::RobotsLost { host: host.clone(), reason: reason.clone() });
        self.robots.set(host, Host::Lost { reason, status, waiting });
        self.settle_lost(now);
    }

    /// What follows from hosts whose robots.txt is not to be had: where others are, their pages are given up on, as if they had been
    /// tried, and so they are where a host does not answer ourselves; where nothing else is known, the crawl stops, and nothing is lost.
    fn settle_lost(&mut self, now: Timestamp) {
        let lost: Vec<_> = self.robots.lost().map(|(host, reason, at)| (host.clone(), reason.clone(), at)).collect();
        let Some((host, reason, status)) = lost.first() else { return };
        let is_mute = self.limits.proxies.direct && status.is_none();
        if is_mute || self.robots.rules().next().is_some() || self.intake.has_done() {
            for (host, reason, _) in lost {
                self.give_up_host(&host, &reason, now);
            }
        } else if !self.robots.any_asked() {
            let ending = self.without_robots(host, reason, *status);
            self.stop(ending, now);
        }
    }

    fn give_up_host(&mut self, host: &HostKey, reason: &Reason, now: Timestamp) {
        let waiting = self.robots.waiting(host).map(std::mem::take).unwrap_or_default();
        self.robots.set(host, Host::GivenUp);
        self.intake.look_again();
        let reason = Reason::new("robots.unreachable", cannot_be_had(host, reason));
        for id in waiting {
            let Some(task) = self.held.get(&id).map(|held| Arc::clone(&held.task)) else { continue };
            let then = if task.host == *host {
                self.agreed(id, None, Fate::Dead(reason.clone()), now)
            } else {
                self.failed_by_itself(id, reason.clone(), now)
            };
            self.decided(task, then);
        }
    }

    /// No site was reached: the pool is to blame if nothing ever came through it.
    fn without_robots(&self, host: &HostKey, reason: &Reason, status: Option<u16>) -> Ending {
        let worked = self.pool.iter().any(|(_, member)| member.health.ever_worked());
        if status.is_none() && !worked {
            return Ending::NoProxy { commonest: self.whats_wrong() };
        }
        Ending::Guarded { reason: Reason::new("robots.unreachable", cannot_be_had(host, reason)) }
    }

    /// How a crawl ends in which nothing is left.
    pub(super) fn completion(&self) -> Ending {
        let bars = self.limits.robots.obey && self.robots.rules().any(|rules| rules.count() > 0);
        if bars && self.intake.has_only_excluded() {
            let detail = "robots.txt bars every start URL: nothing may be fetched";
            return Ending::Guarded { reason: Reason::new("robots.denied", detail) };
        }
        Ending::Complete
    }
}

fn cannot_be_had(host: &HostKey, reason: &Reason) -> String {
    format!("the robots.txt of {host} cannot be had, so none of its pages may be fetched: {reason}")
}
