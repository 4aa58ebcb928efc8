//! What a run was begun with, as far as its outcome hangs on it: meaning, not text.
//!
//! In come settings, out comes what is kept of them with the tasks, and compared at the next start. What the recipe says is kept
//! as digests under the run's key, so that no secret that a config may hold is in it. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use serde::{Deserialize, Serialize};
use serde_json::json;
use siphasher::sip::SipHasher13;

use crate::config::{Expect, Feed, Field, Hosts, Link, Settings, Stage, Take};

/// A digest of a part of the config.
type Digest = String;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meaning {
    pub(super) start_stage: String,
    pub(super) drop_params: BTreeSet<String>,
    pub(super) hosts: Allowed,
    pub(super) allow_private: bool,
    /// `robots.obey`; who kept nothing of it did not obey.
    #[serde(default)]
    pub(super) obey_robots: bool,
    pub(super) stages: BTreeMap<String, StageMeaning>,
    pub(super) feeds: Digest,
    /// All start URLs that were ever read are among the first so many of the list, but for those that were taken out of it.
    pub(super) starts_within: u64,
}

/// `crawl.hosts`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Allowed {
    Any,
    /// With a digest of which those are.
    Start(Digest),
    Listed(BTreeSet<String>),
}

/// `[stage.NAME]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StageMeaning {
    /// Is it still in the config? What its pages were read with is remembered, for the case that it comes back.
    pub(super) listed: bool,
    pub(super) priority: i32,
    pub(super) expect: Digest,
    pub(super) links: Digest,
    pub(super) fields: BTreeMap<String, BTreeMap<String, Digest>>,
}

impl Meaning {
    /// What these settings mean; `start_hosts` are the hosts of their start URLs, where those count.
    pub(super) fn of(settings: &Settings, start_hosts: &BTreeSet<String>, key: [u8; 16]) -> Self {
        let digests = Digests { key };
        let hosts = match &settings.crawl.hosts {
            Hosts::Any => Allowed::Any,
            Hosts::Start => Allowed::Start(digests.of(&json!(start_hosts))),
            Hosts::Listed(names) => Allowed::Listed(names.iter().map(|name| name.to_lowercase()).collect()),
        };
        Self {
            start_stage: settings.crawl.start_stage.clone(),
            drop_params: settings.crawl.drop_params.iter().cloned().collect(),
            hosts,
            allow_private: settings.fetch.allow_private,
            obey_robots: settings.robots.obey,
            stages: settings.stages.iter().map(|stage| (stage.name.clone(), digests.stage(stage))).collect(),
            feeds: digests.feeds(&settings.feeds),
            starts_within: 0,
        }
    }

    /// Remembers the stages of an earlier config that are not in this one.
    pub(super) fn remember(&mut self, earlier: &Self) {
        for (name, stage) in &earlier.stages {
            let unlisted = || StageMeaning { listed: false, ..stage.clone() };
            self.stages.entry(name.clone()).or_insert_with(unlisted);
        }
    }
}

/// Makes digests of one run.
struct Digests {
    key: [u8; 16],
}

impl Digests {
    fn of(&self, value: &serde_json::Value) -> Digest {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(value.to_string().as_bytes());
        format!("{:016x}", hasher.finish())
    }

    // Every part is named, so that one that is added cannot be forgotten here.
    fn stage(&self, stage: &Stage) -> StageMeaning {
        // By which proxy a page comes changes nothing about what it brings.
        let Stage { name: _, expect, links, priority, affinity: _, fields } = stage;
        let expect = match expect {
            Expect::Any => json!("any"),
            Expect::Nothing => json!("none"),
            Expect::Selector(text) => json!([text]),
        };
        let link = |link: &Link| {
            let Link { select, attr, to } = link;
            json!([select, attr, to])
        };
        StageMeaning {
            listed: true,
            priority: *priority,
            expect: self.of(&expect),
            links: self.of(&links.iter().map(link).collect()),
            fields: fields.iter().map(|field| (field.name.clone(), self.field(field))).collect(),
        }
    }

    fn field(&self, field: &Field) -> BTreeMap<String, Digest> {
        let Field { name: _, select, attr, take, required } = field;
        let (all, join) = match take {
            Take::First => (false, None),
            Take::All => (true, None),
            Take::Joined(text) => (true, Some(text)),
        };
        let parts = [
            ("select", json!(select)),
            ("attr", json!(attr)),
            ("all", json!(all)),
            ("join", json!(join)),
            ("required", json!(required)),
        ];
        parts.into_iter().map(|(part, value)| (part.to_owned(), self.of(&value))).collect()
    }

    fn feeds(&self, feeds: &[Feed]) -> Digest {
        let feed = |feed: &Feed| {
            let meta: Vec<_> = feed.meta.iter().map(|column| column.as_str()).collect();
            json!([feed.kind.as_str(), feed.path, feed.bom, feed.compress.as_str(), feed.stages, meta])
        };
        self.of(&feeds.iter().map(feed).collect())
    }
}
