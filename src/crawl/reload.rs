//! The proxies file of a running crawl: read again when it has changed, or when SIGHUP asks for it.
//!
//! In come the watcher's signs; out go the proxies to the dispatcher, or a warning that the file cannot be used, and nothing of it is.
//! What follows from other proxies is the dispatcher's business.

use std::io::{IsTerminal, stderr};

use actix::Addr;

use crate::config::ProxiesFile;
use crate::dispatcher::actor::Dispatcher;
use crate::protocol::{ProxiesRead, Signal, Stop};
use crate::telemetry::say;
use crate::watcher::{Sign, Watcher};

/// Follows the file until it is aborted.
pub(super) async fn follow(file: ProxiesFile, dispatcher: Addr<Dispatcher>) {
    let mut watcher = match Watcher::new(file.path(), file.stamp()) {
        Ok((watcher, None)) => watcher,
        Ok((watcher, Some(error))) => {
            say::unwatched(&error.to_string());
            watcher
        }
        Err(error) => return say::unwatched(&error.to_string()),
    };
    let on_terminal = stderr().is_terminal();
    loop {
        let sign = watcher.next().await;
        if sign == Sign::Asked && on_terminal && !stderr().is_terminal() {
            // Nobody asks for anything: the terminal is gone, and whoever sat there does not see the crawl any more.
            dispatcher.do_send(Stop(Signal::Terminate));
            continue;
        }
        let again = file.clone();
        match actix_rt::task::spawn_blocking(move || again.read()).await {
            Ok(Ok(endpoints)) => dispatcher.do_send(ProxiesRead(endpoints)),
            Ok(Err(why)) => say::proxies_refused(&why),
            // The runtime is ending.
            Err(_) => return,
        }
    }
}
