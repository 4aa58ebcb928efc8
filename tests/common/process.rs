//! The binary as a child process: started, listened to, sent signals, and never left hanging.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use burdock::clock::{Clock, Timestamp};
use serde_json::Value;

/// No process of a test takes longer; far more than any needs, so that a busy machine fails none.
pub const LIMIT: Duration = Duration::from_secs(60);

enum Line {
    Out(String),
    Err(String),
}

/// A process that runs; dropped, it is killed.
pub struct Running {
    child: Child,
    lines: Receiver<Line>,
    clock: Clock,
    started: Timestamp,
    limit: Duration,
    out: Vec<String>,
    err: Vec<String>,
}

impl Running {
    /// Starts the binary in `folder`. Of the environment it gets only what no setting comes from.
    pub fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_with(folder, args, &[])
    }

    /// The same, with these variables besides.
    pub fn start_with(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_burdock"));
        command.args(args).envs(variables.iter().copied());
        Self::start_command(folder, command)
    }

    /// The same, by a command that the test has made.
    pub fn start_command(folder: &Path, mut command: Command) -> Self {
        command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let set: Vec<_> = command.get_envs().map(|(name, _)| name.to_owned()).collect();
        let inherited = std::env::vars_os().map(|(name, _)| name).filter(|name| !set.contains(name));
        for name in inherited.filter(|name| name.to_string_lossy().starts_with("BURDOCK")) {
            command.env_remove(name);
        }
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        read(child.stdout.take().unwrap(), sender.clone(), Line::Out);
        read(child.stderr.take().unwrap(), sender, Line::Err);
        let clock = Clock::start();
        Self { child, lines, clock, started: clock.now(), limit: LIMIT, out: Vec::new(), err: Vec::new() }
    }

    /// It may take so long.
    pub fn within(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until stderr has an event of this name.
    pub fn until_event(&mut self, event: &str) -> Value {
        self.next_event(event).unwrap_or_else(|| self.fail(&format!("it ended before {event}")))
    }

    /// The next event of this name on stderr; `None` if it ends before.
    pub fn next_event(&mut self, event: &str) -> Option<Value> {
        self.next_that(|line| line["event"] == event)
    }

    /// The next event on stderr that is `wanted`; `None` if it ends before.
    pub fn next_that(&mut self, wanted: impl Fn(&Value) -> bool) -> Option<Value> {
        loop {
            match self.next()? {
                Line::Err(line) => {
                    let value: Value = serde_json::from_str(&line).unwrap_or_default();
                    self.err.push(line);
                    if wanted(&value) {
                        return Some(value);
                    }
                }
                Line::Out(line) => self.out.push(line),
            }
        }
    }

    /// Ends it as `kill -9` does, at once.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Has it ended?
    pub fn is_over(&mut self) -> bool {
        if self.elapsed() > LIMIT {
            self.fail(&format!("it did not end within {LIMIT:?}"));
        }
        self.child.try_wait().unwrap().is_some()
    }

    /// Hears what it says for so long: the time that something else is meant to last.
    pub fn hear_for(&mut self, time: Duration) {
        let end = self.elapsed() + time;
        loop {
            match self.lines.recv_timeout(end.saturating_sub(self.elapsed())) {
                Ok(Line::Out(line)) => self.out.push(line),
                Ok(Line::Err(line)) => self.err.push(line),
                Err(RecvTimeoutError::Timeout) => return,
                Err(RecvTimeoutError::Disconnected) => self.fail("it ended before its time"),
            }
        }
    }

    /// Sends a signal: `INT`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        // `kill` is built into every shell, the program is not everywhere.
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.pid())).status().unwrap();
        assert!(sent.success(), "kill -{name} {}", self.pid());
    }

    /// Waits for the end.
    pub fn finish(mut self) -> Ended {
        loop {
            match self.next() {
                Some(Line::Out(line)) => self.out.push(line),
                Some(Line::Err(line)) => self.err.push(line),
                None => break,
            }
        }
        let status = self.child.wait().unwrap();
        // As a shell has it.
        let code = status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap();
        Ended { code, stdout: self.out.join("\n"), stderr: self.err.join("\n"), took: self.elapsed() }
    }

    fn elapsed(&self) -> Duration {
        self.clock.now().since(self.started)
    }

    /// The next line; `None` once both outputs are closed.
    fn next(&mut self) -> Option<Line> {
        match self.lines.recv_timeout(self.limit.saturating_sub(self.elapsed())) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => self.fail(&format!("it did not end within {:?}", self.limit)),
        }
    }

    fn fail(&mut self, why: &str) -> ! {
        let _ = self.child.kill();
        panic!("{why}\n--- stdout\n{}\n--- stderr\n{}", self.out.join("\n"), tail(&self.err.join("\n")));
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(output: impl Read + Send + 'static, lines: Sender<Line>, kind: fn(String) -> Line) {
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(kind(line)).is_err() {
                break;
            }
        }
    });
}

/// The end of a long text: what a failure shows of a log.
pub fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; killed by a signal, minus its number.
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
    pub took: Duration,
}

impl Ended {
    /// Fails unless it ended with `code`.
    pub fn expect_exit(self, code: i32) -> Self {
        assert_eq!(self.code, code, "exit code\n--- stdout\n{}\n--- stderr\n{}", self.stdout, tail(&self.stderr));
        self
    }

    /// What stands on stdout, which is one JSON value.
    pub fn json(&self) -> Value {
        let parsed = serde_json::from_str(&self.stdout);
        parsed.unwrap_or_else(|error| panic!("{error}: {}\n{}", self.stdout, tail(&self.stderr)))
    }

    /// Fails unless stderr has this text, in whatever case.
    pub fn expect_said(self, text: &str) -> Self {
        let said = self.stderr.to_lowercase().contains(&text.to_lowercase());
        assert!(said, "{text:?} is not on stderr:\n{}", tail(&self.stderr));
        self
    }
}
