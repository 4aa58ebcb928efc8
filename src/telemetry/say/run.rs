//! What the log says of the run as a whole: its beginning, its heartbeat, its end, and what may keep it from going on.
//!
//! In come counts and reports, out go `run.*` events and their like.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::time::Duration;

use tracing::{debug, error, info, warn};

use crate::dispatcher::desk::Free;
use crate::dispatcher::notice::Ending;
use crate::exit::ending_shown;
use crate::protocol::WorkerId;
use crate::task::TaskId;
use crate::telemetry::line::list;
use crate::telemetry::shown::{count, ms, size, span};
use crate::telemetry::tally::{Heartbeat, Limit};
use crate::telemetry::{Places, Report};
use crate::verdict::Reason;

/// The target of how a run ended: it is said at every level.
pub const OUTCOME: &str = "burdock::outcome";

pub(super) fn waiting(rest: Duration, reason: Option<&Reason>) {
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

pub(super) fn lagging(lag: u64) {
    warn!(event = "run.lagging", lag, "{} of records wait for the feeds: no new pages until then", size(lag));
}

pub(super) fn disk_short(free: &Free, least: u64) {
    let place = free.place.display();
    warn!(
        event = "disk.short",
        disk = %place,
        free = free.bytes,
        least,
        "the disk of {place} has {} free, less than limits.min_free ({}): no new pages until it has more",
        size(free.bytes),
        size(least)
    );
}

pub(super) fn disk_free(free: Option<&Free>) {
    let (disk, bytes) = (free.map(|free| free.place.display().to_string()), free.map(|free| free.bytes));
    info!(event = "disk.free", disk, free = bytes, "all disks have limits.min_free again: the crawl goes on");
}

pub(super) fn stopping(ending: &Ending, rest: Duration) {
    let why = ending_shown(ending);
    info!(event = "run.stopping", why, "stopping ({why}): what is out has {} to end", span(rest));
}

/// A worker that died has a successor.
pub fn restarted(worker: WorkerId) {
    info!(event = "worker.restarted", worker.id = %worker, "worker {} is started again", worker.slot);
}

/// How much the start of a feed matters to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// As usual.
    Usual,
    /// Worth knowing.
    News,
    /// It may need a hand.
    Odd,
}

/// A feed starts; `how` is a constant word for it, `words` says it.
pub fn feed_started(feed: &Path, how: &'static str, words: &str, weight: Weight) {
    let feed = feed.display();
    match weight {
        Weight::Usual => debug!(event = "feed.started", feed = %feed, start = how, "{feed} {words}"),
        Weight::News => info!(event = "feed.started", feed = %feed, start = how, "{feed} {words}"),
        Weight::Odd => warn!(event = "feed.started", feed = %feed, start = how, "{feed} {words}"),
    }
}

/// The body of a page cannot be kept at `path`.
pub fn page_not_kept(task: TaskId, path: &Path, error: &io::Error) {
    let error = error.to_string();
    warn!(
        event = "page.not_kept",
        task.id = task.0,
        error,
        "the body of page {task} is not kept in {}: {error}",
        path.display()
    );
}

/// The run goes on with a config that has changed; so many tasks that waited were left out for that, or came back.
pub fn revised(changes: &[impl Display], left_out: u64, returned: u64) {
    for change in changes {
        info!(event = "config.changed", "{change}");
    }
    if left_out + returned > 0 {
        info!(
            event = "tasks.revised",
            left_out,
            returned,
            "{} that waited will not be fetched, {} that had been left out will",
            pages(left_out),
            pages(returned)
        );
    }
}

fn pages(number: u64) -> String {
    format!("{} page{}", count(number), if number == 1 { "" } else { "s" })
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
        limited_by = beat.limited_by.map(Limit::as_str),
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
