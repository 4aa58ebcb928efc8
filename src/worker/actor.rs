//! The `ProxyWorker`: clings to the proxy that it is bound to, and does the tasks that come for it.
//!
//! What comes in: `WorkerOrder`. What goes out: `WorkerReport`, and the obituary when it ends. A thin shell: it keeps a
//! binding and spawns jobs; what a fetch means is decided elsewhere, and the dispatcher alone scores proxies.

use std::rc::Rc;

use actix::fut::wrap_future;
use actix::prelude::*;

use crate::pages::Pages;
use crate::protocol::{Obituary, ProxyLease, ProxyRef, TaskLease, Why, WorkerId, WorkerOrder, WorkerReport};
use crate::transport::Failure;
use crate::verdict::Reason;
use crate::worker::binding::Binding;
use crate::worker::fetch::FetchParts;
use crate::worker::job;

/// What all workers of a crawl share.
#[derive(Clone, Debug)]
pub struct WorkerParts {
    /// Where reports go.
    pub dispatcher: Recipient<WorkerReport>,
    /// What fetches go by.
    pub fetching: FetchParts,
    /// Where bodies are kept.
    pub pages: Pages,
}

/// A worker. Without a binding it is parked, or new, or waits for the proxy that it asked for.
pub struct ProxyWorker {
    id: WorkerId,
    parts: Rc<WorkerParts>,
    binding: Option<Rc<Binding>>,
    jobs: Vec<SpawnHandle>,
    obituary: Obituary,
}

impl ProxyWorker {
    /// A worker that is to be started on the arbiter where it is made.
    pub fn new(id: WorkerId, parts: WorkerParts, obituary: Obituary) -> Self {
        Self { id, parts: Rc::new(parts), binding: None, jobs: Vec::new(), obituary }
    }

    fn report(&self, report: WorkerReport) {
        self.parts.dispatcher.do_send(report);
    }

    fn replace(&self, proxy: ProxyRef, why: Why) {
        self.report(WorkerReport::Replace { worker: self.id, proxy, why });
    }

    fn bind(&mut self, lease: ProxyLease) {
        self.release();
        let proxy = lease.proxy;
        match Binding::new(lease, &self.parts.fetching) {
            Ok(binding) => self.binding = Some(Rc::new(binding)),
            Err(failure) => self.replace(proxy, Why::Unusable(unusable(&failure))),
        }
    }

    /// Drops the client; jobs that are out through it keep it until they end.
    fn release(&mut self) {
        if let Some(binding) = self.binding.take() {
            binding.release();
        }
    }

    fn bound_to(&self, proxy: ProxyRef) -> Option<Rc<Binding>> {
        self.binding.as_ref().filter(|binding| binding.proxy == proxy).map(Rc::clone)
    }

    /// Spawned into the actor's own context, so that a job dies with it and the lease in it reports that.
    fn fetch(&mut self, lease: TaskLease, ctx: &mut Context<Self>) {
        let Some(binding) = self.bound_to(lease.assignment.proxy) else {
            return; // Meant for a proxy that is not held any more: the dropped lease says so.
        };
        binding.job_begins();
        let job = job::run(self.id, Rc::clone(&binding), lease, Rc::clone(&self.parts));
        let job = wrap_future::<_, Self>(job).map(move |(), worker, ctx| {
            binding.job_ends();
            worker.jobs.retain(|job| *job != ctx.handle());
            worker.ask_when_idle();
        });
        self.jobs.push(ctx.spawn(job));
    }

    fn spent(&mut self, proxy: ProxyRef) {
        if let Some(binding) = self.bound_to(proxy) {
            binding.close(Why::Spent);
            self.ask_when_idle();
        }
    }

    /// Asks for another proxy if this one is being given up and nothing is out through it.
    fn ask_when_idle(&mut self) {
        if let Some((proxy, why)) = self.binding.as_ref().and_then(|binding| Some((binding.proxy, binding.closed()?))) {
            self.binding = None;
            self.replace(proxy, why);
        }
    }
}

fn unusable(failure: &Failure) -> Reason {
    Reason::new(failure.code(), failure.to_string())
}

impl Actor for ProxyWorker {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.report(WorkerReport::Ready { worker: self.id, inbox: ctx.address().recipient() });
    }
}

impl Handler<WorkerOrder> for ProxyWorker {
    type Result = ();

    fn handle(&mut self, order: WorkerOrder, ctx: &mut Self::Context) {
        match order {
            WorkerOrder::Bind(lease) => self.bind(lease),
            WorkerOrder::Fetch(lease) => self.fetch(lease, ctx),
            WorkerOrder::Spent { proxy } => self.spent(proxy),
            WorkerOrder::Park => self.release(),
            WorkerOrder::Finish => {
                self.release();
                for job in self.jobs.drain(..) {
                    ctx.cancel_future(job);
                }
                ctx.notify(Farewell);
            }
        }
    }
}

/// Sent to itself behind the cancelled jobs, so that their leases speak before the worker's last word.
#[derive(Message)]
#[rtype(result = "()")]
struct Farewell;

impl Handler<Farewell> for ProxyWorker {
    type Result = ();

    fn handle(&mut self, _: Farewell, ctx: &mut Self::Context) {
        self.obituary.expected();
        self.report(WorkerReport::Finished { worker: self.id });
        ctx.stop();
    }
}

#[cfg(test)]
impl Handler<crate::protocol::Crash> for ProxyWorker {
    type Result = ();

    #[allow(clippy::panic, reason = "that is what it is for")]
    fn handle(&mut self, _: crate::protocol::Crash, _: &mut Self::Context) {
        panic!("asked to crash");
    }
}

#[cfg(test)]
mod tests;
