//! One proxy in one worker's hands: its client, what is out through it, and whether it is being given up.
//!
//! What comes in: the lease, then the beginnings and ends of jobs. What goes out: what the worker does next. It must not
//! know messages' receivers; the actor and its jobs share one binding.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use crate::protocol::{Next, ProxyLease, ProxyRef, Why};
use crate::proxy::Route;
use crate::transport::{Client, Failure};
use crate::worker::fetch::FetchParts;
use crate::worker::spacing::Spacing;

/// How a binding stands.
#[derive(Debug)]
enum Standing {
    /// In use.
    Current,
    /// Being given up: what is out is finished first.
    Closing(Why),
    /// Another one took its place; its last jobs may still be out.
    Released,
}

/// A leased proxy and the client built for it.
pub(crate) struct Binding {
    /// Which proxy, under which lease.
    pub(crate) proxy: ProxyRef,
    /// The way that it opens.
    pub(crate) route: Arc<Route>,
    /// The proxy's name in records.
    pub(crate) label: Arc<str>,
    /// Asks through it.
    pub(crate) client: Client,
    /// When its hosts may be asked again.
    pub(crate) spacing: RefCell<Spacing>,
    standing: RefCell<Standing>,
    running: Cell<u32>,
}

impl Binding {
    /// Takes a lease and builds a client for it.
    ///
    /// # Errors
    /// No client can be built for this route.
    pub(crate) fn new(lease: ProxyLease, parts: &FetchParts) -> Result<Self, Failure> {
        let ProxyLease { proxy, route } = lease;
        Ok(Self {
            proxy,
            label: route.label(),
            client: Client::new(Arc::clone(&route), &parts.tls, &parts.fetch, parts.clock)?.keeping(parts.connections),
            route,
            spacing: RefCell::default(),
            standing: RefCell::new(Standing::Current),
            running: Cell::new(0),
        })
    }

    /// A job goes out.
    pub(crate) fn job_begins(&self) {
        self.running.set(self.running.get() + 1);
    }

    /// A job is over.
    pub(crate) fn job_ends(&self) {
        self.running.set(self.running.get().saturating_sub(1));
    }

    /// Gives the proxy up, for the first reason that there is, once nothing is out.
    pub(crate) fn close(&self, why: Why) {
        let standing = &mut *self.standing.borrow_mut();
        if matches!(standing, Standing::Current) {
            *standing = Standing::Closing(why);
        }
    }

    /// Another binding takes over.
    pub(crate) fn release(&self) {
        *self.standing.borrow_mut() = Standing::Released;
    }

    /// What an outcome says that the worker does next.
    pub(crate) fn next(&self) -> Next {
        match &*self.standing.borrow() {
            Standing::Current | Standing::Released => Next::Ready,
            Standing::Closing(_) => Next::Closing,
        }
    }

    /// Why it is given up, if it is and nothing is out.
    pub(crate) fn closed(&self) -> Option<Why> {
        match &*self.standing.borrow() {
            Standing::Closing(why) if self.running.get() == 0 => Some(why.clone()),
            Standing::Closing(_) | Standing::Current | Standing::Released => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verdict::Reason;
    use crate::worker::bed;

    fn binding() -> Binding {
        let (proxy, route) = (bed::lease(1), Arc::new(Route::Direct));
        Binding::new(ProxyLease { proxy, route }, &bed::fetch_parts()).unwrap()
    }

    #[test]
    fn it_is_closed_once_nothing_is_out_and_for_the_first_reason() {
        let binding = binding();
        let why = Why::Unusable(Reason::new("client.unusable", "no client"));
        binding.job_begins();
        binding.job_begins();
        binding.close(why.clone());
        binding.close(Why::Spent);
        assert_eq!((binding.next(), binding.closed()), (Next::Closing, None));
        binding.job_ends();
        assert_eq!(binding.closed(), None);
        binding.job_ends();
        assert_eq!(binding.closed(), Some(why));
    }

    #[test]
    fn one_that_is_in_use_is_never_closed_and_one_that_is_released_asks_for_nothing() {
        let binding = binding();
        assert_eq!((binding.next(), binding.closed()), (Next::Ready, None));
        binding.close(Why::Spent);
        binding.release();
        binding.close(Why::Spent);
        assert_eq!((binding.next(), binding.closed()), (Next::Ready, None));
    }
}
