//! `burdock demo`: the whole thing offline, in one process: a practice site, practice proxies, a crawl, and a check of its
//! records against the truth.
//!
//! In comes nothing; out goes the verdict on stdout, and a new folder below `runs` with records, log and report.

use std::path::Path;

use actix::System;

use super::run::{conduct, crawl};
use super::{complain, note, result, variables};
use crate::clock::Clock;
use crate::config::{self, Loaded, Settings, opening_line};
use crate::demo::{self, Demo};
use crate::exit::ExitCode;
use crate::run_folder::{Existing, Source};

/// What errors in the demo's config are named after.
const NAME: &str = "config/demo.toml";

/// Runs the demo.
pub(super) fn demo() -> ExitCode {
    match prepare() {
        Ok((system, demo, loaded)) => perform(&system, &demo, loaded.settings),
        Err(error) => {
            complain(
                format_args!("{error:#}"),
                "the demo needs a free port on 127.0.0.1 and a folder that it can write",
            );
            ExitCode::Unexpected
        }
    }
}

fn prepare() -> anyhow::Result<(actix::SystemRunner, Demo, Loaded)> {
    let here = std::env::current_dir()?;
    let system = System::new();
    let demo = system.block_on(Demo::start(&here.join("runs"), Clock::start().now()))?;
    let environment =
        demo.environment().into_iter().chain(variables().filter(|(name, _)| !name.starts_with("BURDOCK_")));
    let loaded = config::load_text(NAME, demo::CONFIG, &here, &[], environment, &here)?;
    Ok((system, demo, loaded))
}

/// Crawls, then holds the records against the truth.
fn perform(system: &actix::SystemRunner, demo: &Demo, settings: Settings) -> ExitCode {
    let feed = settings.feeds.first().map(|feed| feed.path.clone()).unwrap_or_default();
    let (log, report) = (settings.log.file.clone(), settings.run_dir().join("report.json"));
    let source = Source::new(Path::new(NAME).to_path_buf(), demo::CONFIG);
    let opening = opening_line(&settings);
    let code = conduct(settings, &source, &opening, Existing::Keep, |settings, around| {
        system.block_on(crawl(settings, around))
    });
    let outcome = match demo.check(&feed, &log) {
        Ok(outcome) => outcome,
        Err(error) => {
            complain(error, "see what the crawl has said above");
            return ExitCode::Unexpected;
        }
    };
    result(format_args!("{outcome}\n"));
    note(format_args!("records  {}\nlog      {}\nreport   {}", feed.display(), log.display(), report.display()));
    if outcome.held() { code } else { ExitCode::Unexpected }
}
