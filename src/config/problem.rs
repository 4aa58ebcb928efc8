//! What is wrong with a config: all of it at once, each with its place and what to do.
//!
//! Problems come in from every check, the text for the user goes out. Whoever makes one sees to it that no secret is in it.

use std::fmt;

use super::origin::Origin;

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// At a setting, or a line of a file.
    At(Origin),
    /// In a file as a whole.
    In(String),
    /// Nowhere in particular.
    Nowhere,
}

impl From<Origin> for Place {
    fn from(origin: Origin) -> Self {
        Self::At(origin)
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) help: String,
}

impl Problem {
    pub(super) fn new(place: impl Into<Place>, message: impl Into<String>, help: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into(), help: help.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::At(origin) => write!(f, "error: {origin}: {}", self.message)?,
            Place::In(name) => write!(f, "error: {name}: {}", self.message)?,
            Place::Nowhere => write!(f, "error: {}", self.message)?,
        }
        if self.help.is_empty() { Ok(()) } else { write!(f, "\nhelp: {}", self.help) }
    }
}

/// Everything that is wrong with a config. Its `Display` has an `error: …` line for each, and a `help: …` line behind it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct Errors {
    problems: Vec<Problem>,
}

impl Errors {
    /// Those of the config named `name` come first, by line; then the environment, `--set`, other files.
    pub(super) fn new(mut problems: Vec<Problem>, name: &str) -> Self {
        problems.sort_by_key(|problem| match &problem.place {
            Place::At(Origin::File { name: file, line }) if file == name => (0, *line),
            Place::In(file) if file == name => (0, usize::MAX),
            Place::At(Origin::Environment(_)) => (1, 0),
            Place::At(Origin::Set) => (2, 0),
            Place::At(_) | Place::In(_) | Place::Nowhere => (3, 0),
        });
        problems.dedup();
        Self { problems }
    }

    /// How many there are; never 0.
    #[allow(clippy::len_without_is_empty, reason = "there are none without a problem")]
    pub fn len(&self) -> usize {
        self.problems.len()
    }
}

/// `did you mean "delay"?` for the word of `known` that `word` resembles most.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(known, word), known));
    let (score, nearest) = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    // Below this the resemblance is a coincidence: "url" and "rule" have 0.72.
    (score > 0.8).then(|| format!("did you mean {nearest:?}?"))
}
