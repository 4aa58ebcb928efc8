//! The dispatcher: decides which worker fetches what through which proxy, and when the crawl is over.

pub mod desk;
pub mod notice;
