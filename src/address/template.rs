//! URL templates: `{1..5}`, `{001..100}`, `{a,b}`; literal braces are `{{` and `}}`.
//!
//! A template is parsed once; it knows how many addresses it stands for without making them, and makes them one at a time.
//! Pure, and ignorant of what a URL is: it also expands proxy lists.

use std::sync::Arc;

/// Why a template does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// `{` without `}`, or another `{` before it.
    #[error("a brace is opened and not closed")]
    Unclosed,
    /// `}` without `{`.
    #[error("a brace is closed and was not opened")]
    Unopened,
    /// `{}`, or a range without one of its ends.
    #[error("the range {{{0}}} is empty")]
    Empty(String),
    /// `{5..1}`
    #[error("the range {{{0}}} is reversed")]
    Reversed(String),
    /// A range whose ends are no numbers, or too large.
    #[error("the ends of {{{0}}} are not two numbers below 2^64")]
    NotNumbers(String),
    /// Neither `..` nor `,` in it.
    #[error("{{{0}}} is neither a range nor a list of alternatives")]
    Neither(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Range { first: u64, last: u64, width: usize },
    Alternatives(Vec<String>),
}

impl Piece {
    fn count(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::Range { first, last, .. } => (last - first).saturating_add(1),
            Self::Alternatives(words) => u64::try_from(words.len()).unwrap_or(u64::MAX),
        }
    }

    fn write(&self, at: u64, into: &mut String) {
        match self {
            Self::Text(text) => into.push_str(text),
            Self::Range { first, width, .. } => into.push_str(&format!("{:0width$}", first + at)),
            Self::Alternatives(words) => {
                into.push_str(usize::try_from(at).ok().and_then(|at| words.get(at)).map_or("", String::as_str));
            }
        }
    }
}

/// A parsed template; cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Arc<[Piece]>,
}

impl Template {
    /// Reads a template. A text without braces stands for itself.
    ///
    /// # Errors
    /// Unbalanced braces, and groups that are no range and no alternatives.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            literal.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                literal.push_str(brace);
                rest = after;
            } else if brace == "}" {
                return Err(TemplateError::Unopened);
            } else {
                let (group, after) = rest.split_once('}').ok_or(TemplateError::Unclosed)?;
                if !literal.is_empty() {
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                }
                pieces.push(parse_group(group)?);
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Text(literal));
        }
        Ok(Self { pieces: pieces.into() })
    }

    /// How many strings it stands for, without making them; `u64::MAX` where there are more.
    pub fn count(&self) -> u64 {
        self.pieces.iter().map(Piece::count).fold(1, u64::saturating_mul)
    }

    /// Makes the strings, one at a time, the leftmost group slowest.
    pub fn expand(&self) -> Expansion {
        Expansion { pieces: Arc::clone(&self.pieces), next: Some(vec![0; self.pieces.len()]) }
    }

    /// A few of the strings, with which each alternative and both ends of each range have been seen once: enough to
    /// check a template without expanding it.
    pub fn samples(&self) -> impl Iterator<Item = String> + '_ {
        let base = std::iter::once(self.at(&vec![0; self.pieces.len()]));
        let others = self.pieces.iter().enumerate().flat_map(move |(place, piece)| {
            let turns: Vec<u64> = match piece {
                Piece::Text(_) => Vec::new(),
                Piece::Range { first, last, .. } if first == last => Vec::new(),
                Piece::Range { first, last, .. } => vec![last - first],
                Piece::Alternatives(_) => (1..piece.count()).collect(),
            };
            turns.into_iter().map(move |turn| {
                let mut counters = vec![0; self.pieces.len()];
                counters[place] = turn;
                self.at(&counters)
            })
        });
        base.chain(others)
    }

    /// The template of everything up to where the host of a URL ends: the first `/`, `?` or `#` behind `://` in a literal.
    #[must_use]
    pub(super) fn up_to_the_path(&self) -> Self {
        let mut pieces = Vec::new();
        let mut begun = false;
        for piece in self.pieces.iter() {
            let Piece::Text(text) = piece else {
                pieces.push(piece.clone());
                continue;
            };
            let from = match text.find("://") {
                Some(at) if !begun => {
                    begun = true;
                    at + 3
                }
                _ => 0,
            };
            match text[from..].find(['/', '?', '#']) {
                Some(end) if begun => {
                    pieces.push(Piece::Text(text[..from + end].to_owned()));
                    break;
                }
                _ => pieces.push(piece.clone()),
            }
        }
        Self { pieces: pieces.into() }
    }

    fn at(&self, counters: &[u64]) -> String {
        let mut text = String::new();
        for (piece, at) in self.pieces.iter().zip(counters) {
            piece.write(*at, &mut text);
        }
        text
    }
}

fn parse_group(group: &str) -> Result<Piece, TemplateError> {
    if group.contains('{') {
        return Err(TemplateError::Unclosed);
    }
    if group.is_empty() {
        return Err(TemplateError::Empty(String::new()));
    }
    if group.contains(',') {
        return Ok(Piece::Alternatives(group.split(',').map(str::to_owned).collect()));
    }
    let (first, last) = group.split_once("..").ok_or_else(|| TemplateError::Neither(group.to_owned()))?;
    if first.is_empty() || last.is_empty() {
        return Err(TemplateError::Empty(group.to_owned()));
    }
    let number = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u64>().ok().filter(|_| digits).ok_or_else(|| TemplateError::NotNumbers(group.to_owned()))
    };
    let padded = |text: &str| text.len() > 1 && text.starts_with('0');
    let width = if padded(first) || padded(last) { first.len().max(last.len()) } else { 0 };
    let (first, last) = (number(first)?, number(last)?);
    if first > last {
        return Err(TemplateError::Reversed(group.to_owned()));
    }
    Ok(Piece::Range { first, last, width })
}

/// The strings of a [`Template`], lazily.
#[derive(Clone, Debug)]
pub struct Expansion {
    pieces: Arc<[Piece]>,
    next: Option<Vec<u64>>,
}

impl Iterator for Expansion {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let counters = self.next.as_mut()?;
        let mut text = String::new();
        for (piece, at) in self.pieces.iter().zip(counters.iter()) {
            piece.write(*at, &mut text);
        }
        let turned = self.pieces.iter().zip(counters.iter_mut()).rev().any(|(piece, at)| {
            let more = *at + 1 < piece.count();
            *at = if more { *at + 1 } else { 0 };
            more
        });
        if !turned {
            self.next = None;
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &str) -> Vec<String> {
        Template::parse(text).unwrap().expand().collect()
    }

    #[test]
    fn both_ends_of_a_range_belong_to_it() {
        assert_eq!(all("/p/{1..3}"), ["/p/1", "/p/2", "/p/3"]);
        assert_eq!(all("{7..7}"), ["7"]);
        assert_eq!(all("{9..11}"), ["9", "10", "11"]);
    }

    #[test]
    fn a_leading_zero_pads_all_numbers() {
        assert_eq!(all("s-{08..11}"), ["s-08", "s-09", "s-10", "s-11"]);
        assert_eq!(Template::parse("{001..100}").unwrap().expand().last().unwrap(), "100");
        assert_eq!(all("{0..1}"), ["0", "1"]);
    }

    #[test]
    fn several_groups_multiply_and_the_leftmost_is_the_slowest() {
        assert_eq!(all("{a,b}-{1..2}"), ["a-1", "a-2", "b-1", "b-2"]);
        assert_eq!(all("x{,y}"), ["x", "xy"]);
    }

    #[test]
    fn doubled_braces_are_literal() {
        assert_eq!(all("{{1..2}}"), ["{1..2}"]);
        assert_eq!(all("{{{1..2}}}"), ["{1}", "{2}"]);
        assert_eq!(all(""), [""]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let said = |text: &str| Template::parse(text).unwrap_err().to_string();
        assert_eq!(said("/{5..1}"), "the range {5..1} is reversed");
        assert_eq!(said("/{}"), "the range {} is empty");
        assert_eq!(said("/{1..}"), "the range {1..} is empty");
        assert_eq!(said("/{a..z}"), "the ends of {a..z} are not two numbers below 2^64");
        assert_eq!(said("/{+1..2}"), "the ends of {+1..2} are not two numbers below 2^64");
        assert_eq!(said("/{page}"), "{page} is neither a range nor a list of alternatives");
        assert_eq!(said("/{1..2"), "a brace is opened and not closed");
        assert_eq!(said("/{a{1..2}}"), "a brace is opened and not closed");
        assert_eq!(said("/1}"), "a brace is closed and was not opened");
    }

    #[test]
    fn huge_templates_are_counted_without_being_made() {
        assert_eq!(Template::parse("{1..1000000}{a,b}").unwrap().count(), 2_000_000);
        let whole = Template::parse("{0..18446744073709551615}{0..18446744073709551615}").unwrap();
        assert_eq!(whole.count(), u64::MAX);
        assert_eq!(whole.expand().nth(2).unwrap(), "02");
        assert_eq!(Template::parse("{18446744073709551614..18446744073709551615}").unwrap().expand().count(), 2);
    }

    #[test]
    fn samples_show_each_alternative_and_both_ends() {
        let template = Template::parse("{a,b,c}/{1..1000000}/{7..7}").unwrap();
        assert_eq!(template.samples().collect::<Vec<_>>(), ["a/1/7", "b/1/7", "c/1/7", "a/1000000/7"]);
    }

    #[test]
    fn an_expansion_may_cross_threads() {
        fn sent<T: Send + 'static>(_: T) {}
        sent(Template::parse("{1..2}").unwrap().expand());
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_template_makes_as_many_as_it_counts(text in "[a{}.,0-9]{0,24}") {
            if let Ok(template) = Template::parse(&text) && template.count() <= 10_000 {
                prop_assert_eq!(template.expand().count() as u64, template.count());
                let samples: Vec<_> = template.samples().collect();
                let made: Vec<_> = template.expand().collect();
                prop_assert!(samples.iter().all(|sample| made.contains(sample)));
            }
        }

        #[test]
        fn escaped_text_stands_for_itself(text in "[ -~]{0,30}") {
            let escaped = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(all(&escaped), [text]);
        }
    }
}
