//! Signs: what shows that a host, or our own line, works or does not.
//!
//! Plain data, from whoever hears of it (`suspense.rs`, `probing.rs`) to those who weigh it (`outage.rs`, `guard.rs`).

use std::time::Duration;

use super::repute::Repute;
use crate::clock::Timestamp;
use crate::proxy::ProxyId;

/// An answer of use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sign {
    /// When it was asked for: failures after that are not explained by it.
    pub(super) sent: Timestamp,
    /// The proxy that it came through, if it was a page: that it works there is known then.
    pub(super) through: Option<(ProxyId, Repute)>,
    /// How long it took.
    pub(super) took: Duration,
}

/// Something that failed there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) at: Timestamp,
    pub(super) proxy: ProxyId,
    pub(super) is_of: FailureOf,
}

/// What failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FailureOf {
    /// A page, or a control of a proxy.
    Fetch,
    /// A probe.
    Probe,
}
