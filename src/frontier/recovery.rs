//! Second chances: how often a task may be there when the process dies, and which dead letters are tried again.
//!
//! Rules and words only; each frontier applies them to its own tasks.

use super::DeadLetter;
use crate::task::StageId;
use crate::verdict::Reason;

/// A task that was claimed in so many crashes is claimed alone from then on.
pub const CRASHES_TO_QUARANTINE: u32 = 3;

/// A task that was claimed alone in so many crashes is dead. Not at the first: a `kill -9` from outside looks the same, and a
/// page that is at fault will do it again.
pub const CRASHES_ALONE: u32 = 3;

/// The end of a task that takes the process down with it.
pub(super) fn crashed_alone() -> Reason {
    Reason::new("crash", "the crawl broke off each time that this page was being fetched, even alone")
}

/// What became of the leases of a process that ended without giving them back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Tasks that are ready again.
    pub returned: u64,
    /// Tasks that will be claimed alone.
    pub quarantined: u64,
    /// Tasks that are dead, because they were alone when it ended, and not for the first time.
    pub dead: u64,
}

/// Which dead letters are meant; what is not set does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadFilter {
    /// Those of this reason: its code, or the part of it before a dot (`status` for `status.503`).
    pub reason: Option<String>,
    /// Those of this stage.
    pub stage: Option<StageId>,
}

impl DeadFilter {
    /// Is `letter` meant?
    pub fn admits(&self, letter: &DeadLetter) -> bool {
        self.means(&letter.reason.code, letter.task.stage)
    }

    /// Are those meant that were given up on for the reason with this code, at this stage?
    pub fn means(&self, code: &str, stage: StageId) -> bool {
        let is_reason =
            |wanted: &String| code.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.reason.as_ref().is_none_or(is_reason) && self.stage.is_none_or(|wanted| wanted == stage)
    }
}
