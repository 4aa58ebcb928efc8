//! The command line: everything it does is in [`burdock`].

use std::process::ExitCode;

fn main() -> ExitCode {
    burdock::cli::main().into()
}
