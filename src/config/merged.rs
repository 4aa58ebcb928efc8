//! The merged layers, each value right in itself: turned into settings, and checked against each other.
//!
//! Here are the sections that need no more than reading, and what all checks share: looking values up, saying where they
//! come from, and what their paths are relative to.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use config::{Config, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::check::{Checker, join};
use super::interpolate::Environment;
use super::origin::Origin;
use super::problem::{Place, Problem};
use super::proxies::ProxiesFile;
use super::{Ban, BanRule, Crawl, Fetch, Log, Settings, text};
use crate::proxy::Secret;

/// The merged layers.
#[derive(Debug)]
pub(super) struct Merged<'a> {
    pub(super) config: Config,
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<String>,
    /// For each route, the line that it was read from.
    pub(super) proxy_lines: Vec<Secret>,
    pub(super) proxies_file: Option<ProxiesFile>,
    pub(super) environment: &'a Environment,
    pub(super) written: BTreeMap<String, String>,
    tables: BTreeMap<String, Origin>,
    broken: BTreeSet<String>,
    name: &'a str,
    base_dir: &'a Path,
    cwd: &'a Path,
}

impl<'a> Merged<'a> {
    pub(super) fn new(config: Config, checker: Checker<'a>, name: &'a str, base_dir: &'a Path, cwd: &'a Path) -> Self {
        Self {
            config,
            problems: checker.problems,
            warnings: Vec::new(),
            proxy_lines: Vec::new(),
            proxies_file: None,
            environment: checker.environment,
            written: checker.written,
            tables: checker.tables,
            broken: checker.broken,
            name,
            base_dir,
            cwd,
        }
    }

    /// All settings; none if a section is missing, for which there is a problem then.
    pub(super) fn settings(&mut self) -> Option<Settings> {
        let stages = self.stages();
        let crawl = self.crawl(&stages);
        let fetch = self.fetch();
        if let (Some(crawl), Some(fetch)) = (&crawl, &fetch) {
            self.check_starts(crawl, fetch, &stages);
        }
        let (proxies, routes) = (self.section("proxies"), self.routes());
        let run_dir = crawl.as_ref().map(|crawl| crawl.data_dir.join(&crawl.name));
        let log = self.log(run_dir.as_deref());
        let feeds = self.feeds(&stages, run_dir.as_deref(), log.as_ref());
        Some(Settings {
            crawl: crawl?,
            stages,
            routes,
            proxies_file: self.proxies_file.clone(),
            proxies: proxies?,
            pace: self.section("pace")?,
            fetch: fetch?,
            retry: self.section("retry")?,
            ban: self.ban()?,
            health: self.section("health")?,
            outage: self.section("outage")?,
            robots: self.section("robots")?,
            feeds,
            frontier: self.section("frontier")?,
            log: log?,
            limits: self.section("limits")?,
            supervisor: self.section("supervisor")?,
        })
    }

    /// `[crawl]`, with the names that follow from the file and the stages.
    fn crawl(&mut self, stages: &[super::Stage]) -> Option<Crawl> {
        let mut crawl: Crawl = self.section("crawl")?;
        crawl.data_dir = self.path("crawl.data_dir").unwrap_or_default();
        crawl.start_file = self.path("crawl.start_file");
        if self.get("crawl.name").is_none() {
            let stem = Path::new(self.name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if !text::is_plain_name(&stem) && !self.is_broken("crawl.name") {
                let message = format!("the run cannot be named after this file: {stem:?} is no plain name");
                self.fault_in_file(message, "set crawl.name");
            }
            crawl.name = stem;
        }
        crawl.start_stage = self.start_stage(crawl.start_stage, stages);
        Some(crawl)
    }

    fn fetch(&mut self) -> Option<Fetch> {
        let mut fetch: Fetch = self.section("fetch")?;
        fetch.ca_file = self.path("fetch.ca_file");
        if !text::is_header_value(&fetch.user_agent) {
            self.fault("fetch.user_agent", "\"fetch.user_agent\" holds what no header can hold", text::HEADER_HELP);
        }
        if fetch.insecure_tls {
            let warning = "fetch.insecure_tls: no site's certificate is checked; whoever is on the way, a proxy for one, can \
                           read and change what is fetched";
            self.warnings.push(warning.to_owned());
        }
        if let Some(error) = fetch.ca_file.as_ref().and_then(|path| std::fs::File::open(path).err()) {
            let message = format!("cannot read fetch.ca_file {}: {error}", self.near(fetch.ca_file.as_deref()));
            self.fault("fetch.ca_file", message, "it is a PEM file, relative to the config");
        }
        Some(fetch)
    }

    fn ban(&mut self) -> Option<Ban> {
        let ban: Ban = self.section("ban")?;
        for (place, rule) in ban.rules.iter().enumerate() {
            let nothing = BanRule { name: rule.name.clone(), ..BanRule::default() };
            if *rule == nothing {
                let message = format!("the rule {:?} says of no page that it is one of a ban", rule.name);
                let help = "give it one or more of status, select, body, url, header: all of them must hold";
                self.fault(&format!("ban.rule.{place}"), message, help);
            }
        }
        Some(ban)
    }

    fn log(&mut self, run_dir: Option<&Path>) -> Option<Log> {
        let mut log: Log = self.section("log")?;
        log.file = self.output("log.file", run_dir?)?;
        Some(log)
    }

    /// A section as its type reads it.
    pub(super) fn section<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        match self.config.get(key) {
            Ok(section) => Some(section),
            Err(error) => {
                // Each value was checked, so this takes a key that has no default and was left out for its own fault.
                if self.problems.is_empty() {
                    self.problems.push(Problem::new(Place::Nowhere, format!("[{key}]: {error}"), ""));
                }
                None
            }
        }
    }

    /// The value at a dotted path; list items by number.
    pub(super) fn get(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(&self.config.cache, |value, step| match &value.kind {
            ValueKind::Table(table) => table.get(step),
            ValueKind::Array(items) => items.get(step.parse::<usize>().ok()?),
            _ => None,
        })
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match &self.get(path)?.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// Where a value comes from, or the table that it is in, or would be in.
    pub(super) fn place(&self, path: &str) -> Place {
        let mut path = path;
        loop {
            if let Some(origin) = self.get(path).and_then(Origin::of).or_else(|| self.tables.get(path).cloned())
                && origin != Origin::Default
            {
                return Place::At(origin);
            }
            match path.rsplit_once('.') {
                Some((above, _)) => path = above,
                None => return Place::In(self.name.to_owned()),
            }
        }
    }

    /// Was something at or below this path, or above it, left out because it is wrong?
    pub(super) fn is_broken(&self, path: &str) -> bool {
        let below = format!("{path}.");
        self.broken
            .iter()
            .any(|broken| broken == path || broken.starts_with(&below) || path.starts_with(&join(broken, "")))
    }

    pub(super) fn fault(&mut self, path: &str, message: impl Into<String>, help: impl Into<String>) {
        let place = self.place(path);
        self.problems.push(Problem::new(place, message, help));
    }

    pub(super) fn fault_in_file(&mut self, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(Place::In(self.name.to_owned()), message, help));
    }

    pub(super) fn fault_at(&mut self, place: Place, message: impl Into<String>, help: impl Into<String>) {
        self.problems.push(Problem::new(place, message, help));
    }

    /// An absolute path: in the file relative to it, otherwise to where the user stands.
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        let value = self.get(key)?;
        let base = match Origin::of(value) {
            Some(Origin::File { .. }) => self.base_dir,
            _ => self.cwd,
        };
        let ValueKind::String(text) = &value.kind else { return None };
        Some(plain(&self.cwd.join(base).join(text)))
    }

    /// The same, but a bare name lies in the run's folder.
    pub(super) fn output(&self, key: &str, run_dir: &Path) -> Option<PathBuf> {
        let text = self.text(key)?;
        if text.contains('/') { self.path(key) } else { Some(run_dir.join(text)) }
    }

    /// A file beside the config.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        plain(&self.cwd.join(self.base_dir).join(name))
    }

    /// A path as people read it: relative to where they stand, if it is below.
    pub(super) fn near(&self, path: Option<&Path>) -> String {
        let path = path.unwrap_or(Path::new(""));
        path.strip_prefix(self.cwd).unwrap_or(path).display().to_string()
    }
}

/// A path without `.` and without `name/..`. Symbolic links in the latter would lead elsewhere; then it is left alone.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if !plain.is_symlink() && plain.file_name().is_some() => _ = plain.pop(),
            part => plain.push(part),
        }
    }
    plain
}
