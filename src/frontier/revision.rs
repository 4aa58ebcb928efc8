//! What a changed config makes of tasks that a store holds: which ones wait on, which ones are left out, which come back.
//!
//! Words between whoever compares configs and the store. Why something changes is not known here.

use super::Kept;
use crate::address::StartMark;
use crate::task::{Exclusion, Task};

/// Why a task that was to be fetched is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// It is not, or not any more, what the crawl may fetch.
    Scope(Exclusion),
    /// Its stage was taken out of the config.
    StageRemoved,
    /// It was taken out of the start URLs.
    StartRemoved,
}

impl LeftOut {
    const ALL: [Self; 5] = [
        Self::Scope(Exclusion::ForeignHost),
        Self::Scope(Exclusion::PrivateAddress),
        Self::Scope(Exclusion::Robots),
        Self::StageRemoved,
        Self::StartRemoved,
    ];

    /// The reason's name in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope(exclusion) => exclusion.as_str(),
            Self::StageRemoved => "stage_removed",
            Self::StartRemoved => "start_removed",
        }
    }

    /// The reason with that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == name)
    }
}

/// What becomes of a task that waits to be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// It waits on, at this priority.
    At(i32),
    /// It will not be fetched.
    Not(LeftOut),
}

/// Looks at a task that waits.
pub type JudgeWaiting<'a> = &'a dyn Fn(&Task) -> Waits;
/// Looks at a task that was left out for this reason; gives the priority at which it is to be fetched after all.
pub type JudgeLeftOut<'a> = &'a dyn Fn(&Task, LeftOut) -> Option<i32>;

/// All that changes with a config, in one transaction.
#[derive(Clone, Copy, Default)]
pub struct Revision<'a> {
    /// How far the start URLs count as read from now on; `None`: as before.
    pub mark: Option<StartMark>,
    /// What else is to be kept.
    pub kept: &'a [Kept],
    /// Looks at every task that waits; `None`: they wait on as they did.
    pub waiting: Option<JudgeWaiting<'a>>,
    /// Looks at every task that was left out; `None`: they stay so.
    pub left_out: Option<JudgeLeftOut<'a>>,
}

/// What a revision did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revised {
    /// Tasks that are not fetched any more.
    pub left_out: u64,
    /// Tasks that are fetched after all.
    pub returned: u64,
}
