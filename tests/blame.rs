//! The promise: whoever is at fault pays, and nobody else: not a good proxy for a bad page, not a good page for bad proxies.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use crate::common::{Bed, Fault};

/// For the site's lists and details, with these selectors for links and titles.
fn recipe(lists: u32, links: &str, title: &str) -> String {
    format!(
        r#"[crawl]
start = ["{{site}}/page/{{1..{lists}}}"]
start_stage = "list"
data_dir = "runs"
[stage.list]
links = [{{ select = "{links}", to = "detail" }}]
[stage.detail.fields]
title = {{ select = "{title}", required = true }}
"#
    )
}

#[test]
fn soft_bans_that_no_rule_matches_are_found_and_no_captcha_is_a_record() {
    let bed = Bed::new().proxies(6).behaving(&["captcha-after:5"; 4]).lists(20).per_list(10);
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    let charged = crawl.distinct("proxy.charged", "/proxy/label");
    assert_eq!(charged, crawl.bad_proxies(), "those that were found at fault, and those that are");
}

#[test]
fn lists_that_are_captchas_through_half_of_the_proxies_lose_no_subtree() {
    let bed = Bed::new().behaving(&["captcha-after:0"; 4]).proxies(4).lists(20).per_list(5);
    let crawl = bed.crawl().expect_exit(0).expect_all_records().expect_dead(&[]);
    let replaced = crawl.distinct("proxy.replaced", "/proxy/label");
    assert!(replaced.is_subset(&crawl.bad_proxies()), "a good proxy was replaced: {replaced:?}");
}

/// One proxy of every kind, beside good ones.
const BROKEN: [&str; 21] = [
    "dead",
    "flaky:0.5",
    "flaky:1",
    "ban-after:5",
    "stalling",
    "garbage",
    "endless-head",
    "reset-mid-body",
    "truncating",
    "trickling",
    "lying:2",
    "forgetful",
    "slow:300ms",
    "captcha-after:5",
    "throttling:5",
    "status:404",
    "status:403:0.3",
    "status:407",
    "status:502",
    "status:503:0.3",
    "status:504",
];

#[test]
fn one_proxy_of_every_broken_kind_costs_no_record_and_no_good_proxy_its_place() {
    let bed = Bed::new().proxies(8).behaving(&BROKEN).lists(20).per_list(10);
    let bed = bed.set("fetch.head_timeout", "\"1s\"").set("fetch.timeout", "\"2s\"").set("ban.cooldown", "\"1s\"");
    let crawl = bed.crawl().expect_exit(0).expect_all_records().none_direct();
    let replaced = crawl.distinct("proxy.replaced", "/proxy/label");
    assert!(replaced.is_subset(&crawl.bad_proxies()), "a good proxy was replaced: {replaced:?}");
}

#[test]
fn half_a_page_that_a_proxy_passes_off_as_whole_is_taken_for_what_it_is() {
    let bed = Bed::new().proxies(3).behaving(&["lying:0.5"]).lists(20).per_list(10);
    bed.crawl().expect_exit(0).expect_all_records();
}

/// Ways in which a page fails for everybody.
const POISON: [&str; 10] = [
    "status:500",
    "status:403",
    "reset",
    "cut",
    "cut-chunks",
    "silent",
    "endless",
    "bomb",
    "field-missing",
    "redirect-loop",
];

/// So many pages of each kind of poison, far apart, and where they are.
fn poisoned(mut bed: Bed, lists: u32) -> (Bed, Vec<String>) {
    bed = bed.lists(lists).per_list(20).set("retry.attempts", "1").set("fetch.max_body", "\"256KiB\"");
    let poison: Vec<String> = (1..=lists).map(|list| format!("/detail/{}", list * 20 - 7)).collect();
    for (path, name) in poison.iter().zip(POISON.iter().cycle()) {
        bed = bed.failing(path, name);
    }
    (bed.set("fetch.head_timeout", "\"1s\"").set("fetch.timeout", "\"2s\""), poison)
}

#[test]
fn poison_pages_of_every_kind_die_and_cost_no_proxy_its_place() {
    let (bed, poison) = poisoned(Bed::new().proxies(8), 10);
    let poison: Vec<&str> = poison.iter().map(String::as_str).collect();
    let crawl = bed.crawl().expect_exit(3).expect_all_records().expect_dead(&poison).expect_no_proxy_blamed();
    let mut fetches = BTreeMap::<String, u32>::new();
    for line in crawl.events("page.fetched") {
        *fetches.entry(line["task"]["url"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    let on_poison: Vec<u32> = poison.iter().map(|path| fetches[&(crawl.world.site.url().to_owned() + path)]).collect();
    assert!(on_poison.iter().sum::<u32>() <= 5 * 10, "more than 5 requests for one on the average: {on_poison:?}");
}

#[test]
fn poison_pages_among_nine_bad_proxies_of_ten_cost_no_good_page_and_no_good_proxy() {
    let bad = ["dead", "flaky:0.5", "ban-after:10", "captcha-after:10", "stalling", "reset-mid-body"];
    let names: Vec<&str> = bad.iter().copied().cycle().take(18).collect();
    let (bed, poison) = poisoned(Bed::new().behaving(&names).proxies(2), 10);
    let poison: Vec<&str> = poison.iter().map(String::as_str).collect();
    let crawl = bed.set("ban.cooldown", "\"2s\"").crawl().expect_exit(3).expect_all_records().expect_dead(&poison);
    let replaced = crawl.distinct("proxy.replaced", "/proxy/label");
    assert!(replaced.is_subset(&crawl.bad_proxies()), "a good proxy was replaced: {replaced:?}");
}

#[test]
fn a_title_that_is_nowhere_ends_with_exit_6_naming_its_selector_and_blames_no_proxy() {
    let bed = Bed::new().proxies(4).lists(4).per_list(20).recipe(&recipe(4, "a.name", "h2.headline"));
    let crawl = bed.crawl().expect_exit(6).expect_said("h2.headline").expect_no_proxy_blamed().expect_dead(&[]);
    assert!(crawl.events("page.fetched").len() < 60, "it was not tried on every page through every proxy");
}

#[test]
fn links_that_are_nowhere_end_with_exit_6_naming_their_selector_and_blame_no_proxy() {
    let bed = Bed::new().proxies(4).lists(30).recipe(&recipe(30, "a.nome", "h2"));
    bed.crawl().expect_exit(6).expect_said("a.nome").expect_no_proxy_blamed().expect_dead(&[]);
}

#[test]
fn through_a_single_proxy_a_bad_page_dies_after_its_repeats_and_all_others_are_recorded() {
    let bed = Bed::new().proxies(1).failing("/detail/7", "field-missing").set("retry.attempts", "1");
    let crawl = bed.crawl().expect_exit(3).expect_all_records().expect_dead(&["/detail/7"]).expect_no_proxy_blamed();
    let of_page = |line: &&serde_json::Value| line["verdict"] != "done" && line["task"]["stage"] == "detail";
    let tries = crawl.events("page.fetched").iter().filter(of_page).count();
    assert!((2..=5).contains(&tries), "{tries} repeats");
}

#[test]
fn a_single_proxy_that_bans_for_a_while_loses_nothing() {
    let bed = Bed::new().behaving(&["status:403:0.2"]).set("ban.cooldown", "\"100ms\"");
    bed.crawl().expect_exit(0).expect_all_records();
}

#[test]
fn more_witnesses_than_proxies_are_as_many_as_there_are() {
    let bed = Bed::new().proxies(2).set("retry.witnesses", "5").set("retry.attempts", "1");
    let bed = bed.failing("/detail/7", "field-missing").failing("/detail/9", "status:500").failing("/page/3", "cut");
    let dead = ["/detail/7", "/detail/9", "/page/3"];
    let crawl = bed.crawl().expect_exit(3).expect_all_records().expect_dead(&dead).expect_no_proxy_blamed();
    assert!(crawl.ended.took < Duration::from_secs(30), "it waited for proxies that do not exist");
}

#[test]
fn without_proxies_bad_pages_are_dead_letters() {
    let bed = Bed::new().direct().failing("/detail/2", "reset").failing("/page/2", "status:403");
    bed.crawl().expect_exit(3).expect_all_records().expect_dead(&["/detail/2", "/page/2"]);
}

#[test]
fn without_proxies_a_site_that_is_not_there_is_dead_letters_and_never_exit_4() {
    for obey in ["true", "false"] {
        let bed = Bed::new().direct().condition("refusing".parse().unwrap()).set("retry.attempts", "2");
        let dead = ["/page/1", "/page/2", "/page/3", "/page/4"];
        let crawl = bed.set("robots.obey", obey).crawl().expect_exit(3).expect_dead(&dead);
        assert_eq!(crawl.report()["records"], 0);
    }
}

#[test]
fn a_lone_start_page_that_is_500_for_everybody_is_a_dead_letter_and_no_fault_of_the_proxies() {
    for proxies in [1, 3, 6] {
        let bed = Bed::new().proxies(proxies).lists(1).failing("/page/1", "status:500");
        let crawl = bed.set("retry.backoff", "\"50ms\"").crawl().expect_exit(3).expect_dead(&["/page/1"]);
        assert_eq!(punished(&crawl), 0, "{proxies} proxies");
    }
}

#[test]
fn a_page_that_is_429_for_everybody_holds_up_no_other_and_dies_after_a_few_requests_through_however_few_proxies() {
    for proxies in [1, 3] {
        let bed = Bed::new().proxies(proxies).lists(2).per_list(5).failing("/detail/7", "status:429");
        let bed = bed.set("retry.backoff", "\"50ms\"").set("pace.retry_after_max", "\"100ms\"");
        let crawl = bed.crawl().expect_exit(3).expect_all_records().expect_dead(&["/detail/7"]);
        let fetched = crawl.events("page.fetched");
        let on_it = fetched.iter().filter(|line| line["verdict"] == "throttled").count();
        assert!(on_it <= 30, "{on_it} requests through {proxies} proxies");
        assert_eq!(punished(&crawl), 0);
    }
}

/// How many proxies had to rest or are out.
fn punished(crawl: &crate::common::Crawl) -> usize {
    ["proxy.replaced", "proxy.cooling", "proxy.retired"].map(|event| crawl.events(event).len()).iter().sum()
}

#[test]
fn a_single_page_that_answers_407_costs_no_proxy_its_place() {
    let crawl = Bed::new().proxies(4).fault("/detail/7", Fault::Status(407)).crawl();
    let crawl = crawl.expect_exit(3).expect_all_records();
    assert_eq!((punished(&crawl), crawl.dead_letters().len()), (0, 1));
}

#[test]
fn a_wrong_certificate_authority_is_no_fault_of_the_pages_even_if_there_are_few() {
    let crawl = Bed::new().proxies(3).https().lists(1).with_another_ca().set("retry.backoff", "\"50ms\"").crawl();
    let crawl = crawl.expect_exit(4).expect_said("CN=practice authority");
    assert!(crawl.events("page.dead").is_empty());
}

#[test]
fn what_a_proxy_owes_is_asked_of_it_by_pages_that_were_done_and_the_report_adds_up() {
    let bed = Bed::new().proxies(3).fault("/detail/7", Fault::CutBody).fault("/detail/8", Fault::FieldMissing);
    let crawl = bed.crawl().expect_exit(3).expect_all_records();
    let (report, probes) = (crawl.report(), crawl.events("proxy.probed").len());
    assert!(probes > 0);
    assert_eq!(report["requests"]["probes"], probes);
    assert!(report.get("discrepancies").is_none(), "{}", report["discrepancies"]);
    assert_eq!(crawl.records().len(), 18, "nothing of them is recorded twice");
}

#[test]
fn nobody_waits_for_a_proxy_that_never_answers_while_one_that_does_is_idle() {
    let bed = Bed::new().behaving(&["stalling"]).proxies(1).lists(2).per_list(1).latency(Duration::from_millis(200));
    let crawl = bed.set("fetch.head_timeout", "\"10s\"").set("robots.obey", "false").crawl();
    let crawl = crawl.expect_exit(0).expect_all_records().expect_no_proxy_blamed();
    let fetched = crawl.distinct("page.fetched", "/proxy/label");
    assert!(fetched.is_disjoint(&crawl.bad_proxies()), "its time-out was waited for: {fetched:?}");
}
