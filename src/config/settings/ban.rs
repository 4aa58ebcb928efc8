//! `[ban]`, typed.
//!
//! Plain data: how a site shows that it refuses a proxy, and for how long such a proxy leaves it alone. Selectors and
//! patterns are texts here, checked; what compiles them is with the judge.

use std::time::Duration;

use serde::Deserialize;

use crate::config::unit::deserialize_duration;

/// `[ban]`
#[derive(Clone, Debug, Deserialize)]
pub struct Ban {
    /// Statuses that say that the site refuses this proxy.
    pub status: Vec<u16>,
    /// CSS selectors of what only such an answer has.
    pub select: Vec<String>,
    /// Regular expressions that its text matches.
    pub body: Vec<String>,
    /// Regular expressions that the address matches that was redirected to.
    pub url: Vec<String>,
    /// `[[ban.rule]]`, in order.
    #[serde(default, rename = "rule")]
    pub rules: Vec<BanRule>,
    /// How long such a proxy leaves that host alone; doubled each time.
    #[serde(deserialize_with = "deserialize_duration")]
    pub cooldown: Duration,
    /// All proxies banned for so long end the crawl.
    #[serde(deserialize_with = "deserialize_duration")]
    pub max_wait: Duration,
}

/// A sign with a name: all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct BanRule {
    /// What it is called in logs and reports.
    pub name: String,
    /// The status.
    pub status: Option<u16>,
    /// A CSS selector.
    pub select: Option<String>,
    /// A regular expression for the text.
    pub body: Option<String>,
    /// A regular expression for the address.
    pub url: Option<String>,
    /// A header that is there; behind a colon, a regular expression for its value.
    pub header: Option<String>,
}

/// Name and pattern of [`BanRule::header`], apart; no pattern matches any value.
pub fn header_rule(text: &str) -> (&str, &str) {
    text.split_once(':').map_or((text.trim(), ""), |(name, pattern)| (name.trim(), pattern.trim()))
}
