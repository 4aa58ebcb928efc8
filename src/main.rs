//! The command line: everything it does is in [`burdock`].
//!
//! Nothing comes in that it looks at, and an exit code goes out.

use std::process::ExitCode;

fn main() -> ExitCode {
    burdock::cli::main().into()
}
