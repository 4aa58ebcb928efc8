//! The condition of the whole site: well, or ill in a named way, whatever the page.
//!
//! Pure. In comes which request it is; out comes what becomes of it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::demo::mode::{ModeError, Name};

/// How the site is. Its name, as in `wave:503:10:50`, can be parsed and is what is displayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Well.
    Well,
    /// Nobody listens at its port.
    Refusing,
    /// It accepts and never answers. What it was asked in that time is never answered.
    Silent,
    /// It answers everything with this status.
    Failing {
        /// 503, 500, 403, …
        status: u16,
    },
    /// It answers with this status in waves: of every `of` requests, the last `failing` ones.
    Wave {
        /// 503, 500, …
        status: u16,
        /// Requests that fail in a row.
        failing: u64,
        /// Requests from one wave to the next.
        of: u64,
    },
    /// Its first answers are late.
    SlowStart {
        /// How many.
        first: u64,
        /// How late.
        by: Duration,
    },
    /// It answers 429, asking for a second's wait, to what goes beyond so many requests in a second, whoever asks.
    Limited {
        /// Requests that it answers in each second.
        per_second: u64,
    },
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fortune {
    /// It is answered after this long.
    Answered(Duration),
    /// It is never answered.
    Ignored,
    /// It is answered with this status.
    Refused(u16),
    /// It is asked to come again.
    Throttled,
}

impl Condition {
    /// What becomes of request number `nth` since the start, number `of_second` of the second that runs, both from 1.
    pub(super) fn fortune(self, nth: u64, of_second: u64) -> Fortune {
        match self {
            // Who is inside when the port is shut is not answered any more either.
            Self::Silent | Self::Refusing => Fortune::Ignored,
            Self::Failing { status } => Fortune::Refused(status),
            Self::Wave { status, failing, of } if (nth - 1) % of.max(1) >= of.saturating_sub(failing) => {
                Fortune::Refused(status)
            }
            Self::SlowStart { first, by } if nth <= first => Fortune::Answered(by),
            Self::Limited { per_second } if of_second > per_second => Fortune::Throttled,
            Self::Well | Self::Wave { .. } | Self::SlowStart { .. } | Self::Limited { .. } => {
                Fortune::Answered(Duration::ZERO)
            }
        }
    }
}

impl FromStr for Condition {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        const NUMBER: &str = "a number of requests";
        let mut name = Name::of(text);
        let condition = match name.word() {
            "well" => Self::Well,
            "refusing" => Self::Refusing,
            "silent" => Self::Silent,
            "status" => Self::Failing { status: name.take("a status")? },
            "wave" => {
                Self::Wave { status: name.take("a status")?, failing: name.take(NUMBER)?, of: name.take(NUMBER)? }
            }
            "slow-start" => Self::SlowStart { first: name.take(NUMBER)?, by: name.time()? },
            "limited" => Self::Limited { per_second: name.take(NUMBER)? },
            _ => return Err(name.unknown()),
        };
        name.end(condition)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("well"),
            Self::Refusing => f.write_str("refusing"),
            Self::Silent => f.write_str("silent"),
            Self::Failing { status } => write!(f, "status:{status}"),
            Self::Wave { status, failing, of } => write!(f, "wave:{status}:{failing}:{of}"),
            Self::SlowStart { first, by } => write!(f, "slow-start:{first}:{by:?}"),
            Self::Limited { per_second } => write!(f, "limited:{per_second}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wave_comes_again_and_again() {
        let wave = Condition::Wave { status: 503, failing: 2, of: 5 };
        let failed: Vec<u64> = (1..=15).filter(|nth| wave.fortune(*nth, 1) == Fortune::Refused(503)).collect();
        assert_eq!(failed, [4, 5, 9, 10, 14, 15]);
    }
}
