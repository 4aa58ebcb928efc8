//! What the tests of the Desk are made of: limits as in the defaults, proxies, tasks.
//!
//! Each gives the plainest one that there is; a test changes what it is about.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::Limits;
use crate::proxy::{Endpoint, Route, Scheme};
use crate::record::Seq;
use crate::task::{HostKey, Request, StageId, Task, TaskId};
use crate::{config, pace};

/// The defaults, without a delay.
pub(super) fn limits(workers: usize) -> Limits {
    Limits {
        workers,
        pace: pace::fixture::settings(Duration::ZERO, 0.0),
        retry: config::Retry {
            attempts: 3,
            witnesses: 3,
            max_requests: 100,
            status: vec![500],
            gone: vec![404],
            backoff: Duration::from_secs(1),
            backoff_max: Duration::from_secs(300),
        },
        ban: pace::fixture::ban(),
        health: crate::proxy::fixture::HEALTH,
        outage: config::Outage { share: 0.8, probe: Duration::from_secs(1), max_wait: Duration::from_secs(3600) },
        robots: config::Robots { obey: false, crawl_delay: config::CrawlDelay::Host },
        robots_name: "burdock".into(),
        proxies: proxies(),
        most_workers: workers,
        affine: BTreeSet::new(),
        head_timeout: Duration::from_secs(15),
        drain: Duration::from_secs(30),
        max_lag: 64 << 20,
        bounds: config::Limits::default(),
        feeds: 1,
        stored: Seq::default(),
        resumed_at: None,
        seed: 1,
    }
}

/// `[proxies]` as in the defaults.
fn proxies() -> config::Proxies {
    let (max_requests, max_bytes, max_age) = (None, None, None);
    let (order, wait) = (config::SpareOrder::Best, Duration::from_secs(900));
    config::Proxies { direct: false, order, rotating: false, max_requests, max_bytes, max_age, wait }
}

/// The proxy `p<number>`.
pub(super) fn route(number: u16) -> Route {
    Route::Proxy(Endpoint {
        scheme: Scheme::Http,
        host: "127.0.0.1".to_owned(),
        port: number,
        credentials: None,
        label: format!("p{number}").into(),
    })
}

/// A task that nobody has tried.
pub(super) fn task(id: u64, host: &str, priority: i32) -> Task {
    let url: url::Url = format!("http://{host}/{id}").parse().expect("a URL");
    Task {
        id: TaskId(id),
        stage: StageId(0),
        host: HostKey::of(&url),
        request: Request::get(url),
        priority,
        depth: 0,
        meta: Arc::default(),
        referrer: None,
        start_url: "".into(),
        attempts: 0,
        requests: 0,
    }
}
