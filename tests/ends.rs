//! The promise: every crawl ends by itself, and its exit code and last words say how.

use crate::common::{Bed, Fault};

#[test]
fn with_every_proxy_dead_it_ends_with_exit_4_and_the_commonest_error() {
    let crawl = Bed::new().dead(4).crawl().expect_exit(4).expect_said("refused");
    assert!(crawl.events("page.fetched").iter().all(|line| line["verdict"] != "done"));
}

#[test]
fn a_page_that_is_not_there_is_gone_and_no_dead_letter() {
    let bed = Bed::new().proxies(4).fault("/detail/7", Fault::Status(404)).fault("/detail/8", Fault::Status(410));
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    let tasks = &crawl.report()["tasks"];
    assert_eq!((&tasks["gone"], &tasks["dead"]), (&2.into(), &0.into()), "{tasks}");
}

#[test]
fn a_page_that_always_fails_is_a_dead_letter_with_its_reason_and_exit_3() {
    let bed = Bed::new().proxies(4).fault("/detail/7", Fault::Status(500));
    let crawl = bed.crawl().expect_exit(3).expect_all_records();
    assert_eq!(crawl.report()["tasks"]["dead"], 1);
    let dead = crawl.events("page.dead");
    assert_eq!(dead.len(), 1, "{dead:?}");
    assert!(dead[0]["task"]["url"].as_str().unwrap().ends_with("/detail/7"), "{}", dead[0]);
    assert!(dead[0]["reason"].to_string().contains("500"), "{}", dead[0]);
}

#[test]
fn a_page_forbidden_to_everybody_dies_and_costs_no_proxy_its_place() {
    let bed = Bed::new().proxies(5).fault("/detail/7", Fault::Status(403)).set("ban.cooldown", "\"500ms\"");
    let crawl = bed.crawl().expect_exit(3).expect_all_records();
    assert_eq!(crawl.report()["tasks"]["dead"], 1);
    assert!(crawl.events("proxy.replaced").is_empty(), "the pool is intact");
    assert!(crawl.events("proxy.cooling").is_empty(), "and nobody rests");
}

#[test]
fn a_page_without_its_field_a_cut_page_and_a_circle_are_dead_letters_and_no_records() {
    let bed = Bed::new()
        .proxies(5)
        .fault("/detail/7", Fault::FieldMissing)
        .fault("/detail/8", Fault::CutBody)
        .fault("/detail/9", Fault::RedirectLoop);
    let crawl = bed.crawl().expect_exit(3).expect_all_records();
    assert_eq!(crawl.report()["tasks"]["dead"], 3);
    assert!(crawl.events("proxy.replaced").is_empty(), "no proxy pays for them");
}

#[test]
fn a_list_that_is_dead_loses_its_own_details_only() {
    let crawl = Bed::new().proxies(4).fault("/page/2", Fault::Status(500)).crawl().expect_exit(3).expect_all_records();
    assert_eq!(crawl.world.site.truth().len(), 15);
}

#[test]
fn a_limit_of_pages_ends_it_with_exit_5_after_exactly_so_many() {
    let crawl = Bed::new().proxies(3).lists(10).set("limits.pages", "25").crawl().expect_exit(5);
    assert_eq!(crawl.report()["tasks"]["done"], 25);
}

#[test]
fn a_limit_of_depth_leaves_deeper_links_alone_and_ends_nothing() {
    let mut crawl = Bed::new().proxies(2).set("limits.depth", "0").crawl().expect_exit(0);
    let tasks = &crawl.report()["tasks"];
    assert_eq!((&tasks["found"], &tasks["done"], &tasks["too_deep"]), (&4.into(), &4.into(), &20.into()), "{tasks}");
    assert!(crawl.world.site.journal.visits().iter().all(|visit| !visit.path.starts_with("/detail/")));
    Bed::new().proxies(2).set("limits.depth", "1").crawl().expect_exit(0).expect_all_records();
}

#[test]
fn feeds_that_may_lag_by_nothing_hold_the_crawl_up_but_do_not_stop_it() {
    let feed = r#"[{ kind = "jsonl", path = "records.jsonl" }, { kind = "jsonl", path = "r.zst", compress = "zstd" }]"#;
    // At two seconds for each frame that waits for company, this would take minutes.
    let bed = Bed::new().proxies(4).per_list(80).set("frontier.max_lag", "\"1B\"").set("feed", feed);
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    assert!(!crawl.events("run.lagging").is_empty());
    let text = zstd::decode_all(&*std::fs::read(crawl.world.left("r.zst")).unwrap()).unwrap();
    assert!(burdock::demo::check::compare(&*text, crawl.world.site.truth()).unwrap().is_perfect());
}
