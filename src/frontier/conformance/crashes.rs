//! Claims about what a new process finds of an old one.

use super::fixture::{Backend, End, List, again, at, claim, claim_one, commit, page, paths};
use crate::frontier::{CRASHES_ALONE, CRASHES_TO_QUARANTINE, Frontier, Recovered};

fn crash<B: Backend>(backend: &mut B, store: B::Store, list: &List) -> (B::Store, Recovered) {
    let mut store = backend.reopen(store, End::Killed, list.clone());
    let recovered = store.recover().unwrap();
    assert_eq!(store.stats(), backend.count(&store));
    (store, recovered)
}

pub(crate) fn what_was_leased_goes_back_at_no_attempt_and_what_was_committed_stays<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://a.test/2", "http://a.test/3"]);
    let mut store = backend.open(list.clone());
    let tasks = claim(&mut store, 2);
    commit(&mut store, &[page(&tasks[1], &["http://a.test/4"])]);
    let (mut store, recovered) = crash(backend, store, &list);
    assert_eq!(recovered, Recovered { returned: 1, ..Recovered::default() });
    let stats = store.stats();
    assert_eq!((stats.done, stats.records, stats.leased, stats.found), (1, 1, 0, 3));
    let old = store.commit(&crate::frontier::Batch::of_pages(&[page(&tasks[0], &["http://a.test/5"])]), at(0)).unwrap();
    assert_eq!(old.new_links, [None], "the old lease is worth nothing");
    let again = claim(&mut store, 9);
    assert_eq!(paths(&again), ["/1", "/4", "/3"], "the first has kept its place");
    assert_eq!((again[0].task.attempts, again[0].task.requests), (0, 0));
    assert!(again[0].epoch > tasks[1].epoch);
}

pub(crate) fn recovering_twice_is_recovering_once<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1"]);
    let mut store = backend.open(list.clone());
    for crashes in 1..CRASHES_TO_QUARANTINE {
        claim_one(&mut store);
        let (after, recovered) = crash(backend, store, &list);
        store = after;
        assert_eq!(recovered.returned, 1);
        let before = store.stats();
        for _ in 0..3 {
            assert_eq!(store.recover().unwrap(), Recovered::default());
        }
        assert_eq!(store.stats(), before, "after {crashes} crashes");
    }
    assert_eq!(store.stats().ready, 1, "a crash is counted once");
}

/// A frontier with the first task of the list in quarantine, and nothing else claimed.
fn quarantined<B: Backend>(backend: &mut B, list: &List) -> B::Store {
    let mut store = backend.open(list.clone());
    for _ in 0..CRASHES_TO_QUARANTINE {
        assert_eq!(claim_one(&mut store).task.request.url.path(), "/bad");
        store = crash(backend, store, list).0;
    }
    assert_eq!((store.stats().quarantined, store.stats().ready), (1, 0));
    store
}

pub(crate) fn a_task_of_three_crashes_runs_alone_and_ends_well<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/bad", "http://a.test/2"]);
    let mut store = quarantined(backend, &list);
    let other = claim(&mut store, 9);
    assert_eq!(paths(&other), ["/2"], "not with another one");
    assert!(claim(&mut store, 9).is_empty(), "not while another one is out");
    assert!(!store.stats().exhausted() && !store.stats().claimable());
    commit(&mut store, &[again(&other[0], 5)]);
    assert!(store.stats().claimable());
    let alone = claim(&mut store, 9);
    assert_eq!((paths(&alone), store.stats().alone), (vec!["/bad"], 1));
    assert!(store.claim(9, at(5), &[]).unwrap().tasks.is_empty(), "nothing else meanwhile, though it is due");
    assert!(!store.stats().claimable());
    commit(&mut store, &[again(&alone[0], 6)]);
    assert_eq!(store.claim(9, at(5), &[]).unwrap().tasks.len(), 1);
    let acquitted = store.claim(9, at(6), &[]).unwrap();
    assert_eq!((paths(&acquitted.tasks), acquitted.stats.alone), (vec!["/bad"], 0), "it was alone, and nothing broke");
    let (mut store, recovered) = crash(backend, store, &list);
    assert_eq!(recovered, Recovered { returned: 2, ..Recovered::default() }, "its crashes are forgotten");
    assert_eq!(claim(&mut store, 9).len(), 2);
    assert_eq!(store.stats(), backend.count(&store));
}

pub(crate) fn a_task_that_crashes_alone_again_and_again_is_dead<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/bad"]);
    let mut store = quarantined(backend, &list);
    for _ in 1..CRASHES_ALONE {
        claim_one(&mut store);
        let (after, recovered) = crash(backend, store, &list);
        assert_eq!(recovered, Recovered { quarantined: 1, ..Recovered::default() });
        store = after;
    }
    claim_one(&mut store);
    let (store, recovered) = crash(backend, store, &list);
    assert_eq!(recovered, Recovered { dead: 1, ..Recovered::default() });
    assert_eq!((store.stats().dead, store.stats().left(), store.stats().alone), (1, 0, 0));
    let letters = store.dead_letters().unwrap();
    assert_eq!((letters[0].reason.code.as_str(), letters[0].task.attempts), ("crash", 0));
}

pub(crate) fn nobody_waits_for_a_clock_that_was_ahead<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://a.test/2", "http://a.test/3", "http://a.test/4"]);
    let mut store = backend.open(list.clone());
    let tasks = claim(&mut store, 4);
    let ten_years = 10 * 365 * 24 * 3600;
    let ends = [again(&tasks[0], ten_years), again(&tasks[1], 60), again(&tasks[2], ten_years), again(&tasks[3], 90)];
    commit(&mut store, &ends);
    let (mut store, _) = crash(backend, store, &list);
    assert_eq!(store.hasten(at(90)).unwrap(), 2);
    assert_eq!(store.hasten(at(90)).unwrap(), 0);
    let first = store.claim(9, at(60), &[]).unwrap();
    assert_eq!((paths(&first.tasks), first.next_due), (vec!["/2"], Some(at(90))), "who waits less goes first");
    let rest = store.claim(9, at(90), &[]).unwrap();
    assert_eq!((paths(&rest.tasks), rest.next_due), (vec!["/1", "/3", "/4"], None));
    assert!(rest.tasks.iter().all(|claimed| claimed.task.attempts == 1), "they are what they were");
    assert_eq!(store.stats(), backend.count(&store));
}

pub(crate) fn a_quarantined_task_that_is_handed_back_stays_quarantined<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/bad"]);
    let mut store = quarantined(backend, &list);
    let alone = claim_one(&mut store);
    store.hand_back(&[(alone.task.id, alone.epoch)]).unwrap();
    assert_eq!((store.stats().quarantined, store.stats().alone, store.stats().left()), (1, 0, 1));
    let barred = [alone.task.host.clone()];
    assert!(store.claim(9, at(0), &barred).unwrap().tasks.is_empty());
    let alone = claim_one(&mut store);
    assert_eq!(commit(&mut store, &[page(&alone, &["http://a.test/2"])]), 1);
    assert_eq!((store.stats().done, store.stats().alone, store.stats().ready), (1, 0, 1));
    assert_eq!(store.stats(), backend.count(&store));
}

pub(crate) fn after_an_orderly_end_everything_is_as_it_was<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://a.test/2", "http://b.test/3"]);
    let mut store = backend.open(list.clone());
    let mut tasks = claim(&mut store, 3);
    let back = tasks.pop().unwrap();
    let mut parent = page(&tasks[0], &["http://c.test/4"]);
    parent.links[0].meta = std::sync::Arc::new(serde_json::from_str(r#"{"z": 1, "a": [0.1, "ü"]}"#).unwrap());
    parent.links[0].request.method = crate::task::Method::Post;
    parent.links[0].request.body = Some("q=1".into());
    let expected = parent.links[0].clone();
    commit(&mut store, &[parent, again(&tasks[1], 60)]);
    store.hand_back(&[(back.task.id, back.epoch)]).unwrap();
    let before = super::fixture::View::of(&store).text();
    let mut store = backend.reopen(store, End::Orderly, list);
    assert_eq!(store.recover().unwrap(), Recovered::default());
    assert_eq!(super::fixture::View::of(&store).text(), before);
    let tasks = claim(&mut store, 9);
    let found = tasks.iter().find(|claimed| claimed.task.request.url.path() == "/4").unwrap();
    let task = &found.task;
    assert_eq!((&task.request, task.stage, task.depth), (&expected.request, expected.stage, 1));
    assert_eq!(
        (&task.meta, &task.referrer, &task.start_url),
        (&expected.meta, &expected.referrer, &expected.start_url)
    );
    assert_eq!(store.claim(9, at(60), &[]).unwrap().tasks.len(), 1);
}
