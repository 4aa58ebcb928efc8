//! Recipes and pages. A stand-in: first texts, links, and `expect`.
//!
//! What comes in: stages of the config, then pages. What goes out: links and rows. It must not know tasks or verdicts.

use std::fmt;
use std::sync::Arc;

use scraper::{Html, Selector};
use serde_json::Value;
use url::Url;

use crate::config;
use crate::task::StageId;

/// All stages, compiled.
#[derive(Debug)]
pub struct Recipe {
    stages: Vec<Stage>,
}

/// One stage, compiled.
#[derive(Debug)]
pub struct Stage {
    name: Arc<str>,
    priority: i32,
    expect: Option<Selector>,
    links: Vec<(Selector, StageId)>,
    fields: Vec<(Arc<str>, Selector, bool)>,
}

impl Recipe {
    /// Compiles stages.
    ///
    /// # Errors
    /// A selector that does not parse.
    pub fn compile(stages: &[config::Stage]) -> Result<Self, String> {
        let parse = |text: &str| Selector::parse(text).map_err(|error| error.to_string());
        let id = |name: &str| stages.iter().position(|stage| stage.name == name).unwrap_or_default() as u16;
        let stages = stages.iter().map(|stage| {
            Ok::<_, String>(Stage {
                name: stage.name.as_str().into(),
                priority: stage.priority,
                expect: match &stage.expect {
                    config::Expect::Selector(text) => Some(parse(text)?),
                    config::Expect::Any | config::Expect::Nothing => None,
                },
                links: stage
                    .links
                    .iter()
                    .map(|link| Ok((parse(&link.select)?, StageId(id(&link.to)))))
                    .collect::<Result<_, String>>()?,
                fields: stage
                    .fields
                    .iter()
                    .map(|field| Ok((field.name.as_str().into(), parse(&field.select)?, field.required)))
                    .collect::<Result<_, String>>()?,
            })
        });
        Ok(Self { stages: stages.collect::<Result<_, _>>()? })
    }

    /// The stage of that number.
    pub fn stage(&self, id: StageId) -> &Stage {
        &self.stages[usize::from(id.0)]
    }
}

impl Stage {
    /// Higher goes first.
    pub fn priority(&self) -> i32 {
        self.priority
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A page to read.
#[derive(Debug)]
pub struct Page<'a> {
    /// Its final address.
    pub url: &'a Url,
    /// Its text.
    pub text: &'a str,
}

/// A link on a page.
#[derive(Clone, Debug)]
pub struct FoundLink {
    /// The stage that it leads to.
    pub to: StageId,
    /// Its address.
    pub url: Url,
}

/// Why it is not a real page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall(Arc<str>);

impl Shortfall {
    /// What to count it by.
    pub fn code(&self) -> &'static str {
        if self.0.starts_with("expect") { "expect.unmet" } else { "field.missing" }
    }
}

impl fmt::Display for Shortfall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a page holds.
#[derive(Clone, Debug, Default)]
pub struct Extracted {
    /// Links.
    pub links: Vec<FoundLink>,
    /// Values of its records.
    pub rows: Vec<Vec<Value>>,
    /// Fields without a match.
    pub missing: Vec<Arc<str>>,
    /// Why it is not a real page.
    pub shortfall: Option<Shortfall>,
}

/// Reads a page.
pub fn read(stage: &Stage, page: &Page<'_>) -> Extracted {
    let html = Html::parse_document(page.text);
    let mut found = Extracted::default();
    for (selector, to) in &stage.links {
        let urls = html.select(selector).filter_map(|a| page.url.join(a.attr("href")?).ok());
        found.links.extend(urls.map(|url| FoundLink { to: *to, url: crate::address::canonical(&url) }));
    }
    let mut row = Vec::new();
    for (name, selector, required) in &stage.fields {
        let text = html.select(selector).next().map(|element| element.text().collect::<String>());
        if text.is_none() {
            found.missing.push(Arc::clone(name));
            if *required {
                found.shortfall = Some(Shortfall(format!("field \"{name}\" has no match").into()));
            }
        }
        row.push(text.map_or(Value::Null, Value::String));
    }
    let unmet = match &stage.expect {
        Some(selector) => html.select(selector).next().is_none(),
        None => found.links.is_empty() && row.iter().all(Value::is_null),
    };
    if unmet {
        found.shortfall = Some(Shortfall("expect is not met".into()));
    }
    if found.shortfall.is_none() && !row.is_empty() {
        found.rows.push(row);
    }
    found
}
