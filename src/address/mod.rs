//! Addresses: their canonical form, templates for many of them, which ones may be fetched, and where a crawl starts.
//!
//! Strings and URLs come in, URLs and verdicts on them go out. Pure, except that [`Starts`] and [`start_hosts`] read the
//! start file. It knows nothing of proxies, pages or the store.

mod scope;
mod starts;
mod template;

use url::Url;

pub use scope::{Scope, is_private};
pub use starts::{StartFile, StartMark, Starts, start_hosts};
pub use template::{Expansion, Template, TemplateError};

/// The form in which addresses are compared: scheme and host in lower case, no default port, no fragment, the rest
/// untouched. All but the fragment is what [`Url`] does anyway.
#[must_use]
pub fn canonical(url: &Url) -> Url {
    let mut canonical = url.clone();
    canonical.set_fragment(None);
    canonical
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        canonical(&Url::parse(text).unwrap()).to_string()
    }

    #[test]
    fn case_default_port_and_fragment_make_no_difference_and_all_else_does() {
        assert_eq!(shown("HTTP://Example.COM:80/A%2f/b?Q=1&q=#top"), "http://example.com/A%2f/b?Q=1&q=");
        assert_eq!(shown("https://example.com:443"), "https://example.com/");
        assert_eq!(shown("https://example.com:80/"), "https://example.com:80/");
        assert_eq!(shown("https://example.com/?"), "https://example.com/?");
    }

    proptest! {
        #[test]
        fn the_canonical_form_is_its_own_canonical_form(text in "(http|HTTPS)://[a-zA-Z0-9.-]{1,20}(:[0-9]{1,5})?(/[ -~]{0,30})?") {
            if let Ok(url) = Url::parse(&text) {
                let once = canonical(&url);
                prop_assert_eq!(&canonical(&once), &once);
                prop_assert_eq!(Url::parse(once.as_str()).unwrap(), once);
            }
        }
    }
}
