//! The promise to whoever changes the code: rooms that decide are pure, stages know messages and not each other, only `crawl` and
//! `cli` wire, and no file grows too large to read.
//!
//! In come the sources, without their tests; out go the lines that break a rule. It reads text, not Rust: good enough for code
//! that `cargo fmt` has been over. Each rule is seen to find what it forbids.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;

/// No file has so many lines, its tests not counted.
const TOO_LONG: usize = 300;
/// So many lines say what a file is for.
const PURPOSE: std::ops::RangeInclusive<usize> = 2..=6;

/// Rooms that decide. What is in them takes `now` and a source of chance as arguments.
const PURE: &[&str] = &[
    "dispatcher/desk.rs",
    "dispatcher/desk/",
    "proxy/",
    "pace/",
    "extract/",
    "address/",
    "worker/judge.rs",
    "worker/ban.rs",
];
/// Files of those rooms that read a file of start URLs.
const IMPURE: &[&str] = &["address/starts.rs", "address/starts/", "address/start_file.rs", "address/start_file/"];

/// What is not to be named in pure rooms: clocks, chance, I/O, threads, and the log.
const WORLDLY: &[&str] = &[
    "Instant::now",
    "SystemTime",
    "Clock::",
    "Rng::new(",
    "rand::rng",
    "std::fs",
    "std::io",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "tokio::",
    "actix::",
    "tracing::",
    "println!",
];
/// What is no clock and no I/O in spite of its name: addresses are values.
const HARMLESS: &[&str] = &["std::net::Ip", "std::net::{Ip"];

/// Who must not name whom.
const STRANGERS: &[(&str, &[&str])] = &[
    ("worker", &["sink", "dispatcher", "frontier", "supervisor"]),
    ("dispatcher", &["transport", "worker", "sink", "extract", "supervisor"]),
    ("sink", &["transport", "worker", "dispatcher", "supervisor"]),
    ("extract", &["transport", "worker", "dispatcher", "sink", "frontier", "supervisor", "telemetry"]),
    ("transport", &["worker", "dispatcher", "sink", "frontier", "supervisor", "extract"]),
    ("frontier", &["transport", "worker", "dispatcher", "sink", "supervisor", "extract"]),
    ("pace", &["transport", "worker", "dispatcher", "sink", "frontier", "supervisor"]),
    ("proxy", &["transport", "worker", "dispatcher", "sink", "frontier", "supervisor"]),
    ("address", &["transport", "worker", "dispatcher", "sink", "frontier", "supervisor"]),
    ("protocol", &["transport", "worker", "dispatcher", "sink", "supervisor", "extract"]),
];
/// Who may put parts together.
const WIRING: &[&str] = &["crawl.rs", "crawl/", "cli/"];
/// Parts that only those may name, besides themselves.
const PARTS: &[&str] = &["worker", "sink", "supervisor", "crawl"];

/// A file below `src` without its tests.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
        Self { path: path.to_owned(), text }
    }

    /// The folder or file below `src` that it belongs to: `worker` for `worker/judge.rs`.
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    fn is_in(&self, places: &[&str]) -> bool {
        places.iter().any(|place| self.path == *place || (place.ends_with('/') && self.path.starts_with(place)))
    }

    /// Its lines of code with their numbers; comments may name what they like.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = (1..).zip(self.text.lines());
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn at(&self, line: usize, what: &str) -> String {
        format!("src/{}:{line}: {what}", self.path)
    }
}

/// Clocks, chance and I/O in a pure room.
fn worldly(source: &Source) -> Vec<String> {
    if !source.is_in(PURE) || source.is_in(IMPURE) {
        return Vec::new();
    }
    let named = |line: &str| {
        let line = HARMLESS.iter().fold(line.to_owned(), |line, harmless| line.replace(harmless, ""));
        let chance =
            line.split("fastrand::").skip(1).any(|rest| rest.starts_with(|letter: char| letter.is_lowercase()));
        WORLDLY.iter().copied().find(|word| line.contains(word)).or(chance.then_some("fastrand::"))
    };
    source
        .code()
        .filter_map(|(number, line)| Some(source.at(number, &format!("{} is not pure", named(line)?))))
        .collect()
}

/// The rooms that a line names as `crate::room` or `super::room`, or in `crate::{room, …}`.
fn named_rooms(line: &str) -> Vec<&str> {
    let mut rooms = Vec::new();
    for rest in line.split("crate::").skip(1).chain(line.split("super::").skip(1)) {
        let (inner, many) = rest.strip_prefix('{').map_or((rest, 1), |inner| (inner, usize::MAX));
        for item in inner.split(", ").take(many) {
            let end = item.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(item.len());
            rooms.push(&item[..end]);
        }
    }
    rooms
}

/// Rooms that name those that they must not know.
fn acquaintances(source: &Source) -> Vec<String> {
    let room = source.room();
    let strangers = STRANGERS.iter().find(|(who, _)| *who == room).map_or(&[][..], |(_, strangers)| strangers);
    let wires = source.is_in(WIRING) || source.path == "lib.rs" || source.path == "main.rs";
    let mut found = Vec::new();
    for (number, line) in source.code() {
        if line.ends_with("crate::{") {
            found.push(source.at(number, "rooms are named on a line each, so that this can be read"));
        }
        if line.contains("dispatcher::actor") && !wires && room != "dispatcher" {
            found.push(source.at(number, "only crawl and cli wire, and this names the dispatcher's actor"));
        }
        for other in named_rooms(line).into_iter().filter(|other| *other != room) {
            if strangers.contains(&other) {
                found.push(source.at(number, &format!("{room} does not know {other}")));
            } else if PARTS.contains(&other) && !wires {
                found.push(source.at(number, &format!("only crawl and cli wire, and this names {other}")));
            }
        }
    }
    found
}

/// Files too long to be read at once.
fn length(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    if lines < TOO_LONG { Vec::new() } else { vec![source.at(lines, "the file is too long: two things share a room")] }
}

/// Files that do not open with what they are for.
fn purpose(source: &Source) -> Vec<String> {
    let lines = source.text.lines().take_while(|line| line.starts_with("//!")).count();
    if PURPOSE.contains(&lines) { Vec::new() } else { vec![source.at(1, "no 2 to 6 lines say what the file is for")] }
}

/// Every source that is not a test.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let tests: Vec<String> = files.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    let is_test =
        |path: &str| tests.iter().any(|test| path == format!("{test}.rs") || path.starts_with(&format!("{test}/")));
    let relative = files.iter().filter(|(path, _)| !is_test(path));
    let mut sources: Vec<_> = relative
        .map(|(path, text)| {
            Source::new(path.strip_prefix(root.to_str().unwrap()).unwrap().trim_start_matches('/'), text)
        })
        .collect();
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    sources
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push((path.to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The modules that a file declares for tests only, as paths without `.rs`.
fn test_modules(path: &str, text: &str) -> Vec<String> {
    let (folder, name) = path.rsplit_once('/').unwrap();
    let home = match name {
        "mod.rs" | "lib.rs" | "main.rs" => folder,
        _ => path.trim_end_matches(".rs"),
    };
    let declared = text.split("#[cfg(test)]\n").skip(1).filter_map(|rest| {
        let (before, name) = rest.lines().next()?.strip_suffix(';')?.split_once("mod ")?;
        (before.is_empty() || before.starts_with("pub")).then(|| format!("{home}/{name}"))
    });
    declared.collect()
}

/// Holds a rule against all sources.
fn holds(rule: fn(&Source) -> Vec<String>) {
    let broken: Vec<String> = sources().iter().flat_map(rule).collect();
    assert!(broken.is_empty(), "\n{}", broken.join("\n"));
}

#[test]
fn rooms_that_decide_name_no_clock_no_chance_and_no_io() {
    holds(worldly);
}

#[test]
fn stages_know_messages_and_not_each_other_and_only_crawl_and_cli_wire() {
    holds(acquaintances);
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    holds(length);
}

#[test]
fn every_file_opens_with_what_it_is_for() {
    holds(purpose);
}

#[test]
fn the_sources_are_found_and_their_tests_are_not_among_them() {
    let paths: Vec<String> = sources().into_iter().map(|source| source.path).collect();
    for path in ["lib.rs", "dispatcher/desk.rs", "dispatcher/desk/court.rs", "worker/judge.rs", "proxy/health.rs"] {
        assert!(paths.iter().any(|found| found == path), "{path} is not among {paths:?}");
    }
    for part in ["tests", "simulation", "fixtures"] {
        assert!(!paths.iter().any(|found| found.contains(part)), "{part} is among {paths:?}");
    }
    for place in PURE.iter().chain(WIRING) {
        assert!(paths.iter().any(|path| path.starts_with(place)), "nothing is at {place} any more");
    }
}

/// What a rule says of a made-up file.
fn said(rule: fn(&Source) -> Vec<String>, path: &str, text: &str) -> Vec<String> {
    rule(&Source::new(path, text))
}

#[test]
fn each_word_for_a_clock_for_chance_and_for_io_is_found() {
    for word in WORLDLY.iter().chain(&["fastrand::u64(..)", "fastrand::shuffle(&mut x)", "std::net::TcpStream"]) {
        let text = format!("fn f() {{\n    {word}\n}}\n");
        for place in [
            "dispatcher/desk/court.rs",
            "proxy/pool.rs",
            "pace/mod.rs",
            "extract/text.rs",
            "address/scope.rs",
            "worker/judge.rs",
        ] {
            assert_eq!(said(worldly, place, &text).len(), 1, "{word} in {place}");
        }
        assert!(said(worldly, "worker/fetch.rs", &text).is_empty());
        assert!(said(worldly, "address/starts.rs", &text).is_empty());
    }
    let harmless = "use std::net::{Ipv4Addr, Ipv6Addr};\nfn f(rng: &mut fastrand::Rng) {}\n// Instant::now\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    assert!(said(worldly, "pace/mod.rs", harmless).is_empty());
}

#[test]
fn each_forbidden_acquaintance_is_found() {
    for (room, strangers) in STRANGERS {
        for other in *strangers {
            for text in [
                format!("use crate::{other}::X;\n"),
                format!("use crate::{{clock::Clock, {other}::X}};\n"),
                format!("    crate::{other}::f();\n"),
            ] {
                assert_eq!(said(acquaintances, &format!("{room}/some.rs"), &text).len(), 1, "{room}: {text}");
            }
        }
    }
    for part in PARTS.iter().chain(&["dispatcher::actor"]) {
        let text = format!("use crate::{part}::X;\n");
        assert_eq!(said(acquaintances, "telemetry/log.rs", &text).len(), 1, "{part}");
        assert!(said(acquaintances, "crawl.rs", &text).is_empty());
        assert!(said(acquaintances, "cli/run.rs", &text).is_empty());
    }
    assert_eq!(said(acquaintances, "worker/fetch.rs", "use crate::{\n    sink::X,\n};\n").len(), 1);
    assert_eq!(said(acquaintances, "worker/fetch.rs", "use super::super::sink::X;\n").len(), 1);
    assert!(
        said(acquaintances, "worker/fetch.rs", "use crate::protocol::X;\nuse crate::worker::Y;\n/// [`crate::sink`]\n")
            .is_empty()
    );
}

#[test]
fn long_files_and_files_without_a_purpose_are_found() {
    let lines = |count: usize| "//! What for.\n//! Who for.\n".to_owned() + &"fn f() {}\n".repeat(count - 2);
    assert_eq!(said(length, "a.rs", &lines(TOO_LONG)).len(), 1);
    assert!(said(length, "a.rs", &lines(TOO_LONG - 1)).is_empty());
    let tests = format!("{}\n#[cfg(test)]\nmod tests {{\n{}}}\n", lines(9), "\n".repeat(TOO_LONG));
    assert!(said(length, "a.rs", &tests).is_empty());
    assert!(said(purpose, "a.rs", &lines(9)).is_empty());
    assert_eq!(said(purpose, "a.rs", "//! What for.\nfn f() {}\n").len(), 1);
    assert_eq!(said(purpose, "a.rs", &"//! And so on.\n".repeat(7)).len(), 1);
}
