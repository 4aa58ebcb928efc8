//! Outages of the made-up world: its hosts, or our own line, are down for a while.
//!
//! What a fetch comes to then, and whether the return is noticed in time.

use std::time::Duration;

use super::scenario::Scenario;
use super::site::Answer;
use crate::clock::Timestamp;
use crate::dispatcher::desk::Party;
use crate::dispatcher::notice::Notice;
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
    /// It begins once so many pages have come through.
    pub(super) after: u32,
    pub(super) mode: Mode,
    /// Which host.
    pub(super) host: u32,
    pub(super) lasts: Duration,
}

/// The outages of a world.
pub(super) struct Downs {
    secure: bool,
    done: u32,
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
        Self { secure: scenario.secure, done: 0, to_come, begun: Vec::new(), known: Vec::new(), noticed: Vec::new() }
    }

    /// A page has come through.
    pub(super) fn done(&mut self, now: Timestamp) {
        self.done += 1;
        let done = self.done;
        let begun = self.to_come.extract_if(.., |down| down.after <= done);
        self.begun.extend(begun.map(|down| (down, now, now + down.lasts)));
    }

    fn at(&self, host: &HostKey, now: Timestamp) -> Option<Mode> {
        let concerns = |down: &Down| down.mode == Mode::Line || *host.0 == *format!("h{}.test:80", down.host);
        let mut begun = self.begun.iter().filter(|(down, ..)| concerns(down));
        begun.find(|(_, since, until)| *since <= now && now < *until).map(|(down, ..)| down.mode)
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
