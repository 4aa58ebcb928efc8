//! Revising and surveying: what a changed config does to tasks, all of it or nothing, and what is seen of a store from outside.

use std::sync::Arc;

use super::{Backend, List, Sqlite};
use crate::address::StartMark;
use crate::clock::Timestamp;
use crate::frontier::conformance::{claim, page};
use crate::frontier::fingerprint::Fingerprint;
use crate::frontier::revision::{LeftOut, Revised, Revision, Waits};
use crate::frontier::sqlite::{SqliteFrontier, Survey};
use crate::frontier::{Batch, Frontier, Kept};
use crate::task::{Exclusion, Task};

const NOW: Timestamp = Timestamp::from_micros(0);

/// Six start pages, the first of which is done and links to two details.
fn store(bed: &mut Sqlite) -> SqliteFrontier {
    let urls = [
        "http://a.test/1",
        "http://a.test/2",
        "http://b.test/3",
        "http://b.test/4",
        "http://c.test/5",
        "http://a.test/6",
    ];
    let mut store = bed.open(List::of(&urls));
    let tasks = claim(&mut store, 6);
    store.commit(&Batch::of_pages(&[page(&tasks[0], &["http://a.test/x", "http://b.test/y"])]), NOW).unwrap();
    let rest: Vec<_> = tasks[1..].iter().map(|task| (task.task.id, task.epoch)).collect();
    store.hand_back(&rest).unwrap();
    store
}

fn of_b(task: &Task) -> bool {
    task.host.0.starts_with("b.")
}

/// Leaves out what is on b, and prefers details.
fn without_b(task: &Task) -> Waits {
    match task.stage.0 {
        _ if of_b(task) => Waits::Not(LeftOut::Scope(Exclusion::ForeignHost)),
        stage => Waits::At(i32::from(stage) * 7),
    }
}

fn paths(store: &mut SqliteFrontier) -> Vec<String> {
    claim(store, 100).iter().map(|task| task.task.request.url.path().to_owned()).collect()
}

#[test]
fn what_waits_is_left_out_or_moved_and_comes_back() {
    let mut bed = Sqlite::new();
    let mut store = store(&mut bed);
    let revised = store.revise(&Revision { waiting: Some(&without_b), ..Revision::default() }).unwrap();
    assert_eq!(revised, Revised { left_out: 3, returned: 0 });
    assert_eq!(store.stats(), bed.count(&store));
    assert_eq!(store.stats().excluded, 3);
    let left_out = |task: &Task, why: LeftOut| {
        assert_eq!(why, LeftOut::Scope(Exclusion::ForeignHost));
        (task.request.url.path() != "/3").then_some(9)
    };
    let revised = store.revise(&Revision { left_out: Some(&left_out), ..Revision::default() }).unwrap();
    assert_eq!(revised, Revised { left_out: 0, returned: 2 });
    assert_eq!(store.stats(), bed.count(&store));
    let mut paths = paths(&mut store);
    assert_eq!(paths.iter().filter(|path| **path == "/x").count(), 1);
    let (detail, list) = (paths.iter().position(|path| path == "/x"), paths.iter().position(|path| path == "/6"));
    assert!(detail < list, "details of a host come first now: {paths:?}");
    paths.sort();
    assert_eq!(paths, ["/2", "/4", "/5", "/6", "/x", "/y"]);
}

#[test]
fn a_revision_is_all_or_nothing_wherever_it_fails() {
    let kept = [Kept { kind: "health".into(), key: "p".into(), value: Some(Arc::from(*b"x")) }];
    let left_out = |_: &Task, _: LeftOut| Some(1);
    let revision = Revision {
        mark: Some(StartMark::default()),
        kept: &kept,
        waiting: Some(&without_b),
        left_out: Some(&left_out),
    };
    let mut failures = 0;
    for n in (1..).step_by(7) {
        let mut bed = Sqlite::new();
        let mut store = store(&mut bed);
        let (stats, mark) = (store.stats(), store.state.mark);
        bed.sabotage(&mut store, n);
        let result = store.revise(&revision);
        bed.mend(&mut store);
        if result.is_ok() {
            break;
        }
        failures += 1;
        assert_eq!((store.stats(), store.state.mark), (stats, mark), "step {n}");
        assert_eq!(store.stats(), bed.count(&store), "step {n}");
        assert_eq!(store.kept("health").unwrap(), []);
        assert_eq!(paths(&mut store).len(), 7, "step {n}");
    }
    assert!(failures > 20, "{failures}");
}

#[test]
fn a_survey_sees_what_is_there_without_being_told_the_stages() {
    let mut bed = Sqlite::new();
    assert!(Survey::open(&bed.folder.path().join("nothing")).unwrap().is_none());
    let mut store = store(&mut bed);
    let leased = claim(&mut store, 2);
    assert_eq!(leased.len(), 2);
    let survey = Survey::open(&store.path).unwrap().unwrap();
    assert_eq!(survey.stages().unwrap(), ["list", "detail"]);
    assert_eq!((survey.done("list").unwrap(), survey.done("detail").unwrap()), (1, 0));
    assert_eq!((survey.left("list").unwrap(), survey.left("detail").unwrap()), (5, 2));
    assert_eq!((survey.stats().done, survey.through().0, survey.mark().read), (1, 1, 6));
    let mut starts = Vec::new();
    survey.starts(|Fingerprint(_), url| starts.push(url.to_owned())).unwrap();
    assert_eq!(starts.len(), 6, "links are none: {starts:?}");
}
