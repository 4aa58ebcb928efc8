//! `burdock try`: one page, through one proxy or from a file, and what becomes of it.
//!
//! In come an address and a config, or none; out goes what a worker would make of the page, on stdout. Nothing is stored and
//! no link is followed. Without a config the answer itself is shown, and its title.

mod choice;
mod shown;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix::System;
use bytes::Bytes;
use clap::Args;
use url::Url;

use super::{complain, note, result};
use crate::address::canonical;
use crate::clock::Clock;
use crate::exit::ExitCode;
use crate::proxy::Route;
use crate::task::Task;
use crate::verdict::{Suspect, Verdict};
use crate::worker::{FetchParts, Probe, judge_file, lone_task, probe};

/// The arguments of `burdock try`.
#[derive(Debug, Args)]
pub struct TryArgs {
    /// The address of the page
    pub url: String,
    /// The config; ./burdock.toml if it is there, else none
    #[arg(long, value_name = "CONFIG")]
    pub config: Option<PathBuf>,
    /// Set one setting, over the config and the environment; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
    /// The stage that reads the page; by default that of the start URLs, if it is one of them, or the only one
    #[arg(long, value_name = "STAGE")]
    pub stage: Option<String>,
    /// Ask from your own address instead of through the config's first proxy
    #[arg(long, conflicts_with_all = ["proxy", "file"])]
    pub direct: bool,
    /// Which proxy of the config, by its label; without a config, a proxy as host:port
    #[arg(long, value_name = "LABEL", conflicts_with = "file")]
    pub proxy: Option<String>,
    /// Read the page from a file; nothing is fetched
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Write one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Where the page comes from.
enum Way {
    Route(Arc<Route>),
    File(Bytes),
}

/// Everything that one trial needs.
struct Trial {
    task: Task,
    way: Way,
    gap: Duration,
    parts: FetchParts,
    /// The same, but the recipe is satisfied with anything: it shows what is found on a page that falls short.
    lenient: FetchParts,
}

/// Tries a page.
pub(super) fn try_page(args: &TryArgs) -> ExitCode {
    let trial = match Trial::prepare(args) {
        Ok(trial) => trial,
        Err(code) => return code,
    };
    System::new().block_on(async {
        let probe = match trial.perform().await {
            Ok(probe) => probe,
            Err(code) => return code,
        };
        let view = shown::View::of(&trial, &probe).await;
        if args.json {
            result(format_args!("{}\n", view.json()));
        } else {
            result(view.text());
        }
        let (code, next) = ending(&probe);
        if let Some(next) = next {
            note(format_args!("help: {next}"));
        }
        code
    })
}

impl Trial {
    fn prepare(args: &TryArgs) -> Result<Self, ExitCode> {
        let url = address(&args.url)?;
        let (settings, has_config) = choice::settings(args)?;
        let way = match &args.file {
            Some(file) => Way::File(read(file)?),
            None => Way::Route(Arc::new(choice::route(args, &settings, has_config)?)),
        };
        if has_config && settings.robots.obey && matches!(way, Way::Route(_)) {
            note("note: robots.txt is not asked for here; a crawl leaves out what it bars");
        }
        let unusable = |error: anyhow::Error| usage(format_args!("{error:#}"), "mend that in the config");
        let mut parts = crate::crawl::fetch_parts(&settings, Clock::start()).map_err(unusable)?;
        let url = canonical(&url, &parts.drop_params);
        parts.scope = Arc::new(choice::scope(&settings, &url).map_err(|error| unusable(error.into()))?);
        choice::admit(&parts.scope, &url)?;
        let stage = choice::stage(args, &settings, &parts.recipe, &url)?;
        let recipe = choice::lenient(&settings).map_err(|error| unusable(error.into()))?;
        let lenient = FetchParts { recipe: Arc::new(recipe), ..parts.clone() };
        Ok(Self { task: lone_task(&url, stage), way, gap: settings.pace.delay, parts, lenient })
    }

    async fn perform(&self) -> Result<Probe, ExitCode> {
        match &self.way {
            Way::File(body) => Ok(judge_file(&self.task, body.clone(), &self.parts).await),
            Way::Route(route) => probe(Arc::clone(route), &self.task, self.gap, &self.parts).await.map_err(|reason| {
                complain(&reason, "see to [fetch] and [proxies] in the config");
                ExitCode::Usage
            }),
        }
    }

    /// The name of the stage that reads it.
    fn stage(&self) -> &str {
        self.parts.recipe.stage(self.task.stage).name()
    }

    /// How the page came: a proxy's label, `direct` or `file`.
    fn way(&self) -> Arc<str> {
        match &self.way {
            Way::Route(route) => route.label(),
            Way::File(_) => "file".into(),
        }
    }
}

fn usage(error: impl std::fmt::Display, help: impl std::fmt::Display) -> ExitCode {
    complain(error, help);
    ExitCode::Usage
}

fn address(text: &str) -> Result<Url, ExitCode> {
    let help = "write http:// or https:// and a host";
    let url = Url::parse(text).map_err(|error| usage(format_args!("the page's address: {error}"), help))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(usage(format_args!("the page's address has the scheme {}", url.scheme()), help));
    }
    Ok(url)
}

fn read(file: &Path) -> Result<Bytes, ExitCode> {
    let help = "it is a page as it was saved";
    let read = std::fs::read(file).map(Bytes::from);
    read.map_err(|error| usage(format_args!("cannot read {}: {error}", file.display()), help))
}

/// The exit code, and what to do next where it is not 0: 4 if the proxy is to blame, 3 if there is an answer but not the
/// page that is wanted, 1 if there is none or we are to blame.
fn ending(probe: &Probe) -> (ExitCode, Option<&'static str>) {
    match (&probe.verdict, probe.verdict.suspect()) {
        (Verdict::Done, _) => (ExitCode::Complete, None),
        (_, Suspect::Proxy) => {
            (ExitCode::NoProxy, Some("try another one with --proxy; burdock check --proxies tries all"))
        }
        (_, Suspect::Us) => (ExitCode::Unexpected, Some("this is a bug of ours: please report it with the page")),
        (Verdict::Banned(_) | Verdict::Throttled { .. }, _) => {
            (ExitCode::DeadLetters, Some("the site does not want this proxy now: try another one with --proxy"))
        }
        (verdict, _) if verdict.reason().is_some_and(|reason| reason.code == "tls.untrusted") => (
            ExitCode::Unexpected,
            Some("name the site's authority in fetch.ca_file, or else distrust the proxy: try another one"),
        ),
        _ if probe.seen.is_some() || probe.meters.status.is_some() => (
            ExitCode::DeadLetters,
            Some("look at the page and its stage; another proxy (--proxy) may get another page"),
        ),
        _ => (
            ExitCode::Unexpected,
            Some("try another proxy (--proxy), or --direct to see whether the site answers at all"),
        ),
    }
}
