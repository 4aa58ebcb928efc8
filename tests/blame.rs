//! The promise: whoever is at fault pays, and nobody else: the page, the proxy, or the recipe.

mod common;

use common::{Bed, Behaviour, Fault};

/// How many proxies had to rest or are out.
fn punished(crawl: &common::Crawl) -> usize {
    ["proxy.replaced", "proxy.cooling", "proxy.retired"].map(|event| crawl.events(event).len()).iter().sum()
}

#[test]
fn a_selector_that_never_matches_ends_with_exit_6_naming_it_and_no_proxy_pays() {
    let bed = Bed::new().proxies(4).lists(4).per_list(5).recipe(
        r#"
[crawl]
start = ["{site}/page/{1..4}"]
start_stage = "list"
[stage.list]
links = [{ select = "a.name", to = "detail" }]
[stage.detail.fields]
title = { select = "h9.title", required = true }
"#,
    );
    let crawl = bed.crawl().expect_exit(6).expect_said("h9.title");
    assert_eq!(punished(&crawl), 0);
    assert!(crawl.events("proxy.charged").is_empty() && crawl.events("page.dead").is_empty());
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
fn a_single_proxy_gets_all_but_the_page_that_is_at_fault() {
    let bed = Bed::new().proxies(1).fault("/detail/7", Fault::FieldMissing).set("retry.backoff", "\"50ms\"");
    let crawl = bed.crawl().expect_exit(3).expect_all_records();
    assert_eq!((punished(&crawl), crawl.dead_letters().len()), (0, 1));
}

#[test]
fn two_proxies_are_enough_where_more_witnesses_are_asked_for() {
    let bed = Bed::new().proxies(2).fault("/detail/7", Fault::FieldMissing).set("retry.backoff", "\"50ms\"");
    let crawl = bed.set("retry.witnesses", "9").crawl().expect_exit(3).expect_all_records();
    assert_eq!((punished(&crawl), crawl.dead_letters().len()), (0, 1));
}

#[test]
fn proxies_that_give_captchas_are_found_without_a_rule_and_none_is_among_the_records() {
    let mut bed = Bed::new().proxies(4).lists(15).per_list(8).workers(8);
    for _ in 0..8 {
        bed = bed.proxy(Behaviour::Captcha { after: 5 });
    }
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    let charged = crawl.distinct("proxy.charged", "/proxy/label");
    assert!(charged.len() >= 4 && charged.len() <= 8, "just those that had their turn are at fault: {charged:?}");
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
