//! Answers are framed as HTTP says, or they are no pages: traps of cut bodies and of bodies without a length.
//!
//! In: scripts of what a server sends, byte for byte, on real sockets and in real TLS. Out: what the client made of it.

use std::time::Duration;

use futures_util::future::join_all;

use super::bed::{Bed, Step, Way, ok, send, settings};
use super::{failure, page};
use crate::config::Fetch;
use crate::transport::Failure;

#[actix_rt::test]
async fn a_cut_body_is_never_a_page() {
    let cuts: [&[u8]; 5] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.0 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
    ];
    for way in Way::ALL {
        for cut in cuts {
            for end in [Step::Close, Step::Cut] {
                let bed = Bed::new(way, move |_| vec![send(cut), end.clone()]).await;
                let exchange = bed.get("/").await;
                assert!(
                    matches!(failure(&exchange), Failure::CutBody(_)),
                    "{way:?} {}: {exchange:?}",
                    cut.escape_ascii()
                );
            }
        }
    }
}

#[actix_rt::test]
async fn a_body_that_comes_in_any_pieces_is_read_whole() {
    let length = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nA: b\r\n\r\n";
    for way in Way::ALL {
        for answer in [&length[..], &chunked[..]] {
            let bed = Bed::new(way, move |_| vec![Step::Trickle(answer.to_vec())]).await;
            for _ in 0..3 {
                assert_eq!(page(&bed.get("/").await), b"hello world", "{way:?}");
            }
            assert_eq!(bed.server.connections(), 1, "{way:?}");
        }
    }
}

#[actix_rt::test]
async fn a_body_without_a_length_comes_out_whole_and_ends_its_connection() {
    let heads = [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    ];
    let body = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake".repeat(5_000);
    for way in Way::ALL {
        for head in heads {
            let answer = format!("{head}{body}");
            let bed = Bed::new(way, move |_| vec![send(&answer), Step::Close]).await;
            for fetch in 1..=2 {
                let exchange = bed.get("/").await;
                assert!(page(&exchange) == body.as_bytes(), "{way:?} {head:?}: {} bytes", page(&exchange).len());
                assert!(!exchange.reused);
                assert_eq!(bed.server.connections(), fetch);
            }
        }
    }
}

#[actix_rt::test]
async fn a_body_until_close_inside_tls_must_be_closed_by_who_sends_it() {
    for way in Way::ALL.into_iter().filter(|way| way.encrypted()) {
        let bed = Bed::new(way, |_| vec![send("HTTP/1.1 200 OK\r\n\r\nhalf of it"), Step::Cut]).await;
        let exchange = bed.get("/").await;
        assert!(matches!(failure(&exchange), Failure::CutBody(_)), "{exchange:?}");
    }
}

#[actix_rt::test]
async fn a_connection_left_open_behind_an_unlengthed_body_is_a_time_out_and_no_second_answer() {
    let short = Fetch { timeout: Duration::from_millis(500), ..settings() };
    let bed = Bed::with(Way::Forward, short, |_| vec![send("HTTP/1.1 200 OK\r\n\r\npage"), Step::Hang]).await;
    assert_eq!(failure(&bed.get("/1").await), &Failure::BodyTimeout);
    assert_eq!(failure(&bed.get("/2").await), &Failure::BodyTimeout);
    assert_eq!(bed.server.connections(), 2);
}

#[actix_rt::test]
async fn answers_without_a_body_keep_the_connection_in_step() {
    let heads = [
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.0 304 Not Modified\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\n\r\n",
    ];
    for way in Way::ALL {
        for head in heads {
            let bed =
                Bed::new(way, move |seen| if seen.line().contains("/none") { vec![send(head)] } else { ok("page") });
            let bed = bed.await;
            assert_eq!(page(&bed.get("/none").await), b"", "{way:?} {head:?}");
            assert_eq!(page(&bed.get("/page").await), b"page", "{way:?} {head:?}");
        }
    }
}

#[actix_rt::test]
async fn the_body_of_an_error_is_read_so_that_its_connection_is_kept() {
    let words = "sorry ".repeat(5_000);
    let chunked = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{words}\r\n0\r\n\r\n", words.len());
    let length = format!("Content-Length: {}\r\n\r\n{words}", words.len());
    for way in Way::ALL {
        for status in ["302 Found", "403 Forbidden", "404 Not Found", "500 Oh"] {
            for rest in [&chunked, &length] {
                let error = format!("HTTP/1.1 {status}\r\n{rest}");
                let bed = Bed::new(way, move |seen| match seen.line().contains("/bad") {
                    true => vec![send(&error)],
                    false => ok("page"),
                });
                let bed = bed.await;
                assert_eq!(page(&bed.get("/bad").await), words.as_bytes());
                let exchange = bed.get("/good").await;
                assert_eq!((page(&exchange), exchange.reused), (&b"page"[..], true), "{way:?} {status}");
                assert_eq!(bed.server.connections(), 1);
            }
        }
    }
}

#[actix_rt::test]
async fn an_error_is_that_error_however_its_body_ends_and_the_next_page_is_right() {
    let short = Fetch { timeout: Duration::from_millis(1_500), max_body: 1_000, ..settings() };
    let bodies = [
        vec![send("Content-Length: 100\r\n\r\nonly this"), Step::Close],
        vec![send("Transfer-Encoding: chunked\r\n\r\n5\r\nhel"), Step::Cut],
        vec![send("Content-Length: 100\r\n\r\nonly this"), Step::Hang],
        vec![send("Content-Length: 5000000000\r\n\r\nand so on")],
        vec![send(format!("Transfer-Encoding: chunked\r\n\r\n7d0\r\n{}\r\n", "x".repeat(2_000)))],
        vec![send("Content-Encoding: br\r\nContent-Length: 4\r\n\r\nabcd")],
        vec![send("Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")],
    ];
    let visits = Way::ALL.into_iter().flat_map(|way| bodies.iter().map(move |body| (way, body.clone())));
    let visit = |(way, body): (Way, Vec<Step>)| {
        let short = short.clone();
        async move {
            let steps = [vec![send("HTTP/1.1 404 Not Found\r\n")], body].concat();
            let bed = Bed::with(way, short, move |seen| match seen.line().contains("/bad") {
                true => steps.clone(),
                false => ok("page"),
            });
            let bed = bed.await;
            let exchange = bed.get("/bad").await;
            assert_eq!(exchange.result.as_ref().map(|answer| answer.status), Ok(404), "{way:?}");
            assert_eq!(page(&exchange), b"");
            assert_eq!(page(&bed.get("/good").await), b"page", "{way:?}");
        }
    };
    join_all(visits.map(visit)).await;
}

#[actix_rt::test]
async fn interim_answers_are_skipped() {
    let answer = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n\
                  HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage";
    for way in Way::ALL {
        let bed = Bed::new(way, move |_| vec![send(answer)]).await;
        for _ in 0..2 {
            assert_eq!(page(&bed.get("/").await), b"page");
        }
        assert_eq!(bed.server.connections(), 1);
    }
}

#[actix_rt::test]
async fn an_upgrade_that_nobody_asked_for_does_not_empty_a_page() {
    let answer = "HTTP/1.1 200 OK\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\npage";
    let bed = Bed::new(Way::Forward, move |_| vec![send(answer)]).await;
    assert_eq!(page(&bed.get("/").await), b"page");
}

#[actix_rt::test]
async fn what_follows_a_whole_answer_is_not_the_next_answer() {
    for way in Way::ALL {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npageHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfake";
        let bed = Bed::new(way, move |seen| if seen.connection == 1 { vec![send(answer)] } else { ok("next") }).await;
        assert!(matches!(failure(&bed.get("/1").await), Failure::CutBody(_)), "which of the two is the page?");
        let exchange = bed.get("/2").await;
        assert_eq!((page(&exchange), exchange.reused), (&b"next"[..], false), "{way:?}");
    }
}

#[actix_rt::test]
async fn a_body_longer_than_announced_is_not_a_page_but_a_line_end_too_many_does_no_harm() {
    for way in Way::ALL {
        for (beyond, is_page) in [("\r\n", true), ("and the other half", false)] {
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage{beyond}");
            let bed = Bed::new(way, move |_| vec![send(&answer)]).await;
            let exchange = bed.get("/").await;
            assert_eq!(exchange.result.is_ok(), is_page, "{way:?}: {exchange:?}");
        }
    }
}

#[actix_rt::test]
async fn contradictory_lengths_are_no_answer() {
    for lines in
        ["Content-Length: 4\r\nContent-Length: 5", "Content-Length: 4, 5", "Content-Length: +4", "Content-Length: "]
    {
        let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\npage!");
        let bed = Bed::new(Way::Forward, move |_| vec![send(&answer)]).await;
        let exchange = bed.get("/").await;
        assert!(matches!(failure(&exchange), Failure::NotHttp(_)), "{lines}: {exchange:?}");
    }
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\npage";
    let bed = Bed::new(Way::Forward, move |_| vec![send(answer)]).await;
    assert_eq!(page(&bed.get("/").await), b"page");
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    let bed = Bed::new(Way::Forward, move |_| vec![send(answer)]).await;
    assert!(matches!(failure(&bed.get("/").await), Failure::NotHttp(_)));
}
