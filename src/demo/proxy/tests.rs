//! Proxies between a plain client and the practice site, on real sockets.

use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::demo::site::{self, Site};
use crate::demo::wire::Wire;

async fn site() -> Site {
    site::Builder::new(2, 5).start().await.unwrap()
}

async fn proxy(number: u8, behaviour: Behaviour) -> Proxy {
    Builder::new(number, behaviour).start().await.unwrap()
}

/// Far longer than any answer takes: what hangs fails.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that keeps its connection to a proxy.
struct Client(Wire<TcpStream>);

impl Client {
    async fn of(proxy: &Proxy) -> Self {
        Self(Wire::new(TcpStream::connect(proxy.address()).await.unwrap()))
    }

    async fn get(&mut self, site: &Site, path: &str) -> io::Result<(u16, String)> {
        self.ask(&format!("GET {}{path} HTTP/1.1\r\nHost: h\r\n\r\n", site.url())).await
    }

    async fn ask(&mut self, request: &str) -> io::Result<(u16, String)> {
        tokio::time::timeout(PATIENCE, self.ask_and_wait(request)).await.map_err(io::Error::from)?
    }

    async fn ask_and_wait(&mut self, request: &str) -> io::Result<(u16, String)> {
        self.0.send(request.as_bytes()).await?;
        let head = self.0.response().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut body = Vec::new();
        self.0.pass_body(head.framing("GET")?, &mut body).await?;
        Ok((head.status, String::from_utf8_lossy(&body).into_owned()))
    }
}

async fn once(proxy: &Proxy, site: &Site, path: &str) -> io::Result<(u16, String)> {
    Client::of(proxy).await.get(site, path).await
}

#[actix_rt::test]
async fn a_good_proxy_passes_pages_on_from_an_address_of_its_own_and_keeps_both_connections() {
    let mut site = site().await;
    let proxy = proxy(7, Behaviour::Good).await;
    let mut client = Client::of(&proxy).await;
    for id in 1..=10 {
        let (status, body) = client.get(&site, &format!("/detail/{id}")).await.unwrap();
        assert_eq!(status, 200);
        assert!(body.contains("</html>"), "{body}");
    }
    assert_eq!((proxy.connections(), proxy.requests()), (1, 10));
    let from: IpAddr = proxy.source().into();
    assert_eq!(proxy.source(), Ipv4Addr::new(127, 0, 1, 7));
    let visits = site.journal.at_least(10).await;
    assert!(visits.iter().all(|visit| (visit.from, visit.port) == (from, visits[0].port)), "{visits:#?}");
}

/// The answer to a request through a tunnel.
async fn through_tunnel(proxy: &Proxy, site: &Site, path: &str) -> io::Result<(u16, String)> {
    let mut client = Client::of(proxy).await;
    let connect = format!("CONNECT {} HTTP/1.1\r\nHost: h\r\n\r\n", site.address());
    client.0.send(connect.as_bytes()).await?;
    let head = client.0.response().await?.ok_or(io::ErrorKind::UnexpectedEof)?;
    if head.status != 200 {
        return Ok((head.status, String::new()));
    }
    client.ask(&format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")).await
}

#[actix_rt::test]
async fn a_tunnel_carries_whatever_goes_through_it() {
    let mut site = site().await;
    let proxy = proxy(8, Behaviour::Good).await;
    assert_eq!(through_tunnel(&proxy, &site, "/page/1").await.unwrap().0, 200);
    assert_eq!(site.journal.at_least(1).await[0].from, IpAddr::from(proxy.source()));
}

#[actix_rt::test]
async fn a_proxy_with_a_password_wants_exactly_that_one() {
    let site = site().await;
    let proxy = Builder::new(9, Behaviour::Good).password("me", "p:ss@w%rd").start().await.unwrap();
    let mut client = Client::of(&proxy).await;
    assert_eq!(client.get(&site, "/page/1").await.unwrap().0, 407);
    for (shown, status) in [("me:wrong", 407), ("me:p:ss@w%rd", 200)] {
        let request = format!(
            "GET {}/page/1 HTTP/1.1\r\nHost: h\r\nProxy-Authorization: Basic {}\r\n\r\n",
            site.url(),
            STANDARD.encode(shown)
        );
        assert_eq!(client.ask(&request).await.unwrap().0, status, "{shown}");
    }
    assert_eq!(proxy.line(), format!("http://me:p%3Ass%40w%25rd@{}", proxy.address()));
    assert!(!format!("{proxy:?}").contains("p:ss"));
}

#[actix_rt::test]
async fn a_banning_proxy_bans_after_its_number_whatever_the_connection() {
    let site = site().await;
    let banning = proxy(17, Behaviour::Banning { after: 2 }).await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(once(&banning, &site, "/page/1").await.unwrap().0);
    }
    assert_eq!(seen, [200, 200, 403, 403]);
}

#[actix_rt::test]
async fn a_stalling_proxy_says_nothing_and_a_slow_one_speaks_late() {
    let site = site().await;
    let stalling = proxy(18, Behaviour::Stalling).await;
    let patience = Duration::from_millis(100);
    assert!(tokio::time::timeout(patience, once(&stalling, &site, "/page/1")).await.is_err());
    let by = Duration::from_millis(80);
    let slow = proxy(19, Behaviour::Slow { by }).await;
    let clock = crate::clock::Clock::start();
    let before = clock.now();
    assert_eq!(once(&slow, &site, "/page/1").await.unwrap().0, 200);
    assert!(clock.now().since(before) >= by);
}

/// A site that shows what it was asked, and closes each connection after one answer although it promises to keep it.
async fn mirror() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let mut wire = Wire::new(stream);
            if let Some(request) = wire.request().await.unwrap() {
                let shown = format!("{request:?}");
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", shown.len());
                wire.send((head + &shown).as_bytes()).await.unwrap();
            }
        }
    });
    address
}

#[actix_rt::test]
async fn the_site_gets_the_request_in_its_own_form_without_what_was_meant_for_the_proxy() {
    let site = mirror().await;
    let proxy = Builder::new(25, Behaviour::Good).password("me", "secret").start().await.unwrap();
    let shown = STANDARD.encode("me:secret");
    let request = format!(
        "GET http://{site}/a/b?c=d HTTP/1.1\r\nHost: h\r\nX-Own: 1\r\nConnection: keep-alive\r\n\
         Proxy-Authorization: Basic {shown}\r\n\r\n"
    );
    let (status, seen) = Client::of(&proxy).await.ask(&request).await.unwrap();
    assert_eq!(status, 200);
    assert!(seen.contains("\"/a/b?c=d\"") && seen.contains("(\"Host\", \"h\"), (\"X-Own\", \"1\")"), "{seen}");
    assert!(!seen.contains(&shown) && !seen.contains("Connection"), "{seen}");
}

#[actix_rt::test]
async fn a_kept_connection_that_the_site_has_closed_is_dialled_anew() {
    let site = mirror().await;
    let proxy = proxy(20, Behaviour::Good).await;
    let mut client = Client::of(&proxy).await;
    for _ in 0..3 {
        let request = format!("GET http://{site}/ HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(client.ask(&request).await.unwrap().0, 200);
    }
    assert_eq!(proxy.connections(), 1);
}

#[actix_rt::test]
async fn one_client_reaches_each_site_that_it_names() {
    let (mut one, mut other) = (site().await, site().await);
    let proxy = proxy(29, Behaviour::Good).await;
    let mut client = Client::of(&proxy).await;
    for path in ["/detail/1", "/detail/2"] {
        client.get(&one, path).await.unwrap();
        client.get(&other, path).await.unwrap();
    }
    assert_eq!((one.journal.visits().len(), other.journal.visits().len()), (2, 2));
}

#[actix_rt::test]
async fn a_body_that_the_site_cuts_stays_cut() {
    let site = site::Builder::new(1, 5).fault("/detail/1", site::Fault::CutBody).start().await.unwrap();
    let cut = once(&proxy(24, Behaviour::Good).await, &site, "/detail/1").await.unwrap_err();
    assert!(matches!(cut.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof), "{cut}");
}

#[actix_rt::test]
async fn where_no_site_is_the_proxy_says_502() {
    let dead = proxy(21, Behaviour::Dead).await;
    let good = proxy(22, Behaviour::Good).await;
    for target in [format!("http://{}/", dead.address()), "http://example.com/".to_owned()] {
        let request = format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n");
        assert_eq!(Client::of(&good).await.ask(&request).await.unwrap().0, 502, "{target}");
    }
}

#[actix_rt::test]
async fn a_body_goes_through_to_the_site() {
    let site = site().await;
    let proxy = proxy(23, Behaviour::Good).await;
    let post = format!("POST {}/page/1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", site.url());
    let mut client = Client::of(&proxy).await;
    assert_eq!(client.ask(&post).await.unwrap().0, 200);
    assert_eq!(client.ask(&post).await.unwrap().0, 200, "the body was taken off the wire");
    let mut raw = TcpStream::connect(proxy.address()).await.unwrap();
    raw.write_all(b"nonsense\r\n\r\n").await.unwrap();
    assert_eq!(raw.read(&mut [0; 64]).await.unwrap_or(0), 0, "what is no HTTP gets no answer");
}
