//! The connector that awc dials with: it goes where the route says, whatever awc asks for.
//!
//! In: a [`Leg`], spelt as an address. Out: an [`Io`] ready for requests: dialled, through the proxy's tunnel, inside the
//! site's TLS. It fails closed: a site is dialled, and its name looked up, only where the route is direct. It sets no
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
use super::line::{Counted, Line};
use super::request::Order;
use super::stream::{Io, Speaker};
use super::tls::ProxyTls;
use super::tunnel;
use super::wire::{Stage, Wire};
use crate::proxy::Route;

/// What it takes to connect; one for each client.
pub(super) struct Dialler {
    pub(super) route: Arc<Route>,
    pub(super) tls: ProxyTls,
    pub(super) wire: Rc<Wire>,
    pub(super) order: Rc<Order>,
    pub(super) proxy_authorization: Option<HeaderValue>,
}

impl Dialler {
    async fn connect(&self, leg: Leg) -> Result<Io, Failure> {
        match (&*self.route, leg) {
            (Route::Proxy(proxy), Leg::Forward) => {
                let socket = self.dial(&proxy.host, proxy.port).await.map_err(Failure::ProxyUnreachable)?;
                Ok(self.io(Line::Plain(socket), Speaker::Proxy))
            }
            (Route::Proxy(proxy), Leg::Tunnel(site)) => {
                let mut socket = self.dial(&proxy.host, proxy.port).await.map_err(Failure::ProxyUnreachable)?;
                self.wire.reached(Stage::Tunnelling);
                tunnel::open(&mut socket, &site, self.proxy_authorization.as_ref()).await?;
                self.secure(socket, &site).await
            }
            (Route::Direct, Leg::Plain(site)) => {
                let socket = self.dial(site.bare_host(), site.port).await.map_err(Failure::SiteUnreachable)?;
                Ok(self.io(Line::Plain(socket), Speaker::Site))
            }
            (Route::Direct, Leg::Secure(site)) => {
                let socket = self.dial(site.bare_host(), site.port).await.map_err(Failure::SiteUnreachable)?;
                self.secure(socket, &site).await
            }
            (Route::Proxy(_), Leg::Plain(_) | Leg::Secure(_)) | (Route::Direct, Leg::Forward | Leg::Tunnel(_)) => {
                Err(Failure::ClientUnusable("a request was about to leave by another way than its route".into()))
            }
        }
    }

    async fn dial(&self, host: &str, port: u16) -> Result<Counted, Dial> {
        self.wire.reached(Stage::Dialling);
        let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(|_| Dial::UnknownName)?.collect();
        let socket = TcpStream::connect(&*addresses).await.map_err(|error| Dial::of(&error))?;
        // A request is one small write; waiting for more of it only costs time.
        socket.set_nodelay(true).map_err(|error| Dial::of(&error))?;
        Ok(Counted::new(socket, Rc::clone(&self.wire)))
    }

    async fn secure(&self, socket: Counted, site: &Site) -> Result<Io, Failure> {
        self.wire.reached(Stage::Securing);
        let stream = self.tls.handshake(site.bare_host(), socket).await?;
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
            let leg = Leg::read(&uri).ok_or_else(|| Failure::ClientUnusable("an address without a leg".into()));
            let connected = match leg {
                Ok(leg) => dialler.connect(leg).await,
                Err(failure) => Err(failure),
            };
            connected.map(|io| Connection::new(uri, io)).map_err(|failure| ConnectError::Io(failure.into_io()))
        })
    }
}
