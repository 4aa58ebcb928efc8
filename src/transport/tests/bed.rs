//! A raw server that plays scripts, and the four ways to it.
//!
//! In: what to do for each request, byte by byte. Out: a client that gets there, and what the server saw.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use tempfile::NamedTempFile;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{ServerConfig, crypto};
use url::Url;

use crate::clock::Clock;
use crate::config::Fetch;
use crate::proxy::{Credentials, Endpoint, Route, Scheme, Secret};
use crate::task::Request;
use crate::transport::{Client, Exchange, Tls};

/// What the server does next on a connection.
#[derive(Clone)]
pub(super) enum Step {
    /// Sends this, in one piece.
    Send(Vec<u8>),
    /// Sends this, each byte on its own.
    Trickle(Vec<u8>),
    /// Closes, TLS in order.
    Close,
    /// Cuts the connection below TLS.
    Cut,
    /// Says nothing more, but stays.
    Hang,
    /// Waits for the next bytes.
    Listen,
    /// Speaks TLS from here on.
    Secure,
}

pub(super) fn send(bytes: impl AsRef<[u8]>) -> Step {
    Step::Send(bytes.as_ref().to_vec())
}

/// A 200 with a length.
pub(super) fn ok(body: &str) -> Vec<Step> {
    vec![send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()))]
}

/// One request, as it came.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Which connection, from 1.
    pub(super) connection: usize,
    /// The head, without the empty line.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Seen {
    pub(super) fn line(&self) -> &str {
        self.head.lines().next().unwrap_or_default()
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

type Script = Rc<dyn Fn(&Seen) -> Vec<Step>>;

/// The server's side of the story.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) address: SocketAddr,
    connections: Rc<RefCell<usize>>,
    seen: Rc<RefCell<Vec<Seen>>>,
}

impl Server {
    /// Plays `greeting` on each connection, then `script` for each request.
    pub(super) async fn start(
        tls: &SiteTls,
        greeting: Vec<Step>,
        script: impl Fn(&Seen) -> Vec<Step> + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, connections: Rc::default(), seen: Rc::default() };
        let (this, acceptor, script) = (server.clone(), tls.acceptor.clone(), Rc::new(script) as Script);
        actix_rt::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *this.connections.borrow_mut() += 1;
                let connection = *this.connections.borrow();
                let (this, acceptor) = (this.clone(), acceptor.clone());
                let (script, greeting) = (Rc::clone(&script), greeting.clone());
                actix_rt::spawn(async move {
                    socket.set_nodelay(true).unwrap();
                    let mut stream: Option<Box<dyn Duplex>> = play(Box::new(socket), &greeting, &acceptor).await;
                    while let Some(mut open) = stream.take() {
                        let Some(mut seen) = read_request(&mut open).await else { return };
                        seen.connection = connection;
                        let steps = script(&seen);
                        this.seen.borrow_mut().push(seen);
                        stream = play(open, &steps, &acceptor).await;
                    }
                });
            }
        });
        server
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.borrow()
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.borrow().clone()
    }

    pub(super) fn last(&self) -> Seen {
        self.seen().pop().unwrap_or_default()
    }
}

async fn play(mut stream: Box<dyn Duplex>, steps: &[Step], tls: &TlsAcceptor) -> Option<Box<dyn Duplex>> {
    for step in steps {
        match step {
            Step::Send(bytes) => {
                stream.write_all(bytes).await.ok()?;
                stream.flush().await.ok()?;
            }
            Step::Trickle(bytes) => {
                for byte in bytes {
                    stream.write_all(std::slice::from_ref(byte)).await.ok()?;
                    stream.flush().await.ok()?;
                    tokio::task::yield_now().await;
                }
            }
            Step::Close => {
                stream.shutdown().await.ok()?;
                return None;
            }
            Step::Cut => return None,
            Step::Listen => {
                stream.read_u8().await.ok()?;
            }
            Step::Hang => std::future::pending().await,
            Step::Secure => stream = Box::new(tls.accept(stream).await.ok()?),
        }
    }
    Some(stream)
}

async fn read_request(stream: &mut Box<dyn Duplex>) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?.trim_end().to_owned();
    let mut seen = Seen { head, ..Seen::default() };
    let length: usize = seen.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).await.ok()?;
    Some(seen)
}

/// A certificate authority and a site under it.
pub(super) struct SiteTls {
    acceptor: TlsAcceptor,
    pub(super) ca_file: NamedTempFile,
}

impl SiteTls {
    /// For `site.test` and `localhost`.
    pub(super) fn new(authority: &str) -> Self {
        Self::for_names(authority, &["site.test", "localhost"])
    }

    pub(super) fn for_names(authority: &str, names: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, authority);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let leaf_key = KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().copied().map(str::to_owned).collect();
        let leaf = CertificateParams::new(names).unwrap().signed_by(&leaf_key, &issuer).unwrap();
        let provider = Arc::new(crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let private = PrivatePkcs8KeyDer::from(leaf_key.serialize_der()).into();
        let config = config.with_no_client_auth().with_single_cert(vec![leaf.der().clone()], private).unwrap();
        let ca_file = NamedTempFile::new().unwrap();
        std::fs::write(ca_file.path(), ca.pem()).unwrap();
        Self { acceptor: TlsAcceptor::from(Arc::new(config)), ca_file }
    }
}

/// The four ways from a client to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Tunnel,
    Direct,
    DirectTls,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [Self::Forward, Self::Tunnel, Self::Direct, Self::DirectTls];

    pub(super) const fn encrypted(self) -> bool {
        matches!(self, Self::Tunnel | Self::DirectTls)
    }
}

pub(super) fn settings() -> Fetch {
    Fetch {
        connect_timeout: Duration::from_secs(10),
        head_timeout: Duration::from_secs(10),
        timeout: Duration::from_secs(10),
        max_body: 1 << 20,
        max_redirects: 5,
        user_agent: "burdock/test".into(),
        headers: vec![("accept".into(), Secret::new("text/html")), ("accept-language".into(), Secret::new("en"))],
        allow_private: true,
        ca_file: None,
    }
}

/// A proxy at `address`.
pub(super) fn proxy(address: SocketAddr, credentials: Option<(&str, &str)>) -> Arc<Route> {
    let credentials =
        credentials.map(|(user, password)| Credentials { user: Secret::new(user), password: Secret::new(password) });
    let (host, port) = (address.ip().to_string(), address.port());
    Arc::new(Route::Proxy(Endpoint { scheme: Scheme::Http, host, port, credentials, label: "proxy".into() }))
}

/// A client, and the server at the end of its way.
pub(super) struct Bed {
    pub(super) server: Server,
    pub(super) client: Client,
    site: String,
    _tls: SiteTls,
}

impl Bed {
    /// A site that plays `script`, however it is reached; a tunnel is opened as asked.
    pub(super) async fn new(way: Way, script: impl Fn(&Seen) -> Vec<Step> + 'static) -> Self {
        Self::with(way, settings(), script).await
    }

    pub(super) async fn with(way: Way, mut settings: Fetch, script: impl Fn(&Seen) -> Vec<Step> + 'static) -> Self {
        let tls = SiteTls::new("Test Root");
        let greeting = if way == Way::DirectTls { vec![Step::Secure] } else { Vec::new() };
        let server = Server::start(&tls, greeting, move |seen| {
            let connect = way == Way::Tunnel && seen.line().starts_with("CONNECT ");
            if connect { vec![send("HTTP/1.1 200 Yes\r\n\r\n"), Step::Secure] } else { script(seen) }
        });
        let server = server.await;
        settings.ca_file = Some(tls.ca_file.path().into());
        let (route, site) = match way {
            Way::Forward => (proxy(server.address, None), "http://site.test".to_owned()),
            Way::Tunnel => (proxy(server.address, None), "https://site.test".to_owned()),
            Way::Direct => (Arc::new(Route::Direct), format!("http://{}", server.address)),
            Way::DirectTls => (Arc::new(Route::Direct), format!("https://localhost:{}", server.address.port())),
        };
        let trust = Tls::new(&settings).unwrap();
        let client = Client::new(route, &trust, &settings, Clock::start()).unwrap();
        Self { server, client, site, _tls: tls }
    }

    pub(super) async fn get(&self, path: &str) -> Exchange {
        self.client.send(&get(&format!("{}{path}", self.site))).await
    }
}

pub(super) fn get(url: &str) -> Request {
    Request::get(Url::parse(url).unwrap())
}

/// A client for `route`, trusting `tls`.
pub(super) fn client(route: Arc<Route>, tls: &SiteTls) -> Client {
    let settings = Fetch { ca_file: Some(tls.ca_file.path().into()), ..settings() };
    Client::new(route, &Tls::new(&settings).unwrap(), &settings, Clock::start()).unwrap()
}
