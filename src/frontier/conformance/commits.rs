//! Claims about commits: whole or not at all, and only under a current lease.

use std::sync::Arc;

use super::fixture::{Backend, End, List, View, again, at, claim, claim_one, commit, end, page};
use crate::frontier::{Batch, DeadFilter, Fate, FeedChange, FeedCursor, Frontier, FrontierError, Kept};
use crate::record::Seq;
use crate::task::{Epoch, StageId};
use crate::verdict::Reason;

fn dead() -> Fate {
    Fate::Dead(Reason::new("status.503", "503 three times"))
}

pub(crate) fn a_stale_settlement_changes_nothing<B: Backend>(backend: &mut B) {
    let mut store = backend.open(List::of(&["http://a.test/1", "http://a.test/2"]));
    let old = claim_one(&mut store);
    store.hand_back(&[(old.task.id, old.epoch)]).unwrap();
    let current = claim_one(&mut store);
    assert_eq!(old.task.id, current.task.id);
    let before = View::of(&store).text();
    for stale in [page(&old, &["http://a.test/3"]), again(&old, 0), end(&old, dead())] {
        let committed = store.commit(&Batch::of_pages(&[stale]), at(0)).unwrap();
        assert_eq!(committed.new_links, [None]);
        assert!(committed.records.is_empty());
        assert_eq!(View::of(&store).text(), before);
    }
    store.hand_back(&[(old.task.id, old.epoch)]).unwrap();
    assert_eq!(View::of(&store).text(), before);
    let twice = [page(&current, &["http://a.test/3"]), page(&current, &["http://a.test/4"])];
    let committed = store.commit(&Batch::of_pages(&twice), at(0)).unwrap();
    assert_eq!(committed.new_links, [Some(1), None], "the second in a batch");
    let after = View::of(&store).text();
    store.commit(&Batch::of_pages(&twice), at(0)).unwrap();
    assert_eq!(View::of(&store).text(), after, "the same batch again");
    assert_eq!((store.stats().done, store.stats().records), (1, 1));
}

pub(crate) fn no_task_is_under_two_leases<B: Backend>(backend: &mut B) {
    let urls: Vec<String> = (0..40).map(|n| format!("http://h{}.test/{n}", n % 3)).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let mut store = backend.open(List::of(&urls));
    let (mut held, mut last) = (std::collections::HashMap::new(), Epoch(0));
    for round in 0..30 {
        for claimed in claim(&mut store, 5) {
            assert!(claimed.epoch > last, "epochs only grow");
            last = claimed.epoch;
            assert!(held.insert(claimed.task.id, claimed).is_none(), "leased twice");
        }
        let ids: Vec<_> = held.keys().copied().filter(|id| id.0 % 3 == round % 3).collect();
        for claimed in ids.into_iter().filter_map(|id| held.remove(&id)) {
            match claimed.task.id.0 % 2 {
                0 => store.hand_back(&[(claimed.task.id, claimed.epoch)]).unwrap(),
                _ => drop(commit(&mut store, &[again(&claimed, 0)])),
            }
        }
        assert_eq!(store.stats().leased, held.len() as u64);
    }
}

/// Makes `call` fail at its first step, its second, and so on until it succeeds; meanwhile nothing may change.
fn at_every_step<B: Backend, T>(
    backend: &mut B,
    store: &mut B::Store,
    call: impl Fn(&mut B::Store) -> Result<T, FrontierError>,
) -> T {
    let before = View::of(store).text();
    for n in 1.. {
        let can_fail = backend.sabotage(store, n);
        let result = call(store);
        backend.mend(store);
        match result {
            Ok(value) => {
                assert!(!can_fail || n > 20, "hardly anything failed");
                return value;
            }
            Err(_) => assert_eq!(View::of(store).text(), before, "step {n} has left something behind"),
        }
    }
    unreachable!("it succeeds at last")
}

pub(crate) fn a_commit_is_all_or_nothing_wherever_it_fails<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://b.test/2", "http://c.test/3", "http://d.test/4"]);
    let mut store = backend.open(list.clone());
    let tasks = claim(&mut store, 4);
    let pages = [
        page(&tasks[0], &["http://new.test/5", "http://a.test/6"]),
        again(&tasks[1], 0),
        end(&tasks[2], dead()),
        end(&tasks[3], Fate::Gone(Reason::new("status.404", "404"))),
    ];
    let cursor =
        FeedCursor { feed: "jsonl:/x".into(), columns: "a,b".into(), through: Seq(1), bytes: 7, tail: u64::MAX };
    let kept = Kept { kind: "health".into(), key: "p1".into(), value: Some(Arc::from(&b"good"[..])) };
    let batch = Batch { pages: &pages, feeds: &[FeedChange::At(cursor.clone())], kept: std::slice::from_ref(&kept) };
    let committed = at_every_step(backend, &mut store, |store| store.commit(&batch, at(0)));
    assert_eq!(committed.new_links, [Some(2), Some(0), Some(0), Some(0)], "links of failed commits are new again");
    assert_eq!(store.stats(), backend.count(&store));
    let mut store = backend.reopen(store, End::Killed, list);
    store.recover().unwrap();
    assert_eq!(store.stats(), backend.count(&store));
    let view = View::of(&store);
    assert_eq!((view.stats.done, view.stats.dead, view.stats.gone, view.stats.records), (1, 1, 1, 1));
    assert_eq!((view.feeds, view.kept), (vec![cursor], vec![kept]));
    assert_eq!(claim(&mut store, 9).len(), 3, "the new ones, and the one to be tried again");
}

pub(crate) fn every_other_call_is_all_or_nothing_wherever_it_fails<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://b.test/2", "http://b.test/2", "http://c.test/3"]);
    let mut store = backend.open(list.clone());
    let claimed = at_every_step(backend, &mut store, |store| store.claim(2, at(0), &[])).tasks;
    assert_eq!(claimed.len(), 2);
    let rest = at_every_step(backend, &mut store, |store| store.claim(9, at(0), &[])).tasks;
    assert_eq!((rest.len(), store.stats().found), (1, 3), "no start URL is lost or read twice");
    let leases = [(claimed[0].task.id, claimed[0].epoch), (claimed[1].task.id, claimed[1].epoch)];
    at_every_step(backend, &mut store, |store| store.hand_back(&leases));
    assert_eq!((store.stats().ready, store.stats().leased), (2, 1));
    commit(&mut store, &[end(&rest[0], dead())]);
    let count = at_every_step(backend, &mut store, |store| store.retry(&DeadFilter::default()));
    assert_eq!((count, store.stats().dead, store.stats().ready), (1, 0, 3));
    assert_eq!(claim(&mut store, 9).len(), 3);
    let mut store = backend.reopen(store, End::Killed, list);
    let recovered = at_every_step(backend, &mut store, Frontier::recover);
    assert_eq!((recovered.returned, store.stats().ready), (3, 3));
    assert_eq!(store.stats(), backend.count(&store));
}

pub(crate) fn records_come_in_order_and_as_they_were_given<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://b.test/2"]);
    let mut store = backend.open(list.clone());
    let tasks = claim(&mut store, 2);
    let mut first = page(&tasks[0], &["http://a.test/child"]);
    let second = page(&tasks[1], &[]);
    first.records.push(crate::record::Record { index: 1, ..first.records[0].clone() });
    let mut given: Vec<_> = first.records.iter().chain(&second.records).cloned().collect();
    let one = store.commit(&Batch::of_pages(&[first, second]), at(0)).unwrap();
    let child = claim_one(&mut store);
    let mut third = page(&child, &[]);
    let odd = crate::record::Provenance {
        url: "http://elsewhere.test/".into(),
        referrer: None,
        start_url: "http://odd.test/".into(),
        ..crate::record::Provenance::clone(&third.records[0].provenance)
    };
    third.records.push(crate::record::Record { index: 1, provenance: Arc::new(odd), ..third.records[0].clone() });
    given.extend(third.records.iter().cloned());
    let two = store.commit(&Batch::of_pages(&[third]), at(0)).unwrap();
    assert_eq!((one.through, two.through), (Seq(3), Seq(5)));
    let sent: Vec<_> = one.records.into_iter().chain(two.records).collect();
    let stored = backend.records(&store).unwrap_or_else(|| sent.clone());
    assert_eq!(sent, stored, "they come along as they are kept");
    assert_eq!(stored.iter().map(|stored| stored.seq.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert_eq!(stored.iter().map(|stored| (*stored.record).clone()).collect::<Vec<_>>(), given);
    if let Some(mut reader) = store.reader().unwrap() {
        assert_eq!(reader.records(Seq(1), 2).unwrap(), stored[1..3]);
        assert!(reader.records(Seq(5), 2).unwrap().is_empty());
        let store = backend.reopen(store, End::Orderly, list);
        assert_eq!(backend.records(&store).unwrap(), stored);
    }
}

pub(crate) fn a_dead_letter_has_its_history_and_can_be_tried_again<B: Backend>(backend: &mut B) {
    let list = List::of(&["http://a.test/1", "http://a.test/2"]);
    let mut store = backend.open(list.clone());
    let tasks = claim(&mut store, 2);
    commit(&mut store, &[again(&tasks[0], 0)]);
    let second = claim_one(&mut store);
    let mut last = again(&second, 0);
    last.fate = dead();
    commit(&mut store, &[last, end(&tasks[1], Fate::Dead(Reason::new("status.404x", "odd")))]);
    let mut store = backend.reopen(store, End::Killed, list);
    let letters = store.dead_letters().unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letters[0].reason.code, "status.503");
    assert_eq!((letters[0].task.attempts, letters[0].task.requests, letters[0].tries.len()), (1, 2, 2));
    assert_eq!(letters[0].tries[0].reason.detail, "no head within 15 s");
    for (reason, stage, count) in [
        (Some("stat"), None, 0),
        (Some("status.5"), None, 0),
        (None, Some(StageId(1)), 0),
        (Some("status.503"), Some(StageId(0)), 1),
        (Some("status"), None, 1),
        (None, None, 0),
    ] {
        let filter = DeadFilter { reason: reason.map(str::to_owned), stage };
        assert_eq!(store.retry(&filter).unwrap(), count, "{filter:?}");
    }
    assert_eq!((store.stats().dead, store.stats().ready), (0, 2));
    let tasks = claim(&mut store, 2);
    assert_eq!((tasks[0].task.attempts, tasks[0].task.requests), (0, 0), "as if never tried");
    commit(&mut store, &[end(&tasks[0], dead()), page(&tasks[1], &[])]);
    assert_eq!(store.dead_letters().unwrap()[0].tries.len(), 2, "its history stays");
    assert_eq!(store.stats(), backend.count(&store));
}

pub(crate) fn cursors_and_kept_things_are_what_was_committed_last<B: Backend>(backend: &mut B) {
    let mut store = backend.open(List::default());
    let cursor =
        |feed: &str, bytes| FeedCursor { feed: feed.into(), columns: "title".into(), through: Seq(0), bytes, tail: 3 };
    let kept = |kind: &str, key: &str, value: Option<&[u8]>| Kept {
        kind: kind.into(),
        key: key.into(),
        value: value.map(Arc::from),
    };
    let feeds = [FeedChange::At(cursor("b", 1)), FeedChange::At(cursor("a", 1)), FeedChange::At(cursor("b", 2))];
    let things = [kept("health", "x", Some(b"1")), kept("health", "a", Some(b"\0")), kept("cookies", "x", Some(b"s"))];
    store.commit(&Batch { feeds: &feeds, kept: &things, pages: &[] }, at(0)).unwrap();
    assert_eq!(store.feeds().unwrap(), [cursor("a", 1), cursor("b", 2)]);
    assert_eq!(store.kept("health").unwrap(), [things[1].clone(), things[0].clone()]);
    let changes = [kept("health", "x", None), kept("health", "a", Some(b"2"))];
    store.commit(&Batch { feeds: &[FeedChange::Dropped("a".into())], kept: &changes, pages: &[] }, at(0)).unwrap();
    let store = backend.reopen(store, End::Orderly, List::default());
    assert_eq!(store.feeds().unwrap(), [cursor("b", 2)]);
    assert_eq!(store.kept("health").unwrap(), changes[1..]);
    assert_eq!(store.kept("cookies").unwrap(), things[2..]);
}
