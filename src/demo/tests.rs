//! Each mode does on the wire what its name says: tables of names, and what a plain client sees.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::proxy::{self, Behaviour, Proxy};
use super::site::{self, Condition, Fault, Site};

/// What hangs, and is not meant to, fails.
const PATIENCE: Duration = Duration::from_secs(10);
/// What says nothing for so long is silent.
const QUIET: Duration = Duration::from_millis(150);
/// No head is longer, and no page whose length is not announced.
const MUCH: usize = 256 * 1024;

/// A client that takes what comes, and says in a word or two what it was.
#[derive(Default)]
struct Eye {
    stream: Option<TcpStream>,
    read: Vec<u8>,
    single_bytes: usize,
}

/// What the next read showed.
enum Read {
    Bytes,
    End,
    Reset,
    Nothing,
}

/// An answer as far as it has come.
struct Answer<'a> {
    status: &'a str,
    body: &'a [u8],
    /// Its last byte, counted from the first of the body, if it is there.
    end: Option<usize>,
    announced: Option<usize>,
}

impl Eye {
    /// Asks on the kept connection, if there is one, and says what came back.
    async fn sees(&mut self, to: SocketAddr, request: &str, patience: Duration) -> String {
        if self.stream.is_none() {
            match TcpStream::connect(to).await {
                Ok(stream) => *self = Self { stream: Some(stream), ..Self::default() },
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return "refused".into(),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return "reset".into(),
                Err(error) => panic!("{error}"),
            }
        }
        let asked = self.stream.as_mut().unwrap().write_all(request.as_bytes()).await;
        self.single_bytes = 0;
        loop {
            let read = if asked.is_ok() || !self.read.is_empty() { self.read(patience).await } else { Read::Reset };
            if let Some(seen) = self.judge(&read) {
                return seen;
            }
        }
    }

    async fn read(&mut self, patience: Duration) -> Read {
        let mut buffer = [0; 16 * 1024];
        match tokio::time::timeout(patience, self.stream.as_mut().unwrap().read(&mut buffer)).await {
            Err(_) => Read::Nothing,
            Ok(Ok(0)) => Read::End,
            Ok(Ok(count)) => {
                self.single_bytes = if count == 1 { self.single_bytes + 1 } else { 0 };
                self.read.extend_from_slice(&buffer[..count]);
                Read::Bytes
            }
            Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => Read::Reset,
            Ok(Err(error)) => panic!("{error}"),
        }
    }

    /// What it was; `None`: more is needed to tell.
    fn judge(&mut self, read: &Read) -> Option<String> {
        let Some(answer) = Answer::in_(&self.read) else { return self.judge_no_head(read) };
        let body = &answer.body[..answer.end.unwrap_or(answer.body.len())];
        let shows = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
        let much = body.len() > MUCH;
        let seen = match (answer.end, read) {
            (Some(_), _) if answer.status != "200" => answer.status,
            (Some(_), _) if !shows("</html>") => "half a page",
            (Some(_), _) if !shows("<h2>") => "another page",
            (Some(_), _) => "page",
            (None, _) if much && answer.announced.is_none() => "endless body",
            (None, _) if self.single_bytes > 2 => "trickle",
            // A line end may be still to come.
            (None, _) if answer.announced.is_some_and(|all| all > body.len() + 9) && !much && shows("</html>") => {
                "page, and more is announced"
            }
            (None, Read::End) if answer.announced.is_none() && shows("</html>") => "page until the end",
            (None, Read::End) => "cut body",
            (None, Read::Reset) => "reset in the body",
            (None, Read::Nothing) => "stuck body",
            (None, Read::Bytes) => return None,
        };
        let seen = seen.to_owned();
        match answer.end {
            Some(end) => drop(self.read.drain(..self.read.len() - answer.body.len() + end)),
            None => *self = Self::default(),
        }
        Some(seen)
    }

    fn judge_no_head(&mut self, read: &Read) -> Option<String> {
        let begun = self.read.iter().take(5).eq(b"HTTP/".iter().take(self.read.len()));
        let seen = match read {
            _ if !begun => "garbage",
            _ if self.read.len() > MUCH => "endless head",
            Read::Bytes => return None,
            Read::End => "closed",
            Read::Reset => "reset",
            Read::Nothing => "silence",
        };
        *self = Self::default();
        Some(seen.to_owned())
    }
}

impl<'a> Answer<'a> {
    /// The answer whose head is there.
    fn in_(bytes: &'a [u8]) -> Option<Self> {
        let at = |text: &[u8]| bytes.windows(text.len()).position(|window| window == text);
        let (head, body) = bytes.split_at(at(b"\r\n\r\n")? + 4);
        let head = std::str::from_utf8(head).ok()?;
        let status = head.strip_prefix("HTTP/1.1 ")?.split(' ').next()?;
        let announced = head.split("Content-Length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
        let last_chunk = || body.windows(5).position(|window| window == b"0\r\n\r\n").map(|at| at + 5);
        let chunked = head.contains("chunked").then(last_chunk).flatten();
        Some(Self { status, body, end: announced.filter(|all| *all <= body.len()).or(chunked), announced })
    }
}

async fn site() -> Site {
    site::Builder::new(2, 9).start().await.unwrap()
}

async fn proxy(behaviour: Behaviour) -> Proxy {
    proxy::Builder::new(40, behaviour).start().await.unwrap()
}

/// Reads a mode from its name, which it has again when shown.
fn named<T: FromStr<Err: fmt::Debug> + fmt::Display>(name: &str) -> T {
    let mode: T = name.parse().unwrap();
    assert_eq!(mode.to_string(), name);
    mode
}

fn patience(expected: &str) -> Duration {
    if expected == "silence" { QUIET } else { PATIENCE }
}

/// How proxies behave, and what is seen of them when a detail is asked for again and again.
const BEHAVIOURS: &[(&str, &[&str])] = &[
    ("good", &["page", "page"]),
    ("dead", &["refused", "refused"]),
    ("flaky:1", &["reset", "reset"]),
    ("flaky:0", &["page"]),
    ("ban-after:2", &["page", "page", "403", "403"]),
    ("stalling", &["silence"]),
    ("garbage", &["garbage", "garbage"]),
    ("endless-head", &["endless head"]),
    ("reset-mid-body", &["reset in the body", "reset in the body"]),
    ("truncating", &["cut body", "cut body"]),
    ("trickling", &["trickle"]),
    ("lying:2", &["page, and more is announced"]),
    ("lying:0.5", &["half a page", "garbage"]),
    ("forgetful", &["page", "reset", "page", "reset"]),
    ("slow:30ms", &["page", "page"]),
    ("captcha-after:2", &["page", "page", "another page"]),
    ("throttling:0", &["429", "429"]),
    ("throttling:1000000", &["page", "page"]),
    ("status:404", &["404", "404"]),
    ("status:407", &["407"]),
    ("status:502", &["502"]),
    ("status:503", &["503"]),
    ("status:504", &["504"]),
    ("status:503:0", &["page", "page"]),
];

#[actix_rt::test]
async fn each_behaviour_of_a_proxy_is_what_it_is_called() {
    let site = site().await;
    let request = format!("GET {}/detail/1 HTTP/1.1\r\nHost: h\r\n\r\n", site.url());
    for (name, expected) in BEHAVIOURS {
        let proxy = proxy(named(name)).await;
        let mut eye = Eye::default();
        for (nth, expected) in (1..).zip(*expected) {
            let seen = eye.sees(proxy.address(), &request, patience(expected)).await;
            assert_eq!(seen, *expected, "{name}, request {nth}");
        }
    }
}

const OPEN: &[u8; 39] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// The same through a tunnel, where only bytes can be spoilt.
const TUNNELS: &[(&str, &str)] = &[
    ("good", "page"),
    ("flaky:1", "reset"),
    ("ban-after:0", "403"),
    ("stalling", "silence"),
    ("garbage", "garbage"),
    ("endless-head", "endless head"),
    ("reset-mid-body", "reset in the body"),
    ("truncating", "cut body"),
    ("trickling", "trickle"),
    ("lying:2", "page"),
    ("forgetful", "page"),
    ("captcha-after:0", "page"),
    ("throttling:0", "429"),
    ("status:502", "502"),
];

#[actix_rt::test]
async fn each_behaviour_spoils_what_it_can_of_a_tunnel() {
    let site = site().await;
    for (name, expected) in TUNNELS {
        let proxy = proxy(named(name)).await;
        let connect = format!("CONNECT {} HTTP/1.1\r\nHost: h\r\n\r\n", site.address());
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        stream.write_all(connect.as_bytes()).await.unwrap();
        // What the proxy says instead of opening one is left for the eye.
        let mut said = [0; OPEN.len()];
        let peeked = tokio::time::timeout(patience(expected), stream.peek(&mut said)).await;
        if peeked.is_ok_and(|peeked| peeked.is_ok()) && said == *OPEN {
            stream.read_exact(&mut said).await.unwrap();
        }
        let mut eye = Eye { stream: Some(stream), ..Eye::default() };
        let seen = eye.sees(proxy.address(), "GET /detail/1 HTTP/1.1\r\nHost: h\r\n\r\n", patience(expected)).await;
        assert_eq!(seen, *expected, "{name}");
    }
}

/// Faults of pages, and what is seen of a detail that has one.
const FAULTS: &[(&str, &[&str])] = &[
    ("status:500", &["500", "500"]),
    ("status:403", &["403"]),
    ("throttled:429:1", &["429", "page"]),
    ("throttled:503:2:7s", &["503", "503", "page"]),
    ("field-missing", &["another page"]),
    ("reset", &["reset", "reset"]),
    ("silent", &["silence"]),
    ("cut", &["cut body", "cut body"]),
    ("moved:/detail/2", &["301"]),
    ("redirect-loop", &["302", "302"]),
    ("cut-chunks", &["cut body"]),
    ("no-length", &["page until the end"]),
    ("bomb", &["half a page"]),
    ("trickle", &["trickle"]),
    ("garbage", &["garbage"]),
    ("endless-head", &["endless head"]),
    ("endless", &["endless body"]),
    ("huge", &["page"]),
    ("links:10000", &["page"]),
];

#[actix_rt::test]
async fn each_fault_of_a_page_is_what_it_is_called() {
    for (name, expected) in FAULTS {
        let site = site::Builder::new(1, 3).fault("/detail/1", named::<Fault>(name)).start().await.unwrap();
        let mut eye = Eye::default();
        for (nth, expected) in (1..).zip(*expected) {
            let request = "GET /detail/1 HTTP/1.1\r\nHost: h\r\n\r\n";
            let seen = eye.sees(site.address(), request, patience(expected)).await;
            assert_eq!(seen, *expected, "{name}, request {nth}");
        }
    }
}

/// Conditions of the site, and what is seen of its details.
const CONDITIONS: &[(&str, &[&str])] = &[
    ("well", &["page", "page"]),
    ("refusing", &["refused"]),
    ("silent", &["silence"]),
    ("status:503", &["503", "503"]),
    ("wave:503:1:3", &["page", "page", "503", "page", "page", "503"]),
    ("slow-start:1:30ms", &["page", "page"]),
    ("limited:0", &["429"]),
    ("limited:1000000", &["page", "page"]),
];

#[actix_rt::test]
async fn each_condition_of_the_site_is_what_it_is_called_from_the_start_and_when_it_is_switched_to() {
    const REQUEST: &str = "GET /detail/1 HTTP/1.1\r\nHost: h\r\n\r\n";
    for (name, expected) in CONDITIONS {
        let site = site::Builder::new(1, 3).condition(named::<Condition>(name)).start().await.unwrap();
        let mut eye = Eye::default();
        for (nth, expected) in (1..).zip(*expected) {
            let seen = eye.sees(site.address(), REQUEST, patience(expected)).await;
            assert_eq!(seen, *expected, "{name}, request {nth}");
        }
    }
    let site = site().await;
    for (name, expected) in CONDITIONS.iter().filter(|(name, _)| !name.starts_with("wave")) {
        site.switch_to(named(name));
        let address = site.address();
        eventually(expected[0], async |eye| eye.sees(address, REQUEST, patience(expected[0])).await).await;
    }
}

/// Looks until it sees what is expected: a switch takes a moment. What never comes to be fails.
async fn eventually(expected: &str, look: impl AsyncFn(&mut Eye) -> String) {
    let looking = async {
        while look(&mut Eye::default()).await != expected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await.unwrap_or_else(|_| panic!("never {expected}"));
}

#[actix_rt::test]
async fn a_proxy_that_is_switched_behaves_otherwise_at_the_same_address() {
    let site = site().await;
    let proxy = proxy(Behaviour::Good).await;
    let request = format!("GET {}/detail/1 HTTP/1.1\r\nHost: h\r\n\r\n", site.url());
    let mut kept = Eye::default();
    assert_eq!(kept.sees(proxy.address(), &request, PATIENCE).await, "page");
    proxy.switch_to(named("status:504"));
    assert_eq!(kept.sees(proxy.address(), &request, PATIENCE).await, "504", "on a connection that is there already");
    for (name, expected) in
        [("dead", "refused"), ("good", "page"), ("dead", "refused"), ("captcha-after:0", "another page")]
    {
        proxy.switch_to(named(name));
        eventually(expected, async |eye| eye.sees(proxy.address(), &request, PATIENCE).await).await;
    }
    let cut = kept.sees(proxy.address(), &request, PATIENCE).await;
    assert!(cut == "closed" || cut == "reset", "a dead proxy shuts its connections: {cut}");
}

#[actix_rt::test]
async fn ten_thousand_links_lead_where_the_lists_own_do() {
    let many = named::<Fault>("links:10000");
    let site = site::Builder::new(1, 3).fault("/page/1", many).start().await.unwrap();
    let mut stream = TcpStream::connect(site.address()).await.unwrap();
    stream.write_all(b"GET /page/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).await.unwrap();
    let targets: Vec<&str> = page.split("class=\"name\" href=\"").skip(1).map(|rest| &rest[..9]).collect();
    assert_eq!(targets.len(), 10_003);
    assert!(targets.iter().all(|target| ["/detail/1", "/detail/2", "/detail/3"].contains(target)));
    assert_eq!(site.truth().len(), 3);
}
