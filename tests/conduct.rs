//! Promise: a run has a folder, a whole log and a report; finished and started again it repeats its exit code; broken off it is
//! refused, naming `--fresh`.
//!
//! One test, because a process has one log.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use burdock::cli::run::{Crawled, Surroundings, conduct};
use burdock::config::{self, Settings};
use burdock::dispatcher::notice::{Ending, Notice};
use burdock::frontier::Stats;
use burdock::protocol::{ProxyRef, WorkerId};
use burdock::proxy::{ProxyId, Route};
use burdock::run_folder::{Existing, Source};
use burdock::task::Epoch;
use burdock::telemetry::Observer;
use serde_json::Value;

fn settings(home: &Path) -> Settings {
    let second = Duration::from_secs(1);
    let run = home.join("runs").join("shop");
    let stage = config::Stage {
        name: "list".into(),
        expect: config::Expect::Any,
        links: vec![],
        priority: 0,
        affinity: config::Affinity::None,
        fields: vec![],
    };
    let feed = config::Feed {
        kind: config::FeedKind::Jsonl,
        path: run.join("records.jsonl"),
        bom: false,
        compress: config::Compress::None,
        stages: vec![],
        meta: vec![],
        if_exists: config::IfExists::Refuse,
    };
    Settings {
        limits: burdock::config::Limits::default(),
        robots: config::Robots { obey: true, crawl_delay: config::CrawlDelay::Host },
        crawl: config::Crawl {
            name: "shop".into(),
            start: vec!["http://127.0.0.1/".into()],
            start_file: None,
            start_stage: "list".into(),
            hosts: config::Hosts::Start,
            drop_params: vec![],
            workers: config::Count::Exactly(NonZeroUsize::MIN),
            threads: config::Count::Auto,
            data_dir: home.join("runs"),
            keep_pages: config::KeepPages::default(),
        },
        stages: vec![stage],
        routes: vec![Route::Direct],
        proxies_file: None,
        proxies: config::Proxies {
            direct: true,
            order: config::SpareOrder::Best,
            rotating: false,
            max_requests: None,
            max_bytes: None,
            max_age: None,
            wait: second,
        },
        pace: config::Pace {
            delay: second,
            jitter: 0.0,
            host_gap: None,
            host_in_flight: None,
            adaptive: true,
            retry_after_max: second,
        },
        fetch: config::Fetch {
            connect_timeout: second,
            head_timeout: second,
            timeout: second,
            max_body: 1,
            max_redirects: 0,
            user_agent: "burdock".into(),
            headers: vec![],
            allow_private: true,
            insecure_tls: false,
            ca_file: None,
        },
        retry: config::Retry {
            attempts: 1,
            witnesses: 1,
            max_requests: 1,
            status: vec![],
            gone: vec![],
            backoff: second,
            backoff_max: second,
        },
        ban: config::Ban {
            status: vec![],
            select: vec![],
            body: vec![],
            url: vec![],
            rules: vec![],
            cooldown: second,
            max_wait: second,
        },
        health: config::Health {
            max_errors: 1,
            decay: 0.5,
            cooldown: second,
            cooldown_max: second,
            max_cooldowns: None,
            max_silent: 1,
        },
        outage: config::Outage { share: 1.0, probe: second, max_wait: second },
        feeds: vec![feed],
        frontier: config::Frontier { kind: config::FrontierKind::Memory, keep_records: true, max_lag: 1 << 20 },
        log: config::Log {
            format: config::LogFormat::Json,
            level: config::LogLevel::Info,
            heartbeat: Duration::from_secs(30),
            file: run.join("run.log.jsonl"),
        },
        supervisor: config::Supervisor { max_restarts: 1, window: second },
    }
}

/// A crawl of two pages, one of which was gone, that is stopped; with a panic that was caught, and a library's warning.
fn crawl(_: Settings, around: Surroundings<'_>) -> anyhow::Result<Crawled> {
    let mut observer = Observer::new(Arc::clone(&around.names), around.clock.now());
    let worker = WorkerId { slot: 0, incarnation: 0 };
    let proxy = ProxyRef { id: ProxyId(0), epoch: Epoch(1) };
    let stats = Stats { found: 2, done: 1, gone: 1, unread: Some(0), ..Stats::default() };
    for notice in [Notice::Bound { worker, proxy }, Notice::Progress(stats), Notice::Released { worker, proxy }] {
        observer.notice(notice, around.clock.now());
    }
    observer.heartbeat(around.clock.now());
    assert!(std::panic::catch_unwind(|| panic!("the cup is empty")).is_err());
    log::warn!(target: "rustls::conn", "a library has something to say");
    let ending = Ending::Interrupted(burdock::protocol::Signal::Terminate);
    Ok(Crawled { ending, tally: observer.into_tally() })
}

fn not_reached(_: Settings, _: Surroundings<'_>) -> anyhow::Result<Crawled> {
    panic!("nothing is to be crawled")
}

#[test]
fn a_run_leaves_log_and_report_and_is_not_repeated() {
    let home = tempfile::TempDir::new().unwrap();
    let source = Source::new(home.path().join("shop.toml"), "the config");
    let go = |existing| conduct(settings(home.path()), &source, "1 worker, direct", existing, crawl);
    let refused = |existing| conduct(settings(home.path()), &source, "1 worker, direct", existing, not_reached);

    assert_eq!(go(Existing::Keep).code(), 143);
    let folder = home.path().join("runs").join("shop");
    let report: Value = serde_json::from_slice(&fs::read(folder.join("report.json")).unwrap()).unwrap();
    assert_eq!(report["tasks"]["found"], 2);
    assert_eq!(report["proxies"][0]["label"], "direct");

    let log = fs::read_to_string(folder.join("run.log.jsonl")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["run.started", "proxy.bound", "proxy.released", "run.progress", "panic", "library", "run.finished"]
    );
    assert!(lines.iter().all(|line| line["run"]["id"] == report["run_id"]));
    assert_eq!(lines[5]["target"], "rustls::conn");

    assert_eq!(refused(Existing::Keep).code(), 2, "a run in memory that was interrupted cannot be continued");
    let text = fs::read_to_string(folder.join("report.json")).unwrap();
    fs::write(folder.join("report.json"), text.replace("\"exit_code\": 143", "\"exit_code\": 3")).unwrap();
    assert_eq!(refused(Existing::Keep).code(), 3, "a finished run repeats its exit code");
}
