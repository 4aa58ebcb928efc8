//! Burdock, a crawler that clings: one worker per proxy, each proxy used until it breaks, every page exactly once.

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
