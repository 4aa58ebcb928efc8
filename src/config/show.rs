//! What `burdock config` prints: every setting, its value as TOML, and where it comes from.
//!
//! The merged layers and the settings come in, lines go out. Passwords and what comes from the environment are not in them.

use config::{Value, ValueKind};

use super::check::join;
use super::layer::Tree;
use super::merged::Merged;
use super::origin::Origin;
use super::schema::{Key, ROOT, Shape, State};
use super::text::without_userinfo;
use super::{Feed, FeedKind, IfExists, Loaded, Settings};

const REDACTED: &str = "***";

/// The effective settings, a line each: `key = value  # origin`.
pub fn show(loaded: &Loaded) -> String {
    loaded.effective.iter().map(|(key, value, origin)| format!("{key} = {value}  # {origin}\n")).collect()
}

/// Every setting in the order of the schema.
pub(super) fn effective(merged: &Merged<'_>, settings: &Settings) -> Vec<(String, String, Origin)> {
    let mut list = Listing { merged, settings, lines: Vec::new() };
    if let ValueKind::Table(tree) = &merged.config.cache.kind {
        list.table("", "", tree, ROOT);
    }
    list.lines
}

struct Listing<'a> {
    merged: &'a Merged<'a>,
    settings: &'a Settings,
    lines: Vec<(String, String, Origin)>,
}

impl Listing<'_> {
    /// `path` is how checks know a place, `key` how TOML writes it: they differ where a name needs quotes.
    fn table(&mut self, path: &str, key: &str, tree: &Tree, keys: &'static [Key]) {
        for entry in keys {
            let (State::Built(shape) | State::Required(shape)) = entry.state else { continue };
            let (path, key) = (join(path, entry.name), join(key, entry.name));
            match tree.get(entry.name) {
                Some(value) => self.value(&path, &key, value, &shape),
                None => self.derived(&path, &key),
            }
        }
    }

    fn value(&mut self, path: &str, key: &str, value: &Value, shape: &Shape) {
        match (shape, &value.kind) {
            (Shape::Table(keys) | Shape::Field(keys), ValueKind::Table(tree)) => self.table(path, key, tree, keys),
            (Shape::Named(_, inner), ValueKind::Table(tree)) => {
                for (name, value) in tree {
                    self.value(&join(path, name), &join(key, &quoted(name)), value, inner);
                }
            }
            (Shape::Headers, ValueKind::Table(tree)) => {
                for (name, value) in tree {
                    self.value(&join(path, name), &join(key, &quoted(name)), value, &Shape::Text);
                }
            }
            (Shape::List(inner @ Shape::Table(_)), ValueKind::Array(items)) => {
                for (place, item) in items.iter().enumerate() {
                    let place = place.to_string();
                    self.value(&join(path, &place), &join(key, &place), item, inner);
                }
            }
            _ => {
                let origin = Origin::of(value).unwrap_or(Origin::Default);
                self.lines.push((key.to_owned(), self.toml(path, value), origin));
            }
        }
    }

    fn toml(&self, path: &str, value: &Value) -> String {
        match &value.kind {
            ValueKind::Array(items) => {
                let item = |(place, item): (usize, &Value)| self.toml(&join(path, &place.to_string()), item);
                format!("[{}]", items.iter().enumerate().map(item).collect::<Vec<_>>().join(", "))
            }
            ValueKind::String(text) => toml_text(&redacted(path, self.merged.written.get(path).unwrap_or(text))),
            ValueKind::Float(number) => toml::Value::Float(*number).to_string(),
            scalar => scalar.to_string(),
        }
    }

    /// What the config leaves open and other settings decide.
    fn derived(&mut self, path: &str, key: &str) {
        let crawl = &self.settings.crawl;
        let value = match path.split('.').collect::<Vec<_>>()[..] {
            ["crawl", "name"] => Some(toml_text(&crawl.name)),
            ["crawl", "start_stage"] => Some(toml_text(&crawl.start_stage)),
            ["feed"] => {
                for place in 0..self.settings.feeds.len() {
                    for name in ["kind", "path", "bom", "compress", "stages", "meta", "if_exists"] {
                        let key = format!("feed.{place}.{name}");
                        self.derived(&key, &key);
                    }
                }
                None
            }
            ["feed", place, name] => {
                let feed = place.parse().ok().and_then(|place: usize| self.settings.feeds.get(place));
                feed.and_then(|feed| of_feed(feed, name))
            }
            _ => None,
        };
        if let Some(value) = value {
            self.lines.push((key.to_owned(), value, Origin::Default));
        }
    }
}

fn of_feed(feed: &Feed, name: &str) -> Option<String> {
    let list = |words: Vec<&str>| format!("[{}]", words.into_iter().map(toml_text).collect::<Vec<_>>().join(", "));
    match name {
        "kind" => Some(toml_text(feed.kind.as_str())),
        "path" => Some(toml_text(&feed.path.file_name()?.to_string_lossy())),
        "bom" => (feed.kind == FeedKind::Csv).then(|| feed.bom.to_string()),
        "compress" => (feed.kind != FeedKind::Sqlite).then(|| toml_text(feed.compress.as_str())),
        "stages" => Some(list(feed.stages.iter().map(String::as_str).collect())),
        "meta" => Some(list(feed.meta.iter().map(|column| column.as_str()).collect())),
        "if_exists" => Some(toml_text(match feed.if_exists {
            IfExists::Refuse => "refuse",
            IfExists::Append => "append",
        })),
        _ => None,
    }
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quoted(name: &str) -> String {
    let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if bare { name.to_owned() } else { toml_text(name) }
}

fn redacted(path: &str, text: &str) -> String {
    if path.starts_with("proxies.list.") {
        return redacted_proxy(text);
    }
    let name = path.strip_prefix("fetch.headers.").unwrap_or_default();
    let secret = ["auth", "cookie", "token", "key", "secret", "password", "session"];
    if secret.iter().any(|word| name.contains(word)) {
        return REDACTED.to_owned();
    }
    if path.starts_with("crawl.start.") { without_userinfo(text) } else { text.to_owned() }
}

/// A proxy, or a template of proxies, without user and password; all of it where that cannot be told.
fn redacted_proxy(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(_, rest)| text.split_at(text.len() - rest.len()));
    let is_port = |text: &str| !text.is_empty() && text.bytes().all(|byte| b"0123456789{}.,".contains(&byte));
    let is_place = |text: &str| {
        text.trim_end_matches('/').rsplit_once(':').is_some_and(|(host, port)| is_host(host) && is_port(port))
    };
    match rest.rsplit_once('@') {
        Some((_, place)) if is_place(place) => return format!("{scheme}{REDACTED}@{place}"),
        None if is_place(rest) => return text.to_owned(),
        _ => {}
    }
    let mut pieces = rest.splitn(3, ':');
    match (pieces.next(), pieces.next(), pieces.next()) {
        (Some(host), Some(port), Some(_)) if is_host(host) && is_port(port) => format!("{host}:{port}:{REDACTED}"),
        _ => REDACTED.to_owned(),
    }
}

fn is_host(text: &str) -> bool {
    let v6 = text.starts_with('[') && text.ends_with(']');
    let odd = |letter: char| !(letter.is_alphanumeric() || "-._{},".contains(letter) || v6 && "[]:".contains(letter));
    !text.is_empty() && !text.contains(odd)
}
