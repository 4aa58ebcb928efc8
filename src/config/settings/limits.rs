//! `[limits]`, typed.
//!
//! Plain data: what a crawl may do, counted from its start, before it stops as asked. `None` is no limit.

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
}

fn or_none<'de, D: Deserializer<'de>, T>(from: D, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, D::Error> {
    match String::deserialize(from)?.as_str() {
        "none" => Ok(None),
        text => read(text).map(Some).ok_or_else(|| D::Error::custom("neither \"none\" nor a limit")),
    }
}

pub(super) fn number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    or_none(from, |text| text.parse().ok())
}

pub(super) fn size<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    or_none(from, unit::size)
}

pub(super) fn duration<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    or_none(from, unit::duration)
}
