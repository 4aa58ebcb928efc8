//! The start file, checked: read through once, a row at a time, before anything is fetched.
//!
//! Its path comes in; problems with their lines go out, and warnings about rows that repeat others and about meta that no row
//! has. The rows are not kept: the crawl reads them again as it needs them.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hasher;
use std::path::Path;

use siphasher::sip::SipHasher13;
use url::Url;

use super::merged::Merged;
use super::origin::Origin;
use super::problem::{Place, suggestion};
use super::starts::{fit, shown};
use super::{Crawl, Fetch, Stage};
use crate::address::{DropParams, OpenError, RowError, StartFile, StartFileError, StartFormat, StartRow, canonical};
use crate::extract::{Selector, Source};

/// Bad lines that are listed one by one.
const LISTED: usize = 10;

/// What is known after so many rows.
struct Reading<'a> {
    fetch: &'a Fetch,
    start_stage: &'a str,
    stages: &'a [Stage],
    drop_params: DropParams,
    /// Tasks, by a fingerprint: two of ten million are taken for one by chance with a probability of 3 in a million.
    seen: HashSet<u64>,
    repeats: u64,
    first_repeat: u64,
    /// Names that fields take from meta and no row has had yet, and one of those fields each.
    wanted: BTreeMap<String, String>,
    bad: usize,
}

impl<'a> Reading<'a> {
    fn new(crawl: &'a Crawl, fetch: &'a Fetch, stages: &'a [Stage]) -> Self {
        Self {
            fetch,
            start_stage: &crawl.start_stage,
            stages,
            drop_params: DropParams::new(&crawl.drop_params),
            seen: HashSet::new(),
            repeats: 0,
            first_repeat: 0,
            wanted: names_from_meta(stages),
            bad: 0,
        }
    }

    /// Takes note of a row; what is wrong with it, and what to do, is given back.
    fn row(&mut self, row: &StartRow) -> Result<(), (String, String)> {
        let url = fit(&row.url, self.fetch).map_err(|unfit| {
            let (message, help) = unfit.explained(&shown(&row.url));
            (message, help.to_owned())
        })?;
        if let Some(stage) = &row.stage {
            self.known(stage)?;
        }
        let stage = row.stage.as_deref().unwrap_or(self.start_stage);
        if !self.seen.insert(fingerprint(stage, &canonical(&url, &self.drop_params))) {
            self.repeats += 1;
            if self.repeats == 1 {
                self.first_repeat = row.line;
            }
        }
        if !self.wanted.is_empty() {
            self.wanted.retain(|name, _| !row.meta.contains_key(name));
        }
        Ok(())
    }

    fn known(&self, stage: &str) -> Result<(), (String, String)> {
        let names: Vec<_> = self.stages.iter().map(|stage| stage.name.as_str()).collect();
        if names.contains(&stage) {
            return Ok(());
        }
        let all = || format!("the stages are {}", names.join(", "));
        Err((format!("unknown stage {stage:?}"), suggestion(stage, names.iter().copied()).unwrap_or_else(all)))
    }
}

/// What tells one start from another; within one reading, so that no key is needed.
fn fingerprint(stage: &str, url: &Url) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(stage.as_bytes());
    hasher.write_u8(0xff);
    hasher.write(url.as_str().as_bytes());
    hasher.finish()
}

/// The names that fields take from meta, each with one of the fields.
fn names_from_meta(stages: &[Stage]) -> BTreeMap<String, String> {
    let fields = stages.iter().flat_map(|stage| stage.fields.iter().map(move |field| (&stage.name, field)));
    let named = fields.filter_map(|(stage, field)| match Selector::parse(&field.select).ok()?.source() {
        Source::Meta(name) => Some((name.to_string(), format!("stage.{stage}.fields.{}", field.name))),
        Source::Css(_) | Source::Json(_) | Source::Const(_) => None,
    });
    named.collect()
}

impl Merged<'_> {
    /// Complains about rows that cannot be used, the first ten with their lines, and where there is none.
    pub(super) fn check_start_file(&mut self, file: &Path, crawl: &Crawl, fetch: &Fetch, stages: &[Stage]) {
        let name = self.near(Some(file));
        let rows = match StartFile::open(file) {
            Ok(rows) => rows,
            Err(error) => return self.cannot_open(&name, file, &error),
        };
        let mut reading = Reading::new(crawl, fetch, stages);
        for row in rows {
            let (line, (message, help)) = match row {
                Ok(row) => match reading.row(&row) {
                    Ok(()) => continue,
                    Err(fault) => (row.line, fault),
                },
                Err(error) => (error.line(), (error.to_string(), help(&error).to_owned())),
            };
            reading.bad += 1;
            if reading.bad <= LISTED {
                let line = usize::try_from(line).unwrap_or(usize::MAX);
                self.fault_at(Origin::File { name: name.clone(), line }.into(), message, help);
            }
        }
        self.conclude(&name, file, crawl, &reading);
    }

    fn cannot_open(&mut self, name: &str, file: &Path, error: &OpenError) {
        let described = StartFormat::of(file).map_or("", StartFormat::described);
        let (message, help) = match error {
            OpenError::Io(error) => (format!("cannot read crawl.start_file {name}: {error}"), described),
            OpenError::Kind => {
                (format!("crawl.start_file {name}: {error}"), "the ending says how it is read; .txt has a URL a line")
            }
            OpenError::NoUrlColumn(_) | OpenError::Unnamed(_) | OpenError::Twice(_) => {
                let message = format!("crawl.start_file {name}: {error}");
                (message, "columns are separated by commas; one is called url, one may be called stage")
            }
        };
        self.fault("crawl.start_file", message, help);
    }

    fn conclude(&mut self, name: &str, file: &Path, crawl: &Crawl, reading: &Reading<'_>) {
        if reading.bad > LISTED {
            let message = format!("{} more lines that cannot be used", reading.bad - LISTED);
            self.fault_at(Place::In(name.to_owned()), message, "");
        }
        if reading.bad > 0 {
            return;
        }
        if reading.seen.is_empty() {
            if crawl.start.is_empty() && !self.is_broken("crawl.start") {
                let help = StartFormat::of(file).map_or("", StartFormat::described);
                self.fault("crawl.start_file", format!("there is no start URL in {name}"), help);
            }
            return;
        }
        if reading.repeats > 0 {
            let (rows, first) = (counted(reading.repeats), reading.first_repeat);
            self.warnings.push(format!("{name}: {rows} the stage and URL of an earlier one, from line {first} on"));
        }
        for (key, field) in &reading.wanted {
            self.warnings.push(format!("{name}: no row has {key:?}, which {field} takes from it"));
        }
    }
}

fn counted(repeats: u64) -> String {
    if repeats == 1 { "1 row repeats".to_owned() } else { format!("{repeats} rows repeat") }
}

fn help(error: &StartFileError) -> &'static str {
    match error {
        StartFileError::Row { error, .. } => match error {
            RowError::NotUtf8 => "save the file as UTF-8",
            RowError::NoUrl => "give it one, or take the row out",
            RowError::NotText("url") => "write \"url\": \"https://…\"",
            RowError::NotText(_) => "write \"stage\": and the name of a stage in quotes, or leave it out",
            RowError::Width { .. } => "put values that hold a comma, a quote or a line break in \"quotes\"",
            RowError::Unclosed => "close it; a quote inside quotes is written twice",
            RowError::NotJson { .. } | RowError::NoObject => "write an object a line: {\"url\": \"https://…\"}",
        },
        StartFileError::Unreadable { .. } => "",
    }
}
