//! Practice proxies: small forward proxies on loopback, by HTTP, HTTP inside TLS or SOCKS5, each with an address of its own
//! towards the site, each good or broken in a named way that can be changed while it runs.
//!
//! In come a behaviour, a password perhaps, and a seed; out come a line for a proxies file and counters. They know
//! nothing of the site and never lead off loopback.

mod behaviour;
mod names;
mod serve;
mod socks;
mod spoil;
mod tunnel;
mod upstream;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub use self::behaviour::Behaviour;
use self::behaviour::{Act, Turn};
use super::client::Client;
use super::hosting::{Door, Hosted, Port};
use super::rate::PerSecond;
use super::wire::Request;
use crate::proxy::{Credentials, Secret};

/// What a proxy speaks with its clients.
#[derive(Clone)]
enum Language {
    Http,
    Https(TlsAcceptor),
    Socks5,
}

impl Language {
    const fn scheme(&self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https(_) => "https",
            Self::Socks5 => "socks5",
        }
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme())
    }
}

/// A proxy before it is started.
#[derive(Clone, Debug)]
pub struct Builder {
    behaviour: Behaviour,
    language: Language,
    source: Ipv4Addr,
    credentials: Option<Credentials>,
    seed: u64,
}

impl Builder {
    /// Proxy number `number`, from 1: it reaches the site from 127.0.1.`number`.
    pub const fn new(number: u8, behaviour: Behaviour) -> Self {
        let source = Ipv4Addr::new(127, 0, 1, number);
        Self { behaviour, language: Language::Http, source, credentials: None, seed: number as u64 }
    }

    /// It speaks SOCKS5 instead of HTTP.
    #[must_use]
    pub fn socks5(mut self) -> Self {
        self.language = Language::Socks5;
        self
    }

    /// It speaks HTTP inside TLS, with this certificate.
    #[must_use]
    pub fn tls(mut self, tls: Arc<ServerConfig>) -> Self {
        self.language = Language::Https(TlsAcceptor::from(tls));
        self
    }

    /// It wants this user and password, and refuses whoever does not show them: with 407, or as RFC 1929 says.
    #[must_use]
    pub fn password(mut self, user: &str, password: &str) -> Self {
        self.credentials = Some(Credentials { user: Secret::new(user), password: Secret::new(password) });
        self
    }

    /// Other chances; its number by default.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Starts it on a free port of 127.0.0.1, on the runtime of the caller.
    ///
    /// # Errors
    /// Those of binding a port.
    pub async fn start(self) -> io::Result<Proxy> {
        let gate = Arc::new(Gate {
            behaviour: watch::Sender::new(self.behaviour),
            language: self.language,
            source: upstream::available(self.source),
            credentials: self.credentials,
            seed: self.seed,
            rate: PerSecond::start(),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        });
        let within = Arc::clone(&gate);
        let hosted = Port::take()?.host(door(self.behaviour), move |stream, _| {
            within.connections.fetch_add(1, Ordering::Relaxed);
            let gate = Arc::clone(&within);
            // How a connection breaks off is the client's business.
            async move { gate.serve(stream).await.unwrap_or_default() }
        })?;
        Ok(Proxy { gate, hosted })
    }
}

const fn door(behaviour: Behaviour) -> Door {
    if matches!(behaviour, Behaviour::Dead) { Door::Shut } else { Door::Open }
}

/// A proxy that runs; dropped, it is gone.
#[derive(Debug)]
pub struct Proxy {
    gate: Arc<Gate>,
    hosted: Hosted,
}

impl Proxy {
    /// Where it listens; of a dead one, where nobody does.
    pub const fn address(&self) -> SocketAddr {
        self.hosted.address()
    }

    /// The address that the site sees.
    pub fn source(&self) -> Ipv4Addr {
        self.gate.source
    }

    /// How it behaves.
    pub fn behaviour(&self) -> Behaviour {
        self.gate.behaviour()
    }

    /// From the next request on it behaves so, on connections that are there already as well. One that becomes dead shuts
    /// them; one that was dead is found at the same address again. It takes effect when its runtime comes to it.
    pub fn switch_to(&self, behaviour: Behaviour) {
        self.gate.behaviour.send_replace(behaviour);
        self.hosted.turn(door(behaviour));
    }

    /// Its line for a proxies file, password included.
    pub fn line(&self) -> String {
        let encoded = |secret: &Secret| utf8_percent_encode(secret.reveal(), NON_ALPHANUMERIC).to_string();
        let user = self.gate.credentials.as_ref().map_or_else(String::new, |credentials| {
            format!("{}:{}@", encoded(&credentials.user), encoded(&credentials.password))
        });
        format!("{}://{user}{}", self.gate.language.scheme(), self.address())
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.gate.connections.load(Ordering::Relaxed)
    }

    /// Requests so far, tunnels among them, refused ones too; of a SOCKS5 proxy, connections that it was asked for.
    pub fn requests(&self) -> u64 {
        self.gate.requests.load(Ordering::Relaxed)
    }
}

/// What all connections of a proxy share.
#[derive(Debug)]
struct Gate {
    behaviour: watch::Sender<Behaviour>,
    language: Language,
    source: Ipv4Addr,
    credentials: Option<Credentials>,
    seed: u64,
    rate: PerSecond,
    connections: AtomicU64,
    requests: AtomicU64,
}

impl Gate {
    fn behaviour(&self) -> Behaviour {
        *self.behaviour.borrow()
    }

    /// What is done with one more request, the `of_connection`-th of its connection.
    fn next_act(&self, of_connection: u64) -> Act {
        let overall = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.behaviour().act(Turn { overall, of_connection, of_second: self.rate.count() }, self.seed)
    }

    async fn serve(&self, stream: TcpStream) -> io::Result<()> {
        match &self.language {
            Language::Http => serve::serve(self, Client::Plain(stream)).await,
            Language::Https(tls) => serve::serve(self, Client::Secure(Box::new(tls.accept(stream).await?))).await,
            Language::Socks5 => socks::serve(self, Client::Plain(stream)).await,
        }
    }

    /// Does the request show the password, if one is wanted?
    fn admits(&self, request: &Request) -> bool {
        let Some(Credentials { user, password }) = &self.credentials else { return true };
        let wanted = STANDARD.encode(format!("{}:{}", user.reveal(), password.reveal()));
        let shown = request.fields.get("proxy-authorization").and_then(|value| value.strip_prefix("Basic "));
        shown == Some(wanted.as_str())
    }
}

#[cfg(test)]
mod tests;
