//! `[pace]`, typed.
//!
//! Plain data: how fast one proxy may ask one host, and all of them together. `None` is no limit.

use std::num::NonZeroU32;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use crate::config::unit::{self, deserialize_duration};

/// `[pace]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Pace {
    /// The least time between two requests of one proxy to one host.
    #[serde(deserialize_with = "deserialize_duration")]
    pub delay: Duration,
    /// A share of `delay` that is added at random, 0 to 1.
    pub jitter: f64,
    /// `host_rate`, as the time from one request to a host to the next, through whatever proxies.
    #[serde(rename = "host_rate", deserialize_with = "rate")]
    pub host_gap: Option<Duration>,
    /// Fetches that may be out at one host, through all proxies.
    #[serde(deserialize_with = "number")]
    pub host_in_flight: Option<NonZeroU32>,
    /// Ask a host that throttles less often.
    pub adaptive: bool,
    /// No throttling is waited for any longer, whatever the site says.
    #[serde(deserialize_with = "deserialize_duration")]
    pub retry_after_max: Duration,
}

fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "none" => Ok(None),
        text => unit::rate(text).map(Some).ok_or_else(|| D::Error::custom("neither \"none\" nor a rate")),
    }
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<NonZeroU32>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "none" => Ok(None),
        text => text.parse().map(Some).map_err(D::Error::custom),
    }
}
