//! Redirects: where an answer leads, and how far one task is followed.
//!
//! What comes in: the request, status and `Location` of a hop, and the crawl's scope. What goes out: the next request, or
//! the [`DeadEnd`]. Pure; it must not know clients, and what a dead end means is the judge's business.

use url::Url;

use crate::address::{DropParams, Scope, canonical};
use crate::pace::robots::{Clearance, Word};
use crate::task::{Exclusion, HostKey, Method, Request};
use crate::verdict::Reason;

/// Why a redirect is not followed. Nothing in here holds a query, which is where sites put their secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DeadEnd {
    /// It leads to where this task has been.
    Loop {
        /// Origin and path.
        place: String,
    },
    /// It is one more than `fetch.max_redirects`.
    TooMany {
        /// That many are followed.
        limit: u32,
    },
    /// It leads where the crawl must not go.
    Excluded {
        /// Why it must not.
        exclusion: Exclusion,
        /// Where that is.
        host: HostKey,
    },
    /// It leads to a host whose robots.txt has to be read first.
    Unasked {
        /// Where it leads.
        url: Url,
    },
    /// It, or where it leads, is a sign of a ban.
    Banned {
        /// Which one.
        sign: Reason,
    },
}

/// The request that an answer asks for; `None` if it asks for none, or for nothing that can be fetched.
pub(crate) fn onward(
    request: &Request,
    status: u16,
    location: Option<&str>,
    drop_params: &DropParams,
) -> Option<Request> {
    let method = match status {
        // What browsers do, and RFC 9110 allows: a form that is sent elsewhere becomes a page to get.
        301..=303 => Method::Get,
        307 | 308 => request.method,
        _ => return None,
    };
    let mut url = request.url.join(location?.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    // Credentials of a site are not ours to pass on, least of all into logs.
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let body = match method {
        Method::Get => None,
        Method::Post => request.body.clone(),
    };
    Some(Request { method, url: canonical(&url, drop_params), body })
}

/// The hops of one task.
#[derive(Debug)]
pub(crate) struct Trail<'a> {
    scope: &'a Scope,
    clearance: Clearance,
    limit: u32,
    /// Where it has been; a handful at most, so that a list is searched fastest.
    seen: Vec<Request>,
}

impl<'a> Trail<'a> {
    /// A trail that leaves `scope` never and is at most `limit` redirects long.
    pub(crate) fn new(scope: &'a Scope, limit: u32) -> Self {
        Self { scope, clearance: Clearance::default(), limit, seen: Vec::new() }
    }

    /// The same, led only where this lets it.
    pub(crate) fn cleared_by(self, clearance: Clearance) -> Self {
        Self { clearance, ..self }
    }

    /// Goes on from `from` to `to`.
    ///
    /// # Errors
    /// It must not.
    pub(crate) fn follow(&mut self, from: Request, to: &Request) -> Result<(), DeadEnd> {
        if let Err(exclusion) = self.scope.admit(&to.url) {
            return Err(DeadEnd::Excluded { exclusion, host: HostKey::of(&to.url) });
        }
        self.seen.push(from);
        if self.seen.contains(to) {
            return Err(DeadEnd::Loop { place: place(&to.url) });
        }
        if self.seen.len() > usize::try_from(self.limit).unwrap_or(usize::MAX) {
            return Err(DeadEnd::TooMany { limit: self.limit });
        }
        match self.clearance.of(&to.url) {
            Word::Admitted => Ok(()),
            Word::Barred => Err(DeadEnd::Excluded { exclusion: Exclusion::Robots, host: HostKey::of(&to.url) }),
            Word::Unknown => Err(DeadEnd::Unasked { url: to.url.clone() }),
        }
    }
}

fn place(url: &Url) -> String {
    format!("{}{}", HostKey::of(url), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(url: &str) -> Request {
        Request::get(Url::parse(url).unwrap())
    }

    fn dropped() -> DropParams {
        DropParams::new(&["sid".to_owned()])
    }

    fn led(status: u16, location: &str) -> Option<String> {
        onward(&get("http://site.test/a/b?q=1"), status, Some(location), &dropped()).map(|next| next.url.to_string())
    }

    #[test]
    fn an_address_is_resolved_and_loses_fragment_credentials_and_what_is_to_be_dropped() {
        assert_eq!(led(302, "c").as_deref(), Some("http://site.test/a/c"));
        assert_eq!(led(302, "//other.test/x").as_deref(), Some("http://other.test/x"));
        assert_eq!(led(302, "/c?sid=7&p=2").as_deref(), Some("http://site.test/c?p=2"));
        assert_eq!(led(301, " /c#part ").as_deref(), Some("http://site.test/c"));
        assert_eq!(led(308, "https://me:secret@site.test/").as_deref(), Some("https://site.test/"));
    }

    #[test]
    fn only_redirects_with_a_usable_address_lead_anywhere() {
        for (status, location) in [(200, "/c"), (300, "/c"), (304, "/c"), (305, "/c"), (399, "/c"), (404, "/c")] {
            assert_eq!(led(status, location), None, "{status}");
        }
        for location in ["mailto:me@site.test", "javascript:void(0)", "http://", "http://[::1", "ftp://site.test/"] {
            assert_eq!(led(302, location), None, "{location}");
        }
        assert_eq!(onward(&get("http://site.test/"), 302, None, &dropped()), None);
    }

    #[test]
    fn a_form_is_sent_again_only_where_the_status_says_so() {
        let form = Request {
            method: Method::Post,
            url: Url::parse("http://site.test/form").unwrap(),
            body: Some("a=1".into()),
        };
        for status in [301, 302, 303] {
            assert_eq!(
                onward(&form, status, Some("/done"), &dropped()),
                Some(get("http://site.test/done")),
                "{status}"
            );
        }
        for status in [307, 308] {
            let next = onward(&form, status, Some("/done"), &dropped()).unwrap();
            assert_eq!((next.method, next.body.as_deref()), (Method::Post, Some("a=1")), "{status}");
        }
    }

    #[test]
    fn a_loop_is_found_before_the_limit_and_shows_no_query() {
        let scope = crate::worker::bed::scope(&["site.test"]);
        let mut trail = Trail::new(&scope, 9);
        let (one, two) = (get("http://site.test/1?token=hush"), get("http://site.test/2"));
        assert_eq!(trail.follow(one.clone(), &two), Ok(()));
        assert_eq!(trail.follow(two, &one), Err(DeadEnd::Loop { place: "site.test:80/1".into() }));
    }

    #[test]
    fn a_redirect_to_itself_is_a_loop() {
        let scope = crate::worker::bed::scope(&["site.test"]);
        let here = get("http://site.test/");
        assert!(matches!(Trail::new(&scope, 9).follow(here.clone(), &here), Err(DeadEnd::Loop { .. })));
    }

    #[test]
    fn exactly_as_many_redirects_as_allowed_are_followed() {
        let scope = crate::worker::bed::scope(&["site.test"]);
        let mut trail = Trail::new(&scope, 2);
        let at = |n: u32| get(&format!("http://site.test/{n}"));
        assert_eq!(trail.follow(at(0), &at(1)), Ok(()));
        assert_eq!(trail.follow(at(1), &at(2)), Ok(()));
        assert_eq!(trail.follow(at(2), &at(3)), Err(DeadEnd::TooMany { limit: 2 }));
        assert_eq!(Trail::new(&scope, 0).follow(at(0), &at(1)), Err(DeadEnd::TooMany { limit: 0 }));
    }

    #[test]
    fn a_foreign_target_is_excluded_whatever_else_is_wrong() {
        let scope = crate::worker::bed::scope(&["site.test"]);
        let stop = Trail::new(&scope, 0).follow(get("http://site.test/"), &get("https://other.test/x?key=1"));
        let host = HostKey("other.test:443".into());
        assert_eq!(stop, Err(DeadEnd::Excluded { exclusion: Exclusion::ForeignHost, host }));
    }
}
