//! What the config of today makes of a task that was found under another one.
//!
//! In come tasks, out go whether they wait on and whether they come back. Pure.

use super::starts::StartList;
use crate::address::Scope;
use crate::extract::{Recipe, Stage};
use crate::frontier::fingerprint::{Fingerprint, Fingerprinter};
use crate::frontier::revision::{LeftOut, Waits};
use crate::task::Task;

/// Judges tasks by the config of today.
pub(super) struct Judge<'a> {
    pub(super) starts: &'a StartList,
    pub(super) fingerprints: &'a Fingerprinter,
    pub(super) recipe: &'a Recipe,
    pub(super) scope: &'a Scope,
    /// More may be fetched than before, or it cannot be told.
    pub(super) widened: bool,
}

impl Judge<'_> {
    fn priority(&self, task: &Task) -> Option<i32> {
        self.recipe.stages().get(usize::from(task.stage.0)).map(Stage::priority)
    }

    fn fingerprint(&self, task: &Task) -> Fingerprint {
        self.fingerprints.of(task.stage, &task.request)
    }

    pub(super) fn waiting(&self, task: &Task) -> Waits {
        let Some(priority) = self.priority(task) else { return Waits::Not(LeftOut::StageRemoved) };
        if let Err(why) = self.scope.admit(&task.request.url) {
            return Waits::Not(LeftOut::Scope(why));
        }
        if task.depth == 0 && self.starts.removed.contains(&self.fingerprint(task)) {
            return Waits::Not(LeftOut::StartRemoved);
        }
        Waits::At(priority)
    }

    pub(super) fn left_out(&self, task: &Task, why: LeftOut) -> Option<i32> {
        let priority = self.priority(task).filter(|_| self.scope.admit(&task.request.url).is_ok())?;
        let returns = match why {
            LeftOut::Scope(_) => self.widened,
            LeftOut::StageRemoved => true,
            LeftOut::StartRemoved => self.starts.returned.contains(&self.fingerprint(task)),
        };
        returns.then_some(priority)
    }
}
