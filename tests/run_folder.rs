//! The promise: a run's folder belongs to one run and one process, and nothing in it is lost by starting again.

use crate::common::{Bed, Crawl, Fault, Running, World};

/// A crawl that takes some seconds, and has some of its records already.
fn under_way() -> (World, Running) {
    started(Bed::new())
}

fn under_way_in_memory() -> (World, Running) {
    started(Bed::new().set("frontier.kind", "memory"))
}

fn started(bed: Bed) -> (World, Running) {
    let world = bed.proxies(2).lists(1).per_list(20).set("pace.delay", "\"500ms\"").world();
    let mut running = world.start(&[]);
    for _list_and_details in 0..4 {
        running.until_event("page.fetched");
    }
    (world, running)
}

#[test]
fn a_finished_run_started_again_repeats_its_exit_code_and_asks_the_site_nothing() {
    for (fault, code) in [(Fault::Status(404), 0), (Fault::Status(500), 3)] {
        let mut crawl = Bed::new().proxies(3).fault("/detail/7", fault).crawl().expect_exit(code);
        let asked = crawl.world.site.journal.visits().len();
        let mut crawl = crawl.again(&[]).expect_exit(code).expect_said("finished").expect_all_records();
        assert_eq!(crawl.world.site.journal.visits().len(), asked);
    }
}

#[test]
fn a_finished_run_is_crawled_anew_with_fresh_and_the_old_one_moved_aside() {
    let crawl = Bed::new().proxies(3).crawl().expect_exit(0);
    let crawl = crawl.again(&["--fresh"]).expect_exit(0).expect_all_records();
    assert_eq!(crawl.world.run_folders(), 2);
}

#[test]
fn sigterm_ends_in_order_with_143_and_a_report() {
    let (world, running) = under_way();
    running.signal("TERM");
    let ended = running.finish();
    let crawl = Crawl { world, ended }.expect_exit(143).bindings_never_overlap();
    assert!(crawl.report().is_object());
    let comparison = crawl.compared();
    assert!(comparison.twice.is_empty() && comparison.wrong.is_empty() && comparison.right > 0, "{comparison}");
}

#[test]
fn ctrl_c_ends_in_order_with_130_and_a_report() {
    let (world, running) = under_way();
    running.signal("INT");
    let ended = running.finish();
    let crawl = Crawl { world, ended }.expect_exit(130);
    assert!(crawl.report().is_object());
}

#[test]
fn an_interrupted_run_in_memory_is_refused_until_fresh_moves_it_aside() {
    let (world, running) = under_way_in_memory();
    running.signal("TERM");
    running.finish().expect_exit(143);
    let ended = world.start(&[]).finish().expect_exit(2).expect_said("--fresh");
    let quick = ["--fresh", "--set", "pace.delay=\"0s\""];
    let crawl = Crawl { world, ended }.again(&quick).expect_exit(0).expect_all_records();
    assert_eq!(crawl.world.run_folders(), 2, "the old folder is still there");
}

#[test]
fn a_run_in_memory_that_was_killed_is_refused_like_an_interrupted_one() {
    let (world, running) = under_way_in_memory();
    running.signal("KILL");
    assert_eq!(running.finish().code, -9);
    world.start(&[]).finish().expect_exit(2).expect_said("--fresh");
}

#[test]
fn a_run_is_not_continued_in_another_frontier_than_its_own() {
    for (first, then, said) in [
        ("memory", "sqlite", "a run in memory cannot be continued"),
        ("sqlite", "memory", "frontier.kind = \"sqlite\""),
    ] {
        let world = Bed::new().proxies(2).world();
        let kind = |kind| format!("frontier.kind={kind}");
        world.start(&["--set", &kind(first), "--set", "limits.pages=2"]).finish().expect_exit(5);
        let ended = world.start(&["--set", &kind(then)]).finish().expect_exit(2);
        ended.expect_said(said).expect_said("--fresh");
    }
}

#[test]
fn a_second_process_is_turned_away_with_7_and_the_pid_of_the_first() {
    let (world, running) = under_way();
    let pid = running.pid().to_string();
    world.start(&[]).finish().expect_exit(7).expect_said(&pid);
    world.start(&["--fresh"]).finish().expect_exit(7).expect_said(&pid);
    running.signal("TERM");
    running.finish().expect_exit(143);
}
