//! The pool as the Desk uses it: leases, draining, rests, retirement.

use std::time::Duration;

use super::*;
use crate::pace::AddressId;
use crate::proxy::fixture::HEALTH;
use crate::proxy::{Endpoint, Scheme};
use crate::task::{Epoch, TaskId};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const LATER: Timestamp = Timestamp::from_micros(31_000_000);
const WORKER: WorkerId = WorkerId { slot: 0, incarnation: 0 };
const OTHER: WorkerId = WorkerId { slot: 1, incarnation: 0 };
const ONE: ProxyId = ProxyId(0);
const OTHER_ONE: ProxyId = ProxyId(1);

fn pool(size: u16) -> Pool {
    let route = |port| {
        Route::Proxy(Endpoint {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
            credentials: None,
            label: format!("p{port}").into(),
        })
    };
    Pool::new(&(1..=size).map(route).collect::<Vec<_>>())
}

fn fetch(task: u64, proxy: ProxyRef) -> Assignment {
    Assignment { task: TaskId(task), epoch: Epoch(1), turn: 1, proxy }
}

fn state(pool: &Pool) -> State {
    pool.get(ONE).expect("a member").state()
}

#[test]
fn a_lease_with_several_fetches_out_drains_until_the_last_one_is_back() {
    let mut pool = pool(1);
    let lease = pool.bind(ONE, WORKER).expect("a lease");
    pool.sent_out(&fetch(1, lease));
    pool.sent_out(&fetch(2, lease));
    assert_eq!(pool.release(lease, NOW), None);
    assert_eq!(pool.came_back(&fetch(1, lease), NOW), None, "one is still out");
    assert_eq!(pool.spares().count(), 0);
    assert_eq!(pool.came_back(&fetch(2, lease), NOW), Some(Change::Released(WORKER, lease)));
    assert_eq!(state(&pool), State::Spare);
}

#[test]
fn what_comes_back_under_an_old_lease_does_not_end_the_new_one() {
    let mut pool = pool(1);
    let old = pool.bind(ONE, WORKER).expect("a lease");
    pool.release(old, NOW);
    let new = pool.bind(ONE, OTHER).expect("another lease");
    assert_ne!(old.epoch, new.epoch);
    assert_eq!(pool.release(old, NOW), None);
    assert_eq!(state(&pool), State::Bound(OTHER));
}

#[test]
fn a_bound_proxy_cannot_be_bound_again() {
    let mut pool = pool(1);
    assert!(pool.bind(ONE, WORKER).is_some());
    assert!(pool.bind(ONE, OTHER).is_none());
}

#[test]
fn a_proxy_that_was_given_up_rests_until_its_time_and_comes_back_behind_the_others() {
    let mut pool = pool(2);
    let lease = pool.bind(ONE, WORKER).expect("a lease");
    pool.close(ONE, After::Cool(LATER));
    assert_eq!(state(&pool), State::Closing(WORKER, After::Cool(LATER)));
    pool.release(lease, NOW);
    assert_eq!(state(&pool), State::Cooling(LATER));
    assert!(pool.wake(NOW).is_empty());
    assert_eq!(pool.wake(LATER), [Change::Rested(ONE)]);
    assert_eq!(pool.spares().map(|(id, _)| id).collect::<Vec<_>>(), [ProxyId(1), ONE]);
}

#[test]
fn retirement_outweighs_a_rest() {
    let mut pool = pool(1);
    let lease = pool.bind(ONE, WORKER).expect("a lease");
    pool.close(ONE, After::Retire);
    pool.close(ONE, After::Cool(LATER));
    pool.release(lease, NOW);
    assert_eq!(state(&pool), State::Retired);
    assert!(pool.wake(LATER).is_empty());
    assert_eq!(pool.usable(), 0);
}

#[test]
fn a_spare_that_is_found_at_fault_leaves_the_queue() {
    let mut pool = pool(1);
    pool.close(ONE, After::Cool(LATER));
    assert_eq!(pool.spares().count(), 0);
    assert_eq!(pool.usable(), 0);
}

#[test]
fn direct_routes_are_one_address_and_proxies_are_each_their_own() {
    let pool = Pool::new(&[Route::Direct, Route::Direct]);
    let addresses: Vec<AddressId> = pool.iter().map(|(_, member)| member.address).collect();
    assert_eq!(addresses[0], addresses[1]);
    let pool = self::pool(2);
    let addresses: Vec<AddressId> = pool.iter().map(|(_, member)| member.address).collect();
    assert_ne!(addresses[0], addresses[1]);
}

#[test]
fn by_best_the_spare_that_promises_most_goes_first_and_one_at_fault_last() {
    let mut pool = pool(4);
    for _ in 0..5 {
        pool.usage(ProxyId(2)).expect("a member").succeed(Duration::from_millis(100));
        pool.usage(ProxyId(3)).expect("a member").succeed(Duration::from_secs(1));
    }
    pool.usage(ONE).expect("a member").fault();
    pool.rank_spares();
    assert_eq!(pool.spares().map(|(id, _)| id.0).collect::<Vec<_>>(), [2, 3, 1, 0]);
}

#[test]
fn by_best_those_never_used_have_their_turn_however_good_the_others_are() {
    let mut pool = pool(20);
    for id in (0..10).map(ProxyId) {
        let usage = pool.usage(id).expect("a member");
        usage.begin(NOW);
        (0..50).for_each(|_| usage.succeed(Duration::from_millis(10)));
    }
    let bound: Vec<u32> = (0..8)
        .map(|_| {
            pool.rank_spares();
            let (next, _) = pool.spares().next().expect("a spare");
            pool.bind(next, WORKER).expect("a lease");
            next.0
        })
        .collect();
    assert_eq!(bound, [0, 1, 2, 10, 3, 4, 5, 11]);
}

#[test]
fn by_least_used_the_one_with_the_fewest_requests_goes_first() {
    let mut pool = pool(3).in_order(SpareOrder::LeastUsed);
    pool.usage(ONE).expect("a member").spend(5, 0);
    pool.usage(ProxyId(1)).expect("a member").spend(2, 0);
    pool.rank_spares();
    assert_eq!(pool.spares().map(|(id, _)| id.0).collect::<Vec<_>>(), [2, 1, 0]);
}

#[test]
fn by_file_one_that_comes_back_takes_its_old_place() {
    let mut pool = pool(3).in_order(SpareOrder::File);
    let lease = pool.bind(ONE, WORKER).expect("a lease");
    pool.release(lease, NOW);
    assert_eq!(pool.spares().map(|(id, _)| id.0).collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn rests_are_counted_once_each_however_often_they_are_prolonged() {
    let mut pool = pool(2);
    pool.close(ONE, After::Cool(NOW));
    pool.close(ONE, After::Cool(LATER));
    pool.succeeded(OTHER_ONE, &HEALTH);
    pool.wake(LATER);
    assert_eq!(pool.get(ONE).expect("a member").rests(), 1);
}

#[test]
fn a_rest_in_which_nothing_came_through_any_proxy_does_not_count() {
    let mut pool = pool(2);
    pool.close(ONE, After::Cool(LATER));
    pool.wake(LATER);
    let member = pool.get(ONE).expect("a member");
    assert!(member.ever_rested());
    assert_eq!(member.rests(), 0);
}

#[test]
fn of_two_ends_that_are_asked_for_the_harder_one_comes_whichever_was_asked_for_first() {
    for [first, second] in [[After::Cool(LATER), After::Retire], [After::Retire, After::Cool(LATER)]] {
        let mut pool = pool(1);
        let lease = pool.bind(ONE, WORKER).expect("a lease");
        pool.close(ONE, first);
        pool.close(ONE, second);
        pool.release(lease, NOW);
        assert_eq!(state(&pool), State::Retired, "{first:?}, then {second:?}");
        assert_eq!((pool.wake(LATER), pool.next_wake()), (Vec::new(), None));
    }
}
