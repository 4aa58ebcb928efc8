//! Start URLs as tasks, read as the frontier needs them.

use std::io;
use std::sync::Arc;

use crate::address::{Scope, StartMark, Starts};
use crate::frontier::Seeds;
use crate::task::{NewTask, Request, StageId};

/// The start URLs of a config, as tasks of its start stage.
pub(super) struct StartTasks {
    starts: Starts,
    stage: StageId,
    priority: i32,
    scope: Arc<Scope>,
}

impl StartTasks {
    pub(super) fn new(starts: Starts, stage: StageId, priority: i32, scope: Arc<Scope>) -> Self {
        Self { starts, stage, priority, scope }
    }
}

impl Iterator for StartTasks {
    type Item = io::Result<NewTask>;

    fn next(&mut self) -> Option<Self::Item> {
        let url = match self.starts.next()? {
            Ok(url) => url,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(NewTask {
            stage: self.stage,
            excluded: self.scope.admit(&url).err(),
            priority: self.priority,
            depth: 0,
            meta: Arc::default(),
            referrer: None,
            start_url: url.as_str().into(),
            request: Request::get(url),
        }))
    }
}

impl Seeds for StartTasks {
    fn unread(&self) -> Option<u64> {
        self.starts.unread()
    }

    fn mark(&self) -> StartMark {
        self.starts.mark()
    }
}
