//! The command line: which commands there are, and what their arguments mean.
//!
//! In come the process's arguments, out goes its exit code. Results go to stdout, everything else to stderr. How a crawl works
//! is not known here.

pub mod check;
pub mod config;
pub mod dead;
pub mod demo;
pub mod export;
pub mod retry;
pub mod run;
pub mod status;
mod stored;
pub mod try_page;

use std::fmt::Display;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::config::Loaded;
use crate::exit::ExitCode;

/// A crawler that clings: one worker per proxy, each proxy used until it breaks, every page exactly once.
#[derive(Debug, Parser)]
#[command(name = "burdock", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Crawl as a config says
    Run(run::RunArgs),
    /// See it all work, offline: a practice site, proxies of which some are broken, a crawl, a check of its records
    Demo,
    /// Show the effective settings and where each comes from
    Config(ConfigArgs),
    /// Read everything, count the start URLs, try the proxies
    Check(check::CheckArgs),
    /// Fetch one page through one proxy and show what becomes of it
    Try(try_page::TryArgs),
    /// Show what a run holds, also while it runs
    Status(status::StatusArgs),
    /// List the pages given up on, with what was tried
    Dead(dead::DeadArgs),
    /// Put pages given up on back, to be crawled again
    Retry(retry::RetryArgs),
    /// Write the records of a run again, also while it runs
    Export(export::ExportArgs),
    /// (not built yet) Pause a running crawl
    Pause(Unbuilt),
    /// (not built yet) Let a paused crawl go on
    Resume(Unbuilt),
    /// (not built yet) Stop a running crawl in order
    Stop(Unbuilt),
    /// (not built yet) Change a setting of a running crawl
    Set(Unbuilt),
    /// (not built yet) Print the JSON Schema of configs
    Schema(Unbuilt),
    /// (not built yet) Write a config to start from
    Init(Unbuilt),
    /// (not built yet) Show the report of a run
    Report(Unbuilt),
}

/// Which config, and what differs from it.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    /// The config
    #[arg(default_value = "burdock.toml")]
    pub config: PathBuf,
    /// Set one setting, over the config and the environment; repeatable
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub sets: Vec<String>,
}

/// Whatever is given to a command that is not there yet.
#[derive(Debug, Args)]
struct Unbuilt {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    _rest: Vec<String>,
}

/// Does what the process's arguments ask for.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => dispatch(&cli.command),
        Err(error) => {
            // Help and version are results; whether they can be printed changes nothing.
            let _ = error.print();
            if error.use_stderr() { ExitCode::Usage } else { ExitCode::Complete }
        }
    }
}

fn dispatch(command: &Command) -> ExitCode {
    match command {
        Command::Run(args) => run::run(args),
        Command::Demo => demo::demo(),
        Command::Config(args) => config::config(args),
        Command::Check(args) => check::check(args),
        Command::Try(args) => try_page::try_page(args),
        Command::Status(args) => status::status(args),
        Command::Dead(args) => dead::dead(args),
        Command::Retry(args) => retry::retry(args),
        Command::Export(args) => export::export(args),
        Command::Pause(_) => unbuilt("pause"),
        Command::Resume(_) => unbuilt("resume"),
        Command::Stop(_) => unbuilt("stop"),
        Command::Set(_) => unbuilt("set"),
        Command::Schema(_) => unbuilt("schema"),
        Command::Init(_) => unbuilt("init"),
        Command::Report(_) => unbuilt("report"),
    }
}

/// Reads the config that a command is given, and says what is odd or wrong about it. Gives its absolute path as well.
fn load(args: &ConfigArgs) -> Result<(PathBuf, Loaded), ExitCode> {
    let here = std::env::current_dir().map_err(|error| {
        complain(format_args!("finding out where this is: {error}"), "change to a folder that exists");
        ExitCode::Usage
    })?;
    match crate::config::load(&args.config, &args.sets, variables(), &here) {
        Ok(loaded) => {
            for warning in &loaded.warnings {
                note(format_args!("warning: {warning}"));
            }
            Ok((here.join(&args.config), loaded))
        }
        Err(errors) => {
            note(errors.to_string().trim_end());
            Err(ExitCode::Usage)
        }
    }
}

/// The environment, as far as it is text.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// Writes a result to stdout. That nobody reads it is no reason to fail.
fn result(text: impl Display) {
    let _ = write!(io::stdout(), "{text}");
}

fn unbuilt(command: &str) -> ExitCode {
    complain(format_args!("burdock {command} is not built yet"), "see burdock help for the commands that are");
    ExitCode::Usage
}

/// Says on stderr what is wrong, and what to do about it.
fn complain(error: impl Display, help: impl Display) {
    note(format_args!("error: {error}\nhelp: {help}"));
}

/// Writes a line to stderr. That nobody reads it is no reason to fail.
fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn run_takes_the_config_beside_it_where_none_is_named() {
        let cli =
            Cli::try_parse_from(["burdock", "run", "--set", "crawl.workers=5", "--set", "a.b=c", "--fresh"]).unwrap();
        let Command::Run(args) = cli.command else { panic!("{cli:?}") };
        assert_eq!(args.config.config, PathBuf::from("burdock.toml"));
        assert_eq!(args.config.sets, ["crawl.workers=5", "a.b=c"]);
        assert!(args.fresh);
    }

    #[test]
    fn commands_to_come_take_any_arguments_and_say_that_they_are_not_there() {
        for command in ["pause", "resume", "stop", "set", "schema"] {
            let cli = Cli::try_parse_from(["burdock", command, "x", "--proxies", "-y"]).unwrap();
            assert_eq!(dispatch(&cli.command), ExitCode::Usage);
        }
        let help = Cli::command().render_help().to_string();
        let built: Vec<_> = ["run", "demo", "config", "check", "try", "status", "dead", "retry", "export"].into();
        for command in Cli::command().get_subcommands() {
            let about = command.get_about().unwrap().to_string();
            assert_eq!(about.starts_with("(not built yet)"), !built.contains(&command.get_name()), "{about}");
        }
        assert!(help.contains("(not built yet)"));
    }

    #[test]
    fn usage_errors_are_exit_code_2() {
        let error = Cli::try_parse_from(["burdock", "run", "--nonsense"]).unwrap_err();
        assert!(error.use_stderr());
        assert_eq!(error.exit_code(), i32::from(ExitCode::Usage.code()));
    }
}
