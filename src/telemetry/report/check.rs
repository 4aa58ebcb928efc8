//! Does the report add up? Each promised sum is checked; what differs is named.
//!
//! In come a finished report and what an earlier process of the run had done, out go sentences about sums that do not hold. A difference is a bug of ours. Pure.

use super::Report;
use crate::dispatcher::notice::Ending;
use crate::frontier::Stats;

/// The sums that do not hold.
pub(super) fn discrepancies(report: &Report, before: &Stats, ending: &Ending) -> Vec<String> {
    let mut checks = Checks(Vec::new());
    let tasks = &report.tasks;
    checks.equal(
        ("found", tasks.found),
        ("done + gone + dead + excluded + left", tasks.done + tasks.gone + tasks.dead + tasks.excluded + tasks.left),
    );
    let fetches = ("fetches", report.fetches.total);
    checks.equal(fetches, ("the sum over verdicts", report.fetches.by_verdict.values().sum()));
    checks.equal(fetches, ("the sum over suspects", report.fetches.by_suspect.values().sum()));
    checks.equal(fetches, ("the sum over proxies", report.proxies.iter().map(|proxy| proxy.fetches).sum()));
    checks.equal(fetches, ("the sum over hosts", report.hosts.values().map(|host| host.fetches).sum()));
    let requests = &report.requests;
    checks.equal(
        ("requests + unsent", requests.total + requests.unsent),
        (
            "fetches + probes + hops + redials",
            report.fetches.total + requests.probes + requests.hops + requests.redials,
        ),
    );
    let dead = report.dead_letters.values().map(|letters| letters.count).sum();
    // A run that was cut short may have pages that ended but were not committed.
    if *ending == Ending::Complete {
        let stages = || tasks.by_stage.values();
        // What an earlier process of the run has done is in no count of fetches.
        let since = |now: u64, before: u64| now.saturating_sub(before);
        checks.equal(
            ("done", since(tasks.done, before.done)),
            ("the sum over stages", stages().map(|stage| stage.done).sum()),
        );
        checks.equal(
            ("gone", since(tasks.gone, before.gone)),
            ("the sum over stages", stages().map(|stage| stage.gone).sum()),
        );
        checks.equal(("dead", since(tasks.dead, before.dead)), ("the sum over dead letters", dead));
        checks.equal(("left", tasks.left), ("nothing", 0));
    }
    checks.0
}

struct Checks(Vec<String>);

impl Checks {
    fn equal(&mut self, (left, a): (&str, u64), (right, b): (&str, u64)) {
        if a != b {
            self.0.push(format!("{left} is {a}, but {right} is {b}"));
        }
    }
}
