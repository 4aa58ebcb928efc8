//! Selectors: where a value comes from, with the text that it was written as.
//!
//! In comes the text from the config: CSS, or a prefix and what it asks for. Out goes something that finds values, or an error
//! that shows the text and says what is wrong with it. It does not know what the values are wanted for.

use std::fmt;
use std::sync::Arc;

use super::css::Css;
use super::json::Pointer;

/// A selector: `css:` (or no prefix), `json:/pointer`, `meta:name`, `const:text`.
///
/// A CSS selector that begins like another prefix (`meta:first-child`) is written with its own: `css:meta:first-child`.
#[derive(Clone, Debug)]
pub struct Selector {
    text: Arc<str>,
    source: Source,
}

/// What a selector reads, and how.
#[derive(Clone, Debug)]
pub enum Source {
    /// Elements of the page as HTML.
    Css(Css),
    /// A value of the page as JSON.
    Json(Pointer),
    /// What the task carries under this name: a column of the start file.
    Meta(Box<str>),
    /// Always this text.
    Const(Box<str>),
}

/// A selector that does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("selector {text:?} does not parse: {problem}")]
pub struct SelectorError {
    /// The selector as it was written.
    pub text: String,
    /// What is wrong with it; nothing of it is shown.
    pub problem: String,
    /// How such a selector is written.
    pub help: &'static str,
}

impl SelectorError {
    pub(super) fn css(text: &str, problem: String) -> Self {
        let help = "try it in a browser's console: document.querySelectorAll(…)";
        Self { text: text.to_owned(), problem, help }
    }

    fn json(text: &str, problem: impl fmt::Display) -> Self {
        let help = "write json:/items/0/name; in a name, ~1 stands for / and ~0 for ~";
        Self { text: text.to_owned(), problem: problem.to_string(), help }
    }
}

impl Selector {
    /// Parses a selector of any kind.
    ///
    /// # Errors
    /// What [`Css::parse`] refuses; a JSON pointer that is none (RFC 6901); `meta:` without a name.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        let source = if let Some(pointer) = text.strip_prefix("json:") {
            Source::Json(Pointer::parse(pointer).map_err(|error| SelectorError::json(text, error))?)
        } else if let Some(name) = text.strip_prefix("meta:") {
            if name.is_empty() {
                let (problem, help) = ("a name is missing".to_owned(), "write meta: and the name of a column");
                return Err(SelectorError { text: text.to_owned(), problem, help });
            }
            Source::Meta(name.into())
        } else if let Some(words) = text.strip_prefix("const:") {
            Source::Const(words.into())
        } else {
            Source::Css(Css::parse(text.strip_prefix("css:").unwrap_or(text))?)
        };
        Ok(Self { text: text.into(), source })
    }

    /// The selector as it was written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// What it reads.
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// Does it read the page? What does not proves nothing about it.
    pub const fn reads_page(&self) -> bool {
        matches!(self.source, Source::Css(_) | Source::Json(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_says_what_is_read_and_without_one_it_is_css() {
        let source = |text: &str| Selector::parse(text).unwrap().source;
        assert!(matches!(source("h2.x"), Source::Css(css) if &**css.text() == "h2.x"));
        assert!(matches!(source("css:meta:first-child"), Source::Css(css) if &**css.text() == "meta:first-child"));
        assert!(matches!(source("json:"), Source::Json(_)));
        assert!(matches!(source("meta:first-child"), Source::Meta(name) if &*name == "first-child"));
        assert!(matches!(source("const: a:b "), Source::Const(words) if &*words == " a:b "));
        assert!(matches!(source("const:"), Source::Const(words) if words.is_empty()));
    }

    #[test]
    fn a_selector_of_any_kind_that_does_not_parse_says_why() {
        let said = |text: &str| Selector::parse(text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(said("css:a["), r#"selector "a[" does not parse: it ends too early"#);
        assert_eq!(said("json:a/b"), r#"selector "json:a/b" does not parse: it does not begin with /"#);
        assert_eq!(said("json:/a~2"), r#"selector "json:/a~2" does not parse: a ~ is followed by neither 0 nor 1"#);
        assert_eq!(said("meta:"), r#"selector "meta:" does not parse: a name is missing"#);
    }
}
