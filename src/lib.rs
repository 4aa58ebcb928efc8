//! Burdock, a crawler that clings: one worker per proxy, each proxy used until it breaks, every page exactly once.
//!
//! This is the map: a folder or file a part, each opening with what it is for. Messages are in `protocol`, all wiring in `crawl`,
//! the promises of the command line in `cli` and `exit`. The library is for this program alone.

pub mod address;
pub mod cli;
pub mod clock;
pub mod config;
pub mod crawl;
pub mod demo;
pub mod dispatcher;
pub mod exit;
pub mod extract;
pub mod frontier;
pub mod pace;
pub mod pages;
pub mod protocol;
pub mod proxy;
pub mod record;
pub mod run_folder;
pub mod sink;
pub mod supervisor;
pub mod task;
pub mod telemetry;
pub mod transport;
pub mod verdict;
pub mod worker;
