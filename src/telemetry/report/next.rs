//! The last word of a report: what to do next.
//!
//! In come how a run ended and what is known of it, out goes one line. It promises nothing that this version does not do.

use super::Run;
use crate::dispatcher::notice::Ending;
use crate::verdict::OUTAGE;

/// One line that says what to do next. A run in memory cannot be continued, only started over.
pub(super) fn step(ending: &Ending, dead: u64, run: &Run) -> String {
    let again = if run.durable {
        format!("continue with `burdock run {}`", run.config.display())
    } else {
        format!("start over with `burdock run {} --fresh`", run.config.display())
    };
    let feeds: Vec<_> = run.places.feeds.iter().map(|feed| feed.display().to_string()).collect();
    match ending {
        Ending::Complete if dead == 0 => format!("the records are in {}", feeds.join(", ")),
        Ending::Complete if run.durable => {
            let config = run.config.display();
            format!(
                "`burdock dead {config}` says why pages were given up on, `burdock retry {config} --run` tries them again"
            )
        }
        Ending::Complete => {
            format!("see dead_letters in {} for why pages were given up on", run.places.report.display())
        }
        Ending::NoProxy { commonest } => {
            let commonest = commonest.as_ref().map_or_else(String::new, |reason| format!(" ({reason})"));
            format!("check the proxies{commonest}, then {again}")
        }
        Ending::Guarded { reason } if reason.code == "robots.denied" => {
            format!("begin elsewhere; or, if you may crawl it all the same, set robots.obey = false and {again}")
        }
        Ending::Guarded { reason } if reason.code == "robots.unreachable" => {
            format!(
                "{again} when the site is well; or, if you may crawl it all the same, set robots.obey = false first"
            )
        }
        Ending::Guarded { reason } if reason.code == OUTAGE => format!("once that works again, {again}"),
        Ending::Guarded { .. } => format!("mend that or slow down, then {again}"),
        Ending::Limit { .. } | Ending::Interrupted(_) => {
            format!("what was fetched is in the feeds; {again}")
        }
        Ending::Died { .. } => {
            format!("look for `panic` in {}, then {again}", run.places.log.display())
        }
        Ending::Failed { .. } => format!("mend that, then {again}"),
    }
}
