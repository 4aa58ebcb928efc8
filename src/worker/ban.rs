//! Ban rules: how a site shows that it refuses a proxy, and which of the config's signs an answer has.
//!
//! What comes in: `[ban]`, compiled once; status, address, headers and text of answers. What goes out: the reason, if one is
//! recognized. Pure; what follows from it is the judge's.

use std::sync::Arc;

use regex::Regex;
use url::Url;

use crate::config::{self, header_rule};
use crate::extract::Css;
use crate::transport::HeaderMap;
use crate::verdict::Reason;

/// Ban rules that do not compile.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BanError {
    /// A selector does not parse.
    #[error("[ban]: {0}")]
    Selector(#[from] crate::extract::SelectorError),
    /// A regular expression does not parse.
    #[error("[ban]: {0}")]
    Pattern(#[from] regex::Error),
}

/// All signs, in the order in which they are looked for.
#[derive(Clone, Debug)]
pub(crate) struct Signs(Arc<[Sign]>);

/// One sign: all that is there must hold.
#[derive(Clone, Debug, Default)]
struct Sign {
    /// Of `[[ban.rule]]`.
    name: Option<String>,
    status: Option<u16>,
    url: Option<Regex>,
    header: Option<(String, Regex)>,
    body: Option<Regex>,
    select: Option<Css>,
}

/// An answer as its head shows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outside<'a> {
    /// The status.
    pub(crate) status: u16,
    /// Where it is from; of a redirect, where it leads.
    pub(crate) url: &'a Url,
    /// Its headers.
    pub(crate) headers: &'a HeaderMap,
}

impl Signs {
    /// Compiles `[ban]`. Rules with names go first: what has a name is known better.
    ///
    /// # Errors
    /// The first selector or pattern that does not parse.
    pub(crate) fn new(ban: &config::Ban) -> Result<Self, BanError> {
        let mut signs = Vec::new();
        for rule in &ban.rules {
            let pattern = |text: &Option<String>| text.as_deref().map(Regex::new).transpose();
            let header = rule.header.as_deref().map(header_rule);
            signs.push(Sign {
                name: Some(rule.name.clone()),
                status: rule.status,
                url: pattern(&rule.url)?,
                header: header
                    .map(|(name, value)| Ok::<_, BanError>((name.to_owned(), Regex::new(value)?)))
                    .transpose()?,
                body: pattern(&rule.body)?,
                select: rule.select.as_deref().map(css).transpose()?,
            });
        }
        // What the head shows goes first: then nothing has to be looked for in the page.
        signs.extend(ban.status.iter().map(|&status| Sign { status: Some(status), ..Sign::default() }));
        for url in &ban.url {
            signs.push(Sign { url: Some(Regex::new(url)?), ..Sign::default() });
        }
        for body in &ban.body {
            signs.push(Sign { body: Some(Regex::new(body)?), ..Sign::default() });
        }
        for select in &ban.select {
            signs.push(Sign { select: Some(css(select)?), ..Sign::default() });
        }
        Ok(Self(signs.into()))
    }

    /// The sign that a redirect has, by its head and by where it leads: the page behind it need not be asked for.
    pub(crate) fn of_redirect(&self, redirect: Outside<'_>) -> Option<Reason> {
        let sign = self.0.iter().find(|sign| !sign.looks_inside() && sign.fits(redirect))?;
        Some(sign.reason(redirect.status))
    }

    /// What is left to be looked for in the page of an answer.
    pub(crate) fn watch(&self, answer: Outside<'_>) -> Watch {
        let mut open = Vec::new();
        for (place, _) in self.0.iter().enumerate().filter(|(_, sign)| sign.fits(answer)) {
            open.push(place);
            if !self.0[place].looks_inside() {
                break;
            }
        }
        Watch { signs: self.clone(), open, status: answer.status }
    }
}

fn css(text: &str) -> Result<Css, BanError> {
    Ok(Css::parse(text.strip_prefix("css:").unwrap_or(text))?)
}

/// The signs that the head of an answer leaves open, up to the first that it has for certain.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    signs: Signs,
    open: Vec<usize>,
    status: u16,
}

impl Watch {
    fn open(&self) -> impl Iterator<Item = &Sign> {
        self.open.iter().map(|&place| &self.signs.0[place])
    }

    /// Need the page not be looked into?
    pub(crate) fn is_settled(&self) -> bool {
        self.open().next().is_none_or(|sign| !sign.looks_inside())
    }

    /// The selectors that are to be looked for, in the order in which [`Self::settle`] takes what was found.
    pub(crate) fn selectors(&self) -> Vec<&Css> {
        self.open().filter_map(|sign| sign.select.as_ref()).collect()
    }

    /// The first sign that the answer has. `text` is what is in its page; `found` says of each selector whether it matches.
    pub(crate) fn settle(&self, text: &str, found: &[bool]) -> Option<Reason> {
        let mut found = found.iter().copied();
        let has = |sign: &&Sign| {
            let selected = sign.select.is_none() || found.next() == Some(true);
            selected && sign.body.as_ref().is_none_or(|pattern| pattern.is_match(text))
        };
        let mut open = self.open();
        open.find(has).map(|sign| sign.reason(self.status))
    }
}

impl Sign {
    const fn looks_inside(&self) -> bool {
        self.body.is_some() || self.select.is_some()
    }

    /// Does all hold that the head of an answer decides?
    fn fits(&self, answer: Outside<'_>) -> bool {
        let header = |(name, pattern): &(String, Regex)| {
            answer
                .headers
                .get_all(name.as_str())
                .any(|value| pattern.is_match(&String::from_utf8_lossy(value.as_bytes())))
        };
        self.status.is_none_or(|status| status == answer.status)
            && self.url.as_ref().is_none_or(|pattern| pattern.is_match(answer.url.as_str()))
            && self.header.as_ref().is_none_or(header)
    }

    /// The reason that it gives. It shows what the config has, and nothing of the answer.
    fn reason(&self, status: u16) -> Reason {
        if let Some(name) = &self.name {
            return Reason::new(
                format!("ban.{name}"),
                format!("answered with status {status} and the signs of {name:?}"),
            );
        }
        if let Some(select) = &self.select {
            return Reason::new("ban.select", format!("the page has an element that matches {:?}", select.text()));
        }
        if let Some(body) = &self.body {
            return Reason::new("ban.body", format!("the page has a text that matches {:?}", body.as_str()));
        }
        if let Some(url) = &self.url {
            return Reason::new("ban.url", format!("led to an address that matches {:?}", url.as_str()));
        }
        Reason::new(format!("status.{status}"), format!("answered with status {status}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract;
    use crate::worker::bed;

    fn captcha(rule: config::BanRule) -> config::Ban {
        config::Ban { rules: vec![config::BanRule { name: "captcha".into(), ..rule }], ..bed::ban() }
    }

    /// The code of the sign that an answer has.
    fn told(ban: &config::Ban, status: u16, headers: &[(&str, &str)], page: &str) -> Option<String> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name.parse().unwrap(), value.parse().unwrap());
        }
        let url = bed::url("http://site.test/sorry?from=1");
        let watch = Signs::new(ban).unwrap().watch(Outside { status, url: &url, headers: &map });
        let found = if watch.is_settled() { Vec::new() } else { extract::look(page, &watch.selectors()) };
        watch.settle(page, &found).map(|reason| reason.code)
    }

    #[test]
    fn all_that_a_rule_says_must_hold() {
        let rule = config::BanRule {
            status: Some(200),
            select: Some("#captcha".into()),
            body: Some("(?i)robot".into()),
            url: Some("/sorry".into()),
            header: Some("server: guard".into()),
            ..Default::default()
        };
        let (page, server) = ("<p id=captcha>ROBOT?</p>", ("server", "the guard/1"));
        let all = captcha(rule.clone());
        assert_eq!(told(&all, 200, &[server], page).as_deref(), Some("ban.captcha"));
        assert_eq!(told(&all, 201, &[server], page), None);
        assert_eq!(told(&all, 200, &[server], "<p id=captcha>human?</p>"), None);
        assert_eq!(told(&all, 200, &[server], "<p>ROBOT?</p>"), None);
        assert_eq!(told(&all, 200, &[("server", "nginx")], page), None);
        assert_eq!(told(&all, 200, &[], page), None);
        assert_eq!(told(&captcha(config::BanRule { url: Some("/login".into()), ..rule }), 200, &[server], page), None);
    }

    #[test]
    fn rules_are_tried_in_order_and_go_before_the_lists() {
        let rule = |name: &str, select: &str| config::BanRule {
            name: name.into(),
            select: Some(select.into()),
            ..Default::default()
        };
        let ban = config::Ban {
            rules: vec![rule("first", "#a"), rule("second", "#b")],
            select: vec!["p".into()],
            body: vec!["x".into()],
            ..bed::ban()
        };
        let code = |status, page| told(&ban, status, &[], page);
        assert_eq!(code(403, "<p id=b>x</p>").as_deref(), Some("ban.second"));
        assert_eq!(code(403, "<p id=b>x</p><p id=a>").as_deref(), Some("ban.first"));
        assert_eq!(code(403, "<p>x</p>").as_deref(), Some("status.403"));
        assert_eq!(code(200, "<p>x</p>").as_deref(), Some("ban.body"));
        assert_eq!(code(200, "<p>y</p>").as_deref(), Some("ban.select"));
        assert_eq!(code(200, "<i>y</i>"), None);
    }

    #[test]
    fn a_page_is_looked_into_only_if_something_in_it_could_tell() {
        let headers = HeaderMap::new();
        let url = bed::url("http://site.test/");
        let ban = captcha(config::BanRule { status: Some(200), select: Some("#a".into()), ..Default::default() });
        let signs = Signs::new(&ban).unwrap();
        let settled = |status| signs.watch(Outside { status, url: &url, headers: &headers }).is_settled();
        assert!(settled(403) && settled(500) && !settled(200));
    }

    #[test]
    fn a_header_without_a_pattern_need_only_be_there() {
        let ban = captcha(config::BanRule { header: Some("x-guard".into()), ..Default::default() });
        assert_eq!(told(&ban, 200, &[("X-Guard", "")], "").as_deref(), Some("ban.captcha"));
        assert_eq!(told(&ban, 200, &[("x-other", "")], ""), None);
    }
}
