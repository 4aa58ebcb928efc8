//! Extraction: what a recipe finds on a page.
//!
//! In come a [`Stage`] of a compiled [`Recipe`] and a [`Page`]; out go its links, its record, and whether it is a real page
//! at all. Pure: it knows neither where the page came from nor what becomes of it.

mod css;
mod document;
mod fields;
mod json;
mod links;
mod recipe;
mod selector;
mod shortfall;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use scraper::Html;
use serde_json::{Map, Value};
use url::Url;

use self::document::{Document, Needs};
use crate::address::DropParams;

pub use css::Css;
pub use json::{Pointer, PointerError};
pub use links::FoundLink;
pub use recipe::{Recipe, RecipeError, Stage};
pub use selector::{Selector, SelectorError, Source};
pub use shortfall::{Shortfall, Sought};

/// An answer as text.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its final address, which relative links start from.
    pub url: &'a Url,
    /// Its HTML or JSON.
    pub text: &'a str,
    /// What its task carries, for `meta:`.
    pub meta: &'a Map<String, Value>,
    /// What is no part of a link's address.
    pub drop_params: &'a DropParams,
}

/// What was found on a page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extracted {
    /// Links to follow, each once, in the order of the page; none if it falls short.
    pub links: Vec<FoundLink>,
    /// Records: one value a field, in the order of the recipe; none if the stage has no fields or the page falls short.
    pub rows: Vec<Vec<Value>>,
    /// Names of the fields without a match.
    pub missing: Vec<Arc<str>>,
    /// Why this is not a real page of its stage.
    pub shortfall: Option<Shortfall>,
}

/// Reads a page as a stage says. It is parsed once, as a whole document: as HTML if the stage looks for elements or links, as
/// JSON if it follows pointers. A page that should be JSON and is not falls short, whatever its stage expects.
///
/// "In the order of the page" means the order in which the parser makes the elements: that of their start tags, also where
/// it moves an element to mend broken HTML.
pub fn read(stage: &Stage, page: &Page<'_>) -> Extracted {
    read_and_look(stage, page, &[]).0
}

/// Reads a page as [`read`] does, and says of each of `marks` whether it matches; the page is parsed once for both.
pub fn read_and_look(stage: &Stage, page: &Page<'_>, marks: &[&Css]) -> (Extracted, Vec<bool>) {
    let needs = stage.needs();
    let needs = Needs { html: needs.html || !marks.is_empty(), ..needs };
    match Document::parse(page.text, needs) {
        Ok(document) => (read_document(stage, page, &document), found(document.html.as_ref(), marks)),
        Err(error) => {
            let missing = stage.fields().iter().map(|field| Arc::clone(field.name())).collect();
            let shortfall = Shortfall::NotJson { stage: Arc::clone(stage.name()), problem: error.to_string() };
            let extracted = Extracted { missing, shortfall: Some(shortfall), ..Extracted::default() };
            (extracted, look(page.text, marks))
        }
    }
}

/// Says of each of `marks` whether it matches a page of whatever stage.
pub fn look(text: &str, marks: &[&Css]) -> Vec<bool> {
    if marks.is_empty() { Vec::new() } else { found(Some(&Html::parse_document(text)), marks) }
}

fn found(html: Option<&Html>, marks: &[&Css]) -> Vec<bool> {
    marks.iter().map(|mark| html.is_some_and(|html| mark.matches_in(html))).collect()
}

fn read_document(stage: &Stage, page: &Page<'_>, document: &Document) -> Extracted {
    let readings: Vec<_> = stage.fields().iter().map(|field| field.read(document, page.meta)).collect();
    let links = document.html.as_ref().map(|html| links::find(html, stage.links(), page.url, page.drop_params));
    let links = links.unwrap_or_default();
    let missing = fields::unmatched(stage.fields(), &readings).map(|field| Arc::clone(field.name())).collect();

    let shortfall = shortfall::of(stage, document, &links, &readings);
    if shortfall.is_some() {
        return Extracted { missing, shortfall, ..Extracted::default() };
    }
    let row: Vec<_> = readings.into_iter().map(fields::Reading::into_value).collect();
    let rows = if row.is_empty() { Vec::new() } else { vec![row] };
    Extracted { links, rows, missing, shortfall }
}
