//! What the log says of one fetch.
//!
//! In comes how it ended, out goes a `page.fetched` event (`proxy.probed`, if it only tried a proxy), and a `page.dead` one where
//! the page is given up on; `page.decided`, where that follows from what other fetches showed.

use tracing::{debug, warn};

use crate::clock::Timestamp;
use crate::dispatcher::notice::{Decision, PageNotice, ProbeNotice, Then};
use crate::task::Task;
use crate::telemetry::Names;
use crate::telemetry::line::list;
use crate::telemetry::shown::{ms, url_shown};
use crate::verdict::Reason;

/// Says a fetch that has ended; `new_links` is what its commit said.
pub fn page(names: &Names, page: &PageNotice, new_links: Option<usize>, now: Timestamp) {
    let url = url_shown(&page.task.request.url);
    fetched(names, page, &url, new_links, now);
    if let Then::Dead(reason) = &page.then
        && !page.task.stage.is_robots()
    {
        dead(names, &page.task, page.attempt, Some(names.proxy(page.proxy)), reason);
    }
}

/// Says what was decided of a page while nobody fetched it.
pub(super) fn decided(names: &Names, decision: &Decision, now: Timestamp) {
    let Decision { task, attempt, then } = decision;
    let (url, shown) = (url_shown(&task.request.url), then_shown(then, now));
    debug!(
        event = "page.decided",
        task.id = task.id.0,
        task.url = url,
        task.stage = names.stage(task.stage),
        attempt,
        then = shown.0,
        retry_in_ms = shown.1,
        "{url} is at fault, not its proxies: {}",
        shown.0
    );
    if let Then::Dead(reason) = then
        && !task.stage.is_robots()
    {
        dead(names, task, *attempt, None, reason);
    }
}

/// Says how a page that was done before came through a proxy that had to prove itself.
pub(super) fn probed(names: &Names, probe: &ProbeNotice) {
    let (label, verdict, reason) = (names.proxy(probe.proxy), probe.verdict.as_str(), probe.verdict.reason());
    debug!(
        event = "proxy.probed",
        worker.id = %probe.worker,
        proxy.label = label,
        task.id = probe.task.id.0,
        task.url = url_shown(&probe.task.request.url),
        verdict,
        reason.code = reason.map(|reason| reason.code.as_str()),
        reason.detail = reason.map(|reason| reason.detail.as_str()),
        requests = probe.meters.requests,
        bytes.wire = probe.meters.wire,
        "{label} was tried by a page that was done before: {verdict}"
    );
}

fn dead(names: &Names, task: &Task, attempt: u32, proxy: Option<&str>, reason: &Reason) {
    let url = url_shown(&task.request.url);
    warn!(
        event = "page.dead",
        task.id = task.id.0,
        task.url = url,
        task.stage = names.stage(task.stage),
        task.depth = task.depth,
        attempt,
        proxy.label = proxy,
        reason.code = reason.code,
        reason.detail = reason.detail,
        "given up on {url}: {reason}"
    );
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
        links.too_deep = (page.too_deep > 0).then_some(page.too_deep),
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
