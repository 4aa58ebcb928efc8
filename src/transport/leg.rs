//! Which way a request goes: what is dialled for it, and which connections it may share.
//!
//! In: a route and an address. Out: a [`Leg`], and its spelling as the authority that awc keeps connections apart by. The
//! spelling has a word before the `@` that no site can fake, so that a tunnel, a forwarding connection and a direct one
//! with the same host and port are never mistaken for each other. Pure.

use awc::http::Uri;
use url::Url;

use super::failure::Failure;
use crate::proxy::{Route, Scheme};

/// A host as it is written in an address (IPv6 in brackets), and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Site {
    /// The host as resolvers and certificates know it.
    pub(super) fn bare_host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }
}

impl std::fmt::Display for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// One way to a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// To the proxy, which is told the whole address; all http sites share it.
    Forward,
    /// Through a connection that the proxy has made to the site, as it is.
    Relay(Site),
    /// The same, with the site's TLS inside.
    Tunnel(Site),
    /// To the site.
    Plain(Site),
    /// To the site, with its TLS.
    Secure(Site),
}

impl Leg {
    /// The way that `route` opens to `url`.
    pub(super) fn of(route: &Route, url: &Url) -> Result<Self, Failure> {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(Failure::Unsendable("the address has no host or no port".into()));
        };
        let site = Site { host: host.into(), port };
        match (route, url.scheme()) {
            (Route::Proxy(proxy), "http") => match proxy.scheme {
                Scheme::Http | Scheme::Https => Ok(Self::Forward),
                Scheme::Socks5 => Ok(Self::Relay(site)),
            },
            (Route::Proxy(_), "https") => Ok(Self::Tunnel(site)),
            (Route::Direct, "http") => Ok(Self::Plain(site)),
            (Route::Direct, "https") => Ok(Self::Secure(site)),
            (_, scheme) => Err(Failure::Unsendable(format!("scheme {scheme:?} is neither http nor https"))),
        }
    }

    /// The authority under which awc keeps its connections.
    pub(super) fn authority(&self) -> String {
        match self {
            Self::Forward => "forward@proxy:80".into(),
            Self::Relay(site) => format!("relay@{site}"),
            Self::Tunnel(site) => format!("tunnel@{site}"),
            Self::Plain(site) => format!("plain@{site}"),
            Self::Secure(site) => format!("secure@{site}"),
        }
    }

    /// The leg that [`Leg::authority`] spelt.
    pub(super) fn read(uri: &Uri) -> Option<Self> {
        let (kind, _) = uri.authority()?.as_str().split_once('@')?;
        let site = Site { host: uri.host()?.into(), port: uri.port_u16()? };
        match kind {
            "forward" => Some(Self::Forward),
            "relay" => Some(Self::Relay(site)),
            "tunnel" => Some(Self::Tunnel(site)),
            "plain" => Some(Self::Plain(site)),
            "secure" => Some(Self::Secure(site)),
            _ => None,
        }
    }

    /// What stands in the request line.
    pub(super) fn target(&self, url: &Url) -> String {
        let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
        match self {
            Self::Forward => format!("http://{}{path}", host_line(url)),
            Self::Relay(_) | Self::Tunnel(_) | Self::Plain(_) | Self::Secure(_) => path.into(),
        }
    }
}

/// The value of `Host`: without the default port, and without the user that an address may name.
pub(super) fn host_line(url: &Url) -> &str {
    &url[url::Position::BeforeHost..url::Position::AfterPort]
}
