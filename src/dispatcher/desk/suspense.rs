//! Suspense: while a host, or our own line, may be down, judgement on what fails there waits.
//!
//! In come failures of which an outage could be the cause. Once something comes through that was asked for later, each is judged
//! as ever; if it was an outage, none is: pages go back as they were, and nobody is charged. When that is so is `outage.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Desk;
use super::court::Ended;
use super::guard::Urgency;
use super::judgment::Harvest;
use super::outage::{Picture, Turn};
use super::party::Party;
use super::probing::counts;
use super::proof::Control;
use super::repute::Repute;
use super::roster::Stirred;
use super::signs::{Failure, FailureOf, Sign};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, Then};
use crate::protocol::Meters;
use crate::proxy::ProxyId;
use crate::task::{HostKey, TaskId};
use crate::verdict::{OUTAGE, PROBE_TIMEOUT, Reason, Verdict};

/// A failure that waits for judgement.
#[derive(Debug)]
pub(super) enum Case {
    /// Of a page.
    Page { ended: Ended, verdict: Verdict },
    /// Of a control.
    Control { control: Control, ended: Ended, verdict: Verdict },
    /// Of a fetch that decides nothing about its page.
    Stale { proxy: ProxyId, verdict: Verdict },
}

impl Case {
    const fn page(&self) -> Option<TaskId> {
        match self {
            Self::Page { ended, .. } => Some(ended.page),
            Self::Control { .. } | Self::Stale { .. } => None,
        }
    }

    const fn proxy(&self) -> ProxyId {
        match self {
            Self::Page { ended, .. } | Self::Control { ended, .. } => ended.proxy,
            Self::Stale { proxy, .. } => *proxy,
        }
    }
}

/// What waits, by the party that may be down, and since when.
#[derive(Debug, Default)]
pub(super) struct Suspense {
    cases: BTreeMap<Party, Vec<(Timestamp, Case)>>,
    /// When a proxy may go on with a probe that is due.
    pub(super) probe_at: Option<Timestamp>,
}

impl Suspense {
    fn add(&mut self, party: Party, case: Case, now: Timestamp) {
        self.cases.entry(party).or_default().push((now, case));
    }

    /// Those that have waited since then or longer.
    fn take(&mut self, party: &Party, until: Timestamp) -> Vec<Case> {
        let Some(cases) = self.cases.remove(party) else { return Vec::new() };
        let (due, rest): (Vec<_>, Vec<_>) = cases.into_iter().partition(|(at, _)| *at <= until);
        if !rest.is_empty() {
            self.cases.insert(party.clone(), rest);
        }
        due.into_iter().map(|(_, case)| case).collect()
    }

    /// Pages that wait for judgement.
    #[cfg(test)]
    pub(super) fn pages(&self) -> std::collections::BTreeSet<TaskId> {
        self.cases.values().flatten().filter_map(|(_, case)| case.page()).collect()
    }

    /// Nothing is judged any more.
    pub(super) fn clear(&mut self) {
        self.cases.clear();
    }
}

/// Who may be down, if a fetch that last asked `host` came to this. What only a page or a proxy can do is no sign of it, nor is what a
/// site says that is well enough to refuse.
pub(super) fn perhaps_down(verdict: &Verdict, host: &HostKey) -> Option<Party> {
    match verdict {
        Verdict::ProxyBroken(_) => Some(Party::Line),
        Verdict::Doubtful(reason) | Verdict::Failing(_, reason) if !reason.is_shortfall() => {
            Some(Party::Host(host.clone()))
        }
        Verdict::Done
        | Verdict::ProxyDenied(_)
        | Verdict::Throttled { .. }
        | Verdict::Banned(_)
        | Verdict::Doubtful(_)
        | Verdict::Gone(..)
        | Verdict::Rejected(..)
        | Verdict::Failing(..)
        | Verdict::Unusable(_)
        | Verdict::Excluded(..)
        | Verdict::Unasked(..)
        | Verdict::Panicked(_) => None,
    }
}

/// Does it show that a proxy was reached?
pub(super) fn came_by_line(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::ProxyBroken(_) | Verdict::Panicked(_) => false,
        other => other.reason().is_none_or(|reason| reason.code != PROBE_TIMEOUT),
    }
}

impl Desk {
    /// Takes note of what a fetch shows of our line, and of hosts.
    pub(super) fn hear(&mut self, ended: &Ended, verdict: &Verdict, meters: &Meters, now: Timestamp) {
        let repute = Repute::of(&self.docket.reliability_anywhere(ended.proxy));
        let through = (*verdict == Verdict::Done).then_some((ended.proxy, repute));
        let took = meters.connect + meters.head + meters.receive;
        if came_by_line(verdict) {
            let sent = meters.sent.last().map_or(now, |(_, at)| *at);
            self.party_worked(&Party::Line, Sign { sent, through, took }, now);
        }
        if *verdict == Verdict::Done {
            for venue in &ended.passed {
                let asked = meters.sent.iter().rev().find(|(host, _)| *host == venue.host);
                let sent = asked.map_or(now, |(_, at)| *at);
                self.party_worked(&Party::Host(venue.host.clone()), Sign { sent, through, took }, now);
            }
        }
    }

    /// Something came through there: what failed before it was asked for is judged.
    pub(super) fn party_worked(&mut self, party: &Party, sign: Sign, now: Timestamp) {
        let was_troubled = !self.guard.is_quiet();
        if let Some(down_for) = self.guard.worked(party, sign, now) {
            self.intake.look_again();
            self.note(Notice::Returned { party: party.clone(), down_for });
        }
        if was_troubled {
            self.stirred = Stirred::Yes;
            self.judge(party, sign.sent, now);
        }
    }

    /// Who may be down for all that is known, so that judgement has to wait.
    pub(super) fn in_question(&self, verdict: &Verdict, host: &HostKey) -> Option<Party> {
        perhaps_down(verdict, host).filter(|party| self.may_be_down(party))
    }

    /// May our line be, by an outcome that decides nothing about a page?
    pub(super) fn may_be_line(&self, verdict: &Verdict) -> Option<Party> {
        matches!(verdict, Verdict::ProxyBroken(_)).then_some(Party::Line).filter(|line| self.may_be_down(line))
    }

    fn may_be_down(&self, party: &Party) -> bool {
        self.guard.is_down(party) || (self.guard.is_armed(party) && self.docket.can_probe(party))
    }

    /// A failure of what was sent then waits for judgement; if it was sent into an outage that is known, it is none.
    pub(super) fn suspend(&mut self, party: Party, case: Case, sent: Timestamp, now: Timestamp) -> Then {
        if self.guard.was_down_at(&party, sent) {
            return self.void(&case, now);
        }
        self.guard.failed(&party, Failure { at: now, proxy: case.proxy(), is_of: FailureOf::Fetch });
        self.suspense.add(party, case, now);
        Then::Again
    }

    /// Judges what has waited since then or longer.
    fn judge(&mut self, party: &Party, until: Timestamp, now: Timestamp) {
        for case in self.suspense.take(party, until) {
            match case {
                Case::Page { ended, verdict } => {
                    let Some(task) = self.held.get(&ended.page).map(|held| Arc::clone(&held.task)) else { continue };
                    let then = self.rule(&ended, &verdict, Harvest::default(), now);
                    if !matches!(then, Then::Again | Then::Stale) {
                        self.decided(task, then);
                    }
                }
                Case::Control { control, ended, verdict } => self.weigh_control(&control, &ended, &verdict, now),
                Case::Stale { proxy, verdict } => self.blame_only(proxy, &verdict, now),
            }
        }
    }

    /// A failure says nothing: its page goes back as it was, but for its request, which was sent.
    fn void(&mut self, case: &Case, now: Timestamp) -> Then {
        let Case::Page { ended, .. } = case else { return Then::Again };
        self.put_back(ended.page);
        self.bound_requests(ended.page, "it was sent into an outage", now).unwrap_or(Then::Again)
    }

    /// Gives out pages, and probes where something is in question: before pages, where it is shut.
    pub(super) fn place_or_probe(&mut self, now: Timestamp) {
        // Whoever has just failed may be needed for a probe rather than for a further page.
        self.watch_for_outages(Urgency::Before, now);
        self.place(now);
        if self.watch_for_outages(Urgency::After, now) {
            self.place(now);
        }
    }

    /// Looks at what is in question, and sends probes. Has anything changed for those who wait?
    fn watch_for_outages(&mut self, urgency: Urgency, now: Timestamp) -> bool {
        if self.guard.is_quiet() {
            return false;
        }
        let mut has_changed = false;
        for party in self.guard.troubled() {
            match self.look_at(&party, urgency, now) {
                Some(Turn::Judge) => self.judge(&party, now, now),
                Some(Turn::Doubt) => {}
                Some(Turn::Down) => self.outage(&party, now),
                None => continue,
            }
            self.stirred = Stirred::Yes;
            has_changed = true;
        }
        self.send_probes(urgency, now);
        has_changed
    }

    fn look_at(&mut self, party: &Party, urgency: Urgency, now: Timestamp) -> Option<Turn> {
        let (pool, pace) = (&self.pool, &self.pace);
        let counts = |proxy: ProxyId, repute: Repute| counts(pool, pace, party, (proxy, repute), now);
        let is_quiet = match party {
            // Pages that are about to go out may still tell.
            _ if urgency == Urgency::Before => false,
            Party::Line => self.fetching.is_empty(),
            Party::Host(host) => !self.fetching.values().any(|asked| asked == host),
        };
        self.guard.look(party, &Picture { counts, is_quiet, can_probe: self.docket.can_probe(party) }, now)
    }

    fn outage(&mut self, party: &Party, now: Timestamp) {
        let cases = self.suspense.take(party, now);
        let reason = cases.iter().rev().find_map(|case| match case {
            Case::Page { verdict, .. } | Case::Control { verdict, .. } | Case::Stale { verdict, .. } => {
                verdict.reason()
            }
        });
        let reason = reason.cloned().unwrap_or_else(|| Reason::new(PROBE_TIMEOUT, "probes were not answered"));
        self.note(Notice::Outage { party: party.clone(), reason });
        for case in cases {
            let task = case.page().and_then(|page| self.held.get(&page)).map(|held| Arc::clone(&held.task));
            let then = self.void(&case, now);
            if let Some(task) = task.filter(|_| then != Then::Again) {
                self.decided(task, then);
            }
        }
    }

    /// What has been down for so long that it is waited for no longer, since nothing else is left to do.
    pub(super) fn outage_to_end_with(&self, now: Timestamp) -> Option<Reason> {
        let (party, since) = self.guard.longest_down()?;
        let most = self.limits.outage.max_wait;
        if now.since(since) < most || self.pages_out() > 0 || self.may_ask_others(now) {
            return None;
        }
        Some(Reason::new(OUTAGE, format!("{party} has been down for {most:?} (outage.max_wait)")))
    }

    /// When something is to be done about an outage.
    pub(super) fn next_look_at_outages(&self, now: Timestamp) -> Option<Timestamp> {
        let end = self.guard.longest_down().map(|(_, since)| since + self.limits.outage.max_wait);
        [self.guard.next_due(now), self.suspense.probe_at, end].into_iter().flatten().filter(|&at| at > now).min()
    }

    /// Are there pages of hosts that may be asked, or may such pages come?
    fn may_ask_others(&self, now: Timestamp) -> bool {
        if self.guard.shut().any(|party| *party == Party::Line) {
            return false;
        }
        let mut hosts = self.held.values().map(|held| &held.task.host);
        hosts.any(|host| !self.guard.is_shut(host)) || self.intake.may_bring_others(now)
    }
}
