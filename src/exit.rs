//! How the process ends: its exit code, and what each one means.
//!
//! In comes how a crawl ended; out goes the code. The sentence that says what to do next is `telemetry::report`'s.

use serde::{Deserialize, Serialize};

use crate::dispatcher::notice::Ending;
use crate::protocol::{Role, Signal};
use crate::proxy::usage::USED_UP;

/// The exit codes. They are promises: scripts read them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum ExitCode {
    /// Everything is done.
    Complete = 0,
    /// Something that should not happen: a feed or the store cannot go on.
    Unexpected = 1,
    /// The command line or the config is wrong, or the run folder is not as the command needs it.
    Usage = 2,
    /// Everything has ended, but some pages were given up on.
    DeadLetters = 3,
    /// No proxy could be used any more.
    NoProxy = 4,
    /// A limit of the config is reached, as asked.
    Limit = 5,
    /// A guard stopped it: something is wrong that goes on as long as the crawl does.
    Guarded = 6,
    /// Another process holds the run folder.
    InUse = 7,
    /// An actor died that must live.
    Died = 70,
    /// Ctrl-C
    Interrupted = 130,
    /// SIGTERM
    Terminated = 143,
}

impl ExitCode {
    const ALL: [Self; 11] = [
        Self::Complete,
        Self::Unexpected,
        Self::Usage,
        Self::DeadLetters,
        Self::NoProxy,
        Self::Limit,
        Self::Guarded,
        Self::InUse,
        Self::Died,
        Self::Interrupted,
        Self::Terminated,
    ];

    /// The code of a crawl that ended so, with so many dead letters.
    pub const fn of(ending: &Ending, dead: u64) -> Self {
        match ending {
            Ending::Complete if dead == 0 => Self::Complete,
            Ending::Complete => Self::DeadLetters,
            Ending::NoProxy { .. } => Self::NoProxy,
            Ending::Limit { .. } => Self::Limit,
            Ending::Guarded { .. } => Self::Guarded,
            Ending::Interrupted(Signal::Interrupt) => Self::Interrupted,
            Ending::Interrupted(Signal::Terminate) => Self::Terminated,
            Ending::Died { .. } => Self::Died,
            Ending::Failed { .. } => Self::Unexpected,
        }
    }

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Is it a run in which everything has ended, so that starting it again does nothing?
    pub const fn is_complete(self) -> bool {
        matches!(self, Self::Complete | Self::DeadLetters)
    }

    /// Does somebody have to do something before it can go on?
    pub const fn needs_a_hand(self) -> bool {
        match self {
            Self::Unexpected | Self::Usage | Self::NoProxy | Self::Guarded | Self::InUse | Self::Died => true,
            Self::Complete | Self::DeadLetters | Self::Limit | Self::Interrupted | Self::Terminated => false,
        }
    }
}

impl From<ExitCode> for u8 {
    fn from(code: ExitCode) -> Self {
        code.code()
    }
}

impl TryFrom<u8> for ExitCode {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|code| code.code() == number);
        known.ok_or_else(|| format!("exit code {number} is none of ours"))
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        code.code().into()
    }
}

/// The ending's name in logs and reports.
pub const fn ending_name(ending: &Ending) -> &'static str {
    match ending {
        Ending::Complete => "complete",
        Ending::NoProxy { .. } => "no_proxy",
        Ending::Limit { .. } => "limit",
        Ending::Guarded { .. } => "guarded",
        Ending::Interrupted(_) => "interrupted",
        Ending::Died { .. } => "died",
        Ending::Failed { .. } => "failed",
    }
}

/// The ending for people.
pub fn ending_shown(ending: &Ending) -> String {
    match ending {
        Ending::Complete => "complete".into(),
        Ending::NoProxy { commonest: Some(reason) } if reason.code == USED_UP => {
            format!("no usable proxy: {}", reason.detail)
        }
        Ending::NoProxy { commonest: Some(reason) } => format!("no usable proxy; most say: {reason}"),
        Ending::Limit { key } => format!("limits.{key} is reached"),
        Ending::Guarded { reason } => reason.to_string(),
        Ending::NoProxy { commonest: None } => "no usable proxy".into(),
        Ending::Interrupted(Signal::Interrupt) => "interrupted by ctrl-c".into(),
        Ending::Interrupted(Signal::Terminate) => "interrupted by SIGTERM".into(),
        Ending::Died { who: Role::Dispatcher } => "the dispatcher died".into(),
        Ending::Died { who: Role::Sink } => "the sink died".into(),
        Ending::Died { who: Role::Worker(worker) } => {
            format!("all workers died too often, worker {} last", worker.slot)
        }
        Ending::Failed { error } => error.clone(),
    }
}
