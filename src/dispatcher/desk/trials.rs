//! All trials: what is said against pages, by page, whether they are held or wait for a further attempt.
//!
//! Pure bookkeeping. It remembers which have changed since they were last written down.

use std::collections::{BTreeSet, HashMap};

use super::trial::Trial;
use crate::task::TaskId;

/// The trials that are open.
#[derive(Debug, Default)]
pub(super) struct Trials {
    open: HashMap<TaskId, Trial>,
    /// Those that have changed, or are closed, since they were last written down.
    pub(super) news: BTreeSet<TaskId>,
}

impl Trials {
    /// What is said against a page; `None` if nothing is.
    pub(super) fn get(&self, page: TaskId) -> Option<&Trial> {
        self.open.get(&page)
    }

    /// All of them.
    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (TaskId, &Trial)> {
        self.open.iter().map(|(page, trial)| (*page, trial))
    }

    /// The same, to be changed.
    pub(super) fn change(&mut self, page: TaskId) -> Option<&mut Trial> {
        let trial = self.open.get_mut(&page)?;
        self.news.insert(page);
        Some(trial)
    }

    /// A trial begins, or goes on.
    pub(super) fn open(&mut self, page: TaskId) -> &mut Trial {
        self.news.insert(page);
        self.open.entry(page).or_default()
    }

    /// A trial is over.
    pub(super) fn close(&mut self, page: TaskId) -> Option<Trial> {
        let trial = self.open.remove(&page)?;
        self.news.insert(page);
        Some(trial)
    }
}
