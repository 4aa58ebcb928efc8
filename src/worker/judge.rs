//! The judge: what a fetch turned out to be and who is suspect, all on this page.
//!
//! What comes in: the status of the last answer, what its page lacks, why there is no answer, or why a redirect was not
//! followed. What goes out: a [`Verdict`]. Pure and total: no wildcard arms, so that a new failure must be judged before it
//! compiles. It must not know tasks, clients or scores.

use std::time::Duration;

use url::Url;

use crate::config;
use crate::extract::Shortfall;
use crate::proxy::{Route, Scheme};
use crate::task::{Exclusion, HostKey};
use crate::transport::{Answer, Failure};
use crate::verdict::{Certainty, PROBE_TIMEOUT, Reason, Verdict};
use crate::worker::ban::{BanError, Signs};
use crate::worker::redirect::DeadEnd;

/// What the config says about answers.
#[derive(Clone, Debug)]
pub struct Rules {
    retry: Vec<u16>,
    gone: Vec<u16>,
    ban: Signs,
}

impl Rules {
    /// The rules of a config.
    ///
    /// # Errors
    /// A ban rule does not compile.
    pub fn new(retry: &config::Retry, ban: &config::Ban) -> Result<Self, BanError> {
        Ok(Self { retry: retry.status.clone(), gone: retry.gone.clone(), ban: Signs::new(ban)? })
    }

    /// How a ban shows.
    pub(crate) const fn ban(&self) -> &Signs {
        &self.ban
    }

    /// Does the config say what this status means? Then it is not followed either, should it be a redirect.
    pub(crate) fn name(&self, status: u16) -> bool {
        self.gone.contains(&status) || self.retry.contains(&status)
    }
}

/// Who can have written what came over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// No proxy: the site alone, and nobody else to blame.
    Direct,
    /// Inside the site's TLS: the site alone, although a proxy may have broken it off.
    Tunnel,
    /// Through a proxy that only passes bytes on, where no TLS proves it: either, but the proxy does not speak HTTP itself.
    Relay,
    /// Plain http through a proxy that speaks it too: either of them.
    Plain,
}

impl Channel {
    /// Over which the answer to a request for `url` came.
    pub(crate) fn answered(route: &Route, url: &Url, answer: &Answer) -> Self {
        let channel = Self::asked(route, url);
        // Where any certificate will do, TLS proves nothing.
        if channel == Self::Tunnel && !answer.secure { Self::Relay } else { channel }
    }

    /// Over which `url` was asked for in vain.
    pub(crate) fn asked(route: &Route, url: &Url) -> Self {
        match route {
            Route::Direct => Self::Direct,
            Route::Proxy(_) if url.scheme() == "https" => Self::Tunnel,
            Route::Proxy(proxy) => match proxy.scheme {
                Scheme::Http | Scheme::Https => Self::Plain,
                Scheme::Socks5 => Self::Relay,
            },
        }
    }

    const fn certainty(self) -> Certainty {
        match self {
            Self::Direct | Self::Tunnel => Certainty::Sure,
            Self::Relay | Self::Plain => Certainty::Doubtful,
        }
    }
}

/// What the head of the last answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Head {
    /// It may be the page: [`page`] tells, once it is read.
    Page,
    /// There is nothing to read.
    Verdict(Verdict),
}

/// Judges an answer that has the signs of a ban: they go before all else that it says.
pub(crate) fn banned(sign: Reason, channel: Channel) -> Verdict {
    blame(channel, Verdict::Banned(sign))
}

/// Judges the status of the last answer. The config's lists go before what the numbers mean by themselves.
pub(crate) fn head(status: u16, retry_after: Option<Duration>, channel: Channel, rules: &Rules) -> Head {
    let reason = Reason::new(format!("status.{status}"), format!("answered with status {status}"));
    let certainty = channel.certainty();
    let throttled = |reason| Verdict::Throttled { retry_after, reason };
    if rules.gone.contains(&status) {
        return Head::Verdict(Verdict::Gone(certainty, reason));
    }
    let listed = rules.retry.contains(&status);
    let verdict = match status {
        407 if channel == Channel::Plain => Verdict::ProxyDenied(reason),
        429 => throttled(reason),
        503 if retry_after.is_some() => throttled(reason),
        // A gateway says this of what lies behind it, and the proxy is a gateway too.
        502 | 504 => Verdict::Doubtful(reason),
        0.. if listed => Verdict::Failing(certainty, reason),
        200..=299 => return Head::Page,
        0..=199 | 400..=599 | 600.. => Verdict::Rejected(certainty, reason),
        300..=399 => Verdict::Rejected(certainty, nowhere(status)),
    };
    Head::Verdict(blame(channel, verdict))
}

fn nowhere(status: u16) -> Reason {
    Reason::new(format!("status.{status}"), format!("answered with status {status} without a usable address to go to"))
}

/// Judges a page that has been read: a 2xx is not a success before it holds what is expected of it.
pub(crate) fn page(shortfall: Option<&Shortfall>, channel: Channel) -> Verdict {
    match shortfall {
        None => Verdict::Done,
        Some(lack) => blame(channel, Verdict::Doubtful(Reason::new(lack.code(), lack.to_string()))),
    }
}

/// What stands where robots.txt should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RobotsText {
    /// One that bars everything.
    BarsEverything,
    /// Another one.
    Usual,
    /// A page.
    Other,
}

/// Judges a robots.txt that has been read. A proxy can have made it up where no TLS proves it, and one that bars everything is
/// worth a second voice.
pub(crate) fn robots(text: RobotsText, channel: Channel) -> Verdict {
    match (text, channel.certainty()) {
        (RobotsText::Usual, _) | (RobotsText::BarsEverything, Certainty::Sure) => Verdict::Done,
        (RobotsText::BarsEverything, certainty) => {
            let reason = Reason::new("robots.bars_everything", "a robots.txt that bars everything");
            blame(channel, Verdict::Rejected(certainty, reason))
        }
        (RobotsText::Other, _) => {
            blame(channel, Verdict::Doubtful(Reason::new("robots.not_text", "what came is no robots.txt")))
        }
    }
}

/// Judges a request without an answer.
///
/// # Errors
/// The client itself is of no use: that says nothing about a page.
pub(crate) fn failure(failure: &Failure, channel: Channel) -> Result<Verdict, Reason> {
    let reason = Reason::new(failure.code(), failure.to_string());
    let verdict = match failure {
        Failure::ProxyUnreachable(_) | Failure::ProxyTls(_) | Failure::ProxyHandshake(_) | Failure::NotHttp(_) => {
            Verdict::ProxyBroken(reason)
        }
        Failure::ProxyAuth | Failure::TunnelRefused { status: 407 } => Verdict::ProxyDenied(reason),
        // SOCKS "not allowed" as well: some proxies take any password and refuse the connection, but others refuse this
        // site to everybody, and one page must not cost the pool. A proxy that allows nothing convicts itself elsewhere.
        Failure::TunnelRefused { .. }
        | Failure::SocksRefused(_)
        | Failure::TunnelTimeout
        | Failure::SiteTls(_)
        | Failure::SiteUnreachable(_)
        | Failure::SiteNotHttp(_)
        | Failure::HeadTimeout
        | Failure::BodyTimeout
        | Failure::ClosedBeforeHead
        | Failure::CutHead
        | Failure::CutBody(_) => Verdict::Doubtful(reason),
        Failure::HeadTooLarge | Failure::TooLarge { .. } | Failure::Undecodable(_) => Verdict::Unusable(reason),
        // Ours to write, and no proxy will mend it.
        Failure::Unsendable(_) => Verdict::Rejected(Certainty::Sure, reason),
        Failure::ClientUnusable(_) => return Err(reason),
    };
    Ok(blame(channel, verdict))
}

/// Judges redirects that were not followed to their end.
pub(crate) fn dead_end(end: &DeadEnd, channel: Channel) -> Verdict {
    let verdict = match end {
        DeadEnd::Loop { place } => {
            Verdict::Unusable(Reason::new("redirect.loop", format!("redirected in a circle, to {place} again")))
        }
        DeadEnd::TooMany { limit } => {
            Verdict::Unusable(Reason::new("redirect.too_many", format!("redirected more than {limit} times")))
        }
        DeadEnd::Excluded { exclusion, host } => {
            let (code, why) = match exclusion {
                Exclusion::ForeignHost => ("redirect.foreign_host", "which is not one of crawl.hosts"),
                Exclusion::PrivateAddress => ("redirect.private_address", "which is a private address"),
                Exclusion::Robots => ("redirect.robots", "whose robots.txt bars that"),
            };
            Verdict::Excluded(*exclusion, Reason::new(code, format!("redirected to {host}, {why}")))
        }
        DeadEnd::Unasked { url } => {
            let detail = format!("redirected to {}, whose robots.txt comes first", HostKey::of(url));
            Verdict::Unasked(url.clone(), Reason::new("redirect.unasked", detail))
        }
        DeadEnd::Banned { sign } => Verdict::Banned(sign.clone()),
    };
    blame(channel, verdict)
}

/// The verdict on a probe that was given up after so long.
pub(crate) fn probe_timeout(patience: Duration) -> Verdict {
    Verdict::Doubtful(Reason::new(PROBE_TIMEOUT, format!("no answer to a probe within {patience:?}")))
}

/// The verdict on a page that our own code panicked on.
pub(crate) fn panicked(message: &str) -> Verdict {
    Verdict::Panicked(Reason::new("panic", format!("our own code panicked: {message}")))
}

/// Without a proxy there is none to suspect, and no other one to try: what may pass uses attempts of the page, and what
/// the same site would only say again ends it.
fn blame(channel: Channel, verdict: Verdict) -> Verdict {
    match channel {
        Channel::Tunnel | Channel::Relay | Channel::Plain => verdict,
        Channel::Direct => match verdict {
            Verdict::ProxyBroken(reason) | Verdict::Doubtful(reason) => Verdict::Failing(Certainty::Sure, reason),
            Verdict::ProxyDenied(reason) | Verdict::Banned(reason) | Verdict::Unusable(reason) => {
                Verdict::Rejected(Certainty::Sure, reason)
            }
            Verdict::Gone(_, reason) => Verdict::Gone(Certainty::Sure, reason),
            Verdict::Rejected(_, reason) => Verdict::Rejected(Certainty::Sure, reason),
            Verdict::Failing(_, reason) => Verdict::Failing(Certainty::Sure, reason),
            Verdict::Done
            | Verdict::Throttled { .. }
            | Verdict::Excluded(..)
            | Verdict::Unasked(..)
            | Verdict::Panicked(_) => verdict,
        },
    }
}

#[cfg(test)]
mod tests;
