//! What `burdock status` shows: the same facts as text for people and as one JSON object.
//!
//! In comes how a run stands, out goes text. Pure.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{Holdings, Standing};
use crate::exit::ExitCode;
use crate::frontier::FeedCursor;
use crate::frontier::sqlite::{Overview, StageTasks};
use crate::run_folder::Progress;
use crate::telemetry::shown::{count, printable};

impl Standing {
    /// For people.
    pub(super) fn text(&self) -> String {
        let glance = &self.stored.glance;
        let progress = glance.progress();
        let process = glance.holder.map_or_else(String::new, |holder| {
            let pid = holder.pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
            format!(", {pid} since {}", holder.since.rfc3339())
        });
        let mut text = format!("{}: {}{process}\n", glance.manifest.name, progress.as_str());
        row(&mut text, "run", &format!("{}, begun {}", glance.manifest.id, glance.manifest.started));
        if let Some(end) = &glance.end {
            let span = end.started.as_ref().zip(end.ended.as_ref());
            let span = span.map_or_else(String::new, |(from, to)| format!(", from {from} to {to}"));
            let code = end.exit_code.code();
            row(&mut text, "last end", &format!("{}, exit code {code}{span}", end.ended_because));
        }
        if let Some(at) = &glance.manifest.reopened {
            row(&mut text, "retry", &format!("pages were put back at {at}"));
        }
        match &self.holdings {
            Some(holdings) => holdings.text(&mut text),
            None => row(&mut text, "pages", "in memory, so that nothing of them can be shown from here"),
        }
        row(&mut text, "next", &self.next());
        text
    }

    /// For programs.
    pub(super) fn json(&self) -> Value {
        let glance = &self.stored.glance;
        let holder = glance.holder.map(|holder| json!({ "pid": holder.pid, "since": holder.since.rfc3339() }));
        let end = glance.end.as_ref().map(|end| {
            let code = ExitCode::code(end.exit_code);
            json!({ "started": end.started, "ended": end.ended, "exit_code": code, "because": end.ended_because })
        });
        let (overview, stages) = (self.overview(), self.holdings.as_ref().map(|holdings| &holdings.stages));
        let by_stage = stages.map(|stages| stages.iter().map(|stage| (stage.stage.to_string(), of_stage(stage))));
        json!({
            "name": glance.manifest.name,
            "run_id": glance.manifest.id,
            "folder": glance.folder.display().to_string(),
            "config": self.stored.source.path.display().to_string(),
            "state": glance.progress().as_str(),
            "running": holder,
            "started": glance.manifest.started,
            "reopened": glance.manifest.reopened,
            "last_end": end,
            "durable": self.holdings.is_some(),
            "tasks": overview.map(tasks),
            "by_stage": by_stage.map(Iterator::collect::<serde_json::Map<_, _>>),
            "starts_read": overview.map(|overview| overview.starts_read),
            "records": overview.map(|overview| overview.stats.records),
            "feeds": overview.map(|overview| {
                overview.feeds.iter().map(|feed| of_feed(feed, overview)).collect::<Vec<_>>()
            }),
            "dead_letters": overview.map(|overview| {
                let dead = |dead: &crate::frontier::sqlite::DeadCount| {
                    json!({ "reason": dead.code, "stage": &*dead.stage, "count": dead.count })
                };
                overview.dead.iter().map(dead).collect::<Vec<_>>()
            }),
            "next": self.next(),
        })
    }

    fn overview(&self) -> Option<&Overview> {
        self.holdings.as_ref().map(|holdings| &holdings.overview)
    }

    /// What to do next.
    fn next(&self) -> String {
        let stored = &self.stored;
        let dead = self.overview().map_or(0, |overview| overview.stats.dead);
        match (stored.glance.progress(), &self.holdings) {
            (Progress::Running, _) => "nothing: it goes on by itself; SIGINT stops it in order".to_owned(),
            (Progress::Unfinished, Some(_)) => format!("continue with `{}`", stored.command("run")),
            (Progress::Unfinished, None) => {
                format!("a run in memory cannot be continued: start over with `{} --fresh`", stored.command("run"))
            }
            (Progress::Finished, None) => format!("see {}", stored.glance.report_path().display()),
            (Progress::Finished, Some(_)) if dead > 0 => format!(
                "`{}` says why pages were given up on, `{} --run` tries them again",
                stored.command("dead"),
                stored.command("retry")
            ),
            (Progress::Finished, Some(_)) => {
                let feeds = stored.settings.feeds.iter().map(|feed| feed.path.display().to_string());
                format!("the records are in {}", feeds.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Holdings {
    fn text(&self, text: &mut String) {
        let Self { overview, stages } = self;
        let stats = &overview.stats;
        let sums = [stats.found, stats.done, stats.gone, stats.dead, stats.excluded, stats.left()];
        row(text, "pages", &sentence(sums));
        if stats.left() > 0 {
            let apart = stats.quarantined;
            let (ready, delayed, out) = (count(stats.ready), count(stats.delayed), count(stats.leased));
            row(text, "left", &format!("{ready} ready, {delayed} delayed, {out} out, {apart} set apart after crashes"));
        }
        for StageTasks { stage, found, left, done, gone, dead, excluded } in stages {
            row(text, "stage", &format!("{stage}: {}", sentence([*found, *done, *gone, *dead, *excluded, *left])));
        }
        row(text, "starts", &format!("{} start URLs read", count(overview.starts_read)));
        row(text, "records", &count(stats.records));
        for feed in &overview.feeds {
            let (kind, path) = feed_name(feed);
            let behind = behind(feed, overview);
            let how = if behind == 0 { "has them all".to_owned() } else { format!("lacks the last {}", count(behind)) };
            row(text, "feed", &format!("{path} ({kind}) {how}"));
        }
        for dead in &overview.dead {
            row(text, "dead", &format!("{} {} ({})", count(dead.count), dead.code, dead.stage));
        }
    }
}

fn sentence([found, done, gone, dead, excluded, left]: [u64; 6]) -> String {
    format!(
        "{} found: {} done, {} gone, {} dead, {} excluded, {} left",
        count(found),
        count(done),
        count(gone),
        count(dead),
        count(excluded),
        count(left)
    )
}

fn tasks(overview: &Overview) -> Value {
    let stats = &overview.stats;
    json!({
        "found": stats.found, "ready": stats.ready, "delayed": stats.delayed, "leased": stats.leased,
        "quarantined": stats.quarantined, "done": stats.done, "gone": stats.gone, "dead": stats.dead,
        "excluded": stats.excluded, "left": stats.left(),
    })
}

fn of_stage(stage: &StageTasks) -> Value {
    json!({
        "found": stage.found, "left": stage.left, "done": stage.done, "gone": stage.gone, "dead": stage.dead,
        "excluded": stage.excluded,
    })
}

fn of_feed(feed: &FeedCursor, overview: &Overview) -> Value {
    let (kind, path) = feed_name(feed);
    json!({
        "kind": kind, "path": path, "through": feed.through.0, "behind": behind(feed, overview), "bytes": feed.bytes,
    })
}

/// The store knows a feed as `kind:path`.
fn feed_name(feed: &FeedCursor) -> (&str, &str) {
    feed.feed.split_once(':').unwrap_or(("", &feed.feed))
}

/// Records that a feed has not dealt with.
const fn behind(feed: &FeedCursor, overview: &Overview) -> u64 {
    overview.through.0.saturating_sub(feed.through.0)
}

fn row(text: &mut String, name: &str, value: &str) {
    // Writing to a text never fails.
    _ = writeln!(text, "  {name:<9} {}", printable(value));
}
