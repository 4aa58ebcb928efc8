//! Bodies are decoded whole and within their limit, or not at all.
//!
//! In: scripts of what a server sends, byte for byte, on real sockets and in real TLS. Out: what the client made of it.

use std::io::Write;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

use super::bed::{Bed, Step, Way, send, settings};
use super::{failure, page};
use crate::config::Fetch;
use crate::transport::Failure;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn bare(body: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn coded(coding: &str, body: &[u8]) -> Vec<Step> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len());
    vec![send([head.as_bytes(), body].concat())]
}

#[actix_rt::test]
async fn a_bomb_is_too_large() {
    let zeros = vec![0; 64 << 20];
    let bombs = [("gzip", gzip(&zeros)), ("deflate", zlib(&zeros)), ("deflate", bare(&zeros))];
    for way in Way::ALL {
        for (coding, bomb) in bombs.clone() {
            let bed = Bed::new(way, move |_| coded(coding, &bomb)).await;
            assert_eq!(failure(&bed.get("/").await), &Failure::TooLarge { limit: 1 << 20 }, "{way:?} {coding}");
        }
    }
}

#[actix_rt::test]
async fn a_body_of_the_limit_is_a_page_and_one_byte_more_is_not() {
    let small = || Fetch { max_body: 1_000, ..settings() };
    for (size, fits) in [(1_000, true), (1_001, false)] {
        let body = vec![b'x'; size];
        let until_close = [b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), &body].concat();
        let scripts = [
            coded("identity", &body),
            coded("gzip", &gzip(&body)),
            coded("deflate", &zlib(&body)),
            coded("deflate", &bare(&body)),
            vec![send(until_close), Step::Close],
        ];
        for script in scripts {
            let bed = Bed::with(Way::Forward, small(), move |_| script.clone()).await;
            let exchange = bed.get("/").await;
            match fits {
                true => assert_eq!(page(&exchange), body),
                false => assert_eq!(failure(&exchange), &Failure::TooLarge { limit: 1_000 }),
            }
        }
    }
}

#[actix_rt::test]
async fn a_body_announced_as_too_large_is_not_read() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n";
    let bed = Bed::new(Way::Forward, move |_| vec![send(head), Step::Hang]).await;
    let exchange = bed.get("/").await;
    assert_eq!(failure(&exchange), &Failure::TooLarge { limit: 1 << 20 });
}

#[actix_rt::test]
async fn damaged_codings_are_named_and_never_short_pages() {
    let text = b"a page that is longer than its coding".repeat(100);
    let whole = [("gzip", gzip(&text)), ("deflate", zlib(&text)), ("deflate", bare(&text))];
    for (coding, whole) in whole {
        for damaged in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &[&whole[..], b"more"].concat(), b"plain"]
        {
            let damaged = damaged.to_vec();
            let bed = Bed::new(Way::Forward, move |_| coded(coding, &damaged)).await;
            let exchange = bed.get("/").await;
            assert!(matches!(failure(&exchange), Failure::Undecodable(_)), "{coding}: {exchange:?}");
        }
    }
    for coding in ["br", "gzip, br", "gzip\r\nContent-Encoding: gzip"] {
        let body = gzip(&text);
        let bed = Bed::new(Way::Forward, move |_| coded(coding, &body)).await;
        let exchange = bed.get("/").await;
        assert!(matches!(failure(&exchange), Failure::Undecodable(_)), "{coding}: {exchange:?}");
    }
}
