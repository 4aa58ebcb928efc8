//! Parameters that are no part of an address: session ids, marks of campaigns.
//!
//! Names with `*` come in once; then an address's query comes in and goes out without them, all else as it was. Pure.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use url::Url;

/// The names of `crawl.drop_params`. `*` in one stands for any text, every other character for itself; case counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropParams {
    names: Vec<Box<str>>,
}

impl DropParams {
    /// Those of a config.
    pub fn new(names: &[String]) -> Self {
        Self { names: names.iter().map(|name| name.as_str().into()).collect() }
    }

    /// Takes them out of an address.
    pub(super) fn drop_from(&self, url: &mut Url) {
        if self.names.is_empty() {
            return;
        }
        let Some(query) = url.query() else { return };
        let kept: Vec<_> = query.split('&').filter(|param| !self.drops(param)).collect();
        if kept.len() == query.split('&').count() {
            return;
        }
        let kept = (!kept.is_empty()).then(|| kept.join("&"));
        url.set_query(kept.as_deref());
    }

    fn drops(&self, param: &str) -> bool {
        let name = decoded(param.split_once('=').map_or(param, |(name, _)| name));
        self.names.iter().any(|pattern| matches(pattern, &name))
    }
}

/// A name as forms write it: `+` is a space. What is not UTF-8 is shown by marks, which only `*` matches.
fn decoded(name: &str) -> Cow<'_, str> {
    if !name.contains(['%', '+']) {
        return name.into();
    }
    percent_decode_str(&name.replace('+', " ")).decode_utf8_lossy().into_owned().into()
}

/// Each piece between two stars is taken where it first occurs; the last one has to end the name.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut name) = name.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for piece in middle.split('*') {
        let Some(at) = name.find(piece) else { return false };
        name = &name[at + piece.len()..];
    }
    name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn without(names: &[&str], url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        DropParams::new(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>()).drop_from(&mut url);
        url.into()
    }

    #[test]
    fn named_parameters_go_and_the_rest_keeps_its_order_and_encoding() {
        let names = ["utm_*", "sid"];
        for (url, left) in [
            ("http://a.example/?utm_source=x&b=2&utm_=&a=1&sid", "http://a.example/?b=2&a=1"),
            ("http://a.example/p?q=%7e+%C3%A9&SID=1&sid=2&&x", "http://a.example/p?q=%7e+%C3%A9&SID=1&&x"),
            ("http://a.example/p?sid=1&utm_x=2", "http://a.example/p"),
            ("http://a.example/p?%73id=1&ut%6d_a=2&k=sid", "http://a.example/p?k=sid"),
            ("http://a.example/p?", "http://a.example/p?"),
            ("http://a.example/p?a&&", "http://a.example/p?a&&"),
            ("http://a.example/sid=1", "http://a.example/sid=1"),
        ] {
            assert_eq!(without(&names, url), left);
        }
        assert_eq!(without(&[], "http://a.example/?sid=1"), "http://a.example/?sid=1");
        assert_eq!(
            without(&["a b", "f[x]"], "http://a.example/?a+b=1&a%20b=2&f[x]=3&f%5Bx%5D=4&fx=5"),
            "http://a.example/?fx=5"
        );
    }

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, yes, no) in [
            ("*", vec!["", "a"], vec![]),
            ("a*c", vec!["ac", "abc", "acc"], vec!["a", "c", "acb", "xac"]),
            ("*a*b*", vec!["ab", "xaxbx"], vec!["ba", "a"]),
            ("a*a", vec!["aa", "aba"], vec!["a"]),
            ("*ab", vec!["ab", "aab", "abab"], vec!["aba"]),
            ("**", vec!["", "x"], vec![]),
            ("é*", vec!["éa"], vec!["e"]),
        ] {
            assert!(yes.iter().all(|name| matches(pattern, name)), "{pattern}");
            assert!(!no.iter().any(|name| matches(pattern, name)), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_star_matches_what_the_text_between_says(parts in prop::collection::vec("[ab]{0,3}", 1..4), fill in "[ab]{0,3}") {
            prop_assert!(matches(&parts.join("*"), &parts.join(&fill)));
        }

        #[test]
        fn what_is_not_named_stays_as_it_is(kept in prop::collection::vec("[b-z%2]{0,3}(=[a-z%+]{0,3})?", 1..5), at in 0_usize..5) {
            let names = ["a*".to_owned()];
            let mut url = Url::parse(&format!("http://a.example/?{}", kept.join("&"))).unwrap();
            let before = url.clone();
            let mut more = kept.clone();
            more.insert(at.min(kept.len()), "aid=7".into());
            let mut with = Url::parse(&format!("http://a.example/?{}", more.join("&"))).unwrap();
            DropParams::new(&names).drop_from(&mut with);
            DropParams::new(&names).drop_from(&mut url);
            prop_assert_eq!(&url, &before);
            prop_assert_eq!(with, before);
        }
    }
}
