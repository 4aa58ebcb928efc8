//! The promise: a run whose config has changed goes on where that is safe, and names what is not; a run that is finished goes on
//! when it was given more to do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;

use crate::common::{Bed, Ended, Fault, World};
use serde_json::Value;

/// Lists and details of the fixture's site, with start URLs from a file.
const FROM_FILE: &str = r#"[crawl]
start_file = "starts.txt"
start_stage = "list"
data_dir = "runs"
[stage.list]
links = [{ select = "a.name", to = "detail" }]
[stage.detail]
expect = "h2"
[stage.detail.fields]
title = { select = "h2", required = true }
directors = { select = "div.directors.el-row p", all = true }
"#;

/// Changes the config.
fn edit(world: &World, from: &str, to: &str) {
    let path = world.file("bed.toml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// Stops a run after so many pages.
fn stopped_after(world: &World, pages: u32) {
    let limit = format!("limits.pages={pages}");
    world.start(&["--set", &limit]).finish().expect_exit(5);
}

fn bed() -> Bed {
    Bed::new().proxies(4).lists(4).per_list(5)
}

/// A run of which the lists and some details are done.
fn begun() -> World {
    let world = bed().world();
    stopped_after(&world, 12);
    world
}

fn finished(bed: Bed) -> World {
    let world = bed.world();
    world.start(&[]).finish().expect_exit(0);
    world
}

fn records(world: &World) -> Vec<Value> {
    let text = fs::read_to_string(world.left("records.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How often each path was asked for since `after` visits.
fn asked(world: &mut World, after: usize) -> BTreeMap<String, usize> {
    let mut paths = BTreeMap::new();
    for visit in &world.site.journal.visits()[after..] {
        *paths.entry(visit.path.clone()).or_default() += 1;
    }
    paths
}

fn visits(world: &mut World) -> usize {
    world.site.journal.visits().len()
}

fn report(world: &World) -> Value {
    serde_json::from_str(&fs::read_to_string(world.left("report.json")).unwrap()).unwrap()
}

/// Refused with exit 2, each of `said` on stderr, and both ways out named; the report of before is still there.
fn refused(world: &World, said: &[&str]) -> Ended {
    let before = fs::read(world.left("report.json")).unwrap();
    let mut ended = world.start(&[]).finish().expect_exit(2).expect_said("--accept-changes").expect_said("--fresh");
    for text in said {
        ended = ended.expect_said(text);
    }
    assert_eq!(fs::read(world.left("report.json")).unwrap(), before);
    ended
}

fn all_once(world: &World, count: usize) {
    let records = records(world);
    let mut urls: Vec<_> = records.iter().map(|record| record["url"].to_string()).collect();
    urls.sort();
    urls.dedup();
    assert_eq!((records.len(), urls.len()), (count, count));
    assert_eq!(report(world)["discrepancies"], Value::Null);
}

#[test]
fn pace_workers_proxies_and_feeds_may_change_without_a_word() {
    let world = begun();
    let proxies = fs::read_to_string(world.file("proxies.txt")).unwrap();
    fs::write(world.file("proxies.txt"), proxies.lines().next().unwrap()).unwrap();
    edit(&world, "delay = \"0s\"", "delay = \"1ms\"");
    edit(&world, "[pace]", "[[feed]]\nkind = \"csv\"\npath = \"films.csv\"\n[pace]");
    let changed = ["--set", "crawl.workers=1", "--set", "fetch.timeout=5s", "--set", "retry.attempts=2"];
    world.start(&changed).finish().expect_exit(0);
    let csv = fs::read_to_string(world.left("films.csv")).unwrap();
    assert_eq!(csv.lines().count(), 21, "the header, and all records, also those of before: {csv}");
}

#[test]
fn a_selector_of_a_stage_with_pages_done_is_named_with_their_number() {
    let world = begun();
    edit(&world, "select = \"h2\"", "select = \"h1, h2\"");
    edit(&world, "expect = \"h2\"", "expect = \"h1, h2\"");
    edit(&world, "a.name", "a.other");
    let said = refused(
        &world,
        &[
            "stage.detail.fields.title.select changed: 8 pages of this stage are done and will not be fetched again",
            "stage.detail.expect changed: 8 pages",
            "stage.list.links changed: 4 pages",
        ],
    );
    assert!(!said.stderr.contains("directors"), "what has not changed is not named: {}", said.stderr);
    world.start(&["--accept-changes"]).finish().expect_exit(0);
    all_once(&world, 20);
    world.start(&[]).finish().expect_exit(0).expect_said("finished");
}

#[test]
fn a_selector_given_on_the_command_line_counts_like_one_in_the_config() {
    let world = begun();
    let set = ["--set", "stage.detail.fields.title.select=h1"];
    world.start(&set).finish().expect_exit(2).expect_said("stage.detail.fields.title.select changed: 8 pages");
    // The same meaning in other words.
    edit(
        &world,
        "title = { select = \"h2\", required = true }",
        "title = { required = true, select = \"h2\", all = false }",
    );
    world.start(&[]).finish().expect_exit(0);
    all_once(&world, 20);
}

#[test]
fn a_selector_of_a_stage_without_a_page_done_just_takes_effect() {
    let world = bed().world();
    stopped_after(&world, 1);
    edit(&world, "title = { select = \"h2\", required = true }", "name = { select = \"h2\", required = true }");
    world.start(&[]).finish().expect_exit(0);
    assert!(records(&world).iter().all(|record| record["name"].is_string() && record["title"].is_null()));
}

#[test]
fn records_of_before_keep_their_values_under_their_names_when_fields_change() {
    let world = begun();
    let before = records(&world);
    edit(&world, "title = { select = \"h2\", required = true }", "year = \"const:1999\"\n\"heading\" = \"h2\"\n");
    refused(&world, &["stage.detail.fields.title was removed", "stage.detail.fields.year was added: 8 pages"]);
    world.start(&["--accept-changes"]).finish().expect_exit(0);
    all_once(&world, 20);
    let after = records(&world);
    let keys: Vec<_> = after[0].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["url", "year", "heading", "directors"], "the feed is written anew with the columns of today");
    for (old, new) in before.iter().zip(&after) {
        assert_eq!((&old["url"], &old["directors"]), (&new["url"], &new["directors"]));
        assert_eq!((&new["year"], &new["heading"]), (&Value::Null, &Value::Null));
    }
    assert!(after[before.len()..].iter().all(|record| record["year"] == "1999" && record["heading"].is_string()));
}

#[test]
fn a_stage_that_is_gone_takes_its_waiting_pages_with_it_and_brings_them_back() {
    let mut world = begun();
    edit(&world, "links = [{ select = \"a.name\", to = \"detail\" }]", "fields = { head = \"h1\" }\nexpect = \"none\"");
    let config = fs::read_to_string(world.file("bed.toml")).unwrap();
    let (from, to) = (config.find("[stage.detail]").unwrap(), config.find("[proxies]").unwrap());
    fs::write(world.file("bed.toml"), format!("{}{}", &config[..from], &config[to..])).unwrap();
    refused(
        &world,
        &["stage.detail was removed: 12 pages of it still to be fetched will not be", "stage.list.links changed"],
    );
    let before = visits(&mut world);
    world.start(&["--accept-changes"]).finish().expect_exit(0);
    assert_eq!(asked(&mut world, before), BTreeMap::new());
    let tasks = report(&world)["tasks"].clone();
    assert_eq!((&tasks["done"], &tasks["excluded"], &tasks["left"]), (&12.into(), &12.into(), &0.into()), "{tasks}");
    // And back, as it was.
    let back = config
        .replace("fields = { head = \"h1\" }\nexpect = \"none\"", "links = [{ select = \"a.name\", to = \"detail\" }]");
    fs::write(world.file("bed.toml"), back).unwrap();
    world.start(&["--accept-changes"]).finish().expect_exit(0);
    assert_eq!(asked(&mut world, before).values().sum::<usize>(), 12);
    all_once(&world, 20);
}

#[test]
fn start_urls_that_are_added_are_crawled_wherever_they_stand() {
    let starts = "{site}/page/2\n{site}/page/3\n";
    let mut world = finished(bed().recipe(FROM_FILE).file("starts.txt", starts));
    all_once(&world, 10);
    let (first, last) = (format!("{}/page/1", world.site.url()), format!("{}/page/4", world.site.url()));
    let list = fs::read_to_string(world.file("starts.txt")).unwrap();
    let before = visits(&mut world);
    fs::write(world.file("starts.txt"), format!("{list}{last}\n")).unwrap();
    world.start(&[]).finish().expect_exit(0);
    all_once(&world, 15);
    fs::write(world.file("starts.txt"), format!("{first}\n{list}{last}\n")).unwrap();
    world.start(&[]).finish().expect_exit(0).expect_said("start URLs changed");
    all_once(&world, 20);
    let asked = asked(&mut world, before);
    assert!(asked.len() == 12 && asked.values().all(|&times| times == 1), "{asked:?}");
    world.start(&[]).finish().expect_exit(0).expect_said("finished");
}

#[test]
fn more_of_a_template_is_crawled_and_the_exit_code_is_of_the_new_end() {
    let world = finished(
        bed()
            .recipe(&FROM_FILE.replace("start_file = \"starts.txt\"", "start = [\"{site}/page/{1..2}\"]"))
            .fault("/page/4", Fault::Status(500)),
    );
    all_once(&world, 10);
    edit(&world, "{1..2}", "{1..4}");
    world.start(&[]).finish().expect_exit(3);
    all_once(&world, 15);
    world.start(&[]).finish().expect_exit(3).expect_said("finished");
}

#[test]
fn start_urls_that_were_removed_are_named_and_their_waiting_pages_left_out() {
    let starts = "{site}/page/1\n{site}/page/2?token=s3cr3t\n{site}/page/3\n{site}/page/4\n";
    let mut world = bed().recipe(FROM_FILE).file("starts.txt", starts).set("crawl.workers", "1").world();
    stopped_after(&world, 1);
    let list = fs::read_to_string(world.file("starts.txt")).unwrap();
    let kept: String = list
        .lines()
        .filter(|line| !line.contains("token") && !line.contains("/page/3"))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(world.file("starts.txt"), &kept).unwrap();
    let ended = refused(&world, &["2 start URLs were removed: ", "/page/2?token=***, "]);
    assert!(!ended.stderr.contains("s3cr3t"));
    let before = visits(&mut world);
    world.start(&["--accept-changes"]).finish().expect_exit(0);
    let asked_then = asked(&mut world, before);
    assert!(!asked_then.keys().any(|path| path.contains("/page/2") || path.contains("/page/3")), "{asked_then:?}");
    all_once(&world, 10);
    // They are named once, and come back when the list has them again.
    world.start(&[]).finish().expect_exit(0).expect_said("finished");
    fs::write(world.file("starts.txt"), &list).unwrap();
    world.start(&[]).finish().expect_exit(0);
    all_once(&world, 20);
}

#[test]
fn removed_start_urls_are_found_also_while_a_changed_list_is_read_again() {
    let starts = "{site}/page/1\n{site}/page/2\n";
    let world = bed().recipe(FROM_FILE).file("starts.txt", starts).world();
    world.start(&[]).finish().expect_exit(0);
    let list = fs::read_to_string(world.file("starts.txt")).unwrap();
    // So many that the next start stops before it is at those that it knows.
    let more: String = (0..3000).map(|n| format!("{}/page/3?n={n}\n", world.site.url())).collect();
    fs::write(world.file("starts.txt"), format!("{more}{list}")).unwrap();
    stopped_after(&world, 1);
    fs::write(world.file("starts.txt"), format!("{more}{}\n", list.lines().next().unwrap())).unwrap();
    refused(&world, &["1 start URL was removed", "/page/2"]);
}

#[test]
fn other_addresses_and_another_start_stage_are_named() {
    let world = begun();
    world
        .start(&["--set", "crawl.drop_params=[\"sid\"]"])
        .finish()
        .expect_exit(2)
        .expect_said("crawl.drop_params changed");
    world
        .start(&["--set", "crawl.start_stage=detail"])
        .finish()
        .expect_exit(2)
        .expect_said("crawl.start_stage changed");
    let accepted = ["--set", "crawl.drop_params=[\"sid\"]", "--accept-changes"];
    world.start(&accepted).finish().expect_exit(0);
    all_once(&world, 20);
}

#[test]
fn hosts_that_are_narrowed_leave_pages_out_and_widened_ones_fetch_them() {
    let world = bed()
        .recipe(&FROM_FILE.replace("start_stage", "hosts = \"any\"\nstart_stage"))
        .file("starts.txt", "{site}/page/1\n")
        .world();
    stopped_after(&world, 1);
    edit(&world, "hosts = \"any\"", "hosts = [\"shop.example\"]");
    refused(&world, &["crawl.hosts changed: pages that it does not allow any more will not be fetched"]);
    world.start(&["--accept-changes"]).finish().expect_exit(0);
    assert_eq!(report(&world)["tasks"]["excluded"], 5);
    edit(&world, "hosts = [\"shop.example\"]", "hosts = \"any\"");
    world.start(&[]).finish().expect_exit(0).expect_said("crawl.hosts allows more");
    all_once(&world, 5);
}

#[test]
fn a_priority_holds_for_pages_that_wait_too() {
    let mut world = bed().set("crawl.workers", "1").world();
    stopped_after(&world, 1);
    edit(&world, "[stage.detail]\n", "[stage.detail]\npriority = 5\n");
    let before = visits(&mut world);
    stopped_after(&world, 5);
    let asked = asked(&mut world, before);
    assert!(asked.keys().all(|path| path.starts_with("/detail/")), "details first: {asked:?}");
}

#[test]
fn a_finished_run_says_what_changed_since_and_does_nothing() {
    let mut world = finished(bed());
    let before = visits(&mut world);
    edit(&world, "select = \"h2\"", "select = \"h1, h2\"");
    world
        .start(&[])
        .finish()
        .expect_exit(0)
        .expect_said("finished")
        .expect_said("since then stage.detail.fields.title.select changed: 20 pages");
    assert_eq!(visits(&mut world), before);
    edit(&world, "[pace]", "[[feed]]\nkind = \"csv\"\npath = \"films.csv\"\n[pace]");
    edit(&world, "select = \"h1, h2\"", "select = \"h2\"");
    world.start(&[]).finish().expect_exit(0);
    assert_eq!(fs::read_to_string(world.left("films.csv")).unwrap().lines().count(), 21, "a new feed is filled");
    assert_eq!(visits(&mut world), before);
}

#[test]
fn nothing_secret_is_in_what_is_kept_of_the_config() {
    let recipe = FROM_FILE.replace("title = {", "token = \"const:s3cr3t-field\"\ntitle = {");
    let bed = bed().recipe(&recipe).file("starts.txt", "{site}/page/1\n").locked(1, "anna", "s3cr3t-password");
    let world = bed.set("fetch.headers.authorization", "Bearer s3cr3t-header").world();
    stopped_after(&world, 1);
    for name in ["store.sqlite", "store.sqlite-wal", "run.json", "run.log.jsonl", "report.json"] {
        let bytes = fs::read(world.left(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("s3cr3t"), "{name}");
    }
}

#[test]
fn accepting_changes_and_beginning_anew_exclude_each_other() {
    let world = begun();
    world.start(&["--fresh", "--accept-changes"]).finish().expect_exit(2);
    world.start(&["--fresh"]).finish().expect_exit(0);
    assert_eq!(world.run_folders(), 2);
    all_once(&world, 20);
}

#[test]
fn a_store_of_a_newer_version_is_refused_with_both_versions() {
    let world = begun();
    let store = rusqlite::Connection::open(world.left("store.sqlite")).unwrap();
    store.execute("UPDATE meta SET v = 99 WHERE k = 'version'", []).unwrap();
    drop(store);
    let ended = world.start(&[]).finish().expect_exit(2).expect_said("was written by a newer version (schema 99");
    ended.expect_said("--fresh");
}

#[test]
fn a_finished_run_with_tasks_that_wait_is_not_finished() {
    let mut world = bed().https().fault("/detail/7", Fault::Status(500)).world();
    world.start(&[]).finish().expect_exit(3);
    let store = rusqlite::Connection::open(world.left("store.sqlite")).unwrap();
    store
        .execute_batch(
            "INSERT INTO fresh (id, host, prio, seq) SELECT id, host, prio, id FROM dead;
             DELETE FROM dead;
             UPDATE counter SET n = n - 1 WHERE k = 'dead'; UPDATE counter SET n = n + 1 WHERE k = 'ready';",
        )
        .unwrap();
    drop(store);
    let before = visits(&mut world);
    world.start(&[]).finish().expect_exit(3);
    let asked = asked(&mut world, before);
    let report = report(&world);
    // Whether the site is up may have been asked by a page that was done before.
    let probes = usize::try_from(report["requests"]["probes"].as_u64().unwrap()).unwrap();
    let all: usize = asked.values().sum();
    assert_eq!(asked["/detail/7"] + probes, all, "{asked:?}");
    assert_eq!(report["fetches"]["total"], asked["/detail/7"]);
    assert_eq!(report["discrepancies"], Value::Null);
}
