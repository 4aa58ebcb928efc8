//! A page's text, parsed in the ways that its stage needs, each once.
//!
//! In comes text and what a stage reads of it; out goes a document that selectors are asked of. Text that should be JSON and
//! is not is no document.

use scraper::Html;
use serde_json::Value;

/// What a stage reads of its pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) html: bool,
    pub(super) json: bool,
}

/// A page, parsed. What its stage does not need is not there.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) html: Option<Html>,
    pub(super) json: Option<Value>,
}

impl Document {
    /// Parses a text.
    ///
    /// # Errors
    /// JSON is needed, and it is none.
    pub(super) fn parse(text: &str, needs: Needs) -> Result<Self, serde_json::Error> {
        let json = if needs.json { Some(serde_json::from_str(text)?) } else { None };
        Ok(Self { html: needs.html.then(|| Html::parse_document(text)), json })
    }
}
