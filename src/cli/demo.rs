//! `burdock demo`: the whole thing offline. Its parts are not in this version, and it says so.

use crate::exit::ExitCode;

/// Runs the demo.
pub(super) fn demo() -> ExitCode {
    super::unbuilt("demo")
}
