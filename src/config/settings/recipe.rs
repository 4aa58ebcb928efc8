//! `[stage.*]`: what is taken from pages, as the config says it.
//!
//! Plain data; turning it into something that reads a page is another room's business.

use serde::{Deserialize, Deserializer};

/// What proves that an answer is a real page of its stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// A link, or a record with a field that is not null.
    #[default]
    Any,
    /// Nothing: every answer counts.
    Nothing,
    /// A CSS selector or `json:/pointer` that must match.
    Selector(String),
}

/// Whether a page has to go through a proxy of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Affinity {
    /// Any will do.
    #[default]
    None,
    /// The one that fetched the referring page, while a worker has it.
    Referrer,
}

/// `[stage.NAME]`
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its name.
    pub name: String,
    /// What proves a real page.
    pub expect: Expect,
    /// Links to follow.
    pub links: Vec<Link>,
    /// Higher goes first within a host.
    pub priority: i32,
    /// Which proxy its pages go through.
    pub affinity: Affinity,
    /// The fields of its record, in order; none, no record.
    pub fields: Vec<Field>,
}

/// One entry of `links`.
#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    /// A CSS selector, known to parse.
    pub select: String,
    /// The attribute that holds the address.
    #[serde(default = "href")]
    pub attr: String,
    /// The stage that it leads to: the name of one of `stages`.
    pub to: String,
}

/// One field of a stage.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name in the record.
    pub name: String,
    /// A selector of [`crate::extract::Selector`], known to parse.
    pub select: String,
    /// An attribute instead of the text, of CSS selectors only.
    pub attr: Option<String>,
    /// What becomes of several matches.
    pub take: Take,
    /// A page without it is not a real one; of selectors that read the page only.
    pub required: bool,
}

/// What becomes of a field's matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Take {
    /// The first one; none is null.
    First,
    /// All, as a list.
    All,
    /// All, joined by this text.
    Joined(String),
}

fn href() -> String {
    "href".to_owned()
}

impl<'de> Deserialize<'de> for Expect {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Ok(match text.as_str() {
            "any" => Self::Any,
            "none" => Self::Nothing,
            _ => Self::Selector(text),
        })
    }
}
