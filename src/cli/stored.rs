//! What the commands that look into a run have in common: its folder and its store, found by its config.
//!
//! In come the arguments that name a config; out goes the run that is there, or an exit code after what is wrong has been said.
//! Nothing is changed, and a crawl that runs meanwhile is not held up.

use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::{ConfigArgs, complain};
use crate::config::{Settings, suggestion};
use crate::exit::ExitCode;
use crate::frontier::sqlite::StoreReader;
use crate::frontier::{DeadFilter, FrontierError};
use crate::run_folder::{FolderError, Glance, RunFolder, STORE, Source};
use crate::task::StageId;

/// A run that is there.
pub(super) struct Stored {
    /// The settings of its config.
    pub(super) settings: Settings,
    /// Its config.
    pub(super) source: Source,
    /// What its folder says.
    pub(super) glance: Glance,
}

impl Stored {
    /// Finds the run of a config.
    pub(super) fn find(args: &ConfigArgs) -> Result<Self, ExitCode> {
        let (path, loaded) = super::load(args)?;
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let (settings, source) = (loaded.settings, Source::new(path, &text));
        let glance = RunFolder::look(&settings.run_dir(), &source).map_err(|error| folder_refused(&error))?;
        Ok(Self { settings, source, glance })
    }

    /// Where its store lies, if its pages are in one.
    pub(super) fn store(&self) -> PathBuf {
        self.glance.folder.join(STORE)
    }

    /// Are its pages in a store, and not in memory?
    pub(super) fn is_durable(&self) -> bool {
        self.store().exists()
    }

    /// Its store, for those that cannot do without.
    pub(super) fn reader(&self) -> Result<StoreReader, ExitCode> {
        if !self.is_durable() {
            let error = format!("the run in {} has no store: its pages are in memory", self.glance.folder.display());
            let help = format!(
                "frontier.kind = \"sqlite\" keeps them, from the start of a run on; of this one there is {}",
                self.glance.report_path().display()
            );
            complain(error, help);
            return Err(ExitCode::Usage);
        }
        let stages = self.settings.stages.iter().map(|stage| Arc::from(stage.name.as_str())).collect();
        StoreReader::open_with_all(&self.store(), stages).map_err(|error| store_refused(&error))
    }

    /// A command on it.
    pub(super) fn command(&self, name: &str) -> String {
        format!("burdock {name} {}", self.source.path.display())
    }
}

/// Which dead letters are meant.
#[derive(Debug, Args)]
pub struct Which {
    /// Only those given up on for this reason: `status.503`, or `status` for all that begin so
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Only those of this stage
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
}

impl Which {
    /// The same for a frontier with these stages.
    pub(super) fn filter(&self, stages: &[Arc<str>]) -> Result<DeadFilter, ExitCode> {
        let stage = self.stage.as_deref().map(|name| find_stage(stages, name)).transpose()?;
        Ok(DeadFilter { reason: self.reason.clone(), stage })
    }
}

/// The stage of this name.
pub(super) fn find_stage(stages: &[Arc<str>], name: &str) -> Result<StageId, ExitCode> {
    let mut known = (0..=u16::MAX).map(StageId).zip(stages);
    known.find(|(_, known)| ***known == *name).map(|(stage, _)| stage).ok_or_else(|| {
        let names = || stages.iter().map(|stage| &**stage);
        let there = || format!("there are {}", names().collect::<Vec<_>>().join(", "));
        complain(format_args!("there is no stage {name:?}"), suggestion(name, names()).unwrap_or_else(there));
        ExitCode::Usage
    })
}

/// Says why a folder cannot be used.
pub(super) fn folder_refused(error: &FolderError) -> ExitCode {
    complain(error, error.help());
    error.exit_code()
}

/// Says why a store cannot be used.
pub(super) fn store_refused(error: &FrontierError) -> ExitCode {
    let (help, code) = match error {
        FrontierError::Store(error) if error.is_of_the_file() => (error.help(), ExitCode::Usage),
        FrontierError::Store(error) => (error.help(), ExitCode::Unexpected),
        FrontierError::Seeds(_) => ("mend the start file", ExitCode::Usage),
    };
    complain(error, help);
    code
}

/// Results on their way out, many of them.
pub(super) fn stdout() -> BufWriter<io::StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Whether results could be written. That nobody reads on is no reason to fail.
pub(super) fn written(outcome: io::Result<()>, to: &str) -> Result<(), ExitCode> {
    match outcome {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format_args!("writing to {to}: {error}"), "see to its permissions and the space on its disk");
            Err(ExitCode::Unexpected)
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The end of results.
pub(super) fn flushed(mut out: impl Write) -> io::Result<()> {
    out.flush()
}
