//! What the log says of the proxies as a list: who is new, gone or used up, and how reading the list again went.
//!
//! In come names and counts, out go `proxy.*` and `proxies.*` events.

use tracing::{info, warn};

use crate::config::RefusedFile;
use crate::proxy::ProxyId;
use crate::telemetry::Names;
use crate::verdict::Reason;

pub(super) fn used_up(names: &Names, proxy: ProxyId, reason: &Reason) {
    let label = names.proxy(proxy);
    info!(
        event = "proxy.used_up",
        proxy.label = label,
        reason.code = reason.code,
        reason.detail = reason.detail,
        "{label} rests for the remainder of this run: {}",
        reason.detail
    );
}

pub(super) fn added(label: &str) {
    info!(event = "proxy.added", proxy.label = label, "{label} is among the proxies now");
}

pub(super) fn removed(names: &Names, proxy: ProxyId) {
    let label = names.proxy(proxy);
    info!(event = "proxy.removed", proxy.label = label, "{label} is not among the proxies any more");
}

pub(super) fn reloaded(added: usize, removed: usize, changed: usize, listed: usize) {
    info!(
        event = "proxies.reloaded",
        added,
        removed,
        changed,
        listed,
        "the proxies were read again: {added} added, {removed} removed, {changed} changed; now {listed}"
    );
}

/// A proxies file that was read again cannot be used.
pub fn proxies_refused(why: &RefusedFile) {
    warn!(event = "proxies.refused", error = %why, "the proxies stay as they are: {why}");
}

/// Nobody will say when the proxies file changes.
pub fn unwatched(why: &str) {
    warn!(
        event = "proxies.unwatched",
        error = why,
        "the proxies file is not watched, send SIGHUP when it has changed: {why}"
    );
}
