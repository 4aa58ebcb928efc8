//! What `burdock dead` shows of a letter: a row and what explains it for people, a JSON object for programs.
//!
//! In come letters, out goes text. Addresses are shown without their secrets; what a site says is escaped.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use url::Url;

use crate::frontier::{DeadLetter, Try};
use crate::pages::body_path;
use crate::telemetry::shown::{printable, url_shown};
use crate::verdict::Reason;

const HEADINGS: [&str; 7] = ["stage", "reason", "attempts", "requests", "proxies", "tries", "url"];

/// A letter, and the run that it is of.
pub(super) struct Letter<'a> {
    /// Of the run.
    pub(super) folder: &'a Path,
    /// By number.
    pub(super) stages: &'a [Arc<str>],
    pub(super) letter: &'a DeadLetter,
}

/// Rows below one another, of as many letters as there are.
#[derive(Default)]
pub(super) struct Table {
    widths: Option<[usize; HEADINGS.len()]>,
}

/// A JSON object a line.
pub(super) fn lines(letters: &[Letter<'_>]) -> String {
    letters.iter().map(|letter| format!("{}\n", letter.json())).collect()
}

impl Table {
    /// The rows of some more letters, below the headings if they are the first.
    pub(super) fn rows(&mut self, letters: &[Letter<'_>]) -> String {
        let (mut text, headings) = (String::new(), HEADINGS.map(str::to_owned));
        if letters.is_empty() {
            return text;
        }
        let rows: Vec<_> = letters.iter().map(Letter::cells).collect();
        let is_first = self.widths.is_none();
        let widths = self.widths.get_or_insert(HEADINGS.map(str::len));
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        if is_first {
            text.push_str(&line(&headings, widths));
        }
        for (letter, row) in letters.iter().zip(&rows) {
            text.push_str(&line(row, widths));
            letter.explain(&mut text);
        }
        text
    }
}

fn line(cells: &[String; HEADINGS.len()], widths: &[usize; HEADINGS.len()]) -> String {
    let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}

impl Letter<'_> {
    fn cells(&self) -> [String; HEADINGS.len()] {
        let DeadLetter { task, reason, tries } = self.letter;
        [
            self.stage().to_owned(),
            printable(&reason.code),
            self.attempts().to_string(),
            task.requests.to_string(),
            self.proxies().len().to_string(),
            tries.len().to_string(),
            url_shown(&task.request.url),
        ]
    }

    fn explain(&self, text: &mut String) {
        let mut add = |name: &str, value: &str| {
            // Writing to a text never fails.
            _ = writeln!(text, "    {name:<9} {}", printable(value));
        };
        add("because", &self.letter.reason.detail);
        match self.letter.tries.last() {
            Some(last) if last.reason != self.letter.reason => {
                add("last", &format!("{} by {}", last.reason, last.proxy))
            }
            Some(last) => add("last by", &last.proxy),
            None => {}
        }
        if let Some(referrer) = self.referrer() {
            add("linked by", &referrer);
        }
        if let Some(body) = self.body() {
            add("body", &body.display().to_string());
        }
    }

    /// For programs: all of it.
    fn json(&self) -> Value {
        let DeadLetter { task, reason, tries } = self.letter;
        json!({
            "id": task.id.0,
            "url": url_shown(&task.request.url),
            "method": task.request.method.as_str(),
            "stage": self.stage(),
            "depth": task.depth,
            "reason": of_reason(reason),
            "attempts": self.attempts(),
            "requests": task.requests,
            "proxies": self.proxies(),
            "last_error": tries.last().map_or(&reason.detail, |last| &last.reason.detail),
            "referrer": self.referrer(),
            "start_url": address(&task.start_url),
            "body": self.body().map(|body| body.display().to_string()),
            "tries": tries.iter().map(of_try).collect::<Vec<_>>(),
        })
    }

    fn stage(&self) -> &str {
        self.stages.get(usize::from(self.letter.task.stage.0)).map_or("", |name| name)
    }

    /// The attempt at which it was given up on, from 1, as the log counts.
    fn attempts(&self) -> u32 {
        self.letter.task.attempts.saturating_add(1)
    }

    /// The labels of the proxies that failed on it, each once.
    fn proxies(&self) -> BTreeSet<&str> {
        self.letter.tries.iter().map(|one| &*one.proxy).collect()
    }

    /// The file with the body of its last answer, if one was kept.
    pub(super) fn body(&self) -> Option<PathBuf> {
        Some(body_path(self.folder, self.letter.task.id)).filter(|path| path.exists())
    }

    fn referrer(&self) -> Option<String> {
        self.letter.task.referrer.as_deref().map(address)
    }
}

fn of_reason(reason: &Reason) -> Value {
    json!({ "code": reason.code, "detail": reason.detail })
}

fn of_try(one: &Try) -> Value {
    json!({ "at": one.at.rfc3339(), "proxy": &*one.proxy, "verdict": one.verdict, "reason": of_reason(&one.reason) })
}

/// An address that is kept as text; what is none is not shown, since it cannot be redacted.
fn address(text: &str) -> String {
    Url::parse(text).map_or_else(|_| "***".to_owned(), |url| url_shown(&url))
}
