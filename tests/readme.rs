//! The promise: what the README shows is what the program does. In come its blocks and tables; they are run and held against
//! the binary, so that none of them can grow stale unseen.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use crate::common::{Bed, Crawl, Running};
use burdock::exit::ExitCode;

const README: &str = include_str!("../README.md");

/// The first block of this language that has this text.
fn block(language: &str, text: &str) -> String {
    let mut blocks = README.split("\n```").filter_map(|part| part.strip_prefix(language)?.strip_prefix('\n'));
    format!("{}\n", blocks.find(|block| block.contains(text)).unwrap())
}

#[test]
fn the_config_of_the_tour_crawls_a_site_like_the_one_it_names() {
    let world = Bed::new().proxies(3).lists(5).world();
    let tour = block("toml", "[crawl]").replace("https://ssr1.scrape.center", world.site.url());
    let folder = world.runs().parent().unwrap().to_owned();
    // Under the name that the fixture starts.
    std::fs::write(folder.join("bed.toml"), tour).unwrap();
    let ended = world.start(&["--set", "fetch.allow_private=true", "--set", "pace.delay=0s"]).finish();
    Crawl { world, ended }.expect_exit(0).expect_all_records().none_direct();
}

#[test]
fn the_recipe_the_feed_and_the_proxies_that_it_shows_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let crawl =
        "[crawl]\nstart = [\"https://a.example/\"]\nstart_stage = \"list\"\n[proxies]\nfile = \"proxies.txt\"\n";
    let config = format!("{crawl}{}{}", block("toml", "a.next"), block("toml", "[[feed]]"));
    std::fs::write(folder.path().join("burdock.toml"), config).unwrap();
    std::fs::write(folder.path().join("proxies.txt"), block("text", "203.0.113.7")).unwrap();
    let ended = Running::start(folder.path(), &["config"]).finish().expect_exit(0);
    assert!(ended.stdout.contains("feed.0.path = \"films.csv\""), "{}", ended.stdout);
    // The last two of the three lines are one proxy, written in two forms.
    assert!(ended.stderr.contains("1 proxy is there already"), "{}", ended.stderr);
}

#[test]
fn the_mistake_that_it_shows_is_answered_so() {
    let folder = tempfile::tempdir().unwrap();
    let config = block("toml", "[crawl]").replace("\ndelay ", "\ndellay ");
    std::fs::write(folder.path().join("films.toml"), config).unwrap();
    std::fs::write(folder.path().join("proxies.txt"), "a.example:1\n").unwrap();
    let ended = Running::start(folder.path(), &["run", "films.toml"]).finish().expect_exit(2);
    assert_eq!(ended.stderr.trim_end(), block("text", "dellay").trim_end());
}

#[test]
fn every_command_that_is_there_and_every_exit_code_is_in_its_tables() {
    let help = Running::start(Path::new("."), &["help"]).finish().expect_exit(0).stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let built: Vec<_> = commands
        .filter(|line| !line.contains("(not built yet)"))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(built.contains(&"run"), "{help}");
    for name in built {
        assert!(README.contains(&format!("\n| `burdock {name}")), "the README has no line on `burdock {name}`");
    }
    let codes = README.lines().skip_while(|line| !line.starts_with("| exit code")).skip(2);
    let table: String = codes.take_while(|line| line.starts_with('|')).collect();
    let shown: Vec<u8> =
        table.split(|sign: char| !sign.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
    let known: Vec<u8> = (0..=u8::MAX).filter(|number| ExitCode::try_from(*number).is_ok()).collect();
    assert_eq!(shown, known);
}
