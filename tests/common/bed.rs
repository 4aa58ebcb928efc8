//! What a test wants: how many pages, which proxies, which faults, which settings.

use std::sync::Arc;
use std::time::Duration;

use burdock::demo::proxy::{self, Behaviour};
use burdock::demo::site::{Condition, Fault};

use super::certificate::Certificate;
use super::crawl::Crawl;
use super::process::LIMIT;
use super::world::World;

/// A bed before it is made. Without further words: 4 lists of 5 details, no proxy, no delay.
pub struct Bed {
    pub(super) lists: u32,
    pub(super) per_list: u32,
    pub(super) faults: Vec<(String, Fault)>,
    pub(super) latency: Duration,
    pub(super) condition: Condition,
    pub(super) patience: Duration,
    pub(super) https: bool,
    pub(super) certificate: Certificate,
    pub(super) proxies: Vec<proxy::Builder>,
    pub(super) direct: bool,
    pub(super) mistyped: Vec<usize>,
    pub(super) sets: Vec<String>,
    pub(super) documents: Vec<(String, String, Vec<u8>)>,
    pub(super) files: Vec<(String, String)>,
    pub(super) recipe: Option<String>,
}

impl Bed {
    pub fn new() -> Self {
        Self {
            lists: 4,
            per_list: 5,
            faults: Vec::new(),
            // Long enough for requests that overlap to be seen to do so.
            latency: Duration::from_millis(8),
            condition: Condition::Well,
            patience: LIMIT,
            https: false,
            certificate: Certificate::for_loopback("practice authority"),
            proxies: Vec::new(),
            direct: false,
            mistyped: Vec::new(),
            sets: Vec::new(),
            documents: Vec::new(),
            files: Vec::new(),
            recipe: None,
        }
    }

    /// So many list pages.
    pub fn lists(mut self, lists: u32) -> Self {
        self.lists = lists;
        self
    }

    /// Details that each list links to.
    pub fn per_list(mut self, per_list: u32) -> Self {
        self.per_list = per_list;
        self
    }

    /// The site answers no faster than this.
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// The site's condition at the start.
    pub fn condition(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// Processes may take so long.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// A fault of one page, for whoever asks.
    pub fn fault(mut self, path: &str, fault: Fault) -> Self {
        self.faults.push((path.to_owned(), fault));
        self
    }

    /// One page more of the site.
    pub fn page(mut self, path: &str, content_type: &str, body: &[u8]) -> Self {
        self.documents.push((path.to_owned(), content_type.to_owned(), body.to_vec()));
        self
    }

    /// A file beside the config; `{site}` in it is the site's address.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    /// Another `[crawl]` and other stages than those for the site's lists and details; `{site}` is the site's address.
    pub fn recipe(mut self, text: &str) -> Self {
        self.recipe = Some(text.to_owned());
        self
    }

    /// The site speaks TLS, and the crawl is told its certificate authority.
    pub fn https(mut self) -> Self {
        self.https = true;
        self
    }

    /// So many good proxies more.
    pub fn proxies(self, count: usize) -> Self {
        (0..count).fold(self, |bed, _| bed.proxy(Behaviour::Good))
    }

    /// So many dead proxies more.
    pub fn dead(self, count: usize) -> Self {
        (0..count).fold(self, |bed, _| bed.proxy(Behaviour::Dead))
    }

    /// One more proxy.
    pub fn proxy(mut self, behaviour: Behaviour) -> Self {
        let number = self.next_number();
        self.proxies.push(proxy::Builder::new(number, behaviour));
        self
    }

    /// More proxies, by what their behaviours are called: `dead`, `captcha-after:30`.
    pub fn behaving(self, names: &[&str]) -> Self {
        names.iter().fold(self, |bed, name| bed.proxy(name.parse().unwrap()))
    }

    /// A fault of one page, by what it is called: `status:500`, `silent`.
    pub fn failing(self, path: &str, name: &str) -> Self {
        self.fault(path, name.parse().unwrap())
    }

    /// No proxies: the crawl comes by its own address.
    pub fn direct(mut self) -> Self {
        self.direct = true;
        self
    }

    /// One more good proxy, with the same address towards the site as the first one.
    pub fn twin(mut self) -> Self {
        self.proxies.push(proxy::Builder::new(1, Behaviour::Good));
        self
    }

    /// So many good proxies more that want this password.
    pub fn locked(mut self, count: usize, user: &str, password: &str) -> Self {
        for _ in 0..count {
            let number = self.next_number();
            self.proxies.push(proxy::Builder::new(number, Behaviour::Good).password(user, password));
        }
        self
    }

    /// The proxies file has a wrong password for this proxy, counted from 0.
    pub fn wrong_password_for(mut self, proxy: usize) -> Self {
        self.mistyped.push(proxy);
        self
    }

    /// Every proxy so far speaks SOCKS5.
    pub fn by_socks5(mut self) -> Self {
        self.proxies = self.proxies.into_iter().map(proxy::Builder::socks5).collect();
        self
    }

    /// Every proxy so far speaks TLS, and the crawl is told its certificate authority.
    pub fn by_https(mut self) -> Self {
        let tls = &self.certificate.tls;
        self.proxies = self.proxies.into_iter().map(|proxy| proxy.tls(Arc::clone(tls))).collect();
        self
    }

    /// The crawl is told another certificate authority than the one that signed.
    pub fn with_another_ca(self) -> Self {
        self.set("fetch.ca_file", "\"other-ca.pem\"")
    }

    fn next_number(&self) -> u8 {
        u8::try_from(self.proxies.len() + 1).expect("at most 255 proxies")
    }

    /// `crawl.workers`
    pub fn workers(self, workers: usize) -> Self {
        self.set("crawl.workers", &workers.to_string())
    }

    /// One more setting, on the command line; `value` as in TOML.
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.sets.push(format!("{key}={value}"));
        self
    }

    /// Makes the bed, and leaves it to the test to start processes.
    pub fn world(self) -> World {
        World::make(self)
    }

    /// Makes the bed, crawls, and waits for the end.
    pub fn crawl(self) -> Crawl {
        let world = self.world();
        let ended = world.start(&[]).finish();
        Crawl { world, ended }
    }
}
