//! Panics as log events, instead of raw text in the middle of the log.
//!
//! In comes a panic, wherever it happens; out goes one `panic` event with its message and place. What a panic means for a job
//! or an actor is decided where it is caught.

use std::panic::PanicHookInfo;

/// From here on panics are logged; one that happens before there is a log is printed as usual.
pub fn install() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(
        move |panic| {
            if tracing::enabled!(tracing::Level::ERROR) { said(panic) } else { usual(panic) }
        },
    ));
}

fn said(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let what = text.unwrap_or("a panic without a message");
    tracing::error!(event = "panic", place, thread = thread.name(), "{what} (at {place})");
}
