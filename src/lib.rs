//! Burdock, a crawler that clings: one worker per proxy, each proxy used until it breaks, every page exactly once.

pub mod clock;
pub mod config;
pub mod demo;
pub mod dispatcher;
pub mod frontier;
pub mod protocol;
pub mod proxy;
pub mod record;
pub mod task;
pub mod verdict;
