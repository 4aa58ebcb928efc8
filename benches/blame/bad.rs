//! The table of bad proxies: a share of the pool, of one kind, beside a crawl with only the good ones.
//!
//! What it should show: nothing missing, at least 0.95 of the goodput of the good ones alone, and at most `health.max_errors` + 1
//! fetches through a dead proxy for each time that a worker is given one.

use crate::common::Behaviour;
use crate::figures::Figures;
use crate::scale::{PER_LIST, Scale};

/// One kind of bad proxies.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    behaviour: &'static str,
    /// Pages that each brings before it breaks.
    before: u32,
    /// As many as this share of a good one brings.
    share: f64,
}

pub(crate) const KINDS: [Kind; 5] = [
    Kind { name: "dead", behaviour: "dead", before: 0, share: 0.0 },
    Kind { name: "flaky", behaviour: "flaky:0.8", before: 0, share: 0.2 },
    Kind { name: "banning", behaviour: "ban-after:10", before: 10, share: 0.0 },
    Kind { name: "soft-banning", behaviour: "captcha-after:10", before: 10, share: 0.0 },
    Kind { name: "stalling", behaviour: "stalling", before: 0, share: 0.0 },
];

pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    KINDS.iter().map(|kind| kind.name)
}

impl Kind {
    /// How its proxies behave.
    pub(crate) fn behaviour(&self) -> Behaviour {
        self.behaviour.parse().unwrap()
    }

    /// Lists of as many pages as so many of them bring while the good ones are at work.
    pub(crate) fn lists(&self, scale: &Scale, count: usize) -> u32 {
        let before = self.before * u32::try_from(count).unwrap() / (PER_LIST + 1);
        scale.lists(count as f64 * self.share) + before
    }
}

/// Bad and good proxies in turn, as a list that nobody has sorted has them.
pub(crate) fn mixed(count: usize, share: usize, bad: impl Fn(usize) -> Behaviour) -> Vec<Behaviour> {
    let is_bad = |nth: usize| (nth + 1) * share / 100 > nth * share / 100;
    (0..count).map(|nth| if is_bad(nth) { bad(nth) } else { Behaviour::Good }).collect()
}

/// Measures and prints, line by line.
pub(crate) fn table(scale: &Scale, kinds: &[&str], shares: &[usize]) {
    println!(
        "{:>4} {:<13} {:>6} {:>6} {:>8} {:>6} {:>6} {:>6} {:>7} {:>5} {:>5} {:>6} {:>13} {:>6} {:>6} {:>4}",
        "bad%",
        "kind",
        "pages",
        "wall s",
        "rec/min",
        "ratio",
        "good",
        "steady",
        "missing",
        "false",
        "dead",
        "waste",
        "fails/binding",
        "good-",
        "good!",
        "exit"
    );
    for share in shares {
        let bad = scale.proxies * share / 100;
        let good = scale.proxies - bad;
        let lists = scale.lists(good as f64);
        let alone = crawl(scale, lists, vec![Behaviour::Good; good]);
        line(*share, "(none)", lists, &alone, &alone);
        for kind in KINDS.iter().filter(|kind| *share > 0 && kinds.contains(&kind.name)) {
            let lists = lists + kind.lists(scale, bad);
            let figures = crawl(scale, lists, mixed(scale.proxies, *share, |_| kind.behaviour()));
            line(*share, kind.name, lists, &figures, &alone);
        }
    }
    println!(
        "ratio: records a minute / those of the good ones alone (good: only those that the good ones brought; steady: without the \
         first and the last tenth); fails/binding: \
         fetches that failed through a bad proxy each time that a worker had one, on the average and at most; good-: charges of \
         good proxies, good!: good proxies replaced\n"
    );
}

fn crawl(scale: &Scale, lists: u32, proxies: Vec<Behaviour>) -> Figures {
    Figures::of(&scale.bed(lists, proxies).crawl())
}

fn line(share: usize, kind: &str, lists: u32, figures: &Figures, alone: &Figures) {
    let bindings = &figures.failed_per_binding;
    let mean = bindings.iter().sum::<u32>() as f64 / bindings.len().max(1) as f64;
    println!(
        "{share:>4} {kind:<13} {:>6} {:>6.1} {:>8.0} {:>6.2} {:>6.2} {:>6.2} {:>7} {:>5} {:>5} {:>6} {mean:>8.2}, {:>3} {:>6} {:>6} {:>4}",
        lists * (PER_LIST + 1),
        figures.wall,
        figures.goodput,
        figures.goodput / alone.goodput,
        figures.goodput_of_good() / alone.goodput,
        figures.steady / alone.steady,
        figures.missing,
        figures.false_records,
        figures.dead.len(),
        figures.waste,
        bindings.iter().max().unwrap_or(&0),
        figures.charges_of_good,
        figures.good_replaced,
        figures.exit,
    );
}
