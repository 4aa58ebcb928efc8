//! `burdock check`: everything that a crawl would read, read; and, where asked for, each proxy tried once.
//!
//! In comes a config; out go its start URLs, counted, and what the settings allow, on stdout. Nothing is crawled or stored,
//! and no run folder is touched.

mod exits;
mod good;
mod proxies;
mod starts;
mod table;

use std::path::PathBuf;
use std::sync::Arc;

use actix::System;
use clap::Args;
use serde_json::json;
use url::Url;

use self::proxies::{Target, Tried};
use self::starts::Counted;
use super::{ConfigArgs, complain, note, result};
use crate::clock::Clock;
use crate::config::{Loaded, opening_line};
use crate::exit::ExitCode;
use crate::sink::FeedPlan;
use crate::telemetry::shown::count;
use crate::worker::FetchParts;

/// The arguments of `burdock check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Which config.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Try each proxy once, with the first start URL
    #[arg(long)]
    pub proxies: bool,
    /// Try them with this page instead; best one that tells the address that it is asked from
    #[arg(long, value_name = "URL", requires = "proxies")]
    pub exit_url: Option<Url>,
    /// Write the lines of the usable proxies to a file, passwords included; only you may read it
    #[arg(long, value_name = "FILE", requires = "proxies")]
    pub write: Option<PathBuf>,
    /// Write one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Checks a config.
pub(super) fn check(args: &CheckArgs) -> ExitCode {
    match perform(args) {
        Ok(code) | Err(code) => code,
    }
}

fn perform(args: &CheckArgs) -> Result<ExitCode, ExitCode> {
    let (_, loaded) = super::load(&args.config)?;
    let unusable = |error: anyhow::Error| usage(&format!("{error:#}"), "mend that in the config");
    let parts = crate::crawl::fetch_parts(&loaded.settings, Clock::start()).map_err(unusable)?;
    FeedPlan::new(&loaded.settings.feeds, &parts.recipe).map_err(|error| unusable(error.into()))?;
    let counted = starts::count(&loaded.settings.crawl, &parts.scope).map_err(|error| unusable(error.into()))?;
    let ceiling = opening_line(&loaded.settings);
    if !args.json {
        result(format_args!("{}: {counted}\n{ceiling}\n", loaded.settings.crawl.name));
    }
    let tried = if args.proxies { Some(try_proxies(args, &loaded, &counted, parts)?) } else { None };
    if args.json {
        result(format_args!("{}\n", whole(&loaded, &counted, &ceiling, tried.as_deref())));
    }
    match tried {
        Some(tried) => conclude(args, &loaded, &tried),
        None => Ok(ExitCode::Complete),
    }
}

fn try_proxies(
    args: &CheckArgs,
    loaded: &Loaded,
    counted: &Counted,
    parts: FetchParts,
) -> Result<Vec<Tried>, ExitCode> {
    let settings = &loaded.settings;
    if settings.proxies.direct {
        return Err(usage("there is no proxy to try: proxies.direct = true", "leave out --proxies, or name proxies"));
    }
    if let Some(file) = &args.write {
        good::refuse_the_source(file, loaded.proxies_file.as_deref())
            .map_err(|error| usage(&error.to_string(), "write to another file"))?;
    }
    let target = match &args.exit_url {
        Some(url) => Target::page(url, parts, settings.fetch.allow_private),
        None => Target::start(counted.first.as_ref(), &settings.crawl.start_stage, parts),
    };
    let target = target.map_err(|error| usage(&error.to_string(), error.help()))?;
    let routes = settings.routes.iter().cloned().map(Arc::new).collect();
    let tried = System::new().block_on(proxies::try_all(routes, &target, settings.pace.delay));
    if !args.json {
        result(table::of(&tried));
    }
    Ok(tried)
}

/// The usable proxies written down, and the exit code.
fn conclude(args: &CheckArgs, loaded: &Loaded, tried: &[Tried]) -> Result<ExitCode, ExitCode> {
    let usable: Vec<_> = tried.iter().enumerate().filter(|(_, tried)| tried.is_usable()).map(|(at, _)| at).collect();
    if usable.is_empty() {
        let commonest = proxies::commonest(tried).map_or_else(String::new, |reason| format!("; most say: {reason}"));
        let help = "see each one's reason above; burdock try shows one page whole";
        complain(format_args!("none of {} proxies is usable{commonest}", count_of(tried)), help);
        return Ok(ExitCode::NoProxy);
    }
    if let Some(file) = &args.write {
        let lines = usable.iter().filter_map(|at| loaded.proxy_lines.get(*at));
        good::write(file, lines).map_err(|error| {
            complain(format_args!("cannot write {}: {error}", file.display()), "see to the path and its permissions");
            ExitCode::Unexpected
        })?;
        note(format_args!("{} usable proxies written to {}", usable.len(), file.display()));
    }
    Ok(ExitCode::Complete)
}

fn count_of(tried: &[Tried]) -> String {
    count(u64::try_from(tried.len()).unwrap_or(u64::MAX))
}

fn whole(loaded: &Loaded, counted: &Counted, ceiling: &str, tried: Option<&[Tried]>) -> serde_json::Value {
    let settings = &loaded.settings;
    let proxies = if settings.proxies.direct { 0 } else { settings.routes.len() };
    json!({
        "name": settings.crawl.name,
        "starts": counted.json(),
        "stages": settings.stages.iter().map(|stage| &stage.name).collect::<Vec<_>>(),
        "workers": settings.worker_count(),
        "proxies": proxies,
        "direct": settings.proxies.direct,
        "ceiling": ceiling,
        "warnings": loaded.warnings,
        "usable": tried.map(|tried| tried.iter().filter(|tried| tried.is_usable()).count()),
        "tried": tried.map(table::json),
    })
}

fn usage(error: &str, help: &str) -> ExitCode {
    complain(error, help);
    ExitCode::Usage
}
