//! Lists that change: what comes in, goes out, comes back, and what a new password does.

use super::*;
use crate::config::SpareOrder;
use crate::protocol::WorkerId;
use crate::proxy::Scheme;
use crate::proxy::fixture::HEALTH;
use crate::proxy::line::parse;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);
const LATER: Timestamp = Timestamp::from_micros(31_000_000);
const WORKER: WorkerId = WorkerId { slot: 0, incarnation: 0 };
const FIRST: ProxyId = ProxyId(0);

fn endpoints(lines: &[&str]) -> Vec<Endpoint> {
    lines.iter().map(|line| parse(line, Scheme::Http).unwrap()).collect()
}

fn pool(lines: &[&str]) -> Pool {
    Pool::new(&endpoints(lines).into_iter().map(Route::Proxy).collect::<Vec<_>>())
}

fn state(pool: &Pool, id: ProxyId) -> State {
    pool.get(id).unwrap().state()
}

#[test]
fn a_new_line_is_a_spare_and_moved_lines_change_nothing() {
    let mut pool = pool(&["a:1", "b:1"]);
    let relisted = pool.relist(endpoints(&["b:1", "c:1", "a:1"]), NOW);
    assert_eq!(relisted, Relisted { added: vec![ProxyId(2)], ..Relisted::default() });
    assert_eq!((pool.usable(), pool.listed(), pool.spares().count()), (3, 3, 3));
    assert_ne!(pool.get(ProxyId(2)).unwrap().address, pool.get(FIRST).unwrap().address);
    assert_eq!(pool.relist(endpoints(&["b:1", "c:1", "a:1"]), NOW), Relisted::default());
}

#[test]
fn by_file_the_order_is_that_of_the_lines_as_they_are_now() {
    let mut pool = pool(&["a:1", "b:1"]).in_order(SpareOrder::File);
    pool.relist(endpoints(&["c:1", "b:1", "a:1"]), NOW);
    pool.rank_spares();
    assert_eq!(pool.spares().map(|(_, member)| &*member.label).collect::<Vec<_>>(), ["c:1", "b:1", "a:1"]);
}

#[test]
fn a_removed_line_leaves_the_spares_at_once_and_a_workers_hands_when_it_lets_go() {
    let mut pool = pool(&["a:1", "b:1", "c:1"]);
    let lease = pool.bind(FIRST, WORKER).unwrap();
    let relisted = pool.relist(endpoints(&["c:1"]), NOW);
    assert_eq!(relisted.removed, [FIRST, ProxyId(1)]);
    assert_eq!(
        (state(&pool, FIRST), state(&pool, ProxyId(1))),
        (State::Closing(WORKER, After::Retire), State::Retired)
    );
    assert_eq!(pool.usable(), 1);
    pool.release(lease, NOW);
    assert_eq!(state(&pool, FIRST), State::Retired);
    assert_eq!(pool.relist(endpoints(&["c:1"]), NOW), Relisted::default(), "it is removed once");
}

#[test]
fn a_line_that_returns_is_what_it_was_before() {
    let mut pool = pool(&["a:1", "b:1", "c:1", "d:1"]);
    pool.health(FIRST).unwrap().charge(&HEALTH);
    pool.close(ProxyId(1), After::Cool(LATER));
    pool.close(ProxyId(2), After::Retire);
    pool.relist(endpoints(&["d:1"]), NOW);
    assert_eq!(pool.wake(LATER), [], "none of them wakes while it is away");
    let relisted = pool.relist(endpoints(&["a:1", "b:1", "c:1", "d:1"]), NOW);
    assert_eq!(relisted.added, [FIRST, ProxyId(1), ProxyId(2)]);
    let states = [FIRST, ProxyId(1), ProxyId(2)].map(|id| state(&pool, id));
    assert_eq!(states, [State::Spare, State::Cooling(LATER), State::Retired]);
    assert!(pool.get(FIRST).unwrap().health.score() > 0.9, "its health is kept");
    pool.relist(endpoints(&["d:1"]), NOW);
    pool.relist(endpoints(&["b:1", "d:1"]), LATER);
    assert_eq!(state(&pool, ProxyId(1)), State::Spare, "its rest is over by then");
}

#[test]
fn a_line_that_returns_while_it_drains_stays_in_one_pair_of_hands() {
    let mut pool = pool(&["a:1", "b:1"]);
    let lease = pool.bind(FIRST, WORKER).unwrap();
    pool.relist(endpoints(&["b:1"]), NOW);
    pool.relist(endpoints(&["a:1", "b:1"]), NOW);
    assert_eq!(state(&pool, FIRST), State::Closing(WORKER, After::Spare));
    assert!(pool.bind(FIRST, WORKER).is_none());
    pool.release(lease, NOW);
    assert_eq!(state(&pool, FIRST), State::Spare);
}

#[test]
fn another_password_is_another_way_to_the_same_proxy() {
    let mut pool = pool(&["a:1:u:old", "b:1"]);
    let label = pool.get(FIRST).unwrap().label.clone();
    pool.bind(FIRST, WORKER).unwrap();
    let relisted = pool.relist(endpoints(&["a:1:u:new", "b:1"]), NOW);
    assert_eq!(relisted, Relisted { changed: vec![FIRST], ..Relisted::default() });
    assert_eq!(state(&pool, FIRST), State::Closing(WORKER, After::Spare), "to be bound anew");
    let Route::Proxy(endpoint) = &*pool.get(FIRST).unwrap().route else { panic!("a proxy") };
    assert_eq!(endpoint.credentials.as_ref().unwrap().password.reveal(), "new");
    assert_eq!(endpoint.label, label);
}

#[test]
fn another_password_gives_a_retired_proxy_a_chance_but_no_new_budget() {
    let mut pool = pool(&["a:1:u:old", "b:1:u:old", "c:1"]);
    pool.close(FIRST, After::Retire);
    pool.use_up(ProxyId(1));
    pool.relist(endpoints(&["a:1:u:new", "b:1:u:new", "c:1"]), NOW);
    assert_eq!((state(&pool, FIRST), state(&pool, ProxyId(1))), (State::Spare, State::Retired));
    pool.relist(endpoints(&["c:1"]), NOW);
    pool.relist(endpoints(&["b:1:u:newer", "c:1"]), NOW);
    assert_eq!(state(&pool, ProxyId(1)), State::Retired);
}

#[test]
fn labels_stay_as_they_are_and_a_new_proxy_never_takes_anothers() {
    let sessions: Vec<String> = (0..600).map(|user| format!("gw:7777:session-{user}:p")).collect();
    let lines: Vec<&str> = sessions.iter().map(String::as_str).collect();
    let mut pool = pool(&lines[..1]);
    let first = pool.get(FIRST).unwrap().label.clone();
    for end in 2..=lines.len() {
        pool.relist(endpoints(&lines[..end]), NOW);
    }
    let labels: HashSet<_> = pool.iter().map(|(_, member)| member.label.clone()).collect();
    assert_eq!(labels.len(), 600);
    assert_eq!(pool.get(FIRST).unwrap().label, first);
}
