//! SOCKS5 proxies: what they are told, and whose fault it is when they refuse.
//!
//! In: scripts of what a proxy says, byte for byte, on real sockets. Out: what the client made of it.

use std::time::Duration;

use super::bed::{Bed, Server, SiteTls, Step, Way, client, get, ok, proxy_by, send, settings};
use super::{failure, page};
use crate::clock::Clock;
use crate::config::Fetch;
use crate::proxy::Scheme;
use crate::transport::{Client, Failure, SocksReply, Tls};

/// What is sent for a name in a request without a user: methods, then kind, length, name and port.
const METHODS: usize = 3;
const REQUEST: usize = 4 + 1 + "site.test".len() + 2;

/// A client of a proxy that plays `steps` to everybody.
async fn client_of(tls: &SiteTls, steps: Vec<Step>, credentials: Option<(&str, &str)>) -> Client {
    let server = Server::start(tls, steps, |_| ok("page")).await;
    client(proxy_by(Scheme::Socks5, server.address, credentials), tls)
}

#[actix_rt::test]
async fn names_reach_the_proxy_as_names_and_addresses_as_addresses() {
    let tls = SiteTls::new("Test Root");
    let server = Server::start(&tls, vec![Step::Socks], |_| ok("page")).await;
    let client = client(proxy_by(Scheme::Socks5, server.address, None), &tls);
    for (host, target) in [
        ("no-such-name.test", &b"\x03\x11no-such-name.test\x00\x50"[..]),
        ("localhost:8080", b"\x03\x09localhost\x1f\x90"),
        ("b\u{fc}cher.test", b"\x03\x12xn--bcher-kva.test\x00\x50"),
        ("127.0.0.9:81", b"\x01\x7f\x00\x00\x09\x00\x51"),
        ("[2001:db8::1]:81", b"\x04\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x00\x51"),
    ] {
        page(&client.send(&get(&format!("http://{host}/"))).await);
        let asked = server.socks().pop().unwrap();
        assert_eq!((asked.credentials, asked.target.as_slice()), (None, target), "{host}");
    }
    assert_eq!(server.connections(), 5, "no site shares another's connection");
}

#[actix_rt::test]
async fn credentials_reach_the_proxy_whole_and_no_site() {
    let tls = SiteTls::new("Test Root");
    let (user, password) = ("me:session", "p:a@s%s/w#\u{f6}");
    for (greeting, url) in
        [(vec![Step::Socks], "http://site.test/"), (vec![Step::Socks, Step::Secure], "https://site.test/")]
    {
        let server = Server::start(&tls, greeting, |_| ok("page")).await;
        let client = client(proxy_by(Scheme::Socks5, server.address, Some((user, password))), &tls);
        page(&client.send(&get(url)).await);
        assert_eq!(server.socks()[0].credentials, Some((user.into(), password.into())));
        let head = server.last().head;
        assert!(!head.contains("session") && server.last().header("proxy-authorization").is_none(), "{head}");
    }
}

#[actix_rt::test]
async fn credentials_that_the_protocol_has_no_room_for_make_no_client() {
    let tls = Tls::new(&settings()).unwrap();
    let long = "x".repeat(256);
    let at = "127.0.0.1:1".parse().unwrap();
    for credentials in [("user", ""), ("user", &*long), (&*long, "password")] {
        let route = proxy_by(Scheme::Socks5, at, Some(credentials));
        let Err(Failure::ClientUnusable(words)) = Client::new(route, &tls, &settings(), Clock::start()).map(drop)
        else {
            panic!("{credentials:?}")
        };
        assert!(words.contains("255") && !words.contains("xxx") && !words.contains("user\""), "{words}");
    }
    assert!(
        Client::new(proxy_by(Scheme::Socks5, at, Some((&long[1..], "p"))), &tls, &settings(), Clock::start()).is_ok()
    );
}

#[actix_rt::test]
async fn a_refusal_tells_its_reason() {
    let tls = SiteTls::new("Test Root");
    for (reply, expected, code) in [
        (1, SocksReply::GeneralFailure, "tunnel.general_failure"),
        (2, SocksReply::NotAllowed, "tunnel.not_allowed"),
        (3, SocksReply::NetworkUnreachable, "tunnel.network_unreachable"),
        (4, SocksReply::HostUnreachable, "tunnel.host_unreachable"),
        (5, SocksReply::ConnectionRefused, "tunnel.connection_refused"),
        (6, SocksReply::TtlExpired, "tunnel.ttl_expired"),
        (8, SocksReply::AddressKind, "tunnel.address_kind"),
    ] {
        let refusal = send([5, reply, 0, 1, 0, 0, 0, 0, 0, 0]);
        let steps = vec![Step::Take(METHODS), send([5, 0]), Step::Take(REQUEST), refusal, Step::Close];
        let client = client_of(&tls, steps, None).await;
        for url in ["http://site.test/", "https://site.test/"] {
            let exchange = client.send(&get(url)).await;
            assert_eq!(failure(&exchange), &Failure::SocksRefused(expected));
            assert_eq!((failure(&exchange).code().as_ref(), exchange.sent), (code, None));
        }
    }
}

#[actix_rt::test]
async fn a_refusal_of_us_is_about_credentials() {
    let tls = SiteTls::new("Test Root");
    let me = Some(("hidden-user", "hidden-password"));
    let shown = 3 + "hidden-user".len() + "hidden-password".len();
    for (steps, credentials) in [
        (vec![Step::Take(METHODS), send([5, 0xff]), Step::Close], None),
        (vec![Step::Take(METHODS), send([5, 2]), Step::Hang], None),
        (vec![Step::Take(METHODS + 1), send([5, 0xff]), Step::Close], me),
        (vec![Step::Take(METHODS + 1), send([5, 2]), Step::Take(shown), send([1, 1]), Step::Close], me),
    ] {
        let client = client_of(&tls, steps, credentials).await;
        for url in ["http://site.test/", "https://site.test/"] {
            let exchange = client.send(&get(url)).await;
            assert_eq!((failure(&exchange), exchange.sent), (&Failure::ProxyAuth, None));
            assert!(!format!("{exchange:?}").contains("hidden"));
        }
    }
}

#[actix_rt::test]
async fn what_is_not_socks_is_the_proxys_handshake() {
    let tls = SiteTls::new("Test Root");
    let request = || vec![Step::Take(METHODS), send([5, 0]), Step::Take(REQUEST)];
    let after = |steps: Vec<Step>| [request(), steps].concat();
    for steps in [
        vec![Step::Close],
        vec![send("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Hang],
        vec![send([4, 0]), Step::Hang],
        vec![send([5, 7]), Step::Hang],
        after(vec![Step::Close]),
        after(vec![send([5, 0, 0]), Step::Close]),
        after(vec![send([5, 7, 0, 1, 0, 0, 0, 0, 0, 0]), Step::Hang]),
        after(vec![send([5, 77, 0, 1, 0, 0, 0, 0, 0, 0]), Step::Hang]),
        after(vec![send([5, 0, 0, 9, 0, 0, 0, 0, 0, 0]), Step::Hang]),
    ] {
        let exchange = client_of(&tls, steps, None).await.send(&get("http://site.test/")).await;
        assert!(matches!(failure(&exchange), Failure::ProxyHandshake(_)), "{exchange:?}");
        assert_eq!(failure(&exchange).code(), "proxy.handshake");
    }
}

#[actix_rt::test]
async fn a_silent_proxy_is_a_tunnel_out_of_time() {
    let tls = SiteTls::new("Test Root");
    let hasty = Fetch { connect_timeout: Duration::from_millis(100), ..settings() };
    for steps in [vec![Step::Hang], vec![Step::Take(METHODS), send([5, 0]), Step::Hang]] {
        let server = Server::start(&tls, steps, |_| ok("page")).await;
        let route = proxy_by(Scheme::Socks5, server.address, None);
        let client = Client::new(route, &Tls::new(&hasty).unwrap(), &hasty, Clock::start()).unwrap();
        assert_eq!(failure(&client.send(&get("http://site.test/")).await), &Failure::TunnelTimeout);
    }
}

#[actix_rt::test]
async fn a_name_that_the_protocol_has_no_room_for_is_the_pages_own_fault() {
    let bed = Bed::new(Way::Socks, |_| ok("page")).await;
    let name = format!("{}.test", "a.".repeat(150));
    let exchange = bed.client.send(&get(&format!("http://{name}/"))).await;
    assert!(matches!(failure(&exchange), Failure::Unsendable(_)), "{exchange:?}");
}
