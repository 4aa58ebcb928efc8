//! How the durable frontier does as it grows: `cargo bench --bench frontier`, for 100 k and 1 M known URLs over 1,000 hosts;
//! `cargo bench --bench frontier -- 10000000` for others.
//!
//! Each size runs in a process of its own, so that its peak of memory is its own. An insert is one of 1,000 links of a page in
//! a transaction; a page is claimed and committed 256 at a time, with a new link, a known one and a record of 200 bytes.
//! Time is what the frontier's calls take; making the pages is not its work. Figures per second of CPU are steadier than those
//! of the wall. Opening is until the first tasks are there: after an orderly end, after a kill with a fifth of all addresses
//! newer than the copy of the fingerprints (a quarter is the most), and without that copy.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs, io};

use burdock::address::StartMark;
use burdock::clock::{Clock, Timestamp};
use burdock::frontier::fingerprint::Fingerprinter;
use burdock::frontier::sqlite::{Retention, SqliteFrontier};
use burdock::frontier::{Batch, Claimed, Fate, Frontier, FrontierError, Seeds, Settlement};
use burdock::record::{Provenance, Record};
use burdock::task::{NewTask, Request, StageId};

/// Set in the process of one size.
const SIZE: &str = "BURDOCK_BENCH_URLS";
const LINKS: u64 = 1000;
const PAGES: usize = 256;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    if let Ok(size) = env::var(SIZE) {
        return measure(size.parse()?);
    }
    let mut sizes: Vec<String> = env::args().skip(1).filter(|word| word.parse::<u64>().is_ok()).collect();
    if sizes.is_empty() {
        sizes = vec!["100000".into(), "1000000".into()];
    }
    println!(
        "{:>10} {:>11} {:>11} {:>11} {:>11} {:>8} {:>8} {:>11} {:>8} {:>8} {:>9}",
        "known",
        "inserts/cpu",
        "inserts/s",
        "pages/cpu",
        "pages/s",
        "RSS MB",
        "peak MB",
        "bytes + URL",
        "open s",
        "killed s",
        "no copy s"
    );
    for size in sizes {
        let status = Command::new(env::current_exe()?).env(SIZE, size).status()?;
        if !status.success() {
            return Err(format!("a size ended with {status}").into());
        }
    }
    Ok(())
}

fn measure(urls: u64) -> Outcome<()> {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let path = folder.path().join("frontier.db");
    let (clock, mut found) = (Clock::start(), 1);
    let mut store = open(&path, true)?;

    let mut inserts = Meter::new(clock);
    let mut copied = false;
    while found < urls {
        if !copied && found >= urls / 5 * 4 {
            store.close()?;
            copied = true;
        }
        let page = inserts.during(|| claim(&mut store, 1))??;
        let links = (found..(found + LINKS).min(urls)).map(|n| task(n, page.first())).collect::<Vec<_>>();
        found += links.len() as u64;
        let pages: Vec<_> = page.iter().map(|claimed| settled(claimed, links.clone(), Vec::new())).collect();
        inserts.during(|| store.commit(&Batch::of_pages(&pages), Timestamp::default()))??;
    }
    let text: u64 = (0..urls).step_by(997).map(|n| url(n).len() as u64).sum::<u64>() / urls.div_ceil(997);
    drop(store);
    let beyond = fs::metadata(&path)?.len() / urls - text;
    let killed = opening(&path, clock)?;
    let mut store = open(&path, false)?;
    store.recover()?;

    let count = (urls / 2).min(300_000);
    let (mut pages, mut done) = (Meter::new(clock), 0);
    while done < count {
        let claimed = pages.during(|| claim(&mut store, PAGES))??;
        let batch: Vec<_> = claimed.iter().enumerate().map(|(n, claimed)| page(claimed, found + n as u64)).collect();
        found += batch.len() as u64;
        done += batch.len() as u64;
        pages.during(|| store.commit(&Batch::of_pages(&batch), Timestamp::default()))??;
    }
    let (inserts, pages) = (inserts.rates(urls), pages.rates(done));
    let (rss, peak) = (status("VmRSS:")?, status("VmHWM:")?);
    store.close()?;
    drop(store);

    let opened = opening(&path, clock)?;
    fs::remove_file(path.with_extension("fingerprints"))?;
    let scanned = opening(&path, clock)?;
    println!(
        "{urls:>10} {:>11} {:>11} {:>11} {:>11} {:>8} {:>8} {beyond:>11} {opened:>8.2} {killed:>8.2} {scanned:>9.2}",
        inserts.0,
        inserts.1,
        pages.0,
        pages.1,
        rss / 1024,
        peak / 1024,
    );
    Ok(())
}

/// Seconds until a store that is there has given out its first tasks.
fn opening(path: &Path, clock: Clock) -> Outcome<f64> {
    let before = clock.now();
    let mut store = open(path, false)?;
    store.recover()?;
    claim(&mut store, PAGES)?;
    let took = clock.now().since(before);
    store.recover()?;
    Ok(took.as_secs_f64())
}

fn open(path: &Path, new: bool) -> Result<SqliteFrontier, FrontierError> {
    let stages: Vec<Arc<str>> = vec!["list".into(), "detail".into()];
    let first = new.then(|| task(0, None));
    SqliteFrontier::open(path, Fingerprinter::new([5; 16], stages), Retention::Keep, |_| Ok(Box::new(One(first))))
}

/// One start URL, or none.
struct One(Option<NewTask>);

impl Iterator for One {
    type Item = io::Result<NewTask>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl Seeds for One {
    fn unread(&self) -> Option<u64> {
        Some(u64::from(self.0.is_some()))
    }

    fn mark(&self) -> StartMark {
        StartMark::default()
    }
}

fn claim(store: &mut SqliteFrontier, n: usize) -> Result<Vec<Claimed>, FrontierError> {
    Ok(store.claim(n, Timestamp::default(), &[])?.tasks)
}

/// 77 bytes on average.
fn url(n: u64) -> String {
    format!("https://shop-{:03}.example.com/catalogue/category-{:03}/products/item-{n:08}.html", n % 1000, n % 977)
}

fn task(n: u64, from: Option<&Claimed>) -> NewTask {
    let url = url(n);
    let start_url = from.map_or_else(|| url.as_str().into(), |from| Arc::clone(&from.task.start_url));
    NewTask {
        stage: StageId(u16::from(from.is_some())),
        request: Request::get(url.parse().unwrap_or_else(|error| unreachable!("{error}"))),
        priority: 0,
        depth: from.map_or(0, |from| from.task.depth + 1),
        meta: Arc::default(),
        referrer: from.map(|from| from.task.request.url.as_str().into()),
        start_url,
        excluded: None,
    }
}

fn settled(claimed: &Claimed, links: Vec<NewTask>, records: Vec<Record>) -> Settlement {
    let (task, epoch) = (claimed.task.id, claimed.epoch);
    Settlement { task, epoch, fate: Fate::Done, links, records, requests: 1, tries: Vec::new() }
}

fn page(claimed: &Claimed, new: u64) -> Settlement {
    let task_ = &claimed.task;
    let provenance = Provenance {
        url: task_.request.url.as_str().into(),
        fetched_at: Timestamp::default() + Duration::from_secs(1_700_000_000),
        proxy: "gw.example:7777~3fa2".into(),
        status: 200,
        attempts: 1,
        referrer: task_.referrer.clone(),
        start_url: Arc::clone(&task_.start_url),
    };
    let values = vec![format!("An item of the catalogue, number {new}").into(), "x".repeat(140).into(), 19.99.into()];
    let record = Record { task: task_.id, index: 0, stage: task_.stage, provenance: Arc::new(provenance), values };
    settled(claimed, vec![task(new, Some(claimed)), task(new / 2, Some(claimed))], vec![record])
}

/// Adds up what calls take, on the wall and on the CPU.
struct Meter {
    clock: Clock,
    wall: Duration,
    cpu: Duration,
}

impl Meter {
    fn new(clock: Clock) -> Self {
        Self { clock, wall: Duration::ZERO, cpu: Duration::ZERO }
    }

    fn during<T>(&mut self, call: impl FnOnce() -> T) -> Outcome<T> {
        let (began, cpu_before) = (self.clock.now(), cpu()?);
        let value = call();
        self.wall += self.clock.now().since(began);
        self.cpu += cpu()?.saturating_sub(cpu_before);
        Ok(value)
    }

    /// How many there were a second of CPU, and a second.
    fn rates(&self, done: u64) -> (u64, u64) {
        let rate = |time: Duration| (done as f64 / time.as_secs_f64()) as u64;
        (rate(self.cpu), rate(self.wall))
    }
}

/// How long this thread has been on a CPU, in the kernel included.
fn cpu() -> Outcome<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(Duration::from_nanos(text.split_whitespace().next().ok_or("no number")?.parse()?))
}

/// A figure of this process's memory, in KiB.
fn status(name: &str) -> Outcome<u64> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such figure")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}
