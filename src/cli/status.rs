//! `burdock status`: what a run holds and how far it is, also while it runs.
//!
//! In comes a config; out goes what its run's folder and store say, on stdout. Both are only looked at.

mod shown;

use clap::Args;

use super::stored::{Stored, store_refused};
use super::{ConfigArgs, result};
use crate::exit::ExitCode;
use crate::frontier::sqlite::{Overview, StageTasks};

/// The arguments of `burdock status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Write one JSON object
    #[arg(long)]
    pub json: bool,
}

/// What is known of a run.
struct Standing {
    stored: Stored,
    /// Nothing, if its pages are in memory.
    holdings: Option<Holdings>,
}

/// What a store holds.
struct Holdings {
    overview: Overview,
    stages: Vec<StageTasks>,
}

/// Shows how a run stands.
pub(super) fn status(args: &StatusArgs) -> ExitCode {
    match Standing::of(args) {
        Ok(standing) if args.json => result(format_args!("{}\n", standing.json())),
        Ok(standing) => result(standing.text()),
        Err(code) => return code,
    }
    ExitCode::Complete
}

impl Standing {
    fn of(args: &StatusArgs) -> Result<Self, ExitCode> {
        let stored = Stored::find(&args.config)?;
        if !stored.is_durable() {
            return Ok(Self { stored, holdings: None });
        }
        let reader = stored.reader()?;
        let read = || Ok(Holdings { overview: reader.overview()?, stages: reader.by_stage()? });
        let holdings = read().map_err(|error| store_refused(&error))?;
        Ok(Self { stored, holdings: Some(holdings) })
    }
}
