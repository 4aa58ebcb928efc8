//! Every way in which one hop can end without an answer.
//!
//! In: what the connector, the stream and the body saw. Out: one variant each, which says where the hop broke, with a
//! stable code and a sentence. Whose fault that is, is decided elsewhere; no sentence holds a secret.

use std::borrow::Cow;
use std::io;

/// Why a TCP connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Dial {
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// No answer in time.
    #[error("no connection within the time-out")]
    TimedOut,
    /// The name has no address.
    #[error("the name cannot be resolved")]
    UnknownName,
    /// Anything else: no route, reset, no free socket.
    #[error("{0}")]
    Other(String),
}

impl Dial {
    pub(super) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::TimedOut => Self::TimedOut,
            _ => Self::Other(error.to_string()),
        }
    }

    const fn part(&self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::TimedOut => "timeout",
            Self::UnknownName => "unknown_name",
            Self::Other(_) => "unreachable",
        }
    }
}

/// Why a SOCKS5 proxy did not connect to the site, in the words of RFC 1928.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocksReply {
    /// 1: anything; many proxies know no other.
    #[error("general failure")]
    GeneralFailure,
    /// 2: the proxy does not want to. Perhaps not to this site, perhaps not for us: some accept any password first.
    #[error("not allowed by its rules")]
    NotAllowed,
    /// 3
    #[error("network unreachable")]
    NetworkUnreachable,
    /// 4: often also a name that cannot be resolved.
    #[error("host unreachable")]
    HostUnreachable,
    /// 5
    #[error("connection refused")]
    ConnectionRefused,
    /// 6
    #[error("time to live expired")]
    TtlExpired,
    /// 8: it knows no names, or no IPv6.
    #[error("this kind of address is not supported")]
    AddressKind,
}

impl SocksReply {
    const fn code(self) -> &'static str {
        match self {
            Self::GeneralFailure => "tunnel.general_failure",
            Self::NotAllowed => "tunnel.not_allowed",
            Self::NetworkUnreachable => "tunnel.network_unreachable",
            Self::HostUnreachable => "tunnel.host_unreachable",
            Self::ConnectionRefused => "tunnel.connection_refused",
            Self::TtlExpired => "tunnel.ttl_expired",
            Self::AddressKind => "tunnel.address_kind",
        }
    }
}

/// What is wrong with somebody's TLS, as we see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsProblem {
    /// No authority that we trust has signed the certificate.
    Untrusted,
    /// The certificate is for another name.
    WrongName,
    /// The certificate is not valid now.
    Expired,
    /// The connection was closed or reset in the handshake.
    Closed,
    /// The handshake did not end in time.
    TimedOut,
    /// Anything else: an alert, no common version, something that is not TLS.
    Failed,
}

impl TlsProblem {
    const fn site_code(self) -> &'static str {
        match self {
            Self::Untrusted => "tls.untrusted",
            Self::WrongName => "tls.wrong_name",
            Self::Expired => "tls.expired",
            Self::Closed => "tls.closed",
            Self::TimedOut => "tls.timeout",
            Self::Failed => "tls.failed",
        }
    }

    const fn proxy_code(self) -> &'static str {
        match self {
            Self::Untrusted => "proxy.tls_untrusted",
            Self::WrongName => "proxy.tls_wrong_name",
            Self::Expired => "proxy.tls_expired",
            Self::Closed => "proxy.tls_closed",
            Self::TimedOut => "proxy.tls_timeout",
            Self::Failed => "proxy.tls_failed",
        }
    }
}

/// A TLS handshake that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}{}", .issuer.as_ref().map(|name| format!(" (issued by {name})")).unwrap_or_default())]
pub struct TlsFailure {
    /// Which kind of failure.
    pub problem: TlsProblem,
    /// The failure in the words of the TLS library.
    pub words: String,
    /// Who issued the certificate, where that is what is wrong.
    pub issuer: Option<String>,
}

/// How one hop failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The proxy cannot be dialled.
    #[error("the proxy cannot be reached: {0}")]
    ProxyUnreachable(Dial),
    /// The TLS handshake with an `https` proxy fails.
    #[error("TLS with the proxy fails: {0}")]
    ProxyTls(TlsFailure),
    /// The proxy answers CONNECT with something that is not HTTP, or SOCKS with something that is not SOCKS; or it closes.
    #[error("the proxy fails in its handshake: {0}")]
    ProxyHandshake(String),
    /// The proxy asks for other credentials (407, or by SOCKS).
    #[error("the proxy refuses our credentials")]
    ProxyAuth,
    /// The proxy answers CONNECT with this status.
    #[error("the proxy refuses to connect to the site ({status})")]
    TunnelRefused {
        /// The status, neither 2xx nor 407.
        status: u16,
    },
    /// The SOCKS proxy says that it has not connected to the site.
    #[error("the proxy does not connect to the site: {0}")]
    SocksRefused(SocksReply),
    /// The proxy does not open a tunnel in time: it, or the site behind it, is silent.
    #[error("the proxy does not connect to the site within the time-out")]
    TunnelTimeout,
    /// The TLS handshake with the site fails; with a proxy between, either may be at fault.
    #[error("TLS with the site fails: {0}")]
    SiteTls(TlsFailure),
    /// The site cannot be dialled; only without a proxy.
    #[error("the site cannot be reached: {0}")]
    SiteUnreachable(Dial),
    /// The request is out, and no head came in time.
    #[error("no answer within the time-out")]
    HeadTimeout,
    /// The head came, and the body did not end in time.
    #[error("the body did not end within the time-out")]
    BodyTimeout,
    /// Closed or reset before any byte of the answer. On a kept connection it may just have been too old.
    #[error("the connection was closed before any answer")]
    ClosedBeforeHead,
    /// Closed or reset inside the head.
    #[error("the connection was closed inside the head of the answer")]
    CutHead,
    /// What came over the bare connection to the proxy is not HTTP.
    #[error("the proxy's answer is not HTTP: {0}")]
    NotHttp(String),
    /// What came from the site (inside its TLS, relayed by SOCKS, or without a proxy) is not HTTP.
    #[error("the site's answer is not HTTP: {0}")]
    SiteNotHttp(String),
    /// The head has too many bytes or too many lines.
    #[error("the head of the answer is too large")]
    HeadTooLarge,
    /// The connection ended inside the body, or the chunks are broken.
    #[error("the body is cut: {0}")]
    CutBody(String),
    /// The body has more bytes than allowed, as sent or decoded.
    #[error("the body has more than {limit} bytes")]
    TooLarge {
        /// `fetch.max_body`, in bytes.
        limit: u64,
    },
    /// The body is not what its `Content-Encoding` says.
    #[error("the body cannot be decoded: {0}")]
    Undecodable(String),
    /// This request cannot be written as HTTP; no proxy will change that.
    #[error("the request cannot be sent: {0}")]
    Unsendable(String),
    /// No client can be built for this route and these settings.
    #[error("no client can be built: {0}")]
    ClientUnusable(String),
}

impl Failure {
    /// A constant name to count by: lower-case, dotted.
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            Self::ProxyUnreachable(dial) => Cow::Owned(format!("proxy.{}", dial.part())),
            Self::SiteUnreachable(dial) => Cow::Owned(format!("site.{}", dial.part())),
            Self::TunnelRefused { status } => Cow::Owned(format!("tunnel.{status}")),
            Self::ProxyTls(failure) => Cow::Borrowed(failure.problem.proxy_code()),
            Self::SiteTls(failure) => Cow::Borrowed(failure.problem.site_code()),
            Self::SocksRefused(reply) => Cow::Borrowed(reply.code()),
            Self::ProxyHandshake(_) => Cow::Borrowed("proxy.handshake"),
            Self::ProxyAuth => Cow::Borrowed("proxy.auth"),
            Self::TunnelTimeout => Cow::Borrowed("tunnel.timeout"),
            Self::HeadTimeout => Cow::Borrowed("timeout.head"),
            Self::BodyTimeout => Cow::Borrowed("timeout.body"),
            Self::ClosedBeforeHead => Cow::Borrowed("head.closed"),
            Self::CutHead => Cow::Borrowed("head.cut"),
            Self::NotHttp(_) => Cow::Borrowed("proxy.not_http"),
            Self::SiteNotHttp(_) => Cow::Borrowed("site.not_http"),
            Self::HeadTooLarge => Cow::Borrowed("head.too_large"),
            Self::CutBody(_) => Cow::Borrowed("body.cut"),
            Self::TooLarge { .. } => Cow::Borrowed("body.too_large"),
            Self::Undecodable(_) => Cow::Borrowed("body.undecodable"),
            Self::Unsendable(_) => Cow::Borrowed("request.unsendable"),
            Self::ClientUnusable(_) => Cow::Borrowed("client.unusable"),
        }
    }

    /// Wraps it so that it travels through awc, which knows only `io::Error`.
    pub(super) fn into_io(self) -> io::Error {
        io::Error::other(self)
    }

    /// The failure that travelled in an `io::Error`, if there is one.
    pub(super) fn in_io(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).cloned()
    }
}
