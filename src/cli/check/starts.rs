//! The start URLs of a config, expanded and counted.
//!
//! In comes `[crawl]`; out go how many there are, how many of them are there twice, and the first one. Of very many only the
//! first few million are compared, so that a slip in a range neither fills the memory nor takes for ever.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;

use serde_json::{Value, json};
use url::Url;

use crate::address::{Scope, Start, Starts};
use crate::config::Crawl;
use crate::telemetry::shown;

/// Start URLs that are expanded; the hashes of so many take some 100 MB.
const EXPANDED: u64 = 5_000_000;

/// What was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Counted {
    /// All of them; `None` if they are too many to be read through and the config does not say.
    all: Option<u64>,
    /// Those that were looked at.
    expanded: u64,
    /// Of these, those that were there before.
    repeats: u64,
    /// Of these, those that a crawl would not fetch.
    excluded: u64,
    /// The first that a crawl would fetch.
    pub(super) first: Option<Url>,
}

/// Expands and counts.
///
/// # Errors
/// A start file that cannot be read, or a text in it that is no address.
pub(super) fn count(crawl: &Crawl, scope: &Scope) -> io::Result<Counted> {
    count_up_to(EXPANDED, crawl, scope)
}

fn count_up_to(limit: u64, crawl: &Crawl, scope: &Scope) -> io::Result<Counted> {
    let mut starts = Starts::open(crawl)?;
    let (mut counted, mut seen, hasher) = (Counted::default(), HashSet::new(), RandomState::new());
    while counted.expanded < limit {
        let Some(Start { url, .. }) = starts.next().transpose()? else { break };
        counted.expanded += 1;
        // Hashes instead of addresses: that two of five million are the same by chance has odds of one in a million.
        counted.repeats += u64::from(!seen.insert(hasher.hash_one(url.as_str())));
        if scope.admit(&url).is_err() {
            counted.excluded += 1;
        } else if counted.first.is_none() {
            counted.first = Some(url);
        }
    }
    counted.all = starts.unread().map(|unread| unread.saturating_add(counted.expanded));
    Ok(counted)
}

impl Counted {
    /// For programs.
    pub(super) fn json(&self) -> Value {
        json!({
            "count": self.all, "expanded": self.expanded, "repeats": self.repeats, "excluded": self.excluded,
            "first": self.first.as_ref().map(shown::url_shown),
        })
    }

    fn is_whole(&self) -> bool {
        self.all == Some(self.expanded)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.all {
            Some(1) => write!(f, "1 start URL")?,
            Some(all) => write!(f, "{} start URLs", shown::count(all))?,
            None => write!(f, "more than {} start URLs", shown::count(self.expanded))?,
        }
        let among = if self.is_whole() { "" } else { " among the first" };
        if self.repeats > 0 {
            let (is, once) = if self.repeats == 1 { ("is", "counts") } else { ("are", "count") };
            let repeats = shown::count(self.repeats);
            write!(f, ", {repeats} of which {is} there already and {once} once{among}")?;
        }
        if self.excluded > 0 {
            write!(f, ", {} of which a crawl would not fetch{among}", shown::count(self.excluded))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Count, Hosts, KeepPages};

    fn counted(limit: u64, start: &[&str]) -> Counted {
        let crawl = Crawl {
            name: "t".into(),
            start: start.iter().map(|&text| text.to_owned()).collect(),
            start_file: None,
            drop_params: Vec::new(),
            start_stage: "list".into(),
            hosts: Hosts::Start,
            workers: Count::Auto,
            threads: Count::Auto,
            data_dir: "runs".into(),
            keep_pages: KeepPages::default(),
        };
        let scope = Scope::new(&Hosts::Start, ["a.example".to_owned()], false);
        count_up_to(limit, &crawl, &scope).unwrap()
    }

    #[test]
    fn repeats_and_excluded_ones_are_counted_and_the_first_that_is_fetched_is_kept() {
        let counted = counted(99, &["http://b.example/", "http://a.example/{1..3}", "http://A.example:80/{3..5}#x"]);
        assert_eq!((counted.all, counted.repeats, counted.excluded), (Some(7), 1, 1));
        assert_eq!(counted.first.as_ref().map(Url::as_str), Some("http://a.example/1"));
        let said = "7 start URLs, 1 of which is there already and counts once, 1 of which a crawl would not fetch";
        assert_eq!(counted.to_string(), said);
    }

    #[test]
    fn of_too_many_all_are_counted_and_the_first_ones_compared() {
        let counted = counted(4, &["http://a.example/{1..2}", "http://a.example/{1..1000000000000}"]);
        assert_eq!((counted.all, counted.repeats), (Some(1_000_000_000_002), 2));
        assert!(counted.to_string().ends_with("2 of which are there already and count once among the first"));
    }
}
