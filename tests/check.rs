//! The promise: `burdock check` says what a config amounts to and which proxies work, and gives no secret away.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::fs::PermissionsExt;

use crate::common::{Bed, Behaviour, Fault, World};
use serde_json::Value;

const PASSWORD: &str = "h:u@sh%y";

/// Three good proxies of which two share an exit, a dead one, one with a password.
fn mixed() -> World {
    Bed::new().proxies(2).twin().dead(1).locked(1, "me", PASSWORD).world()
}

fn row<'a>(tried: &'a Value, world: &World, at: usize) -> &'a Value {
    let row = &tried["tried"][at];
    let label = row["proxy"].as_str().unwrap();
    assert!(label.starts_with(&world.proxies[at].address().to_string()), "{row}");
    row
}

#[test]
fn it_counts_the_start_urls_and_says_the_ceiling_without_asking_anybody() {
    let mut world = Bed::new().proxies(3).lists(4).set("pace.delay", "\"2s\"").workers(2).world();
    let start = format!("crawl.start=[\"{0}/page/{{1..4}}\", \"{0}/page/{{3..6}}\"]", world.site.url());
    let ended = world.command(&["check", "bed.toml", "--set", &start]).finish().expect_exit(0);
    assert!(ended.stdout.contains("8 start URLs, 2 of which are there already"), "{}", ended.stdout);
    assert!(ended.stdout.contains("2 workers, 3 proxies: 1 spare; at 2 s delay at most 1 pages/s"), "{}", ended.stdout);
    assert_eq!(world.site.journal.visits().len(), 0);
    assert!(!world.runs().exists(), "no run folder is made");
}

#[test]
fn a_config_that_is_wrong_is_exit_2() {
    let world = Bed::new().proxies(1).set("crawl.start_stage", "\"nowhere\"").world();
    world.command(&["check", "bed.toml"]).finish().expect_exit(2).expect_said("nowhere");
}

#[test]
fn each_proxy_is_asked_once_and_its_latency_exit_and_fault_are_told() {
    let mut world = mixed();
    let exit_url = format!("{}/ip", world.site.url());
    let ended =
        world.command(&["check", "bed.toml", "--proxies", "--json", "--exit-url", &exit_url]).finish().expect_exit(0);
    let told = ended.json();
    assert_eq!((&told["usable"], &told["proxies"]), (&4.into(), &5.into()), "{told}");
    for at in [0, 1, 2, 4] {
        let row = row(&told, &world, at);
        assert_eq!((&row["usable"], &row["verdict"], &row["status"]), (&true.into(), &"done".into(), &200.into()));
        assert_eq!(row["exit"], world.proxies[at].source().to_string());
        assert!(row["latency_ms"].as_u64().unwrap() >= 8, "the site takes as long: {row}");
    }
    assert_eq!(row(&told, &world, 0)["same_exit"], Value::from(vec![told["tried"][2]["proxy"].clone()]));
    assert_eq!(row(&told, &world, 1)["same_exit"], Value::Array(vec![]));
    let dead = row(&told, &world, 3);
    assert_eq!((&dead["usable"], &dead["reason"]["code"]), (&false.into(), &"proxy.refused".into()), "{dead}");
    assert!(dead["latency_ms"].is_null() && dead["exit"].is_null(), "{dead}");

    let from: Vec<IpAddr> = world.site.journal.visits().iter().map(|visit| visit.from).collect();
    assert_eq!(from.len(), 4, "one request a proxy");
    assert!(!from.contains(&Ipv4Addr::LOCALHOST.into()), "nothing is asked directly");
}

#[test]
fn the_table_marks_those_that_share_an_exit_and_shows_no_secret() {
    let world = mixed();
    let exit_url = format!("{}/ip", world.site.url());
    let ended = world.command(&["check", "bed.toml", "--proxies", "--exit-url", &exit_url]).finish().expect_exit(0);
    let line = |at: usize| {
        let address = world.proxies[at].address().to_string();
        ended.stdout.lines().find(|line| line.starts_with(&address)).unwrap_or_else(|| panic!("{}", ended.stdout))
    };
    assert!(line(0).contains(&format!("same exit as {}", world.proxies[2].address())), "{}", line(0));
    assert!(!line(1).contains("same exit"), "{}", line(1));
    assert!(line(3).contains("no") && line(3).contains("refused"), "{}", line(3));
    assert!(ended.stdout.contains("4 of 5 proxies usable, 3 exit addresses"), "{}", ended.stdout);
    for secret in [PASSWORD, "h%3Au", "me:"] {
        assert!(!ended.stdout.contains(secret) && !ended.stderr.contains(secret), "{}{}", ended.stdout, ended.stderr);
    }
}

#[test]
fn usable_lines_are_written_as_they_stood_for_the_owner_alone() {
    let world = mixed();
    let locked = world.proxies[4].address().to_string();
    let file =
        format!("# mine\n{}\r\n\n{}\n  {locked}:me:{PASSWORD}\n", world.proxies[3].address(), world.proxies[0].line());
    fs::write(world.file("mine.txt"), file).unwrap();
    let set = format!("proxies.file={}", world.file("mine.txt").display());
    let command = ["check", "bed.toml", "--set", &set, "--proxies", "--write", "good.txt"];
    let ended = world.command(&command).finish().expect_exit(0);
    let good = world.file("good.txt");
    let expected = format!("{}\n{locked}:me:{PASSWORD}\n", world.proxies[0].line());
    assert_eq!(fs::read_to_string(&good).unwrap(), expected);
    assert_eq!(fs::metadata(&good).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!ended.stdout.contains(PASSWORD) && !ended.stderr.contains(PASSWORD));
}

#[test]
fn the_file_that_proxies_are_read_from_is_never_written_over() {
    let mut world = Bed::new().proxies(1).dead(1).world();
    let before = fs::read_to_string(world.file("proxies.txt")).unwrap();
    let command = ["check", "bed.toml", "--proxies", "--write", "./proxies.txt"];
    world.command(&command).finish().expect_exit(2).expect_said("is the file that the proxies are read from");
    assert_eq!(fs::read_to_string(world.file("proxies.txt")).unwrap(), before);
    assert_eq!(world.site.journal.visits().len(), 0);
}

#[test]
fn with_no_usable_proxy_it_is_exit_4_with_the_commonest_reason_and_no_file() {
    let world = Bed::new().dead(3).proxy(Behaviour::Garbage).world();
    let command = ["check", "bed.toml", "--proxies", "--write", "good.txt"];
    world.command(&command).finish().expect_exit(4).expect_said("none of 4").expect_said("refused");
    assert!(!world.file("good.txt").exists());
}

#[test]
fn a_proxy_that_gets_another_page_than_the_recipe_expects_is_not_usable() {
    let world = Bed::new().proxies(1).proxy(Behaviour::Captcha { after: 0 }).world();
    let told = world.command(&["check", "bed.toml", "--proxies", "--json"]).finish().expect_exit(0).json();
    assert_eq!(told["tried"][0]["usable"], true, "{told}");
    assert_eq!(told["tried"][1]["reason"]["code"], "expect.unmet", "{told}");
}

#[test]
fn your_own_address_is_no_proxy_to_try() {
    let mut world = Bed::new().proxies(1).world();
    let text = fs::read_to_string(world.file("bed.toml")).unwrap();
    fs::write(world.file("bed.toml"), text.replace("file = \"proxies.txt\"", "direct = true")).unwrap();
    world.command(&["check", "bed.toml"]).finish().expect_exit(0);
    world.command(&["check", "bed.toml", "--proxies"]).finish().expect_exit(2).expect_said("direct");
    assert_eq!(world.site.journal.visits().len(), 0);
}

#[test]
fn over_https_a_proxy_is_tried_through_its_tunnel() {
    let world = Bed::new().https().proxies(2).fault("/page/1", Fault::Status(404)).world();
    let exit_url = format!("{}/ip", world.site.url());
    let told = world.command(&["check", "bed.toml", "--proxies", "--json", "--exit-url", &exit_url]).finish().json();
    assert_eq!(told["usable"], 2, "{told}");
    let told = world.command(&["check", "bed.toml", "--proxies", "--json"]).finish().expect_exit(4).json();
    assert_eq!(told["tried"][0]["reason"]["code"], "status.404", "{told}");
}
