//! The worker: one proxy, one client, the pages that it is given.
//!
//! What comes in: orders of the dispatcher. What goes out: one outcome for each task, or word that there is none. It must
//! not know how pages are chosen, how proxies are scored, or where records go.

mod actor;
mod ban;
mod binding;
mod fetch;
mod job;
mod judge;
mod page;
mod probe;
mod redirect;
mod spacing;
mod text;

#[cfg(test)]
mod bed;

pub use actor::{ProxyWorker, WorkerParts};
pub use ban::BanError;
pub use fetch::FetchParts;
pub use judge::Rules;
pub use probe::{Probe, Seen, judge_file, lone_task, probe};
