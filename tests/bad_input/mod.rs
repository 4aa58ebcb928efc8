//! The promise: whatever is wrong with what a user wrote, it ends with exit 2, and with words that name the file, the line or the
//! key, and what to do; all that is wrong with a file is said at once.
//!
//! In come configs and files with mistakes; out comes all that the binary says, word for word. Where a message changes on
//! purpose, `cargo insta review` takes it over.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod config;
mod outputs;
mod proxies;
mod recipe;
mod starts;

use std::fs;
use std::path::Path;

use crate::common::Running;
use tempfile::TempDir;

/// The parts of a config that is right.
const START: &str = "[crawl]\nstart = [\"https://shop.example/\"]\n";
const STAGE: &str = "[stage.page.fields]\ntitle = \"h1\"\n";
/// Nothing listens there: should a config turn out to be right, its crawl asks nobody anything and ends at once.
const PROXIES: &str = "[proxies]\nlist = [\"127.0.0.1:9\"]\n";

/// A folder with a config and what belongs to it, and the command that reads it.
struct Mistake {
    folder: TempDir,
    args: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

impl Mistake {
    /// A folder without a config.
    fn nothing() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), args: vec!["run".into()], variables: Vec::new() }
    }

    /// A folder with `crawl.toml`, which is run.
    fn config(text: &str) -> Self {
        Self::nothing().file("crawl.toml", text).arg("crawl.toml")
    }

    /// A config that is right, and this behind it.
    fn after(more: &str) -> Self {
        Self::config(&format!("{START}{STAGE}{PROXIES}{more}"))
    }

    /// One more file, and the folders above it.
    fn file(self, name: &str, text: &str) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.into());
        self
    }

    fn set(self, setting: &str) -> Self {
        self.arg("--set").arg(setting)
    }

    fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// Runs it. Gives the exit code and all that was said for people, with the folder as `DIR`.
    fn said(&self) -> String {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let ended = Running::start_with(self.folder.path(), &args, &self.variables).finish();
        assert_eq!(ended.stdout, "", "results only on stdout");
        // The log is beside the point, and has its own tests.
        let said: Vec<_> =
            ended.stderr.lines().filter(|line| !line.starts_with('{')).map(|line| self.shown(line)).collect();
        format!("exit {}\n{}", ended.code, said.join("\n"))
    }

    fn shown(&self, line: &str) -> String {
        let real = fs::canonicalize(self.folder.path()).unwrap();
        let plain = |path: &Path| path.display().to_string();
        line.replace(&plain(&real), "DIR").replace(&plain(self.folder.path()), "DIR")
    }
}
