//! CSS selectors: parsed once, with the text that they were written as.
//!
//! In comes the text from the config; out goes something that finds elements, or an error that shows the text and says what
//! is wrong with it. It does not know what the elements are wanted for.

use std::fmt;
use std::sync::Arc;

use scraper::error::SelectorErrorKind;
use scraper::{ElementRef, Html, Selector};

use super::selector::SelectorError;

/// A CSS selector.
#[derive(Clone)]
pub struct Css {
    text: Arc<str>,
    selector: Selector,
}

impl Css {
    /// Parses a selector, or several separated by commas.
    ///
    /// # Errors
    /// If it is not CSS, or uses pseudo-classes that only a browser can decide.
    pub fn parse(text: &str) -> Result<Self, SelectorError> {
        match Selector::parse(text) {
            Ok(selector) => Ok(Self { text: text.into(), selector }),
            Err(kind) => Err(SelectorError::css(text, problem(&kind))),
        }
    }

    /// The selector as it was written.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// Finds the elements that match, in the order of their start tags.
    pub(super) fn select<'page>(&self, html: &'page Html) -> impl Iterator<Item = ElementRef<'page>> {
        html.select(&self.selector)
    }

    /// Does anything match?
    pub(super) fn matches_in(&self, html: &Html) -> bool {
        self.select(html).next().is_some()
    }
}

impl fmt::Debug for Css {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

fn problem(kind: &SelectorErrorKind) -> String {
    match kind {
        SelectorErrorKind::UnexpectedToken => "unexpected character or word".into(),
        SelectorErrorKind::EndOfLine => "it ends too early".into(),
        SelectorErrorKind::InvalidAtRule | SelectorErrorKind::InvalidAtRuleBody => "@ has no place here".into(),
        SelectorErrorKind::QualRuleInvalid => "invalid name".into(),
        SelectorErrorKind::TooManyNestedBlocks => "nested too deeply".into(),
        SelectorErrorKind::ExpectedColonOnPseudoElement => "a colon is missing".into(),
        SelectorErrorKind::ExpectedIdentityOnPseudoElement => "a name is missing after the colon".into(),
        // The library says nothing better than the name of the variant, whose type it does not export.
        SelectorErrorKind::UnexpectedSelectorParseError(inner) => spaced(&format!("{inner:?}")),
    }
}

/// `UnsupportedPseudoClass` → `unsupported pseudo class`. What the variant holds is part of the selector, which may be filled
/// in from the environment.
fn spaced(camel: &str) -> String {
    let mut words = String::new();
    for letter in camel.chars().take_while(|letter| letter.is_alphanumeric()) {
        if letter.is_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.extend(letter.to_lowercase());
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_that_does_not_parse_is_shown_with_its_problem() {
        let said = |text: &str| Css::parse(text).map(|_| ()).unwrap_err().to_string();
        assert_eq!(said("div["), r#"selector "div[" does not parse: it ends too early"#);
        assert_eq!(said("a:hover"), r#"selector "a:hover" does not parse: unsupported pseudo class or element"#);
        assert_eq!(said("a >"), r#"selector "a >" does not parse: dangling combinator"#);
        assert_eq!(said(""), r#"selector "" does not parse: empty selector"#);
    }

    #[test]
    fn a_selector_keeps_the_text_that_it_was_written_as() {
        assert_eq!(&**Css::parse("div.a  >  p").unwrap().text(), "div.a  >  p");
    }
}
