//! `burdock export`: the records of a run once more, from its store, as a feed would have them; also while it runs.
//!
//! In come a config and a form; out go records, to stdout or a new file. What is committed after the start is not waited for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::stored::{Stored, find_stage, flushed, stdout, store_refused, written};
use super::{ConfigArgs, complain, note};
use crate::config::{Compress, Feed, FeedKind, IfExists, MetaColumn, STDOUT};
use crate::crawl::shapes::{Fitting, Shapes};
use crate::exit::ExitCode;
use crate::extract::Recipe;
use crate::frontier::sqlite::{StoreReader, Survey};
use crate::frontier::{FrontierError, RecordReader};
use crate::record::Seq;
use crate::sink::Export;
use crate::telemetry::shown::count;

/// Records that are read in one look at the store.
const STEP: usize = 1000;

/// The arguments of `burdock export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Only the records of this stage
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// The form; its columns are those of the config's first feed of that kind
    #[arg(long, value_enum, default_value = "jsonl")]
    pub kind: Kind,
    /// Write to a new file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A form of lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// A JSON object a line
    Jsonl,
    /// Comma-separated values with a header
    Csv,
}

/// Where the records come from.
struct Source {
    reader: StoreReader,
    fitting: Fitting,
}

/// Why the records did not all get out.
enum Broken {
    Store(FrontierError),
    Out(io::Error),
}

/// Writes the records.
pub(super) fn export(args: &ExportArgs) -> ExitCode {
    match perform(args) {
        Ok(()) => ExitCode::Complete,
        Err(code) => code,
    }
}

fn perform(args: &ExportArgs) -> Result<(), ExitCode> {
    let stored = Stored::find(&args.config)?;
    let feed = form(args, &stored)?;
    let unusable = |error: &dyn std::fmt::Display| {
        complain(error, "mend that in the config");
        ExitCode::Usage
    };
    let recipe = Recipe::compile(&stored.settings.stages).map_err(|error| unusable(&error))?;
    let export = Export::new(&feed, &recipe).map_err(|error| unusable(&error))?;
    let source = Source { reader: stored.reader()?, fitting: fitting(&stored)? };
    let (outcome, to) = match &args.out {
        None => (write(&export, source, stdout()), "stdout".to_owned()),
        Some(path) => {
            let file = create(path)?;
            let outcome = write(&export, source, BufWriter::new(file));
            if outcome.is_err() {
                // It was made here; half of the records are not what was asked for.
                let _ = fs::remove_file(path);
            }
            (outcome, path.display().to_string())
        }
    };
    match outcome {
        Ok(records) => note(format_args!("{} records written to {to}", count(records))),
        Err(Broken::Store(error)) => return Err(store_refused(&error)),
        Err(Broken::Out(error)) => written(Err(error), &to)?,
    }
    Ok(())
}

/// The feed whose form the records take.
fn form(args: &ExportArgs, stored: &Stored) -> Result<Feed, ExitCode> {
    let kind = match args.kind {
        Kind::Jsonl => FeedKind::Jsonl,
        Kind::Csv => FeedKind::Csv,
    };
    let model = stored.settings.feeds.iter().find(|feed| feed.kind == kind);
    let with_fields = || stored.settings.stages.iter().filter(|stage| !stage.fields.is_empty());
    let mut stages =
        model.map_or_else(|| with_fields().map(|stage| stage.name.clone()).collect(), |feed| feed.stages.clone());
    if let Some(name) = &args.stage {
        let names: Vec<Arc<str>> = stored.settings.stages.iter().map(|stage| stage.name.as_str().into()).collect();
        find_stage(&names, name)?;
        if !with_fields().any(|stage| stage.name == *name) {
            complain(format_args!("the stage {name:?} has no fields, so it makes no records"), "name another one");
            return Err(ExitCode::Usage);
        }
        stages = vec![name.clone()];
    }
    if kind == FeedKind::Csv && stages.len() != 1 {
        complain(
            "csv has one header, so it takes the records of one stage",
            format_args!("say --stage {}", stages.join(" | ")),
        );
        return Err(ExitCode::Usage);
    }
    Ok(Feed {
        kind,
        path: args.out.clone().unwrap_or_else(|| STDOUT.into()),
        bom: model.is_some_and(|feed| feed.bom),
        compress: Compress::None,
        stages,
        meta: model.map_or_else(|| vec![MetaColumn::Url], |feed| feed.meta.clone()),
        if_exists: IfExists::Refuse,
    })
}

/// What brings the records of an older recipe into the order of the config's fields.
fn fitting(stored: &Stored) -> Result<Fitting, ExitCode> {
    let survey = Survey::open(&stored.store()).map_err(|error| store_refused(&error))?;
    let shapes = survey.as_ref().map(Shapes::of).transpose().map_err(|error| store_refused(&error))?;
    let mut shapes = shapes.unwrap_or_default();
    // The config may have been edited since: whatever is there is older.
    let _not_to_be_kept = shapes.go_on_with(&stored.settings.stages, Seq(u64::MAX - 1));
    Ok(shapes.fitting(&stored.settings.stages))
}

fn create(path: &Path) -> Result<File, ExitCode> {
    OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let help = "name a file that is not there yet, in a folder that you may write to";
        complain(format_args!("{}: {error}", path.display()), help);
        ExitCode::Usage
    })
}

/// Writes what is in the store now; how many records.
fn write(export: &Export, source: Source, mut out: impl Write) -> Result<u64, Broken> {
    let Source { mut reader, fitting } = source;
    let through = reader.overview().map_err(Broken::Store)?.through;
    out.write_all(&export.head().map_err(Broken::Out)?).map_err(Broken::Out)?;
    let (mut after, mut lines, mut line) = (Seq(0), 0, Vec::new());
    while after < through {
        let records = reader.records(after, STEP).map_err(Broken::Store)?;
        let Some(last) = records.last() else { break };
        if after == Seq(0) && records.first().is_some_and(|first| first.seq > Seq(1)) {
            note("warning: records that all feeds have were removed, and are not among these");
        }
        after = last.seq;
        for stored in records.into_iter().filter(|stored| stored.seq <= through) {
            line.clear();
            export.line(&fitting.fit(stored).record, &mut line).map_err(Broken::Out)?;
            out.write_all(&line).map_err(Broken::Out)?;
            lines += u64::from(!line.is_empty());
        }
    }
    flushed(out).map_err(Broken::Out)?;
    Ok(lines)
}
