//! Outages of the made-up world: its hosts, or our own line, are down for a while.
//!
//! What a fetch comes to then, and whether the return is noticed in time.

use std::collections::BTreeSet;
use std::time::Duration;

use super::scenario::Scenario;
use super::site::Answer;
use crate::clock::Timestamp;
use crate::dispatcher::desk::Party;
use crate::dispatcher::notice::Notice;
use crate::proxy::ProxyId;
use crate::task::HostKey;
use crate::verdict::{Certainty, Reason, Verdict};

/// From the return of a party until that is known.
const NOTICED_WITHIN: Duration = Duration::from_secs(3);

/// How something is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Connections are refused.
    Refusing,
    /// Nothing is answered.
    Silent,
    /// It answers 503.
    Failing,
    /// No proxy can be reached: it is our own line.
    Line,
}

/// An outage to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Down {
    /// It begins once so many pages have come through …
    pub(super) after: u32,
    /// … and so many proxies have brought one of what will be down.
    pub(super) proxies: usize,
    pub(super) mode: Mode,
    /// Which host.
    pub(super) host: u32,
    pub(super) lasts: Duration,
}

impl Down {
    fn concerns(&self, host: &HostKey) -> bool {
        self.mode == Mode::Line || *host.0 == *format!("h{}.test:80", self.host)
    }
}

/// The outages of a world.
pub(super) struct Downs {
    secure: bool,
    done: u32,
    /// Who has brought a page of which host, and when the last one is in.
    brought: BTreeSet<(HostKey, ProxyId)>,
    last: Timestamp,
    to_come: Vec<Down>,
    /// From when to when.
    begun: Vec<(Down, Timestamp, Timestamp)>,
    known: Vec<Party>,
    /// How long each return took to be noticed.
    pub(super) noticed: Vec<Duration>,
}

impl Downs {
    pub(super) fn of(scenario: &Scenario) -> Self {
        let to_come = scenario.downs.clone();
        Self {
            secure: scenario.secure,
            done: 0,
            brought: BTreeSet::new(),
            last: Timestamp::default(),
            to_come,
            begun: Vec::new(),
            known: Vec::new(),
            noticed: Vec::new(),
        }
    }

    /// A page of a host comes through a proxy.
    pub(super) fn done(&mut self, host: &HostKey, proxy: ProxyId, now: Timestamp) {
        self.done += 1;
        self.last = self.last.max(now);
        self.brought.insert((host.clone(), proxy));
        let (done, brought, last) = (self.done, &self.brought, self.last);
        let by = |down: &Down| {
            let there = brought.iter().filter(|(host, _)| down.concerns(host));
            there.map(|(_, proxy)| proxy).collect::<BTreeSet<_>>().len()
        };
        let begun = self.to_come.extract_if(.., |down| down.after <= done && down.proxies <= by(down));
        self.begun.extend(begun.map(|down| (down, last, last + down.lasts)));
    }

    fn at(&self, host: &HostKey, now: Timestamp) -> Option<Mode> {
        let at_that = |(down, since, until): &&(Down, _, _)| down.concerns(host) && *since <= now && now < *until;
        // What does not reach a proxy never comes to what a host would answer.
        let first = self.begun.iter().filter(at_that).min_by_key(|(down, ..)| down.mode != Mode::Line);
        first.map(|(down, ..)| down.mode)
    }

    /// What a fetch comes to that goes out at `now`, and would have come to `answer`.
    pub(super) fn spoil(&self, host: &HostKey, answer: Answer, now: Timestamp) -> Answer {
        let Some(mode) = self.at(host, now) else { return answer };
        let quick = Duration::from_millis(5);
        let failed = |verdict, takes| Answer { verdict, takes, sent: true };
        let certainty = if self.secure { Certainty::Sure } else { Certainty::Doubtful };
        match mode {
            Mode::Refusing => failed(Verdict::Doubtful(Reason::new("tunnel.refused", "502")), quick),
            Mode::Silent => {
                failed(Verdict::Doubtful(Reason::new("timeout.head", "no head in time")), Duration::from_secs(15))
            }
            Mode::Failing => failed(Verdict::Failing(certainty, Reason::new("status.503", "503")), quick),
            Mode::Line => {
                let verdict = Verdict::ProxyBroken(Reason::new("proxy.refused", "refused"));
                Answer { verdict, takes: quick, sent: false }
            }
        }
    }

    /// The Desk has noticed something.
    pub(super) fn heard(&mut self, notice: &Notice, now: Timestamp) {
        match notice {
            Notice::Outage { party, .. } => self.known.push(party.clone()),
            Notice::Returned { party, .. } => {
                self.known.retain(|known| known != party);
                let concerns = |down: &Down| match party {
                    Party::Line => down.mode == Mode::Line,
                    Party::Host(host) => down.mode != Mode::Line && *host.0 == *format!("h{}.test:80", down.host),
                };
                let ended = self.begun.iter().filter(|(down, _, until)| concerns(down) && *until <= now);
                self.noticed.extend(ended.map(|(_, _, until)| now.since(*until)).min());
            }
            _ => {}
        }
    }

    /// Were all returns noticed in time?
    pub(super) fn are_noticed_in_time(&self) -> bool {
        self.known.is_empty() && self.noticed.iter().all(|after| *after <= NOTICED_WITHIN)
    }
}
