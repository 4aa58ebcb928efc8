//! Shortfalls: how a page shows that it is not a real page of its stage, though its status was fine (a captcha, a login
//! form, a page cut short).
//!
//! In come a stage and what was found; out goes what is lacking, in words for people. Who is to blame is the judge's to say.

use std::fmt;
use std::sync::Arc;

use super::document::Document;
use super::fields::{self, Field, Reading};
use super::links::FoundLink;
use super::recipe::{Proof, Stage};
use super::selector::{Selector, Source};

/// Something that a page was searched for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    /// The field's name, or `link to` and a stage.
    pub name: Arc<str>,
    /// The selector.
    pub selector: Arc<str>,
}

/// What a page lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shortfall {
    /// The selector of `expect` matches nothing.
    Unproven {
        /// The stage.
        stage: Arc<str>,
        /// The selector.
        selector: Arc<str>,
    },
    /// With `expect = "any"`: there is no link, and no field matches.
    Empty {
        /// The stage.
        stage: Arc<str>,
        /// All that the page was searched for.
        sought: Vec<Sought>,
    },
    /// Selectors of the stage read JSON, and this is none.
    NotJson {
        /// The stage.
        stage: Arc<str>,
        /// Where it ceases to be JSON.
        problem: String,
    },
    /// Required fields have no match.
    Incomplete {
        /// The stage.
        stage: Arc<str>,
        /// The fields, never none.
        fields: Vec<Sought>,
    },
}

impl Shortfall {
    /// A constant code to count by.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unproven { .. } | Self::Empty { .. } => "expect.unmet",
            Self::NotJson { .. } => "json.invalid",
            Self::Incomplete { .. } => "field.missing",
        }
    }
}

/// Says what a page lacks, the proof of being real first. A field counts as found if it matched: `[]` and the empty string
/// of a list without a match prove nothing, nor does what is not read from the page.
pub(super) fn of(stage: &Stage, document: &Document, links: &[FoundLink], readings: &[Reading]) -> Option<Shortfall> {
    let name = || Arc::clone(stage.name());
    let found = |(field, reading): (&Field, &Reading)| field.select().reads_page() && reading.matched();
    let proven = match stage.proof() {
        Proof::Nothing => true,
        Proof::Any => !links.is_empty() || stage.fields().iter().zip(readings).any(found),
        Proof::Selector(selector) if matches_in(selector, document) => true,
        Proof::Selector(selector) => {
            return Some(Shortfall::Unproven { stage: name(), selector: Arc::clone(selector.text()) });
        }
    };
    if !proven {
        return Some(Shortfall::Empty { stage: name(), sought: stage.sought().collect() });
    }
    let lacking = fields::unmatched(stage.fields(), readings).filter(|field| field.required());
    let fields: Vec<_> = lacking.map(Sought::from).collect();
    (!fields.is_empty()).then(|| Shortfall::Incomplete { stage: name(), fields })
}

fn matches_in(selector: &Selector, document: &Document) -> bool {
    match selector.source() {
        Source::Css(css) => document.html.as_ref().is_some_and(|html| css.matches_in(html)),
        Source::Json(pointer) => document.json.as_ref().is_some_and(|json| pointer.find(json).is_some()),
        Source::Meta(_) | Source::Const(_) => false,
    }
}

impl From<&fields::Field> for Sought {
    fn from(field: &fields::Field) -> Self {
        Self { name: Arc::clone(field.name()), selector: Arc::clone(field.select().text()) }
    }
}

impl fmt::Display for Sought {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.selector)
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unproven { stage, selector } => write!(f, "stage {stage}: expect {selector:?} matches nothing"),
            Self::Empty { stage, sought } => {
                write!(f, "stage {stage}: no link and no field was found; looked for ")?;
                listed(f, sought)
            }
            Self::NotJson { stage, problem } => write!(f, "stage {stage}: the page is not JSON: {problem}"),
            Self::Incomplete { stage, fields } => {
                write!(f, "stage {stage}: without a match, though required: ")?;
                listed(f, fields)
            }
        }
    }
}

fn listed(f: &mut fmt::Formatter<'_>, items: &[Sought]) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        let between = if place == 0 { "" } else { ", " };
        write!(f, "{between}{item}")?;
    }
    Ok(())
}
