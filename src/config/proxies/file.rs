//! The proxies file: its lines, templates expanded and `${ENV}` filled in; and how it is read again while a crawl goes on.
//!
//! A text comes in; proxies, or what is wrong with its lines, go out. Nothing that stands on a line is ever shown, and nobody is
//! told when the file changes.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{FileStamp, MOST};
use crate::address::Template;
use crate::config::interpolate::{Environment, Reading, fill};
use crate::config::text::bare;
use crate::proxy::line::{LineError, distinct, is_bare, numbered, parse};
use crate::proxy::{Endpoint, Scheme, Secret};

/// Why a line of the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(in crate::config) enum EntryError {
    /// It is no proxy.
    #[error(transparent)]
    Line(#[from] LineError),
    /// Its braces make no template.
    #[error("not a template: {0}")]
    Template(&'static str),
    /// It names what is not in the environment. The name is not shown: it may be part of a password that was meant as it stands.
    #[error("it has a ${{VARIABLE}} that is not set, or is none")]
    Unfilled,
    /// It stands for too many.
    #[error("it makes the proxies more than {MOST}")]
    TooMany,
}

impl EntryError {
    /// What to do about it.
    pub(in crate::config) const fn help(&self) -> &'static str {
        match self {
            Self::Line(error) => error.help(),
            Self::Template(_) => "ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}",
            Self::Unfilled => "set it; a literal ${ is written $${",
            Self::TooMany => "is a range too long?",
        }
    }
}

/// A proxy of the file.
pub(in crate::config) struct Entry {
    /// The number of its line, from 1.
    pub(in crate::config) number: usize,
    /// A line that stands for it alone.
    pub(in crate::config) line: Secret,
    pub(in crate::config) endpoint: Endpoint,
}

/// What a file holds, repeats among it.
#[derive(Default)]
pub(in crate::config) struct Entries {
    pub(in crate::config) found: Vec<Entry>,
    /// The lines that cannot be used.
    pub(in crate::config) errors: Vec<(usize, EntryError)>,
}

/// Reads all lines; `scheme` is that of lines without one. `host:port:user:password` is taken as it stands, all other lines are
/// templates with variables.
pub(in crate::config) fn entries(text: &str, scheme: Scheme, environment: &Environment) -> Entries {
    let mut entries = Entries::default();
    for (number, line) in numbered(text) {
        let room = MOST.saturating_sub(entries.found.len() as u64);
        match expanded(line, room, environment).and_then(|lines| endpoints(number, lines, scheme)) {
            Ok(mut found) => entries.found.append(&mut found),
            Err(error) => entries.errors.push((number, error)),
        }
    }
    entries
}

fn expanded(line: &str, room: u64, environment: &Environment) -> Result<Vec<String>, EntryError> {
    if is_bare(line) {
        return Ok(vec![line.to_owned()]);
    }
    let filled = fill(line, Reading::Template, environment).map_err(|_| EntryError::Unfilled)?;
    let template = Template::parse(&filled).map_err(|error| EntryError::Template(bare(&error)))?;
    if template.count() > room { Err(EntryError::TooMany) } else { Ok(template.expand().collect()) }
}

fn endpoints(number: usize, lines: Vec<String>, scheme: Scheme) -> Result<Vec<Entry>, EntryError> {
    let entry = |line: String| Ok(Entry { number, endpoint: parse(&line, scheme)?, line: Secret::new(as_line(&line)) });
    lines.into_iter().map(entry).collect()
}

/// How a proxy that is written so is written in a file.
pub(in crate::config) fn as_line(written: &str) -> String {
    if is_bare(written) {
        return written.to_owned();
    }
    written.replace('{', "{{").replace('}', "}}").replace("${", "$${")
}

/// Why a file that was read again is not used. None of it shows what stands in it.
#[derive(Debug, thiserror::Error)]
pub enum RefusedFile {
    /// It cannot be read.
    #[error("cannot read {name}: {error}")]
    Unreadable {
        /// The file.
        name: String,
        /// Why not.
        error: io::Error,
    },
    /// There is no proxy in it.
    #[error("there is no proxy in {name}")]
    Empty {
        /// The file.
        name: String,
    },
    /// Some lines are no proxies.
    #[error("{name}:{line}: {error}{}", more(*.others))]
    Line {
        /// The file.
        name: String,
        /// The first of these lines, from 1.
        line: usize,
        /// What is wrong with it.
        error: String,
        /// How many there are besides.
        others: usize,
    },
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => "; 1 more line is wrong".to_owned(),
        _ => format!("; {others} more lines are wrong"),
    }
}

/// The file that a crawl's proxies were read from, with all it takes to read it again.
#[derive(Clone)]
pub struct ProxiesFile {
    pub(in crate::config) path: PathBuf,
    /// As people read it.
    pub(in crate::config) name: String,
    pub(in crate::config) stamp: FileStamp,
    pub(in crate::config) scheme: Scheme,
    pub(in crate::config) environment: Environment,
    /// Proxies that the config itself lists.
    pub(in crate::config) list: Vec<Endpoint>,
}

/// The environment is full of secrets.
impl fmt::Debug for ProxiesFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProxiesFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ProxiesFile {
    /// Where it is, absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it looked like when the config was read.
    pub const fn stamp(&self) -> FileStamp {
        self.stamp
    }

    /// Reads it again: all proxies of the file and of the config's list, each once.
    ///
    /// # Errors
    /// It cannot be read, has no proxy in it, or a line that is none: then nothing of it counts.
    pub fn read(&self) -> Result<Vec<Endpoint>, RefusedFile> {
        let name = || self.name.clone();
        let text = fs::read_to_string(&self.path).map_err(|error| RefusedFile::Unreadable { name: name(), error })?;
        let Entries { found, errors } = entries(&text, self.scheme, &self.environment);
        if let Some((line, error)) = errors.first() {
            let (error, others) = (error.to_string(), errors.len() - 1);
            return Err(RefusedFile::Line { name: name(), line: *line, error, others });
        }
        if found.is_empty() {
            return Err(RefusedFile::Empty { name: name() });
        }
        let endpoints = found.into_iter().map(|entry| entry.endpoint).chain(self.list.iter().cloned());
        Ok(distinct(endpoints.collect()).0)
    }
}

#[cfg(test)]
mod tests;
