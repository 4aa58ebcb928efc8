//! `burdock run`: a crawl from its config to its exit code.
//!
//! In come settings; out go a run folder, a log, a report, and the last lines on stderr. Between start and end stands a crawl,
//! which is given from outside: what it does is not known here.

use std::path::Path;
use std::sync::Arc;

use actix::System;
use clap::Args;

use super::{ConfigArgs, complain, note};
use crate::clock::{Clock, Timestamp};
use crate::config::{FrontierKind, Settings, opening_line};
use crate::crawl::resume::{Change, Plan, ResumeError};
use crate::dispatcher::notice::Ending;
use crate::exit::ExitCode;
use crate::frontier::FrontierError;
use crate::run_folder::{Changes, Existing, FolderError, Opened, RunFolder, STORE, Source};
use crate::telemetry::log::{Form, LogGuard};
use crate::telemetry::{self, Names, Places, Report, Run, Tally, say, summary};

/// The arguments of `burdock run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Begin anew: the run's old folder is moved aside
    #[arg(long)]
    pub fresh: bool,
    /// Go on with a run although its config has changed; pages that are done keep their records
    #[arg(long, conflicts_with = "fresh")]
    pub accept_changes: bool,
}

/// What a crawl is given besides its settings.
#[derive(Debug)]
pub struct Surroundings<'a> {
    /// Where its files lie.
    pub folder: &'a RunFolder,
    /// How it goes on, if it was begun before.
    pub resuming: Option<Plan>,
    /// The names behind its numbers.
    pub names: Arc<Names>,
    /// The clock that the log goes by.
    pub clock: Clock,
    /// The log, to be flushed before a process that leaves at once.
    pub log: &'a LogGuard,
}

/// What a crawl leaves.
#[derive(Debug)]
pub struct Crawled {
    /// How it ended.
    pub ending: Ending,
    /// What was counted.
    pub tally: Tally,
}

/// Runs the command.
pub(super) fn run(args: &RunArgs) -> ExitCode {
    let (path, loaded) = match super::load(&args.config) {
        Ok(loaded) => loaded,
        Err(code) => return code,
    };
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let opening = opening_line(&loaded.settings);
    let existing = match loaded.settings.frontier.kind {
        _ if args.fresh => Existing::MoveAside,
        FrontierKind::Memory => Existing::Keep,
        FrontierKind::Sqlite if args.accept_changes => Existing::Continue(Changes::Accept),
        FrontierKind::Sqlite => Existing::Continue(Changes::Refuse),
    };
    conduct(loaded.settings, &Source::new(path, &text), &opening, existing, |settings, around| {
        System::new().block_on(crawl(settings, around))
    })
}

/// Crawls on the actix system of the caller.
pub(super) async fn crawl(settings: Settings, around: Surroundings<'_>) -> anyhow::Result<Crawled> {
    let flush = around.log.flusher();
    let surroundings = crate::crawl::Surroundings {
        resuming: around.resuming,
        names: Arc::clone(&around.names),
        clock: around.clock,
        fingerprint_key: around.folder.manifest().fingerprint_key(),
        view: around.log.view().cloned(),
        leave: Box::new(move |signal| {
            flush();
            let code = ExitCode::of(&Ending::Interrupted(signal), 0);
            std::process::exit(code.code().into());
        }),
    };
    let ended = crate::crawl::run(settings, surroundings).await?;
    Ok(Crawled { ending: ended.ending, tally: ended.tally })
}

/// Opens the run's folder and its log, lets `crawl` crawl, and reports. `opening` is said first; `source` is the config that
/// the settings come from. An error of `crawl` means that nothing was crawled: the config asks for what cannot be had.
pub fn conduct(
    settings: Settings,
    source: &Source,
    opening: &str,
    existing: Existing,
    crawl: impl FnOnce(Settings, Surroundings<'_>) -> anyhow::Result<Crawled>,
) -> ExitCode {
    let clock = Clock::start();
    let name = settings.crawl.name.clone();
    let (folder, resuming) = match enter(&settings, source, existing, clock.now()) {
        Ok(entered) => entered,
        Err(code) => return code,
    };
    let id = folder.manifest().id.clone();
    let durable = settings.frontier.kind == FrontierKind::Sqlite;
    let run =
        Run { durable, id, name, config: source.path.clone(), places: Places::of(&settings, folder.report_path()) };
    let log = match telemetry::init(&settings.log, &run.id, clock) {
        Ok(log) => log,
        Err(error) => return not_begun(&folder, &error.into()),
    };
    say::started(opening, &run.places);
    let names = Arc::new(Names::of(&settings));
    match crawl(settings, Surroundings { folder: &folder, resuming, names, clock, log: &log }) {
        Ok(Crawled { ending, mut tally }) => close(&folder, log, &tally.report(&run, &ending, clock.now())),
        Err(error) => {
            drop(log);
            not_begun(&folder, &error)
        }
    }
}

/// The folder of the run, and how it goes on if it was begun before; or the exit code, if there is nothing to do or it cannot be
/// entered.
fn enter(
    settings: &Settings,
    source: &Source,
    existing: Existing,
    now: Timestamp,
) -> Result<(RunFolder, Option<Plan>), ExitCode> {
    let (name, mut rng) = (&settings.crawl.name, fastrand::Rng::new());
    let opened = RunFolder::open(&settings.run_dir(), name, source, existing, now, &mut rng);
    let (folder, complete) = match opened.map_err(|error| refused(&error))? {
        Opened::New(folder) => return Ok((folder, None)),
        Opened::Finished { exit_code, report } => return Err(finished(name, exit_code, &report, &[])),
        Opened::Begun { folder, complete } => (folder, complete),
    };
    let store = folder.path().join(STORE);
    if !store.exists() {
        folder.check_kept_in_memory().map_err(|error| refused(&error))?;
    }
    let unusable = |error: ResumeError| {
        complain(&error, error.help());
        ExitCode::Usage
    };
    let plan = Plan::new(settings, folder.manifest().fingerprint_key(), &store).map_err(unusable)?;
    match complete {
        Some(exit_code) if !store.exists() || !plan.has_work() => {
            Err(finished(name, exit_code, &folder.report_path(), plan.changes()))
        }
        _ => match existing {
            Existing::Continue(changes) => Ok((folder, Some(plan.allowed(changes).map_err(unusable)?))),
            Existing::Keep | Existing::MoveAside => Ok((folder, Some(plan))),
        },
    }
}

fn finished(name: &str, exit_code: ExitCode, report: &Path, changes: &[Change]) -> ExitCode {
    note(format_args!("{name} is finished, with exit code {}: nothing is crawled", exit_code.code()));
    for change in changes {
        note(format_args!("  since then {change}"));
    }
    note(format_args!("  report    {}", report.display()));
    note("  next      begin anew with --fresh, which moves the old folder aside");
    exit_code
}

/// Writes the report, says the end, closes the log, and shows the summary where people read.
fn close(folder: &RunFolder, log: LogGuard, report: &Report) -> ExitCode {
    for difference in &report.discrepancies {
        say::inconsistent(difference);
    }
    let written = folder.write_report(report);
    say::finished(report);
    let form = log.form();
    drop(log);
    if form == Form::Text {
        for line in summary::lines(report) {
            note(line);
        }
    }
    match written {
        Ok(()) => report.exit_code,
        Err(error) => {
            let code = refused(&error);
            if report.exit_code == ExitCode::Complete { code } else { report.exit_code }
        }
    }
}

fn refused(error: &FolderError) -> ExitCode {
    complain(error, error.help());
    error.exit_code()
}

/// An error with its causes, each said once: most errors have what caused them in their own words already.
fn chained(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.ends_with(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

fn not_begun(folder: &RunFolder, error: &anyhow::Error) -> ExitCode {
    let (help, code) = match error.downcast_ref() {
        Some(FrontierError::Store(error)) if error.is_of_the_file() => (error.help(), ExitCode::Usage),
        Some(FrontierError::Store(error)) => (error.help(), ExitCode::Unexpected),
        Some(FrontierError::Seeds(_)) | None => ("mend that and start again: nothing was crawled", ExitCode::Usage),
    };
    complain(chained(error), help);
    if let Err(error) = folder.never_began(&error.to_string()) {
        note(format_args!("warning: {error}"));
    }
    code
}
