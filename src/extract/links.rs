//! Links: from the elements that a selector finds to the addresses that they lead to.
//!
//! In come compiled link rules, a parsed page and its address; out go canonical http(s) addresses, each once. Whether an
//! address may be fetched is not decided here.

use std::collections::HashSet;
use std::sync::Arc;

use scraper::{ElementRef, Html};
use url::Url;

use super::css::Css;
use super::selector::SelectorError;
use crate::address::{DropParams, canonical};
use crate::config;
use crate::task::StageId;

/// A link on a page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FoundLink {
    /// The stage that it leads to.
    pub to: StageId,
    /// The canonical address, http or https.
    pub url: Url,
}

/// One entry of `links`, compiled.
#[derive(Clone, Debug)]
pub(super) struct LinkRule {
    name: Arc<str>,
    select: Css,
    attr: Box<str>,
    to: StageId,
}

impl LinkRule {
    /// Compiles an entry of the config that leads to the stage `to`.
    pub(super) fn compile(link: &config::Link, to: StageId) -> Result<Self, SelectorError> {
        Ok(Self {
            name: format!("link to {}", link.to).into(),
            select: Css::parse(link.select.strip_prefix("css:").unwrap_or(&link.select))?,
            attr: link.attr.as_str().into(),
            to,
        })
    }

    /// What it is called in messages.
    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its selector.
    pub(super) const fn select(&self) -> &Css {
        &self.select
    }
}

/// Finds the links of all rules, in the order of the page. What is not an http(s) address is passed over.
pub(super) fn find(html: &Html, rules: &[LinkRule], page: &Url, drop_params: &DropParams) -> Vec<FoundLink> {
    let mut hits = Vec::new();
    for rule in rules {
        let elements = rule.select.select(html);
        hits.extend(elements.filter_map(|element| Some((element.id(), rule.to, element.attr(&rule.attr)?))));
    }
    if hits.is_empty() {
        return Vec::new();
    }
    // Nodes are numbered in the order of their making, and the sort is stable: rules with a match in common stay in order.
    hits.sort_by_key(|(node, ..)| *node);

    let base = base(html, page);
    let mut seen = HashSet::new();
    hits.into_iter()
        .filter_map(|(_, to, address)| Some(FoundLink { to, url: resolve(&base, address, drop_params)? }))
        .filter(|link| seen.insert(link.clone()))
        .collect()
}

/// What relative links start from: the first `<base href>`, unless it is of no use, else the page's address.
fn base(html: &Html, page: &Url) -> Url {
    let mut elements = html.tree.nodes().filter(|node| node.parent().is_some()).filter_map(ElementRef::wrap);
    let href = elements.find_map(|element| element.attr("href").filter(|_| element.value().name() == "base"));
    href.and_then(|href| page.join(href).ok())
        .filter(|base| !matches!(base.scheme(), "data" | "javascript"))
        .unwrap_or_else(|| page.clone())
}

fn resolve(base: &Url, address: &str, drop_params: &DropParams) -> Option<Url> {
    let url = base.join(address).ok()?;
    matches!(url.scheme(), "http" | "https").then(|| canonical(&url, drop_params))
}
