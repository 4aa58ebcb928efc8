//! Where a setting comes from: the layer, and the place in it.
//!
//! Every value of the merged tree carries its origin as text, the way it is shown; here that is written and read back.

use std::fmt;

use config::Value;

/// The layer, and the place in it, that decided a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Compiled in, or what follows from other settings.
    Default,
    /// A file, by the name that it was asked for.
    File {
        /// Its name.
        name: String,
        /// The line, from 1.
        line: usize,
    },
    /// A variable of the environment.
    Environment(String),
    /// The command line.
    Set,
}

const SET: &str = "--set";
const ENVIRONMENT: &str = "environment ";

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Environment(variable) => write!(f, "{ENVIRONMENT}{variable}"),
            Self::Set => f.write_str(SET),
        }
    }
}

impl Origin {
    /// The origin that a value carries; a table that several layers built carries none.
    pub(super) fn of(value: &Value) -> Option<Self> {
        let text = value.origin()?;
        if text == SET {
            return Some(Self::Set);
        }
        if let Some(variable) = text.strip_prefix(ENVIRONMENT) {
            return Some(Self::Environment(variable.to_owned()));
        }
        match text.rsplit_once(':').map(|(name, line)| (name, line.parse())) {
            Some((name, Ok(line))) => Some(Self::File { name: name.to_owned(), line }),
            _ => Some(Self::Default),
        }
    }
}
