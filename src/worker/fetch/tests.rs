//! Fetches over real sockets: redirects, redials, gaps, pages, and what of them is told.

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::task::{Exclusion, Method, TaskId};
use crate::verdict::Certainty;
use crate::worker::bed::{self, Bed, DETAIL, LIST, Proxy, Reply, task, url};

const PAGE: &str = "http://site.test/page";
const GAP: Duration = Duration::from_millis(40);

fn page() -> Reply {
    Reply::page("<h2>Title</h2>")
}

fn code(fetched: &crate::protocol::Outcome) -> &str {
    fetched.verdict.reason().map_or("", |reason| &reason.code)
}

#[actix_rt::test]
async fn a_detail_page_gives_its_record_with_its_provenance() {
    let proxy = Proxy::start().await.answers(PAGE, [page()]);
    let mut bed = Bed::start().await;
    let before = bed.clock.now();
    let outcome = bed.fetch(&proxy, DETAIL, PAGE).await;
    assert_eq!(outcome.verdict, Verdict::Done);
    assert_eq!(outcome.missing, ["note".into()]);
    let [record] = &outcome.records[..] else { panic!("{:?}", outcome.records) };
    assert_eq!((record.task, record.index, record.stage), (TaskId(1), 0, DETAIL));
    assert_eq!(record.values, [json!("Title"), json!(null)]);
    let provenance = &*record.provenance;
    assert_eq!((&*provenance.url, provenance.status, provenance.attempts), (PAGE, 200, 2));
    assert_eq!(*provenance.proxy, format!("127.0.0.1:{}", proxy.port));
    assert_eq!(provenance.referrer.as_deref(), Some("http://site.test/from"));
    assert_eq!(&*provenance.start_url, "http://site.test/start");
    assert!(provenance.fetched_at > before && provenance.fetched_at <= bed.clock.now());
    assert_eq!(outcome.meters.body, "<h2>Title</h2>".len() as u64);
    assert_eq!(outcome.meters.status, Some(200));
}

#[actix_rt::test]
async fn links_become_tasks_one_deeper_that_know_where_they_came_from() {
    let (from, to) = ("http://site.test/list", "http://also.test/dir/list");
    let html = "<a href='1#top'></a><a href='http://foreign.test/2'></a><a href='http://10.0.0.1/3'></a>";
    let proxy = Proxy::start().await.answers(from, [Reply::redirect(to)]).answers(to, [Reply::page(html)]);
    let outcome = Bed::start().await.fetch(&proxy, LIST, from).await;
    assert_eq!(outcome.verdict, Verdict::Done);
    let found: Vec<_> = outcome.links.iter().map(|new| (new.request.url.as_str(), new.excluded)).collect();
    let expected = [
        ("http://also.test/dir/1", None),
        ("http://foreign.test/2", Some(Exclusion::ForeignHost)),
        ("http://10.0.0.1/3", Some(Exclusion::PrivateAddress)),
    ];
    assert_eq!(found, expected);
    let first = &outcome.links[0];
    assert_eq!((first.stage, first.priority, first.depth), (DETAIL, 7, 5));
    assert_eq!((first.referrer.as_deref(), &*first.start_url), (Some(to), "http://site.test/start"));
}

#[actix_rt::test]
async fn a_page_that_falls_short_gives_nothing_but_the_names_of_what_it_lacks() {
    let proxy = Proxy::start().await.answers(PAGE, [Reply::page("<i>captcha</i>")]);
    let outcome = Bed::start().await.fetch(&proxy, DETAIL, PAGE).await;
    assert!(matches!(outcome.verdict, Verdict::Doubtful(_)));
    assert_eq!(code(&outcome), "field.missing");
    assert_eq!(outcome.missing, ["title".into()]);
    assert!(outcome.records.is_empty() && outcome.links.is_empty());
}

#[actix_rt::test]
async fn text_comes_out_in_the_encoding_that_the_page_is_in() {
    let body = Reply::status(200, "content-type: text/html; charset=gbk\r\n", b"<h2>\xb0\xd4\xcd\xf5</h2>");
    let proxy = Proxy::start().await.answers(PAGE, [body]);
    let outcome = Bed::start().await.fetch(&proxy, DETAIL, PAGE).await;
    assert_eq!(outcome.records[0].values[0], json!("霸王"));
}

#[actix_rt::test]
async fn a_large_page_is_read_like_a_small_one() {
    let large = format!("<h2>Title</h2><p>{}", "x".repeat(600 * 1024));
    let proxy = Proxy::start().await.answers(PAGE, [Reply::page(&large)]);
    let outcome = Bed::start().await.fetch(&proxy, DETAIL, PAGE).await;
    assert_eq!((outcome.verdict, outcome.records.len()), (Verdict::Done, 1));
}

#[actix_rt::test]
async fn redirects_are_followed_and_counted_and_the_record_keeps_the_tasks_address() {
    let (two, three) = ("http://also.test/two", "http://also.test/three");
    let proxy = Proxy::start()
        .await
        .answers(PAGE, [Reply::redirect("http://also.test/two#part")])
        .answers(two, [Reply::redirect("three")])
        .answers(three, [page()]);
    let outcome = Bed::start().await.fetch(&proxy, DETAIL, PAGE).await;
    assert_eq!(outcome.verdict, Verdict::Done);
    assert_eq!(proxy.lines(), [format!("GET {PAGE}"), format!("GET {two}"), format!("GET {three}")]);
    assert_eq!((outcome.meters.requests, outcome.meters.hops, outcome.meters.redials), (3, 2, 0));
    assert_eq!(&*outcome.records[0].provenance.url, PAGE);
    let hosts: Vec<_> = outcome.meters.sent.iter().map(|(host, _)| &*host.0).collect();
    assert_eq!(hosts, ["site.test:80", "also.test:80", "also.test:80"]);
}

#[actix_rt::test]
async fn redirects_that_lead_nowhere_good_are_not_followed() {
    let long = |n: u32| (format!("http://site.test/{n}"), format!("/{}", n + 1));
    let mut proxy = Proxy::start().await.answers("http://site.test/a", [Reply::redirect("/b")]);
    proxy = proxy.answers("http://site.test/b", [Reply::redirect("/a")]);
    proxy = proxy.answers("http://site.test/out", [Reply::redirect("http://foreign.test/?token=hush")]);
    proxy = proxy.answers("http://site.test/in", [Reply::redirect("http://10.0.0.1/")]);
    proxy = proxy.answers("http://site.test/nowhere", [Reply::redirect("mailto:me@site.test")]);
    for (address, location) in (1..9).map(long) {
        proxy = proxy.answers(&address, [Reply::redirect(&location)]);
    }
    let mut bed = Bed::start().await;
    for (path, verdict, reason, requests) in [
        ("a", "unusable", "redirect.loop", 2),
        ("1", "unusable", "redirect.too_many", 4),
        ("out", "excluded", "redirect.foreign_host", 1),
        ("in", "excluded", "redirect.private_address", 1),
        ("nowhere", "rejected", "status.302", 1),
    ] {
        let outcome = bed.fetch(&proxy, DETAIL, &format!("http://site.test/{path}")).await;
        assert_eq!((outcome.verdict.as_str(), code(&outcome)), (verdict, reason), "{path}");
        assert_eq!(outcome.meters.requests, requests, "{path}");
        assert!(!format!("{outcome:?}").contains("hush"), "{path}");
    }
}

#[actix_rt::test]
async fn after_a_redirect_the_hop_that_failed_is_judged() {
    let proxy = Proxy::start()
        .await
        .answers(PAGE, [Reply::redirect("/gone")])
        .answers("http://site.test/gone", [Reply::status(410, "", b"")])
        .answers("http://site.test/cut", [Reply::redirect("/close")])
        .answers("http://site.test/close", [Reply::Close]);
    let mut bed = Bed::start().await;
    let outcome = bed.fetch(&proxy, DETAIL, PAGE).await;
    assert!(matches!(outcome.verdict, Verdict::Gone(Certainty::Doubtful, _)), "{:?}", outcome.verdict);
    assert_eq!(outcome.meters.status, Some(410));
    let outcome = bed.fetch(&proxy, DETAIL, "http://site.test/cut").await;
    assert!(matches!(outcome.verdict, Verdict::Doubtful(_)), "{:?}", outcome.verdict);
    assert_eq!(outcome.meters.status, None, "the redirect's status is not the answer's");
}

#[actix_rt::test]
async fn hops_to_one_host_keep_the_gap() {
    let (two, away) = ("http://site.test/two", "http://also.test/");
    let proxy = Proxy::start()
        .await
        .answers(PAGE, [Reply::redirect("/two")])
        .answers(two, [Reply::redirect(away)])
        .answers(away, [page()]);
    let mut bed = Bed::start().await;
    bed.gap = GAP;
    let before = bed.clock.now();
    let outcome = bed.fetch(&proxy, DETAIL, PAGE).await;
    assert_eq!(outcome.verdict, Verdict::Done);
    assert!(Bed::sent(&outcome, "site.test:80").since(before) >= GAP);
    assert!(outcome.meters.wait > Duration::ZERO);
    // The second fetch begins at once, as its dispatcher has it, but hops to a host that was asked just now.
    let first = Bed::sent(&outcome, "also.test:80");
    bed.give(task(2, DETAIL, two), 1);
    let outcome = bed.outcome().await;
    assert!(Bed::sent(&outcome, "also.test:80").since(first) >= GAP);
}

#[actix_rt::test]
async fn every_request_is_metered_in_order_with_its_host() {
    let (away, back) = ("http://also.test/", "http://site.test/back");
    let proxy = Proxy::start()
        .await
        .answers(PAGE, [Reply::redirect(away)])
        .answers(away, [Reply::redirect(back)])
        .answers(back, [page()]);
    let outcome = Bed::start().await.fetch(&proxy, DETAIL, PAGE).await;
    let sent = &outcome.meters.sent;
    let hosts: Vec<_> = sent.iter().map(|(host, _)| &*host.0).collect();
    assert_eq!(hosts, ["site.test:80", "also.test:80", "site.test:80"]);
    assert!(sent.windows(2).all(|pair| pair[0].1 < pair[1].1), "{sent:?}");
    assert_eq!(outcome.meters.requests, 3);
}

#[actix_rt::test]
async fn a_connection_that_went_stale_is_redialled_once_before_anybody_is_suspected() {
    let proxy = Proxy::start().await.answers(PAGE, [page(), Reply::Close, page()]);
    let mut bed = Bed::start().await;
    bed.gap = GAP;
    let first = bed.fetch(&proxy, DETAIL, PAGE).await;
    bed.give(task(2, DETAIL, PAGE), 1);
    let outcome = bed.outcome().await;
    assert_eq!(outcome.verdict, Verdict::Done);
    assert_eq!((outcome.meters.requests, outcome.meters.redials, outcome.meters.hops), (2, 1, 0));
    let connections: Vec<_> = proxy.asked().iter().map(|asked| asked.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
    let (first, last) = (Bed::sent(&first, "site.test:80"), Bed::sent(&outcome, "site.test:80"));
    assert!(last.since(first) >= GAP, "the redial keeps the gap");
}

#[actix_rt::test]
async fn a_fresh_connection_that_closes_is_suspect_at_once_and_a_stale_one_after_its_redial() {
    let proxy = Proxy::start().await.answers(PAGE, [Reply::Close]);
    let mut bed = Bed::start().await;
    let outcome = bed.fetch(&proxy, DETAIL, PAGE).await;
    assert!(matches!(outcome.verdict, Verdict::Doubtful(_)), "{:?}", outcome.verdict);
    assert_eq!((outcome.meters.requests, outcome.meters.redials), (1, 0));
    assert_eq!(outcome.meters.status, None);

    let proxy = Proxy::start().await.answers(PAGE, [page(), Reply::Close]);
    bed.fetch(&proxy, DETAIL, PAGE).await;
    bed.give(task(2, DETAIL, PAGE), 1);
    let outcome = bed.outcome().await;
    assert!(matches!(outcome.verdict, Verdict::Doubtful(_)), "{:?}", outcome.verdict);
    assert_eq!((outcome.meters.requests, outcome.meters.redials), (2, 1));
}

#[actix_rt::test]
async fn a_status_that_the_config_names_is_judged_even_where_it_redirects() {
    let moved = |location: &str| Reply::status(303, &format!("location: {location}\r\n"), b"");
    let proxy = Proxy::start().await.answers(PAGE, [moved("/elsewhere")]);
    let outcome = Bed::start().await.fetch(&proxy, DETAIL, PAGE).await;
    assert!(matches!(outcome.verdict, Verdict::Banned(_)), "{:?}", outcome.verdict);
    assert_eq!(outcome.meters.requests, 1);
}

#[actix_rt::test]
async fn a_form_becomes_a_page_to_get_after_a_redirect() {
    let proxy =
        Proxy::start().await.answers("http://site.test/form", [Reply::redirect("/page")]).answers(PAGE, [page()]);
    let mut bed = Bed::start().await;
    bed.bind(proxy.port, 1);
    let mut form = task(1, DETAIL, "http://site.test/form");
    form.request = Request { method: Method::Post, url: url("http://site.test/form"), body: Some("a=1".into()) };
    bed.give(form, 1);
    assert_eq!(bed.outcome().await.verdict, Verdict::Done);
    assert_eq!(proxy.lines(), ["POST http://site.test/form".to_owned(), format!("GET {PAGE}")]);
}

#[actix_rt::test]
async fn a_proxy_that_is_not_there_is_broken_and_nothing_went_out() {
    let mut bed = Bed::start().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    bed.bind(port, 1);
    bed.give(task(1, DETAIL, PAGE), 1);
    let outcome = bed.outcome().await;
    assert!(matches!(outcome.verdict, Verdict::ProxyBroken(_)), "{:?}", outcome.verdict);
    assert_eq!((outcome.meters.requests, outcome.meters.sent.len()), (0, 0));
}

#[actix_rt::test]
async fn a_407_in_plain_http_is_the_proxys_word_with_a_challenge_or_without() {
    for challenge in ["proxy-authenticate: Basic realm=x\r\n", ""] {
        let proxy = Proxy::start().await.answers("http://site.test/", [Reply::status(407, challenge, b"who?")]);
        let outcome = Bed::start().await.fetch(&proxy, DETAIL, "http://site.test/").await;
        assert!(matches!(outcome.verdict, Verdict::ProxyDenied(_)), "{challenge:?}: {:?}", outcome.verdict);
    }
}

#[actix_rt::test]
async fn without_a_proxy_the_page_alone_is_judged() {
    let site = Proxy::start().await.answers("/gone", [Reply::status(404, "", b"")]);
    let mut bed = Bed::start().await;
    bed.bind_direct(1);
    bed.give(task(1, DETAIL, &format!("http://127.0.0.1:{}/gone", site.port)), 1);
    let outcome = bed.outcome().await;
    assert!(matches!(outcome.verdict, Verdict::Gone(Certainty::Sure, _)), "{:?}", outcome.verdict);
}

#[actix_rt::test]
async fn a_captcha_that_comes_with_any_status_is_a_ban_by_the_name_of_its_rule() {
    let captcha = b"<h2 class=title>A real title</h2><div id=captcha>prove it</div>";
    for reply in [
        Reply::status(200, "content-type: text/html\r\n", captcha),
        Reply::status(503, "content-type: text/html\r\n", captcha),
        Reply::status(403, "content-type: text/html\r\n", captcha),
        Reply::Raw(
            [b"HTTP/1.1 429 Cut\r\ntransfer-encoding: chunked\r\n\r\n100\r\n".as_slice(), captcha, &[b'.'; 256], b"?"]
                .concat(),
        ),
    ] {
        let proxy = Proxy::start().await.answers(PAGE, [reply.clone()]);
        let rule = config::BanRule { name: "captcha".into(), select: Some("#captcha".into()), ..Default::default() };
        let mut bed = Bed::with_ban(config::Ban { rules: vec![rule], ..bed::ban() }).await;
        let outcome = bed.fetch(&proxy, DETAIL, PAGE).await;
        assert_eq!((outcome.verdict.as_str(), code(&outcome)), ("banned", "ban.captcha"), "{reply:?}");
        assert_eq!((outcome.records.len(), outcome.links.len()), (0, 0), "nothing of it is believed");
    }
}

#[actix_rt::test]
async fn a_redirect_to_a_login_is_a_ban_even_on_a_foreign_host_and_is_not_followed() {
    for login in ["/login?back=1", "http://accounts.elsewhere.test/login"] {
        let proxy = Proxy::start().await.answers(PAGE, [Reply::redirect(login)]);
        let mut bed = Bed::with_ban(config::Ban { url: vec![r"/login\b".into()], ..bed::ban() }).await;
        let outcome = bed.fetch(&proxy, DETAIL, PAGE).await;
        assert_eq!((outcome.verdict.as_str(), code(&outcome)), ("banned", "ban.url"), "{login}");
        assert_eq!(outcome.meters.requests, 1, "{login}");
    }
}
