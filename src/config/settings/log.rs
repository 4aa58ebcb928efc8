//! `[log]`, typed.
//!
//! Plain data: what is logged, how and how often. Where the lines go is `telemetry`'s business.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::config::unit::deserialize_duration;

/// How log lines look on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// What needs a hand.
    Error,
    /// What may need a hand.
    Warn,
    /// What an operator reads of a healthy run.
    Info,
    /// Each page.
    Debug,
    /// Everything.
    Trace,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// The form of lines on stderr.
    pub format: LogFormat,
    /// The level on stderr, and in the file.
    pub level: LogLevel,
    /// How often `run.progress` is logged.
    #[serde(deserialize_with = "deserialize_duration")]
    pub heartbeat: Duration,
    /// The log file, absolute.
    pub file: PathBuf,
}
