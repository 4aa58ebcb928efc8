//! The promises, each in a file of its own, in one binary: what they share is compiled and linked once.
//!
//! `cargo test --test promises outage::` runs those of one file. What needs a process to itself is a target of its own
//! (`Cargo.toml`).

mod common;

mod any_input;
mod architecture;
mod bad_input;
mod blame;
mod check;
mod commands;
mod crash;
mod demo;
mod ends;
mod faults;
mod feeds;
mod input;
mod logs;
mod main_job;
mod one_proxy_one_worker;
mod outage;
mod pace;
mod reach;
mod readme;
mod resume;
mod robots;
mod run_folder;
mod spares;
mod try_page;
