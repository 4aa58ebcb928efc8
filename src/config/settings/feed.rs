//! `[[feed]]`: where records go, as the config says it.
//!
//! Plain data; writing feeds is another room's business.

use std::path::PathBuf;

use serde::Deserialize;

/// The kind of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedKind {
    /// A JSON object a line.
    Jsonl,
    /// Comma-separated values with a header.
    Csv,
    /// A table a stage in an SQLite database of its own.
    Sqlite,
}

impl FeedKind {
    /// The kind as it is written in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Sqlite => "sqlite",
        }
    }
}

/// What the path of a feed on standard output is; `-` in the config.
pub const STDOUT: &str = "/dev/stdout";

/// How the file of a feed is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compress {
    /// Not at all.
    #[default]
    None,
    /// In frames of Zstandard.
    Zstd,
    /// In members of gzip.
    Gzip,
}

impl Compress {
    /// Its name in the config.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// A column about the page rather than from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
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
    /// Its file, absolute; [`STDOUT`] for standard output.
    pub path: PathBuf,
    /// Whether a CSV file begins with a byte order mark.
    pub bom: bool,
    /// How the file is compressed.
    pub compress: Compress,
    /// The stages whose records it takes, by name; each has fields.
    pub stages: Vec<String>,
    /// The columns before the fields.
    pub meta: Vec<MetaColumn>,
    /// What to do with a file that is already there.
    pub if_exists: IfExists,
}
