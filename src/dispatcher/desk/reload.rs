//! The reload: what follows when the proxies have been read again while the crawl goes on.
//!
//! In come the proxies that are there now; out go orders to give up those that are gone or changed, wishes for more workers, and
//! notices. Where each proxy is then is the pool's business.

use super::roster::{Grip, Hands, Stirred};
use super::{Desk, Order};
use crate::clock::Timestamp;
use crate::dispatcher::notice::Notice;
use crate::proxy::pool::{Relisted, State};
use crate::proxy::{Endpoint, ProxyId};

impl Desk {
    /// The proxies were read again; each is there once.
    pub(super) fn relist(&mut self, endpoints: Vec<Endpoint>, now: Timestamp) {
        let Relisted { added, removed, changed } = self.pool.relist(endpoints, now);
        for &proxy in &added {
            if let Some(member) = self.pool.get(proxy) {
                self.keeper.meet(proxy, &member.route);
            }
            let label = self.label(proxy);
            self.note(Notice::Added { proxy, label });
        }
        for &proxy in &removed {
            self.note(Notice::Removed { proxy });
        }
        for &proxy in added.iter().chain(&removed).chain(&changed) {
            self.call_back(proxy);
            self.moved.insert(proxy);
            self.stirred = Stirred::Yes;
        }
        let (added, removed, changed) = (added.len(), removed.len(), changed.len());
        if added + changed > 0 {
            // Another wait for a usable proxy is another one.
            self.no_proxy_since = None;
        }
        self.note(Notice::Reloaded { added, removed, changed, listed: self.pool.listed() });
        self.staff();
    }

    /// A worker that holds a proxy which is being given up is told so, once.
    pub(super) fn call_back(&mut self, proxy: ProxyId) {
        let Some(State::Closing(worker, _)) = self.pool.get(proxy).map(|member| member.state()) else { return };
        let Some(Hands::Holding(grip)) = self.roster.get(worker) else { return };
        if grip.proxy.id == proxy && !grip.closing {
            self.roster.set(worker, Hands::Holding(Grip { closing: true, ..grip }));
            self.orders.push(Order::Spent { worker, proxy: grip.proxy });
        }
    }

    /// More proxies, more workers, as far as the config lets their number follow.
    fn staff(&mut self) {
        let wanted = self.pool.listed().min(self.limits.most_workers);
        if self.phase.is_running() && wanted > self.limits.workers {
            self.limits.workers = wanted;
            self.orders.push(Order::Workers(u16::try_from(wanted).unwrap_or(u16::MAX)));
        }
    }
}
