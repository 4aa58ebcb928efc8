//! Pacing: what a fetch that has ended says of how often its host may be asked.
//!
//! In come fetches that go out and come back; out go pauses, their notices, and pages that are turned away whoever asks. How
//! long the pauses are is `pace`'s to say.

use super::bench::{Bench, Venue};
use super::court::Ended;
use super::roster::{NEVER, Stirred};
use super::{Desk, Held};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PauseCause};
use crate::pace::{AddressId, Permit, Refusal};
use crate::protocol::Assignment;
use crate::proxy::ProxyId;
use crate::task::{HostKey, TaskId};
use crate::verdict::Verdict;

impl Desk {
    /// May `proxy` ask `host`, by its pace, and as far as neither is in question?
    pub(super) fn permit(&self, proxy: ProxyId, host: &HostKey, now: Timestamp) -> Permit {
        let Some(address) = self.address(proxy) else { return Permit::Wait(NEVER) };
        if self.guard.is_shut(host) {
            Permit::Shut(NEVER)
        } else if self.guard.holds(proxy, host) {
            Permit::Wait(NEVER)
        } else {
            self.pace.permit(address, host, now)
        }
    }

    /// When requests really went out decides when the next ones may, and their answer how often.
    pub(super) fn keep_pace(
        &mut self,
        assignment: &Assignment,
        sent: &[(HostKey, Timestamp)],
        verdict: &Verdict,
        now: Timestamp,
    ) {
        let Some(host) = self.give_place_back(assignment, sent) else { return };
        let proxy = assignment.proxy.id;
        let Some(address) = self.address(proxy) else { return };
        // After a redirect it is the last host that has spoken.
        let (host, sent) = sent.last().cloned().unwrap_or((host, now));
        match verdict {
            // The address that is to wait is not the one that asks next.
            Verdict::Throttled { .. } if self.is_rotating() => {}
            Verdict::Throttled { retry_after, reason } => {
                let refusal = Refusal { sent, retry_after: *retry_after, addresses: self.pool.usable() };
                let throttled = self.pace.throttle(address, &host, refusal, now);
                self.keeper.paced(proxy, &host);
                self.moved.insert(proxy);
                let (until, reason) = (throttled.until, reason.clone());
                self.note(Notice::HostPaused { proxy, host: host.clone(), until, cause: PauseCause::Throttle, reason });
                if let Some(slowed) = throttled.everybody {
                    self.note(Notice::HostSlowed { host, until: slowed.until, gap: slowed.gap });
                }
            }
            Verdict::Done
            | Verdict::Gone(..)
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_)
            | Verdict::Excluded(..)
            | Verdict::Unasked(..) => {
                if self.pace.passed(address, &host, sent) {
                    self.keeper.paced(proxy, &host);
                }
            }
            // Whether the site has answered is not known, or it has not.
            Verdict::ProxyBroken(_)
            | Verdict::ProxyDenied(_)
            | Verdict::Banned(_)
            | Verdict::Doubtful(_)
            | Verdict::Panicked(_) => {}
        }
    }

    /// Nobody knows when the request of a lost fetch went out: as late as now.
    pub(super) fn keep_pace_of_lost(&mut self, assignment: &Assignment, now: Timestamp) {
        if let Some(host) = self.fetching.get(assignment).cloned() {
            self.give_place_back(assignment, &[(host, now)]);
        }
    }

    /// A fetch has its place at its host no more. Gives that host.
    fn give_place_back(&mut self, assignment: &Assignment, sent: &[(HostKey, Timestamp)]) -> Option<HostKey> {
        let host = self.fetching.remove(assignment)?;
        let address = self.address(assignment.proxy.id)?;
        let gap = match self.held.get(&assignment.task) {
            Some(held) if held.turn == assignment.turn => held.gap,
            Some(_) | None => self.pace.gap(address, &host, &mut self.rng),
        };
        if self.pace.end(address, &host, sent, gap) {
            self.stirred = Stirred::Yes;
        }
        Some(host)
    }

    pub(super) fn address(&self, proxy: ProxyId) -> Option<AddressId> {
        self.pool.get(proxy).map(|member| member.address)
    }

    /// Is a page turned away whoever asks, while the same proxies get others?
    pub(super) fn is_turned_away(&mut self, ended: &Ended) -> bool {
        let Some(address) = self.address(ended.proxy) else { return false };
        let enough = usize::try_from(self.limits.retry.witnesses).unwrap_or(usize::MAX);
        let enough = enough.min(self.pool.usable()).max(1);
        let Some(Held { refusals, .. }) = self.held.get_mut(&ended.page) else { return false };
        if refusals.add(address, &ended.last.host, &self.pace) >= enough {
            return true;
        }
        if refusals.are_repeated() {
            self.ask_for_another(ended);
        }
        false
    }

    /// A proxy is turned away at a host whatever it asks for: it cannot show there that a page is meant rather than itself.
    pub(super) fn unchallenge(&mut self, proxy: ProxyId, host: &HostKey) {
        let mut moot = Vec::new();
        for (id, held) in &mut self.held {
            let is_it = |(who, venue): &mut (ProxyId, Venue)| *who == proxy && venue.host == *host;
            moot.push((*id, held.challenged.extract_if(.., is_it).collect::<Vec<_>>()));
        }
        for (page, challenged) in moot {
            self.withdraw_challenges(&challenged, page);
        }
    }

    /// Who was turned away with a page has nothing more to show because of that.
    pub(super) fn withdraw_challenges(&mut self, challenged: &[(ProxyId, Venue)], page: TaskId) {
        for (proxy, venue) in challenged {
            // It may have failed on it as well.
            let has_said = self.trials.get(page).is_some_and(|trial| trial.is_pending(*proxy, venue));
            if !has_said {
                self.docket.withdraw(*proxy, venue, page);
            }
        }
    }

    /// Where no other page waits by which a proxy could show that it is not meant, it is to get one that was done.
    fn ask_for_another(&mut self, ended: &Ended) {
        let venue = &ended.last;
        let has_control = self.docket.bench(venue).is_some_and(Bench::has_control);
        if has_control && self.window.best_at(venue).is_none() {
            self.docket.challenged(ended.proxy, venue, ended.page);
            if let Some(held) = self.held.get_mut(&ended.page) {
                held.challenged.push((ended.proxy, venue.clone()));
            }
        }
    }
}
