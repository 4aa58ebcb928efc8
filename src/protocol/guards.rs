//! What speaks up when it is dropped, wherever that happens: a task that is given out, and the life of an actor.
//!
//! Whoever holds one need not remember to report: its drop sends the message, also when a handler has panicked.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::{Assignment, Exit, Exited, Role, WorkerReport};
use crate::pace::robots::Clearance;
use crate::task::Task;

/// The right to fetch a task. Dropped without an outcome, wherever that happens, it tells the dispatcher so.
#[derive(Debug)]
pub struct TaskLease {
    /// What was given to whom.
    pub assignment: Assignment,
    /// The task.
    pub task: Arc<Task>,
    /// The least time between the first bytes of two requests of this fetch to one host (redirects, redials).
    pub gap: Duration,
    /// Where redirects may lead it.
    pub clearance: Clearance,
    /// It is given up after so long; `None`: by `[fetch]` alone.
    pub patience: Option<Duration>,
    /// Where to say that it was dropped; `None` once it has an outcome.
    home: Option<Recipient<WorkerReport>>,
}

impl TaskLease {
    /// A lease that reports to `home` if it is dropped, and has all the time that `[fetch]` gives.
    pub fn new(assignment: Assignment, task: Arc<Task>, gap: Duration, home: Recipient<WorkerReport>) -> Self {
        Self { assignment, task, gap, clearance: Clearance::default(), patience: None, home: Some(home) }
    }

    /// Ends the lease because there is an outcome.
    pub fn settle(mut self) -> Assignment {
        self.home = None;
        self.assignment
    }
}

impl Drop for TaskLease {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.do_send(WorkerReport::Abandoned { assignment: self.assignment });
        }
    }
}

/// What an actor holds as long as it lives: its drop tells the supervisor, also when a handler panicked.
#[derive(Debug)]
pub struct Obituary {
    who: Role,
    why: Exit,
    supervisor: Recipient<Exited>,
}

impl Obituary {
    /// The obituary of `who`, for `supervisor` to read.
    pub fn new(who: Role, supervisor: Recipient<Exited>) -> Self {
        Self { who, why: Exit::Died, supervisor }
    }

    /// From here on its end is no surprise.
    pub fn expected(&mut self) {
        self.why = Exit::Asked;
    }
}

impl Drop for Obituary {
    fn drop(&mut self) {
        self.supervisor.do_send(Exited { who: self.who, why: self.why });
    }
}
