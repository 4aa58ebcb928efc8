//! The order of the spares: which one is bound next.
//!
//! Pure. In come members with what is known of them, out goes the queue, best first. A queue is put in order when it is asked
//! to be, not whenever a member changes.

use std::cmp::Ordering;

use super::{Member, Pool};
use crate::config::SpareOrder;
use crate::proxy::ProxyId;

/// By `best`, each so-manieth binding goes to a proxy that was never used, if there is one: a pool that works is no reason never to
/// try the others.
const TURN_OF_NEW_ONES: u64 = 4;

impl Pool {
    /// Spares go out in this order.
    #[must_use]
    pub fn in_order(mut self, order: SpareOrder) -> Self {
        self.order = order;
        self.is_stale = true;
        self.rank_spares();
        self
    }

    /// The spares, the next one first, as of when they were last ranked.
    pub fn spares(&self) -> impl Iterator<Item = (ProxyId, &Member)> {
        let turn = self.order == SpareOrder::Best && self.bindings % TURN_OF_NEW_ONES == TURN_OF_NEW_ONES - 1;
        let ranked = move |first: bool| {
            let spares = self.spares.iter().filter_map(|&id| self.get(id).map(|member| (id, member)));
            spares.filter(move |(_, member)| (turn && member.usage.is_new()) == first)
        };
        ranked(true).chain(ranked(false))
    }

    /// Puts the spares in order again, if anything was learnt of one of them.
    pub fn rank_spares(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            let mut spares = std::mem::take(&mut self.spares);
            spares.sort_by(|&one, &other| self.compare(one, other));
            self.spares = spares;
        }
    }

    /// A proxy becomes a spare: behind those that are worth as much.
    pub(super) fn enqueue(&mut self, id: ProxyId) {
        self.arrivals += 1;
        let arrivals = self.arrivals;
        if let Some(member) = self.members.get_mut(id.0 as usize) {
            member.arrival = arrivals;
        }
        let at = self.spares.partition_point(|&other| self.compare(other, id) == Ordering::Less);
        self.spares.insert(at, id);
    }

    fn compare(&self, one: ProxyId, other: ProxyId) -> Ordering {
        let (Some(one), Some(other)) = (self.get(one), self.get(other)) else { return one.cmp(&other) };
        let rank = match self.order {
            SpareOrder::Best => other.usage.promise().total_cmp(&one.usage.promise()),
            SpareOrder::LeastUsed => one.usage.requests().cmp(&other.usage.requests()),
            SpareOrder::File => one.place.cmp(&other.place),
        };
        rank.then(one.arrival.cmp(&other.arrival))
    }
}
