//! The names of modes, as texts have them: a word and its numbers, as in `captcha-after:30`.
//!
//! In comes such a name; out come its parts, or what is wrong with it. It knows no mode.

use std::str::{FromStr, Split};
use std::time::Duration;

/// Why a name is none of a mode.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModeError {
    /// No mode is called so.
    #[error("no mode is called {name:?}")]
    Unknown {
        /// The whole name.
        name: String,
    },
    /// A number is not there, or is none.
    #[error("mode {name:?} needs {what}")]
    Needs {
        /// The whole name.
        name: String,
        /// What it needs.
        what: &'static str,
    },
    /// There is more than the mode takes.
    #[error("mode {name:?} takes less than that")]
    TooMuch {
        /// The whole name.
        name: String,
    },
}

/// A name that is read part by part.
#[derive(Clone, Debug)]
pub(super) struct Name<'a> {
    whole: &'a str,
    parts: Split<'a, char>,
}

impl<'a> Name<'a> {
    pub(super) fn of(whole: &'a str) -> Self {
        Self { whole, parts: whole.split(':') }
    }

    /// The next part; empty once there is none left.
    pub(super) fn word(&mut self) -> &'a str {
        self.parts.next().unwrap_or_default()
    }

    /// The next part as a number or the like.
    pub(super) fn take<T: FromStr>(&mut self, what: &'static str) -> Result<T, ModeError> {
        self.word().parse().map_err(|_| self.needs(what))
    }

    /// The next part as a time: `80ms`, `1.5s`.
    pub(super) fn time(&mut self) -> Result<Duration, ModeError> {
        let time: jiff::SignedDuration = self.take("a time")?;
        Duration::try_from(time).map_err(|_| self.needs("a time"))
    }

    /// Are all parts read?
    pub(super) fn is_over(&self) -> bool {
        self.parts.clone().next().is_none()
    }

    /// `mode`, if nothing is left.
    pub(super) fn end<T>(self, mode: T) -> Result<T, ModeError> {
        if self.is_over() { Ok(mode) } else { Err(ModeError::TooMuch { name: self.whole.to_owned() }) }
    }

    pub(super) fn unknown(&self) -> ModeError {
        ModeError::Unknown { name: self.whole.to_owned() }
    }

    pub(super) fn needs(&self, what: &'static str) -> ModeError {
        ModeError::Needs { name: self.whole.to_owned(), what }
    }
}
