//! Proxies: what one is, how it is written, and what may be shown of it.
//!
//! Pure. Health and the pool of spares are beside this file; dialling one is `transport`'s business.

#[cfg(test)]
pub(crate) mod fixture;
pub mod health;
pub mod line;
pub mod pool;
pub mod reliability;
pub mod usage;

use std::fmt;
use std::sync::Arc;

/// A proxy of this run, as an index into its roster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProxyId(pub u32);

/// How a proxy is spoken to. Names of sites are always resolved by the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// HTTP: absolute-form for http sites, CONNECT for https sites.
    Http,
    /// HTTP inside TLS to the proxy.
    Https,
    /// SOCKS5 (`socks5` and `socks5h` are the same here).
    Socks5,
}

impl Scheme {
    /// The scheme as it is written in a proxy line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Socks5 => "socks5",
        }
    }
}

/// Text that never reaches a log, an error or a file: `Debug` and `Display` show `***`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a secret in.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for whoever must send it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What a proxy asks for before it serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The user. Gateways put session names and more in here, so it is not shown either.
    pub user: Secret,
    /// The password.
    pub password: Secret,
}

/// One proxy. Its identity is scheme, host, port and user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// How to speak to it.
    pub scheme: Scheme,
    /// Its name or address; an IPv6 address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What it asks for.
    pub credentials: Option<Credentials>,
    /// Its name in logs and reports: `host:port`, with `~` and a short hash of the user where there is one.
    pub label: Arc<str>,
}

/// The way to the sites.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// From our own address, because the config says so (`proxies.direct`).
    Direct,
    /// Through a proxy.
    Proxy(Endpoint),
}

impl Route {
    /// The proxy's label, or `direct`.
    pub fn label(&self) -> Arc<str> {
        match self {
            Self::Direct => "direct".into(),
            Self::Proxy(endpoint) => Arc::clone(&endpoint.label),
        }
    }

    /// The name under which something may be kept about the proxy; nothing is kept about our own address.
    pub fn kept_as(&self) -> Option<Arc<str>> {
        match self {
            Self::Direct => None,
            Self::Proxy(endpoint) => Some(endpoint.kept_as().into()),
        }
    }
}
