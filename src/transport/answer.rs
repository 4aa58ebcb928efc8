//! What comes back from one hop: the answer, or the failure, and what it cost.
//!
//! Plain values; the client makes them, the worker reads them.

use std::borrow::Cow;
use std::time::Duration;

use awc::http::header::{self, HeaderMap, HeaderName};
use bytes::Bytes;

use super::failure::Failure;
use crate::clock::Timestamp;

/// One request, and what came of it.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// When the first byte of the request was written, handshakes not counted. `None`: it never went out.
    pub sent: Option<Timestamp>,
    /// A kept connection was used.
    pub reused: bool,
    /// Bytes on the socket, both ways, handshakes and TLS included.
    pub wire: u64,
    /// Where the time went.
    pub timing: Timing,
}

/// Where the time of an exchange went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Dialling, handshakes, TLS; zero on a kept connection.
    pub connect: Duration,
    /// From the first byte sent to the head of the answer.
    pub head: Duration,
    /// From the head to the end of the body.
    pub receive: Duration,
}

/// An answer that is whole; of one without success (not 2xx) the head is enough.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status: 101, or 200 to 999.
    pub status: u16,
    /// The headers, without those that speak of the connection.
    pub headers: HeaderMap,
    /// The body, decoded; at most `fetch.max_body` bytes. Empty where it broke and the status says enough.
    pub body: Bytes,
    /// It came inside the site's verified TLS, or without a proxy: no proxy can have made it up.
    pub secure: bool,
    /// When its head was there; dates in headers are relative to it.
    pub at: Timestamp,
}

impl Answer {
    /// Where it redirects to, as written. Many sites write UTF-8 there, and browsers follow it.
    pub fn location(&self) -> Option<Cow<'_, str>> {
        self.headers.get(header::LOCATION).map(|value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// The media type and its parameters.
    pub fn content_type(&self) -> Option<&str> {
        self.text(&header::CONTENT_TYPE)
    }

    /// How long we are asked to wait, by seconds or by a date; zero if the date is past.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.text(&header::RETRY_AFTER)?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        // The site's own clock, where it tells it: ours may be wrong.
        let now = self.text(&header::DATE).and_then(date).unwrap_or(self.at);
        Some(date(value)?.since(now))
    }

    fn text(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn date(text: &str) -> Option<Timestamp> {
    let at = jiff::fmt::rfc2822::parse(text.trim()).ok()?.timestamp().as_microsecond();
    u64::try_from(at).ok().map(Timestamp::from_micros)
}
