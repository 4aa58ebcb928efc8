//! What `burdock try` goes by where the arguments leave a choice: config, proxy, stage, scope.
//!
//! In come arguments and settings; out goes one of each, or an exit code once it is said what is wrong. It fetches nothing.

use std::path::Path;

use url::Url;

use super::{TryArgs, usage};
use crate::address::{Scope, Starts, start_hosts};
use crate::cli::{ConfigArgs, note};
use crate::config::{self, Expect, Hosts, Loaded, Settings};
use crate::exit::ExitCode;
use crate::extract::{Recipe, RecipeError};
use crate::proxy::{Route, Scheme, line};
use crate::task::{Exclusion, StageId};

/// Start URLs that are looked through for the one that is tried; more would keep people waiting.
const SEARCHED: usize = 100_000;
/// Labels that are named where none fits.
const NAMED: usize = 10;
/// The config that is taken where none is named, if it is there.
const USUAL: &str = "burdock.toml";
/// What stands for a config where there is none: whatever comes is the page.
const BARE: &str = r#"
[crawl]
name = "try"
start = ["http://unused.invalid/"]
hosts = "any"
[stage.page]
expect = "none"
[stage.page.fields]
title = "title"
[proxies]
direct = true
"#;

/// The settings, and whether they are of a config.
pub(super) fn settings(args: &TryArgs) -> Result<(Settings, bool), ExitCode> {
    let config = args.config.clone().or_else(|| Path::new(USUAL).exists().then(|| USUAL.into()));
    if let Some(config) = config {
        let (_, loaded) = crate::cli::load(&ConfigArgs { config, sets: args.sets.clone() })?;
        return Ok((loaded.settings, true));
    }
    if args.stage.is_some() {
        return Err(usage("there is no config, so there are no stages", "name one with --config"));
    }
    let here = std::env::current_dir().map_err(|error| usage(error, "change to a folder that exists"))?;
    let loaded = config::load_text("burdock try", BARE, &here, &args.sets, crate::cli::variables(), &here);
    let Loaded { settings, .. } = loaded.map_err(|errors| {
        note(errors.to_string().trim_end());
        ExitCode::Usage
    })?;
    Ok((settings, false))
}

pub(super) fn route(args: &TryArgs, settings: &Settings, has_config: bool) -> Result<Route, ExitCode> {
    if args.direct {
        return Ok(Route::Direct);
    }
    match (&args.proxy, has_config) {
        (None, true) => {
            settings.routes.first().cloned().ok_or_else(|| usage("there are no proxies", "see proxies.file"))
        }
        (None, false) => {
            let help = "name a config with --config, or say --proxy host:port, or --direct for your own address";
            Err(usage("there is no config, so there is no proxy", help))
        }
        (Some(label), true) => {
            let route = settings.routes.iter().find(|route| *route.label() == **label);
            route.cloned().ok_or_else(|| {
                let labels: Vec<_> =
                    settings.routes.iter().take(NAMED).map(|route| route.label().to_string()).collect();
                let more = if settings.routes.len() > NAMED { " and more" } else { "" };
                usage("no proxy of the config has that label", format_args!("there are {}{more}", labels.join(", ")))
            })
        }
        (Some(text), false) => {
            let endpoint = line::parse(text, Scheme::Http);
            endpoint.map(Route::Proxy).map_err(|error| usage(format_args!("--proxy: {error}"), error.help()))
        }
    }
}

/// As in a crawl, but the page is as good as a start URL.
pub(super) fn scope(settings: &Settings, url: &Url) -> std::io::Result<Scope> {
    let mut hosts = start_hosts(&settings.crawl)?;
    if settings.crawl.hosts == Hosts::Start {
        hosts.extend(url.host_str().map(str::to_owned));
    }
    Ok(Scope::new(&settings.crawl.hosts, hosts, settings.fetch.allow_private))
}

pub(super) fn admit(scope: &Scope, url: &Url) -> Result<(), ExitCode> {
    match scope.admit(url) {
        Ok(()) => Ok(()),
        Err(Exclusion::PrivateAddress) => {
            Err(usage("the page has a private address", "say --set fetch.allow_private=true if you mean it"))
        }
        Err(Exclusion::ForeignHost) => {
            note("warning: a crawl would not fetch this page: its host is not one of crawl.hosts");
            Ok(())
        }
        // What robots.txt says is not known here.
        Err(Exclusion::Robots) => Ok(()),
    }
}

/// The stage that is named, else that of the start URLs if the page is one of them, else the only one.
pub(super) fn stage(args: &TryArgs, settings: &Settings, recipe: &Recipe, url: &Url) -> Result<StageId, ExitCode> {
    let names: Vec<_> = settings.stages.iter().map(|stage| stage.name.as_str()).collect();
    let name = match (&args.stage, &names[..]) {
        (Some(name), _) => name.as_str(),
        (None, [only]) => only,
        (None, _) if is_start(settings, url) => settings.crawl.start_stage.as_str(),
        (None, _) => {
            let help = format!("say which one reads it: --stage {}", names.join(" | "));
            return Err(usage("the page is no start URL, and the config has several stages", help));
        }
    };
    let unknown = || usage(format_args!("there is no stage {name:?}"), format_args!("there are {}", names.join(", ")));
    recipe.stage_id(name).ok_or_else(unknown)
}

fn is_start(settings: &Settings, url: &Url) -> bool {
    let starts = Starts::open(&settings.crawl).into_iter().flatten().take(SEARCHED);
    starts.flatten().any(|start| start.url == *url)
}

pub(super) fn lenient(settings: &Settings) -> Result<Recipe, RecipeError> {
    let mut stages = settings.stages.clone();
    for stage in &mut stages {
        stage.expect = Expect::Nothing;
        stage.fields.iter_mut().for_each(|field| field.required = false);
    }
    Recipe::compile(&stages)
}
