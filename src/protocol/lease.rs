//! Leases: who holds which proxy, and who does which task, under which number.
//!
//! Numbers that every actor knows the others by, and the two rights that go with messages: to use a proxy, and to fetch a task.
//! A task's right, dropped anywhere without an outcome, says so. Who grants them is not known here.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;

use super::WorkerReport;
use crate::proxy::{ProxyId, Route};
use crate::task::{Epoch, Task, TaskId};

/// A worker: its slot, and which one it is of those that the slot has had. A new incarnation means that the old one is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId {
    /// The place among the workers, from 0.
    pub slot: u16,
    /// Counts restarts, from 0.
    pub incarnation: u32,
}

impl std::fmt::Display for WorkerId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.slot, self.incarnation)
    }
}

/// A proxy under one lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProxyRef {
    /// The proxy.
    pub id: ProxyId,
    /// The lease.
    pub epoch: Epoch,
}

/// The right to use a proxy. There is one of it, so it cannot be cloned.
#[derive(Debug)]
pub struct ProxyLease {
    /// Which proxy, under which lease.
    pub proxy: ProxyRef,
    /// The way that it opens.
    pub route: Arc<Route>,
}

/// One task given to one worker for one fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Assignment {
    /// The task.
    pub task: TaskId,
    /// The frontier's lease on it.
    pub epoch: Epoch,
    /// Counts how often the Desk has given it out under that lease; an outcome must match it.
    pub turn: u32,
    /// The proxy to use.
    pub proxy: ProxyRef,
}

/// The right to fetch a task. Dropped without an outcome, wherever that happens, it tells the dispatcher so.
#[derive(Debug)]
pub struct TaskLease {
    /// What was given to whom.
    pub assignment: Assignment,
    /// The task.
    pub task: Arc<Task>,
    /// The least time between the first bytes of two requests of this fetch to one host (redirects, redials).
    pub gap: Duration,
    /// Where to say that it was dropped; `None` once it has an outcome.
    home: Option<Recipient<WorkerReport>>,
}

impl TaskLease {
    /// A lease that reports to `home` if it is dropped.
    pub fn new(assignment: Assignment, task: Arc<Task>, gap: Duration, home: Recipient<WorkerReport>) -> Self {
        Self { assignment, task, gap, home: Some(home) }
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
