//! What is measured on the sockets of one client: bytes both ways, when a request's first byte went out, how far it is.
//!
//! In: every read and write of every stream of the client. Out: one [`Meter`] for each exchange. Streams outlive exchanges,
//! and awc hides which stream serves which; but streams work only while the exchange's future is polled, so the meter of
//! that future is put in place for as long as each poll lasts. Knows nothing of HTTP.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;

use crate::clock::{Clock, Timestamp};

/// How far an exchange is; what a time-out means depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// A kept connection is looked for.
    #[default]
    Begun,
    /// The first hop on the way is dialled.
    Dialling,
    /// TLS with the proxy.
    SecuringProxy,
    /// The proxy was asked for a connection to the site.
    Tunnelling,
    /// TLS with the site.
    SecuringSite,
}

/// The measurements of one exchange.
#[derive(Debug, Default)]
pub(super) struct Meter {
    /// Bytes both ways.
    pub(super) bytes: Cell<u64>,
    /// When the first byte of the request was written.
    pub(super) sent: Cell<Option<Timestamp>>,
    /// How far the connection is; stays `Begun` on a kept one.
    pub(super) stage: Cell<Stage>,
    /// The handshakes are over: the next byte written is the request's.
    requesting: Cell<bool>,
}

impl Meter {
    /// Did the request go, or try to go, over a connection that was there before?
    pub(super) fn reused(&self) -> bool {
        self.requesting.get() && self.stage.get() == Stage::Begun
    }
}

/// What the streams of one client share.
#[derive(Debug)]
pub(super) struct Wire {
    clock: Clock,
    current: RefCell<Option<Rc<Meter>>>,
}

impl Wire {
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, current: RefCell::new(None) }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Runs `exchange`; what its streams do meanwhile goes to `meter`.
    pub(super) async fn metered<F: Future>(&self, meter: &Rc<Meter>, exchange: F) -> F::Output {
        let mut exchange = pin!(exchange);
        poll_fn(|context| {
            self.current.replace(Some(Rc::clone(meter)));
            exchange.as_mut().poll(context)
        })
        .await
    }

    /// The connection has come so far.
    pub(super) fn reached(&self, stage: Stage) {
        if let Some(meter) = &*self.current.borrow() {
            meter.stage.set(stage);
        }
    }

    /// From here on what is written is the request.
    pub(super) fn requesting(&self) {
        if let Some(meter) = &*self.current.borrow() {
            meter.requesting.set(true);
        }
    }

    /// Bytes came in.
    pub(super) fn received(&self, bytes: usize) {
        if let Some(meter) = &*self.current.borrow() {
            meter.bytes.set(meter.bytes.get() + bytes as u64);
        }
    }

    /// Bytes went out.
    pub(super) fn wrote(&self, bytes: usize) {
        if let Some(meter) = &*self.current.borrow() {
            meter.bytes.set(meter.bytes.get() + bytes as u64);
            if bytes > 0 && meter.requesting.get() && meter.sent.get().is_none() {
                meter.sent.set(Some(self.clock.now()));
            }
        }
    }
}
