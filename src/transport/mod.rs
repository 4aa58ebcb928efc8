//! One request through one route. A stand-in that speaks plain HTTP with announced lengths only.
//!
//! What comes in: a route and a request. What goes out: one [`Exchange`]. It must not know what a failure means.

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::clock::{Clock, Timestamp};
use crate::config;
use crate::proxy::{Route, Scheme};
use crate::task::Request;

/// How sites prove who they are.
#[derive(Clone, Debug)]
pub struct Tls;

impl Tls {
    /// The usual roots.
    ///
    /// # Errors
    /// None here.
    pub fn new(_settings: &config::Fetch) -> Result<Self, Failure> {
        Ok(Self)
    }
}

/// How long the parts of an exchange took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// Dialling and handshakes.
    pub connect: Duration,
    /// Until the head.
    pub head: Duration,
    /// Until the end of the body.
    pub receive: Duration,
}

/// What one request came to.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// When its first byte was sent.
    pub sent: Option<Timestamp>,
    /// A kept connection was used.
    pub reused: bool,
    /// Bytes both ways.
    pub wire: u64,
    /// How long it took.
    pub timing: Timing,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body, decoded.
    pub body: Bytes,
    /// A proxy cannot have made it up.
    pub secure: bool,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// `Location`
    pub fn location(&self) -> Option<&str> {
        self.header("location")
    }

    /// `Retry-After`, where it is seconds.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header("retry-after")?.parse().ok().map(Duration::from_secs)
    }

    /// `Content-Type`
    pub fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }
}

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Dial {
    #[error("connection refused")]
    Refused,
    #[error("no connection within the time-out")]
    TimedOut,
    #[error("the name cannot be resolved")]
    UnknownName,
    #[error("{0}")]
    Other(String),
}

/// What is wrong with the site's TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum TlsProblem {
    Untrusted,
    WrongName,
    Expired,
    Closed,
    TimedOut,
    Failed,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each says what it is")]
pub enum Failure {
    #[error("the proxy cannot be reached: {0}")]
    ProxyUnreachable(Dial),
    #[error("the proxy fails in CONNECT: {0}")]
    ProxyHandshake(String),
    #[error("the proxy refuses our credentials")]
    ProxyAuth,
    #[error("the proxy refuses to connect to the site ({status})")]
    TunnelRefused { status: u16 },
    #[error("the proxy does not answer CONNECT in time")]
    TunnelTimeout,
    #[error("no TLS with the site: {words}")]
    SiteTls { problem: TlsProblem, words: String, issuer: Option<String> },
    #[error("the site cannot be reached: {0}")]
    SiteUnreachable(Dial),
    #[error("no head in time")]
    HeadTimeout,
    #[error("no end of the body in time")]
    BodyTimeout,
    #[error("closed before an answer")]
    ClosedBeforeHead,
    #[error("closed inside the head")]
    CutHead,
    #[error("the proxy's answer is not HTTP: {0}")]
    NotHttp(String),
    #[error("the site's answer is not HTTP: {0}")]
    SiteNotHttp(String),
    #[error("the head is too large")]
    HeadTooLarge,
    #[error("the body is cut: {0}")]
    CutBody(String),
    #[error("the body has more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("the body cannot be decoded: {0}")]
    Undecodable(String),
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    #[error("no client can be built: {0}")]
    ClientUnusable(String),
}

impl Failure {
    /// What to count it by.
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            Self::ProxyUnreachable(_) => "proxy.unreachable".into(),
            Self::ProxyHandshake(_) => "proxy.handshake".into(),
            Self::ProxyAuth => "proxy.auth".into(),
            Self::TunnelRefused { status } => format!("tunnel.{status}").into(),
            Self::TunnelTimeout => "tunnel.timeout".into(),
            Self::SiteTls { .. } => "tls.failed".into(),
            Self::SiteUnreachable(_) => "site.unreachable".into(),
            Self::HeadTimeout => "timeout.head".into(),
            Self::BodyTimeout => "timeout.body".into(),
            Self::ClosedBeforeHead => "head.closed".into(),
            Self::CutHead => "head.cut".into(),
            Self::NotHttp(_) => "proxy.not_http".into(),
            Self::SiteNotHttp(_) => "site.not_http".into(),
            Self::HeadTooLarge => "head.too_large".into(),
            Self::CutBody(_) => "body.cut".into(),
            Self::TooLarge { .. } => "body.too_large".into(),
            Self::Undecodable(_) => "body.undecodable".into(),
            Self::Unsendable(_) => "request.unsendable".into(),
            Self::ClientUnusable(_) => "client.unusable".into(),
        }
    }
}

/// Asks through one route, and keeps one connection.
#[derive(Debug)]
pub struct Client {
    route: Arc<Route>,
    clock: Clock,
    kept: RefCell<Option<(String, TcpStream)>>,
}

impl Client {
    /// A client for `route`.
    ///
    /// # Errors
    /// The route's scheme is not built yet.
    pub fn new(route: Arc<Route>, _tls: &Tls, _settings: &config::Fetch, clock: Clock) -> Result<Self, Failure> {
        match &*route {
            Route::Proxy(endpoint) if endpoint.scheme != Scheme::Http => {
                Err(Failure::ClientUnusable("only http proxies are built yet".into()))
            }
            Route::Proxy(_) | Route::Direct => Ok(Self { route, clock, kept: RefCell::default() }),
        }
    }

    /// One hop.
    pub async fn send(&self, request: &Request) -> Exchange {
        let to = match &*self.route {
            Route::Direct => request.url.socket_addrs(|| None).map(|all| all[0].to_string()).unwrap_or_default(),
            Route::Proxy(endpoint) => format!("{}:{}", endpoint.host, endpoint.port),
        };
        let kept = self.kept.borrow_mut().take().filter(|(peer, _)| *peer == to);
        let reused = kept.is_some();
        let mut exchange =
            Exchange { result: Err(Failure::ClosedBeforeHead), sent: None, reused, wire: 0, timing: Timing::default() };
        let mut stream = match kept {
            Some((_, stream)) => stream,
            None => match TcpStream::connect(&to).await {
                Ok(stream) => stream,
                Err(error) => {
                    exchange.result = Err(match &*self.route {
                        Route::Direct => Failure::SiteUnreachable(Dial::Other(error.kind().to_string())),
                        Route::Proxy(_) => Failure::ProxyUnreachable(Dial::Other(error.kind().to_string())),
                    });
                    return exchange;
                }
            },
        };
        let body = request.body.as_deref().unwrap_or_default();
        let text = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{body}",
            request.method.as_str(),
            if *self.route == Route::Direct { request.url.path() } else { request.url.as_str() },
            request.url.host_str().unwrap_or_default(),
            body.len()
        );
        exchange.sent = Some(self.clock.now());
        let sent = stream.write_all(text.as_bytes()).await;
        exchange.wire += text.len() as u64;
        if sent.is_ok() {
            exchange.result = self.receive(&mut stream, &mut exchange.wire).await;
        }
        if exchange.result.as_ref().is_ok_and(|answer| answer.header("connection") != Some("close")) {
            *self.kept.borrow_mut() = Some((to, stream));
        }
        exchange
    }

    async fn receive(&self, stream: &mut TcpStream, wire: &mut u64) -> Result<Answer, Failure> {
        let mut buffer = Vec::new();
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                break at + 4;
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return Err(Failure::ClosedBeforeHead),
                Ok(read) => *wire += read as u64,
            }
        };
        let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok());
        let status = status.ok_or_else(|| Failure::NotHttp("garbage instead of a head".into()))?;
        let headers: Vec<_> =
            lines.filter_map(|line| line.split_once(": ")).map(|(key, value)| (key.into(), value.into())).collect();
        let mut answer = Answer { status, headers, body: Bytes::new(), secure: matches!(&*self.route, Route::Direct) };
        let length = answer.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0_usize);
        while buffer.len() < end + length {
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return Err(Failure::CutBody("early end".into())),
                Ok(read) => *wire += read as u64,
            }
        }
        answer.body = Bytes::from(buffer.split_off(end));
        Ok(answer)
    }
}
