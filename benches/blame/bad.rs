//! The table of bad proxies: a share of the pool, of one kind, beside a crawl with only the good ones.
//!
//! What it should show: nothing missing, at least 0.95 of the goodput of the good ones alone, and at most `health.max_errors` + 1
//! fetches through a dead proxy for each time that a worker is given one.

use crate::common::Behaviour;
use crate::figures::Figures;
use crate::scale::Scale;

/// What bad proxies are called, and how they behave.
pub(crate) const KINDS: [(&str, &str); 5] = [
    ("dead", "dead"),
    ("flaky", "flaky:0.5"),
    ("banning", "ban-after:10"),
    ("soft-banning", "captcha-after:10"),
    ("stalling", "stalling"),
];

pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    KINDS.iter().map(|(name, _)| *name)
}

/// How a kind behaves.
pub(crate) fn behaviour(kind: &str) -> Behaviour {
    KINDS.iter().find(|(name, _)| *name == kind).unwrap().1.parse().unwrap()
}

/// Bad and good proxies in turn, as a list that nobody has sorted has them.
pub(crate) fn mixed(count: usize, share: usize, bad: impl Fn(usize) -> Behaviour) -> Vec<Behaviour> {
    let is_bad = |nth: usize| (nth + 1) * share / 100 > nth * share / 100;
    (0..count).map(|nth| if is_bad(nth) { bad(nth) } else { Behaviour::Good }).collect()
}

/// Measures and prints, line by line.
pub(crate) fn table(scale: &Scale, kinds: &[&str], shares: &[usize]) {
    println!(
        "{:>4} {:<13} {:>6} {:>6} {:>8} {:>6} {:>6} {:>7} {:>5} {:>5} {:>6} {:>13} {:>6} {:>6} {:>4}",
        "bad%",
        "kind",
        "pages",
        "wall s",
        "rec/min",
        "ratio",
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
        let good = scale.proxies - scale.proxies * share / 100;
        let lists = scale.lists(good);
        let alone = crawl(scale, lists, vec![Behaviour::Good; good]);
        line(*share, "(none)", lists, &alone, &alone);
        for kind in kinds.iter().filter(|_| *share > 0) {
            let figures = crawl(scale, lists, mixed(scale.proxies, *share, |_| behaviour(kind)));
            line(*share, kind, lists, &figures, &alone);
        }
    }
    println!(
        "ratio: records a minute / those of the good ones alone (steady: without the first and the last tenth); fails/binding: \
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
        "{share:>4} {kind:<13} {:>6} {:>6.1} {:>8.0} {:>6.2} {:>6.2} {:>7} {:>5} {:>5} {:>6} {mean:>8.2}, {:>3} {:>6} {:>6} {:>4}",
        lists * (crate::scale::PER_LIST + 1),
        figures.wall,
        figures.goodput,
        figures.goodput / alone.goodput,
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
