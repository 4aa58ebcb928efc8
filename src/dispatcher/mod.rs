//! The dispatcher: decides which worker fetches what through which proxy, and when the crawl is over.
//!
//! [`desk`] decides and is pure; [`actor`] carries messages between it, the workers, the sink and the store's thread.

pub mod actor;
pub mod desk;
mod disk;
pub mod notice;
pub mod store;
