//! `[proxies]`: the file and the list, read, expanded and counted once.
//!
//! Paths and templates come in, routes go out. Nothing that stands on a line is ever shown, and no proxy is dialled.

mod file;
mod stamp;

use std::fs;
use std::path::Path;

use self::file::{Entry, as_line, entries};
pub use self::file::{ProxiesFile, RefusedFile};
pub use self::stamp::FileStamp;
use super::merged::Merged;
use super::origin::Origin;
use super::problem::Place;
use crate::address::Template;
use crate::proxy::line::{distinct, parse};
use crate::proxy::{Endpoint, Route, Scheme, Secret};

/// More proxies than this are a slip in a template.
const MOST: u64 = 1_000_000;
/// Bad lines of one file that are listed one by one.
const LISTED: usize = 10;
/// Where proxies are looked for, beside the config, if it names neither a file nor a list nor `direct`. It is no default of a
/// layer, since `direct` together with a file is an error.
const DEFAULT_FILE: &str = "proxies.txt";
const NONE_NAMED: &str = "it has a proxy a line, for example http://user:password@proxy.example:8080; or set proxies.list, or proxies.direct = true";
const SAMPLE: &str = "it has a proxy a line, for example http://user:password@proxy.example:8080";

/// A proxy as it was found.
struct Found {
    /// Where.
    place: String,
    /// The line itself.
    line: Secret,
    endpoint: Endpoint,
}

impl Merged<'_> {
    /// One route a proxy, or the direct one.
    pub(super) fn routes(&mut self) -> Vec<Route> {
        let direct = self.get("proxies.direct").is_some_and(|value| value.clone().into_bool().unwrap_or(false));
        let file = self.path("proxies.file");
        let list: Vec<String> = self.config.get("proxies.list").unwrap_or_default();
        if direct {
            if file.is_some() || !list.is_empty() {
                let help = "leave out proxies.direct, or proxies.file and proxies.list";
                self.fault("proxies.direct", "proxies.direct = true together with proxies", help);
            }
            self.check_direct();
            return vec![Route::Direct];
        }
        let none_named = file.is_none() && list.is_empty() && !self.is_broken("proxies");
        let file = file.or_else(|| none_named.then(|| self.beside(DEFAULT_FILE)));
        let help = if none_named { NONE_NAMED } else { SAMPLE };
        let stamp = file.as_deref().map(FileStamp::of).unwrap_or_default();
        let mut proxies = file.as_deref().map(|file| self.read_file(file, help)).unwrap_or_default();
        let listed = self.read_list(&list);
        self.proxies_file = file.map(|path| ProxiesFile {
            name: self.near(Some(&path)),
            path,
            stamp,
            scheme: self.scheme(),
            environment: self.environment.clone(),
            list: listed.iter().map(|found| found.endpoint.clone()).collect(),
        });
        proxies.extend(listed);
        self.counted_once(proxies).into_iter().map(Route::Proxy).collect()
    }

    /// There is nothing to replace one's own address by.
    fn check_direct(&mut self) {
        for (key, help) in [
            ("rotating", "leave it out: your own address stays the same"),
            ("max_requests", "leave it out, or see [limits]"),
            ("max_bytes", "leave it out, or see limits.bytes"),
            ("max_age", "leave it out, or see limits.duration"),
        ] {
            let path = format!("proxies.{key}");
            let unset = self.get(&path).is_none_or(|value| matches!(value.to_string().as_str(), "none" | "false"));
            if !unset {
                self.fault(&path, format!("{path} together with proxies.direct = true"), help);
            }
        }
    }

    /// The scheme of lines without one.
    fn scheme(&self) -> Scheme {
        match self.text("proxies.scheme") {
            Some("https") => Scheme::Https,
            Some("socks5" | "socks5h") => Scheme::Socks5,
            _ => Scheme::Http,
        }
    }

    /// `help` says what to do if it cannot be read.
    fn read_file(&mut self, file: &Path, help: &str) -> Vec<Found> {
        let name = self.near(Some(file));
        let text = match fs::read_to_string(file) {
            Ok(text) => text,
            Err(error) => {
                self.fault("proxies.file", format!("cannot read proxies.file {name}: {error}"), help);
                return Vec::new();
            }
        };
        let lines = entries(&text, self.scheme(), self.environment);
        if lines.found.is_empty() && lines.errors.is_empty() {
            self.fault("proxies.file", format!("there is no proxy in proxies.file {name}"), SAMPLE);
        }
        let at = |line: usize| Place::At(Origin::File { name: name.clone(), line });
        for (line, error) in lines.errors.iter().take(LISTED) {
            self.fault_at(at(*line), error.to_string(), error.help());
        }
        if lines.errors.len() > LISTED {
            let more = lines.errors.len() - LISTED;
            self.fault_at(Place::In(name.clone()), format!("{more} more lines that are no proxies"), "");
        }
        let found = |Entry { number, line, endpoint }| Found { place: format!("{name}:{number}"), line, endpoint };
        lines.found.into_iter().map(found).collect()
    }

    fn read_list(&mut self, list: &[String]) -> Vec<Found> {
        let templates: Vec<Option<Template>> = list.iter().map(|text| Template::parse(text).ok()).collect();
        let count = templates.iter().flatten().map(Template::count).fold(0, u64::saturating_add);
        if count > MOST {
            let help = format!("the most is {MOST}; is a range too long?");
            self.fault("proxies.list", format!("proxies.list makes {count} proxies"), help);
            return Vec::new();
        }
        let mut proxies = Vec::new();
        for (place, template) in templates.iter().enumerate() {
            let key = format!("proxies.list.{place}");
            // Once an item was left out, the numbers are no longer those that the user counts.
            let shown = if self.is_broken("proxies.list") { "proxies.list" } else { &key };
            let shown = shown.to_owned();
            for text in template.iter().flat_map(Template::expand) {
                match parse(&text, self.scheme()) {
                    Ok(endpoint) => {
                        proxies.push(Found { place: key.clone(), line: Secret::new(as_line(&text)), endpoint })
                    }
                    Err(error) => {
                        self.fault(&key, format!("{shown:?}: {error}"), error.help());
                        break;
                    }
                }
            }
        }
        proxies
    }

    fn counted_once(&mut self, proxies: Vec<Found>) -> Vec<Endpoint> {
        let (mut places, mut lines, mut endpoints) = (Vec::new(), Vec::new(), Vec::new());
        for Found { place, line, endpoint } in proxies {
            places.push(place);
            lines.push(line);
            endpoints.push(endpoint);
        }
        let (kept, repeats) = distinct(endpoints);
        let mut skipped = repeats.iter().peekable();
        let first = lines.into_iter().enumerate().filter(|(at, _)| skipped.next_if_eq(&at).is_none());
        self.proxy_lines = first.map(|(_, line)| line).collect();
        let count = repeats.len();
        let mut where_from: Vec<&str> = repeats.iter().take(LISTED).map(|place| places[*place].as_str()).collect();
        where_from.dedup();
        if count > 0 {
            let more = if count > LISTED { " and more" } else { "" };
            let (noun, verb) = if count == 1 { ("proxy is", "counts") } else { ("proxies are", "count") };
            let at = where_from.join(", ");
            self.warnings.push(format!("{count} {noun} there already and {verb} once ({at}{more})"));
        }
        kept
    }
}
