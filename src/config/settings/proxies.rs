//! `[proxies]`, typed: which spare goes first, what each may be used for, and how long to wait for one.
//!
//! Plain data; the proxies themselves are read elsewhere.

use std::time::Duration;

use serde::Deserialize;

use super::limits::{duration, number, size};
use crate::config::unit::deserialize_duration;

/// `[proxies]`, without the proxies.
#[derive(Clone, Debug, Deserialize)]
pub struct Proxies {
    /// The config asks for our own address.
    pub direct: bool,
    /// Which spare is bound next.
    pub order: SpareOrder,
    /// Each connection leaves by another address.
    pub rotating: bool,
    /// Requests through one proxy.
    #[serde(deserialize_with = "number")]
    pub max_requests: Option<u64>,
    /// Bytes on the wire through one proxy.
    #[serde(deserialize_with = "size")]
    pub max_bytes: Option<u64>,
    /// Time since the first page through one proxy.
    #[serde(deserialize_with = "duration")]
    pub max_age: Option<Duration>,
    /// How long to wait while none is usable.
    #[serde(deserialize_with = "deserialize_duration")]
    pub wait: Duration,
}

impl Proxies {
    /// What each proxy may be used for in this run.
    pub const fn budget(&self) -> Budget {
        Budget { requests: self.max_requests, bytes: self.max_bytes, age: self.max_age }
    }
}

/// Which spare is bound next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpareOrder {
    /// The one of which most is to be expected.
    #[default]
    Best,
    /// The one with the fewest requests.
    LeastUsed,
    /// The first one in the file.
    File,
}

/// What one proxy may be used for. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Requests.
    pub requests: Option<u64>,
    /// Bytes on the wire, both ways.
    pub bytes: Option<u64>,
    /// Time since its first page.
    pub age: Option<Duration>,
}
