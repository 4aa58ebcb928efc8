//! A raw server that plays scripts, and every way to it.
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
    /// Sends this, then a byte now and then, for ever.
    Drip(Vec<u8>),
    /// Closes, TLS in order.
    Close,
    /// Cuts the connection below TLS.
    Cut,
    /// Says nothing more, but stays.
    Hang,
    /// Waits for the next bytes.
    Listen,
    /// Reads so many bytes.
    Take(usize),
    /// Speaks TLS from here on, or TLS inside the TLS that it speaks.
    Secure,
    /// Is a SOCKS5 proxy: takes whatever password it is shown, and says that it has connected.
    Socks,
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

/// Between two bytes of a drip: far less than any time-out, so that each byte shows that the sender lives.
const DRIP: Duration = Duration::from_millis(20);

/// What a SOCKS5 proxy was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SocksAsked {
    pub(super) credentials: Option<(String, String)>,
    /// Kind, address and port, as they came.
    pub(super) target: Vec<u8>,
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
    socks: Rc<RefCell<Vec<SocksAsked>>>,
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
        let server = Self { address, connections: Rc::default(), seen: Rc::default(), socks: Rc::default() };
        let (this, acceptor, script) = (server.clone(), tls.acceptor.clone(), Rc::new(script) as Script);
        actix_rt::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                *this.connections.borrow_mut() += 1;
                let connection = *this.connections.borrow();
                let (this, acceptor) = (this.clone(), acceptor.clone());
                let (script, greeting) = (Rc::clone(&script), greeting.clone());
                actix_rt::spawn(async move {
                    socket.set_nodelay(true).unwrap();
                    let mut stream: Option<Box<dyn Duplex>> = this.play(Box::new(socket), &greeting, &acceptor).await;
                    while let Some(mut open) = stream.take() {
                        let Some(mut seen) = read_request(&mut open).await else { return };
                        seen.connection = connection;
                        let steps = script(&seen);
                        this.seen.borrow_mut().push(seen);
                        stream = this.play(open, &steps, &acceptor).await;
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

    pub(super) fn socks(&self) -> Vec<SocksAsked> {
        self.socks.borrow().clone()
    }

    async fn play(&self, mut stream: Box<dyn Duplex>, steps: &[Step], tls: &TlsAcceptor) -> Option<Box<dyn Duplex>> {
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
                Step::Drip(bytes) => {
                    stream.write_all(bytes).await.ok()?;
                    loop {
                        stream.flush().await.ok()?;
                        tokio::time::sleep(DRIP).await;
                        stream.write_all(b"x").await.ok()?;
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
                Step::Take(length) => drop(take(&mut stream, *length).await?),
                Step::Hang => std::future::pending().await,
                Step::Secure => stream = Box::new(tls.accept(stream).await.ok()?),
                Step::Socks => {
                    let asked = serve_socks(&mut stream).await?;
                    self.socks.borrow_mut().push(asked);
                }
            }
        }
        Some(stream)
    }
}

async fn take(stream: &mut Box<dyn Duplex>, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    Some(bytes)
}

async fn serve_socks(stream: &mut Box<dyn Duplex>) -> Option<SocksAsked> {
    let [5, methods] = take(stream, 2).await?[..] else { return None };
    let mut credentials = None;
    if take(stream, methods.into()).await?.contains(&2) {
        stream.write_all(&[5, 2]).await.ok()?;
        assert_eq!(stream.read_u8().await.ok()?, 1, "the version of RFC 1929");
        let mut words = Vec::new();
        for _ in 0..2 {
            let length = stream.read_u8().await.ok()?;
            words.push(String::from_utf8(take(stream, length.into()).await?).unwrap());
        }
        let (password, user) = (words.pop()?, words.pop()?);
        credentials = Some((user, password));
        stream.write_all(&[1, 0]).await.ok()?;
    } else {
        stream.write_all(&[5, 0]).await.ok()?;
    }
    let head = take(stream, 4).await?;
    assert_eq!(head[..3], [5, 1, 0]);
    let mut target = vec![head[3]];
    let length = match head[3] {
        1 => 4,
        4 => 16,
        _ => {
            target.push(stream.read_u8().await.ok()?);
            target[1].into()
        }
    };
    target.extend(take(stream, length + 2).await?);
    // Bound to a name, which some proxies say.
    stream.write_all(b"\x05\x00\x00\x03\x05proxy\x00\x50").await.ok()?;
    stream.flush().await.ok()?;
    Some(SocksAsked { credentials, target })
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
    /// For `site.test`, `localhost` and 127.0.0.1.
    pub(super) fn new(authority: &str) -> Self {
        Self::for_names(authority, &["site.test", "localhost", "127.0.0.1"])
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

/// The ways from a client to a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// http by an HTTP proxy, and by an `https` one.
    Forward,
    ForwardTls,
    /// https by the same two.
    Tunnel,
    TunnelTls,
    /// http and https by a SOCKS5 proxy.
    Socks,
    SocksTunnel,
    Direct,
    DirectTls,
}

impl Way {
    pub(super) const ALL: [Self; 8] = [
        Self::Forward,
        Self::ForwardTls,
        Self::Tunnel,
        Self::TunnelTls,
        Self::Socks,
        Self::SocksTunnel,
        Self::Direct,
        Self::DirectTls,
    ];

    /// Is the site's TLS there?
    pub(super) const fn https(self) -> bool {
        matches!(self, Self::Tunnel | Self::TunnelTls | Self::SocksTunnel | Self::DirectTls)
    }

    /// Is any TLS there?
    pub(super) const fn encrypted(self) -> bool {
        self.https() || matches!(self, Self::ForwardTls)
    }

    /// Does the proxy speak HTTP with us?
    pub(super) const fn forwards(self) -> bool {
        matches!(self, Self::Forward | Self::ForwardTls)
    }

    pub(super) const fn direct(self) -> bool {
        matches!(self, Self::Direct | Self::DirectTls)
    }

    const fn scheme(self) -> Scheme {
        match self {
            Self::ForwardTls | Self::TunnelTls => Scheme::Https,
            Self::Socks | Self::SocksTunnel => Scheme::Socks5,
            Self::Forward | Self::Tunnel | Self::Direct | Self::DirectTls => Scheme::Http,
        }
    }

    /// What the server does before any request.
    fn greeting(self) -> Vec<Step> {
        match self {
            Self::Forward | Self::Tunnel | Self::Direct => vec![],
            Self::ForwardTls | Self::TunnelTls | Self::DirectTls => vec![Step::Secure],
            Self::Socks => vec![Step::Socks],
            Self::SocksTunnel => vec![Step::Socks, Step::Secure],
        }
    }

    /// The site at the end of this way, without a slash at the end.
    pub(super) fn site(self, server: SocketAddr) -> String {
        match self {
            Self::Direct => format!("http://{server}"),
            Self::DirectTls => format!("https://localhost:{}", server.port()),
            way if way.https() => "https://site.test".into(),
            _ => "http://site.test".into(),
        }
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
        insecure_tls: false,
        ca_file: None,
    }
}

/// A proxy at `address`.
pub(super) fn proxy(address: SocketAddr, credentials: Option<(&str, &str)>) -> Arc<Route> {
    proxy_by(Scheme::Http, address, credentials)
}

/// The same, for another kind of proxy.
pub(super) fn proxy_by(scheme: Scheme, address: SocketAddr, credentials: Option<(&str, &str)>) -> Arc<Route> {
    let credentials =
        credentials.map(|(user, password)| Credentials { user: Secret::new(user), password: Secret::new(password) });
    let (host, port) = (address.ip().to_string(), address.port());
    Arc::new(Route::Proxy(Endpoint { scheme, host, port, credentials, label: "proxy".into() }))
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
        let server = Server::start(&tls, way.greeting(), move |seen| {
            let connect = matches!(way, Way::Tunnel | Way::TunnelTls) && seen.line().starts_with("CONNECT ");
            if connect { vec![send("HTTP/1.1 200 Yes\r\n\r\n"), Step::Secure] } else { script(seen) }
        });
        let server = server.await;
        settings.ca_file = Some(tls.ca_file.path().into());
        let route = if way.direct() { Arc::new(Route::Direct) } else { proxy_by(way.scheme(), server.address, None) };
        let site = way.site(server.address);
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
