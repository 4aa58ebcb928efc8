//! `[[feed]]`: which records go where.
//!
//! Merged entries, stages and the run's folder come in, feeds go out. Files are only named here, not opened: whether one may
//! be written is the feed's own business.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::merged::Merged;
use super::{Compress, Feed, FeedKind, IfExists, Log, MetaColumn, STDOUT, Stage};

/// Files of a run's folder that are neither feeds nor the log.
const OWN_FILES: [&str; 11] = [
    "pages",
    "report.json",
    "report.tmp",
    "run.json",
    "run.lock",
    "run.tmp",
    "store.sqlite",
    "store.sqlite-wal",
    "store.sqlite-shm",
    "store.fingerprints",
    "store.tmp",
];

/// How standard output is written as a path.
const DASH: &str = "-";

#[derive(Deserialize)]
struct Entry {
    kind: FeedKind,
    stages: Option<Vec<String>>,
    meta: Option<Vec<MetaColumn>>,
    #[serde(default)]
    bom: bool,
    #[serde(default)]
    compress: Compress,
    if_exists: Option<IfExists>,
}

impl Merged<'_> {
    /// The feeds; one of everything where the config names none.
    pub(super) fn feeds(&mut self, stages: &[Stage], run_dir: Option<&Path>, log: Option<&Log>) -> Vec<Feed> {
        let with_fields: Vec<String> =
            stages.iter().filter(|stage| !stage.fields.is_empty()).map(|stage| stage.name.clone()).collect();
        let Some(run_dir) = run_dir else { return Vec::new() };
        let entries: Vec<Entry> =
            if self.get("feed").is_some() { self.section("feed").unwrap_or_default() } else { Vec::new() };
        let mut feeds: Vec<Feed> = entries
            .into_iter()
            .enumerate()
            .filter_map(|(place, entry)| self.feed(place, entry, stages, &with_fields, run_dir))
            .collect();
        if feeds.is_empty() && !self.is_broken("feed") {
            feeds.push(Feed {
                kind: FeedKind::Jsonl,
                path: run_dir.join("records.jsonl"),
                bom: false,
                compress: Compress::None,
                stages: with_fields,
                meta: vec![MetaColumn::Url],
                if_exists: IfExists::Refuse,
            });
        }
        self.check_paths(&feeds, run_dir, log);
        feeds
    }

    fn feed(
        &mut self,
        place: usize,
        entry: Entry,
        stages: &[Stage],
        with_fields: &[String],
        run_dir: &Path,
    ) -> Option<Feed> {
        let key = format!("feed.{place}");
        let taken = self.feed_stages(&key, &entry, stages, with_fields);
        let feed = Feed {
            kind: entry.kind,
            path: self.feed_path(&format!("{key}.path"), run_dir)?,
            bom: entry.bom,
            compress: entry.compress,
            stages: taken,
            meta: entry.meta.unwrap_or_else(|| vec![MetaColumn::Url]),
            if_exists: entry.if_exists.unwrap_or(IfExists::Refuse),
        };
        if feed.bom && feed.kind != FeedKind::Csv {
            let message = format!("a {} feed has no byte order mark", feed.kind.as_str());
            self.fault(&format!("{key}.bom"), message, "leave bom out: it is for kind = \"csv\"");
        }
        if feed.kind == FeedKind::Sqlite {
            self.check_tables(&key, &feed, stages);
        }
        Some(feed)
    }

    fn feed_stages(&mut self, key: &str, entry: &Entry, stages: &[Stage], with_fields: &[String]) -> Vec<String> {
        let names: Vec<String> = stages.iter().map(|stage| stage.name.clone()).collect();
        let given = entry.stages.is_some();
        let taken = entry.stages.clone().unwrap_or_else(|| with_fields.to_vec());
        for (index, stage) in taken.iter().enumerate() {
            let at = format!("{key}.stages.{index}");
            let known = self.known_stage(&at, stage, &names);
            if known && !with_fields.contains(stage) && !self.is_broken(&format!("stage.{stage}")) {
                let message = format!("the stage {stage:?} has no fields, so it makes no records for this feed");
                self.fault(&at, message, format!("give it fields in [stage.{stage}.fields], or leave it out"));
            }
        }
        if given && taken.is_empty() {
            self.fault(&format!("{key}.stages"), "a feed of no stage", "leave stages out for all with fields");
        }
        if entry.kind == FeedKind::Csv && taken.len() > 1 {
            let help = format!("a csv feed takes one stage: stages = [{:?}]", taken[0]);
            let at = if given { format!("{key}.stages") } else { key.to_owned() };
            self.fault(&at, format!("a csv feed of {} stages: {}", taken.len(), taken.join(", ")), help);
        }
        taken
    }

    fn feed_path(&self, key: &str, run_dir: &Path) -> Option<PathBuf> {
        if self.text(key)? == DASH { Some(PathBuf::from(STDOUT)) } else { self.output(key, run_dir) }
    }

    /// What only a database minds.
    fn check_tables(&mut self, key: &str, feed: &Feed, stages: &[Stage]) {
        if feed.path == Path::new(STDOUT) {
            let help = "give it a file, or make it a feed of kind \"jsonl\" or \"csv\"";
            self.fault(&format!("{key}.path"), "a database cannot be written to standard output", help);
        }
        if feed.compress != Compress::None {
            let help = "leave compress out: it is for kinds \"jsonl\" and \"csv\"";
            self.fault(&format!("{key}.compress"), "a database cannot be compressed", help);
        }
        let columns = |stage: &Stage| {
            let meta = feed.meta.iter().map(|column| column.as_str().to_owned());
            twin(meta.chain(stage.fields.iter().map(|field| field.name.clone())))
        };
        let mut twins: Vec<_> = twin(feed.stages.iter().cloned()).into_iter().collect();
        twins.extend(stages.iter().filter(|stage| feed.stages.contains(&stage.name)).filter_map(columns));
        for (one, other) in twins {
            let message = format!("{one:?} and {other:?} are one name to SQLite");
            self.fault(&format!("{key}.kind"), message, "give one of them another name, or the feed another kind");
        }
        for stage in feed.stages.iter().filter(|stage| is_sqlites_own(stage)) {
            let message = format!("no table can be called like the stage {stage:?}");
            self.fault(&format!("{key}.kind"), message, "give the stage another name, or the feed another kind");
        }
    }

    fn check_paths(&mut self, feeds: &[Feed], run_dir: &Path, log: Option<&Log>) {
        let mut taken: Vec<(PathBuf, &str)> =
            OWN_FILES.iter().map(|name| (run_dir.join(name), "a file of the run's own")).collect();
        if let Some(log) = log {
            if taken.iter().any(|(own, _)| real(own) == real(&log.file)) {
                let message =
                    format!("the log file and a file of the run's own are at one path: {}", self.near(Some(&log.file)));
                self.fault("log.file", message, "give it another path");
            }
            taken.push((log.file.clone(), "the log file"));
        }
        for (place, feed) in feeds.iter().enumerate() {
            let path = real(&feed.path);
            match taken.iter().find(|(other, _)| real(other) == path) {
                Some((_, whose)) => {
                    let message = format!("this feed and {whose} are at one path: {}", self.near(Some(&feed.path)));
                    self.fault(&format!("feed.{place}.path"), message, "give it another path");
                }
                None => taken.push((path, "another feed")),
            }
        }
        for (place, feed) in feeds.iter().enumerate() {
            for (index, column) in feed.meta.iter().enumerate() {
                if feed.meta[..index].contains(column) {
                    let at = format!("feed.{place}.meta.{index}");
                    self.fault(&at, format!("the meta column {:?} twice", column.as_str()), "name it once");
                }
            }
        }
    }
}

/// The first two names that differ in nothing but the case of their letters.
fn twin(names: impl Iterator<Item = String>) -> Option<(String, String)> {
    let mut seen: Vec<String> = Vec::new();
    for name in names {
        if let Some(twin) = seen.iter().find(|seen| seen.eq_ignore_ascii_case(&name)) {
            return Some((twin.clone(), name));
        }
        seen.push(name);
    }
    None
}

/// SQLite keeps some names for itself, and one is that of the table with our cursors.
fn is_sqlites_own(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("sqlite_") || name == "burdock_feed"
}

/// The path as the file system knows it, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let known = path.canonicalize().ok();
    let beside = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    known.or_else(beside).unwrap_or_else(|| path.to_owned())
}
