use serde_json::{Value, json};

use super::*;
use crate::dispatcher::notice::{Notice, Then};
use crate::frontier::Stats;
use crate::protocol::{Role, Signal, WorkerId};
use crate::telemetry::fixtures::{at, names, page, run};
use crate::telemetry::summary;
use crate::verdict::{Reason, Verdict};

fn refused() -> Reason {
    Reason::new("proxy.refused", "connection refused")
}

fn endings() -> Vec<(Ending, u64, u8)> {
    vec![
        (Ending::Complete, 0, 0),
        (Ending::Failed { error: "/x/records.jsonl: no space left".into() }, 0, 1),
        (Ending::Complete, 2, 3),
        (Ending::NoProxy { commonest: Some(refused()) }, 2, 4),
        (Ending::Died { who: Role::Dispatcher }, 0, 70),
        (Ending::Died { who: Role::Sink }, 0, 70),
        (Ending::Died { who: Role::Worker(WorkerId { slot: 1, incarnation: 6 }) }, 0, 70),
        (Ending::Interrupted(Signal::Interrupt), 0, 130),
        (Ending::Interrupted(Signal::Terminate), 1, 143),
    ]
}

fn tally(dead: u64) -> Tally {
    let mut tally = Tally::new(names(3), at(0));
    for id in 0..dead {
        let notice = page(id, 0, Verdict::Doubtful(refused()), Then::Dead(Reason::new("status.500", "status 500")));
        tally.take(&Notice::Page(Box::new(notice)), at(1));
    }
    for id in 10..20 {
        tally.take(&Notice::Page(Box::new(page(id, 1, Verdict::Done, Then::Done))), at(1));
    }
    let stats = Stats { found: 10 + dead, done: 10, dead, records: 10, unread: Some(0), ..Stats::default() };
    tally.take(&Notice::Progress(stats), at(2));
    tally
}

#[test]
fn each_ending_has_its_exit_code_and_one_line_that_says_what_to_do_next() {
    for (ending, dead, code) in endings() {
        let report = tally(dead).report(&run(), &ending, at(60));
        assert_eq!(report.exit_code.code(), code, "{ending:?}");
        assert_eq!(report.discrepancies, Vec::<String>::new(), "{ending:?}");
        assert!(!report.next.is_empty() && !report.next.contains('\n'));
        if code > 3 {
            assert!(report.next.contains("burdock run /home/me/shop.toml --fresh"), "{}", report.next);
        }
        let lines = summary::lines(&report);
        assert!(lines.len() <= 10, "{lines:#?}");
        assert!(lines.last().unwrap().ends_with(&report.next), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("/home/me/runs/shop/records.jsonl")));
    }
    let no_proxy = tally(0).report(&run(), &Ending::NoProxy { commonest: Some(refused()) }, at(60));
    assert!(no_proxy.next.contains("connection refused"), "exit 4 names the commonest error");
}

#[test]
fn the_file_says_what_was_done_and_shows_no_secret() {
    let report = json!(tally(2).report(&run(), &Ending::Complete, at(60)));
    let expected = [
        ("/run_id", json!("shop-1")),
        ("/exit_code", json!(3)),
        ("/outcome", json!("complete")),
        ("/wall_s", json!(60.0)),
        ("/pages_per_minute", json!(10.0)),
        ("/tasks/found", json!(12)),
        ("/tasks/by_stage/detail/done", json!(10)),
        ("/fetches/by_verdict", json!({ "done": 10, "doubtful": 2 })),
        ("/fetches/by_suspect", json!({ "nobody": 10, "either": 2 })),
        ("/requests/total", json!(12)),
        ("/requests/waste", json!(0)),
        ("/bytes/wire", json!(12_000)),
        ("/proxies/0/failures", json!({ "proxy.refused": 2 })),
        ("/proxies/1/ok", json!(10)),
        ("/proxies/2/state", json!("unused")),
        ("/hosts/shop.example:80/dead", json!(2)),
        ("/dead_letters/status.500/count", json!(2)),
        ("/dead_letters/status.500/example", json!("http://shop.example/0?token=***")),
        ("/places/feeds/0", json!("/home/me/runs/shop/records.jsonl")),
    ];
    for (pointer, value) in expected {
        assert_eq!(report.pointer(pointer), Some(&value), "{pointer}");
    }
    assert_eq!(report.get("discrepancies"), None);
    assert!(!report.to_string().contains("s3cr3t"));
}

#[test]
fn what_does_not_add_up_is_named() {
    let mut tally = tally(0);
    tally.take(&Notice::Progress(Stats { found: 12, done: 11, unread: Some(0), ..Stats::default() }), at(3));
    let report = tally.report(&run(), &Ending::Complete, at(60));
    assert_eq!(
        report.discrepancies,
        ["found is 12, but done + gone + dead + excluded + left is 11", "done is 11, but the sum over stages is 10"]
    );
}

#[test]
fn an_exit_code_survives_its_file() {
    for (ending, dead, _) in endings() {
        let code = ExitCode::of(&ending, dead);
        let text = serde_json::to_string(&code).unwrap();
        assert_eq!(text, code.code().to_string());
        assert_eq!(serde_json::from_str::<ExitCode>(&text).unwrap(), code);
    }
    assert!(serde_json::from_value::<ExitCode>(Value::from(99)).is_err());
}
