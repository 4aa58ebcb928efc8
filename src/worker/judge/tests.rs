//! Every row of the judge's table, as (without a proxy, inside TLS, over plain http): the verdict and who is suspect. Through
//! SOCKS it is as over plain http, where not said otherwise.

use std::time::Duration;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::clock::Timestamp;
use crate::proxy::Endpoint;
use crate::task::HostKey;
use crate::transport::{Dial, HeaderMap, SocksReply, TlsFailure, TlsProblem};
use crate::verdict::Suspect;
use crate::worker::ban::Outside;
use crate::worker::bed::{self, extracted, rules};

const CHANNELS: [Channel; 4] = [Channel::Direct, Channel::Tunnel, Channel::Relay, Channel::Plain];
const WAIT: Option<Duration> = Some(Duration::from_secs(86_400));

fn told(verdict: &Verdict) -> String {
    format!("{} {}", verdict.as_str(), verdict.suspect().as_str())
}

fn status(status: u16, retry_after: Option<Duration>, channel: Channel) -> Option<Verdict> {
    by(&rules(), status, retry_after, channel)
}

/// The verdict on an answer with nothing in it, by these rules; none if it may be a page.
fn by(rules: &Rules, status: u16, retry_after: Option<Duration>, channel: Channel) -> Option<Verdict> {
    let (url, headers) = (bed::url("http://site.test/"), HeaderMap::new());
    if let Some(sign) = rules.ban().watch(Outside { status, url: &url, headers: &headers }).settle("", &[]) {
        return Some(banned(sign, channel));
    }
    match head(status, retry_after, channel, rules) {
        Head::Page => None,
        Head::Verdict(verdict) => Some(verdict),
    }
}

fn words(text: &str) -> String {
    text.to_owned()
}

#[test]
fn each_status_has_its_row() {
    let rejected = ["rejected page", "rejected page", "rejected either"];
    let failing = ["failing page", "failing page", "failing either"];
    let throttled = ["throttled nobody"; 3];
    let gateway = ["failing page", "doubtful either", "doubtful either"];
    for (code, retry_after, [direct, tunnel, plain]) in [
        (403, None, ["rejected page", "banned either", "banned either"]),
        (403, WAIT, ["rejected page", "banned either", "banned either"]),
        (404, None, ["gone page", "gone page", "gone either"]),
        (410, None, ["gone page", "gone page", "gone either"]),
        (407, None, ["rejected page", "rejected page", "proxy_denied proxy"]),
        (429, None, throttled),
        (429, WAIT, throttled),
        (503, WAIT, throttled),
        (503, None, failing),
        (502, None, gateway),
        (504, None, gateway),
        (500, None, failing),
        (408, None, failing),
        (524, None, failing),
        (501, None, rejected),
        (599, None, rejected),
        (400, None, rejected),
        (401, None, rejected),
        (451, None, rejected),
        (300, None, rejected),
        (302, None, rejected),
        (304, None, rejected),
        (100, None, rejected),
        (101, None, rejected),
        (0, None, rejected),
        (600, None, rejected),
        (999, None, rejected),
    ] {
        // A SOCKS proxy has no word for 407: the site said it.
        let relay = if code == 407 { "rejected either" } else { plain };
        for (channel, expected) in CHANNELS.into_iter().zip([direct, tunnel, relay, plain]) {
            let verdict = status(code, retry_after, channel).expect("not a page");
            assert_eq!(told(&verdict), expected, "{code} {retry_after:?} {channel:?}");
            assert_eq!(verdict.reason().unwrap().code, format!("status.{code}"));
        }
    }
}

#[test]
fn a_2xx_is_judged_by_what_is_on_it() {
    for channel in CHANNELS {
        for code in [200, 201, 202, 204, 206, 299] {
            assert_eq!(status(code, None, channel), None, "{code}");
        }
        assert_eq!(page(None, channel), Verdict::Done);
    }
    let unmet = extracted("<p>captcha</p>").shortfall.unwrap();
    let expected = ["failing page", "doubtful either", "doubtful either", "doubtful either"];
    for (channel, expected) in CHANNELS.into_iter().zip(expected) {
        let verdict = page(Some(&unmet), channel);
        assert_eq!(told(&verdict), expected);
        assert_eq!(verdict.reason().unwrap(), &Reason::new(unmet.code(), unmet.to_string()));
    }
}

#[test]
fn what_the_config_names_goes_before_what_the_number_means() {
    let listing = |list: &[u16]| list.to_vec();
    let ban = config::Ban { status: listing(&[451, 200]), ..bed::ban() };
    let rules = Rules {
        retry: listing(&[202, 302, 401, 429]),
        gone: listing(&[401, 451, 502]),
        ban: Signs::new(&ban).unwrap(),
    };
    let name = |code| by(&rules, code, None, Channel::Tunnel).map_or("page", |verdict| verdict.as_str());
    assert_eq!(name(200), "banned");
    assert_eq!(name(451), "banned", "a ban before gone");
    assert_eq!(name(401), "gone", "gone before a retry");
    assert_eq!(name(502), "gone");
    assert_eq!((name(202), name(302)), ("failing", "failing"));
    assert_eq!(name(429), "throttled", "whatever is listed");
    assert_eq!(name(503), "rejected", "no retry unless listed");
    assert!(rules.name(302) && rules.name(401) && rules.name(502) && !rules.name(301));
}

#[test]
fn retry_after_is_passed_on_as_the_site_said_it() {
    for (code, header) in [(429, WAIT), (429, None), (503, WAIT)] {
        let Some(Verdict::Throttled { retry_after, .. }) = status(code, header, Channel::Plain) else {
            panic!("{code}")
        };
        assert_eq!(retry_after, header);
    }
}

#[test]
fn each_failure_has_its_row() {
    let broken = ["failing page", "proxy_broken proxy", "proxy_broken proxy"];
    let denied = ["rejected page", "proxy_denied proxy", "proxy_denied proxy"];
    let doubtful = ["failing page", "doubtful either", "doubtful either"];
    let unusable = ["rejected page", "unusable either", "unusable either"];
    let tls = || TlsFailure { problem: TlsProblem::Untrusted, words: words("unknown issuer"), issuer: None };
    for (why, [direct, tunnel, plain]) in [
        (Failure::ProxyUnreachable(Dial::Refused), broken),
        (Failure::ProxyUnreachable(Dial::TimedOut), broken),
        (Failure::ProxyHandshake(words("garbage")), broken),
        (Failure::NotHttp(words("garbage")), broken),
        (Failure::ProxyAuth, denied),
        (Failure::TunnelRefused { status: 407 }, denied),
        (Failure::TunnelRefused { status: 403 }, doubtful),
        (Failure::TunnelRefused { status: 502 }, doubtful),
        (Failure::TunnelTimeout, doubtful),
        (Failure::ProxyTls(tls()), broken),
        (Failure::SiteTls(tls()), doubtful),
        (Failure::SocksRefused(SocksReply::GeneralFailure), doubtful),
        (Failure::SocksRefused(SocksReply::NotAllowed), doubtful),
        (Failure::SocksRefused(SocksReply::NetworkUnreachable), doubtful),
        (Failure::SocksRefused(SocksReply::HostUnreachable), doubtful),
        (Failure::SocksRefused(SocksReply::ConnectionRefused), doubtful),
        (Failure::SocksRefused(SocksReply::TtlExpired), doubtful),
        (Failure::SocksRefused(SocksReply::AddressKind), doubtful),
        (Failure::SiteUnreachable(Dial::UnknownName), doubtful),
        (Failure::SiteNotHttp(words("garbage")), doubtful),
        (Failure::HeadTimeout, doubtful),
        (Failure::BodyTimeout, doubtful),
        (Failure::ClosedBeforeHead, doubtful),
        (Failure::CutHead, doubtful),
        (Failure::CutBody(words("early end")), doubtful),
        (Failure::HeadTooLarge, unusable),
        (Failure::TooLarge { limit: 9 }, unusable),
        (Failure::Undecodable(words("gzip")), unusable),
        (Failure::Unsendable(words("line break")), ["rejected page"; 3]),
    ] {
        for (channel, expected) in CHANNELS.into_iter().zip([direct, tunnel, plain, plain]) {
            let verdict = failure(&why, channel).unwrap();
            assert_eq!(told(&verdict), expected, "{why:?} {channel:?}");
            assert_eq!(verdict.reason().unwrap(), &Reason::new(why.code(), why.to_string()));
        }
    }
}

#[test]
fn a_client_that_is_of_no_use_says_nothing_about_the_page() {
    for channel in CHANNELS {
        let why = Failure::ClientUnusable(words("no such scheme"));
        assert_eq!(failure(&why, channel), Err(Reason::new(why.code(), why.to_string())));
    }
}

#[test]
fn each_dead_end_has_its_row() {
    let unusable = ["rejected page", "unusable either", "unusable either"];
    let excluded = |exclusion| DeadEnd::Excluded { exclusion, host: HostKey("other.test:80".into()) };
    for (end, code, [direct, tunnel, plain]) in [
        (DeadEnd::Loop { place: words("site.test:80/") }, "redirect.loop", unusable),
        (DeadEnd::TooMany { limit: 5 }, "redirect.too_many", unusable),
        (excluded(Exclusion::ForeignHost), "redirect.foreign_host", ["excluded recipe"; 3]),
        (excluded(Exclusion::PrivateAddress), "redirect.private_address", ["excluded recipe"; 3]),
    ] {
        for (channel, expected) in CHANNELS.into_iter().zip([direct, tunnel, plain, plain]) {
            let verdict = dead_end(&end, channel);
            assert_eq!((told(&verdict).as_str(), verdict.reason().unwrap().code.as_str()), (expected, code));
        }
    }
}

#[test]
fn our_own_panic_is_our_own_fault() {
    assert_eq!(told(&panicked("index out of bounds")), "panicked us");
}

#[test]
fn an_answer_is_as_sure_as_the_way_that_it_came() {
    let proxy = |scheme| {
        let (host, label) = ("proxy.test".into(), "proxy.test:1".into());
        Route::Proxy(Endpoint { scheme, host, port: 1, credentials: None, label })
    };
    let answer = |secure| {
        let (headers, body, at) = (HeaderMap::new(), Bytes::new(), Timestamp::from_micros(0));
        Answer { status: 200, headers, body, secure, at }
    };
    for (route, url, secure, expected) in [
        (Route::Direct, "http://site.test/", true, Channel::Direct),
        (Route::Direct, "https://site.test/", true, Channel::Direct),
        (proxy(Scheme::Http), "http://site.test/", false, Channel::Plain),
        (proxy(Scheme::Https), "http://site.test/", false, Channel::Plain),
        (proxy(Scheme::Socks5), "http://site.test/", false, Channel::Relay),
        (proxy(Scheme::Http), "https://site.test/", true, Channel::Tunnel),
        (proxy(Scheme::Socks5), "https://site.test/", true, Channel::Tunnel),
        // Where any certificate will do.
        (proxy(Scheme::Http), "https://site.test/", false, Channel::Relay),
        (proxy(Scheme::Https), "https://site.test/", false, Channel::Relay),
    ] {
        let url = Url::parse(url).unwrap();
        assert_eq!(Channel::answered(&route, &url, &answer(secure)), expected, "{route:?} {url} {secure}");
    }
}

proptest! {
    #[test]
    fn without_a_proxy_none_is_ever_suspect(code: u16, wait: Option<Duration>) {
        if let Some(verdict) = status(code, wait, Channel::Direct) {
            prop_assert!(!matches!(verdict.suspect(), Suspect::Proxy | Suspect::Either), "{verdict:?}");
        }
    }

    #[test]
    fn over_plain_http_no_status_alone_condemns_a_page(code: u16) {
        for channel in [Channel::Plain, Channel::Relay] {
            if let Some(verdict) = status(code, None, channel) {
                prop_assert_ne!(verdict.suspect(), Suspect::Page, "{:?}", verdict);
            }
        }
    }

    #[test]
    fn every_2xx_that_the_config_does_not_name_is_read(code in 200_u16..300, wait: Option<Duration>) {
        prop_assert_eq!(status(code, wait, Channel::Plain), None);
    }
}
