//! Each way of failing has its name, and the name tells where the hop broke.
//!
//! In: scripts of what a server sends, byte for byte, on real sockets and in real TLS. Out: what the client made of it.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::bed::{Bed, Server, SiteTls, Step, Way, client, get, ok, proxy, send, settings};
use super::{failure, page};
use crate::clock::Clock;
use crate::config::Fetch;
use crate::proxy::Route;
use crate::transport::{Client, Dial, Failure, Tls, TlsError, TlsFailure, TlsProblem};

#[actix_rt::test]
async fn a_refused_tunnel_tells_its_status() {
    for (status, expected) in [
        ("502 Bad Gateway", Failure::TunnelRefused { status: 502 }),
        ("403 Forbidden", Failure::TunnelRefused { status: 403 }),
        ("302 Found", Failure::TunnelRefused { status: 302 }),
        ("407 Proxy Authentication Required", Failure::ProxyAuth),
    ] {
        let tls = SiteTls::new("Test Root");
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 3\r\n\r\nno!");
        let server = Server::start(&tls, vec![], move |_| vec![send(&answer)]).await;
        let exchange = client(proxy(server.address, None), &tls).send(&get("https://site.test/")).await;
        assert_eq!(failure(&exchange), &expected);
        assert_eq!((exchange.sent, exchange.reused), (None, false), "no request was sent");
        assert!(exchange.wire > 0);
    }
}

#[actix_rt::test]
async fn a_proxy_that_asks_for_credentials_is_told_from_a_site_that_says_407() {
    let asking = "HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\nContent-Length: 0\r\n\r\n";
    for way in Way::ALL {
        let bed = Bed::new(way, move |_| vec![send(asking)]).await;
        let exchange = bed.get("/").await;
        match way {
            way if way.forwards() => assert_eq!(failure(&exchange), &Failure::ProxyAuth),
            _ => assert_eq!(exchange.result.unwrap().status, 407),
        }
    }
}

#[actix_rt::test]
async fn garbage_is_not_http_and_tells_who_spoke() {
    for way in Way::ALL {
        for garbage in
            ["SSH-2.0-OpenSSH_9.7\r\n", "<html>not you</html>", "HTTP/1.1 2000 OK\r\n\r\n", "\u{16}\u{3}\u{1}\r\n\r\n"]
        {
            let bed = Bed::new(way, move |_| vec![send(garbage), Step::Hang]).await;
            let exchange = bed.get("/").await;
            match (way.forwards(), failure(&exchange)) {
                (true, Failure::NotHttp(_)) | (false, Failure::SiteNotHttp(_)) => {}
                (_, other) => panic!("{way:?} {garbage:?}: {other:?}"),
            }
        }
    }
}

#[actix_rt::test]
async fn a_broken_connect_is_the_proxys_handshake() {
    let broken: [Vec<Step>; 4] = [
        vec![send("SSH-2.0-OpenSSH_9.7\r\n"), Step::Hang],
        vec![Step::Close],
        vec![send("HTTP/1.1 200 O"), Step::Close],
        vec![send("HTTP/1.1 200 OK\r\n\r\nand some advertising"), Step::Hang],
    ];
    for steps in broken {
        let tls = SiteTls::new("Test Root");
        let server = Server::start(&tls, vec![], move |_| steps.clone()).await;
        let exchange = client(proxy(server.address, None), &tls).send(&get("https://site.test/")).await;
        assert!(matches!(failure(&exchange), Failure::ProxyHandshake(_)), "{exchange:?}");
        assert_eq!(exchange.sent, None);
    }
}

#[actix_rt::test]
async fn a_closed_port_is_refused_by_whom_it_belongs_to() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tls = SiteTls::new("Test Root");
    for url in ["http://site.test/", "https://site.test/"] {
        let exchange = client(proxy(address, None), &tls).send(&get(url)).await;
        assert_eq!(failure(&exchange), &Failure::ProxyUnreachable(Dial::Refused));
        assert_eq!(failure(&exchange).code(), "proxy.refused");
    }
    let exchange = client(Route::Direct.into(), &tls).send(&get(&format!("http://{address}/"))).await;
    assert_eq!(failure(&exchange), &Failure::SiteUnreachable(Dial::Refused));
}

/// A time-out that no test lives to see: another one must strike before it.
const FOR_EVER: Duration = Duration::from_secs(3_600);

#[actix_rt::test]
async fn each_stage_has_a_time_out_of_its_own() {
    let tls = SiteTls::new("Test Root");
    let ca_file = Some(tls.ca_file.path().into());
    let connect = Fetch { connect_timeout: Duration::from_millis(100), timeout: FOR_EVER, ca_file, ..settings() };
    let trust = Tls::new(&connect).unwrap();
    let patient = |route| Client::new(route, &trust, &connect, Clock::start()).unwrap();

    // A queue of one that is full: whoever dials waits.
    let full = TcpSocket::new_v4().unwrap();
    full.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let full = full.listen(0).unwrap();
    let address = full.local_addr().unwrap();
    let _waiting = TcpStream::connect(address).await.unwrap();
    let exchange = patient(proxy(address, None)).send(&get("http://site.test/")).await;
    assert_eq!(failure(&exchange), &Failure::ProxyUnreachable(Dial::TimedOut));
    assert!(exchange.timing.connect >= Duration::from_millis(100));

    let silent = Server::start(&tls, vec![], |_| vec![Step::Hang]).await;
    let exchange = patient(proxy(silent.address, None)).send(&get("https://site.test/")).await;
    assert_eq!((failure(&exchange), exchange.sent), (&Failure::TunnelTimeout, None));

    let mute = Server::start(&tls, vec![], |_| vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Hang]).await;
    let exchange = patient(proxy(mute.address, None)).send(&get("https://site.test/")).await;
    assert!(matches!(failure(&exchange), Failure::SiteTls(TlsFailure { problem: TlsProblem::TimedOut, .. })));

    let head = Fetch { head_timeout: Duration::from_millis(100), timeout: FOR_EVER, ..settings() };
    for way in Way::ALL {
        let bed = Bed::with(way, head.clone(), |_| vec![send("HTTP/1.1 200 OK\r\n"), Step::Hang]).await;
        let exchange = bed.get("/").await;
        assert_eq!(failure(&exchange), &Failure::HeadTimeout, "{way:?}");
        assert!(exchange.sent.is_some() && exchange.timing.head >= Duration::from_millis(100));
    }

    let hasty = Fetch { connect_timeout: FOR_EVER, timeout: Duration::from_millis(100), ..settings() };
    let hasty = Client::new(proxy(silent.address, None), &trust, &hasty, Clock::start()).unwrap();
    assert_eq!(failure(&hasty.send(&get("https://site.test/")).await), &Failure::TunnelTimeout);
}

#[actix_rt::test]
async fn the_whole_hop_has_a_time_out_that_the_head_does_not_end() {
    let whole = Fetch { timeout: Duration::from_millis(800), head_timeout: Duration::from_millis(500), ..settings() };
    let hop = |way| {
        let whole = whole.clone();
        async move {
            let cut = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npage";
            let bed = Bed::with(way, whole, move |_| vec![send(cut), Step::Hang]).await;
            let exchange = bed.get("/").await;
            assert_eq!(failure(&exchange), &Failure::BodyTimeout, "{way:?}");
            let timing = exchange.timing;
            assert!(timing.connect + timing.head + timing.receive >= Duration::from_millis(799), "{timing:?}");
        }
    };
    join_all(Way::ALL.map(hop)).await;
}

#[actix_rt::test]
async fn a_trickle_is_out_of_time_although_it_never_stops() {
    let head = Fetch { head_timeout: Duration::from_millis(500), timeout: FOR_EVER, ..settings() };
    let body = Fetch { head_timeout: FOR_EVER, timeout: Duration::from_millis(1_500), ..settings() };
    let answers = [
        ("HTTP/1.1 200 OK\r\nX-Long: x", Failure::HeadTimeout),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", Failure::BodyTimeout),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", Failure::BodyTimeout),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;note=", Failure::BodyTimeout),
        ("HTTP/1.1 200 OK\r\n\r\n", Failure::BodyTimeout),
    ];
    let hops = Way::ALL.into_iter().flat_map(|way| answers.iter().map(move |answer| (way, answer.clone())));
    let hop = |(way, (begun, expected)): (Way, (&'static str, Failure))| {
        let settings = if expected == Failure::HeadTimeout { head.clone() } else { body.clone() };
        async move {
            let bed = Bed::with(way, settings, move |_| vec![Step::Drip(begun.into())]).await;
            assert_eq!(failure(&bed.get("/").await), &expected, "{way:?} {begun:?}");
        }
    };
    join_all(hops.map(hop)).await;
}

#[actix_rt::test]
async fn a_client_is_good_after_a_time_out() {
    let short = Fetch { head_timeout: Duration::from_millis(500), ..settings() };
    let fetches = |way| {
        let short = short.clone();
        async move {
            let bed =
                Bed::with(way, short, |seen| if seen.connection == 1 { vec![Step::Hang] } else { ok("page") }).await;
            assert_eq!(failure(&bed.get("/").await), &Failure::HeadTimeout);
            assert_eq!(page(&bed.get("/").await), b"page", "{way:?}");
        }
    };
    join_all(Way::ALL.map(fetches)).await;
}

#[actix_rt::test]
async fn a_certificate_that_nobody_trusts_names_its_issuer() {
    let (trusted, shown) = (SiteTls::new("Test Root"), SiteTls::new("Meddling Middlebox"));
    let server = Server::start(&shown, vec![], |_| vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Secure]).await;
    let exchange = client(proxy(server.address, None), &trusted).send(&get("https://site.test/")).await;
    let Failure::SiteTls(TlsFailure { problem: TlsProblem::Untrusted, issuer: Some(issuer), .. }) = failure(&exchange)
    else {
        panic!("{exchange:?}")
    };
    assert!(issuer.contains("Meddling Middlebox"), "{issuer}");
    assert_eq!(failure(&exchange).code(), "tls.untrusted");
    assert!(server.seen().iter().all(|seen| seen.line().starts_with("CONNECT ")), "no request was sent");
}

#[actix_rt::test]
async fn a_certificate_for_another_name_is_told_apart() {
    let tls = SiteTls::for_names("Test Root", &["other.test"]);
    let server = Server::start(&tls, vec![], |_| vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Secure]).await;
    let exchange = client(proxy(server.address, None), &tls).send(&get("https://site.test/")).await;
    assert!(
        matches!(failure(&exchange), Failure::SiteTls(TlsFailure { problem: TlsProblem::WrongName, .. })),
        "{exchange:?}"
    );
}

#[actix_rt::test]
async fn a_tunnel_that_closes_or_does_not_speak_tls_is_a_tls_failure() {
    let open = send("HTTP/1.1 200 OK\r\n\r\n");
    for (steps, expected) in [
        (vec![open.clone(), Step::Close], TlsProblem::Closed),
        (vec![open.clone(), Step::Listen, Step::Close], TlsProblem::Closed),
        (vec![open, Step::Listen, send("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Hang], TlsProblem::Failed),
    ] {
        let tls = SiteTls::new("Test Root");
        let server = Server::start(&tls, vec![], move |_| steps.clone()).await;
        let exchange = client(proxy(server.address, None), &tls).send(&get("https://site.test/")).await;
        assert!(
            matches!(failure(&exchange), Failure::SiteTls(TlsFailure { problem, .. }) if *problem == expected),
            "{exchange:?}"
        );
    }
}

#[test]
fn a_bad_ca_file_is_named() {
    let empty = tempfile::NamedTempFile::new().unwrap();
    let with = |path: &std::path::Path| Fetch { ca_file: Some(path.into()), ..settings() };
    let error = Tls::new(&with(empty.path())).unwrap_err();
    assert!(matches!(error, TlsError::Empty(_)));
    assert!(error.to_string().contains(empty.path().to_str().unwrap()));
    let error = Tls::new(&with("no/such/file.pem".as_ref())).unwrap_err();
    assert!(matches!(error, TlsError::Read { .. }));
    assert!(error.to_string().contains("no/such/file.pem"));
}
