//! Whom we trust: proxies with TLS of their own, and sites where the config trusts anybody.
//!
//! In: certificates good and bad, in real TLS. Out: what the client made of it, and what it let out before that.

use std::time::Duration;

use super::bed::{Server, SiteTls, Step, client, get, ok, proxy_by, send, settings};
use super::{failure, page};
use crate::clock::Clock;
use crate::config::Fetch;
use crate::proxy::Scheme;
use crate::transport::{Client, Failure, Tls, TlsFailure, TlsProblem};

const SITES: [&str; 2] = ["http://site.test/", "https://site.test/"];

/// A proxy with TLS that is both sites as well.
async fn secure_proxy(tls: &SiteTls) -> Server {
    Server::start(tls, vec![Step::Secure], |seen| match seen.line().starts_with("CONNECT ") {
        true => vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Secure],
        false => ok("page"),
    })
    .await
}

#[actix_rt::test]
async fn credentials_reach_an_https_proxy_inside_its_tls_and_no_site() {
    let tls = SiteTls::new("Test Root");
    let server = secure_proxy(&tls).await;
    let client = client(proxy_by(Scheme::Https, server.address, Some(("user", "password"))), &tls);
    for url in SITES {
        page(&client.send(&get(url)).await);
    }
    let said: Vec<_> = server
        .seen()
        .iter()
        .map(|seen| (seen.line().to_owned(), seen.header("proxy-authorization").is_some()))
        .collect();
    let expected =
        [("GET http://site.test/ HTTP/1.1", true), ("CONNECT site.test:443 HTTP/1.1", true), ("GET / HTTP/1.1", false)];
    assert_eq!(said, expected.map(|(line, shown)| (line.to_owned(), shown)));
}

#[actix_rt::test]
async fn a_proxy_that_cannot_prove_itself_is_told_nothing() {
    let trusted = SiteTls::new("Test Root");
    for (shown, expected) in [
        (SiteTls::new("Meddling Middlebox"), TlsProblem::Untrusted),
        (SiteTls::for_names("Test Root", &["other.test"]), TlsProblem::Untrusted),
    ] {
        let server = secure_proxy(&shown).await;
        let client = client(proxy_by(Scheme::Https, server.address, Some(("user", "password"))), &trusted);
        for url in SITES {
            let exchange = client.send(&get(url)).await;
            let Failure::ProxyTls(TlsFailure { problem, issuer: Some(issuer), .. }) = failure(&exchange) else {
                panic!("{exchange:?}")
            };
            assert_eq!(*problem, expected);
            assert!(failure(&exchange).to_string().contains(issuer.as_str()));
            assert_eq!(failure(&exchange).code(), "proxy.tls_untrusted");
        }
        assert!(server.seen().is_empty(), "it was told something");
    }
    let named = SiteTls::for_names("Test Root", &["other.test"]);
    let server = secure_proxy(&named).await;
    let exchange = client(proxy_by(Scheme::Https, server.address, None), &named).send(&get(SITES[0])).await;
    assert_eq!(failure(&exchange).code(), "proxy.tls_wrong_name");
}

#[actix_rt::test]
async fn a_proxy_whose_tls_breaks_is_broken_whatever_was_asked_of_it() {
    let tls = SiteTls::new("Test Root");
    let hasty =
        Fetch { connect_timeout: Duration::from_millis(300), ca_file: Some(tls.ca_file.path().into()), ..settings() };
    let trust = Tls::new(&hasty).unwrap();
    for (greeting, code) in [
        (vec![Step::Listen, send("HTTP/1.1 400 Bad Request\r\n\r\n"), Step::Hang], "proxy.tls_failed"),
        (vec![Step::Close], "proxy.tls_closed"),
        (vec![Step::Hang], "proxy.tls_timeout"),
    ] {
        let server = Server::start(&tls, greeting, |_| vec![]).await;
        let route = proxy_by(Scheme::Https, server.address, None);
        let client = Client::new(route, &trust, &hasty, Clock::start()).unwrap();
        for url in SITES {
            let exchange = client.send(&get(url)).await;
            assert!(matches!(failure(&exchange), Failure::ProxyTls(_)), "{exchange:?}");
            assert_eq!((failure(&exchange).code().as_ref(), exchange.sent), (code, None));
        }
    }
}

#[actix_rt::test]
async fn where_any_certificate_will_do_pages_come_but_prove_nothing_and_proxies_are_still_checked() {
    let anybody = SiteTls::new("Anybody");
    let insecure = Fetch { insecure_tls: true, ..settings() };
    let trust = Tls::new(&insecure).unwrap();
    let connect = |scheme, server: &Server| {
        Client::new(proxy_by(scheme, server.address, None), &trust, &insecure, Clock::start()).unwrap()
    };
    let plain = Server::start(&anybody, vec![], |seen| match seen.line().starts_with("CONNECT ") {
        true => vec![send("HTTP/1.1 200 OK\r\n\r\n"), Step::Secure],
        false => ok("page"),
    });
    let plain = plain.await;
    let client = connect(Scheme::Http, &plain);
    // The name is wrong and the authority unknown.
    for url in ["https://site.test/", "https://another.test/"] {
        let exchange = client.send(&get(url)).await;
        assert_eq!(page(&exchange), b"page");
        assert!(!exchange.result.unwrap().secure);
    }
    let secure = secure_proxy(&anybody).await;
    let exchange = connect(Scheme::Https, &secure).send(&get("http://site.test/")).await;
    assert!(matches!(failure(&exchange), Failure::ProxyTls(_)), "{exchange:?}");
}
