//! The effective settings, typed: what `config/default.toml` documents, after all layers are merged and checked.
//!
//! Plain data. Reading and checking it is the rest of this folder; turning `[stage.*]` into something that can read a page
//! is [`crate::extract`].

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use crate::proxy::Route;

/// A whole config.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[crawl]`
    pub crawl: Crawl,
    /// `[stage.*]`, in the order of the file; never empty.
    pub stages: Vec<Stage>,
    /// `[proxies]`, read and expanded: one route a proxy, without duplicates. With `direct` a single [`Route::Direct`].
    pub routes: Vec<Route>,
    /// `[proxies]`, the rest.
    pub proxies: Proxies,
    /// `[pace]`
    pub pace: Pace,
    /// `[fetch]`
    pub fetch: Fetch,
    /// `[retry]`
    pub retry: Retry,
    /// `[ban]`
    pub ban: Ban,
    /// `[health]`
    pub health: Health,
    /// `[[feed]]`; one JSONL feed of everything where the config names none.
    pub feeds: Vec<Feed>,
    /// `[frontier]`
    pub frontier: Frontier,
    /// `[log]`
    pub log: Log,
    /// `[supervisor]`
    pub supervisor: Supervisor,
}

impl Settings {
    /// The folder of this run: `<data_dir>/<name>`.
    pub fn run_dir(&self) -> PathBuf {
        self.crawl.data_dir.join(&self.crawl.name)
    }
}

/// A number, or as many as the machine or the pool suggests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// `"auto"`
    Auto,
    /// A number, at least 1.
    Exactly(NonZeroUsize),
}

/// Which hosts links and redirects may lead to. Names are compared, not ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hosts {
    /// The hosts of the start URLs.
    Start,
    /// Any host.
    Any,
    /// Names, or `*.` and a name for all names below it.
    Listed(Vec<String>),
}

/// `[crawl]`
#[derive(Clone, Debug)]
pub struct Crawl {
    /// The run's name, and its folder's.
    pub name: String,
    /// URL templates, checked; expanded by [`crate::address::Template`].
    pub start: Vec<String>,
    /// A file with a URL a line, checked.
    pub start_file: Option<PathBuf>,
    /// The stage of the start URLs: the name of one of `stages`.
    pub start_stage: String,
    /// Where links may lead.
    pub hosts: Hosts,
    /// `ProxyWorker` actors.
    pub workers: Count,
    /// Arbiters that the workers are spread over.
    pub threads: Count,
    /// Where run folders lie.
    pub data_dir: PathBuf,
}

/// What proves that an answer is a real page of its stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// A link, or a record with a field that is not null.
    Any,
    /// Nothing: every answer counts.
    Nothing,
    /// A CSS selector that must match.
    Selector(String),
}

/// `[stage.NAME]`
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What proves a real page.
    pub expect: Expect,
    /// Links to follow.
    pub links: Vec<Link>,
    /// Higher goes first within a host.
    pub priority: i32,
    /// The fields of its record, in order; none, no record.
    pub fields: Vec<Field>,
}

/// One entry of `links`.
#[derive(Clone, Debug)]
pub struct Link {
    /// A CSS selector, known to parse.
    pub select: String,
    /// The attribute that holds the address.
    pub attr: String,
    /// The stage that it leads to: the name of one of `stages`.
    pub to: String,
}

/// One field of a stage.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in the record.
    pub name: String,
    /// A CSS selector, known to parse.
    pub select: String,
    /// An attribute instead of the text.
    pub attr: Option<String>,
    /// What becomes of several matches.
    pub take: Take,
    /// A page without it is not a real one.
    pub required: bool,
}

/// What becomes of a field's matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// The first one; none is null.
    First,
    /// All, as a list.
    All,
    /// All, joined by this text.
    Joined(String),
}

/// `[proxies]`, without the proxies.
#[derive(Clone, Debug)]
pub struct Proxies {
    /// The config asks for our own address.
    pub direct: bool,
    /// How long to wait while none is usable.
    pub wait: Duration,
}

/// `[pace]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// The least time between two requests of one proxy to one host.
    pub delay: Duration,
    /// A share of `delay` that is added at random, 0 to 1.
    pub jitter: f64,
}

/// `[fetch]`
#[derive(Clone, Debug)]
pub struct Fetch {
    /// For dialling, the proxy's handshake and TLS.
    pub connect_timeout: Duration,
    /// From sending the request to the head of the answer.
    pub head_timeout: Duration,
    /// One hop, whole; bounds the two above.
    pub timeout: Duration,
    /// The largest body in bytes, decompressed.
    pub max_body: u64,
    /// Redirects that are followed for one task.
    pub max_redirects: u32,
    /// `User-Agent`
    pub user_agent: String,
    /// Further headers, in order.
    pub headers: Vec<(String, String)>,
    /// Literal private addresses may be asked for.
    pub allow_private: bool,
    /// PEM file of certificate authorities trusted besides the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// `[retry]`
#[derive(Clone, Debug)]
pub struct Retry {
    /// Attempts in all; only failures that are the page's own count.
    pub attempts: u32,
    /// Different proxies before a page is condemned.
    pub witnesses: u32,
    /// Requests for one page that reached its site, whoever was to blame.
    pub max_requests: u32,
    /// Statuses that are worth another attempt.
    pub status: Vec<u16>,
    /// Statuses of pages that are gone.
    pub gone: Vec<u16>,
    /// The wait before the second attempt; doubled for each further one.
    pub backoff: Duration,
    /// The longest wait.
    pub backoff_max: Duration,
}

/// `[ban]`
#[derive(Clone, Debug)]
pub struct Ban {
    /// Statuses that say that the site refuses this proxy.
    pub status: Vec<u16>,
    /// How long such a proxy leaves that host alone; doubled each time.
    pub cooldown: Duration,
}

/// `[health]`
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// The score at which a proxy is given up.
    pub max_errors: u32,
    /// A success multiplies the score by this, 0 to 1.
    pub decay: f64,
    /// The first rest; doubled each time.
    pub cooldown: Duration,
    /// The longest rest.
    pub cooldown_max: Duration,
    /// Failures in a row on different pages, without a success, after which a proxy rests.
    pub max_silent: u32,
}

/// The kind of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedKind {
    /// A JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
}

impl FeedKind {
    /// The kind as it is written in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }
}

/// A column about the page rather than from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaColumn {
    /// `url`
    Url,
    /// `stage`
    Stage,
    /// `fetched_at`
    FetchedAt,
    /// `proxy`
    Proxy,
    /// `status`
    Status,
    /// `attempts`
    Attempts,
    /// `referrer`
    Referrer,
    /// `start_url`
    StartUrl,
}

impl MetaColumn {
    /// All of them, in the order of the contract.
    pub const ALL: [Self; 8] = [
        Self::Url,
        Self::Stage,
        Self::FetchedAt,
        Self::Proxy,
        Self::Status,
        Self::Attempts,
        Self::Referrer,
        Self::StartUrl,
    ];

    /// Its name in the config and in feeds.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Url => "url",
            Self::Stage => "stage",
            Self::FetchedAt => "fetched_at",
            Self::Proxy => "proxy",
            Self::Status => "status",
            Self::Attempts => "attempts",
            Self::Referrer => "referrer",
            Self::StartUrl => "start_url",
        }
    }
}

/// What to do with a file at a feed's path that this run did not write and that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfExists {
    /// Do not start.
    Refuse,
    /// Write behind what is there.
    Append,
}

/// One `[[feed]]`
#[derive(Clone, Debug)]
pub struct Feed {
    /// Its kind.
    pub kind: FeedKind,
    /// Its file, absolute.
    pub path: PathBuf,
    /// The stages whose records it takes, by name; each has fields.
    pub stages: Vec<String>,
    /// The columns before the fields.
    pub meta: Vec<MetaColumn>,
    /// What to do with a file that is already there.
    pub if_exists: IfExists,
}

/// Where tasks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontierKind {
    /// In memory: gone when the process ends.
    Memory,
}

/// `[frontier]`
#[derive(Clone, Copy, Debug)]
pub struct Frontier {
    /// Where tasks are kept.
    pub kind: FrontierKind,
}

/// How log lines look on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, else JSON.
    Auto,
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What needs a hand.
    Error,
    /// What may need a hand.
    Warn,
    /// What an operator reads of a healthy run.
    Info,
    /// Each page.
    Debug,
    /// Everything.
    Trace,
}

/// `[log]`
#[derive(Clone, Debug)]
pub struct Log {
    /// The form of lines on stderr.
    pub format: LogFormat,
    /// The level on stderr, and in the file.
    pub level: LogLevel,
    /// How often `run.progress` is logged.
    pub heartbeat: Duration,
    /// The log file, absolute.
    pub file: PathBuf,
}

/// `[supervisor]`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supervisor {
    /// Restarts of one worker slot within `window` before it is closed.
    pub max_restarts: u32,
    /// The window that restarts are counted in.
    pub window: Duration,
}
