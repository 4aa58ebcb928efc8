//! `[robots]`, typed.
//!
//! Plain data: whether robots.txt is obeyed, and whom the delay that it asks for concerns.

use serde::Deserialize;

/// `[robots]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Robots {
    /// Read it before the first page of a host, and leave out what it bars.
    pub obey: bool,
    /// What its `Crawl-delay` is taken for.
    pub crawl_delay: CrawlDelay,
}

/// What a site's `Crawl-delay` is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrawlDelay {
    /// The least time between two requests of all proxies together.
    Host,
    /// The least time between two requests of one proxy.
    Proxy,
    /// Nothing.
    Ignore,
}
