//! The promise: `burdock try` shows what becomes of one page, and asks for it only as it is told to.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};

use crate::common::{Bed, Fault, Running, World};
use serde_json::Value;

/// `burdock try` of a page of the bed, with its config, as JSON.
fn tried(world: &World, path: &str, args: &[&str], code: i32) -> Value {
    let url = format!("{}{path}", world.site.url());
    let command = [&["try", &url, "--config", "bed.toml", "--json"], args].concat();
    world.command(&command).finish().expect_exit(code).json()
}

fn askers(world: &mut World) -> Vec<IpAddr> {
    world.site.journal.visits().iter().map(|visit| visit.from).collect()
}

#[test]
fn a_detail_is_read_through_the_first_proxy_with_its_fields() {
    let mut world = Bed::new().proxies(2).world();
    let told = tried(&world, "/detail/1", &["--stage", "detail"], 0);
    let truth = &world.site.truth()[0];
    assert_eq!((&told["verdict"], &told["suspect"], &told["status"]), (&"done".into(), &"nobody".into(), &200.into()));
    assert_eq!(told["records"][0]["title"], truth.title);
    assert_eq!(told["records"][0]["directors"], Value::from(truth.directors.clone()));
    assert_eq!(told["through"], world.proxies[0].address().to_string());
    assert!(told["bytes"]["body"].as_u64().unwrap() > 3_000, "{told}");
    assert!(told["ms"]["head"].as_u64().unwrap() >= 8, "the site takes as long: {told}");
    assert_eq!(askers(&mut world), [IpAddr::from(world.proxies[0].source())]);
}

#[test]
fn a_start_url_is_read_by_the_start_stage_and_its_links_are_shown() {
    let world = Bed::new().proxies(1).per_list(12).world();
    let told = tried(&world, "/page/2", &[], 0);
    assert_eq!((&told["stage"], &told["links"]["found"]), (&"list".into(), &12.into()));
    let first = &told["links"]["first"];
    assert_eq!(first.as_array().unwrap().len(), 10);
    assert_eq!(first[0]["stage"], "detail");
    assert!(first[0]["url"].as_str().unwrap().ends_with("/detail/13"), "{first}");
}

#[test]
fn which_stage_reads_another_page_must_be_said() {
    let mut world = Bed::new().proxies(1).world();
    let url = format!("{}/detail/1", world.site.url());
    let ended = world.command(&["try", &url, "--config", "bed.toml"]).finish().expect_exit(2);
    ended.expect_said("--stage list | detail");
    let ended = world.command(&["try", &url, "--config", "bed.toml", "--stage", "none"]).finish().expect_exit(2);
    ended.expect_said("there are list, detail");
    assert_eq!(askers(&mut world), Vec::<IpAddr>::new());
}

#[test]
fn a_page_that_is_not_the_expected_one_is_exit_3_and_shows_what_is_there_and_missing() {
    let world = Bed::new().proxies(1).fault("/detail/7", Fault::FieldMissing).world();
    let note = "stage.detail.fields.note=\"main p\"";
    let told = tried(&world, "/detail/7", &["--stage", "detail", "--set", note], 3);
    assert_eq!((&told["verdict"], &told["suspect"]), (&"doubtful".into(), &"either".into()), "{told}");
    assert_eq!(told["reason"]["code"], "expect.unmet");
    assert_eq!(told["records"], serde_json::json!([{ "title": null, "directors": [], "note": "soon more" }]));
    assert_eq!(told["missing"], serde_json::json!(["title", "directors"]));

    let set = "stage.detail.expect=\"title\"";
    let told = tried(&world, "/detail/7", &["--stage", "detail", "--set", set], 3);
    assert_eq!(told["reason"]["code"], "field.missing", "expected, but without a required field: {told}");
}

#[test]
fn a_status_that_is_no_page_is_exit_3_no_answer_exit_1_and_a_broken_proxy_exit_4() {
    let bed = Bed::new().proxies(1).dead(1).locked(1, "me", "hush").fault("/page/1", Fault::Status(500));
    let world = bed.fault("/page/2", Fault::CutBody).world();
    let told = tried(&world, "/page/1", &[], 3);
    assert_eq!((&told["verdict"], &told["status"]), (&"failing".into(), &500.into()), "{told}");
    let told = tried(&world, "/page/2", &[], 1);
    assert_eq!((&told["reason"]["code"], &told["status"]), (&"body.cut".into(), &Value::Null), "{told}");
    let dead = world.proxies[1].address().to_string();
    let told = tried(&world, "/page/3", &["--proxy", &dead], 4);
    assert_eq!((&told["suspect"], &told["through"]), (&"proxy".into(), &dead.into()), "{told}");
}

#[test]
fn a_proxy_is_chosen_by_its_label_and_its_user_and_password_stay_secret() {
    let mut world = Bed::new().proxies(1).locked(1, "me", "hush").world();
    let url = format!("{}/page/1", world.site.url());
    let ended = world.command(&["try", &url, "--config", "bed.toml", "--proxy", "nobody:1"]).finish().expect_exit(2);
    let label = ended.stderr.split([' ', ',', '\n']).find(|word| word.contains('~')).expect("its label is named");
    assert!(!ended.stderr.contains("hush") && !ended.stderr.contains("me:"), "{}", ended.stderr);
    let ended = world.command(&["try", &url, "--config", "bed.toml", "--proxy", label]).finish().expect_exit(0);
    assert!(!ended.stdout.contains("hush"), "{}", ended.stdout);
    assert_eq!(askers(&mut world), [IpAddr::from(world.proxies[1].source())]);
}

#[test]
fn only_direct_asks_from_ones_own_address() {
    let mut world = Bed::new().dead(1).world();
    let told = tried(&world, "/page/1", &["--direct"], 0);
    assert_eq!((&told["through"], &told["links"]["found"]), (&"direct".into(), &5.into()));
    assert_eq!(askers(&mut world), [IpAddr::from(Ipv4Addr::LOCALHOST)]);
}

#[test]
fn a_page_from_a_file_is_read_without_asking_anybody() {
    let mut world = Bed::new().proxies(1).world();
    fs::write(world.file("page.html"), "<p>x<div class='directors el-row'><p>A  B</p></div><h2> T </h2>").unwrap();
    let told = tried(&world, "/detail/1", &["--stage", "detail", "--file", "page.html"], 0);
    assert_eq!(told["records"], serde_json::json!([{ "title": "T", "directors": ["A B"] }]));
    assert_eq!((&told["through"], &told["status"], &told["requests"]), (&"file".into(), &Value::Null, &0.into()));
    fs::write(world.file("page.html"), "<h1>Are you human?</h1>").unwrap();
    tried(&world, "/detail/1", &["--stage", "detail", "--file", "page.html"], 3);
    assert_eq!(askers(&mut world), Vec::<IpAddr>::new());
}

#[test]
fn without_a_config_the_answer_and_its_title_are_shown_and_a_way_must_be_named() {
    let world = Bed::new().proxies(1).world();
    let elsewhere = tempfile::tempdir().unwrap();
    let url = format!("{}/page/1", world.site.url());
    let start = |args: &[&str]| {
        let all = [&["try", &url, "--set", "fetch.allow_private=true"], args].concat();
        Running::start(elsewhere.path(), &all).finish()
    };
    start(&[]).expect_exit(2).expect_said("--direct");
    let ended = start(&["--direct"]).expect_exit(0);
    for fact in ["done  http://127.0.0.1", "status     200, ", "text/html", "\"List 1\""] {
        assert!(ended.stdout.contains(fact), "{fact}: {}", ended.stdout);
    }
    let told = start(&["--json", "--proxy", &world.proxies[0].line()]).expect_exit(0).json();
    assert_eq!(told["through"], world.proxies[0].address().to_string());
    let all = ["try", &url, "--direct"];
    Running::start(elsewhere.path(), &all).finish().expect_exit(2).expect_said("allow_private");
}

#[test]
fn a_redirect_is_followed_and_its_end_is_shown() {
    let world = Bed::new().proxies(1).fault("/page/1", Fault::Moved("/page/2".into())).world();
    let told = tried(&world, "/page/1", &[], 0);
    assert!(told["final_url"].as_str().unwrap().ends_with("/page/2"), "{told}");
    assert_eq!((&told["hops"], &told["requests"]), (&1.into(), &2.into()), "{told}");
}
