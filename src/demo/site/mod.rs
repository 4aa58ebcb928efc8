//! The practice site: lists and details on a loopback port of its own, with faults by path and a journal of all visits; and
//! `/get`, which says in JSON what it was asked.
//!
//! In come a size, a seed, faults and perhaps a certificate; out come the address, the truth and the journal. It does not
//! know who asks.

mod answer;
mod echo;
mod fault;
mod hostile;
mod journal;
mod limit;
mod pages;
mod truth;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use self::answer::Answers;
pub use self::fault::Fault;
use self::hostile::After;
pub use self::hostile::Hostile;
pub use self::journal::{Journal, Visit};
use self::limit::Limit;
use self::pages::Pages;
pub use self::truth::Expected;
use super::hosting::Hosted;
use super::wire::Wire;
use crate::clock::Clock;

/// Between two bytes of an answer that trickles.
const DRIP: Duration = Duration::from_millis(50);

/// A site before it is started.
#[derive(Debug)]
pub struct Builder {
    pages: Pages,
    faults: HashMap<String, Fault>,
    documents: HashMap<String, Document>,
    latency: Duration,
    limit: Option<Limit>,
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
        Self {
            pages,
            faults: HashMap::new(),
            documents: HashMap::new(),
            latency: Duration::ZERO,
            limit: None,
            tls: None,
        }
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

    /// Answers no more than `count` requests a second, whoever asks; the others get 429 and are to come again in the next.
    #[must_use]
    pub fn limit(mut self, count: u32) -> Self {
        self.limit = Some(Limit::new(count));
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr()?);
        let truth = truth::of(&self.pages, &self.faults, &url);
        let (visits, journal) = Journal::new();
        let shared = Arc::new(Reception {
            answers: Answers::new(url.clone(), self.pages, self.faults, self.documents),
            latency: self.latency,
            limit: self.limit,
            clock: Clock::start(),
            visits,
        });
        let tls = self.tls.map(TlsAcceptor::from);
        let hosted =
            Hosted::start(listener, move |stream, peer| greet(Arc::clone(&shared), tls.clone(), stream, peer))?;
        Ok(Site { hosted, url, truth, journal })
    }
}

/// A site that runs; dropped, it is gone.
#[derive(Debug)]
pub struct Site {
    hosted: Hosted,
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
    limit: Option<Limit>,
    clock: Clock,
    visits: mpsc::UnboundedSender<Visit>,
}

async fn greet(reception: Arc<Reception>, tls: Option<TlsAcceptor>, stream: TcpStream, peer: SocketAddr) {
    // How a connection breaks off is the visitor's business; the journal has what was answered.
    let _ = match tls {
        None => serve(&reception, stream, peer).await,
        Some(tls) => match tls.accept(stream).await {
            Ok(stream) => serve(&reception, stream, peer).await,
            Err(error) => Err(error),
        },
    };
}

async fn serve(reception: &Reception, stream: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr) -> io::Result<()> {
    let mut wire = Wire::new(stream);
    while wire.ready().await? {
        let started = reception.clock.now();
        let Some(request) = wire.request().await? else { break };
        wire.pass_body(request.framing()?, &mut tokio::io::sink()).await?;
        if !reception.latency.is_zero() {
            tokio::time::sleep(reception.latency).await;
        }
        let answer = match &reception.limit {
            Some(limit) if !limit.admits(started) => Answers::come_again(Duration::from_secs(1)),
            Some(_) | None => reception.answers.to(&request.target, peer.ip()),
        };
        let sent = wire.send(&answer.bytes(&request.method)).await;
        let (ended, status) = (reception.clock.now(), answer.status);
        let visit = Visit { started, ended, from: peer.ip(), port: peer.port(), path: request.target.clone(), status };
        // Nobody may be listening to the journal any more.
        let _ = reception.visits.send(visit);
        sent?;
        match answer.after() {
            After::Next if !request.closes() => {}
            After::Next | After::Close => break,
            After::Cut => return Ok(()),
            After::Drip => loop {
                tokio::time::sleep(DRIP).await;
                wire.send(b"x").await?;
            },
        }
    }
    wire.stream.shutdown().await
}

#[cfg(test)]
mod tests;
