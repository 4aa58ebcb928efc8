//! What the log says of robots.txt.
//!
//! In come what is known of it and the pages that it bars, out go `robots.*` events and `page.excluded`.

use std::time::Duration;

use tracing::{debug, info, warn};

use crate::task::{HostKey, Task};
use crate::telemetry::Names;
use crate::telemetry::shown::{ms, url_shown};
use crate::verdict::Reason;

pub(super) fn read(host: &HostKey, rules: usize, delay: Option<Duration>) {
    let delay_ms = delay.map(ms);
    let delay = delay.map_or_else(String::new, |delay| format!(", and asks for {delay:?} between two requests"));
    info!(
        event = "robots.read", host = %host, rules, delay_ms,
        "the robots.txt of {host} has {rules} rules for us{delay}"
    );
}

pub(super) fn lost(host: &HostKey, reason: &Reason) {
    warn!(
        event = "robots.unreachable",
        host = %host,
        reason.code = reason.code,
        reason.detail = reason.detail,
        "the robots.txt of {host} cannot be had, so none of its pages may be fetched: {reason}"
    );
}

pub(super) fn barred(names: &Names, task: &Task) {
    let url = url_shown(&task.request.url);
    debug!(
        event = "page.excluded",
        task.id = task.id.0,
        task.url = url,
        task.stage = names.stage(task.stage),
        task.depth = task.depth,
        reason.code = "robots",
        "robots.txt bars {url}"
    );
}
