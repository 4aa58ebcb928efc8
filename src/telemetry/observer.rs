//! The one thing that the dispatcher's shell holds of all this: it is told every fact, logs it and counts it.
//!
//! In come notices and commits with their times, out go log lines, a tally and what the view shows. Lines of pages that are done wait here for
//! their commit, which alone knows how many of their links were new.

use std::collections::HashMap;
use std::sync::Arc;

use super::progress::{Pace, View};
use super::{Names, Tally, say};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, PageNotice, Then};
use crate::frontier::{Committed, Settlement, Stats};
use crate::task::TaskId;

/// Logs and counts.
#[derive(Debug)]
pub struct Observer {
    names: Arc<Names>,
    tally: Tally,
    /// Done, but not committed yet; only filled while page lines are logged. As bounded as uncommitted pages are.
    uncommitted: HashMap<TaskId, Box<PageNotice>>,
    /// Where people look on, if they do.
    view: Option<(View, Pace)>,
}

impl Observer {
    /// Begins to watch a run.
    pub fn new(names: Arc<Names>, started: Timestamp) -> Self {
        Self { tally: Tally::new(Arc::clone(&names), started), names, uncommitted: HashMap::new(), view: None }
    }

    /// Of a run of which so much has happened before.
    #[must_use]
    pub fn going_on_from(self, before: Stats) -> Self {
        Self { tally: self.tally.going_on_from(before), ..self }
    }

    /// Shows how it goes on a view as well, whenever it is asked to [`Self::refresh`] it.
    #[must_use]
    pub fn shown_on(self, view: Option<View>) -> Self {
        Self { view: view.map(|view| (view, Pace::default())), ..self }
    }

    /// Does somebody look on?
    pub const fn is_shown(&self) -> bool {
        self.view.is_some()
    }

    /// Shows how it goes now.
    pub fn refresh(&mut self, now: Timestamp) {
        if let Some((view, pace)) = &mut self.view {
            view.show(&self.tally.glance(pace, now));
        }
    }

    /// Takes in a fact.
    pub fn notice(&mut self, notice: Notice, now: Timestamp) {
        if let Notice::Added { proxy, label } = &notice {
            Arc::make_mut(&mut self.names).name(*proxy, label);
        }
        self.tally.take(&notice, now);
        say::notice(&self.names, &notice, now);
        if let Notice::Page(page) = notice
            && page.then == Then::Done
            && !page.task.stage.is_robots()
            && tracing::enabled!(tracing::Level::DEBUG)
        {
            self.uncommitted.insert(page.task.id, page);
        }
    }

    /// Takes in a commit of `batch`.
    pub fn committed(&mut self, batch: &[Settlement], committed: &Committed, now: Timestamp) {
        for (settlement, new_links) in batch.iter().zip(&committed.new_links) {
            if new_links.is_some() {
                self.tally.records(&settlement.records);
            }
            if let Some(page) = self.uncommitted.remove(&settlement.task) {
                say::page(&self.names, &page, *new_links, now);
            }
        }
    }

    /// Says how it goes.
    pub fn heartbeat(&mut self, now: Timestamp) {
        say::progress(&self.tally.heartbeat(now));
    }

    /// The end of watching: what was counted.
    pub fn into_tally(self) -> Tally {
        self.tally
    }
}
