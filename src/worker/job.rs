//! A job: one task from its lease to its outcome, whatever happens in between.
//!
//! What comes in: a binding and a lease. What goes out: exactly one report, an outcome sent from here or `Abandoned` sent by
//! the dropped lease. It must not know the actor, so that it can die with it at any point.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::timeout;

use crate::pages::Worth;
use crate::protocol::{Meters, Outcome, TaskLease, Why, WorkerId, WorkerReport};
use crate::verdict::Verdict;
use crate::worker::actor::WorkerParts;
use crate::worker::binding::Binding;
use crate::worker::fetch::{Fetch, Fetched, NoOutcome};
use crate::worker::judge;

/// The longest panic message that is passed on, in characters: some hold whole pages.
const MESSAGE: usize = 200;

/// Does one task. The first layer of supervision: a panic ends here as a verdict, and the worker lives.
pub(crate) async fn run(worker: WorkerId, binding: Rc<Binding>, lease: TaskLease, parts: Rc<WorkerParts>) {
    let (mut meters, mut body) = (Meters::default(), None);
    let fetch = Fetch {
        binding: &binding,
        task: &lease.task,
        gap: lease.gap,
        clearance: lease.clearance.clone(),
        parts: &parts.fetching,
        meters: &mut meters,
        body: &mut body,
    };
    let patience = lease.patience.unwrap_or(Duration::MAX);
    let fetched = match timeout(patience, AssertUnwindSafe(fetch.run()).catch_unwind()).await {
        Ok(Ok(Ok(fetched))) => fetched,
        Ok(Ok(Err(NoOutcome::ClientUnusable(reason)))) => return binding.close(Why::Unusable(reason)),
        Ok(Ok(Err(NoOutcome::Interrupted))) => return,
        Ok(Err(payload)) => panicked(&*payload),
        Err(_) => {
            // How far it got is not known: it may have been sent as late as now.
            meters.requests += 1;
            meters.sent.push((lease.task.host.clone(), parts.fetching.clock.now()));
            judge::probe_timeout(patience).into()
        }
    };
    let Fetched { verdict, links, records, missing, robots } = fetched;
    if !lease.task.stage.is_robots() {
        // Before the outcome, after which somebody else may have the page.
        parts.pages.settle(lease.task.id, worth(&verdict, body)).await;
    }
    let next = binding.next();
    let outcome =
        Outcome { worker, assignment: lease.settle(), verdict, links, records, missing, robots, meters, next };
    parts.dispatcher.do_send(WorkerReport::Fetched(Box::new(outcome)));
}

/// What the body of an answer is worth, by what the answer turned out to be.
fn worth(verdict: &Verdict, body: Option<Bytes>) -> Worth {
    match (verdict, body) {
        (Verdict::Done, Some(body)) => Worth::Good(body),
        (Verdict::Done | Verdict::Gone(..) | Verdict::Excluded(..), body) => Worth::Ended(body),
        (
            Verdict::Banned(_)
            | Verdict::Doubtful(_)
            | Verdict::Throttled { .. }
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_)
            | Verdict::Unasked(..)
            | Verdict::Panicked(_),
            body,
        ) => Worth::Failed(body),
        (Verdict::ProxyBroken(_) | Verdict::ProxyDenied(_), _) => Worth::Nothing,
    }
}

/// What is said of a task that our own code panicked on.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Fetched {
    judge::panicked(&message(payload)).into()
}

/// What `panic!` was given, on one line.
fn message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a message");
    text.chars().take(MESSAGE).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_message_is_one_line_of_bounded_length() {
        assert_eq!(message(&"index 3\nout of bounds"), "index 3 out of bounds");
        assert_eq!(message(&"é".repeat(5_000)).chars().count(), MESSAGE);
        assert_eq!(message(&7_u8), "without a message");
    }
}
