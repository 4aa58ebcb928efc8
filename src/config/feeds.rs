//! `[[feed]]`: which records go where.
//!
//! Merged entries, stages and the run's folder come in, feeds go out. Files are only named here, not opened: whether one may
//! be written is the feed's own business.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::merged::Merged;
use super::{Feed, FeedKind, IfExists, Log, MetaColumn, Stage};

/// Files of a run's folder that are no feeds.
const OWN_FILES: [&str; 2] = ["report.json", "manifest.json"];

#[derive(Deserialize)]
struct Entry {
    kind: FeedKind,
    stages: Option<Vec<String>>,
    meta: Option<Vec<MetaColumn>>,
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
        let names: Vec<String> = stages.iter().map(|stage| stage.name.clone()).collect();
        let given = entry.stages.is_some();
        let taken = entry.stages.unwrap_or_else(|| with_fields.to_vec());
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
            let at = if given { format!("{key}.stages") } else { key.clone() };
            self.fault(&at, format!("a csv feed of {} stages: {}", taken.len(), taken.join(", ")), help);
        }
        Some(Feed {
            kind: entry.kind,
            path: self.output(&format!("{key}.path"), run_dir)?,
            stages: taken,
            meta: entry.meta.unwrap_or_else(|| vec![MetaColumn::Url]),
            if_exists: entry.if_exists.unwrap_or(IfExists::Refuse),
        })
    }

    fn check_paths(&mut self, feeds: &[Feed], run_dir: &Path, log: Option<&Log>) {
        let mut taken: Vec<(PathBuf, &str)> =
            OWN_FILES.iter().map(|name| (run_dir.join(name), "a file of the run's own")).collect();
        taken.extend(log.map(|log| (log.file.clone(), "the log file")));
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

/// The path as the file system knows it, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let known = path.canonicalize().ok();
    let beside = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    known.or_else(beside).unwrap_or_else(|| path.to_owned())
}
