//! The store's thread: the frontier's blocking calls, one after the other, away from every mailbox.
//!
//! In come calls, out go replies to the dispatcher, in the same order. It knows the frontier's trait, not the Desk.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use actix::prelude::*;

use crate::clock::Timestamp;
use crate::frontier::{
    Batch, Claim, Committed, DeadLetter, FeedChange, FeedNames, Frontier, FrontierError, Kept, Settlement, Stats,
};
use crate::protocol::Cursor;
use crate::task::{Epoch, HostKey, TaskId};

/// What the store is asked to do.
#[derive(Debug)]
pub enum StoreRequest {
    /// See [`Frontier::claim`].
    Claim {
        /// How many tasks at most.
        n: usize,
        /// Hosts that are left out.
        barred: Vec<HostKey>,
        /// The time.
        now: Timestamp,
    },
    /// See [`Frontier::commit`].
    Commit {
        /// The batch.
        batch: Arc<Vec<Settlement>>,
        /// How far the feeds are.
        cursors: Vec<Cursor>,
        /// What else survives the process.
        kept: Arc<Vec<Kept>>,
        /// The time.
        now: Timestamp,
    },
    /// See [`Frontier::hand_back`].
    HandBack(Vec<(TaskId, Epoch)>),
    /// The last call: how it stands in the end.
    Close,
}

/// What came of it.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub enum StoreReply {
    /// Of a claim.
    Claimed(Result<Claim, FrontierError>),
    /// Of a commit.
    Committed {
        /// The batch that was given.
        batch: Arc<Vec<Settlement>>,
        /// What it did.
        result: Result<Committed, FrontierError>,
    },
    /// Tasks could not be put back.
    HandBackFailed(FrontierError),
    /// Of the last call.
    Closed {
        /// The counters.
        stats: Stats,
        /// Tasks given up on, or why they cannot be told.
        dead_letters: Result<Vec<DeadLetter>, FrontierError>,
    },
    /// The thread has ended without having been asked to.
    Died,
}

/// The way to the store's thread. Once it is dropped, the thread ends.
#[derive(Clone, Debug)]
pub struct Store {
    requests: Sender<StoreRequest>,
}

impl Store {
    /// Starts the thread that owns `frontier` and answers to `replies`; `feeds` are the names under which cursors are kept.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(frontier: Box<dyn Frontier>, feeds: FeedNames, replies: Recipient<StoreReply>) -> io::Result<Self> {
        let (requests, received) = channel();
        thread::Builder::new().name("store".to_owned()).spawn(move || serve(frontier, &feeds, &received, replies))?;
        Ok(Self { requests })
    }

    /// Sends a call. If the thread is gone, its obituary has been sent already.
    pub fn ask(&self, request: StoreRequest) {
        drop(self.requests.send(request));
    }
}

/// Says that the thread is gone, unless it was asked to go: also when the frontier panicked.
struct LastWord {
    replies: Recipient<StoreReply>,
    asked: bool,
}

impl Drop for LastWord {
    fn drop(&mut self) {
        if !self.asked {
            self.replies.do_send(StoreReply::Died);
        }
    }
}

fn serve(
    mut frontier: Box<dyn Frontier>,
    feeds: &FeedNames,
    requests: &Receiver<StoreRequest>,
    replies: Recipient<StoreReply>,
) {
    let mut last_word = LastWord { replies: replies.clone(), asked: false };
    while let Ok(request) = requests.recv() {
        match request {
            StoreRequest::Claim { n, barred, now } => {
                replies.do_send(StoreReply::Claimed(frontier.claim(n, now, &barred)));
            }
            StoreRequest::Commit { batch, cursors, kept, now } => {
                let feeds: Vec<FeedChange> =
                    cursors.iter().filter_map(|cursor| feeds.at(cursor)).map(FeedChange::At).collect();
                let result = frontier.commit(&Batch { pages: &batch, feeds: &feeds, kept: &kept }, now);
                replies.do_send(StoreReply::Committed { batch, result });
            }
            StoreRequest::HandBack(leases) => {
                if let Err(error) = frontier.hand_back(&leases) {
                    replies.do_send(StoreReply::HandBackFailed(error));
                }
            }
            StoreRequest::Close => {
                let (stats, dead_letters) = (frontier.stats(), frontier.dead_letters());
                // What this would have saved the next start is made good there.
                drop(frontier.close());
                last_word.asked = true;
                replies.do_send(StoreReply::Closed { stats, dead_letters });
                return;
            }
        }
    }
    last_word.asked = true;
}
