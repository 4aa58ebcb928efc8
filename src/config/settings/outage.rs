//! `[outage]`, typed.
//!
//! Plain data: when a site, or our own line, is taken to be down, and how its return is found. What follows is the Desk's business.

use std::time::Duration;

use serde::Deserialize;

use crate::config::unit::deserialize_duration;

/// `[outage]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Outage {
    /// The share of trusted proxies that fail at once, 0 to 1.
    pub share: f64,
    /// From one probe to the next.
    #[serde(deserialize_with = "deserialize_duration")]
    pub probe: Duration,
    /// A return is waited for no longer, once nothing else is left to do.
    #[serde(deserialize_with = "deserialize_duration")]
    pub max_wait: Duration,
}
