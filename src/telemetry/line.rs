//! One line of the log, as JSON for machines and as text for people.
//!
//! In comes a `tracing` event, out goes a line of text without its end. A field named `proxy.label` nests:
//! `{"proxy":{"label":…}}`, so that `jq .proxy.label` works. Pure; knows nothing of files or terminals.

use std::fmt;

use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use super::shown::printable;
use crate::clock::Timestamp;

/// Fields that hold lists. `tracing` has none, so they travel as the text that [`list`] makes.
const LISTS: [&str; 2] = ["feeds", "missing"];

/// The event of whatever is not ours.
const LIBRARY: &str = "library";

/// A line of the log.
#[derive(Clone, Debug)]
pub struct Line {
    /// When it was said.
    pub at: Timestamp,
    /// How bad it is.
    pub level: Level,
    /// What happened: one of the constants in `docs/logs.md`.
    pub event: String,
    /// The same for people.
    pub message: String,
    /// The other fields, nested.
    pub fields: Map<String, Value>,
}

impl Line {
    /// The line of an event that was raised at `at`. One of another crate becomes a `library` event that names its target.
    pub fn of(event: &Event<'_>, at: Timestamp) -> Self {
        let metadata = event.metadata();
        let mut line =
            Self { at, level: *metadata.level(), event: "unnamed".into(), message: String::new(), fields: Map::new() };
        event.record(&mut line);
        if !is_ours(metadata.target()) {
            line.event = LIBRARY.into();
            line.fields = Map::from_iter([("target".into(), metadata.target().into())]);
        }
        line
    }

    /// One JSON object, on one line: time, level, event, message and run first, then the fields as they were given.
    pub fn json(&self, run_id: &str) -> String {
        let mut object = Map::new();
        object.insert("ts".into(), self.at.rfc3339().into());
        object.insert("level".into(), self.level.as_str().to_ascii_lowercase().into());
        object.insert("event".into(), self.event.as_str().into());
        object.insert("message".into(), self.message.as_str().into());
        object.insert("run".into(), json!({ "id": run_id }));
        for (name, value) in &self.fields {
            match (object.get_mut(name), value) {
                (Some(Value::Object(there)), Value::Object(more)) => there.extend(more.clone()),
                _ => drop(object.insert(name.clone(), value.clone())),
            }
        }
        Value::Object(object).to_string()
    }

    /// `12:03:44 WARN  proxy.retired  …`, in UTC. Control characters are escaped: a message may quote a site, and what a site
    /// says must neither move the cursor nor forge a line.
    pub fn text(&self) -> String {
        let clock = self.at.rfc3339().get(11..19).unwrap_or_default().to_owned();
        format!("{clock} {:<5} {}  {}", self.level.as_str(), self.event, printable(&self.message))
    }

    /// The code of the line's `reason`, if it has one.
    pub fn reason(&self) -> Option<&str> {
        self.fields.get("reason")?.get("code")?.as_str()
    }

    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("event", Value::String(text)) => self.event = text,
            ("message", Value::String(text)) => self.message = text,
            (name, Value::String(text)) if LISTS.contains(&name) => {
                nest(&mut self.fields, name, serde_json::from_str(&text).unwrap_or(Value::String(text)));
            }
            (name, value) => nest(&mut self.fields, name, value),
        }
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, value.to_string().into());
    }
}

/// Is this the target of an event of ours?
pub fn is_ours(target: &str) -> bool {
    target.strip_prefix("burdock").is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// A list as the value of one of the fields that hold lists.
pub fn list(items: impl IntoIterator<Item = impl fmt::Display>) -> String {
    Value::from_iter(items.into_iter().map(|item| item.to_string())).to_string()
}

/// Puts `value` at the dotted `name`; where a part of the way is taken by something else, the name stays whole.
fn nest(fields: &mut Map<String, Value>, name: &str, value: Value) {
    let Some((head, rest)) = name.split_once('.') else {
        fields.insert(name.into(), value);
        return;
    };
    match fields.entry(head).or_insert_with(|| Map::new().into()) {
        Value::Object(inner) => nest(inner, rest, value),
        _ => drop(fields.insert(name.into(), value)),
    }
}
