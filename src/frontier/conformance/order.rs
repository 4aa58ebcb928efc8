//! Claims about what is claimed, when, and in which order.

use super::fixture::{Backend, End, List, again, at, claim, claim_one, commit, link, page, paths};
use crate::frontier::{Fate, Frontier};
use crate::task::{Exclusion, HostKey};

pub(crate) fn a_task_found_again_is_the_same_task<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://a.test/1", "http://a.test/2"]);
    let mut store = backend.open(list.clone());
    let tasks = claim(&mut store, 9);
    assert_eq!(paths(&tasks), ["/1", "/2"], "twice in a list");
    let first = page(&tasks[0], &["http://a.test/3", "http://a.test/3"]);
    assert_eq!(commit(&mut store, &[first]), 1, "twice on a page");
    assert_eq!(commit(&mut store, &[page(&tasks[1], &["http://a.test/3", "http://a.test/4"])]), 1, "in two batches");
    let mut store = backend.reopen(store, End::Orderly, list);
    store.recover().unwrap();
    let tasks = claim(&mut store, 9);
    assert_eq!(paths(&tasks), ["/3", "/4"]);
    let again = page(&tasks[0], &["http://a.test/3", "http://a.test/4"]);
    assert_eq!(commit(&mut store, &[again]), 0, "after reopening");
    assert_eq!(store.stats().found, 4);
}

pub(crate) fn within_a_host_priority_decides_and_then_who_was_first<B: Backend>(backend: &mut B) {
    let mut store = backend.open(List::of(&["http://a.test/start"]));
    let start = claim_one(&mut store);
    let mut found = page(&start, &["http://a.test/1", "http://a.test/2", "http://a.test/3"]);
    found.links[1].priority = 5;
    found.links[2].priority = -5;
    commit(&mut store, &[found]);
    let first = claim_one(&mut store);
    assert_eq!(first.task.request.url.path(), "/2");
    let mut late = page(&first, &["http://a.test/4", "http://a.test/5"]);
    late.links[1].priority = 5;
    commit(&mut store, &[late]);
    assert_eq!(paths(&claim(&mut store, 9)), ["/5", "/1", "/4", "/3"]);
}

pub(crate) fn hosts_take_turns_and_barred_ones_are_left_out<B: Backend>(backend: &mut B) {
    let urls = ["http://a.test/a1", "http://a.test/a2", "http://a.test/a3", "http://b.test/b1", "http://b.test/b2"];
    let mut store = backend.open(List::of(&[&urls[..], &["http://c.test/c1"]].concat()));
    let all = claim(&mut store, 6);
    assert_eq!(paths(&all), ["/a1", "/b1", "/c1", "/a2", "/b2", "/a3"]);
    let leases: Vec<_> = all.iter().map(|claimed| (claimed.task.id, claimed.epoch)).collect();
    store.hand_back(&leases).unwrap();
    let barred = [HostKey("a.test:80".into()), HostKey("never.test:80".into())];
    let tasks = store.claim(9, at(0), &barred).unwrap().tasks;
    assert!(tasks.iter().all(|claimed| *claimed.task.host.0 != *"a.test:80"), "{:?}", paths(&tasks));
    assert_eq!(tasks.len(), 3);
    assert!(store.claim(9, at(0), &barred).unwrap().tasks.is_empty());
    assert_eq!(claim(&mut store, 9).len(), 3);
}

pub(crate) fn a_claim_brings_no_more_than_asked_for_and_an_empty_one_is_no_error<B: Backend>(backend: &mut B) {
    let mut store = backend.open(List::of(&["http://a.test/1", "http://a.test/2"]));
    assert!(claim(&mut store, 0).is_empty());
    assert_eq!(claim(&mut store, 1).len(), 1);
    assert_eq!(claim(&mut store, 1).len(), 1);
    let claimed = store.claim(1, at(0), &[]).unwrap();
    assert!(claimed.tasks.is_empty());
    assert_eq!((claimed.next_due, claimed.stats.leased, claimed.stats.ready), (None, 2, 0));
}

pub(crate) fn what_is_handed_back_comes_first<B: Backend>(backend: &mut B) {
    let mut store = backend.open(List::of(&["http://a.test/1", "http://a.test/2", "http://a.test/3"]));
    let tasks = claim(&mut store, 2);
    let leases: Vec<_> = tasks.iter().map(|claimed| (claimed.task.id, claimed.epoch)).collect();
    store.hand_back(&leases[1..]).unwrap();
    store.hand_back(&leases[1..]).unwrap();
    assert_eq!((store.stats().ready, store.stats().leased), (1, 1), "given back once");
    assert_eq!(paths(&claim(&mut store, 9)), ["/2", "/3"]);
    store.hand_back(&leases[..1]).unwrap();
    let again = claim_one(&mut store);
    assert_eq!((again.task.attempts, again.task.requests), (0, 0), "at no cost");
    assert!(again.epoch > tasks[0].epoch);
}

pub(crate) fn a_retry_keeps_its_place_and_is_never_early<B: Backend>(backend: &mut B) {
    let mut store = backend.open(List::of(&["http://a.test/1", "http://a.test/2"]));
    let first = claim_one(&mut store);
    commit(&mut store, &[again(&first, 60)]);
    let early = store.claim(1, at(59), &[]).unwrap();
    assert_eq!((paths(&early.tasks), early.next_due), (vec!["/2"], Some(at(60))));
    store.hand_back(&[(early.tasks[0].task.id, early.tasks[0].epoch)]).unwrap();
    assert_eq!(store.stats().delayed, 1);
    let due = store.claim(9, at(60), &[]).unwrap();
    assert_eq!(
        (paths(&due.tasks), due.next_due),
        (vec!["/2", "/1"], None),
        "what was handed back is before all others"
    );
    assert_eq!((due.tasks[1].task.attempts, due.tasks[1].task.requests), (1, 1));
}

pub(crate) fn start_urls_are_read_as_they_are_needed_and_no_line_twice<B: Backend>(backend: &mut B) {
    let urls: Vec<String> = (0..10).map(|n| format!("http://a.test/{n}")).collect();
    let mut urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut store = backend.open(List::of(&urls));
    assert_eq!(store.stats().unread, Some(10));
    assert_eq!(claim(&mut store, 3).len(), 3);
    assert_eq!((store.stats().found, store.stats().unread), (3, Some(7)));
    assert!(!store.stats().exhausted());
    urls.push("http://a.test/added");
    let mut store = backend.reopen(store, End::Killed, List::of(&urls));
    store.recover().unwrap();
    let rest = claim(&mut store, 99);
    assert!(rest.len() >= 10, "{:?}", paths(&rest));
    assert!(store.stats().exhausted());
    let mut excluded = page(&rest[0], &["http://b.test/"]);
    excluded.links[0] =
        crate::task::NewTask { excluded: Some(Exclusion::ForeignHost), ..link(&rest[0], "http://b.test/") };
    assert_eq!(commit(&mut store, &[excluded]), 1);
    assert_eq!((store.stats().excluded, store.stats().ready), (1, 0));
    commit(&mut store, &[super::fixture::end(&rest[1], Fate::Excluded(Exclusion::PrivateAddress))]);
    assert_eq!(store.stats().excluded, 2);
    assert_eq!(store.stats(), backend.count(&store));
}
