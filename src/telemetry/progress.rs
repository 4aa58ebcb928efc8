//! The view on a terminal: two lines below the log that say how it goes.
//!
//! In come glances at the tally and the log's lines; out go both, so that neither tears the other. It knows terminals, and
//! nothing of a crawl beyond a [`Glance`]; where no terminal reads along there is no view.

mod glance;

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

pub use glance::{Glance, Pace};

/// How often the view is drawn anew: often enough to look alive, seldom enough to cost nothing.
pub const REFRESH: Duration = Duration::from_millis(250);

/// The view; clones are the same one.
#[derive(Clone, Debug)]
pub struct View {
    lines: MultiProgress,
    pages: ProgressBar,
    proxies: ProgressBar,
    /// Is the terminal there still? Drawing on one that was closed panics.
    is_there: fn() -> bool,
}

impl View {
    /// A view on stderr, if that is a terminal that lines can be drawn on.
    pub fn on_stderr() -> Option<Self> {
        let is_there = || io::stderr().is_terminal();
        let view = is_there().then(|| Self { is_there, ..Self::on(ProgressDrawTarget::stderr()) })?;
        (!view.lines.is_hidden()).then_some(view)
    }

    fn on(target: ProgressDrawTarget) -> Self {
        let style = |template| ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        let lines = MultiProgress::with_draw_target(target);
        // What is wide is cut at the edge: a line that breaks could not be drawn over.
        let pages = lines.add(ProgressBar::new(0).with_style(style("{bar:24} {wide_msg}").progress_chars("█▓░")));
        let proxies = lines.add(ProgressBar::new(0).with_style(style("{wide_msg}")));
        Self { lines, pages, proxies, is_there: || true }
    }

    /// Shows how it goes.
    pub fn show(&self, glance: &Glance) {
        if !(self.is_there)() {
            return;
        }
        self.pages.set_length(glance.ended().saturating_add(glance.left()));
        self.pages.set_position(glance.ended());
        self.pages.set_message(glance.of_pages());
        self.proxies.set_message(glance.of_proxies());
    }

    /// A way to `terminal` for whole lines, which come to stand above the view.
    pub fn above(&self, terminal: Box<dyn Write + Send>) -> Above {
        Above { view: self.clone(), terminal }
    }

    /// Takes it away.
    pub fn close(&self) {
        self.pages.finish_and_clear();
        self.proxies.finish_and_clear();
    }
}

/// Writes above a view.
pub struct Above {
    view: View,
    terminal: Box<dyn Write + Send>,
}

impl Write for Above {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let Self { view, terminal } = self;
        if !(view.is_there)() {
            return terminal.write(text);
        }
        view.lines.suspend(|| terminal.write_all(text))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.terminal.flush()
    }
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, TermLike};

    use super::*;
    use crate::frontier::Stats;

    #[derive(Clone, Debug)]
    struct Screen(InMemoryTerm);

    impl Write for Screen {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            // As the terminal's line discipline does it.
            self.0.write_str(&std::str::from_utf8(text).unwrap().replace('\n', "\r\n"))?;
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }

    fn glance(done: u64) -> Glance {
        let stats = Stats { found: 100, done, ready: 100 - done, unread: Some(0), ..Stats::default() };
        Glance { stats, bound: 8, parked: 2, ..Glance::default() }
    }

    #[test]
    fn log_lines_stand_whole_above_the_view_and_nothing_of_it_is_left_at_the_end() {
        let screen = Screen(InMemoryTerm::new(20, 60));
        // Without a limit, so that each glance is drawn.
        let view = View::on(ProgressDrawTarget::term_like_with_hz(Box::new(screen.0.clone()), 255));
        let mut log = view.above(Box::new(screen.clone()));
        for done in 1..=5 {
            view.show(&glance(done));
            log.write_all(format!("line {done}, {}\n", "x".repeat(20)).as_bytes()).unwrap();
        }
        let shown = screen.0.contents();
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 7, "{shown}");
        for (at, line) in lines[..5].iter().enumerate() {
            assert_eq!(*line, format!("line {}, {}", at + 1, "x".repeat(20)), "{shown}");
        }
        assert!(lines[5].contains("5 done, 95 left"), "{shown}");
        assert!(lines[6].starts_with("8 workers bound, 2 parked"), "{shown}");

        view.close();
        log.write_all(b"the last line\n").unwrap();
        let shown = screen.0.contents();
        assert_eq!(shown.lines().count(), 6, "{shown}");
        assert!(shown.ends_with("the last line"), "{shown}");
    }

    #[test]
    fn on_a_narrow_terminal_lines_are_cut_not_broken() {
        let screen = InMemoryTerm::new(20, 30);
        let view = View::on(ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255));
        (1..=3).for_each(|done| view.show(&glance(done)));
        let mut log = view.above(Box::new(Screen(screen.clone())));
        log.write_all(b"a line\n").unwrap();
        assert_eq!(screen.contents().lines().count(), 3, "{}", screen.contents());
    }
}
