//! The made-up file of proxies: which are in it, and with which passwords.

use std::collections::BTreeMap;

use crate::dispatcher::desk::fixture::route;
use crate::proxy::{Credentials, Endpoint, Route, Secret};

/// The proxies in the file, by number, with how often their password has changed.
pub(super) struct File(BTreeMap<u16, u32>);

impl File {
    /// The first so many.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count as u16).map(|number| (number, 0)).collect())
    }

    /// Takes lines out, puts some of `all` in, and changes passwords. It is never empty.
    pub(super) fn edit(&mut self, all: usize, rng: &mut fastrand::Rng) {
        for number in 0..all as u16 {
            match rng.u8(0..6) {
                0 if self.0.len() > 1 => _ = self.0.remove(&number),
                1 => _ = self.0.entry(number).or_default(),
                2 => _ = self.0.entry(number).and_modify(|version| *version += 1),
                _ => {}
            }
        }
    }

    pub(super) fn endpoints(&self) -> Vec<Endpoint> {
        self.0.iter().map(|(number, version)| endpoint(*number, *version)).collect()
    }

    /// Is this way in it, with this password?
    pub(super) fn has(&self, route: &Route) -> bool {
        match route {
            Route::Direct => false,
            Route::Proxy(proxy) => {
                self.0.get(&proxy.port).is_some_and(|version| endpoint(proxy.port, *version) == *proxy)
            }
        }
    }

    /// The number of the proxy with this label.
    pub(super) fn number(label: &str) -> usize {
        label.trim_start_matches('p').parse().expect("a label")
    }
}

fn endpoint(number: u16, version: u32) -> Endpoint {
    let Route::Proxy(endpoint) = route(number) else { unreachable!("a proxy") };
    let (user, password) = (Secret::new("u"), Secret::new(version.to_string()));
    Endpoint { credentials: Some(Credentials { user, password }), ..endpoint }
}
