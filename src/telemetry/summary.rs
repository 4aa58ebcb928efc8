//! The last lines on a terminal: the report in ten lines at most, the last of which says what to do next.
//!
//! In comes a report, out go lines. Pure; where they are printed is the command line's business.

use std::time::Duration;

use super::report::Report;
use super::shown::{count, size, span};
use super::tally::ProxyState;

/// Fields, and reasons, that are named in one line.
const NAMED: usize = 3;

/// The summary.
pub fn lines(report: &Report) -> Vec<String> {
    let tasks = &report.tasks;
    let mut lines = vec![
        format!("{}: {}, exit code {}", report.name, report.ended_because, report.exit_code.code()),
        row(
            "pages",
            &format!(
                "{} found: {} done, {} gone, {} dead, {} excluded, {} left",
                count(tasks.found),
                count(tasks.done),
                count(tasks.gone),
                count(tasks.dead),
                count(tasks.excluded),
                count(tasks.left)
            ),
        ),
        row("records", &records(report)),
        row("pace", &pace(report)),
        row(
            "requests",
            &format!(
                "{}, {} more than needed; {} on the wire",
                count(report.requests.total),
                count(report.requests.waste),
                size(report.bytes.wire)
            ),
        ),
        row("proxies", &proxies(report)),
    ];
    if !report.dead_letters.is_empty() {
        lines.push(row("dead", &dead(report)));
    }
    let feeds: Vec<_> = report.places.feeds.iter().map(|feed| feed.display().to_string()).collect();
    lines.push(row("feeds", &feeds.join(", ")));
    lines.push(row("log", &format!("{}, report {}", report.places.log.display(), report.places.report.display())));
    lines.push(row("next", &report.next));
    lines
}

fn row(name: &str, text: &str) -> String {
    format!("  {name:<9} {text}")
}

fn records(report: &Report) -> String {
    let mut emptiest: Vec<_> = report.fill.values().flatten().filter(|(_, share)| **share < 1.0).collect();
    emptiest.sort_by(|a, b| a.1.total_cmp(b.1));
    let named: Vec<_> =
        emptiest.iter().take(NAMED).map(|(field, share)| format!("{field} in {:.0} %", *share * 100.0)).collect();
    let fill = if named.is_empty() { String::new() } else { format!("; {}", named.join(", ")) };
    format!("{}{fill}", count(report.records))
}

fn pace(report: &Report) -> String {
    let wall = Duration::try_from_secs_f64(report.wall_s).unwrap_or_default();
    let limit = report.limited_by.map_or_else(String::new, |limit| format!(", limited by {}", limit.as_str()));
    format!("{:.0} pages a minute over {}{limit}", report.pages_per_minute, span(wall))
}

fn proxies(report: &Report) -> String {
    let of = |state: ProxyState| report.proxies.iter().filter(|proxy| proxy.state == state).count();
    let replaced = report.proxies.iter().filter(|proxy| proxy.replaced > 0).count();
    let seldom = [(ProxyState::UsedUp, "used up"), (ProxyState::Removed, "removed")];
    let seldom: String = seldom
        .into_iter()
        .filter(|(state, _)| of(*state) > 0)
        .map(|(state, word)| format!(", {} {word}", of(state)))
        .collect();
    format!(
        "{}: {replaced} replaced, {} never used, {} resting, {} retired{seldom}",
        report.proxies.len(),
        of(ProxyState::Unused),
        of(ProxyState::Cooling),
        of(ProxyState::Retired)
    )
}

fn dead(report: &Report) -> String {
    let mut reasons: Vec<_> = report.dead_letters.iter().collect();
    reasons.sort_by_key(|(_, letters)| std::cmp::Reverse(letters.count));
    let named: Vec<_> =
        reasons.iter().take(NAMED).map(|(code, letters)| format!("{} {code}", count(letters.count))).collect();
    let more = reasons.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(" and {more} more reasons") } else { String::new() };
    format!("{}{more}", named.join(", "))
}
