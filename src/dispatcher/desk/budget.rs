//! Budgets: what one proxy may be used for in this run, and when no proxy is left to hope for.
//!
//! In come fetches with their cost, and the time; out go proxies that are used up, and the word that there is nothing to wait for. What
//! a fetch means for its page is the court's business.

use super::Desk;
use crate::clock::Timestamp;
use crate::dispatcher::notice::Notice;
use crate::protocol::Meters;
use crate::proxy::ProxyId;
use crate::proxy::pool::{Member, State};
use crate::proxy::usage::{Over, USED_UP};
use crate::verdict::{Reason, Verdict};

impl Desk {
    /// A fetch through a proxy is over.
    pub(super) fn spend(&mut self, proxy: ProxyId, verdict: &Verdict, meters: &Meters, now: Timestamp) {
        let Some(usage) = self.pool.usage(proxy) else { return };
        usage.spend(meters.requests, meters.wire);
        if *verdict == Verdict::Done {
            usage.succeed(meters.connect + meters.head + meters.receive);
        }
        self.audit(proxy, now);
    }

    /// A fetch through a proxy ended without an outcome: it may have sent a request.
    pub(super) fn spend_unseen(&mut self, proxy: ProxyId, now: Timestamp) {
        if let Some(usage) = self.pool.usage(proxy) {
            usage.spend(1, 0);
            self.audit(proxy, now);
        }
    }

    /// Proxies that have become too old.
    pub(super) fn retire_aged(&mut self, now: Timestamp) {
        let budget = self.limits.proxies.budget();
        if budget.age.is_none() {
            return;
        }
        let aged = self.pool.iter().filter(|(_, member)| member.usage.ends(&budget).is_some_and(|end| end <= now));
        for proxy in aged.map(|(proxy, _)| proxy).collect::<Vec<_>>() {
            self.audit(proxy, now);
        }
    }

    /// When the next proxy becomes too old.
    pub(super) fn next_aged(&self) -> Option<Timestamp> {
        let budget = self.limits.proxies.budget();
        budget.age?;
        let may_age = |member: &&Member| member.is_listed() && !member.is_used_up();
        self.pool.iter().map(|(_, member)| member).filter(may_age).filter_map(|member| member.usage.ends(&budget)).min()
    }

    fn audit(&mut self, proxy: ProxyId, now: Timestamp) {
        let Some(member) = self.pool.get(proxy).filter(|member| !member.is_used_up()) else { return };
        let Some(over) = member.usage.over(&self.limits.proxies.budget(), now) else { return };
        self.pool.use_up(proxy);
        self.note(Notice::UsedUp { proxy, reason: used_up(over) });
        self.call_back(proxy);
    }

    /// Is no proxy ever going to be usable: each is out, or rests without one success ever?
    pub(super) fn is_hopeless(&self) -> bool {
        let listed = || self.pool.iter().map(|(_, member)| member).filter(|member| member.is_listed());
        let is_out = |member: &Member| member.state() == State::Retired;
        let never_worked = |member: &Member| !member.health.ever_worked();
        if listed().all(is_out) {
            return true;
        }
        let rests = |member: &Member| {
            matches!(member.state(), State::Cooling(_)) && member.ever_rested() && never_worked(member)
        };
        let none_is_left = listed().all(|member| is_out(member) || rests(member));
        let none_ever_worked = listed().all(|member| member.ever_rested() && never_worked(member));
        self.out() == 0 && (none_is_left || none_ever_worked)
    }

    /// What keeps the proxies from being used.
    pub(super) fn whats_wrong(&self) -> Option<Reason> {
        let used_up = self.pool.iter().filter(|(_, member)| member.is_listed() && member.is_used_up()).count();
        let of = self.pool.listed();
        if used_up == 0 {
            return self.commonest_error();
        }
        let others = match self.commonest_error().filter(|_| used_up < of) {
            Some(reason) => format!("; of the others most say: {reason}"),
            None => String::new(),
        };
        Some(Reason::new(USED_UP, format!("{used_up} of {of} proxies have used up their budget{others}")))
    }
}

fn used_up(over: Over) -> Reason {
    let detail = match over {
        Over::Requests(most) => format!("it has had its {most} requests (proxies.max_requests)"),
        Over::Bytes(most) => format!("it has had its {most} bytes (proxies.max_bytes)"),
        Over::Age(most) => format!("its first page was {most:?} ago (proxies.max_age)"),
    };
    Reason::new(USED_UP, detail)
}
