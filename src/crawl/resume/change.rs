//! What has changed in a config since its run began: what simply takes effect, and what the pages that are done speak against.
//!
//! In come two meanings and how many pages there are of each stage; out go changes, each of which can say itself. Pure.

use std::collections::BTreeMap;
use std::fmt;

use super::meaning::{Allowed, Meaning, StageMeaning};

/// How much a store has of a stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Holds {
    /// Pages that are done.
    pub(super) done: u64,
    /// Tasks that still have to end; counted only for stages that are not in the config any more.
    pub(super) left: u64,
}

/// What became of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Another value.
    Changed,
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// What is taken from the pages of a stage of which some are done.
    Recipe {
        /// The setting.
        key: String,
        /// What became of it.
        how: How,
        /// Pages of the stage that are done.
        done: u64,
    },
    /// A stage is not there any more.
    StageRemoved {
        /// Its name.
        stage: String,
        /// Its tasks that still had to end.
        left: u64,
    },
    /// A stage is there that was not.
    StageAdded {
        /// Its name.
        stage: String,
        /// It was there before.
        again: Again,
    },
    /// `priority` of a stage
    Priority {
        /// Its name.
        stage: String,
    },
    /// Start URLs that have been read are not in the list any more.
    StartsRemoved {
        /// How many.
        count: u64,
        /// The first few, as they may be shown.
        first: Vec<String>,
    },
    /// The list of start URLs is another one.
    Starts,
    /// `crawl.start_stage`
    StartStage,
    /// `crawl.drop_params`
    DropParams,
    /// `crawl.hosts`, `fetch.allow_private` or `robots.obey`: less is allowed, or it cannot be told.
    Narrowed {
        /// The setting.
        key: &'static str,
    },
    /// The same: more is allowed.
    Widened {
        /// The setting.
        key: &'static str,
    },
    /// `[[feed]]`
    Feeds,
}

/// Has a stage been there before?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// No.
    New,
    /// Yes, and was taken out.
    Back,
}

impl Change {
    /// Does it take effect without losing or doubling anything?
    pub const fn is_safe(&self) -> bool {
        match self {
            Self::StageRemoved { left, .. } => *left == 0,
            Self::Recipe { .. }
            | Self::StartsRemoved { .. }
            | Self::StartStage
            | Self::DropParams
            | Self::Narrowed { .. } => false,
            Self::StageAdded { .. } | Self::Priority { .. } | Self::Starts | Self::Widened { .. } | Self::Feeds => true,
        }
    }

    /// May it give a finished run something to do?
    pub const fn brings_work(&self) -> bool {
        match self {
            Self::Starts | Self::StartStage | Self::DropParams | Self::Widened { .. } | Self::Feeds => true,
            Self::StageAdded { again, .. } => matches!(again, Again::Back),
            Self::Recipe { .. }
            | Self::StageRemoved { .. }
            | Self::Priority { .. }
            | Self::StartsRemoved { .. }
            | Self::Narrowed { .. } => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recipe { key, how, done } => {
                write!(
                    f,
                    "{key} {how}: {} of this stage {} and will not be fetched again",
                    pages(*done),
                    are_done(*done)
                )
            }
            Self::StageRemoved { stage, left: 0 } => write!(f, "stage.{stage} was removed"),
            Self::StageRemoved { stage, left } => {
                write!(f, "stage.{stage} was removed: {} of it still to be fetched will not be", pages(*left))
            }
            Self::StageAdded { stage, again: Again::New } => write!(f, "stage.{stage} was added"),
            Self::StageAdded { stage, again: Again::Back } => {
                write!(f, "stage.{stage} is back: its pages that were left out are fetched")
            }
            Self::Priority { stage } => write!(f, "stage.{stage}.priority changed, also for pages that wait"),
            Self::StartsRemoved { count, first } => {
                let (urls, more) = (first.join(", "), if *count > first.len() as u64 { ", …" } else { "" });
                let were = if *count == 1 { "start URL was" } else { "start URLs were" };
                write!(f, "{count} {were} removed: {urls}{more}")
            }
            Self::Starts => f.write_str("the list of start URLs changed: what is new in it is fetched"),
            Self::StartStage => {
                f.write_str("crawl.start_stage changed: start URLs are read as other pages, and fetched again")
            }
            Self::DropParams => {
                f.write_str("crawl.drop_params changed: pages that are done may be fetched again under another address")
            }
            Self::Narrowed { key } => {
                write!(f, "{key} changed: pages that it does not allow any more will not be fetched")
            }
            Self::Widened { key } => write!(f, "{key} allows more: pages that were left out for it are fetched"),
            Self::Feeds => f.write_str("the feeds changed: they get what they lack"),
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "changed",
            Self::Added => "was added",
            Self::Removed => "was removed",
        })
    }
}

fn pages(count: u64) -> String {
    if count == 1 { "1 page".into() } else { format!("{count} pages") }
}

const fn are_done(count: u64) -> &'static str {
    if count == 1 { "is done" } else { "are done" }
}

/// All changes between two configs but those of the start URLs.
pub(super) fn changes(before: &Meaning, now: &Meaning, holds: &BTreeMap<String, Holds>) -> Vec<Change> {
    let mut changes = Vec::new();
    if before.start_stage != now.start_stage {
        changes.push(Change::StartStage);
    }
    if before.drop_params != now.drop_params {
        changes.push(Change::DropParams);
    }
    changes.extend(scope(before, now));
    for (name, stage) in &now.stages {
        let done = holds.get(name).map_or(0, |holds| holds.done);
        let earlier = before.stages.get(name);
        match earlier {
            Some(earlier) if earlier.listed => {}
            other => {
                let again = if other.is_some() { Again::Back } else { Again::New };
                changes.push(Change::StageAdded { stage: name.clone(), again });
            }
        }
        let Some(earlier) = earlier else { continue };
        if done > 0 {
            changes.extend(recipe(name, earlier, stage, done));
        }
        if earlier.listed && earlier.priority != stage.priority {
            changes.push(Change::Priority { stage: name.clone() });
        }
    }
    for name in before.stages.iter().filter(|(_, stage)| stage.listed).map(|(name, _)| name) {
        if !now.stages.contains_key(name) {
            let left = holds.get(name).map_or(0, |holds| holds.left);
            changes.push(Change::StageRemoved { stage: name.clone(), left });
        }
    }
    if before.feeds != now.feeds {
        changes.push(Change::Feeds);
    }
    changes
}

fn scope(before: &Meaning, now: &Meaning) -> Vec<Change> {
    let mut changes = Vec::new();
    let key = "crawl.hosts";
    match (&before.hosts, &now.hosts) {
        (one, other) if one == other => {}
        // Which hosts those are follows from the start URLs, whose changes are named themselves.
        (Allowed::Start(_), Allowed::Start(_)) => {}
        (_, Allowed::Any) => changes.push(Change::Widened { key }),
        (Allowed::Listed(one), Allowed::Listed(other)) if one.is_subset(other) => changes.push(Change::Widened { key }),
        _ => changes.push(Change::Narrowed { key }),
    }
    let key = "fetch.allow_private";
    match (before.allow_private, now.allow_private) {
        (false, true) => changes.push(Change::Widened { key }),
        (true, false) => changes.push(Change::Narrowed { key }),
        (false, false) | (true, true) => {}
    }
    // The other way round nothing changes for what is done, and what is left is looked at when its turn comes.
    if before.obey_robots && !now.obey_robots {
        changes.push(Change::Widened { key: "robots.obey" });
    }
    changes
}

fn recipe(name: &str, before: &StageMeaning, now: &StageMeaning, done: u64) -> Vec<Change> {
    let change = |key: &str, how| Change::Recipe { key: format!("stage.{name}.{key}"), how, done };
    let mut changes = Vec::new();
    if before.expect != now.expect {
        changes.push(change("expect", How::Changed));
    }
    if before.links != now.links {
        changes.push(change("links", How::Changed));
    }
    for (field, parts) in &now.fields {
        let Some(earlier) = before.fields.get(field) else {
            changes.push(change(&format!("fields.{field}"), How::Added));
            continue;
        };
        for (part, digest) in parts {
            if earlier.get(part) != Some(digest) {
                changes.push(change(&format!("fields.{field}.{part}"), How::Changed));
            }
        }
    }
    let removed = before.fields.keys().filter(|field| !now.fields.contains_key(*field));
    changes.extend(removed.map(|field| change(&format!("fields.{field}"), How::Removed)));
    changes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::config::load_text;

    const CRAWL: &str = "crawl = { start = [\"http://a.example/\"], start_stage = \"list\" }\nproxies.direct = true\n";
    const STAGES: &str = "[stage.list]\nlinks = [{ select = \"a\", to = \"detail\" }]\n[stage.detail.fields]\ntitle = \"h2\"\nyear = \"p\"\n";

    fn meaning(stages: &str, sets: &[&str]) -> Meaning {
        let sets: Vec<String> = sets.iter().map(|&set| set.to_owned()).collect();
        let here = Path::new("/");
        let loaded = load_text("c.toml", &format!("{CRAWL}{stages}"), here, &sets, std::iter::empty(), here);
        let settings = loaded.unwrap_or_else(|errors| panic!("{errors}")).settings;
        Meaning::of(&settings, &BTreeSet::new(), [7; 16])
    }

    fn said(before: &Meaning, now: &Meaning, done: u64) -> Vec<String> {
        let stages = before.stages.keys().chain(now.stages.keys());
        let holds = stages.map(|name| (name.clone(), Holds { done, left: done })).collect();
        changes(before, now, &holds).iter().map(|change| format!("{} {change}", change.is_safe())).collect()
    }

    #[test]
    fn order_defaults_and_spelling_change_nothing() {
        let before = meaning(STAGES, &[]);
        let other = "[stage.detail.fields]\nyear = { select = \"p\", all = false }\ntitle = { required = false, select = \"h2\" }\n\
                     [stage.detail]\nexpect = \"any\"\npriority = 0\n[stage.list]\nlinks = [{ attr = \"href\", to = \"detail\", select = \"a\" }]\n";
        let now = meaning(other, &["crawl.workers=3", "pace.delay=9s", "fetch.user_agent=x", "limits.pages=3"]);
        assert_eq!(said(&before, &now, 9), Vec::<String>::new());
    }

    #[test]
    fn every_part_of_a_recipe_counts_where_pages_are_done_and_nowhere_else() {
        let before = meaning(STAGES, &[]);
        for (set, key) in [
            ("stage.list.expect=a", "stage.list.expect changed"),
            ("stage.list.links=[{ select = \"a\", to = \"list\" }]", "stage.list.links changed"),
            ("stage.list.links=[{ select = \"a\", attr = \"src\", to = \"detail\" }]", "stage.list.links changed"),
            ("stage.detail.fields.title=h3", "stage.detail.fields.title.select changed"),
            ("stage.detail.fields.title={ select = \"h2\", attr = \"id\" }", "stage.detail.fields.title.attr changed"),
            ("stage.detail.fields.title={ select = \"h2\", all = true }", "stage.detail.fields.title.all changed"),
            (
                "stage.detail.fields.title={ select = \"h2\", required = true }",
                "stage.detail.fields.title.required changed",
            ),
            ("stage.detail.fields.rating=b", "stage.detail.fields.rating was added"),
        ] {
            let now = meaning(STAGES, &[set]);
            let rest = ": 1 page of this stage is done and will not be fetched again";
            assert_eq!(said(&before, &now, 1), [format!("false {key}{rest}")], "{set}");
            assert_eq!(said(&before, &now, 0), Vec::<String>::new(), "{set}");
        }
        let joined = |text: &str| {
            meaning(STAGES, &[&format!("stage.detail.fields.title={{ select = \"h2\", all = true, join = {text:?} }}")])
        };
        assert!(
            said(&joined("|"), &joined(","), 2)[0].starts_with("false stage.detail.fields.title.join changed: 2 pages")
        );
        let fewer = meaning(&STAGES.replace("year = \"p\"\n", ""), &[]);
        assert!(said(&before, &fewer, 2)[0].starts_with("false stage.detail.fields.year was removed: 2 pages"));
    }

    #[test]
    fn hosts_may_become_more_but_not_fewer() {
        let hosts = |hosts: &str| meaning(STAGES, &[&format!("crawl.hosts={hosts}")]);
        let (one, two, any, start) =
            (hosts("[\"a.example\"]"), hosts("[\"A.example\", \"b.example\"]"), hosts("any"), hosts("start"));
        for (before, now, is_safe) in [
            (&one, &two, true),
            (&two, &one, false),
            (&two, &any, true),
            (&start, &any, true),
            (&any, &start, false),
            (&one, &start, false),
        ] {
            let said = said(before, now, 0);
            assert!(said.len() == 1 && said[0].starts_with(&format!("{is_safe} crawl.hosts ")), "{said:?}");
        }
        let (open, shut) = (meaning(STAGES, &["fetch.allow_private=true"]), meaning(STAGES, &[]));
        assert!(said(&shut, &open, 0)[0].starts_with("true fetch.allow_private"));
        assert!(said(&open, &shut, 0)[0].starts_with("false fetch.allow_private"));
    }

    #[test]
    fn a_stage_that_comes_back_is_compared_with_what_its_pages_were_read_with() {
        let all = meaning(STAGES, &[]);
        let mut without = meaning("[stage.list.fields]\ntitle = \"h1\"\n", &[]);
        assert!(
            said(&all, &without, 3)
                .contains(&"false stage.detail was removed: 3 pages of it still to be fetched will not be".to_owned())
        );
        assert!(said(&all, &without, 0).contains(&"true stage.detail was removed".to_owned()));
        without.remember(&all);
        let back = said(&without, &meaning(STAGES, &["stage.detail.fields.year=b"]), 3);
        assert!(
            back.contains(&"true stage.detail is back: its pages that were left out are fetched".to_owned()),
            "{back:?}"
        );
        assert!(
            back.iter().any(|said| said.starts_with("false stage.detail.fields.year.select changed: 3 pages")),
            "{back:?}"
        );
        let again = meaning(STAGES, &[]);
        assert!(!said(&without, &again, 3).iter().any(|said| said.contains("stage.detail.")), "as it was");
    }
}
