//! Transport: one request over one hop, through a proxy or, where the config says so, directly.
//!
//! In: a route, settings, requests. Out: whole answers, or failures that say where the hop broke. awc does HTTP; around it
//! lie a connector that goes where the route says, and a stream that keeps awc from mistaking damage for a page. It must
//! not know workers, tasks' fates or blame.

mod answer;
mod body;
mod client;
mod connector;
mod failure;
mod head;
mod leg;
mod line;
mod request;
mod socks;
mod stream;
#[cfg(test)]
mod tests;
mod tls;
mod tunnel;
mod wire;

pub use answer::{Answer, Exchange, Timing};
pub use awc::http::header::HeaderMap;
pub use client::{Client, Connections};
pub use failure::{Dial, Failure, SocksReply, TlsFailure, TlsProblem};
pub use tls::{Tls, TlsError};
