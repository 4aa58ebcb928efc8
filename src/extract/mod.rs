//! Extraction: what a recipe finds on a page.
//!
//! In come a [`Stage`] of a compiled [`Recipe`] and a [`Page`]; out go its links, its record, and whether it is a real page
//! at all. Pure: it knows neither where the page came from nor what becomes of it.

mod fields;
mod links;
mod recipe;
mod selector;
mod shortfall;
mod text;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use scraper::Html;
use serde_json::Value;
use url::Url;

pub use links::FoundLink;
pub use recipe::{Recipe, RecipeError, Stage};
pub use selector::{Css, SelectorError};
pub use shortfall::{Shortfall, Sought};

/// An answer as text.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// Its final address, which relative links start from.
    pub url: &'a Url,
    /// Its HTML.
    pub text: &'a str,
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

/// Reads a page as a stage says. The page is parsed once, as a whole document.
///
/// "In the order of the page" means the order in which the parser makes the elements: that of their start tags, also where
/// it moves an element to mend broken HTML.
pub fn read(stage: &Stage, page: &Page<'_>) -> Extracted {
    let html = Html::parse_document(page.text);
    let readings: Vec<_> = stage.fields().iter().map(|field| field.read(&html)).collect();
    let links = links::find(&html, stage.links(), page.url);
    let missing = fields::unmatched(stage.fields(), &readings).map(|field| Arc::clone(field.name())).collect();

    let shortfall = shortfall::of(stage, &html, &links, &readings);
    if shortfall.is_some() {
        return Extracted { missing, shortfall, ..Extracted::default() };
    }
    let row: Vec<_> = readings.into_iter().map(fields::Reading::into_value).collect();
    let rows = if row.is_empty() { Vec::new() } else { vec![row] };
    Extracted { links, rows, missing, shortfall }
}
