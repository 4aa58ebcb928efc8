use std::path::Path;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::dispatcher::desk::{Free, Party};
use crate::dispatcher::notice::Ending;
use crate::frontier::{Committed, Fate, Settlement, Stats};
use crate::protocol::Signal;
use crate::task::{Epoch, TaskId};
use crate::telemetry::Observer;
use crate::telemetry::fixtures::{at, logged, names, page as fetched, proxy as leased, run, task, worker};
use crate::verdict::{Certainty, Verdict};

fn refused() -> Reason {
    Reason::new("proxy.refused", "connection refused")
}

/// One notice of each kind but `Page`, with the event and level that it is said as.
fn each() -> Vec<(Notice, &'static str, &'static str)> {
    let (reason, until) = (refused(), at(60));
    let (worker, proxy) = (worker(3), ProxyId(1));
    let host = HostKey("shop.example:80".into());
    let free = Free { bytes: 12 << 20, place: Path::new("/data/runs/shop").into() };
    let stopping = Ending::Interrupted(Signal::Interrupt);
    vec![
        (Notice::Bound { worker, proxy: leased(1, 7) }, "proxy.bound", "info"),
        (Notice::Released { worker, proxy: leased(1, 7) }, "proxy.released", "info"),
        (Notice::Replaced { worker, proxy, reason: reason.clone() }, "proxy.replaced", "info"),
        (Notice::Parked { worker }, "worker.parked", "info"),
        (Notice::Charged { proxy, score: 1.5, reason: reason.clone() }, "proxy.charged", "debug"),
        (Notice::Cooling { proxy, until, reason: reason.clone() }, "proxy.cooling", "info"),
        (Notice::Rested { proxy }, "proxy.rested", "debug"),
        (Notice::Retired { proxy, reason: reason.clone() }, "proxy.retired", "warn"),
        (Notice::UsedUp { proxy, reason: reason.clone() }, "proxy.used_up", "info"),
        (Notice::Added { proxy, label: "gw.example:7777~3fa2".into() }, "proxy.added", "info"),
        (Notice::Removed { proxy }, "proxy.removed", "info"),
        (Notice::Reloaded { added: 1, removed: 2, changed: 3, listed: 9 }, "proxies.reloaded", "info"),
        (
            Notice::HostPaused { proxy, host, until, cause: PauseCause::Ban, reason: reason.clone() },
            "proxy.paused",
            "warn",
        ),
        (
            Notice::HostSlowed {
                host: HostKey("shop.example:80".into()),
                until,
                gap: std::time::Duration::from_millis(250),
            },
            "host.slowed",
            "warn",
        ),
        (
            Notice::Outage { party: Party::Host(HostKey("shop.example:80".into())), reason: reason.clone() },
            "host.outage",
            "warn",
        ),
        (
            Notice::Returned {
                party: Party::Host(HostKey("shop.example:80".into())),
                down_for: std::time::Duration::from_secs(30),
            },
            "host.returned",
            "info",
        ),
        (Notice::Outage { party: Party::Line, reason: reason.clone() }, "line.outage", "warn"),
        (
            Notice::Returned { party: Party::Line, down_for: std::time::Duration::from_secs(30) },
            "line.returned",
            "info",
        ),
        (Notice::Abandoned { task: task(9, 0, "http://shop.example/?key=s3cr3t") }, "task.abandoned", "warn"),
        (Notice::WorkerGone { worker }, "worker.died", "warn"),
        (Notice::SlotClosed { slot: 3 }, "worker.closed", "error"),
        (Notice::NoUsableProxy { until, reason: Some(reason) }, "run.waiting", "warn"),
        (Notice::FeedsBehind { lag: 70_000_000 }, "run.lagging", "warn"),
        (Notice::DiskShort { free: free.clone(), least: 500 << 20 }, "disk.short", "warn"),
        (Notice::DiskFree { free: Some(free) }, "disk.free", "info"),
        (Notice::DiskFree { free: None }, "disk.free", "info"),
        (Notice::Stopping { ending: stopping, until }, "run.stopping", "info"),
    ]
}

#[test]
fn each_notice_is_said_as_its_one_event_at_its_level() {
    let names = names(2);
    for (fact, event, level) in each() {
        let lines = logged(|| notice(&names, &fact, at(0)));
        assert_eq!(lines.len(), 1, "{fact:?}");
        assert_eq!((&lines[0]["event"], &lines[0]["level"]), (&json!(event), &json!(level)), "{fact:?}");
        assert!(!lines[0]["message"].as_str().unwrap().is_empty());
        assert!(!json!(lines).to_string().contains("s3cr3t"));
    }
    assert!(logged(|| notice(&names, &Notice::Progress(Stats::default()), at(0))).is_empty());
}

#[test]
fn a_binding_names_its_worker_proxy_and_epoch() {
    for fact in [
        Notice::Bound { worker: worker(3), proxy: leased(1, 7) },
        Notice::Released { worker: worker(3), proxy: leased(1, 7) },
    ] {
        let line = &logged(|| notice(&names(2), &fact, at(0)))[0];
        assert_eq!(line["worker"]["id"], "3.0");
        assert_eq!(line["proxy"], json!({ "label": "10.0.0.1:3128", "epoch": 7 }));
    }
}

#[test]
fn a_rest_says_how_long_and_why() {
    let fact = Notice::Cooling { proxy: ProxyId(1), until: at(30), reason: refused() };
    let line = &logged(|| notice(&names(2), &fact, at(0)))[0];
    assert_eq!(line["for_ms"], 30_000);
    assert_eq!(line["reason"], json!({ "code": "proxy.refused", "detail": "connection refused" }));
    assert_eq!(line["message"], "10.0.0.1:3128 rests for 30s: connection refused");
}

#[test]
fn a_failed_page_says_all_about_its_fetch_and_no_secret() {
    let failed =
        fetched(5, 1, Verdict::Failing(Certainty::Sure, Reason::new("status.503", "status 503")), Then::Later(at(4)));
    let lines = logged(|| notice(&names(2), &Notice::Page(Box::new(failed)), at(0)));
    assert_eq!(lines.len(), 1);
    let line = json!(lines[0]);
    let expected = json!({
        "level": "debug", "event": "page.fetched", "worker": { "id": "0.0" }, "proxy": { "label": "10.0.0.1:3128" },
        "task": { "id": 5, "url": "http://shop.example/5?token=***", "stage": "detail", "depth": 1 },
        "attempt": 1, "verdict": "failing", "suspect": "page", "then": "later",
        "reason": { "code": "status.503", "detail": "status 503" }, "status": 200, "requests": 1,
        "bytes": { "wire": 1000, "body": 5000 },
        "ms": { "wait": 0, "connect": 100, "head": 300, "body": 600, "extract": 0 },
        "links": { "found": 3 }, "records": 1, "missing": ["price"], "retry_in_ms": 4000
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name}");
    }
    assert!(!line.to_string().contains("s3cr3t"));
}

#[test]
fn a_page_that_is_given_up_on_is_a_warning_as_well() {
    let dead =
        fetched(5, 1, Verdict::Doubtful(refused()), Then::Dead(Reason::new("retry.attempts", "three attempts failed")));
    let lines = logged(|| notice(&names(2), &Notice::Page(Box::new(dead)), at(0)));
    let events: Vec<_> =
        lines.iter().map(|line| (line["event"].as_str().unwrap(), line["level"].as_str().unwrap())).collect();
    assert_eq!(events, [("page.fetched", "debug"), ("page.dead", "warn")]);
    assert_eq!(lines[1]["reason"]["code"], "retry.attempts", "the reason is why it was given up on");
}

/// The end of a task's lease.
fn settled(task: u64) -> Settlement {
    Settlement {
        task: TaskId(task),
        epoch: Epoch(1),
        fate: Fate::Done,
        links: Vec::new(),
        records: Vec::new(),
        requests: 1,
        tries: Vec::new(),
    }
}

#[test]
fn a_page_that_is_done_is_said_after_its_commit_with_its_new_links() {
    let done = fetched(5, 1, Verdict::Done, Then::Done);
    let lines = logged(|| {
        let mut observer = Observer::new(names(2), at(0));
        observer.notice(Notice::Page(Box::new(done)), at(0));
        tracing::info!(event = "between", "not yet");
        let committed = Committed { new_links: vec![Some(9), Some(2)], ..Committed::default() };
        observer.committed(&[settled(4), settled(5)], &committed, at(1));
        observer.committed(&[settled(5)], &committed, at(2));
    });
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["between", "page.fetched"]);
    assert_eq!(lines[1]["links"], json!({ "found": 3, "new": 2 }));
    assert!(lines[1].get("reason").is_none());
}

#[test]
fn start_and_end_name_every_file_and_the_end_says_what_to_do() {
    let run = run();
    let lines = logged(|| {
        started("20 workers, 100 proxies: 80 spare", &run.places);
        let mut tally = Observer::new(names(2), at(0)).into_tally();
        finished(&tally.report(&run, &Ending::NoProxy { commonest: Some(refused()) }, at(10)));
        finished(&tally.report(&run, &Ending::Complete, at(10)));
    });
    for line in &lines {
        assert_eq!(line["feeds"], json!(["/home/me/runs/shop/records.jsonl"]));
        assert_eq!(line["log"], "/home/me/runs/shop/run.log.jsonl");
        assert_eq!(line["report"], "/home/me/runs/shop/report.json");
    }
    assert_eq!((&lines[1]["event"], &lines[1]["level"]), (&json!("run.finished"), &json!("error")));
    assert_eq!(lines[1]["exit_code"], 4);
    assert!(lines[1]["next"].as_str().unwrap().contains("connection refused"), "the commonest error is named");
    assert_eq!((&lines[2]["exit_code"], &lines[2]["level"]), (&json!(0), &json!("info")));
}

#[test]
fn a_panic_is_logged_with_its_message_and_place() {
    let lines = logged(|| {
        let usual = std::panic::take_hook();
        crate::telemetry::panics::install();
        let caught = std::panic::catch_unwind(|| panic!("the {} is empty", "cup"));
        std::panic::set_hook(usual);
        assert!(caught.is_err());
    });
    assert_eq!((&lines[0]["event"], &lines[0]["level"]), (&json!("panic"), &json!("error")));
    assert!(lines[0]["message"].as_str().unwrap().starts_with("the cup is empty (at src/telemetry/say/tests.rs:"));
    assert_eq!(Arc::new(names(1)).proxy(ProxyId(7)), "unknown", "a number without a name does no harm");
}
