//! The site's access journal: who asked for what, through which proxy, from when to when.
//!
//! Visits come in from the connections of the site and are read by whoever holds the site. It is in memory only.

use std::net::IpAddr;

use tokio::sync::mpsc;

use crate::clock::Timestamp;

/// One request that reached the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// When its first byte was there.
    pub started: Timestamp,
    /// When the last byte of the answer was handed over, or could not be.
    pub ended: Timestamp,
    /// The address that it came from: that of a proxy, or 127.0.0.1 for who comes directly.
    pub from: IpAddr,
    /// The port that it came from: requests on one connection share it.
    pub port: u16,
    /// What was asked for: path and query.
    pub path: String,
    /// The status of the answer; 0: there was none.
    pub status: u16,
}

/// The visits so far, in the order in which they ended.
#[derive(Debug)]
pub struct Journal {
    incoming: mpsc::UnboundedReceiver<Visit>,
    seen: Vec<Visit>,
}

impl Journal {
    pub(super) fn new() -> (mpsc::UnboundedSender<Visit>, Self) {
        let (sender, incoming) = mpsc::unbounded_channel();
        (sender, Self { incoming, seen: Vec::new() })
    }

    /// All visits that have ended so far.
    pub fn visits(&mut self) -> &[Visit] {
        while let Ok(visit) = self.incoming.try_recv() {
            self.seen.push(visit);
        }
        &self.seen
    }

    /// Waits until at least `count` visits have ended, or the site is gone.
    pub async fn at_least(&mut self, count: usize) -> &[Visit] {
        while self.visits().len() < count {
            match self.incoming.recv().await {
                Some(visit) => self.seen.push(visit),
                None => break,
            }
        }
        &self.seen
    }
}
