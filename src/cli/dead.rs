//! `burdock dead`: the pages given up on, each with its reason and what was tried; also while the crawl runs.
//!
//! In come a config and which letters are meant; out go letters on stdout, oldest first: a table for people, a JSON object a
//! line for programs. The store is read in short looks.

mod shown;

use std::io::Write;

use clap::Args;

use self::shown::{Letter, Table};
use super::stored::{Stored, Which, flushed, stdout, store_refused, written};
use super::{ConfigArgs, note};
use crate::exit::ExitCode;
use crate::telemetry::shown::count;

/// Letters that are read in one look at the store.
const STEP: usize = 500;

/// The arguments of `burdock dead`.
#[derive(Debug, Args)]
pub struct DeadArgs {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Which dead letters.
    #[command(flatten)]
    pub which: Which,
    /// Write a JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// Lists dead letters.
pub(super) fn dead(args: &DeadArgs) -> ExitCode {
    match perform(args) {
        Ok(()) => ExitCode::Complete,
        Err(code) => code,
    }
}

fn perform(args: &DeadArgs) -> Result<(), ExitCode> {
    let stored = Stored::find(&args.config)?;
    let reader = stored.reader()?;
    let filter = args.which.filter(reader.stages())?;
    let (mut out, mut table) = (stdout(), Table::default());
    let (mut after, mut shown, mut passed, mut has_body) = (0, 0, 0, false);
    loop {
        let letters = reader.dead_letters_after(after, STEP).map_err(|error| store_refused(&error))?;
        let Some((last, _)) = letters.last() else { break };
        after = *last;
        let meant = letters.iter().map(|(_, letter)| letter).filter(|letter| filter.admits(letter));
        let meant: Vec<_> =
            meant.map(|letter| Letter { folder: &stored.glance.folder, stages: reader.stages(), letter }).collect();
        (shown, passed) = (shown + meant.len(), passed + letters.len() - meant.len());
        has_body |= meant.iter().any(|letter| letter.body().is_some());
        let text = if args.json { shown::lines(&meant) } else { table.rows(&meant) };
        if let Err(error) = out.write_all(text.as_bytes()) {
            return written(Err(error), "stdout");
        }
    }
    written(flushed(out), "stdout")?;
    if !args.json {
        last_word(&stored, shown, passed);
        if has_body {
            let config = stored.source.path.display();
            note(format_args!(
                "what the recipe makes of one: burdock try URL --config {config} --stage STAGE --file BODY"
            ));
        }
    }
    Ok(())
}

/// How many there were, and what can be done about them.
fn last_word(stored: &Stored, shown: usize, passed: usize) {
    let number = |number: usize| count(u64::try_from(number).unwrap_or(u64::MAX));
    match (shown, passed) {
        (0, 0) => note("no page was given up on"),
        (0, _) => note(format_args!("none of {} pages that were given up on is meant", number(passed))),
        (1, _) => note(format_args!("1 page given up on; `{}` puts it back", stored.command("retry"))),
        _ => note(format_args!("{} pages given up on; `{}` puts them back", number(shown), stored.command("retry"))),
    }
}
