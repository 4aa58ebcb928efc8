//! `[limits]`, typed.
//!
//! Plain data: what a crawl may do, counted from its start, before it stops as asked; how deep it goes, and how much room it
//! leaves on its disks. `None` is no limit.

use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use crate::config::unit;

/// `[limits]`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct Limits {
    /// Pages done.
    #[serde(deserialize_with = "number")]
    pub pages: Option<u64>,
    /// Records.
    #[serde(deserialize_with = "number")]
    pub records: Option<u64>,
    /// Pages given up on.
    #[serde(deserialize_with = "number")]
    pub dead_letters: Option<u64>,
    /// Bytes on the wire.
    #[serde(deserialize_with = "size")]
    pub bytes: Option<u64>,
    /// Time.
    #[serde(deserialize_with = "duration")]
    pub duration: Option<Duration>,
    /// Links from a start URL: deeper ones are not followed.
    #[serde(deserialize_with = "number")]
    pub depth: Option<u64>,
    /// Bytes that stay free on each disk that is written to: with less than that, fetching waits.
    #[serde(deserialize_with = "size")]
    pub min_free: Option<u64>,
}

fn or_none<'de, D: Deserializer<'de>, T>(from: D, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "none" => Ok(None),
        text => read(text).map(Some).ok_or_else(|| D::Error::custom("neither \"none\" nor a limit")),
    }
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    or_none(from, |text| text.parse().ok())
}

fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    or_none(from, unit::size)
}

fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    or_none(from, unit::duration)
}
