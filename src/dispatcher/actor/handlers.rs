//! What the dispatcher hears, told to the Desk as events.
//!
//! Messages come in and events go to the Desk; what is done about them is ordered by it and carried out in `actor.rs`.

use actix::prelude::*;

use super::Dispatcher;
use crate::dispatcher::desk::{Event, StoreCall};
use crate::dispatcher::store::StoreReply;
use crate::protocol::{FeedId, ProxiesRead, SinkReport, Stop, SupervisorReport, WorkerReport};
use crate::telemetry::say;

impl Handler<WorkerReport> for Dispatcher {
    type Result = ();

    fn handle(&mut self, report: WorkerReport, ctx: &mut Self::Context) {
        let event = match report {
            WorkerReport::Ready { worker, inbox } => {
                self.workers.insert(worker, inbox);
                Event::Ready(worker)
            }
            WorkerReport::Fetched(outcome) => Event::Fetched(outcome),
            WorkerReport::Replace { worker, proxy, why } => Event::Replace { worker, proxy, why },
            WorkerReport::Abandoned { assignment } => Event::Abandoned(assignment),
            WorkerReport::Finished { worker } => Event::WorkerFinished(worker),
        };
        self.tell(event, ctx);
    }
}

impl Handler<StoreReply> for Dispatcher {
    type Result = ();

    fn handle(&mut self, reply: StoreReply, ctx: &mut Self::Context) {
        let failed = |what, error: String| Event::StoreFailed { what, error };
        let event = match reply {
            StoreReply::Claimed(Ok(claim)) => Event::Claimed(claim),
            StoreReply::Claimed(Err(error)) => failed(StoreCall::Claim, error.to_string()),
            StoreReply::Committed { batch, result: Ok(committed) } => {
                let now = self.clock.now();
                if let Some(observer) = &mut self.observer {
                    observer.committed(&batch, &committed, now);
                }
                Event::Committed(committed)
            }
            StoreReply::Committed { result: Err(error), .. } => failed(StoreCall::Commit, error.to_string()),
            StoreReply::HandBackFailed(error) => failed(StoreCall::Claim, error.to_string()),
            StoreReply::Died => failed(StoreCall::Any, "the store's thread died".to_owned()),
            StoreReply::Closed { stats, dead_letters } => {
                return self.close(Some(stats), dead_letters.unwrap_or_default(), ctx);
            }
        };
        let store_is_gone = matches!(event, Event::StoreFailed { what: StoreCall::Any, .. });
        if store_is_gone {
            self.store = None;
        }
        self.tell(event, ctx);
        if store_is_gone && self.ending.is_some() {
            self.close(None, Vec::new(), ctx);
        }
    }
}

impl Handler<SinkReport> for Dispatcher {
    type Result = ();

    fn handle(&mut self, report: SinkReport, ctx: &mut Self::Context) {
        let event = match report {
            SinkReport::Ready { inbox } => {
                for order in self.for_sink.drain(..) {
                    inbox.do_send(order);
                }
                self.sink = Some(inbox);
                return;
            }
            SinkReport::Flushed(cursor) => Event::Flushed(cursor),
            SinkReport::FeedFailed { feed, error } => {
                self.say_feed_failed(feed, &error);
                Event::FeedFailed { feed, error }
            }
            SinkReport::Finished => Event::SinkFinished,
        };
        self.tell(event, ctx);
    }
}

impl Dispatcher {
    fn say_feed_failed(&self, feed: FeedId, error: &str) {
        if let Some(path) = self.feeds.get(usize::from(feed.0)) {
            say::feed_failed(path, error);
        }
    }
}

impl Handler<SupervisorReport> for Dispatcher {
    type Result = ();

    fn handle(&mut self, report: SupervisorReport, ctx: &mut Self::Context) {
        let event = match report {
            SupervisorReport::Gone { worker } => {
                self.workers.remove(&worker);
                Event::Gone(worker)
            }
            SupervisorReport::SlotClosed { slot } => Event::SlotClosed(slot),
            SupervisorReport::NoWorkers => Event::NoWorkers,
            SupervisorReport::SinkDied => Event::SinkDied,
        };
        self.tell(event, ctx);
    }
}

impl Handler<ProxiesRead> for Dispatcher {
    type Result = ();

    fn handle(&mut self, ProxiesRead(endpoints): ProxiesRead, ctx: &mut Self::Context) {
        self.tell(Event::ProxiesRead(endpoints), ctx);
    }
}

impl Handler<Stop> for Dispatcher {
    type Result = ();

    fn handle(&mut self, Stop(signal): Stop, ctx: &mut Self::Context) {
        self.tell(Event::Stop(signal), ctx);
    }
}

#[cfg(test)]
impl Handler<crate::protocol::Crash> for Dispatcher {
    type Result = ();

    #[allow(clippy::panic, reason = "that is what it is for")]
    fn handle(&mut self, _: crate::protocol::Crash, _: &mut Self::Context) {
        panic!("asked to crash");
    }
}
