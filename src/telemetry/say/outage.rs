//! What the log says of outages: a host, or our own line, that is down, and its return.
//!
//! In come the facts, out go their events. Whether it is an outage was decided before.

use std::time::Duration;

use tracing::{info, warn};

use crate::dispatcher::desk::Party;
use crate::task::HostKey;
use crate::telemetry::shown::{ms, span};
use crate::verdict::Reason;

pub(super) fn down(party: &Party, reason: &Reason) {
    match party {
        Party::Line => line_down(reason),
        Party::Host(host) => host_down(host, reason),
    }
}

pub(super) fn back(party: &Party, down_for: Duration) {
    match party {
        Party::Line => line_back(down_for),
        Party::Host(host) => host_back(host, down_for),
    }
}

fn host_down(host: &HostKey, reason: &Reason) {
    warn!(
        event = "host.outage", host = %host, reason.code = reason.code, reason.detail = reason.detail,
        "{host} is down: nobody pays for it, and probes look for its return; the last thing was: {reason}"
    );
}

fn host_back(host: &HostKey, down_for: Duration) {
    info!(
        event = "host.returned", host = %host, down_ms = ms(down_for),
        "{host} is back after {}: work goes on", span(down_for)
    );
}

fn line_down(reason: &Reason) {
    warn!(
        event = "line.outage",
        reason.code = reason.code,
        reason.detail = reason.detail,
        "no proxy can be reached: our own line seems to be down, and probes look for its return; the last thing was: {reason}"
    );
}

fn line_back(down_for: Duration) {
    info!(
        event = "line.returned",
        down_ms = ms(down_for),
        "our own line is back after {}: work goes on",
        span(down_for)
    );
}
