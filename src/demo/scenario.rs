//! The demo: a site of 200 details behind a dozen proxies of which five are broken, a config for it, and the verdict.
//!
//! In comes the folder below which the demo may write; out come the config's text, the environment that fills it in, and
//! afterwards how the feed compares with the truth. It starts no crawl: that is the command line's part.

use std::collections::HashSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::check::{Comparison, compare};
use super::proxy::{self, Behaviour, Proxy};
use super::site::{self, Site};
use crate::clock::Timestamp;

/// The demo's config, as the repository has it.
pub const CONFIG: &str = include_str!("../../config/demo.toml");

const LISTS: u32 = 20;
const PER_LIST: u32 = 10;
/// Each answer takes so long: about as much as a site nearby.
const LATENCY: Duration = Duration::from_millis(15);
/// The dozen, in the order of the proxies file: eight workers begin with the first eight, so all broken ones are met.
const DOZEN: [Behaviour; 12] = [
    Behaviour::Good,
    Behaviour::Dead,
    Behaviour::Flaky { share: 0.8 },
    Behaviour::Good,
    Behaviour::Banning { after: 6 },
    Behaviour::Good,
    Behaviour::Dead,
    Behaviour::Flaky { share: 0.9 },
    Behaviour::Good,
    Behaviour::Good,
    Behaviour::Good,
    Behaviour::Good,
];

/// Why a demo cannot be set up or judged.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The folder of the demo, or a file in it, cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file that the crawl must have left cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No port on loopback for the site or a proxy.
    #[error("cannot listen on 127.0.0.1: {0}")]
    Listen(#[source] io::Error),
}

/// A demo that is ready to be crawled; dropped, site and proxies are gone, and its folder stays.
#[derive(Debug)]
pub struct Demo {
    site: Site,
    proxies: Vec<Proxy>,
    folder: PathBuf,
}

impl Demo {
    /// Starts site and proxies on the runtime of the caller, and makes a new folder `demo-<now>` below `runs`, with the
    /// proxies file in it.
    ///
    /// # Errors
    /// If there is no port, or the folder cannot be written.
    pub async fn start(runs: &Path, now: Timestamp) -> Result<Self, DemoError> {
        let site = site::Builder::new(LISTS, PER_LIST).latency(LATENCY).start().await.map_err(DemoError::Listen)?;
        let mut proxies = Vec::new();
        for (number, behaviour) in (1..).zip(DOZEN) {
            proxies.push(proxy::Builder::new(number, behaviour).start().await.map_err(DemoError::Listen)?);
        }
        let folder = new_folder(runs, now)?;
        let demo = Self { site, proxies, folder };
        let path = demo.proxies_file();
        fs::write(&path, demo.proxies_text()).map_err(|source| DemoError::Write { path, source })?;
        Ok(demo)
    }

    /// What [`CONFIG`] asks the environment for.
    pub fn environment(&self) -> [(String, String); 3] {
        [
            ("BURDOCK_DEMO_SITE".to_owned(), self.site.url().to_owned()),
            ("BURDOCK_DEMO_PROXIES".to_owned(), self.proxies_file().display().to_string()),
            ("BURDOCK_DEMO_FOLDER".to_owned(), self.folder.display().to_string()),
        ]
    }

    /// The demo's folder, absolute; the run's folder lies in it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Compares the JSONL feed of the crawl with the truth, and counts the proxies that its log says were replaced.
    ///
    /// # Errors
    /// If feed or log cannot be read.
    pub fn check(&self, feed: &Path, log: &Path) -> Result<Outcome, DemoError> {
        let read = |source| DemoError::Read { path: feed.to_owned(), source };
        let comparison = compare(open(feed)?, self.site.truth()).map_err(read)?;
        Ok(Outcome { comparison, replaced: replaced(log)? })
    }

    fn proxies_file(&self) -> PathBuf {
        self.folder.join("proxies.txt")
    }

    fn proxies_text(&self) -> String {
        let mut text = "# Twelve practice proxies of this demo; they are gone when it ends.\n".to_owned();
        for proxy in &self.proxies {
            text.push_str(&proxy.line());
            text.push('\n');
        }
        text
    }
}

/// How a demo went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The feed beside the truth.
    pub comparison: Comparison,
    /// Proxies that were replaced, each counted once.
    pub replaced: usize,
}

impl Outcome {
    /// Did the crawl get exactly what there is?
    pub fn held(&self) -> bool {
        self.comparison.is_perfect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proxies = if self.replaced == 1 { "proxy" } else { "proxies" };
        write!(f, "{}; {} {proxies} replaced", self.comparison, self.replaced)
    }
}

/// Counts the proxies that have a `proxy.replaced` event in the log of a run.
fn replaced(log: &Path) -> Result<usize, DemoError> {
    let mut labels = HashSet::new();
    for line in open(log)?.lines() {
        let line = line.map_err(|source| DemoError::Read { path: log.to_owned(), source })?;
        let event: Value = serde_json::from_str(&line).unwrap_or_default();
        if event["event"] == "proxy.replaced" {
            labels.insert(event["proxy"]["label"].as_str().unwrap_or_default().to_owned());
        }
    }
    Ok(labels.len())
}

fn open(path: &Path) -> Result<BufReader<File>, DemoError> {
    let file = File::open(path).map_err(|source| DemoError::Read { path: path.to_owned(), source })?;
    Ok(BufReader::new(file))
}

/// A folder that was not there before, named by the second; several within one second are numbered.
fn new_folder(runs: &Path, now: Timestamp) -> Result<PathBuf, DemoError> {
    let write = |path: &Path, source| DemoError::Write { path: path.to_owned(), source };
    fs::create_dir_all(runs).map_err(|source| write(runs, source))?;
    let runs = runs.canonicalize().map_err(|source| write(runs, source))?;
    let stamp: String = now.rfc3339().chars().take(19).filter(|c| !matches!(c, ':' | '-')).collect();
    let mut folder = runs.join(format!("demo-{stamp}"));
    let mut number = 2;
    loop {
        match fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                folder = runs.join(format!("demo-{stamp}-{number}"));
                number += 1;
            }
            Err(error) => return Err(write(&folder, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"{"event":"proxy.bound","proxy":{"label":"a:1"}}
{"event":"proxy.replaced","proxy":{"label":"a:1"}}
{"event":"proxy.replaced","proxy":{"label":"b:2"}}
{"event":"proxy.replaced","proxy":{"label":"a:1"}}
"#;

    /// The feed that a perfect crawl of the demo writes.
    fn perfect_feed(demo: &Demo) -> String {
        let record = |one: &site::Expected| {
            let directors = one.directors.join("|");
            serde_json::json!({ "url": one.url, "title": one.title, "directors": directors }).to_string() + "\n"
        };
        demo.site.truth().iter().map(record).collect()
    }

    #[actix_rt::test]
    async fn a_perfect_feed_holds_and_one_record_less_does_not() {
        let runs = tempfile::tempdir().unwrap();
        let demo = Demo::start(runs.path(), Timestamp::from_micros(0)).await.unwrap();
        let (feed, log) = (demo.folder().join("feed"), demo.folder().join("log"));
        fs::write(&log, LOG).unwrap();
        let text = perfect_feed(&demo);
        fs::write(&feed, &text).unwrap();
        let outcome = demo.check(&feed, &log).unwrap();
        assert!(outcome.held());
        assert_eq!(outcome.to_string(), "200 of 200 records, 0 missing, 0 twice; 2 proxies replaced");
        fs::write(&feed, text.split_once('\n').unwrap().1).unwrap();
        let outcome = demo.check(&feed, &log).unwrap();
        assert!(!outcome.held());
        assert_eq!(outcome.to_string(), "199 of 200 records, 1 missing, 0 twice; 2 proxies replaced");
    }

    #[actix_rt::test]
    async fn each_demo_has_a_folder_of_its_own_with_its_proxies_in_it() {
        let runs = tempfile::tempdir().unwrap();
        let below = runs.path().join("runs");
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let first = Demo::start(&below, now).await.unwrap();
        let second = Demo::start(&below, now).await.unwrap();
        assert!(first.folder().ends_with("runs/demo-20231114T221320"), "{}", first.folder().display());
        assert!(second.folder().ends_with("runs/demo-20231114T221320-2"), "{}", second.folder().display());
        let lines = fs::read_to_string(first.folder().join("proxies.txt")).unwrap();
        assert_eq!(lines.lines().filter(|line| line.starts_with("http://127.0.0.1:")).count(), 12);
    }

    #[actix_rt::test]
    async fn the_config_asks_the_environment_for_just_what_the_demo_fills_in() {
        let runs = tempfile::tempdir().unwrap();
        let demo = Demo::start(runs.path(), Timestamp::from_micros(0)).await.unwrap();
        let mut text = CONFIG.to_owned();
        for (name, value) in demo.environment() {
            let asked = format!("${{{name}}}");
            assert!(text.contains(&asked), "{asked}");
            text = text.replace(&asked, &value);
        }
        let settings = text.lines().filter(|line| !line.starts_with('#') && line.contains("${BURDOCK"));
        assert_eq!(settings.count(), 0);
        text.parse::<toml::Table>().unwrap();
    }
}
