//! The Sink as an actor: takes orders, writes, reports.
//!
//! In come [`SinkOrder`]s, out go [`SinkReport`]s. It blocks on disks, so it has an arbiter to itself. It decides nothing:
//! what is written where is [`Feeds`]' business, what a report means is the dispatcher's.

#[cfg(test)]
mod tests;

use std::time::Duration;

use actix::prelude::*;

use super::{Feeds, Flush};
use crate::protocol::{Obituary, SinkOrder, SinkReport};

/// How long a feed may wait for more before it is made durable all the same. Who waits for it says so: [`SinkOrder::Flush`].
const PATIENCE: Duration = Duration::from_secs(2);

/// The actor that owns the feeds.
pub struct Sink {
    feeds: Feeds,
    dispatcher: Recipient<SinkReport>,
    obituary: Obituary,
    work: Scheduled,
    flush_all: Scheduled,
    asked: Asked,
}

/// Does somebody wait for all that there is?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    No,
    Yes,
}

/// Is it on its way?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheduled {
    No,
    Yes,
}

/// To itself: all messages that were in the mailbox are dealt with, now get what is missing and make it durable.
#[derive(Message)]
#[rtype(result = "()")]
struct Work;

impl Sink {
    /// A sink that writes to `feeds` and reports to `dispatcher`.
    pub const fn new(feeds: Feeds, dispatcher: Recipient<SinkReport>, obituary: Obituary) -> Self {
        Self { feeds, dispatcher, obituary, work: Scheduled::No, flush_all: Scheduled::No, asked: Asked::No }
    }

    fn report(&self, reports: Vec<SinkReport>) {
        for report in reports {
            self.dispatcher.do_send(report);
        }
    }

    /// What an actor notifies itself of waits until its mailbox is empty: one sync serves all that is in there.
    fn schedule_work(&mut self, ctx: &mut Context<Self>) {
        if self.work == Scheduled::No {
            self.work = Scheduled::Yes;
            ctx.notify(Work);
        }
    }

    fn flush(&mut self, which: Flush) {
        let reports = self.feeds.flush(which);
        self.report(reports);
    }

    fn flush_all_later(&mut self, ctx: &mut Context<Self>) {
        if self.flush_all == Scheduled::No {
            self.flush_all = Scheduled::Yes;
            ctx.run_later(PATIENCE, |sink, _| {
                sink.flush_all = Scheduled::No;
                sink.flush(Flush::All);
            });
        }
    }

    fn catch_up(&mut self) {
        let failed = self.feeds.catch_up();
        self.report(failed);
    }
}

impl Actor for Sink {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.dispatcher.do_send(SinkReport::Ready { inbox: ctx.address().recipient() });
        if self.feeds.is_behind() {
            self.schedule_work(ctx);
        }
    }
}

impl Handler<SinkOrder> for Sink {
    type Result = ();

    fn handle(&mut self, order: SinkOrder, ctx: &mut Self::Context) {
        match order {
            SinkOrder::Stored { through, records } => {
                let failed = self.feeds.store(through, &records);
                self.report(failed);
                self.schedule_work(ctx);
            }
            SinkOrder::Flush => {
                self.asked = Asked::Yes;
                self.schedule_work(ctx);
            }
            SinkOrder::Finish => {
                while self.feeds.is_behind() {
                    self.catch_up();
                }
                let closed = self.feeds.close();
                self.report(closed);
                self.dispatcher.do_send(SinkReport::Finished);
                self.obituary.expected();
                ctx.stop();
            }
        }
    }
}

impl Handler<Work> for Sink {
    type Result = ();

    fn handle(&mut self, _: Work, ctx: &mut Self::Context) {
        self.work = Scheduled::No;
        if self.feeds.is_behind() {
            self.catch_up();
        }
        let which = if self.asked == Asked::Yes && !self.feeds.is_behind() {
            self.asked = Asked::No;
            Flush::All
        } else {
            Flush::Ripe
        };
        self.flush(which);
        if self.feeds.is_behind() {
            self.schedule_work(ctx);
        }
        if self.feeds.holds_back() {
            self.flush_all_later(ctx);
        }
    }
}

#[cfg(test)]
impl Handler<crate::protocol::Crash> for Sink {
    type Result = ();

    fn handle(&mut self, _: crate::protocol::Crash, _: &mut Self::Context) {
        panic!("the sink crashes, as asked");
    }
}
