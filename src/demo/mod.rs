//! The practice ground: a site and forward proxies on loopback, with faults on demand, for `burdock demo` and the tests.
//!
//! In come a size, a seed and named faults; out come addresses, a journal of who asked for what, and the truth that a
//! perfect crawl yields. It knows nothing of the crawler beyond the words for time and secrets, and never leaves loopback.
//! Everything runs on the runtime that the caller is in and ends when its handle is dropped.

pub mod check;
mod client;
mod hosting;
mod mode;
pub mod proxy;
mod rate;
mod scenario;
pub mod site;
mod wire;

pub use mode::ModeError;
pub use scenario::{CONFIG, Demo, DemoError};

#[cfg(test)]
mod tests;
