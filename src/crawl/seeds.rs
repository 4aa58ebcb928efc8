//! Start URLs as tasks, read as the frontier needs them.
//!
//! Addresses come in with the names of their stages and what travels with them; new tasks go out. Whether one is new is the
//! frontier's to say.

use std::io;
use std::sync::Arc;

use crate::address::{Scope, Start, StartMark, Starts};
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

    fn mark(&self) -> StartMark {
        self.starts.mark()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load_text;
    use crate::task::Exclusion;

    /// The tasks of a start file, whose config was read before the file became `rows`.
    fn tasks(rows: &str) -> Vec<io::Result<NewTask>> {
        let folder = tempfile::tempdir().unwrap();
        let config = r#"
crawl = { start = ["http://a.example/0"], start_file = "s.csv", start_stage = "list" }
stage.list = { priority = 1, links = [{ select = "a", to = "detail" }] }
stage.detail = { priority = 5, fields = { title = "h2" } }
proxies.direct = true"#;
        let path = folder.path().join("s.csv");
        std::fs::write(&path, "url\nhttp://a.example/1\n").unwrap();
        let settings =
            load_text("c.toml", config, folder.path(), &[], std::iter::empty(), folder.path()).unwrap().settings;
        std::fs::write(&path, rows).unwrap();
        let recipe = Arc::new(Recipe::compile(&settings.stages).unwrap());
        let scope = Arc::new(Scope::new(&settings.crawl.hosts, ["a.example".to_owned()], false));
        StartTasks::new(Starts::open(&settings.crawl).unwrap(), StageId(0), recipe, scope).collect()
    }

    #[test]
    fn a_row_becomes_a_task_of_its_stage_with_its_meta() {
        let tasks = tasks("url,stage,n\nhttp://a.example/1,detail,x\nhttp://b.example/,,\n");
        let tasks: Vec<_> = tasks.into_iter().map(Result::unwrap).collect();
        let known: Vec<_> = tasks.iter().map(|task| (task.stage, task.priority, task.depth, task.excluded)).collect();
        let (list, detail) = (StageId(0), StageId(1));
        let foreign = Some(Exclusion::ForeignHost);
        assert_eq!(known, [(list, 1, 0, None), (detail, 5, 0, None), (list, 1, 0, foreign)]);
        assert_eq!((tasks[0].meta.len(), &tasks[1].meta["n"]), (0, &"x".into()));
        assert_eq!((&*tasks[1].start_url, tasks[1].request.url.as_str()), ("http://a.example/1", "http://a.example/1"));
    }

    #[test]
    fn a_stage_that_the_file_got_since_it_was_checked_is_an_error_and_no_other_stage() {
        let tasks = tasks("url,stage\nhttp://a.example/1,nowhere\nhttp://a.example/2,detail\n");
        let said = tasks[1].as_ref().unwrap_err().to_string();
        assert_eq!(said, "the start file names a stage \"nowhere\", which is not there");
        assert!(tasks[2].is_ok());
    }
}
