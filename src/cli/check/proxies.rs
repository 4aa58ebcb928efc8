//! Proxies on trial: each is asked for one page, through the crawl's own transport and judge.
//!
//! In come routes and a target; out goes one [`Tried`] a route, in their order. Nothing is asked other than through a proxy,
//! and no proxy is asked twice.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use url::Url;

use super::exits;
use crate::address::{Scope, canonical};
use crate::config::{Affinity, Expect, Hosts, Stage};
use crate::extract::{Recipe, RecipeError};
use crate::proxy::Route;
use crate::task::{Exclusion, StageId, Task};
use crate::verdict::{Reason, Verdict};
use crate::worker::{FetchParts, Probe, lone_task, probe};

/// Proxies that are tried at once: a site bears so many first requests, and dead ones must not be waited for one by one.
const AT_ONCE: usize = 32;

/// Why there is nothing to try proxies with.
#[derive(Debug, thiserror::Error)]
pub(super) enum TargetError {
    /// No start URL may be fetched.
    #[error("no start URL may be fetched")]
    NoStart,
    /// The start stage is none of the recipe's.
    #[error("there is no stage {0:?}")]
    Stage(String),
    /// The page that was named may not be asked for.
    #[error("--exit-url names a private address")]
    Private,
    /// It is no web page.
    #[error("--exit-url is neither an http nor an https address")]
    Scheme,
    /// Never, as this recipe is ours.
    #[error("{0}")]
    Recipe(#[from] RecipeError),
}

impl TargetError {
    /// What to do about it.
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Self::NoStart => "name a page with --exit-url",
            Self::Stage(_) => "set crawl.start_stage",
            Self::Private => "say --set fetch.allow_private=true if you mean it",
            Self::Scheme => "write http:// or https:// and a host",
            Self::Recipe(_) => "please report this",
        }
    }
}

/// The page that proxies are tried with.
pub(super) struct Target {
    task: Task,
    parts: FetchParts,
}

impl Target {
    /// The first start URL, read by the start stage.
    pub(super) fn start(first: Option<&Url>, stage: &str, parts: FetchParts) -> Result<Self, TargetError> {
        let id = parts.recipe.stage_id(stage).ok_or_else(|| TargetError::Stage(stage.to_owned()))?;
        let url = first.ok_or(TargetError::NoStart)?;
        Ok(Self { task: lone_task(url, id), parts })
    }

    /// A page that need not be of the site; any answer that is a page will do.
    pub(super) fn page(url: &Url, mut parts: FetchParts, allow_private: bool) -> Result<Self, TargetError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(TargetError::Scheme);
        }
        let scope = Scope::new(&Hosts::Any, std::iter::empty(), allow_private);
        if scope.admit(url) == Err(Exclusion::PrivateAddress) {
            return Err(TargetError::Private);
        }
        let (name, expect) = ("exit".to_owned(), Expect::Nothing);
        let stage =
            Stage { name, expect, links: Vec::new(), priority: 0, affinity: Affinity::None, fields: Vec::new() };
        parts.recipe = Arc::new(Recipe::compile(&[stage])?);
        parts.scope = Arc::new(scope);
        Ok(Self { task: lone_task(&canonical(url, &parts.drop_params), StageId(0)), parts })
    }
}

/// What came of one proxy.
#[derive(Clone, Debug)]
pub(super) struct Tried {
    /// Its label.
    pub(super) label: Arc<str>,
    /// What came of the page, or why the proxy cannot even be asked.
    pub(super) result: Result<Probe, Reason>,
    /// The address that the page says it was asked from.
    pub(super) exit: Option<IpAddr>,
}

impl Tried {
    /// Did it get the page?
    pub(super) fn is_usable(&self) -> bool {
        matches!(&self.result, Ok(probe) if probe.verdict == Verdict::Done)
    }

    /// Why it did not.
    pub(super) fn reason(&self) -> Option<&Reason> {
        match &self.result {
            Ok(probe) => probe.verdict.reason(),
            Err(reason) => Some(reason),
        }
    }

    /// From dialling to the head of the answer, where there was one.
    pub(super) fn latency(&self) -> Option<Duration> {
        let probe = self.result.as_ref().ok().filter(|probe| probe.seen.is_some())?;
        Some(probe.meters.connect + probe.meters.head)
    }
}

/// Tries each route once; `gap` lies between two requests of one proxy, should the page redirect.
pub(super) async fn try_all(routes: Vec<Arc<Route>>, target: &Target, gap: Duration) -> Vec<Tried> {
    let each = routes.into_iter().enumerate().map(|(at, route)| async move {
        let label = route.label();
        let mut result = probe(route, &target.task, gap, &target.parts).await;
        let exit = result.as_ref().ok().and_then(|probe| exits::told(&probe.seen.as_ref()?.body));
        if let Ok(probe) = &mut result {
            // Of a thousand proxies the pages are not kept.
            probe.seen.iter_mut().for_each(|seen| seen.body.clear());
            probe.links.clear();
        }
        (at, Tried { label, result, exit })
    });
    // Unordered, so that a slow one keeps nobody from being tried.
    let mut tried: Vec<_> = stream::iter(each).buffer_unordered(AT_ONCE).collect().await;
    tried.sort_by_key(|(at, _)| *at);
    tried.into_iter().map(|(_, tried)| tried).collect()
}

/// The reason that most of the unusable ones have.
pub(super) fn commonest(tried: &[Tried]) -> Option<&Reason> {
    let mut counts: HashMap<&str, (usize, &Reason)> = HashMap::new();
    for reason in tried.iter().filter(|tried| !tried.is_usable()).filter_map(Tried::reason) {
        counts.entry(&reason.code).or_insert((0, reason)).0 += 1;
    }
    counts.into_values().max_by_key(|(count, reason)| (*count, &reason.code)).map(|(_, reason)| reason)
}
