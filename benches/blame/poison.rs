//! The table of poison pages: one detail in twenty fails for everybody, in one way, among good proxies and among bad ones.
//!
//! What it should show: no good proxy replaced because of them after it has shown itself, no good page dead, each poison page dead
//! with its history, after at most 5 requests for the first attempt on the average, and one for each further.

use rusqlite::{Connection, OpenFlags};

use crate::bad::{self, mixed};
use crate::common::{Bed, Crawl, Fault};
use crate::figures::Figures;
use crate::scale::{PER_LIST, Scale};

/// What poison is called, and what it does.
const KINDS: [(&str, &str); 7] = [
    ("500", "status:500"),
    ("reset", "reset"),
    ("cut", "cut"),
    ("never-ending", "silent"),
    ("endless", "endless"),
    ("field-missing", "field-missing"),
    ("403", "status:403"),
];

pub(crate) fn names() -> impl Iterator<Item = &'static str> + Clone {
    KINDS.iter().map(|(name, _)| *name)
}

/// Measures and prints, line by line.
pub(crate) fn table(scale: &Scale, kinds: &[&str], shares: &[usize]) {
    println!(
        "{:>4} {:<13} {:>6} {:>5} {:>6} {:>9} {:>7} {:>7} {:>5} {:>7} {:>9} {:>5} {:>6} {:>4}",
        "bad%",
        "poison",
        "wall s",
        "pages",
        "dead",
        "good dead",
        "history",
        "missing",
        "first",
        "further",
        "replaced",
        "warm",
        "waste",
        "exit"
    );
    for share in shares {
        for kind in kinds {
            measure(scale, kind, *share);
        }
    }
    println!(
        "dead: poison pages given up on; history: pages given up on, good ones too, whose every fetch is in the store; first, further: fetches \
         of a poison page for its first attempt and for each further one, on the average; replaced: good proxies, warm: those \
         that had brought ten pages before\n"
    );
}

fn measure(scale: &Scale, kind: &str, share: usize) {
    let fault: Fault = KINDS.iter().find(|(name, _)| *name == kind).unwrap().1.parse().unwrap();
    let bad = scale.proxies * share / 100;
    let of_bad: u32 = bad::KINDS.iter().map(|kind| kind.lists(scale, bad / bad::KINDS.len())).sum();
    let lists = scale.lists((scale.proxies - bad) as f64) + of_bad;
    // Not the first one of each list, so that proxies are met before the pages that tell nothing of them.
    let poison: Vec<String> = (1..=lists).map(|list| format!("/detail/{}", list * PER_LIST - 7)).collect();
    let proxies = mixed(scale.proxies, share, |nth| bad::KINDS[nth % bad::KINDS.len()].behaviour());
    let bed = scale.bed(lists, proxies).set("frontier.kind", "sqlite");
    let bed = poison.iter().fold(bed, |bed: Bed, path| bed.fault(path, fault.clone()));
    let crawl = bed.crawl();
    let figures = Figures::of(&crawl);
    let dead: Vec<&String> = poison.iter().filter(|path| figures.dead.contains(*path)).collect();
    println!(
        "{share:>4} {kind:<13} {:>6.1} {:>5} {:>6} {:>9} {:>7} {:>7} {:>5.2} {:>7.2} {:>9} {:>5} {:>6} {:>4}",
        figures.wall,
        poison.len(),
        dead.len(),
        figures.dead.len() - dead.len(),
        with_history(&crawl, &figures),
        figures.missing,
        fetches(&figures, &dead, |attempt| attempt == 1),
        fetches(&figures, &dead, |attempt| attempt > 1),
        figures.good_replaced,
        figures.warm_replaced,
        figures.waste,
        figures.exit,
    );
}

/// Fetches of these pages on the average, for each of the attempts that count.
fn fetches(figures: &Figures, pages: &[&String], counts: impl Fn(u64) -> bool) -> f64 {
    let all = pages.iter().flat_map(|page| &figures.fetches[*page]);
    let (attempts, fetches) = all
        .filter(|(attempt, _)| counts(**attempt))
        .fold((0, 0), |(attempts, sum), (_, of_it)| (attempts + 1, sum + of_it));
    f64::from(fetches) / f64::from(attempts.max(1))
}

/// Dead pages whose fetches are all remembered.
fn with_history(crawl: &Crawl, figures: &Figures) -> usize {
    let store =
        Connection::open_with_flags(crawl.world.left("store.sqlite"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let mut select = store.prepare("SELECT count(*) FROM dead JOIN try USING (id) GROUP BY id").unwrap();
    let mut remembered: Vec<u32> = select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let fetched = |path: &String| figures.fetches[path].values().sum::<u32>();
    let mut fetched: Vec<u32> = figures.dead.iter().map(fetched).collect();
    remembered.sort_unstable();
    fetched.sort_unstable();
    remembered.iter().zip(&fetched).filter(|(one, other)| one == other).count()
}
