//! The log's way out: from `tracing` events to stderr and to the log file.
//!
//! In come events, of which ours at the configured level and above, and other crates' from `warn` up; out go lines. They are
//! written by one thread of its own, so that no actor waits for a disk or a terminal (only a full queue makes it wait: lines
//! are late rather than lost). The file is always JSON and has every line; on stderr repeated warnings are counted.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

use super::line::{Line, is_ours};
use super::progress::View;
use super::repeats::Repeats;
use super::{panics, say};
use crate::clock::Clock;
use crate::config::{self, LogFormat, LogLevel};

/// Lines that may wait to be written; some seconds' worth of page lines.
const QUEUE: usize = 8_192;

/// What can go wrong with the log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log file cannot be opened.
    #[error("log file {path}: {source}")]
    Open {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread that writes cannot be started.
    #[error("starting the log's thread: {0}")]
    Thread(#[source] io::Error),
    /// The process has a log already.
    #[error("the log is started already")]
    Twice,
}

#[derive(Debug)]
enum Order {
    Line(Box<Line>),
    Flush(SyncSender<()>),
    End,
}

/// How lines look on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For people.
    Text,
    /// A JSON object a line.
    Json,
}

/// Starts the process's log: a global subscriber, panics and the `log` crate's records included. For the command line alone.
/// The log is complete once the guard is dropped.
///
/// # Errors
/// The file cannot be opened, the thread cannot be started, or there is a log already.
pub fn init(settings: &config::Log, run_id: &str, clock: Clock) -> Result<LogGuard, LogError> {
    let form = match settings.format {
        LogFormat::Text => Form::Text,
        LogFormat::Json => Form::Json,
        LogFormat::Auto if io::stderr().is_terminal() => Form::Text,
        LogFormat::Auto => Form::Json,
    };
    let view = if form == Form::Text { View::on_stderr() } else { None };
    let stderr: Box<dyn Write + Send> = match &view {
        Some(view) => Box::new(view.above(Box::new(io::stderr()))),
        None => Box::new(io::stderr()),
    };
    let (layer, mut guard) = layer(settings, run_id, clock, form, stderr)?;
    guard.view = view;
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).map_err(|_| LogError::Twice)?;
    panics::install();
    log::set_logger(&Bridge).map_err(|_| LogError::Twice)?;
    log::set_max_level(log::LevelFilter::Warn);
    Ok(guard)
}

/// The log as a layer that is nobody's global, with lines for people going to `stderr`.
///
/// # Errors
/// The file cannot be opened or the thread cannot be started.
pub fn layer(
    settings: &config::Log,
    run_id: &str,
    clock: Clock,
    form: Form,
    stderr: Box<dyn Write + Send>,
) -> Result<(LogLayer, LogGuard), LogError> {
    let file = open(&settings.file).map_err(|source| LogError::Open { path: settings.file.clone(), source })?;
    let (lines, orders) = sync_channel(QUEUE);
    let repeats = Repeats::new(settings.heartbeat);
    let writer = Writer { file: Some(file), stderr, form, run_id: run_id.into(), repeats, clock };
    let tick = settings.heartbeat.max(Duration::from_millis(10));
    let thread = std::thread::Builder::new().name("log".into()).spawn(move || writer.run(&orders, tick));
    let thread = thread.map_err(LogError::Thread)?;
    let layer = LogLayer { lines: lines.clone(), level: filter(settings.level), clock };
    Ok((layer, LogGuard { lines, thread: Some(thread), form, view: None }))
}

fn open(path: &Path) -> io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    OpenOptions::new().create(true).append(true).open(path)
}

const fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// Turns events into lines for the writing thread.
#[derive(Debug)]
pub struct LogLayer {
    lines: SyncSender<Order>,
    level: LevelFilter,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for LogLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        let limit = if metadata.target() == say::OUTCOME {
            LevelFilter::INFO
        } else if is_ours(metadata.target()) {
            self.level
        } else {
            self.level.min(LevelFilter::WARN)
        };
        !metadata.is_span() && *metadata.level() <= limit
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level.max(LevelFilter::INFO))
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Line::of(event, self.clock.now());
        if let Err(unsent) = self.lines.send(Order::Line(Box::new(line)))
            && let Order::Line(line) = unsent.0
            && line.level == Level::ERROR
        {
            // The log is closed. What needs a hand is said all the same.
            let _ = writeln!(io::stderr(), "{}", line.text());
        }
    }
}

/// Keeps the log open; its drop writes out what is left and closes it.
#[derive(Debug)]
pub struct LogGuard {
    lines: SyncSender<Order>,
    thread: Option<JoinHandle<()>>,
    form: Form,
    view: Option<View>,
}

impl LogGuard {
    /// Waits until everything said so far is written.
    pub fn flush(&self) {
        flush(&self.lines);
    }

    /// Something that does the same and takes the view away, for whoever leaves without dropping this.
    pub fn flusher(&self) -> impl Fn() + 'static {
        let (lines, view) = (self.lines.clone(), self.view.clone());
        move || {
            flush(&lines);
            view.iter().for_each(View::close);
        }
    }

    /// The view below the log, where people read it on a terminal.
    pub const fn view(&self) -> Option<&View> {
        self.view.as_ref()
    }

    /// How lines look on stderr.
    pub const fn form(&self) -> Form {
        self.form
    }
}

fn flush(lines: &SyncSender<Order>) {
    let (done, written) = sync_channel(1);
    if lines.send(Order::Flush(done)).is_ok() {
        // An error says that the thread is gone: then nothing is left to wait for.
        let _ = written.recv();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        let _ = self.lines.send(Order::End);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.view.iter().for_each(View::close);
    }
}

/// What the writing thread owns.
struct Writer {
    /// Gone after the first failure, which is said.
    file: Option<File>,
    stderr: Box<dyn Write + Send>,
    form: Form,
    run_id: String,
    repeats: Repeats,
    clock: Clock,
}

impl Writer {
    fn run(mut self, orders: &Receiver<Order>, tick: Duration) {
        loop {
            match orders.recv_timeout(tick) {
                Ok(Order::Line(line)) => self.take(*line),
                Ok(Order::Flush(done)) => drop(done),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Order::End) | Err(RecvTimeoutError::Disconnected) => break,
            }
            for line in self.repeats.due(self.clock.now()) {
                self.show(&line);
            }
        }
        for line in self.repeats.rest(self.clock.now()) {
            self.show(&line);
        }
    }

    fn take(&mut self, line: Line) {
        let json = format!("{}\n", line.json(&self.run_id));
        let written = self.file.as_mut().map(|file| file.write_all(json.as_bytes()));
        if let Some(Err(error)) = written {
            self.file = None;
            // A log that cannot be written is no reason to stop a crawl, and stderr is still there.
            let _ = writeln!(self.stderr, "warning: the log file cannot be written any more: {error}");
        }
        if let Some(line) = self.repeats.admit(line) {
            self.show(&line);
        }
    }

    /// Whole lines in one write each, so that they do not mix with what else is written to a terminal.
    fn show(&mut self, line: &Line) {
        let mut text = match self.form {
            Form::Text => line.text(),
            Form::Json => line.json(&self.run_id),
        };
        text.push('\n');
        // Nobody may be reading stderr any more; the file has the line.
        let _ = self.stderr.write_all(text.as_bytes());
    }
}

/// Hands records of the `log` crate, which actix, awc and rustls speak to, on to `tracing`.
struct Bridge;

impl log::Log for Bridge {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Warn
    }

    fn log(&self, record: &log::Record<'_>) {
        match record.level() {
            log::Level::Error => {
                tracing::error!(event = "library", target = record.target(), "{}", record.args());
            }
            log::Level::Warn => tracing::warn!(event = "library", target = record.target(), "{}", record.args()),
            log::Level::Info | log::Level::Debug | log::Level::Trace => {}
        }
    }

    fn flush(&self) {}
}

#[cfg(test)]
mod tests;
