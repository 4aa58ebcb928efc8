//! Misfits: when not a page and not a proxy is at fault, but the recipe.
//!
//! What a stage's pages must hold and no page of it ever held, through several proxies, is our user's mistake (or a site that
//! shows everybody something else). In come such failures; out goes an orderly stop that names the selector. Nobody is charged.

use std::collections::BTreeSet;

use super::Desk;
use super::bench::Venue;
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Ending, Then};
use crate::proxy::ProxyId;
use crate::proxy::pool::State;
use crate::task::{StageId, TaskId};
use crate::verdict::Reason;

/// So many pages without what they must hold are no accident; fewer if there are no more.
const PAGES: usize = 5;

/// The pages of one stage that lacked what they must hold, before any had it.
#[derive(Debug, Default)]
pub(super) struct Misfit {
    pages: BTreeSet<TaskId>,
    proxies: BTreeSet<ProxyId>,
    said: usize,
}

impl Desk {
    /// A page lacks what the recipe demands of it. If none of its stage ever had it, the crawl stops: what becomes of the page.
    pub(super) fn suspect_recipe(
        &mut self,
        id: TaskId,
        proxy: ProxyId,
        reason: &Reason,
        now: Timestamp,
    ) -> Option<Then> {
        let stage = self.held.get(&id)?.task.stage;
        if !reason.is_shortfall() || self.stages_done.contains(&stage) {
            return None;
        }
        let misfit = self.misfits.entry(stage).or_default();
        misfit.said += 1;
        misfit.pages.insert(id);
        misfit.proxies.insert(proxy);
        let misfit = self.misfits.get(&stage)?;
        if !self.is_everywhere(stage, misfit) {
            return None;
        }
        let (pages, proxies) = (misfit.pages.len(), misfit.proxies.len());
        let detail = format!("{}; no page had that: {pages} seen, through {proxies} proxies", reason.detail);
        for page in misfit.pages.clone() {
            self.acquit(page);
            self.trials.close(page);
        }
        self.put_back(id);
        self.stop(Ending::Guarded { reason: Reason::new("recipe", detail) }, now);
        Some(Then::Again)
    }

    /// Have enough pages shown it, and enough proxies: those that are known to work, or nearly all that are at work?
    fn is_everywhere(&self, stage: StageId, misfit: &Misfit) -> bool {
        let enough_pages = misfit.pages.len() >= PAGES || !self.has_more_of(stage);
        let needed = usize::try_from(self.limits.retry.witnesses).unwrap_or(usize::MAX).max(2);
        let known = misfit.proxies.iter().filter(|&&proxy| self.is_known_to_work(proxy)).count();
        let bound = self.pool.iter().filter(|(_, member)| matches!(member.state(), State::Bound(_))).count();
        let usable = self.pool.usable();
        let nearly_all = misfit.proxies.len() >= (4 * bound).div_ceil(5).max(needed.min(usable));
        enough_pages && misfit.said >= needed && (known >= needed || nearly_all)
    }

    fn is_known_to_work(&self, proxy: ProxyId) -> bool {
        self.pool.get(proxy).is_some_and(|member| member.health.ever_worked())
    }

    /// May pages of this stage come that nobody has tried?
    fn has_more_of(&self, stage: StageId) -> bool {
        let waiting =
            self.window.hosts().any(|host| self.window.best_at(&Venue { host: host.clone(), stage }).is_some());
        waiting || self.intake.has_more() || self.held.values().any(|held| held.task.stage == stage && held.is_fresh())
    }
}
