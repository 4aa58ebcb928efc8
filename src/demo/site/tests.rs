//! The site, asked over plain sockets.

use std::net::{IpAddr, Ipv4Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// All that comes back for one request on a connection of its own.
async fn get(site: &Site, path: &str) -> String {
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

async fn status(site: &Site, path: &str) -> u16 {
    get(site, path).await.split(' ').nth(1).unwrap().parse().unwrap()
}

#[actix_rt::test]
async fn every_fault_shows_as_it_is_named() {
    let site = Builder::new(1, 9)
        .fault("/detail/1", Fault::Status(410))
        .fault("/detail/2", Fault::Throttled { status: 429, retry_after: Some(Duration::from_secs(7)), first: 2 })
        .fault("/detail/4", Fault::FieldMissing)
        .fault("/detail/5", Fault::CutBody)
        .fault("/detail/7", Fault::Moved("/detail/8".into()))
        .fault("/detail/8", Fault::RedirectLoop)
        .start()
        .await
        .unwrap();
    assert_eq!(status(&site, "/detail/1").await, 410);
    let throttled = get(&site, "/detail/2").await;
    assert!(throttled.starts_with("HTTP/1.1 429 ") && throttled.contains("\r\nRetry-After: 7\r\n"), "{throttled}");
    assert_eq!(status(&site, "/detail/2").await, 429);
    assert_eq!(status(&site, "/detail/2").await, 200);
    let bare = get(&site, "/detail/4").await;
    assert!(bare.starts_with("HTTP/1.1 200 ") && !bare.contains("<h2"), "{bare}");
    assert!(get(&site, "/detail/7").await.contains("\r\nLocation: /detail/8\r\n"));
    assert!(get(&site, "/detail/8").await.contains("\r\nLocation: /detail/8\r\n"));
    assert_eq!(status(&site, "/detail/10").await, 404);
    let cut = get(&site, "/detail/5").await;
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    let announced: usize = head.split("Content-Length: ").nth(1).unwrap().trim().parse().unwrap();
    assert!(body.len() < announced, "{} of {announced} bytes", body.len());
}

#[actix_rt::test]
async fn the_journal_tells_who_asked_for_what_and_from_when_to_when() {
    let latency = Duration::from_millis(30);
    let mut site = Builder::new(1, 1).latency(latency).start().await.unwrap();
    get(&site, "/page/1?q=1").await;
    status(&site, "/nowhere").await;
    let visits = site.journal.at_least(2).await;
    let seen: Vec<_> = visits.iter().map(|visit| (visit.path.as_str(), visit.status, visit.from)).collect();
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    assert_eq!(seen, [("/page/1?q=1", 200, here), ("/nowhere", 404, here)]);
    assert!(visits.iter().all(|visit| visit.ended.since(visit.started) >= latency), "{visits:?}");
    assert!(visits[1].started >= visits[0].ended, "they came one after the other: {visits:?}");
}

#[actix_rt::test]
async fn one_connection_serves_many_requests() {
    let site = Builder::new(1, 3).start().await.unwrap();
    let mut wire = Wire::new(TcpStream::connect(site.address()).await.unwrap());
    for id in 1..=3 {
        wire.send(format!("GET /detail/{id} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).await.unwrap();
        let head = wire.response().await.unwrap().unwrap();
        let mut body = Vec::new();
        wire.pass_body(head.framing("GET").unwrap(), &mut body).await.unwrap();
        assert!(String::from_utf8_lossy(&body).contains("<h2>"));
    }
}

#[actix_rt::test]
async fn a_site_that_is_dropped_is_gone_with_its_connections() {
    let site = Builder::new(1, 1).start().await.unwrap();
    let address = site.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /page/1 HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    assert_ne!(stream.read_u8().await.unwrap(), 0);
    drop(site);
    let mut rest = Vec::new();
    // It ends, orderly or not.
    let end = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
    assert!(end.is_ok(), "the connection is still open");
    assert!(TcpStream::connect(address).await.is_err());
}
