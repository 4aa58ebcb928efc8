//! Room on the disks: fetching waits while one of them has less than `limits.min_free`.
//!
//! In comes what is free on the fullest disk; out goes whether the crawl may go on, and the notices of a change. Pure: who asks
//! the disks, and how often, is not known here.

use super::roster::Stirred;
use super::{Desk, Free};
use crate::dispatcher::notice::Notice;

/// What is known of the disks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// They may be filled.
    Unbounded,
    /// So many bytes are to stay free, and nobody has looked yet.
    Unseen(u64),
    /// So many bytes are to stay free, and more are.
    Enough(u64),
    /// So many bytes are to stay free, and fewer are.
    Short(u64),
}

impl Room {
    pub(super) fn to_be_left(least: Option<u64>) -> Self {
        least.map_or(Self::Unbounded, Self::Unseen)
    }

    /// Is there none to go on with, for all that is known?
    pub(super) const fn is_short(self) -> bool {
        matches!(self, Self::Unseen(_) | Self::Short(_))
    }
}

impl Desk {
    /// The disks have been looked at. What nobody can say keeps nobody waiting.
    pub(super) fn found_free(&mut self, free: Option<Free>) {
        let (Room::Unseen(least) | Room::Enough(least) | Room::Short(least)) = self.room else { return };
        let before = self.room;
        match free {
            Some(free) if free.bytes < least => {
                self.room = Room::Short(least);
                if !matches!(before, Room::Short(_)) {
                    self.note(Notice::DiskShort { free, least });
                }
            }
            free => {
                self.room = Room::Enough(least);
                if matches!(before, Room::Short(_)) {
                    self.note(Notice::DiskFree { free });
                }
            }
        }
        if before.is_short() && !self.room.is_short() {
            self.stirred = Stirred::Yes;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::clock::Timestamp;
    use crate::config;
    use crate::dispatcher::desk::fixture::{limits, route, task};
    use crate::dispatcher::desk::{Event, Order};
    use crate::frontier::{Claim, Claimed, Stats};
    use crate::protocol::WorkerId;
    use crate::task::Epoch;

    const NOW: Timestamp = Timestamp::from_micros(1_000_000);

    /// A Desk that has a worker, a proxy and a page, and is to leave so much free.
    fn desk(min_free: Option<u64>) -> (Desk, Vec<Order>) {
        let bounds = config::Limits { min_free, ..config::Limits::default() };
        let mut desk = Desk::new(super::super::Limits { bounds, ..limits(1) }, &[route(1)], &[], NOW);
        let claimed = vec![Claimed { task: task(1, "site.test", 0).into(), epoch: Epoch(1) }];
        let stats = Stats { leased: 1, ready: 9, unread: Some(0), ..Stats::default() };
        let mut orders = desk.handle(Event::Ready(WorkerId { slot: 0, incarnation: 0 }), NOW);
        orders.extend(desk.handle(Event::Claimed(Claim { tasks: claimed, next_due: None, stats }), NOW));
        (desk, orders)
    }

    fn free(bytes: u64) -> Event {
        Event::Free(Some(Free { bytes, place: Path::new("/runs").into() }))
    }

    fn goes_on(orders: &[Order]) -> bool {
        let some = |wanted: fn(&Order) -> bool| orders.iter().any(wanted);
        let (fetch, claim) = (
            |order: &Order| matches!(order, Order::Fetch { .. }),
            |order: &Order| matches!(order, Order::Claim { .. }),
        );
        assert_eq!(some(fetch), some(claim), "both or neither: {orders:?}");
        some(fetch)
    }

    fn told(orders: &[Order]) -> Vec<&str> {
        let told = |order: &Order| match order {
            Order::Note(Notice::DiskShort { .. }) => Some("short"),
            Order::Note(Notice::DiskFree { .. }) => Some("free"),
            _ => None,
        };
        orders.iter().filter_map(told).collect()
    }

    #[test]
    fn without_a_limit_nobody_asks_and_nobody_waits() {
        let (mut desk, orders) = desk(None);
        assert!(orders.iter().any(|order| matches!(order, Order::Fetch { .. })));
        assert!(told(&desk.handle(free(0), NOW)).is_empty());
    }

    #[test]
    fn nothing_is_fetched_or_claimed_before_the_disks_were_looked_at() {
        let (mut desk, orders) = desk(Some(100));
        assert!(!goes_on(&orders));
        let orders = desk.handle(free(100), NOW);
        assert!(goes_on(&orders) && told(&orders).is_empty());
    }

    #[test]
    fn with_too_little_room_it_waits_says_so_once_and_goes_on_when_there_is_more() {
        let (mut desk, _) = desk(Some(100));
        let orders = desk.handle(free(99), NOW);
        assert!(!goes_on(&orders));
        assert_eq!(told(&orders), ["short"]);
        let orders = desk.handle(free(98), NOW);
        assert!(!goes_on(&orders) && told(&orders).is_empty());
        let orders = desk.handle(free(100), NOW);
        assert!(goes_on(&orders));
        assert_eq!(told(&orders), ["free"]);
    }

    #[test]
    fn disks_that_cannot_be_asked_keep_nobody_waiting() {
        let (mut desk, _) = desk(Some(100));
        let orders = desk.handle(Event::Free(None), NOW);
        assert!(goes_on(&orders) && told(&orders).is_empty());
    }
}
