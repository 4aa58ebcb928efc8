//! The pool as the Desk uses it: leases, draining, rests, retirement.

use super::*;
use crate::proxy::{Endpoint, Scheme};

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const LATER: Timestamp = Timestamp::from_micros(31_000_000);
const WORKER: WorkerId = WorkerId { slot: 0, incarnation: 0 };
const OTHER: WorkerId = WorkerId { slot: 1, incarnation: 0 };
const ONE: ProxyId = ProxyId(0);

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
