//! The start URLs, checked: each one an http or https address that may be fetched.
//!
//! Templates are checked by samples, so that a million pages start at once. Start files are read in the room next door.

use url::Url;

use super::merged::Merged;
use super::text::{shortened, without_userinfo};
use super::{Crawl, Fetch, Stage};
use crate::address::{Template, is_private};

/// Why an address cannot be fetched.
pub(super) enum Unfit {
    NotAnAddress(url::ParseError),
    Scheme,
    Private,
}

impl Unfit {
    pub(super) fn explained(&self, shown: &str) -> (String, &'static str) {
        let web = "write http:// or https:// and a host";
        match self {
            Self::NotAnAddress(error) => (format!("{shown} is no address: {error}"), web),
            Self::Scheme => (format!("{shown} is neither an http nor an https address"), web),
            Self::Private => (format!("{shown} is a private address"), "set fetch.allow_private = true if you mean it"),
        }
    }
}

/// An address as errors show it.
pub(super) fn shown(address: &str) -> String {
    shortened(&without_userinfo(address))
}

/// The address, if it can be fetched.
pub(super) fn fit(address: &str, fetch: &Fetch) -> Result<Url, Unfit> {
    let url = Url::parse(address).map_err(Unfit::NotAnAddress)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Unfit::Scheme);
    }
    if !fetch.allow_private && is_private(&url) { Err(Unfit::Private) } else { Ok(url) }
}

impl Merged<'_> {
    /// Complains about start URLs that cannot be fetched, and where there are none.
    pub(super) fn check_starts(&mut self, crawl: &Crawl, fetch: &Fetch, stages: &[Stage]) {
        for (place, text) in crawl.start.iter().enumerate() {
            self.check_template(&format!("crawl.start.{place}"), text, fetch);
        }
        if let Some(file) = &crawl.start_file {
            self.check_start_file(file, crawl, fetch, stages);
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
}
