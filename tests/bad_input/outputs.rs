//! Mistakes in where records go, and in whose folder a run lies. Nothing that was there before is changed.

use std::fs;

use insta::assert_snapshot;

use super::{Mistake, PROXIES, START};

const FEED: &str = "[[feed]]\nkind = \"jsonl\"\npath = \"out/films.jsonl\"\n";

#[test]
fn a_feed_that_cannot_be_written() {
    let mistake = Mistake::after(FEED).file("out", "a file where a folder should be\n");
    assert_snapshot!(mistake.said(), @r#"
    exit 2
    error: feed DIR/out/films.jsonl: cannot make the folder of it: File exists (os error 17)
    help: mend that and start again: nothing was crawled
    "#);
    let mistake = Mistake::after(FEED).file("out/films.jsonl/x", "a folder where the file should be\n");
    assert_snapshot!(mistake.said(), @r#"
    exit 2
    error: feed DIR/out/films.jsonl: cannot open it: Is a directory (os error 21)
    help: mend that and start again: nothing was crawled
    "#);
}

#[test]
fn a_feed_that_holds_somebody_elses_records() {
    let theirs = "{\"title\":\"not ours\"}\n";
    let mistake = Mistake::after(FEED).file("out/films.jsonl", theirs);
    assert_snapshot!(mistake.said(), @r#"
    exit 2
    error: feed DIR/out/films.jsonl: the file is not empty and was not written by this run; move it away, give the feed another path, or set if_exists = "append"
    help: mend that and start again: nothing was crawled
    "#);
    assert_eq!(fs::read_to_string(mistake.path("out/films.jsonl")).unwrap(), theirs);
}

#[test]
fn two_feeds_at_one_path_and_one_at_a_file_of_the_run() {
    let feed = |path: &str| format!("[[feed]]\nkind = \"jsonl\"\npath = {path:?}\n");
    let feeds = feed("a.jsonl") + &feed("./runs/crawl/a.jsonl") + &feed("report.json") + &feed("run.log.jsonl");
    assert_snapshot!(Mistake::after(&feeds).said(), @r#"
    exit 2
    error: crawl.toml:12: this feed and another feed are at one path: runs/crawl/a.jsonl
    help: give it another path
    error: crawl.toml:15: this feed and a file of the run's own are at one path: runs/crawl/report.json
    help: give it another path
    error: crawl.toml:18: this feed and the log file are at one path: runs/crawl/run.log.jsonl
    help: give it another path
    "#);
}

#[test]
fn a_feed_or_a_log_in_the_files_of_the_store() {
    for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "store.fingerprints", "run.json"] {
        let feed = Mistake::after(&format!("[[feed]]\nkind = \"jsonl\"\npath = {name:?}\n")).said();
        let said = format!("this feed and a file of the run's own are at one path: runs/crawl/{name}\n");
        assert!(feed.starts_with("exit 2\n") && feed.contains(&said), "{feed}");
        let log = Mistake::after("").set(&format!("log.file={name}")).said();
        let said = format!("--set: the log file and a file of the run's own are at one path: runs/crawl/{name}\n");
        assert!(log.starts_with("exit 2\n") && log.contains(&said), "{log}");
    }
}

#[test]
fn a_csv_feed_of_two_stages() {
    let stages = "[stage.list.fields]\ntitle = \"h1\"\n[stage.detail.fields]\ntitle = \"h1\"\n";
    let config =
        format!("{START}start_stage = \"list\"\n{stages}{PROXIES}[[feed]]\nkind = \"csv\"\npath = \"films.csv\"\n");
    assert_snapshot!(Mistake::config(&config).said(), @r#"
    exit 2
    error: crawl.toml:10: a csv feed of 2 stages: list, detail
    help: a csv feed takes one stage: stages = ["list"]
    "#);
    let named = Mistake::config(&format!("{config}stages = [\"list\", \"detail\"]\n"));
    assert_snapshot!(named.said(), @r#"
    exit 2
    error: crawl.toml:13: a csv feed of 2 stages: list, detail
    help: a csv feed takes one stage: stages = ["list"]
    "#);
}

#[test]
fn a_feed_of_an_unknown_kind_or_without_a_path() {
    let feeds = "[[feed]]\nkind = \"jsn\"\npath = \"a\"\n[[feed]]\nkind = \"jsonl\"\n[[feed]]\nkind = \"parquet\"\npath = \"b\"\n";
    assert_snapshot!(Mistake::after(feeds).said(), @r#"
    exit 2
    error: crawl.toml:8: "feed.0.kind" is not one of jsonl, csv, sqlite: "jsn"
    help: did you mean "jsonl"?
    error: crawl.toml:10: "feed.1" has no "path"
    help: add path = …
    error: crawl.toml:13: "feed.2.kind" is not one of jsonl, csv, sqlite: "parquet"
    help: write one of jsonl, csv, sqlite
    "#);
}

#[test]
fn two_configs_with_one_run_name() {
    let first = Mistake::after("").set("crawl.name=films").set("proxies.wait=0s");
    assert!(first.said().starts_with("exit 4\n"), "its only proxy is not there");
    let text = fs::read_to_string(first.path("crawl.toml")).unwrap();
    let mut second = first.file("other.toml", &format!("{text}[pace]\ndelay = \"2s\"\n"));
    second.args = ["run", "other.toml", "--set", "crawl.name=films"].map(Into::into).into();
    assert_snapshot!(second.said(), @r#"
    exit 2
    error: DIR/runs/films holds the run of another config, DIR/crawl.toml
    help: give one of the two configs another crawl.name
    "#);
}

#[test]
fn a_folder_that_is_not_a_runs() {
    let theirs = Mistake::after("").file("runs/crawl/thesis.tex", "chapter one\n");
    assert_snapshot!(theirs.said(), @r#"
    exit 2
    error: DIR/runs/crawl is not empty and holds no run
    help: choose another crawl.name or crawl.data_dir, or move that folder away
    "#);
    assert_eq!(fs::read_dir(theirs.path("runs/crawl")).unwrap().count(), 1, "nothing was added");
}

#[test]
fn a_name_that_no_folder_can_have() {
    assert_snapshot!(Mistake::after("").set("crawl.name=../elsewhere").said(), @r#"
    exit 2
    error: --set: "crawl.name" is not a plain name: "../elsewhere"
    help: the run's folder is called so: no slashes, no control characters, not . or ..
    "#);
}

#[test]
fn a_certificate_authority_that_is_none() {
    let ca = "[fetch]\nca_file = \"ca.pem\"\n";
    assert_snapshot!(Mistake::after(ca).said(), @r#"
    exit 2
    error: crawl.toml:8: cannot read fetch.ca_file ca.pem: No such file or directory (os error 2)
    help: it is a PEM file, relative to the config
    "#);
    assert_snapshot!(Mistake::after(ca).file("ca.pem", "no certificate\n").said(), @r#"
    exit 2
    error: no certificate in DIR/ca.pem
    help: mend that and start again: nothing was crawled
    "#);
}
