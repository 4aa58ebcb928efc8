//! The practice site: lists and details on a loopback port of its own, with faults by path, a condition that can be changed
//! while it runs, and a journal of all visits; and `/get`, which says in JSON what it was asked.
//!
//! In come a size, a seed, faults and perhaps a certificate; out come the address, the truth and the journal. It does not
//! know who asks.

mod answer;
mod condition;
mod echo;
mod fault;
mod hostile;
mod journal;
mod pages;
mod truth;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use self::answer::{Answer, Answers};
pub use self::condition::Condition;
use self::condition::Fortune;
pub use self::fault::Fault;
pub use self::hostile::Hostile;
use self::hostile::{After, flood};
pub use self::journal::{Journal, Visit};
use self::pages::Pages;
pub use self::truth::Expected;
use super::client::Client;
use super::hosting::{Door, Hosted, Port};
use super::rate::PerSecond;
use super::wire::{DRIP, Request, Wire};
use crate::clock::{Clock, Timestamp};

/// A site before it is started.
#[derive(Debug)]
pub struct Builder {
    pages: Pages,
    faults: HashMap<String, Fault>,
    documents: HashMap<String, Document>,
    latency: Duration,
    condition: Condition,
    tls: Option<Arc<ServerConfig>>,
}

/// A page that is not made from the seed: its `Content-Type` and its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Document {
    content_type: String,
    body: Vec<u8>,
}

impl Builder {
    /// So many lists that link to so many details each.
    pub fn new(lists: u32, per_list: u32) -> Self {
        let pages = Pages { lists, per_list, seed: 1 };
        let (faults, documents) = Default::default();
        Self { pages, faults, documents, latency: Duration::ZERO, condition: Condition::Well, tls: None }
    }

    /// Other texts on the pages.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.pages.seed = seed;
        self
    }

    /// A fault of the page at `path`, e.g. `/detail/7`; a second one of the same page replaces the first.
    #[must_use]
    pub fn fault(mut self, path: impl Into<String>, fault: Fault) -> Self {
        self.faults.insert(path.into(), fault);
        self
    }

    /// One page more, at `path` with its query, that the truth knows nothing of.
    #[must_use]
    pub fn page(mut self, path: impl Into<String>, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let document = Document { content_type: content_type.to_owned(), body: body.into() };
        self.documents.insert(path.into(), document);
        self
    }

    /// Each answer takes at least so long, so that requests that overlap are seen to do so.
    #[must_use]
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Starts in this condition.
    #[must_use]
    pub const fn condition(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// Speaks TLS with this certificate: `https`.
    #[must_use]
    pub fn tls(mut self, tls: Arc<ServerConfig>) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Starts it on a free port of 127.0.0.1, on the runtime of the caller.
    ///
    /// # Errors
    /// Those of binding a port.
    pub async fn start(self) -> io::Result<Site> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let port = Port::take()?;
        let url = format!("{scheme}://{}", port.address());
        let truth = truth::of(&self.pages, &self.faults, &url);
        let (visits, journal) = Journal::new();
        let reception = Arc::new(Reception {
            answers: Answers::new(url.clone(), self.pages, self.faults, self.documents),
            latency: self.latency,
            condition: watch::Sender::new(self.condition),
            asked: AtomicU64::new(0),
            rate: PerSecond::start(),
            clock: Clock::start(),
            visits,
        });
        let (tls, shared) = (self.tls.map(TlsAcceptor::from), Arc::clone(&reception));
        let hosted =
            port.host(door(self.condition), move |stream, peer| greet(Arc::clone(&shared), tls.clone(), stream, peer))?;
        Ok(Site { hosted, reception, url, truth, journal })
    }
}

const fn door(condition: Condition) -> Door {
    if matches!(condition, Condition::Refusing) { Door::Shut } else { Door::Open }
}

/// A site that runs; dropped, it is gone.
#[derive(Debug)]
pub struct Site {
    hosted: Hosted,
    reception: Arc<Reception>,
    url: String,
    truth: Vec<Expected>,
    /// Who asked for what.
    pub journal: Journal,
}

impl Site {
    /// `http://127.0.0.1:port`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.hosted.address()
    }

    /// From the next request on it is so, on connections that are there already as well. One that refuses shuts them, and is
    /// found at the same address again. It takes effect when its runtime comes to it.
    pub fn switch_to(&self, condition: Condition) {
        self.reception.condition.send_replace(condition);
        self.hosted.turn(door(condition));
    }

    /// What a perfect crawl yields, its faults considered.
    pub fn truth(&self) -> &[Expected] {
        &self.truth
    }
}

/// What all connections of a site share.
#[derive(Debug)]
struct Reception {
    answers: Answers,
    latency: Duration,
    condition: watch::Sender<Condition>,
    asked: AtomicU64,
    rate: PerSecond,
    clock: Clock,
    visits: mpsc::UnboundedSender<Visit>,
}

async fn greet(reception: Arc<Reception>, tls: Option<TlsAcceptor>, stream: TcpStream, peer: SocketAddr) {
    // How a connection breaks off is the visitor's business; the journal has what was answered.
    let _ = match tls {
        None => reception.serve(Client::Plain(stream), peer).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => reception.serve(Client::Secure(Box::new(stream)), peer).await,
            Err(error) => Err(error),
        },
    };
}

impl Reception {
    async fn serve(&self, stream: Client, peer: SocketAddr) -> io::Result<()> {
        let mut wire = Wire::new(stream);
        while wire.ready().await? {
            let started = self.clock.now();
            let Some(request) = wire.request().await? else { break };
            wire.pass_body(request.framing()?, &mut tokio::io::sink()).await?;
            let answer = self.answer(&request, peer).await;
            let sent = wire.send(&answer.bytes(&request.method)).await;
            self.enter(&request, &answer, started, peer);
            sent?;
            match answer.after() {
                After::Next if !request.closes() => {}
                After::Next | After::Close => break,
                after => return never_mind(wire, after).await,
            }
        }
        wire.stream.shutdown().await
    }

    async fn answer(&self, request: &Request, peer: SocketAddr) -> Answer {
        let nth = self.asked.fetch_add(1, Ordering::Relaxed) + 1;
        let condition = *self.condition.borrow();
        let (wait, answer) = match condition.fortune(nth, self.rate.count()) {
            Fortune::Answered(late) => (self.latency + late, None),
            Fortune::Ignored => (Duration::ZERO, Some(Answer::silence())),
            Fortune::Refused(status) => (self.latency, Some(Answer::status(status))),
            Fortune::Throttled => (self.latency, Some(Answer::throttled())),
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        answer.unwrap_or_else(|| self.answers.to(&request.target, peer.ip()))
    }

    /// Writes a visit into the journal.
    fn enter(&self, request: &Request, answer: &Answer, started: Timestamp, peer: SocketAddr) {
        let (ended, path, status) = (self.clock.now(), request.target.clone(), answer.status);
        // Nobody may be listening to the journal any more.
        let _ = self.visits.send(Visit { started, ended, from: peer.ip(), port: peer.port(), path, status });
    }
}

/// The end of a connection that does not go on in order.
async fn never_mind(mut wire: Wire<Client>, after: After) -> io::Result<()> {
    match after {
        After::Next | After::Close => wire.stream.shutdown().await,
        After::Cut => Ok(()),
        After::Reset => wire.stream.set_zero_linger(),
        After::Silence => loop {
            wire.stream.read_u8().await?;
        },
        After::Drip => loop {
            tokio::time::sleep(DRIP).await;
            wire.send(b"x").await?;
        },
        After::Flood => {
            let flood = flood();
            loop {
                wire.send(&flood).await?;
            }
        }
    }
}

#[cfg(test)]
mod tests;
