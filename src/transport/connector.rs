//! The connector that awc dials with: it goes where the route says, whatever awc asks for.
//!
//! In: a [`Leg`], spelt as an address. Out: an [`Io`] ready for requests: dialled, inside the proxy's TLS where it has one,
//! through its tunnel, inside the site's TLS. It fails closed: a site is dialled, and its name looked up, only where the route is direct. It sets no
//! time-outs: it tells the wire how far it is, and whoever waits drops it.

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use actix_service::Service;
use actix_tls::connect::{ConnectError, ConnectInfo, Connection};
use awc::http::Uri;
use awc::http::header::HeaderValue;
use futures_util::future::LocalBoxFuture;
use tokio::net::{TcpStream, lookup_host};

use super::failure::{Dial, Failure};
use super::leg::{Leg, Site};
use super::line::{Counted, FirstHop, Line};
use super::request::Order;
use super::stream::{Io, Speaker};
use super::tls::LeaseTls;
use super::wire::{Stage, Wire};
use super::{socks, tunnel};
use crate::proxy::{Endpoint, Route, Scheme};

/// What it takes to connect; one for each client.
pub(super) struct Dialler {
    pub(super) route: Arc<Route>,
    pub(super) tls: LeaseTls,
    pub(super) wire: Rc<Wire>,
    pub(super) order: Rc<Order>,
    pub(super) proxy_authorization: Option<HeaderValue>,
}

impl Dialler {
    async fn connect(&self, leg: Leg) -> Result<Io, Failure> {
        match (&*self.route, leg) {
            (Route::Proxy(proxy), Leg::Forward) => {
                let hop = self.to_proxy(proxy).await?;
                Ok(self.io(Line::Plain(hop), Speaker::Proxy))
            }
            (Route::Proxy(proxy), Leg::Relay(site)) => {
                let hop = self.through_proxy(proxy, &site).await?;
                Ok(self.io(Line::Plain(hop), Speaker::Site))
            }
            (Route::Proxy(proxy), Leg::Tunnel(site)) => {
                let hop = self.through_proxy(proxy, &site).await?;
                self.secure(hop, &site).await
            }
            (Route::Direct, Leg::Plain(site)) => {
                let hop = self.to_site(&site).await?;
                Ok(self.io(Line::Plain(hop), Speaker::Site))
            }
            (Route::Direct, Leg::Secure(site)) => {
                let hop = self.to_site(&site).await?;
                self.secure(hop, &site).await
            }
            (Route::Proxy(_), Leg::Plain(_) | Leg::Secure(_))
            | (Route::Direct, Leg::Forward | Leg::Relay(_) | Leg::Tunnel(_)) => {
                Err(Failure::Unsendable("the request was about to leave by another way than its route".into()))
            }
        }
    }

    /// A connection to the proxy, inside TLS if it is one for that.
    async fn to_proxy(&self, proxy: &Endpoint) -> Result<FirstHop, Failure> {
        let socket = self.dial(&proxy.host, proxy.port).await.map_err(Failure::ProxyUnreachable)?;
        match proxy.scheme {
            Scheme::Http | Scheme::Socks5 => Ok(FirstHop::Plain(socket)),
            Scheme::Https => {
                self.wire.reached(Stage::SecuringProxy);
                let secured = self.tls.with_proxy(&proxy.host, socket).await?;
                Ok(FirstHop::Secure(Box::new(secured)))
            }
        }
    }

    /// A connection that the proxy has made to `site`.
    async fn through_proxy(&self, proxy: &Endpoint, site: &Site) -> Result<FirstHop, Failure> {
        let mut hop = self.to_proxy(proxy).await?;
        self.wire.reached(Stage::Tunnelling);
        match proxy.scheme {
            Scheme::Http | Scheme::Https => {
                tunnel::open(&mut hop, site, self.proxy_authorization.as_ref()).await?;
                Ok(hop)
            }
            Scheme::Socks5 => socks::open(hop, site, proxy.credentials.as_ref()).await,
        }
    }

    async fn to_site(&self, site: &Site) -> Result<FirstHop, Failure> {
        let socket = self.dial(site.bare_host(), site.port).await.map_err(Failure::SiteUnreachable)?;
        Ok(FirstHop::Plain(socket))
    }

    async fn dial(&self, host: &str, port: u16) -> Result<Counted, Dial> {
        self.wire.reached(Stage::Dialling);
        let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(|_| Dial::UnknownName)?.collect();
        let socket = TcpStream::connect(&*addresses).await.map_err(|error| Dial::of(&error))?;
        // A request is one small write; waiting for more of it only costs time.
        socket.set_nodelay(true).map_err(|error| Dial::of(&error))?;
        Ok(Counted::new(socket, Rc::clone(&self.wire)))
    }

    async fn secure(&self, hop: FirstHop, site: &Site) -> Result<Io, Failure> {
        self.wire.reached(Stage::SecuringSite);
        let stream = self.tls.with_site(site.bare_host(), hop).await?;
        Ok(self.io(Line::Secure(Box::new(stream)), Speaker::Site))
    }

    fn io(&self, line: Line, speaker: Speaker) -> Io {
        Io::new(line, speaker, Rc::clone(&self.wire), Rc::clone(&self.order))
    }
}

/// A [`Dialler`] as awc wants it.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Rc<Dialler>);

impl Service<ConnectInfo<Uri>> for Connector {
    type Response = Connection<Uri, Io>;
    type Error = ConnectError;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    actix_service::always_ready!();

    fn call(&self, wanted: ConnectInfo<Uri>) -> Self::Future {
        let dialler = Rc::clone(&self.0);
        Box::pin(async move {
            let uri = wanted.request().clone();
            let leg = Leg::read(&uri).ok_or_else(|| Failure::Unsendable("the address has no leg".into()));
            let connected = match leg {
                Ok(leg) => dialler.connect(leg).await,
                Err(failure) => Err(failure),
            };
            connected.map(|io| Connection::new(uri, io)).map_err(|failure| ConnectError::Io(failure.into_io()))
        })
    }
}
