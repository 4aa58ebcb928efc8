//! Facts for the tests of this folder: names, tasks, ended fetches, and a log that is read back.
//!
//! In come the few things that a test is about, out goes the rest.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value};
use tracing_subscriber::layer::SubscriberExt;
use url::Url;

use super::log::{Form, layer};
use super::{Names, Places, Run};
use crate::clock::{Clock, Timestamp};
use crate::config::{Log, LogFormat, LogLevel};
use crate::dispatcher::notice::{PageNotice, Then};
use crate::protocol::{Meters, ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{Epoch, HostKey, Request, StageId, Task, TaskId};
use crate::verdict::Verdict;

pub(super) fn names(proxies: u32) -> Arc<Names> {
    Arc::new(Names {
        proxies: (0..proxies).map(|n| format!("10.0.0.{n}:3128").into()).collect(),
        stages: vec!["list".into(), "detail".into()],
        fields: vec![vec![], vec!["title".into(), "price".into()]],
    })
}

pub(super) const fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
}

pub(super) const fn worker(slot: u16) -> WorkerId {
    WorkerId { slot, incarnation: 0 }
}

pub(super) const fn proxy(id: u32, epoch: u64) -> ProxyRef {
    ProxyRef { id: ProxyId(id), epoch: Epoch(epoch) }
}

pub(super) fn task(id: u64, stage: u16, url: &str) -> Arc<Task> {
    let url = Url::parse(url).unwrap();
    Arc::new(Task {
        id: TaskId(id),
        stage: StageId(stage),
        host: HostKey::of(&url),
        start_url: url.as_str().into(),
        request: Request::get(url),
        priority: 0,
        depth: 1,
        meta: Arc::default(),
        referrer: None,
        attempts: 0,
        requests: 0,
    })
}

pub(super) fn page(id: u64, through: u32, verdict: Verdict, then: Then) -> PageNotice {
    let meters = Meters {
        requests: 1,
        status: Some(200),
        wire: 1_000,
        body: 5_000,
        connect: Duration::from_millis(100),
        head: Duration::from_millis(300),
        receive: Duration::from_millis(600),
        ..Meters::default()
    };
    PageNotice {
        worker: worker(0),
        proxy: ProxyId(through),
        task: task(id, 1, &format!("http://shop.example/{id}?token=s3cr3t")),
        attempt: 1,
        verdict,
        meters,
        links: 3,
        too_deep: 0,
        records: 1,
        missing: vec!["price".into()],
        then,
    }
}

pub(super) fn run() -> Run {
    Run {
        durable: false,
        id: "shop-1".into(),
        name: "shop".into(),
        config: PathBuf::from("/home/me/shop.toml"),
        places: Places {
            feeds: vec![PathBuf::from("/home/me/runs/shop/records.jsonl")],
            log: PathBuf::from("/home/me/runs/shop/run.log.jsonl"),
            report: PathBuf::from("/home/me/runs/shop/report.json"),
        },
    }
}

/// What `say` logs, at level `debug`.
pub(super) fn logged(say: impl FnOnce()) -> Vec<Map<String, Value>> {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("log");
    let heartbeat = Duration::from_secs(3600);
    let log = Log { format: LogFormat::Json, level: LogLevel::Debug, heartbeat, file: file.clone() };
    let (layer, guard) = layer(&log, "shop-1", Clock::start(), Form::Json, Box::new(io::sink())).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
    drop(guard);
    let text = std::fs::read_to_string(file).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
