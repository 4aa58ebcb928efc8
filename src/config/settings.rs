//! The effective settings, typed: what `config/default.toml` documents, after all layers are merged and checked.
//!
//! Plain data. Reading and checking it is the rest of this folder; turning `[stage.*]` into something that can read a page
//! is [`crate::extract`].

mod ban;
mod feed;
mod keep;
mod limits;
mod log;
mod outage;
mod pace;
mod proxies;
mod recipe;
mod robots;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de::Error};

use super::proxies::ProxiesFile;
use super::unit::{deserialize_duration, deserialize_size};
use crate::proxy::{Route, Secret};

pub use ban::{Ban, BanRule, header_rule};
pub use feed::{Compress, Feed, FeedKind, IfExists, MetaColumn, STDOUT};
pub use keep::KeepPages;
pub use limits::Limits;
pub use log::{Log, LogFormat, LogLevel};
pub use outage::Outage;
pub use pace::Pace;
pub use proxies::{Budget, Proxies, SpareOrder};
pub use recipe::{Affinity, Expect, Field, Link, Stage, Take};
pub use robots::{CrawlDelay, Robots};

/// A whole config.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `[crawl]`
    pub crawl: Crawl,
    /// `[stage.*]`, in the order of the file; never empty.
    pub stages: Vec<Stage>,
    /// `[proxies]`, read and expanded: one route a proxy, without duplicates. With `direct` a single [`Route::Direct`].
    pub routes: Vec<Route>,
    /// Where they were read from, to be read again; none if that is no file.
    pub proxies_file: Option<ProxiesFile>,
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
    /// `[outage]`
    pub outage: Outage,
    /// `[robots]`
    pub robots: Robots,
    /// `[[feed]]`; one JSONL feed of everything where the config names none.
    pub feeds: Vec<Feed>,
    /// `[frontier]`
    pub frontier: Frontier,
    /// `[log]`
    pub log: Log,
    /// `[limits]`
    pub limits: Limits,
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
#[derive(Clone, Debug, Deserialize)]
pub struct Crawl {
    /// The run's name, and its folder's.
    #[serde(default)]
    pub name: String,
    /// URL templates, checked; expanded by [`crate::address::Template`].
    #[serde(default)]
    pub start: Vec<String>,
    /// A file with a URL a row, checked; read by [`crate::address::StartFile`].
    pub start_file: Option<PathBuf>,
    /// The stage of the start URLs: the name of one of `stages`.
    #[serde(default)]
    pub start_stage: String,
    /// Where links may lead.
    pub hosts: Hosts,
    /// Names of parameters that are no part of an address, with `*` for any text.
    pub drop_params: Vec<String>,
    /// `ProxyWorker` actors.
    pub workers: Count,
    /// Arbiters that the workers are spread over.
    pub threads: Count,
    /// Where run folders lie.
    pub data_dir: PathBuf,
    /// Whose bodies are kept.
    pub keep_pages: KeepPages,
}

/// `[fetch]`
#[derive(Clone, Debug, Deserialize)]
pub struct Fetch {
    /// For dialling, the proxy's handshake and TLS.
    #[serde(deserialize_with = "deserialize_duration")]
    pub connect_timeout: Duration,
    /// From sending the request to the head of the answer.
    #[serde(deserialize_with = "deserialize_duration")]
    pub head_timeout: Duration,
    /// One hop, whole; bounds the two above.
    #[serde(deserialize_with = "deserialize_duration")]
    pub timeout: Duration,
    /// The largest body in bytes, decompressed.
    #[serde(deserialize_with = "deserialize_size")]
    pub max_body: u64,
    /// Redirects that are followed for one task.
    pub max_redirects: u32,
    /// `User-Agent`
    pub user_agent: String,
    /// Further headers, in order. Some are cookies and tokens, so no value is shown.
    #[serde(deserialize_with = "deserialize_pairs")]
    pub headers: Vec<(String, Secret)>,
    /// Literal private addresses may be asked for.
    pub allow_private: bool,
    /// Sites may show any certificate; proxies may not.
    pub insecure_tls: bool,
    /// PEM file of certificate authorities trusted besides the usual ones.
    pub ca_file: Option<PathBuf>,
}

/// `[retry]`
#[derive(Clone, Debug, Deserialize)]
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
    #[serde(deserialize_with = "deserialize_duration")]
    pub backoff: Duration,
    /// The longest wait.
    #[serde(deserialize_with = "deserialize_duration")]
    pub backoff_max: Duration,
}

/// `[health]`
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Health {
    /// The score at which a proxy is given up.
    pub max_errors: u32,
    /// A success multiplies the score by this, 0 to 1.
    pub decay: f64,
    /// The first rest; doubled each time.
    #[serde(deserialize_with = "deserialize_duration")]
    pub cooldown: Duration,
    /// The longest rest.
    #[serde(deserialize_with = "deserialize_duration")]
    pub cooldown_max: Duration,
    /// Rests in this run after which a proxy does not come back.
    #[serde(deserialize_with = "limits::number")]
    pub max_cooldowns: Option<u64>,
    /// Failures in a row on different pages, without a success, after which a proxy rests.
    pub max_silent: u32,
}

/// Where tasks are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FrontierKind {
    /// In memory: gone when the process ends.
    Memory,
    /// In a SQLite file in the run's folder: it survives the process.
    Sqlite,
}

/// `[frontier]`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Frontier {
    /// Where tasks are kept.
    pub kind: FrontierKind,
    /// Records stay after every feed has them.
    pub keep_records: bool,
    /// Records not yet in the feeds, in bytes, beyond which fetching waits.
    #[serde(deserialize_with = "deserialize_size")]
    pub max_lag: u64,
}

/// `[supervisor]`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Supervisor {
    /// Restarts of one worker slot within `window` before it is closed.
    pub max_restarts: u32,
    /// The window that restarts are counted in.
    #[serde(deserialize_with = "deserialize_duration")]
    pub window: Duration,
}

fn deserialize_pairs<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, Secret)>, D::Error> {
    let pairs = config::Map::<String, String>::deserialize(from)?;
    Ok(pairs.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Exactly).map_err(D::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for Hosts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Word(String),
            List(Vec<String>),
        }
        match Written::deserialize(from)? {
            Written::Word(word) if word == "start" => Ok(Self::Start),
            Written::Word(word) if word == "any" => Ok(Self::Any),
            Written::Word(word) => Err(D::Error::custom(word)),
            Written::List(names) => Ok(Self::Listed(names)),
        }
    }
}
