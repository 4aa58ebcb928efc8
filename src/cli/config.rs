//! `burdock config`: the effective settings, each with where it comes from.
//!
//! In come a config and what is set over it; out go its settings on stdout, or what is wrong with it on stderr.

use super::ConfigArgs;
use crate::config::show;
use crate::exit::ExitCode;

/// Shows the effective settings.
pub(super) fn config(args: &ConfigArgs) -> ExitCode {
    match super::load(args) {
        Ok((_, loaded)) => {
            super::result(show(&loaded));
            ExitCode::Complete
        }
        Err(code) => code,
    }
}
