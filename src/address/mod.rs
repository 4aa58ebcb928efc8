//! Addresses: their canonical form, templates for many of them, which ones may be fetched, and where a crawl starts.
//!
//! Strings and URLs come in, URLs and verdicts on them go out. Pure, except that [`Starts`], [`StartFile`] and [`start_hosts`]
//! read the start file. It knows nothing of proxies, pages or the store.

mod params;
mod scope;
mod start_file;
mod starts;
mod template;

use url::Url;

pub use params::DropParams;
pub use scope::{Scope, is_private};
pub use start_file::{OpenError, RowError, StartFile, StartFileError, StartFormat, StartRow};
pub use starts::{Start, StartMark, Starts, start_hosts};
pub use template::{Expansion, Template, TemplateError};

/// The form in which addresses are compared and fetched: scheme and host in lower case, no default port, no fragment, none of
/// the parameters to drop, the rest untouched. Scheme, host and port are what [`Url`] does anyway.
#[must_use]
pub fn canonical(url: &Url, drop_params: &DropParams) -> Url {
    let mut canonical = url.clone();
    canonical.set_fragment(None);
    drop_params.drop_from(&mut canonical);
    canonical
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        canonical(&Url::parse(text).unwrap(), &DropParams::default()).to_string()
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
        fn the_canonical_form_is_its_own_canonical_form(
            text in "(http|HTTPS)://[a-zA-Z0-9.-]{1,20}(:[0-9]{1,5})?(/[ -~]{0,10})?([?][ -~]{0,30})?",
            drop in prop::collection::vec("[a-z*%&=]{0,3}", 0..3),
        ) {
            let drop_params = DropParams::new(&drop);
            if let Ok(url) = Url::parse(&text) {
                let once = canonical(&url, &drop_params);
                prop_assert_eq!(&canonical(&once, &drop_params), &once);
                prop_assert_eq!(Url::parse(once.as_str()).unwrap(), once);
            }
        }
    }
}
