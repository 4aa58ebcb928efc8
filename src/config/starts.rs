//! The start URLs, checked: each one an http or https address that may be fetched.
//!
//! Templates are checked by samples, so that a million pages start at once; a start file is read through, a line at a time.

use std::path::Path;

use url::Url;

use super::merged::Merged;
use super::origin::Origin;
use super::problem::Place;
use super::text::{shortened, without_userinfo};
use super::{Crawl, Fetch};
use crate::address::{StartFile, Template, is_private};

/// Bad lines of a start file that are listed.
const LISTED: usize = 10;

enum Unfit {
    NotAnAddress(url::ParseError),
    Scheme,
    Private,
}

impl Unfit {
    fn explained(&self, shown: &str) -> (String, &'static str) {
        let web = "write http:// or https:// and a host";
        match self {
            Self::NotAnAddress(error) => (format!("{shown} is no address: {error}"), web),
            Self::Scheme => (format!("{shown} is neither an http nor an https address"), web),
            Self::Private => (format!("{shown} is a private address"), "set fetch.allow_private = true if you mean it"),
        }
    }
}

/// An address as errors show it.
fn shown(address: &str) -> String {
    shortened(&without_userinfo(address))
}

fn fit(address: &str, fetch: &Fetch) -> Result<(), Unfit> {
    let url = Url::parse(address).map_err(Unfit::NotAnAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Unfit::Scheme);
    }
    if !fetch.allow_private && is_private(&url) { Err(Unfit::Private) } else { Ok(()) }
}

impl Merged<'_> {
    /// Complains about start URLs that cannot be fetched, and where there are none.
    pub(super) fn check_starts(&mut self, crawl: &Crawl, fetch: &Fetch) {
        for (place, text) in crawl.start.iter().enumerate() {
            self.check_template(&format!("crawl.start.{place}"), text, fetch);
        }
        if let Some(file) = &crawl.start_file {
            self.check_start_file(file, fetch);
        } else if crawl.start.is_empty() && !self.is_broken("crawl.start") && !self.is_broken("crawl.start_file") {
            let help = "add start = [\"https://…\"], or start_file = \"starts.txt\" with a URL a line";
            self.fault("crawl", "there is no start URL", help);
        }
    }

    fn check_template(&mut self, key: &str, template: &str, fetch: &Fetch) {
        let Ok(template) = Template::parse(template) else { return };
        let unfit = template.samples().find_map(|address| Some((fit(&address, fetch).err()?, address)));
        if let Some((unfit, address)) = unfit {
            // What came from the environment may be a secret; then the text is shown as it was written.
            let shown = shown(self.written.get(key).unwrap_or(&address));
            let (message, help) = unfit.explained(&shown);
            self.fault(key, message, help);
        }
    }

    fn is_plain_list(&mut self, file: &Path, name: &str) -> bool {
        let kind = file.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let message = match kind.as_str() {
            "txt" => return true,
            "csv" | "jsonl" => format!("a start file of kind .{kind} is not built yet"),
            _ => format!("unknown kind of start file: {name}"),
        };
        self.fault("crawl.start_file", message, "use a .txt file with a URL a line");
        false
    }

    fn check_start_file(&mut self, file: &Path, fetch: &Fetch) {
        let name = self.near(Some(file));
        if !self.is_plain_list(file, &name) {
            return;
        }
        let lines = match StartFile::open(file) {
            Ok(lines) => lines,
            Err(error) => {
                let message = format!("cannot read crawl.start_file {name}: {error}");
                self.fault("crawl.start_file", message, "it has a URL a line");
                return;
            }
        };
        let (mut good, mut bad) = (0_u64, 0);
        for line in lines {
            match line.map(|(number, address)| (number, fit(&address, fetch), address)) {
                Ok((_, Ok(()), _)) => good += 1,
                Ok((number, Err(unfit), address)) => {
                    bad += 1;
                    if bad <= LISTED {
                        let (message, help) = unfit.explained(&shown(&address));
                        let line = usize::try_from(number).unwrap_or(usize::MAX);
                        self.fault_at(Origin::File { name: name.clone(), line }.into(), message, help);
                    }
                }
                Err(error) => self.fault("crawl.start_file", format!("cannot read on: {error}"), ""),
            }
        }
        if bad > LISTED {
            let message = format!("{} more lines that cannot be fetched", bad - LISTED);
            self.fault_at(Place::In(name), message, "");
        } else if good == 0 && bad == 0 && crawl_is_empty(self) {
            self.fault("crawl.start_file", format!("there is no start URL in {name}"), "it has a URL a line");
        }
    }
}

fn crawl_is_empty(merged: &Merged<'_>) -> bool {
    let start: Vec<String> = merged.config.get("crawl.start").unwrap_or_default();
    start.is_empty() && !merged.is_broken("crawl.start")
}
