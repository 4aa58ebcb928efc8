//! The Sink as an actor: takes orders, writes, reports.
//!
//! In come [`SinkOrder`]s, out go [`SinkReport`]s. It blocks on disks, so it has an arbiter to itself. It decides nothing:
//! what is written where is [`Feeds`]' business, what a report means is the dispatcher's.

#[cfg(test)]
mod tests;

use actix::prelude::*;

use super::Feeds;
use crate::protocol::{Obituary, SinkOrder, SinkReport};

/// The actor that owns the feeds.
pub struct Sink {
    feeds: Feeds,
    dispatcher: Recipient<SinkReport>,
    obituary: Obituary,
    flush: Flushing,
}

/// Is a [`Flush`] on its way?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flushing {
    Idle,
    Scheduled,
}

/// To itself: all messages that were in the mailbox are dealt with, now make them durable.
#[derive(Message)]
#[rtype(result = "()")]
struct Flush;

impl Sink {
    /// A sink that writes to `feeds` and reports to `dispatcher`.
    pub const fn new(feeds: Feeds, dispatcher: Recipient<SinkReport>, obituary: Obituary) -> Self {
        Self { feeds, dispatcher, obituary, flush: Flushing::Idle }
    }

    fn report(&self, reports: Vec<SinkReport>) {
        for report in reports {
            self.dispatcher.do_send(report);
        }
    }
}

impl Actor for Sink {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.dispatcher.do_send(SinkReport::Ready { inbox: ctx.address().recipient() });
    }
}

impl Handler<SinkOrder> for Sink {
    type Result = ();

    fn handle(&mut self, order: SinkOrder, ctx: &mut Self::Context) {
        match order {
            SinkOrder::Stored { through, records } => {
                let failed = self.feeds.store(through, &records);
                self.report(failed);
                // What an actor notifies itself of waits until its mailbox is empty: one sync serves all that is in there.
                if self.flush == Flushing::Idle {
                    self.flush = Flushing::Scheduled;
                    ctx.notify(Flush);
                }
            }
            SinkOrder::Finish => {
                let closed = self.feeds.close();
                self.report(closed);
                self.dispatcher.do_send(SinkReport::Finished);
                self.obituary.expected();
                ctx.stop();
            }
        }
    }
}

impl Handler<Flush> for Sink {
    type Result = ();

    fn handle(&mut self, _: Flush, _: &mut Self::Context) {
        self.flush = Flushing::Idle;
        let reports = self.feeds.flush();
        self.report(reports);
    }
}

#[cfg(test)]
impl Handler<crate::protocol::Crash> for Sink {
    type Result = ();

    fn handle(&mut self, _: crate::protocol::Crash, _: &mut Self::Context) {
        panic!("the sink crashes, as asked");
    }
}
