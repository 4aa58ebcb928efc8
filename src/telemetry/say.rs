//! What the log says: one event for each fact, with its constant name, level and fields.
//!
//! In come the Desk's notices, with the names behind their numbers; out go `tracing` events. `docs/logs.md` lists them all.
//! Nothing is counted here, and nothing decided.

mod listing;
mod outage;
mod page;
mod robots;
mod run;

use std::time::Duration;

use tracing::{debug, error, info, warn};

pub use listing::{proxies_refused, unwatched};
pub use page::page;
pub use run::{
    OUTCOME, Weight, feed_failed, feed_started, finished, inconsistent, page_not_kept, progress, restarted, revised,
    started,
};

use super::Names;
use super::shown::{ms, span, url_shown};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PauseCause, Then};
use crate::protocol::{ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{HostKey, Task};
use crate::verdict::Reason;

/// Says what a notice tells. A page that is done is not said here but by [`page`], after its commit, when it is known how many
/// of its links were new.
pub fn notice(names: &Names, notice: &Notice, now: Timestamp) {
    match notice {
        Notice::Bound { worker, proxy } => bound(names, *worker, *proxy),
        Notice::Released { worker, proxy } => released(names, *worker, *proxy),
        Notice::Replaced { worker, proxy, reason } => replaced(names, *worker, *proxy, reason),
        Notice::Parked { worker } => parked(*worker),
        Notice::Charged { proxy, score, reason } => charged(names, *proxy, *score, reason),
        Notice::Cooling { proxy, until, reason } => cooling(names, *proxy, until.since(now), reason),
        Notice::Rested { proxy } => rested(names, *proxy),
        Notice::Retired { proxy, reason } => retired(names, *proxy, reason),
        Notice::UsedUp { proxy, reason } => listing::used_up(names, *proxy, reason),
        Notice::Added { label, .. } => listing::added(label),
        Notice::Removed { proxy } => listing::removed(names, *proxy),
        Notice::Reloaded { added, removed, changed, listed } => {
            listing::reloaded(*added, *removed, *changed, *listed);
        }
        Notice::HostPaused { proxy, host, until, cause, reason } => {
            paused(names, *proxy, host, until.since(now), *cause, reason);
        }
        Notice::HostSlowed { host, until, gap } => slowed(host, until.since(now), *gap),
        Notice::RobotsRead { host, rules, delay } => robots::read(host, *rules, *delay),
        Notice::RobotsLost { host, reason } => robots::lost(host, reason),
        Notice::Barred { task } => robots::barred(names, task),
        Notice::Outage { party, reason } => outage::down(party, reason),
        Notice::Returned { party, down_for } => outage::back(party, *down_for),
        Notice::Page(done) if done.then == Then::Done && !done.task.stage.is_robots() => {}
        Notice::Page(failed) => page(names, failed, None, now),
        Notice::Probed(probe) => page::probed(names, probe),
        Notice::Decided(decision) => page::decided(names, decision, now),
        Notice::Abandoned { task } => abandoned(task),
        Notice::WorkerGone { worker } => died(*worker),
        Notice::SlotClosed { slot } => closed(*slot),
        Notice::NoUsableProxy { until, reason } => run::waiting(until.since(now), reason.as_ref()),
        Notice::FeedsBehind { lag } => run::lagging(*lag),
        Notice::DiskShort { free, least } => run::disk_short(free, *least),
        Notice::DiskFree { free } => run::disk_free(free.as_ref()),
        Notice::Progress(_) => {}
        Notice::Stopping { ending, until } => run::stopping(ending, until.since(now)),
    }
}

fn parked(worker: WorkerId) {
    info!(event = "worker.parked", worker.id = %worker, "worker {} has no proxy and waits", worker.slot);
}

fn died(worker: WorkerId) {
    warn!(event = "worker.died", worker.id = %worker, "worker {} died; its pages go to others", worker.slot);
}

fn closed(slot: u16) {
    error!(event = "worker.closed", worker.slot = slot, "worker {slot} died too often and is not started again");
}

fn abandoned(task: &Task) {
    let url = url_shown(&task.request.url);
    warn!(event = "task.abandoned", task.id = task.id.0, task.url = url, "a fetch of {url} ended without an outcome");
}

fn rested(names: &Names, proxy: ProxyId) {
    let label = names.proxy(proxy);
    debug!(event = "proxy.rested", proxy.label = label, "{label} has rested and may be used again");
}

fn bound(names: &Names, worker: WorkerId, proxy: ProxyRef) {
    let label = names.proxy(proxy.id);
    info!(
        event = "proxy.bound", worker.id = %worker, proxy.label = label, proxy.epoch = proxy.epoch.0,
        "worker {} has {label}", worker.slot
    );
}

fn released(names: &Names, worker: WorkerId, proxy: ProxyRef) {
    let label = names.proxy(proxy.id);
    info!(
        event = "proxy.released", worker.id = %worker, proxy.label = label, proxy.epoch = proxy.epoch.0,
        "worker {} has let go of {label}", worker.slot
    );
}

fn replaced(names: &Names, worker: WorkerId, proxy: ProxyId, reason: &Reason) {
    let label = names.proxy(proxy);
    info!(
        event = "proxy.replaced", worker.id = %worker, proxy.label = label,
        reason.code = reason.code, reason.detail = reason.detail,
        "worker {} gives up {label}: {reason}", worker.slot
    );
}

fn charged(names: &Names, proxy: ProxyId, score: f64, reason: &Reason) {
    let label = names.proxy(proxy);
    debug!(
        event = "proxy.charged",
        proxy.label = label,
        proxy.score = score,
        reason.code = reason.code,
        reason.detail = reason.detail,
        "{label} is at fault, its score is {score:.2} now: {reason}"
    );
}

fn cooling(names: &Names, proxy: ProxyId, rest: Duration, reason: &Reason) {
    let label = names.proxy(proxy);
    info!(
        event = "proxy.cooling",
        proxy.label = label,
        for_ms = ms(rest),
        reason.code = reason.code,
        reason.detail = reason.detail,
        "{label} rests for {}: {reason}",
        span(rest)
    );
}

fn retired(names: &Names, proxy: ProxyId, reason: &Reason) {
    let label = names.proxy(proxy);
    warn!(
        event = "proxy.retired",
        proxy.label = label,
        reason.code = reason.code,
        reason.detail = reason.detail,
        "{label} is out for this run: {reason}"
    );
}

fn slowed(host: &HostKey, rest: Duration, gap: Duration) {
    warn!(
        event = "host.slowed",
        host = %host,
        for_ms = ms(rest),
        gap_ms = ms(gap),
        "{host} asks all proxies to wait: nobody asks it for {}, then one request follows another after {} ms",
        span(rest),
        ms(gap)
    );
}

fn paused(names: &Names, proxy: ProxyId, host: &HostKey, rest: Duration, cause: PauseCause, reason: &Reason) {
    let label = names.proxy(proxy);
    let cause = match cause {
        PauseCause::Ban => "ban",
        PauseCause::Throttle => "throttle",
    };
    warn!(
        event = "proxy.paused", proxy.label = label, host = %host, cause, for_ms = ms(rest),
        reason.code = reason.code, reason.detail = reason.detail,
        "{label} leaves {host} alone for {}: {reason}", span(rest)
    );
}

#[cfg(test)]
mod tests;
