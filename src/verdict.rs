//! What one fetch turned out to be, and who is suspect: the words that the judge speaks and the Desk acts on.
//!
//! Plain words, made by one and read by the other. What leads to a verdict is in `worker/judge.rs`, what follows in
//! `dispatcher/desk/court.rs`.

use std::fmt;
use std::time::Duration;

use url::Url;

use crate::task::Exclusion;

/// The code of a probe that was not answered in the short time that it has.
pub const PROBE_TIMEOUT: &str = "timeout.probe";

/// The code of a host, or a line of our own, that was down for too long.
pub const OUTAGE: &str = "outage";

/// Who may be at fault for a failed fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Suspect {
    /// Nobody: it went well, or the site asks us to wait.
    Nobody,
    /// The proxy, certainly.
    Proxy,
    /// The page (or its site), certainly.
    Page,
    /// The page or the proxy; only another proxy can tell.
    Either,
    /// The recipe: it leads where it must not.
    Recipe,
    /// Ourselves: a bug.
    Us,
}

impl Suspect {
    /// The name in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Proxy => "proxy",
            Self::Page => "page",
            Self::Either => "either",
            Self::Recipe => "recipe",
            Self::Us => "us",
        }
    }
}

/// Why: a constant code to count by, and a sentence for people. Neither ever holds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Lower-case, dotted, from a fixed set: `proxy.refused`, `status.503`, `field.missing`, …
    pub code: String,
    /// What happened, with what it happened to.
    pub detail: String,
}

impl Reason {
    /// A reason with its code and its sentence.
    pub fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { code: code.into(), detail: detail.into() }
    }

    /// Is it that an answer with a fine status lacks what the recipe demands?
    pub fn is_shortfall(&self) -> bool {
        matches!(self.code.as_str(), "expect.unmet" | "field.missing" | "json.invalid")
    }

    /// Is it the status of an answer, which site and proxy write alike?
    pub fn is_of_status(&self) -> bool {
        self.code.starts_with("status.")
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

/// Can the proxy have made this answer up? Inside TLS it cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Certainty {
    /// The site itself said so (inside TLS, or without a proxy).
    Sure,
    /// Over plain http through a proxy: it needs a second voice.
    Doubtful,
}

/// What one fetch turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Fields and links as expected.
    Done,
    /// The proxy could not be reached, failed its handshake, or does not speak HTTP.
    ProxyBroken(Reason),
    /// The proxy refuses our credentials.
    ProxyDenied(Reason),
    /// The site asks this proxy to wait (429, or 503 with `Retry-After`).
    Throttled {
        /// What `Retry-After` said, uncapped; without it the wait doubles.
        retry_after: Option<Duration>,
        /// Why.
        reason: Reason,
    },
    /// A ban rule matched: the site seems to refuse this proxy.
    Banned(Reason),
    /// Time-out, cut body, missing field, gateway error …: the page or the proxy.
    Doubtful(Reason),
    /// 404, 410.
    Gone(Certainty, Reason),
    /// Another status that no retry will mend.
    Rejected(Certainty, Reason),
    /// A status of `retry.status`: the page or its site, for now.
    Failing(Certainty, Reason),
    /// Too large, undecodable, a redirect loop: the page, unless another proxy gets something better.
    Unusable(Reason),
    /// A redirect led where the crawl must not go.
    Excluded(Exclusion, Reason),
    /// A redirect led to a host whose robots.txt, which is there, has to be read first: nobody has judged the page.
    Unasked(Url, Reason),
    /// Our own code panicked on it.
    Panicked(Reason),
}

impl Verdict {
    /// Who is suspect.
    pub const fn suspect(&self) -> Suspect {
        match self {
            Self::Done | Self::Throttled { .. } | Self::Unasked(..) => Suspect::Nobody,
            Self::ProxyBroken(_) | Self::ProxyDenied(_) => Suspect::Proxy,
            Self::Banned(_) | Self::Doubtful(_) | Self::Unusable(_) => Suspect::Either,
            Self::Gone(certainty, _) | Self::Rejected(certainty, _) | Self::Failing(certainty, _) => match certainty {
                Certainty::Sure => Suspect::Page,
                Certainty::Doubtful => Suspect::Either,
            },
            Self::Excluded(..) => Suspect::Recipe,
            Self::Panicked(_) => Suspect::Us,
        }
    }

    /// The name in logs and reports.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::ProxyBroken(_) => "proxy_broken",
            Self::ProxyDenied(_) => "proxy_denied",
            Self::Throttled { .. } => "throttled",
            Self::Banned(_) => "banned",
            Self::Doubtful(_) => "doubtful",
            Self::Gone(..) => "gone",
            Self::Rejected(..) => "rejected",
            Self::Failing(..) => "failing",
            Self::Unusable(_) => "unusable",
            Self::Excluded(..) => "excluded",
            Self::Unasked(..) => "unasked",
            Self::Panicked(_) => "panicked",
        }
    }

    /// Why; nothing to say of a page that is done.
    pub const fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Done => None,
            Self::ProxyBroken(reason)
            | Self::ProxyDenied(reason)
            | Self::Throttled { reason, .. }
            | Self::Banned(reason)
            | Self::Doubtful(reason)
            | Self::Gone(_, reason)
            | Self::Rejected(_, reason)
            | Self::Failing(_, reason)
            | Self::Unusable(reason)
            | Self::Excluded(_, reason)
            | Self::Unasked(_, reason)
            | Self::Panicked(reason) => Some(reason),
        }
    }
}
