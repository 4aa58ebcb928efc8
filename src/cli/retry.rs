//! `burdock retry`: dead letters put back, to be crawled again as if they had never been tried.
//!
//! In come a config and which letters are meant; out goes how many there were. The run's folder is held meanwhile, and counts as
//! unfinished from then on, so that the same command as ever crawls what was put back.

use clap::Args;

use super::run::{self, RunArgs};
use super::stored::{Stored, Which, folder_refused, store_refused};
use super::{ConfigArgs, complain, result};
use crate::clock::Clock;
use crate::config::FrontierKind;
use crate::exit::ExitCode;
use crate::frontier::DeadFilter;
use crate::frontier::sqlite::{DeadCount, StoreReader};
use crate::run_folder::RunFolder;
use crate::task::StageId;
use crate::telemetry::shown::count;

/// The arguments of `burdock retry`.
#[derive(Debug, Args)]
pub struct RetryArgs {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which dead letters.
    #[command(flatten)]
    pub which: Which,
    /// Crawl right after
    #[arg(long)]
    pub run: bool,
}

/// Puts dead letters back.
pub(super) fn retry(args: &RetryArgs) -> ExitCode {
    match put_back(args) {
        Err(code) => code,
        Ok(0) => ExitCode::Complete,
        Ok(_) if args.run => {
            let ConfigArgs { config, sets } = &args.config;
            run::run(&RunArgs {
                config: ConfigArgs { config: config.clone(), sets: sets.clone() },
                fresh: false,
                accept_changes: false,
            })
        }
        Ok(_) => ExitCode::Complete,
    }
}

/// How many were put back.
fn put_back(args: &RetryArgs) -> Result<u64, ExitCode> {
    let stored = Stored::find(&args.config)?;
    // First of all: while it is held, nobody crawls, and what is counted stays so.
    let mut folder = RunFolder::hold(&stored.glance.folder, &stored.source).map_err(|error| folder_refused(&error))?;
    if stored.settings.frontier.kind == FrontierKind::Memory && stored.is_durable() {
        let help = "say --set frontier.kind=sqlite here and to burdock run, if that is what the run was begun with";
        complain("the config keeps pages in memory, where nothing can be put back", help);
        return Err(ExitCode::Usage);
    }
    let reader = stored.reader()?;
    let filter = args.which.filter(reader.stages())?;
    if meant(&reader, &filter)? == 0 {
        return Ok(0);
    }
    let stages = reader.stages().to_vec();
    // Whoever reads on keeps the store's log from being written back at the end.
    drop(reader);
    // Before the store: a run that is taken for unfinished without need just ends again.
    folder.reopen(Clock::start().now()).map_err(|error| folder_refused(&error))?;
    let key = folder.manifest().fingerprint_key();
    let put = crate::crawl::put_back(&stored.store(), stages, key, &filter).map_err(|error| store_refused(&error))?;
    let next = if args.run { String::new() } else { format!("; crawl them with `{}`", stored.command("run")) };
    result(format_args!("{} put back{next}\n", pages(put)));
    Ok(put)
}

/// How many dead letters are meant; says so if there is none.
fn meant(reader: &StoreReader, filter: &DeadFilter) -> Result<u64, ExitCode> {
    let dead = reader.overview().map_err(|error| store_refused(&error))?.dead;
    let is_meant = |dead: &&DeadCount| {
        let stage = (0..=u16::MAX).map(StageId).zip(reader.stages()).find(|(_, name)| **name == dead.stage);
        stage.is_some_and(|(stage, _)| filter.means(&dead.code, stage))
    };
    let there: u64 = dead.iter().filter(is_meant).map(|dead| dead.count).sum();
    if there == 0 {
        let others: Vec<_> =
            dead.iter().map(|dead| format!("{} {} ({})", count(dead.count), dead.code, dead.stage)).collect();
        let others = if others.is_empty() {
            "no page was given up on".to_owned()
        } else {
            format!("there are {}", others.join(", "))
        };
        result(format_args!("nothing to put back: {others}\n"));
    }
    Ok(there)
}

fn pages(number: u64) -> String {
    if number == 1 { "1 page".to_owned() } else { format!("{} pages", count(number)) }
}
