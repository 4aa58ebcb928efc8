//! What `burdock try` shows: the same facts as text for people and as one JSON object.
//!
//! In come a trial and its probe; out goes text. What a site says is escaped: it must not move the cursor of a terminal.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value, json};
use url::Url;

use super::Trial;
use crate::extract::Extracted;
use crate::telemetry::shown::{ms, printable, size, url_shown};
use crate::verdict::Suspect;
use crate::worker::{Probe, Seen};

/// Links that are shown.
const LINKS: usize = 10;
/// Characters of a value that are shown to people.
const WIDE: usize = 300;

/// The facts of a trial.
pub(super) struct View<'a> {
    trial: &'a Trial,
    probe: &'a Probe,
    /// One table of fields a record; none for a page that nothing was read from.
    records: Vec<Map<String, Value>>,
    links: Vec<(String, String)>,
    /// `None` for a page that nothing was read from.
    links_found: Option<usize>,
}

impl<'a> View<'a> {
    /// Collects them: on a page that falls short, what is there nevertheless is shown as well.
    pub(super) async fn of(trial: &'a Trial, probe: &'a Probe) -> Self {
        let recipe = &trial.lenient.recipe;
        // What our own code has panicked on is not read again.
        let readable = |seen: &&Seen| (200..300).contains(&seen.status) && probe.verdict.suspect() != Suspect::Us;
        let page = probe.seen.as_ref().filter(readable);
        let is_read = page.is_some();
        let found = match page {
            Some(seen) => seen.read(&trial.task, &trial.lenient).await,
            None => Extracted::default(),
        };
        let names = recipe.stage(trial.task.stage).field_names();
        let record = |row: Vec<Value>| names.iter().map(ToString::to_string).zip(row).collect();
        let links = found.links.iter().take(LINKS);
        let named = |id| recipe.stage(id).name().to_string();
        Self {
            trial,
            probe,
            records: found.rows.into_iter().map(record).collect(),
            links: links.map(|link| (named(link.to), url_shown(&link.url))).collect(),
            links_found: is_read.then_some(found.links.len()),
        }
    }

    fn url(&self) -> &Url {
        &self.trial.task.request.url
    }

    /// For programs: everything, values whole.
    pub(super) fn json(&self) -> Value {
        let (probe, meters) = (self.probe, &self.probe.meters);
        let reason = probe.verdict.reason();
        let seen = probe.seen.as_ref();
        let links: Vec<_> = self.links.iter().map(|(stage, url)| json!({ "stage": stage, "url": url })).collect();
        json!({
            "url": url_shown(self.url()),
            "final_url": seen.map(|seen| url_shown(&seen.url)),
            "stage": self.trial.stage(),
            "through": &*self.trial.way(),
            "verdict": probe.verdict.as_str(),
            "suspect": probe.verdict.suspect().as_str(),
            "reason": reason.map(|reason| json!({ "code": reason.code, "detail": reason.detail })),
            "status": self.status(),
            "headers": seen.map(|seen| seen.headers),
            "content_type": seen.and_then(|seen| seen.content_type.as_deref()),
            "requests": meters.requests,
            "hops": meters.hops,
            "bytes": { "wire": meters.wire, "body": meters.body },
            "ms": {
                "wait": ms(meters.wait), "connect": ms(meters.connect), "head": ms(meters.head),
                "body": ms(meters.receive), "extract": ms(meters.extract),
            },
            "links": { "found": self.links_found, "first": links },
            "records": self.records,
            "missing": probe.missing,
        })
    }

    /// For people.
    pub(super) fn text(&self) -> String {
        let verdict = &self.probe.verdict;
        let mut text = format!("{}  {}\n", verdict.as_str(), url_shown(self.url()));
        if let Some(reason) = verdict.reason() {
            row(&mut text, "suspect", verdict.suspect().as_str());
            row(&mut text, "reason", &format!("{}: {}", reason.code, reason.detail));
        }
        row(&mut text, "stage", self.trial.stage());
        row(&mut text, "through", &self.trial.way());
        if let Some(seen) = self.probe.seen.as_ref().filter(|seen| seen.url != *self.url()) {
            row(&mut text, "led to", &url_shown(&seen.url));
        }
        self.transport(&mut text);
        self.found(&mut text);
        text
    }

    fn transport(&self, text: &mut String) {
        let meters = &self.probe.meters;
        if let Some(status) = self.status() {
            let more = self.probe.seen.as_ref().map_or_else(String::new, |seen| {
                let kind = seen.content_type.as_deref().unwrap_or("no content type");
                format!(", {} headers, {kind}", seen.headers)
            });
            row(text, "status", &format!("{status}{more}"));
        }
        row(text, "bytes", &format!("{} on the wire, {} of body", size(meters.wire), size(meters.body)));
        let spent = |name: &str, time: Duration| format!("{name} {} ms", ms(time));
        let times = [
            spent("connect", meters.connect),
            spent("head", meters.head),
            spent("body", meters.receive),
            spent("extraction", meters.extract),
        ];
        row(text, "time", &times.join(", "));
    }

    fn found(&self, text: &mut String) {
        if let Some(found) = self.links_found {
            row(text, "links", &found.to_string());
            for (stage, url) in &self.links {
                row(text, "", &format!("{stage}  {url}"));
            }
            if found > self.links.len() {
                row(text, "", "…");
            }
        }
        for record in &self.records {
            for (name, value) in record {
                row(text, name, &shortened(&value.to_string()));
            }
        }
        if !self.probe.missing.is_empty() {
            row(text, "missing", &self.probe.missing.join(", "));
        }
    }

    /// Of the answer; nothing answered where the page came from a file.
    fn status(&self) -> Option<u16> {
        let asked = self.probe.meters.requests > 0;
        let seen = self.probe.seen.as_ref().map(|seen: &Seen| seen.status);
        self.probe.meters.status.or(seen.filter(|_| asked))
    }
}

fn row(text: &mut String, name: &str, value: &str) {
    // Writing to a text never fails.
    _ = writeln!(text, "  {:<10} {}", printable(name), printable(value));
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(WIDE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
