use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};

use serde_json::Value;
use tempfile::TempDir;

use super::*;

/// A stderr that can be read.
struct Screen(Sender<Vec<u8>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What reached the file and stderr once the log was closed.
struct Said {
    file: Vec<Value>,
    screen: String,
}

fn log_of(level: LogLevel, form: Form, say: impl FnOnce()) -> Said {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("deeper").join("run.log.jsonl");
    let settings =
        config::Log { format: LogFormat::Auto, level, heartbeat: Duration::from_secs(3600), file: file.clone() };
    let (screen, shown) = channel();
    let (layer, guard) = layer(&settings, "r-1", Clock::start(), form, Box::new(Screen(screen))).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), say);
    drop(guard);
    let text = std::fs::read_to_string(file).unwrap();
    let file = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    Said { file, screen: String::from_utf8(shown.iter().flatten().collect()).unwrap() }
}

#[test]
fn a_dotted_field_nests_and_each_line_begins_with_time_level_event_message_and_run() {
    let said = log_of(LogLevel::Info, Form::Json, || {
        tracing::info!(
            event = "proxy.bound",
            worker.id = "3.0",
            proxy.label = "a:1",
            proxy.epoch = 7u64,
            "hello {}",
            1
        );
    });
    let line = &said.file[0];
    assert_eq!(line["proxy"], serde_json::json!({ "label": "a:1", "epoch": 7 }));
    assert_eq!(line["worker"]["id"], "3.0");
    assert_eq!(
        (&line["level"], &line["event"], &line["message"]),
        (&"info".into(), &"proxy.bound".into(), &"hello 1".into())
    );
    assert_eq!(line["run"]["id"], "r-1");
    let keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys[..5], ["ts", "level", "event", "message", "run"]);
    let ts = line["ts"].as_str().unwrap();
    assert!(ts.len() == 24 && ts.ends_with('Z') && ts.parse::<jiff::Timestamp>().is_ok(), "{ts}");
    assert_eq!(serde_json::from_str::<Value>(&said.screen).unwrap(), *line, "stderr has the same line");
}

#[test]
fn lists_are_lists_and_what_is_not_known_is_not_there() {
    let said = log_of(LogLevel::Info, Form::Json, || {
        let none: Option<u64> = None;
        tracing::info!(event = "x", missing = super::super::line::list(["a", "b\""]), links.new = none, ok = true, "m");
    });
    assert_eq!(said.file[0]["missing"], serde_json::json!(["a", "b\""]));
    assert!(said.file[0].get("links").is_none());
    assert_eq!(said.file[0]["ok"], true);
}

#[test]
fn our_events_pass_at_the_level_and_those_of_libraries_from_warn_up() {
    let said = log_of(LogLevel::Debug, Form::Json, || {
        tracing::debug!(event = "ours.debug", "1");
        tracing::trace!(event = "ours.trace", "2");
        tracing::info!(target: "awc::client", event = "hidden", "3");
        tracing::info!(target: "burdocks", event = "hidden", "4");
        tracing::warn!(target: "awc::client", password = "hunter2", "5");
        tracing::info!(target: "burdock::dispatcher", event = "ours.deep", "6");
    });
    let events: Vec<_> = said.file.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["ours.debug", "library", "ours.deep"]);
    assert_eq!(said.file[1]["target"], "awc::client");
    assert!(said.file[1].get("password").is_none(), "fields of others are not known to be free of secrets");
}

#[test]
fn how_a_run_ended_is_said_at_every_level() {
    let said = log_of(LogLevel::Error, Form::Json, || {
        tracing::warn!(event = "hidden", "1");
        tracing::info!(target: say::OUTCOME, event = "run.finished", "2");
    });
    assert_eq!(said.file.len(), 1);
    assert_eq!(said.file[0]["event"], "run.finished");
}

#[test]
fn text_is_one_line_even_where_a_site_put_control_characters_into_it() {
    let said = log_of(LogLevel::Info, Form::Text, || {
        tracing::info!(event = "x.y", "a\n12:00:00 ERROR forged \u{1b}[2J end");
    });
    assert_eq!(said.screen.lines().count(), 1);
    assert!(said.screen.contains(" INFO  x.y  a\\n12:00:00 ERROR forged \\u{1b}[2J end"), "{}", said.screen);
    assert_eq!(said.screen.as_bytes()[2], b':', "it begins with the time");
    assert_eq!(said.file[0]["message"], "a\n12:00:00 ERROR forged \u{1b}[2J end");
}

#[test]
fn on_stderr_repeated_warnings_are_counted_and_in_the_file_each_is_there() {
    let said = log_of(LogLevel::Info, Form::Json, || {
        for url in 0..50 {
            tracing::warn!(event = "page.dead", reason.code = "status.500", task.url = url, "dead");
        }
    });
    assert_eq!(said.file.len(), 50);
    let shown: Vec<Value> = said.screen.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(shown.len(), 2);
    assert_eq!(shown[1]["repeats"], 49);
}

#[test]
fn the_log_is_whole_once_its_guard_is_dropped_however_many_threads_speak() {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let said = log_of(LogLevel::Info, Form::Text, || {
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        let dispatch = Arc::new(dispatch);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let dispatch = Arc::clone(&dispatch);
                scope.spawn(move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        for _ in 0..5_000 {
                            tracing::info!(event = "n", n = COUNT.fetch_add(1, Ordering::Relaxed), "n");
                        }
                    });
                });
            }
        });
    });
    let mut numbers: Vec<_> = said.file.iter().map(|line| line["n"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..20_000));
}

#[test]
fn a_log_file_is_appended_to_and_one_that_cannot_be_opened_is_named() {
    let folder = TempDir::new().unwrap();
    let log = |file: PathBuf| config::Log {
        format: LogFormat::Json,
        level: LogLevel::Info,
        heartbeat: Duration::from_secs(30),
        file,
    };
    let file = folder.path().join("run.log.jsonl");
    for _ in 0..2 {
        let (layer, guard) = layer(&log(file.clone()), "r", Clock::start(), Form::Json, Box::new(io::sink())).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::info!(event = "x", "m");
            guard.flush();
            assert!(std::fs::read_to_string(&file).unwrap().ends_with('\n'), "flushed means written");
        });
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 2);
    let error = layer(&log(folder.path().into()), "r", Clock::start(), Form::Json, Box::new(io::sink())).unwrap_err();
    assert!(error.to_string().starts_with(&format!("log file {}: ", folder.path().display())), "{error}");
}
