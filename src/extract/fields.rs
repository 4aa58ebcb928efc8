//! Fields: from what a selector finds to the value in a record.
//!
//! In come a compiled field, a parsed page and what its task carries; out goes a value, and whether anything matched. Whether
//! a page without a match is a real one is not decided here.

use std::sync::Arc;

use scraper::{ElementRef, Html};
use serde_json::{Map, Value};

use super::css::Css;
use super::document::Document;
use super::json::taken;
use super::selector::{Selector, SelectorError, Source};
use super::text::{folded, trimmed};
use crate::config::{self, Take};

/// One field of a stage, compiled.
#[derive(Clone, Debug)]
pub(super) struct Field {
    name: Arc<str>,
    select: Selector,
    attr: Option<Box<str>>,
    take: Take,
    required: bool,
}

/// What a page has for a field.
#[derive(Clone, Debug)]
pub(super) enum Reading {
    /// Something matched.
    Matched(Value),
    /// Nothing did; this is what the record shows then.
    Unmatched(Value),
}

impl Reading {
    /// What the record shows.
    pub(super) fn into_value(self) -> Value {
        match self {
            Self::Matched(value) | Self::Unmatched(value) => value,
        }
    }

    /// Did anything match?
    pub(super) const fn matched(&self) -> bool {
        matches!(self, Self::Matched(_))
    }
}

impl Field {
    /// Compiles a field of the config.
    pub(super) fn compile(field: &config::Field) -> Result<Self, SelectorError> {
        Ok(Self {
            name: field.name.as_str().into(),
            select: Selector::parse(&field.select)?,
            attr: field.attr.as_deref().map(Into::into),
            take: field.take.clone(),
            required: field.required,
        })
    }

    /// Its name in the record.
    pub(super) const fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Its selector.
    pub(super) const fn select(&self) -> &Selector {
        &self.select
    }

    /// Is a page without it no real one?
    pub(super) const fn required(&self) -> bool {
        self.required
    }

    /// Takes its value from a page and its task.
    pub(super) fn read(&self, document: &Document, meta: &Map<String, Value>) -> Reading {
        match self.select.source() {
            Source::Css(css) => match &document.html {
                Some(html) => self.read_elements(css, html),
                None => Reading::Unmatched(taken(None, &self.take)),
            },
            Source::Json(pointer) => self.read_value(document.json.as_ref().and_then(|json| pointer.find(json))),
            Source::Meta(name) => self.read_value(meta.get(&**name).filter(|value| !value.is_null())),
            Source::Const(text) => self.read_value(Some(&Value::String(text.to_string()))),
        }
    }

    /// An array without elements is a match only where it is taken as it is.
    fn read_value(&self, value: Option<&Value>) -> Reading {
        let found = match (value, &self.take) {
            (Some(Value::Array(elements)), Take::All | Take::Joined(_)) => !elements.is_empty(),
            (value, _) => value.is_some(),
        };
        let shown = taken(value, &self.take);
        if found { Reading::Matched(shown) } else { Reading::Unmatched(shown) }
    }

    /// Where an attribute is asked for, an element without it is no match.
    fn read_elements(&self, css: &Css, html: &Html) -> Reading {
        let mut matches = css.select(html).filter_map(|element| self.text_of(element));
        let (matched, value) = match &self.take {
            Take::First => {
                let first = matches.next();
                (first.is_some(), first.map_or(Value::Null, Value::String))
            }
            Take::All => {
                let all: Vec<_> = matches.map(Value::String).collect();
                (!all.is_empty(), Value::Array(all))
            }
            Take::Joined(between) => {
                let all: Vec<_> = matches.collect();
                (!all.is_empty(), Value::String(all.join(between)))
            }
        };
        if matched { Reading::Matched(value) } else { Reading::Unmatched(value) }
    }

    fn text_of(&self, element: ElementRef<'_>) -> Option<String> {
        match &self.attr {
            Some(attr) => element.attr(attr).map(|value| trimmed(value).to_owned()),
            None => Some(folded(element.text())),
        }
    }
}

/// The fields without a match.
pub(super) fn unmatched<'a>(fields: &'a [Field], readings: &'a [Reading]) -> impl Iterator<Item = &'a Field> {
    fields.iter().zip(readings).filter(|(_, reading)| !reading.matched()).map(|(field, _)| field)
}
