//! Start URLs as tasks, read as the frontier needs them.
//!
//! Addresses come in with the names of their stages and what travels with them; new tasks go out. Whether one is new is the
//! frontier's to say.

use std::io;
use std::sync::Arc;

use crate::address::{Scope, Start, Starts};
use crate::extract::Recipe;
use crate::frontier::Seeds;
use crate::task::{NewTask, Request, StageId};

/// The start URLs of a config, as tasks of their stages.
pub(super) struct StartTasks {
    starts: Starts,
    start_stage: StageId,
    recipe: Arc<Recipe>,
    scope: Arc<Scope>,
}

impl StartTasks {
    /// Those of `starts`; `start_stage` is for those that name none.
    pub(super) fn new(starts: Starts, start_stage: StageId, recipe: Arc<Recipe>, scope: Arc<Scope>) -> Self {
        Self { starts, start_stage, recipe, scope }
    }

    fn task(&self, start: Start) -> io::Result<NewTask> {
        let Start { url, stage, meta } = start;
        let stage = match stage {
            None => self.start_stage,
            // The config was checked against the file, so the file has changed since.
            Some(name) => self.recipe.stage_id(&name).ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("the start file names a stage {name:?}, which is not there"),
                )
            })?,
        };
        Ok(NewTask {
            stage,
            excluded: self.scope.admit(&url).err(),
            priority: self.recipe.stage(stage).priority(),
            depth: 0,
            meta,
            referrer: None,
            start_url: url.as_str().into(),
            request: Request::get(url),
        })
    }
}

impl Iterator for StartTasks {
    type Item = io::Result<NewTask>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.starts.next()?.and_then(|start| self.task(start)))
    }
}

impl Seeds for StartTasks {
    fn unread(&self) -> Option<u64> {
        self.starts.unread()
    }
}
