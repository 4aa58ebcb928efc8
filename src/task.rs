//! The unit of work: one request at one stage, and the names that everybody uses for it.
//!
//! Plain words: stages, requests, tasks, hosts, and why one is not fetched. Who makes, keeps or fetches them is not known here.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};
use url::Url;

/// A task's number in its frontier; never used twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskId(pub u64);

impl TaskId {
    /// Numbers from here on are of tasks that no frontier has.
    const BUILT_IN: u64 = 1 << 63;

    /// The `n`th task of a built-in stage.
    pub const fn built_in(n: u64) -> Self {
        Self(Self::BUILT_IN | n)
    }

    /// Is it of a built-in stage?
    pub const fn is_built_in(self) -> bool {
        self.0 >= Self::BUILT_IN
    }
}

/// A stage of the recipe, as an index into its stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub u16);

impl StageId {
    /// The built-in stage that reads robots.txt; no recipe has so many.
    pub const ROBOTS: Self = Self(u16::MAX);

    /// Is it the built-in one for robots.txt?
    pub const fn is_robots(self) -> bool {
        self.0 == Self::ROBOTS.0
    }
}

/// A fencing number: what arrives under an older one commits nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The next higher number.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One `host:port`, the port always written out: what pace and bans are kept for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostKey(pub Arc<str>);

impl HostKey {
    /// The host and port that a request for `url` goes to.
    pub fn of(url: &Url) -> Self {
        let port = url.port_or_known_default().unwrap_or(0);
        Self(format!("{}:{port}", url.host_str().unwrap_or_default()).into())
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The method of a request; part of a task's identity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `POST`
    Post,
}

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// What is asked of the site. `url` is canonical (see [`crate::address::canonical`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The canonical address.
    pub url: Url,
    /// The body, if the method has one.
    pub body: Option<Arc<str>>,
}

impl Request {
    /// A plain `GET` of a canonical address.
    pub fn get(url: Url) -> Self {
        Self { method: Method::Get, url, body: None }
    }
}

/// Small JSON that travels with a task and its links.
pub type Meta = Arc<Map<String, Value>>;

/// Why a task that was found will not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exclusion {
    /// Its host is not one of `crawl.hosts`.
    ForeignHost,
    /// It names a private, loopback or link-local address and `fetch.allow_private` is off.
    PrivateAddress,
    /// Its host's robots.txt bars it.
    Robots,
}

impl Exclusion {
    /// The reason's name in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ForeignHost => "foreign_host",
            Self::PrivateAddress => "private_address",
            Self::Robots => "robots",
        }
    }
}

/// A task as found: by the config, or as a link on a page. The frontier decides whether it is new.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// The stage that will read the answer.
    pub stage: StageId,
    /// What to ask for.
    pub request: Request,
    /// Higher goes first within a host.
    pub priority: i32,
    /// Links followed from the start URL; a start URL has 0.
    pub depth: u32,
    /// What travels with it.
    pub meta: Meta,
    /// The page that linked it; none for a start URL.
    pub referrer: Option<Arc<str>>,
    /// The start URL that it descends from.
    pub start_url: Arc<str>,
    /// Set if it is only to be counted, not fetched.
    pub excluded: Option<Exclusion>,
}

/// A task in the frontier, and what it has cost so far.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number.
    pub id: TaskId,
    /// The stage that will read the answer.
    pub stage: StageId,
    /// What to ask for.
    pub request: Request,
    /// Where the request goes.
    pub host: HostKey,
    /// Higher goes first within a host.
    pub priority: i32,
    /// Links followed from the start URL.
    pub depth: u32,
    /// What travels with it.
    pub meta: Meta,
    /// The page that linked it.
    pub referrer: Option<Arc<str>>,
    /// The start URL that it descends from.
    pub start_url: Arc<str>,
    /// Attempts used up: failures that were the page's own.
    pub attempts: u32,
    /// Requests for it that reached its site, whoever was to blame.
    pub requests: u32,
}
