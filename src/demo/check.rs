//! Compares a JSONL feed with the truth: what is right, missing, there twice, wrong, or should not be there.
//!
//! Pure but for reading lines. In come the feed and the expected records; out comes a [`Comparison`] that reads as one
//! line. Records are told apart by their `url`; they must have `title` and `directors`.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufRead};

use serde_json::Value;

use super::site::Expected;

/// How a feed compares with the truth.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Records that a perfect feed has.
    pub expected: usize,
    /// Expected records that are there and right.
    pub right: usize,
    /// Addresses that have no record.
    pub missing: Vec<String>,
    /// Addresses with more than one record, once for each further one.
    pub twice: Vec<String>,
    /// What differs, for each record with a wrong value and each line that is none.
    pub wrong: Vec<String>,
    /// Addresses of records that nobody expects.
    pub unexpected: Vec<String>,
}

impl Comparison {
    /// Is the feed exactly the truth?
    pub fn is_perfect(&self) -> bool {
        self.right == self.expected
            && [&self.missing, &self.twice, &self.wrong, &self.unexpected].iter().all(|list| list.is_empty())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { expected, right, missing, twice, wrong, unexpected } = self;
        write!(f, "{right} of {expected} records, {} missing, {} twice", missing.len(), twice.len())?;
        for (name, list) in [("wrong", wrong), ("unexpected", unexpected)] {
            if !list.is_empty() {
                write!(f, ", {} {name}", list.len())?;
            }
        }
        Ok(())
    }
}

/// Reads a feed and compares it with `truth`.
///
/// # Errors
/// Those of reading; what is in the feed is no error but a difference.
pub fn compare(feed: impl BufRead, truth: &[Expected]) -> io::Result<Comparison> {
    let mut comparison = Comparison { expected: truth.len(), ..Comparison::default() };
    let mut wanted: HashMap<&str, (&Expected, usize)> = truth.iter().map(|one| (one.url.as_str(), (one, 0))).collect();
    for (number, line) in feed.lines().enumerate() {
        let line = line?;
        let record: Value = serde_json::from_str(&line).unwrap_or_default();
        let Some(url) = record["url"].as_str() else {
            comparison.wrong.push(format!("line {}: no record with a url", number + 1));
            continue;
        };
        match wanted.get_mut(url) {
            None => comparison.unexpected.push(url.to_owned()),
            Some((_, seen @ 1..)) => {
                *seen += 1;
                comparison.twice.push(url.to_owned());
            }
            Some((expected, seen)) => {
                *seen += 1;
                match difference(&record, expected) {
                    None => comparison.right += 1,
                    Some(difference) => comparison.wrong.push(format!("{url}: {difference}")),
                }
            }
        }
    }
    let missing = truth.iter().filter(|one| matches!(wanted.get(one.url.as_str()), Some((_, 0))));
    comparison.missing = missing.map(|one| one.url.clone()).collect();
    Ok(comparison)
}

fn difference(record: &Value, expected: &Expected) -> Option<String> {
    if record["title"] != expected.title.as_str() {
        return Some(format!("title is {}, not {:?}", record["title"], expected.title));
    }
    let directors = &record["directors"];
    let same = match directors {
        Value::String(joined) => *joined == expected.directors.join("|"),
        Value::Array(list) => {
            list.iter().map(Value::as_str).eq(expected.directors.iter().map(|name| Some(name.as_str())))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    };
    (!same).then(|| format!("directors are {directors}, not {:?}", expected.directors))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth() -> Vec<Expected> {
        let expected = |n: u32, directors: &[&str]| Expected {
            url: format!("http://h/detail/{n}"),
            title: format!("T{n}"),
            directors: directors.iter().map(|name| (*name).to_owned()).collect(),
        };
        vec![expected(1, &["a", "b"]), expected(2, &[]), expected(3, &["c"])]
    }

    const ONE: &str = r#"{"url":"http://h/detail/1","title":"T1","directors":"a|b"}"#;
    const TWO: &str = r#"{"url":"http://h/detail/2","title":"T2","directors":[]}"#;
    const THREE: &str = r#"{"url":"http://h/detail/3","title":"T3","directors":["c"]}"#;

    fn compared(lines: &[&str]) -> Comparison {
        compare(lines.join("\n").as_bytes(), &truth()).unwrap()
    }

    #[test]
    fn the_truth_in_any_order_joined_or_as_lists_is_perfect() {
        let comparison = compared(&[THREE, ONE, TWO]);
        assert!(comparison.is_perfect());
        assert_eq!(comparison.to_string(), "3 of 3 records, 0 missing, 0 twice");
    }

    #[test]
    fn a_missing_a_doubled_and_a_strange_record_are_each_counted() {
        let comparison = compared(&[ONE, ONE, ONE, TWO, r#"{"url":"http://h/detail/9"}"#]);
        assert!(!comparison.is_perfect());
        assert_eq!(comparison.to_string(), "2 of 3 records, 1 missing, 2 twice, 1 unexpected");
        assert_eq!(comparison.missing, ["http://h/detail/3"]);
    }

    #[test]
    fn a_record_with_another_title_or_other_directors_is_wrong() {
        let title = THREE.replace("T3", "T4");
        let order = ONE.replace("a|b", "b|a");
        let null = TWO.replace("[]", "null");
        let comparison = compared(&[&title, &order, &null]);
        assert_eq!(comparison.to_string(), "0 of 3 records, 0 missing, 0 twice, 3 wrong");
        assert_eq!(comparison.wrong[0], r#"http://h/detail/3: title is "T4", not "T3""#);
    }

    #[test]
    fn a_torn_line_is_wrong_and_an_empty_feed_misses_everything() {
        assert_eq!(compared(&[ONE, TWO, r#"{"url":"http://h/de"#]).wrong, ["line 3: no record with a url"]);
        assert_eq!(compared(&[]).to_string(), "0 of 3 records, 3 missing, 0 twice");
    }
}
