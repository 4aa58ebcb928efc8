//! The fixture of the promise tests, to be read like a story: a site and proxies on loopback, the real binary as a child
//! process, and what it left behind.
//!
//! `Bed::new().proxies(5).dead(2).lists(10).crawl().expect_exit(0).expect_all_records()`. In come a bed's parts; out comes
//! a [`Crawl`] that answers questions. It knows the binary only by its command line, files and exit code.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "the benchmarks compile the whole fixture and use a part of it"
)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a fixture fails by panicking")]

mod bed;
mod certificate;
mod crawl;
mod process;
mod world;

pub use bed::Bed;
pub use burdock::demo::proxy::Behaviour;
pub use burdock::demo::site::{Condition, Fault, Hostile};
pub use crawl::Crawl;
pub use process::{Ended, Running};
pub use world::World;
