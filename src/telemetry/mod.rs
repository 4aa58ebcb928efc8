//! What is said about a run: the log while it goes on, the tally that is kept of it, the report at its end.
//!
//! In come the Desk's notices and what commits did; out go log lines (`say`, `log`), heartbeats and `report.json` (`tally`,
//! `report`). Nothing is decided here, and nothing here knows an actor: the dispatcher's shell owns an [`Observer`].

pub mod line;
pub mod log;
pub mod observer;
pub mod panics;
pub mod progress;
pub mod repeats;
pub mod report;
pub mod say;
pub mod shown;
pub mod summary;
pub mod tally;

#[cfg(test)]
mod fixtures;

use std::path::PathBuf;
use std::sync::Arc;

pub use log::{LogError, LogGuard, init};
pub use observer::Observer;
pub use report::{Report, Run};
pub use shown::url_shown;
pub use tally::Tally;

use crate::config::Settings;
use crate::proxy::{ProxyId, Route};
use crate::task::StageId;

/// The names behind the numbers in notices.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// The label of each proxy.
    pub proxies: Vec<Arc<str>>,
    /// The name of each stage.
    pub stages: Vec<Arc<str>>,
    /// The fields of each stage, in the order of a record's values.
    pub fields: Vec<Vec<Arc<str>>>,
}

impl Names {
    /// The names that a config gives.
    pub fn of(settings: &Settings) -> Self {
        let fields =
            |stage: &crate::config::Stage| stage.fields.iter().map(|field| field.name.as_str().into()).collect();
        Self {
            proxies: settings.routes.iter().map(Route::label).collect(),
            stages: settings.stages.iter().map(|stage| stage.name.as_str().into()).collect(),
            fields: settings.stages.iter().map(fields).collect(),
        }
    }

    /// A proxy is new, or back.
    pub fn name(&mut self, id: ProxyId, label: &Arc<str>) {
        let at = usize::try_from(id.0).unwrap_or(usize::MAX);
        if at >= self.proxies.len() {
            self.proxies.resize(at + 1, "".into());
        }
        self.proxies[at] = Arc::clone(label);
    }

    /// A proxy's label.
    pub fn proxy(&self, id: ProxyId) -> &str {
        usize::try_from(id.0).ok().and_then(|at| self.proxies.get(at)).map_or("unknown", |label| label)
    }

    /// A stage's name.
    pub fn stage(&self, id: StageId) -> &str {
        if id.is_robots() {
            return "robots.txt";
        }
        self.stages.get(usize::from(id.0)).map_or("unknown", |name| name)
    }
}

/// Where a run's files lie; all absolute.
#[derive(Clone, Debug)]
pub struct Places {
    /// The feeds.
    pub feeds: Vec<PathBuf>,
    /// The log file.
    pub log: PathBuf,
    /// The report.
    pub report: PathBuf,
}

impl Places {
    /// The files of a run with these settings, whose report is `report`.
    pub fn of(settings: &Settings, report: PathBuf) -> Self {
        Self {
            feeds: settings.feeds.iter().map(|feed| feed.path.clone()).collect(),
            log: settings.log.file.clone(),
            report,
        }
    }
}
