//! Connections are kept, kept apart, and never made but through the route.
//!
//! In: scripts of what a server sends, byte for byte, on real sockets and in real TLS. Out: what the client made of it.

use std::cell::RefCell;
use std::collections::HashSet;

use tokio::net::TcpListener;

use super::bed::{Bed, Server, SiteTls, Step, Way, client, get, ok, proxy, proxy_by, send};
use super::{failure, page};
use crate::proxy::Scheme;
use crate::transport::Failure;

#[actix_rt::test]
async fn two_hundred_requests_make_one_dial() {
    for way in Way::ALL {
        let bed = Bed::new(way, |_| ok("page")).await;
        for nth in 0..200 {
            let exchange = bed.get(&format!("/{nth}")).await;
            assert_eq!(page(&exchange), b"page");
            assert_eq!(exchange.reused, nth > 0);
        }
        assert_eq!(bed.server.connections(), 1, "{way:?}");
    }
}

#[actix_rt::test]
async fn sites_share_the_proxys_connection_for_http_but_never_a_tunnel() {
    let tls = SiteTls::for_names("Test Root", &["a.test", "b.test"]);
    let server = Server::start(&tls, vec![], |seen| match seen.line().starts_with("CONNECT ") {
        true => vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Secure],
        false => ok(seen.header("host").unwrap_or_default()),
    });
    let server = server.await;
    let client = client(proxy(server.address, None), &tls);
    // The same host and port, spelt as a forwarding request, as a tunnel, and as the proxy itself.
    let urls = [
        "http://a.test/",
        "http://b.test/",
        "https://a.test/",
        "https://b.test/",
        "http://a.test:443/",
        "https://a.test/x",
    ];
    let mut hosts = Vec::new();
    for url in urls {
        hosts.push(String::from_utf8(page(&client.send(&get(url)).await).to_vec()).unwrap());
    }
    assert_eq!(hosts, ["a.test", "b.test", "a.test", "b.test", "a.test:443", "a.test"]);
    let lines: Vec<_> = server.seen().iter().map(|seen| (seen.connection, seen.line().to_owned())).collect();
    let expected = [
        (1, "GET http://a.test/ HTTP/1.1"),
        (1, "GET http://b.test/ HTTP/1.1"),
        (2, "CONNECT a.test:443 HTTP/1.1"),
        (2, "GET / HTTP/1.1"),
        (3, "CONNECT b.test:443 HTTP/1.1"),
        (3, "GET / HTTP/1.1"),
        (1, "GET http://a.test:443/ HTTP/1.1"),
        (2, "GET /x HTTP/1.1"),
    ];
    assert_eq!(lines, expected.map(|(connection, line)| (connection, line.to_owned())));
}

#[actix_rt::test]
async fn a_kept_connection_that_went_stale_is_told_and_not_used_again() {
    for way in Way::ALL {
        // Closes as soon as it is asked a second time on one connection.
        let asked = RefCell::new(HashSet::new());
        let bed = Bed::new(way, move |seen| match asked.borrow_mut().insert(seen.connection) {
            true => ok("page"),
            false => vec![Step::Cut],
        });
        let bed = bed.await;
        for _ in 0..3 {
            assert_eq!(page(&bed.get("/").await), b"page", "{way:?}");
            let stale = bed.get("/").await;
            assert_eq!((failure(&stale), stale.reused), (&Failure::ClosedBeforeHead, true), "{way:?}");
            assert!(stale.sent.is_some());
        }
    }
}

#[actix_rt::test]
async fn a_connection_that_its_server_gives_up_is_not_used_again() {
    let heads = [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n\r\npage",
        "HTTP/1.1 200 OK\r\nConnection: x, Close\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\npage",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npage\r\n0\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
    ];
    for head in heads {
        // It stays open, and would answer again.
        let bed = Bed::new(Way::Forward, move |_| vec![send(head)]).await;
        for fetch in 1..=2 {
            assert!(["page", ""].map(str::as_bytes).contains(&page(&bed.get("/").await)));
            assert_eq!(bed.server.connections(), fetch, "{head:?}");
        }
    }
    let kept = "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 4\r\n\r\npage";
    let bed = Bed::new(Way::Forward, move |_| vec![send(kept)]).await;
    for _ in 0..2 {
        assert_eq!(page(&bed.get("/").await), b"page");
    }
    assert_eq!(bed.server.connections(), 1);
}

#[actix_rt::test]
async fn a_head_cut_short_is_not_a_stale_connection() {
    for way in Way::ALL {
        let bed = Bed::new(way, |_| vec![send("HTTP/1.1 200 OK\r\nContent-Le"), Step::Close]).await;
        assert_eq!(failure(&bed.get("/").await), &Failure::CutHead, "{way:?}");
    }
}

#[actix_rt::test]
async fn an_endless_head_is_too_large() {
    for way in Way::ALL {
        for line in [format!("X: {}\r\n", "y".repeat(1_000)).repeat(100), "X: y\r\n".repeat(200)] {
            let bed = Bed::new(way, move |_| vec![send(format!("HTTP/1.1 200 OK\r\n{line}")), Step::Hang]).await;
            assert_eq!(failure(&bed.get("/").await), &Failure::HeadTooLarge, "{way:?}");
        }
    }
}

#[actix_rt::test]
async fn a_dropped_client_closes_its_connections() {
    use tokio::io::AsyncReadExt;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tls = SiteTls::new("Test Root");
    let client = client(proxy(listener.local_addr().unwrap(), None), &tls);
    let (ended, exchange) = futures_util::join!(
        async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut seen = vec![0; 4096];
            let read = socket.read(&mut seen).await.unwrap();
            assert!(read > 0);
            tokio::io::AsyncWriteExt::write_all(&mut socket, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                .await
                .unwrap();
            socket
        },
        async {
            let request = get("http://site.test/");
            let exchange = client.send(&request).await;
            drop(client);
            exchange
        }
    );
    assert!(exchange.result.is_ok());
    let mut socket = ended;
    assert_eq!(socket.read(&mut [0; 16]).await.unwrap(), 0);
}

#[actix_rt::test]
async fn nothing_goes_to_a_site_except_through_its_proxy() {
    let site = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = site.local_addr().unwrap();
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let tls = SiteTls::new("Test Root");
    let refusing = Server::start(&tls, vec![], |_| vec![send("HTTP/1.1 502 No\r\nContent-Length: 0\r\n\r\n")]).await;
    let closing = Server::start(&tls, vec![], |_| vec![Step::Close]).await;
    let reply = [Step::Take(3), send([5, 0]), Step::Take(10), send([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]), Step::Close];
    let denying = Server::start(&tls, reply.into(), |_| vec![]).await;
    let hasty = Server::start(&tls, vec![Step::Close], |_| vec![]).await;
    let plain = [dead, refusing.address, closing.address].map(|address| (Scheme::Http, address));
    let socks = [dead, denying.address, hasty.address].map(|address| (Scheme::Socks5, address));
    let secure = [dead, hasty.address].map(|address| (Scheme::Https, address));
    for (scheme, address) in plain.into_iter().chain(socks).chain(secure) {
        let client = client(proxy_by(scheme, address, None), &tls);
        for scheme in ["http", "https"] {
            for _ in 0..3 {
                let exchange = client.send(&get(&format!("{scheme}://{target}/"))).await;
                assert!(exchange.result.is_err() || exchange.result.is_ok_and(|answer| answer.status == 502));
            }
        }
    }
    let visit = futures_util::FutureExt::now_or_never(site.accept());
    assert!(visit.is_none(), "the site was dialled");
}

#[actix_rt::test]
async fn schemes_other_than_http_and_https_are_not_sent() {
    let bed = Bed::new(Way::Forward, |_| ok("page")).await;
    let exchange = bed.client.send(&get("ftp://site.test/")).await;
    assert!(matches!(failure(&exchange), Failure::Unsendable(_)));
    assert_eq!((exchange.sent, exchange.reused, bed.server.connections()), (None, false, 0));
}
