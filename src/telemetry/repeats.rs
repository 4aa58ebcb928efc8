//! Warnings that repeat are counted, not repeated.
//!
//! The first warning of an event and reason is written; what is like it within one heartbeat is held back and counted; the
//! heartbeat's end writes the last of them with the field `repeats`. Pure: time is given.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::Level;

use super::line::Line;
use crate::clock::Timestamp;

/// What makes two warnings alike: the event, and the reason's code or the library's target.
type Kind = (String, String);

#[derive(Debug)]
struct Window {
    ends: Timestamp,
    held: Option<(u64, Line)>,
}

/// The warnings of the last heartbeat.
#[derive(Debug)]
pub struct Repeats {
    window: Duration,
    open: BTreeMap<Kind, Window>,
}

impl Repeats {
    /// Nothing seen so far; what is alike within `window` counts as a repeat.
    pub fn new(window: Duration) -> Self {
        Self { window, open: BTreeMap::new() }
    }

    /// The line, if it is to be written now.
    pub fn admit(&mut self, line: Line) -> Option<Line> {
        if line.level != Level::WARN {
            return Some(line);
        }
        match self.open.get_mut(&kind(&line)) {
            Some(window) => {
                let count = window.held.take().map_or(0, |(count, _)| count);
                window.held = Some((count + 1, line));
                None
            }
            None => {
                self.open.insert(kind(&line), Window { ends: line.at + self.window, held: None });
                Some(line)
            }
        }
    }

    /// Ends the windows that are over by `now`: the counted lines, to be written.
    pub fn due(&mut self, now: Timestamp) -> Vec<Line> {
        let mut counted = Vec::new();
        let next = now + self.window;
        self.open.retain(|_, window| {
            if window.ends > now {
                return true;
            }
            let Some((count, line)) = window.held.take() else { return false };
            counted.push(with_count(line, count, now));
            window.ends = next;
            true
        });
        counted
    }

    /// The end: whatever is still held back.
    pub fn rest(&mut self, now: Timestamp) -> Vec<Line> {
        let open = std::mem::take(&mut self.open);
        open.into_values().filter_map(|window| window.held).map(|(count, line)| with_count(line, count, now)).collect()
    }
}

fn kind(line: &Line) -> Kind {
    let target = || line.fields.get("target").and_then(|target| target.as_str());
    (line.event.clone(), line.reason().or_else(target).unwrap_or_default().to_owned())
}

fn with_count(mut line: Line, count: u64, now: Timestamp) -> Line {
    line.at = now;
    line.fields.insert("repeats".into(), count.into());
    if count > 1 {
        line.message = format!("{} (and {} more like it)", line.message, count - 1);
    }
    line
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn warning(at: u64, event: &str, code: &str) -> Line {
        let fields = Map::from_iter([("reason".to_owned(), json!({ "code": code }))]);
        let at = Timestamp::from_micros(at * 1_000_000);
        Line { at, level: Level::WARN, event: event.into(), message: format!("at {at:?}"), fields }
    }

    #[test]
    fn of_like_warnings_the_first_is_written_and_the_others_are_counted_once() {
        let mut repeats = Repeats::new(Duration::from_secs(30));
        assert!(repeats.admit(warning(0, "page.dead", "status.404")).is_some());
        for second in 1..=20 {
            assert!(repeats.admit(warning(second, "page.dead", "status.404")).is_none());
        }
        assert!(repeats.admit(warning(21, "page.dead", "status.500")).is_some(), "another reason is another warning");
        assert!(repeats.due(Timestamp::from_micros(29_000_000)).is_empty());
        let counted = repeats.due(Timestamp::from_micros(30_000_000));
        assert_eq!(counted.len(), 1);
        assert_eq!(counted[0].fields["repeats"], 20);
        assert!(counted[0].message.ends_with("(and 19 more like it)"));
    }

    #[test]
    fn a_warning_that_goes_on_is_written_once_a_window_and_one_that_stops_is_forgotten() {
        let mut repeats = Repeats::new(Duration::from_secs(30));
        let mut written = 0;
        for second in 0..300 {
            let line = warning(second, "proxy.paused", "status.403");
            written += repeats.due(line.at).len() + usize::from(repeats.admit(line).is_some());
        }
        assert_eq!(written, 10);
        repeats.due(Timestamp::from_micros(400_000_000));
        repeats.due(Timestamp::from_micros(500_000_000));
        assert!(repeats.open.is_empty(), "nothing is kept of what is over");
    }

    #[test]
    fn what_is_held_back_at_the_end_is_written_then() {
        let mut repeats = Repeats::new(Duration::from_secs(30));
        repeats.admit(warning(0, "worker.died", ""));
        repeats.admit(warning(1, "worker.died", ""));
        let rest = repeats.rest(Timestamp::from_micros(2_000_000));
        assert_eq!(rest.iter().map(|line| line.fields["repeats"].clone()).collect::<Vec<_>>(), [json!(1)]);
    }

    #[test]
    fn only_warnings_are_counted() {
        let mut repeats = Repeats::new(Duration::from_secs(30));
        for level in [Level::ERROR, Level::INFO, Level::DEBUG] {
            let line = Line { level, ..warning(0, "x", "y") };
            assert!(repeats.admit(line.clone()).is_some() && repeats.admit(line).is_some());
        }
    }
}
