//! What the log says: one event for each fact, with its constant name, level and fields.
//!
//! In come the Desk's notices, with the names behind their numbers; out go `tracing` events. `docs/logs.md` lists them all.
//! Nothing is counted here, and nothing decided.

use std::path::Path;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::line::list;
use super::shown::{count, ms, span, url_shown};
use super::tally::Heartbeat;
use super::{Names, Places, Report};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PageNotice, PauseCause, Then};
use crate::exit::ending_shown;
use crate::protocol::{ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::task::HostKey;
use crate::verdict::Reason;

/// The target of how a run ended: it is said at every level.
pub const OUTCOME: &str = "burdock::outcome";

/// Says what a notice tells. A page that is done is not said here but by [`page`], after its commit, when it is known how many
/// of its links were new.
pub fn notice(names: &Names, notice: &Notice, now: Timestamp) {
    match notice {
        Notice::Bound { worker, proxy } => bound(names, *worker, *proxy),
        Notice::Released { worker, proxy } => released(names, *worker, *proxy),
        Notice::Replaced { worker, proxy, reason } => replaced(names, *worker, *proxy, reason),
        Notice::Parked { worker } => {
            info!(event = "worker.parked", worker.id = %worker, "worker {} has no proxy and waits", worker.slot);
        }
        Notice::Charged { proxy, score, reason } => charged(names, *proxy, *score, reason),
        Notice::Cooling { proxy, until, reason } => cooling(names, *proxy, until.since(now), reason),
        Notice::Rested { proxy } => {
            let label = names.proxy(*proxy);
            debug!(event = "proxy.rested", proxy.label = label, "{label} has rested and may be used again");
        }
        Notice::Retired { proxy, reason } => retired(names, *proxy, reason),
        Notice::HostPaused { proxy, host, until, cause, reason } => {
            paused(names, *proxy, host, until.since(now), *cause, reason);
        }
        Notice::Page(done) if done.then == Then::Done => {}
        Notice::Page(failed) => page(names, failed, None, now),
        Notice::Abandoned { task } => {
            let url = url_shown(&task.request.url);
            warn!(
                event = "task.abandoned",
                task.id = task.id.0,
                task.url = url,
                "a fetch of {url} ended without an outcome"
            );
        }
        Notice::WorkerGone { worker } => {
            warn!(event = "worker.died", worker.id = %worker, "worker {} died; its pages go to others", worker.slot);
        }
        Notice::SlotClosed { slot } => {
            error!(
                event = "worker.closed",
                worker.slot = slot,
                "worker {slot} died too often and is not started again"
            );
        }
        Notice::NoUsableProxy { until, reason } => waiting(until.since(now), reason.as_ref()),
        Notice::FeedsBehind { lag } => {
            warn!(
                event = "run.lagging",
                lag,
                "{} of records wait for the feeds: no new pages until then",
                super::shown::size(*lag)
            );
        }
        Notice::Progress(_) => {}
        Notice::Stopping { ending, until } => {
            let left = span(until.since(now));
            let why = ending_shown(ending);
            info!(event = "run.stopping", why, "stopping ({why}): what is out has {left} to end");
        }
    }
}

/// Says a fetch that has ended; `new_links` is what its commit said.
pub fn page(names: &Names, page: &PageNotice, new_links: Option<usize>, now: Timestamp) {
    let url = url_shown(&page.task.request.url);
    fetched(names, page, &url, new_links, now);
    if let Then::Dead(reason) = &page.then {
        warn!(
            event = "page.dead",
            task.id = page.task.id.0,
            task.url = url,
            task.stage = names.stage(page.task.stage),
            task.depth = page.task.depth,
            attempt = page.attempt,
            proxy.label = names.proxy(page.proxy),
            reason.code = reason.code,
            reason.detail = reason.detail,
            "given up on {url}: {reason}"
        );
    }
}

fn fetched(names: &Names, page: &PageNotice, url: &str, new_links: Option<usize>, now: Timestamp) {
    let (task, meters, reason) = (&page.task, &page.meters, page.verdict.reason());
    let then = then_shown(&page.then, now);
    debug!(
        event = "page.fetched",
        worker.id = %page.worker,
        proxy.label = names.proxy(page.proxy),
        task.id = task.id.0,
        task.url = url,
        task.stage = names.stage(task.stage),
        task.depth = task.depth,
        attempt = page.attempt,
        verdict = page.verdict.as_str(),
        suspect = page.verdict.suspect().as_str(),
        reason.code = reason.map(|reason| reason.code.as_str()),
        reason.detail = reason.map(|reason| reason.detail.as_str()),
        then = then.0,
        status = meters.status,
        requests = meters.requests,
        bytes.wire = meters.wire,
        bytes.body = meters.body,
        ms.wait = ms(meters.wait),
        ms.connect = ms(meters.connect),
        ms.head = ms(meters.head),
        ms.body = ms(meters.receive),
        ms.extract = ms(meters.extract),
        links.found = page.links,
        links.new = new_links,
        records = page.records,
        missing = list(&page.missing),
        retry_in_ms = then.1,
        "{} {url}", page.verdict.as_str()
    );
}

/// What becomes of the task, and for a later try in how many milliseconds.
fn then_shown(then: &Then, now: Timestamp) -> (&'static str, Option<u64>) {
    match then {
        Then::Done => ("done", None),
        Then::Gone => ("gone", None),
        Then::Dead(_) => ("dead", None),
        Then::Excluded => ("excluded", None),
        Then::Again => ("again", None),
        Then::Later(at) => ("later", Some(ms(at.since(now)))),
        Then::Stale => ("stale", None),
    }
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

fn waiting(rest: Duration, reason: Option<&Reason>) {
    let commonest = reason.map_or_else(String::new, |reason| format!("; most say: {reason}"));
    warn!(
        event = "run.waiting",
        for_ms = ms(rest),
        reason.code = reason.map(|reason| reason.code.as_str()),
        reason.detail = reason.map(|reason| reason.detail.as_str()),
        "no proxy can be used; waiting for one for at most {}{commonest}",
        span(rest)
    );
}

/// A worker that died has a successor.
pub fn restarted(worker: WorkerId) {
    info!(event = "worker.restarted", worker.id = %worker, "worker {} is started again", worker.slot);
}

/// A feed cannot go on; `error` names its file.
pub fn feed_failed(feed: &Path, error: &str) {
    error!(event = "feed.failed", feed = %feed.display(), error, "a feed cannot go on: {error}");
}

/// The run begins; `opening` says what the settings allow.
pub fn started(opening: &str, places: &Places) {
    info!(
        event = "run.started",
        feeds = list(places.feeds.iter().map(|feed| feed.display())),
        log = %places.log.display(),
        report = %places.report.display(),
        "{opening}; records go to {}", shown_paths(places)
    );
}

fn shown_paths(places: &Places) -> String {
    let feeds: Vec<_> = places.feeds.iter().map(|feed| feed.display().to_string()).collect();
    format!("{}, log to {}, report to {}", feeds.join(", "), places.log.display(), places.report.display())
}

/// The heartbeat.
pub fn progress(beat: &Heartbeat) {
    let eta = beat.eta.map_or_else(String::new, |eta| format!(", {} to go", span(eta)));
    info!(
        event = "run.progress",
        done = beat.done,
        left = beat.left,
        dead = beat.dead,
        records = beat.records,
        rate = beat.rate,
        eta_s = beat.eta.map(|eta| eta.as_secs()),
        workers.bound = beat.bound,
        workers.parked = beat.parked,
        proxies.spare = beat.proxies.spare,
        proxies.cooling = beat.proxies.cooling,
        proxies.banned = beat.proxies.banned,
        proxies.retired = beat.proxies.retired,
        limited_by = beat.limited_by.map(super::tally::Limit::as_str),
        "{} done, {} left, {} dead, {:.0} a minute{eta}; {} workers bound, {} parked; {} spare, {} cooling proxies",
        count(beat.done),
        count(beat.left),
        count(beat.dead),
        beat.rate,
        beat.bound,
        beat.parked,
        beat.proxies.spare,
        beat.proxies.cooling
    );
}

/// The report does not add up: a bug of ours, worth knowing.
pub fn inconsistent(difference: &str) {
    warn!(event = "report.inconsistent", difference, "the report does not add up: {difference}");
}

/// The run has ended; said at every log level.
pub fn finished(report: &Report) {
    let feeds = list(report.places.feeds.iter().map(|feed| feed.display()));
    let (log, file) = (report.places.log.display(), report.places.report.display());
    if report.exit_code.needs_a_hand() {
        error!(
            target: OUTCOME, event = "run.finished", outcome = report.outcome, exit_code = report.exit_code.code(),
            done = report.tasks.done, dead = report.tasks.dead, left = report.tasks.left, records = report.records,
            feeds, log = %log, report = %file, next = report.next, "{}; next: {}", report.ended_because, report.next
        );
    } else {
        info!(
            target: OUTCOME, event = "run.finished", outcome = report.outcome, exit_code = report.exit_code.code(),
            done = report.tasks.done, dead = report.tasks.dead, left = report.tasks.left, records = report.records,
            feeds, log = %log, report = %file, next = report.next, "{}; next: {}", report.ended_because, report.next
        );
    }
}
