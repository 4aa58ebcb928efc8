//! Penalties: what follows for a proxy that was found at fault, or that fails in silence.
//!
//! In come a proxy and a reason; out go charges, rests, pauses and retirements, and the notices of them. Whether the proxy was at
//! fault is the court's to say, and known before.

use super::roster::{Grip, Hands};
use super::{Desk, Order};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PauseCause};
use crate::proxy::ProxyId;
use crate::proxy::health::Standing;
use crate::proxy::pool::{After, Member, State};
use crate::task::{HostKey, TaskId};
use crate::verdict::Reason;

impl Desk {
    /// A proxy was found at fault.
    pub(super) fn charge(&mut self, proxy: ProxyId, reason: &Reason, now: Timestamp) {
        self.blame(reason);
        let limits = self.limits.health;
        let Some(health) = self.pool.health(proxy) else { return };
        let standing = health.charge(&limits);
        let score = health.score();
        if let Some(usage) = self.pool.usage(proxy) {
            usage.fault();
        }
        self.keeper.patients.insert(proxy);
        self.note(Notice::Charged { proxy, score, reason: reason.clone() });
        self.mind(proxy, standing, reason, now);
    }

    /// A proxy's failures have come to something.
    pub(super) fn mind(&mut self, proxy: ProxyId, standing: Standing, reason: &Reason, now: Timestamp) {
        let Some(member) = self.pool.get(proxy) else { return };
        if standing == Standing::Fit || !member.usable() {
            return;
        }
        let (limits, rests) = (self.limits.health, member.rests());
        // Where nothing comes through anybody, it may be the site, or our line, that is down.
        let is_told_apart = self.pool.has_worked_since_it_rested(proxy);
        if is_told_apart && limits.max_cooldowns.is_some_and(|most| rests >= most) {
            let detail = format!("it has had its {rests} rests (health.max_cooldowns); the last thing was: {reason}");
            return self.retire(proxy, Reason::new("proxy.max_cooldowns", detail));
        }
        let Some(health) = self.pool.health(proxy) else { return };
        let until = now + health.rest(&limits);
        self.keeper.patients.insert(proxy);
        self.note(Notice::Cooling { proxy, until, reason: reason.clone() });
        self.give_up(proxy, After::Cool(until), reason);
    }

    /// A proxy is out for this run.
    pub(super) fn retire(&mut self, proxy: ProxyId, reason: Reason) {
        if self.pool.get(proxy).is_none_or(|member| member.state() == State::Retired) {
            return;
        }
        self.note(Notice::Retired { proxy, reason: reason.clone() });
        self.give_up(proxy, After::Retire, &reason);
    }

    fn give_up(&mut self, proxy: ProxyId, after: After, reason: &Reason) {
        let state = self.pool.get(proxy).map(Member::state);
        self.pool.close(proxy, after);
        let Some(State::Bound(worker)) = state else { return };
        let Some(Hands::Holding(grip)) = self.roster.get(worker) else { return };
        self.roster.set(worker, Hands::Holding(Grip { closing: true, ..grip }));
        self.note(Notice::Replaced { worker, proxy, reason: reason.clone() });
        self.orders.push(Order::Spent { worker, proxy: grip.proxy });
    }

    /// A proxy failed, and nobody can tell yet whose fault that is; too much of that sends it to rest.
    pub(super) fn silent(&mut self, proxy: ProxyId, page: TaskId, reason: &Reason, now: Timestamp) {
        let limits = self.limits.health;
        let Some(health) = self.pool.health(proxy) else { return };
        let standing = health.fail_silently(page, &limits);
        self.keeper.patients.insert(proxy);
        self.mind(proxy, standing, reason, now);
    }

    /// The site seems to refuse a proxy, as seen on a page: it leaves that host alone for a while. Not a rotating line, of which it
    /// has refused one address.
    pub(super) fn ban(&mut self, proxy: ProxyId, host: &HostKey, page: TaskId, reason: &Reason, now: Timestamp) {
        if self.is_rotating() {
            return;
        }
        let Some(address) = self.pool.get(proxy).map(|member| member.address) else { return };
        let until = self.pace.ban(address, host, page, now);
        self.keeper.paced(proxy, host);
        self.moved.insert(proxy);
        self.last_ban = Some(reason.clone());
        let host = host.clone();
        self.note(Notice::HostPaused { proxy, host, until, cause: PauseCause::Ban, reason: reason.clone() });
    }
}
