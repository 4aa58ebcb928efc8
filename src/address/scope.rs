//! Which addresses may be fetched: the hosts that the config allows, and no private addresses unless it says so.
//!
//! An address comes in, admission or the reason against it goes out. Pure; nothing is resolved: names that lead to private
//! addresses cannot be told from here.

use std::collections::HashSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::config::Hosts;
use crate::task::Exclusion;

/// The addresses that a crawl may ask for.
#[derive(Clone, Debug)]
pub struct Scope {
    names: Names,
    allow_private: bool,
}

#[derive(Clone, Debug)]
enum Names {
    Any,
    Listed { exact: HashSet<String>, below: Vec<String> },
}

impl Scope {
    /// The scope of a crawl. `start_hosts` are the hosts of its start URLs (see [`super::start_hosts`]); they count only
    /// for [`Hosts::Start`].
    pub fn new(hosts: &Hosts, start_hosts: impl IntoIterator<Item = String>, allow_private: bool) -> Self {
        let names = match hosts {
            Hosts::Any => Names::Any,
            Hosts::Start => {
                let exact = start_hosts.into_iter().map(|name| comparable(&name).to_owned()).collect();
                Names::Listed { exact, below: Vec::new() }
            }
            Hosts::Listed(patterns) => {
                let (mut exact, mut below) = (HashSet::new(), Vec::new());
                for pattern in patterns {
                    let pattern = comparable(pattern).to_lowercase();
                    match pattern.strip_prefix('*') {
                        Some(parent) if parent.starts_with('.') => below.push(parent.to_owned()),
                        _ => _ = exact.insert(pattern),
                    }
                }
                Names::Listed { exact, below }
            }
        };
        Self { names, allow_private }
    }

    /// The same for what no host is barred from: robots.txt is where a site says it is.
    #[must_use]
    pub const fn of_any_host(&self) -> Self {
        Self { names: Names::Any, allow_private: self.allow_private }
    }

    /// May this address be fetched?
    ///
    /// # Errors
    /// Why it may not.
    pub fn admit(&self, url: &Url) -> Result<(), Exclusion> {
        if !self.allow_private && is_private(url) {
            return Err(Exclusion::PrivateAddress);
        }
        let name = comparable(url.host_str().unwrap_or_default());
        let admitted = match &self.names {
            Names::Any => true,
            Names::Listed { exact, below } => {
                exact.contains(name) || below.iter().any(|parent| name.ends_with(parent.as_str()))
            }
        };
        if admitted { Ok(()) } else { Err(Exclusion::ForeignHost) }
    }
}

/// A name with or without the dot of the root is one name.
fn comparable(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Does it name, literally, an address that is not of the public net: private, shared, loopback, link-local, unspecified,
/// unique-local, or `localhost`? Addresses that wrap an IPv4 one are judged by that.
pub fn is_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
        Some(Host::Domain(name)) => {
            let name = comparable(name);
            name == "localhost" || name.ends_with(".localhost")
        }
        None => false,
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // 0.0.0.0/8 reaches this machine on many systems; 100.64.0.0/10 is the inside of carriers and clouds.
    let shared = first == 100 && (64..128).contains(&second);
    first == 0 || shared || address.is_private() || address.is_loopback() || address.is_link_local()
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    let wrapped = match address.segments() {
        // ::ffff:a.b.c.d (mapped), ::a.b.c.d (compatible; :: and ::1 are among them), 64:ff9b::a.b.c.d (translated)
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    };
    match wrapped {
        Some(inner) => is_private_v4(inner),
        None => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(scope: &Scope, url: &str) -> Result<(), Exclusion> {
        scope.admit(&Url::parse(url).unwrap())
    }

    fn start(hosts: &[&str]) -> Scope {
        Scope::new(&Hosts::Start, hosts.iter().map(|&host| host.to_owned()), false)
    }

    #[test]
    fn links_stay_on_the_hosts_of_the_start_urls_whatever_the_port() {
        let scope = start(&["shop.example"]);
        assert_eq!(admit(&scope, "https://shop.example/x"), Ok(()));
        assert_eq!(admit(&scope, "http://SHOP.example:8080/x"), Ok(()));
        assert_eq!(admit(&scope, "http://shop.example./x"), Ok(()));
        assert_eq!(admit(&scope, "http://www.shop.example/"), Err(Exclusion::ForeignHost));
        assert_eq!(admit(&scope, "http://notshop.example/"), Err(Exclusion::ForeignHost));
    }

    #[test]
    fn a_star_matches_names_below_and_not_the_name_itself() {
        let hosts = Hosts::Listed(vec!["*.Shop.example".into(), "img.cdn".into()]);
        let scope = Scope::new(&hosts, ["start.example".to_owned()], false);
        assert_eq!(admit(&scope, "http://a.shop.example/"), Ok(()));
        assert_eq!(admit(&scope, "http://a.b.shop.example/"), Ok(()));
        assert_eq!(admit(&scope, "http://img.cdn/"), Ok(()));
        for foreign in
            ["http://shop.example/", "http://evilshop.example/", "http://x.img.cdn/", "http://start.example/"]
        {
            assert_eq!(admit(&scope, foreign), Err(Exclusion::ForeignHost), "{foreign}");
        }
    }

    #[test]
    fn private_addresses_are_refused_however_they_are_written() {
        let scope = Scope::new(&Hosts::Any, [], false);
        for private in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://10.1.2.3/",
            "http://172.16.0.1/",
            "http://192.168.0.1:81/",
            "http://169.254.169.254/latest",
            "http://100.100.100.200/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:10.0.0.1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://a.localhost/",
        ] {
            assert_eq!(admit(&scope, private), Err(Exclusion::PrivateAddress), "{private}");
        }
        for public in [
            "http://8.8.8.8/",
            "http://172.32.0.1/",
            "http://[2606:4700::1]/",
            "http://[::ffff:8.8.8.8]/",
            "http://localhost.example/",
        ] {
            assert_eq!(admit(&scope, public), Ok(()), "{public}");
        }
    }

    #[test]
    fn private_addresses_are_admitted_where_the_config_allows_them() {
        let scope = Scope::new(&Hosts::Start, ["127.0.0.1".to_owned()], true);
        assert_eq!(admit(&scope, "http://127.0.0.1:8000/"), Ok(()));
        assert_eq!(admit(&scope, "http://127.0.0.2:8000/"), Err(Exclusion::ForeignHost));
    }
}
