//! The line at the start that says what the settings allow.
//!
//! Settings come in, a sentence goes out. Pure; it promises an upper bound, not what a site will bear.

use std::time::Duration;

use super::{Count, Settings};
use crate::proxy::Route;

/// `auto` makes no more workers than this: beyond it one machine's threads and sockets decide.
const AUTO_WORKERS: usize = 256;

impl Settings {
    /// How many workers there are: as many as the config says, or one a proxy, at most 256.
    pub fn worker_count(&self) -> usize {
        match self.crawl.workers {
            Count::Exactly(count) => count.get(),
            Count::Auto => self.auto_worker_count(),
        }
    }

    /// Up to how many workers there are when proxies are added: none more, if the config says a number.
    pub fn most_workers(&self) -> usize {
        match self.crawl.workers {
            Count::Exactly(count) => count.get(),
            Count::Auto => AUTO_WORKERS,
        }
    }

    fn auto_worker_count(&self) -> usize {
        self.routes.len().clamp(1, AUTO_WORKERS)
    }
}

/// What the settings allow, for example
/// `20 workers, 100 proxies: 80 spare; at 1.5 s delay at most 13 pages/s, 67 with workers = "auto"`.
pub fn opening_line(settings: &Settings) -> String {
    let (workers, routes) = (settings.worker_count(), settings.routes.len());
    let ways = match settings.routes.as_slice() {
        [Route::Direct] => "no proxy, your own address".to_owned(),
        routes => counted(routes.len(), "proxy", "proxies"),
    };
    let rest = match workers.cmp(&routes) {
        std::cmp::Ordering::Less => format!(": {} spare", routes - workers),
        std::cmp::Ordering::Equal => String::new(),
        std::cmp::Ordering::Greater => format!(": {} parked", workers - routes),
    };
    let pace = pace(settings.pace.delay, workers.min(routes), settings.auto_worker_count().min(routes));
    let host = settings.pace.host_gap.map_or_else(String::new, of_one_host);
    format!("{}, {ways}{rest}; {pace}{host}", counted(workers, "worker", "workers"))
}

fn of_one_host(gap: Duration) -> String {
    let rate = 1.0 / gap.as_secs_f64();
    let (rate, unit) = if rate < 1.0 { (rate * 60.0, "min") } else { (rate, "s") };
    format!("; of one host at most {} a {unit}", rounded(rate))
}

fn pace(delay: Duration, busy: usize, with_auto: usize) -> String {
    if delay.is_zero() {
        return "no delay: as fast as the proxies and the site allow".to_owned();
    }
    let seconds = delay.as_secs_f64();
    let (per, unit) = if busy as f64 / seconds < 1.0 { (60.0, "min") } else { (1.0, "s") };
    let rate = |busy: usize| rounded(busy as f64 / seconds * per);
    let more = if with_auto > busy { format!(", {} with workers = \"auto\"", rate(with_auto)) } else { String::new() };
    format!("at {} s delay at most {} pages/{unit}{more}", delay.as_secs_f64(), rate(busy))
}

/// Whole numbers, with one digit behind the point for small ones.
fn rounded(rate: f64) -> String {
    if rate < 9.5 { format!("{}", (rate * 10.0).round() / 10.0) } else { format!("{rate:.0}") }
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
