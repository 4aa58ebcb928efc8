//! What `burdock check --proxies` shows of each proxy: a table for people, a list for programs.
//!
//! In comes what was tried, out goes text. Pure; labels are all that is shown of a proxy.

use serde_json::{Value, json};

use super::exits::shared;
use super::proxies::Tried;
use crate::telemetry::shown::{ms, printable};

/// Others with the same exit that are named.
const NAMED: usize = 2;
/// What stands where there is nothing to say.
const NONE: &str = "-";

const HEADINGS: [&str; 6] = ["proxy", "usable", "status", "ms", "exit", "remarks"];

/// The table, and a line that counts.
pub(super) fn of(tried: &[Tried]) -> String {
    let shared = same_exits(tried);
    let rows: Vec<_> = tried.iter().zip(&shared).map(|(tried, same)| row(tried, same)).collect();
    let mut widths = HEADINGS.map(str::len);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = line(&HEADINGS.map(str::to_owned), &widths);
    rows.iter().for_each(|row| text.push_str(&line(row, &widths)));
    let usable = tried.iter().filter(|tried| tried.is_usable()).count();
    let told = tried.iter().filter_map(|tried| tried.exit).collect::<std::collections::BTreeSet<_>>().len();
    let exits = if told == 0 { String::new() } else { format!(", {told} exit addresses") };
    text.push_str(&format!("{usable} of {} proxies usable{exits}\n", tried.len()));
    text
}

/// The same for programs.
pub(super) fn json(tried: &[Tried]) -> Value {
    let each = |(tried, same): (&Tried, &Vec<&str>)| {
        let probe = tried.result.as_ref().ok();
        let meters = probe.map(|probe| &probe.meters);
        json!({
            "proxy": &*tried.label,
            "usable": tried.is_usable(),
            "verdict": probe.map(|probe| probe.verdict.as_str()),
            "suspect": probe.map(|probe| probe.verdict.suspect().as_str()),
            "reason": tried.reason().map(|reason| json!({ "code": reason.code, "detail": reason.detail })),
            "status": status(tried),
            "latency_ms": tried.latency().map(ms),
            "ms": meters.map(|meters| {
                json!({ "connect": ms(meters.connect), "head": ms(meters.head), "body": ms(meters.receive) })
            }),
            "exit": tried.exit.map(|exit| exit.to_string()),
            "same_exit": same,
        })
    };
    tried.iter().zip(&same_exits(tried)).map(each).collect()
}

fn same_exits(tried: &[Tried]) -> Vec<Vec<&str>> {
    let exits: Vec<_> = tried.iter().map(|tried| tried.exit).collect();
    let label = |at: usize| tried.get(at).map(|tried| &*tried.label);
    shared(&exits).into_iter().map(|others| others.into_iter().filter_map(label).collect()).collect()
}

fn status(tried: &Tried) -> Option<u16> {
    tried.result.as_ref().ok()?.meters.status
}

fn row(tried: &Tried, same: &[&str]) -> [String; 6] {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let mut remarks = Vec::new();
    if let Some((named, more)) = (!same.is_empty()).then(|| same.split_at(same.len().min(NAMED))) {
        let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
        remarks.push(format!("same exit as {}{more}", named.join(", ")));
    }
    remarks.extend(tried.reason().map(|reason| printable(&reason.detail)));
    [
        tried.label.to_string(),
        if tried.is_usable() { "yes" } else { "no" }.to_owned(),
        or_none(status(tried).map(|status| status.to_string())),
        or_none(tried.latency().map(|latency| ms(latency).to_string())),
        or_none(tried.exit.map(|exit| exit.to_string())),
        remarks.join("; "),
    ]
}

fn line(cells: &[String; 6], widths: &[usize; 6]) -> String {
    let padded: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
    format!("{}\n", padded.join("  ").trim_end())
}
