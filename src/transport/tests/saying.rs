//! What is said on the wire, and what an exchange measures and tells of it.
//!
//! In: scripts of what a server sends, byte for byte, on real sockets and in real TLS. Out: what the client made of it.

use std::time::Duration;

use tokio::net::TcpListener;
use url::Url;

use super::bed::{Bed, Server, SiteTls, Step, Way, client, get, ok, proxy, send};
use super::{failure, page};
use crate::task::{Method, Request};

#[actix_rt::test]
async fn a_get_says_exactly_this_in_this_order() {
    for way in Way::ALL {
        let bed = Bed::new(way, |_| ok("page")).await;
        page(&bed.get("/page/1?a=b#fragment").await);
        let site = way.site(bed.server.address);
        let target = if way.forwards() { "http://site.test/page/1?a=b" } else { "/page/1?a=b" };
        let host = site.split_once("://").unwrap().1;
        let expected = format!(
            "GET {target} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: burdock/test\r\nAccept: text/html\r\n\
             Accept-Language: en\r\nAccept-Encoding: gzip, deflate"
        );
        assert_eq!(bed.server.last().head, expected, "{way:?}");
    }
}

#[actix_rt::test]
async fn a_post_arrives_with_its_body() {
    let body = "q=burdock&n=".to_owned() + &"9".repeat(100_000);
    for way in Way::ALL {
        let bed = Bed::new(way, |_| ok("page")).await;
        let url = way.site(bed.server.address);
        let request =
            Request { method: Method::Post, url: Url::parse(&url).unwrap(), body: Some(body.as_str().into()) };
        for _ in 0..2 {
            assert_eq!(page(&bed.client.send(&request).await), b"page");
            let seen = bed.server.last();
            assert!(seen.line().starts_with("POST "));
            assert!(seen.body == body.as_bytes(), "{way:?}");
            assert_eq!(seen.header("date"), None);
        }
    }
}

#[actix_rt::test]
async fn credentials_reach_the_proxy_whole_and_nobody_else() {
    let tls = SiteTls::new("Test Root");
    let server = Server::start(&tls, vec![], |seen| match seen.line().starts_with("CONNECT ") {
        true => vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Secure],
        false => ok("page"),
    });
    let server = server.await;
    let client = client(proxy(server.address, Some(("me-session-1", "p:a@s%s/w#ö"))), &tls);
    for url in ["http://site.test/", "http://site.test/2", "https://site.test/"] {
        page(&client.send(&get(url)).await);
    }
    let expected = "Basic bWUtc2Vzc2lvbi0xOnA6YUBzJXMvdyPDtg==";
    let said: Vec<_> = server.seen().iter().map(|seen| seen.header("proxy-authorization").map(str::to_owned)).collect();
    assert_eq!(said, [Some(expected), Some(expected), Some(expected), None].map(|said| said.map(str::to_owned)));
    assert!(server.seen()[3].line().starts_with("GET / "));
}

#[actix_rt::test]
async fn no_failure_shows_a_secret() {
    let tls = SiteTls::new("Test Root");
    let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let denying = "HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n";
    let denying = Server::start(&tls, vec![], move |_| vec![send(denying)]).await;
    for address in [dead, denying.address] {
        let client = client(proxy(address, Some(("hidden-user", "hidden-password"))), &tls);
        for url in ["http://site.test/", "https://site.test/"] {
            let exchange = client.send(&get(url)).await;
            let shown = format!("{exchange:?} {} {}", failure(&exchange), failure(&exchange).code());
            assert!(!shown.contains("hidden") && !shown.contains("aGlkZGVu"), "{shown}");
        }
    }
}

#[actix_rt::test]
async fn the_wire_is_counted_both_ways() {
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
    for way in Way::ALL {
        let bed = Bed::new(way, move |_| vec![send(answer)]).await;
        let (first, second) = (bed.get("/").await, bed.get("/").await);
        let plain = (bed.server.last().head.len() + 4 + answer.len()) as u64;
        if way.encrypted() {
            // The handshake is paid for once; records cost a little each time.
            assert!(first.wire > second.wire + 500, "{} {}", first.wire, second.wire);
            assert!((plain + 20..plain + 200).contains(&second.wire), "{plain} {}", second.wire);
        } else {
            // Methods and choice, then the name and the answer to it.
            let handshake = if way == Way::Socks { 3 + 2 + (7 + "site.test".len()) + (7 + "proxy".len()) } else { 0 };
            assert_eq!((first.wire, second.wire), (plain + handshake as u64, plain), "{way:?}");
        }
        assert_eq!(second.timing.connect, Duration::ZERO);
    }
}

#[actix_rt::test]
async fn two_exchanges_at_once_are_measured_apart() {
    let bed =
        Bed::new(Way::Forward, |seen| ok(if seen.line().contains("/long") { "a long page" } else { "page" })).await;
    let (long, short) = futures_util::join!(bed.get("/long"), bed.get("/s"));
    assert_eq!((page(&long), page(&short)), (&b"a long page"[..], &b"page"[..]));
    assert_eq!(long.wire - short.wire, "ong".len() as u64 + "a long ".len() as u64 + 1);
}

#[actix_rt::test]
async fn an_answer_tells_its_certainty_and_its_headers() {
    let head = "HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Type: text/html; charset=gbk\r\nX-Twice: 1\r\n\
                X-Twice: 2\r\nX-Latin: caf\u{e9}\r\nContent-Length: 0\r\n\r\n";
    for way in Way::ALL {
        let bed = Bed::new(way, move |_| vec![send(head)]).await;
        let answer = bed.get("/").await.result.unwrap();
        assert_eq!(answer.status, 302);
        let requests = bed.server.seen().into_iter().filter(|seen| !seen.line().starts_with("CONNECT "));
        assert_eq!(requests.count(), 1, "a redirect is not followed here");
        assert_eq!(answer.location().as_deref(), Some("/next"));
        assert_eq!(answer.content_type(), Some("text/html; charset=gbk"));
        assert_eq!(answer.headers.get_all("x-twice").count(), 2);
        assert_eq!(answer.secure, way.https() || way.direct(), "{way:?}");
    }
}

#[actix_rt::test]
async fn a_redirect_to_an_address_in_utf_8_is_told_and_other_bytes_do_no_harm() {
    for (written, expected) in
        [("/b\u{fc}cher/\u{5317}\u{4eac}".as_bytes(), "/b\u{fc}cher/\u{5317}\u{4eac}"), (b"/caf\xe9", "/caf\u{fffd}")]
    {
        let answer = [b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: ", written, b"\r\n\r\n"].concat();
        let bed = Bed::new(Way::Forward, move |_| vec![send(&answer)]).await;
        assert_eq!(bed.get("/").await.result.unwrap().location().as_deref(), Some(expected));
    }
}

#[actix_rt::test]
async fn retry_after_is_read_as_seconds_and_as_a_date() {
    for (lines, expected) in [
        ("Retry-After: 120", Some(120)),
        ("Retry-After: Sun, 06 Nov 1994 08:50:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT", Some(60)),
        ("Retry-After: Sun, 06 Nov 1994 08:48:37 GMT\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT", Some(0)),
        ("Retry-After: Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
        ("Retry-After: soon", None),
        ("X-Other: 1", None),
    ] {
        let answer = format!("HTTP/1.1 503 Later\r\n{lines}\r\nContent-Length: 0\r\n\r\n");
        let bed = Bed::new(Way::Forward, move |_| vec![send(&answer)]).await;
        let answer = bed.get("/").await.result.unwrap();
        assert_eq!(answer.retry_after(), expected.map(Duration::from_secs), "{lines}");
    }
}
