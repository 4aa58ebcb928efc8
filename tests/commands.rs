//! The promise: what a run holds can be seen at any time, what was given up on can be put back, and the records can be had again.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::common::{Bed, Ended, Fault, World};
use serde_json::Value;

/// What /detail/7 of [`poisoned`] costs before it is given up on: two attempts, since inside TLS a 500 is the
/// site's own.
const COST: u32 = 2;

/// A crawl of 4 lists of 5 details, of which two details are given up on: /detail/12 for good, /detail/7 is there afterwards.
fn poisoned() -> World {
    poisoned_by(Fault::Throttled { status: 500, retry_after: None, first: COST })
}

fn poisoned_by(fault: Fault) -> World {
    let bed = Bed::new().https().proxies(3).set("frontier.kind", "sqlite").set("retry.attempts", "2");
    let world = bed.fault("/detail/7", fault).fault("/detail/12", Fault::Status(451)).world();
    world.start(&[]).finish().expect_exit(3);
    world
}

/// A command on the bed's config.
fn told(world: &World, command: &[&str], code: i32) -> Ended {
    world.command(&[&command[..1], &["bed.toml"], &command[1..]].concat()).finish().expect_exit(code)
}

fn status(world: &World) -> Value {
    told(world, &["status", "--json"], 0).json()
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

fn dead(world: &World, args: &[&str]) -> Vec<Value> {
    lines(&told(world, &[&["dead", "--json"], args].concat(), 0).stdout)
}

/// The end of each one's address, in order.
fn paths(letters: &[Value]) -> Vec<&str> {
    let path = |letter: &'_ Value| letter["url"].as_str().unwrap().find("/detail").unwrap();
    let mut paths: Vec<_> = letters.iter().map(|letter| &letter["url"].as_str().unwrap()[path(letter)..]).collect();
    paths.sort_unstable();
    paths
}

#[test]
fn status_says_what_a_finished_run_holds_and_what_to_do_next() {
    let world = poisoned();
    let told = status(&world);
    assert_eq!((&told["state"], &told["running"], &told["durable"]), (&"finished".into(), &Value::Null, &true.into()));
    assert_eq!(told["last_end"]["exit_code"], 3);
    let tasks = &told["tasks"];
    assert_eq!(
        (&tasks["found"], &tasks["done"], &tasks["dead"], &tasks["left"]),
        (&24.into(), &22.into(), &2.into(), &0.into())
    );
    assert_eq!(told["by_stage"]["list"]["done"], 4);
    assert_eq!(told["by_stage"]["detail"]["done"], 18);
    assert_eq!(told["by_stage"]["detail"]["dead"], 2);
    assert_eq!((&told["records"], &told["starts_read"]), (&18.into(), &4.into()));
    assert_eq!((&told["feeds"][0]["behind"], &told["feeds"][0]["through"]), (&0.into(), &18.into()));
    let reasons: Vec<_> = told["dead_letters"].as_array().unwrap().iter().map(|dead| dead["reason"].as_str()).collect();
    assert_eq!(reasons, [Some("status.451"), Some("status.500")]);
    let next = told["next"].as_str().unwrap();
    assert!(next.contains("burdock dead /") && next.contains("burdock retry /"), "{next}");
    let text = self::told(&world, &["status"], 0).stdout;
    for part in [
        "bed: finished",
        "24 found: 22 done, 0 gone, 2 dead",
        "detail: 20 found: 18 done",
        "1 status.500 (detail)",
        next,
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn dead_letters_are_listed_with_their_history_and_by_reason_and_stage() {
    let world = poisoned();
    let letters = dead(&world, &[]);
    assert_eq!(paths(&letters), ["/detail/12", "/detail/7"]);
    let failing = dead(&world, &["--reason", "status.500"]);
    assert_eq!(paths(&failing), ["/detail/7"]);
    let letter = &failing[0];
    assert_eq!((&letter["stage"], &letter["reason"]["code"]), (&"detail".into(), &"status.500".into()));
    assert_eq!((&letter["attempts"], &letter["depth"]), (&2.into(), &1.into()));
    assert_eq!(letter["referrer"], format!("{}/page/2", world.site.url()));
    let tries = letter["tries"].as_array().unwrap();
    assert!(tries.iter().all(|one| one["reason"]["code"] == "status.500"), "{letter}");
    assert_eq!((letter["requests"].as_u64(), tries.len()), (Some(COST.into()), COST as usize));
    let tried: BTreeSet<_> = tries.iter().map(|one| one["proxy"].as_str().unwrap()).collect();
    let proxies: BTreeSet<_> = letter["proxies"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(proxies, tried, "{letter}");
    assert_eq!(dead(&world, &["--reason", "status", "--stage", "detail"]).len(), 2);
    assert_eq!(dead(&world, &["--reason", "stat"]), [Value::Null; 0]);
    assert_eq!(dead(&world, &["--stage", "list"]), [Value::Null; 0]);
    let table = told(&world, &["dead"], 0).expect_said("burdock retry");
    let rows: Vec<_> = table.stdout.lines().collect();
    assert!(rows[0].starts_with("stage   reason      attempts"), "{}", table.stdout);
    assert!(table.stdout.contains("linked by"), "{}", table.stdout);
}

#[test]
fn a_dead_letter_names_every_proxy_that_was_asked() {
    let bed = Bed::new().proxies(3).set("frontier.kind", "sqlite").set("retry.attempts", "2");
    let world = bed.fault("/detail/7", Fault::Status(500)).world();
    world.start(&[]).finish().expect_exit(3);
    let letters = dead(&world, &[]);
    assert_eq!(paths(&letters), ["/detail/7"]);
    assert!(letters[0]["proxies"].as_array().unwrap().len() >= 2, "{}", letters[0]);
}

#[test]
fn what_is_put_back_is_crawled_by_the_same_command_and_nothing_is_there_twice() {
    let mut world = poisoned();
    let asked = world.site.journal.visits().len();
    let said = told(&world, &["retry", "--reason", "status.500"], 0).stdout;
    assert!(said.starts_with("1 page put back"), "{said}");
    let standing = status(&world);
    assert_eq!(
        (&standing["state"], &standing["tasks"]["left"], &standing["tasks"]["dead"]),
        (&"unfinished".into(), &1.into(), &1.into())
    );
    assert!(standing["next"].as_str().unwrap().contains("burdock run"), "{standing}");
    world.start(&[]).finish().expect_exit(3);
    assert_eq!(world.site.journal.visits().len(), asked + 1, "one page, once");
    assert_eq!(records(&world), 19);
    assert_eq!(paths(&dead(&world, &[])), ["/detail/12"]);
    assert_eq!(status(&world)["state"], "finished");
    world.start(&[]).finish().expect_exit(3).expect_said("finished");
}

#[test]
fn retry_may_crawl_at_once_and_a_page_that_fails_again_keeps_its_history() {
    let world = poisoned_by(Fault::Status(500));
    let before = dead(&world, &["--reason", "status.500"])[0]["tries"].as_array().unwrap().len();
    told(&world, &["retry", "--stage", "detail", "--run"], 3);
    let after = dead(&world, &[]);
    assert_eq!(paths(&after), ["/detail/12", "/detail/7"]);
    let again = after.iter().find(|letter| letter["reason"]["code"] == "status.500").unwrap();
    assert_eq!(again["tries"].as_array().unwrap().len(), 2 * before);
    assert_eq!(again["attempts"], 2);
    assert_eq!(records(&world), 18);
}

#[test]
fn nothing_to_put_back_is_said_and_leaves_a_finished_run_finished() {
    let world = poisoned();
    let said = told(&world, &["retry", "--reason", "tls"], 0).stdout;
    assert!(said.starts_with("nothing to put back") && said.contains("1 status.500 (detail)"), "{said}");
    assert_eq!(status(&world)["state"], "finished");
    told(&world, &["retry", "--stage", "detial"], 2).expect_said("did you mean \"detail\"?");
    told(&world, &["dead", "--stage", "detial"], 2).expect_said("did you mean \"detail\"?");
}

/// Records in the feed, each once.
fn records(world: &World) -> usize {
    let text = fs::read_to_string(world.left("records.jsonl")).unwrap();
    let mut urls: Vec<_> = lines(&text).iter().map(|record| record["url"].to_string()).collect();
    let all = urls.len();
    urls.sort_unstable();
    urls.dedup();
    assert_eq!(urls.len(), all, "twice");
    all
}

#[test]
fn an_export_is_what_the_feed_is() {
    let world = poisoned();
    let feed = fs::read_to_string(world.left("records.jsonl")).unwrap();
    let export = told(&world, &["export"], 0).expect_said("18 records");
    assert_eq!(export.stdout, feed.trim_end());
    let out = world.file("again.jsonl");
    told(&world, &["export", "--out", "again.jsonl", "--stage", "detail"], 0);
    assert_eq!(fs::read_to_string(&out).unwrap(), feed);
    told(&world, &["export", "--out", "again.jsonl"], 2).expect_said("again.jsonl");
    assert_eq!(fs::read_to_string(&out).unwrap(), feed, "what is there is not touched");
    let csv = told(&world, &["export", "--kind", "csv"], 0).stdout;
    assert_eq!((csv.lines().next(), csv.lines().count()), (Some("url,title,directors"), 19));
    told(&world, &["export", "--stage", "list"], 2).expect_said("no fields");
}

#[test]
fn an_export_has_the_columns_of_the_feed_of_its_kind() {
    let feed = r#"feed=[{kind="jsonl",path="a.jsonl",meta=["stage"]},{kind="csv",path="b.csv",meta=["status","url"]}]"#;
    let (key, value) = feed.split_once('=').unwrap();
    let world = Bed::new().proxies(2).set("frontier.kind", "sqlite").set(key, value).world();
    world.start(&[]).finish().expect_exit(0);
    for (kind, file) in [("jsonl", "a.jsonl"), ("csv", "b.csv")] {
        let export = told(&world, &["export", "--kind", kind], 0).stdout;
        assert_eq!(export, fs::read_to_string(world.left(file)).unwrap().trim_end());
    }
}

#[test]
fn a_run_can_be_looked_into_while_it_goes_on() {
    let bed = Bed::new().proxies(2).lists(1).per_list(20).set("pace.delay", "\"400ms\"");
    let world = bed.set("frontier.kind", "sqlite").fault("/detail/1", Fault::Status(451)).world();
    let mut running = world.start(&[]);
    running.until_event("page.dead");
    for _details in 0..3 {
        running.until_event("page.fetched");
    }
    let standing = status(&world);
    assert_eq!((&standing["state"], &standing["running"]["pid"]), (&"running".into(), &running.pid().into()));
    let tasks = &standing["tasks"];
    let sum =
        ["done", "gone", "dead", "excluded", "left"].map(|state| tasks[state].as_u64().unwrap()).iter().sum::<u64>();
    assert_eq!((&tasks["found"], sum), (&21.into(), 21), "{standing}");
    assert!(tasks["left"].as_u64().unwrap() > 0, "it still runs: {standing}");
    assert_eq!(paths(&dead(&world, &[])), ["/detail/1"]);
    let exported = lines(&told(&world, &["export"], 0).stdout);
    assert!((1..19).contains(&exported.len()), "{exported:?}");
    let pid = running.pid().to_string();
    told(&world, &["retry"], 7).expect_said(&pid);
    running.signal("TERM");
    running.finish().expect_exit(143);
    assert_eq!(status(&world)["state"], "unfinished");
    assert_eq!(status(&world)["last_end"]["exit_code"], 143);
}

#[test]
fn a_run_that_was_killed_is_unfinished_and_all_that_it_had_committed_is_seen() {
    let bed = Bed::new().proxies(2).lists(1).per_list(20).set("pace.delay", "\"200ms\"");
    let world = bed.set("frontier.kind", "sqlite").latency(Duration::from_millis(1)).world();
    let mut running = world.start(&[]);
    for _pages in 0..4 {
        while running.until_event("page.fetched")["task"]["stage"] == "robots.txt" {}
    }
    running.signal("KILL");
    running.finish();
    let standing = status(&world);
    assert_eq!((&standing["state"], &standing["last_end"]), (&"unfinished".into(), &Value::Null));
    // What is said of a page is said after its commit.
    assert!(standing["tasks"]["done"].as_u64().unwrap() >= 4, "{standing}");
    let held = standing["by_stage"]["detail"].clone();
    assert_eq!(held["found"].as_u64(), Some(20), "{standing}");
    assert_eq!(held["left"].as_u64().unwrap() + held["done"].as_u64().unwrap(), 20);
    assert!(!told(&world, &["export"], 0).stdout.is_empty());
    world.start(&[]).finish().expect_exit(0);
    assert_eq!(records(&world), 20);
}

#[test]
fn of_a_run_in_memory_and_of_none_it_is_said_what_to_do() {
    let world = Bed::new().proxies(2).set("frontier.kind", "memory").world();
    for command in ["status", "dead", "retry", "export"] {
        told(&world, &[command], 2).expect_said("there is no run").expect_said("burdock run");
    }
    assert!(!world.runs().exists(), "looking makes nothing");
    world.start(&[]).finish().expect_exit(0);
    let standing = status(&world);
    assert_eq!(
        (&standing["durable"], &standing["state"], &standing["tasks"]),
        (&false.into(), &"finished".into(), &Value::Null)
    );
    assert!(told(&world, &["status"], 0).stdout.contains("in memory"));
    for command in ["dead", "retry", "export"] {
        told(&world, &[command], 2).expect_said("in memory").expect_said("frontier.kind").expect_said("report.json");
    }
}

#[test]
fn a_store_that_is_none_is_named() {
    let world = poisoned();
    fs::write(world.left("store.sqlite"), "SQLite format 4, perhaps").unwrap();
    for command in ["status", "dead", "retry", "export"] {
        told(&world, &[command], 2).expect_said("store.sqlite is not a store of this program");
    }
}

/// The file with the body of the one page that was given up on.
fn body(world: &World, stage: &str) -> std::path::PathBuf {
    let letters = dead(world, &["--stage", stage]);
    assert_eq!(letters.len(), 1, "{letters:?}");
    letters[0]["body"].as_str().unwrap_or_else(|| panic!("{}", letters[0])).into()
}

/// Bodies that are kept.
fn bodies(world: &World) -> usize {
    fs::read_dir(world.left("pages")).map_or(0, Iterator::count)
}

#[test]
fn the_body_of_a_page_given_up_on_is_kept_and_shows_what_the_recipe_lacks() {
    let world = Bed::new().proxies(3).set("frontier.kind", "sqlite").fault("/detail/7", Fault::FieldMissing).world();
    world.start(&[]).finish().expect_exit(3);
    assert_eq!(bodies(&world), 1, "those of pages that are done are not kept");
    let file = body(&world, "detail");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("<html") && !text.contains("<h2"), "{text}");
    assert!(!text.to_lowercase().contains("content-type:"), "headers are not in it: {text}");
    let url = format!("{}/detail/7", world.site.url());
    let tried = ["try", &url, "--file", file.to_str().unwrap(), "--config", "bed.toml", "--stage", "detail", "--json"];
    let tried = world.command(&tried).finish().expect_exit(3).json();
    assert_eq!(tried["reason"]["code"], dead(&world, &[])[0]["reason"]["code"], "{tried}");
    assert!(told(&world, &["dead"], 0).stdout.contains(file.to_str().unwrap()));
}

#[test]
fn a_page_that_is_done_later_loses_the_body_of_its_failure() {
    let world = poisoned();
    assert_eq!(bodies(&world), 2);
    told(&world, &["retry", "--reason", "status.500", "--run"], 3);
    assert_eq!(bodies(&world), 1);
    assert!(fs::read_to_string(body(&world, "detail")).unwrap().contains("451"));
}

#[test]
fn bodies_are_kept_of_all_pages_or_of_none_where_the_config_says_so() {
    for (keep, number) in [("all", 24), ("none", 0)] {
        let world = Bed::new().proxies(3).set("crawl.keep_pages", keep).fault("/detail/7", Fault::Status(451)).world();
        world.start(&[]).finish().expect_exit(3);
        assert_eq!(bodies(&world), number, "{keep}");
    }
}

#[test]
fn that_bodies_cannot_be_kept_is_said_and_is_not_the_end_of_a_crawl() {
    let world = poisoned_by(Fault::Status(500));
    fs::remove_dir_all(world.left("pages")).unwrap();
    fs::write(world.left("pages"), "in the way").unwrap();
    told(&world, &["retry", "--run"], 3).expect_said("page.not_kept");
    assert_eq!(dead(&world, &[]).len(), 2);
    assert_eq!(records(&world), 18);
}

#[test]
fn secrets_in_addresses_and_users_of_proxies_are_not_shown() {
    let recipe = r#"[crawl]
start = ["{site}/page/1?api_key=s3cr3t"]
start_stage = "list"
data_dir = "runs"
[stage.list]
links = [{ select = "a", to = "list" }]
"#;
    let bed = Bed::new().locked(2, "burdock-user", "hunter2").set("frontier.kind", "sqlite").recipe(recipe);
    let world = bed.fault("/page/1?api_key=s3cr3t", Fault::Status(451)).world();
    world.start(&[]).finish().expect_exit(3);
    let shown = ["status", "dead", "retry"].map(|command| told(&world, &[command], 0));
    let shown = shown.map(|ended| ended.stdout + &ended.stderr).concat();
    let shown = shown + &told(&world, &["dead", "--json"], 0).stdout;
    assert!(shown.contains("api_key=***"), "{shown}");
    for secret in ["s3cr3t", "burdock-user", "hunter2"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn with_a_recipe_that_was_edited_since_records_and_letters_are_still_the_right_ones() {
    let world = poisoned();
    let titles = |text: &str| lines(text).iter().map(|record| record["title"].to_string()).collect::<Vec<_>>();
    let before = titles(&told(&world, &["export"], 0).stdout);
    let config = fs::read_to_string(world.file("bed.toml")).unwrap();
    let edited = config.replace("[stage.detail.fields]", "[stage.detail.fields]\nextra = \"h6\"");
    fs::write(world.file("bed.toml"), &edited).unwrap();
    let after = told(&world, &["export"], 0).stdout;
    assert_eq!(titles(&after), before);
    assert!(lines(&after).iter().all(|record| record["extra"].is_null() && record["directors"].is_array()), "{after}");
    fs::write(world.file("bed.toml"), edited.replace("detail", "film")).unwrap();
    let letters = dead(&world, &["--stage", "detail"]);
    assert_eq!((letters.len(), &letters[0]["stage"]), (2, &"detail".into()));
    assert_eq!(status(&world)["by_stage"]["detail"]["dead"], 2);
}

#[test]
fn nothing_is_put_back_where_the_same_command_would_not_crawl_it() {
    let world = poisoned();
    let command = ["retry", "bed.toml", "--set", "frontier.kind=memory"];
    let ended = crate::common::Running::start(world.runs().parent().unwrap(), &command).finish();
    ended.expect_exit(2).expect_said("frontier.kind");
    assert_eq!(status(&world)["tasks"]["dead"], 2);
}
