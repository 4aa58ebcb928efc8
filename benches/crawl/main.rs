//! What the durable frontier costs a whole crawl, and what a long crawl takes of memory: the built binary against a fast site.
//!
//! `cargo bench --bench crawl` crawls 22,000 pages of 20 KB with the frontier in memory and with SQLite, in turn, five times each,
//! and prints the ratios of pages a second and of CPU a page; `-- compare PAGES ROUNDS` does it otherwise.
//! `cargo bench --bench crawl -- soak` crawls a million pages of 2 KB with SQLite and prints memory at each twentieth;
//! `-- soak PAGES` another number. Ratios of medians are to be read: the machine may be busy.

mod site;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;
use std::{env, fs, thread};

use burdock::clock::{Clock, Timestamp};

use self::site::{PER_LIST, Site};

/// Proxies, and so workers: enough that none waits for the site.
const PROXIES: usize = 20;
/// What the set of fingerprints takes of memory for each address that is known: between 9.1 and 11.4 bytes.
const SET_BYTES: f64 = 10.2;
/// How often the crawl is looked at.
const LOOK: Duration = Duration::from_millis(100);

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |at: usize, otherwise: u64| words.get(at).map_or(Ok(otherwise), |word| word.parse());
    match words.first().map(String::as_str) {
        Some("soak") => soak(number(1, 1_000_000)?),
        _ => compare(number(1, 22_000)?, number(2, 5)?),
    }
}

/// Both frontiers in turn.
fn compare(pages: u64, rounds: u64) -> Outcome<()> {
    let site = Site::start(PROXIES, 20 << 10)?;
    println!("{:>8} {:>9} {:>12} {:>8}", "frontier", "pages/s", "CPU us/page", "peak MB");
    let (mut memory, mut sqlite) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (kind, figures) in [("memory", &mut memory), ("sqlite", &mut sqlite)] {
            let crawled = crawl(&site, kind, pages, |_| {})?;
            println!("{kind:>8} {:>9.0} {:>12.1} {:>8}", crawled.rate, crawled.cpu_per_page, crawled.peak >> 10);
            figures.push(crawled);
        }
    }
    let ratio = |of: fn(&Crawled) -> f64| median(&sqlite, of) / median(&memory, of);
    println!("sqlite / memory: pages/s {:.3}, CPU a page {:.3}", ratio(|c| c.rate), ratio(|c| c.cpu_per_page));
    Ok(())
}

/// A long crawl, and its memory.
fn soak(pages: u64) -> Outcome<()> {
    let site = Site::start(PROXIES, 2 << 10)?;
    println!("{:>9} {:>8} {:>8} {:>8} {:>14}", "pages", "s", "pages/s", "RSS MB", "less the set");
    let (mut next, mut last) = (pages / 20, (0, Timestamp::default()));
    let crawled = crawl(&site, "sqlite", pages, |look| {
        if look.pages < next {
            return;
        }
        next += pages / 20;
        let rate = (look.pages - last.0) as f64 / look.at.since(last.1).as_secs_f64();
        let rss = look.rss as f64 / 1024.0;
        let rest = rss - look.pages as f64 * SET_BYTES / f64::from(1 << 20);
        let seconds = look.at.since(Timestamp::default()).as_secs();
        println!("{:>9} {seconds:>8} {rate:>8.0} {rss:>8.1} {rest:>14.1}", look.pages);
        last = (look.pages, look.at);
    })?;
    println!(
        "{:.0} pages/s, {:.1} us of CPU a page, peak {} MB",
        crawled.rate,
        crawled.cpu_per_page,
        crawled.peak >> 10
    );
    Ok(())
}

fn median(all: &[Crawled], of: fn(&Crawled) -> f64) -> f64 {
    let mut figures: Vec<f64> = all.iter().map(of).collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A crawl that has ended.
struct Crawled {
    rate: f64,
    cpu_per_page: f64,
    /// KiB.
    peak: u64,
}

/// A crawl on its way: pages that were asked for, since when, and its memory in KiB.
struct Look {
    pages: u64,
    at: Timestamp,
    rss: u64,
}

/// Crawls `pages` pages with the binary, in a folder of its own, and holds the records against the site.
fn crawl(site: &Site, frontier: &str, pages: u64, mut look: impl FnMut(Look)) -> Outcome<Crawled> {
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let lists = pages / (PER_LIST + 1);
    fs::write(folder.path().join("proxies.txt"), site.proxies.join("\n"))?;
    let config = folder.path().join("bench.toml");
    fs::write(&config, settings(frontier, lists))?;
    let (before, cpu_before, clock) = (site.served(), children_cpu()?, Clock::start());
    let began = clock.now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_burdock"))
        .arg("run")
        .arg(&config)
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .stderr(fs::File::create(folder.path().join("stderr"))?)
        .spawn()?;
    let (id, (ended, end)) = (child.id(), mpsc::channel());
    thread::spawn(move || ended.send(child.wait()));
    let mut peak = 0;
    let status = loop {
        match end.recv_timeout(LOOK) {
            Ok(status) => break status?,
            Err(RecvTimeoutError::Disconnected) => return Err("nobody waits for the crawl".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        // Gone between the two: then there is nothing left to see.
        if let (Some(rss), Some(highest)) = (memory(id, "VmRSS:"), memory(id, "VmHWM:")) {
            peak = highest;
            look(Look { pages: site.served() - before, at: Timestamp::default() + clock.now().since(began), rss });
        }
    };
    let (took, cpu) = (clock.now().since(began), children_cpu()? - cpu_before);
    let stderr = fs::read_to_string(folder.path().join("stderr"))?;
    // Without any, the crawl's own words say why.
    let records = lines(&folder.path().join("runs/bench/records.jsonl")).unwrap_or_default();
    if !status.success() || records != lists * PER_LIST {
        return Err(format!("{status}, {records} records of {}:\n{stderr}", lists * PER_LIST).into());
    }
    let served = (lists * (PER_LIST + 1)) as f64;
    Ok(Crawled { rate: served / took.as_secs_f64(), cpu_per_page: cpu * 1e6 / served, peak })
}

fn settings(frontier: &str, lists: u64) -> String {
    format!(
        r#"[crawl]
start = ["http://shop.test/list/{{1..{lists}}}"]
start_stage = "list"
[stage.list]
links = [{{ select = "a.name", to = "item" }}]
[stage.item.fields]
title = {{ select = "h2", required = true }}
price = "p.price"
[proxies]
file = "proxies.txt"
[pace]
delay = "0s"
[frontier]
kind = "{frontier}"
"#
    )
}

fn lines(path: &Path) -> Outcome<u64> {
    use std::io::BufRead;
    Ok(std::io::BufReader::new(fs::File::open(path)?).lines().count() as u64)
}

/// A figure of a process's memory, in KiB.
fn memory(process: u32, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Seconds of CPU that the children have taken which have ended; the kernel counts hundredths.
fn children_cpu() -> Outcome<f64> {
    let text = fs::read_to_string("/proc/self/stat")?;
    let fields = text.rsplit(") ").next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(13).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}
