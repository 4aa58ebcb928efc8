//! The alarm: the Desk wakes itself for what only time brings.
//!
//! In come the wishes of all parts; out goes an order for the first of them, where it is another one than the last.

use super::ending::Phase;
use super::roster::NEVER;
use super::{Desk, Order};
use crate::clock::Timestamp;

impl Desk {
    pub(super) fn set_alarm(&mut self, now: Timestamp) {
        let wishes = [
            self.ledger.next_due(),
            self.pool.next_wake(),
            self.next_aged(),
            self.affinity.next_due(),
            self.robots.next_due(),
            self.stragglers.next_due(),
            self.roster.next_look(now),
            self.intake.next_due(),
            self.no_proxy_deadline(),
            self.phase.until(),
            self.deadline(),
            self.review_at.filter(|&at| at < NEVER),
            self.next_round,
            self.next_look_at_outages(now),
            self.barred_since.map(|since| since + self.limits.ban.max_wait),
        ];
        // What was due by now has been done or cannot be done yet: then another event will come.
        let next = wishes.into_iter().flatten().filter(|&at| at > now).min();
        if let Some(at) = next
            && !matches!(self.phase, Phase::Over)
            && self.alarm != next
        {
            self.alarm = next;
            self.orders.push(Order::WakeAt(at));
        }
    }
}
