//! The promise: what a site's robots.txt bars is never asked for, through whichever proxy, and no proxy decides for the site what it
//! says.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use crate::common::{Bed, Crawl, Fault};

/// Our name, as a robots.txt has it.
const BARS_FIVE: &str = "User-agent: burdock\nDisallow: /detail/5$\n\nUser-agent: *\nDisallow: /\n";

fn bed(robots: &str) -> Bed {
    Bed::new().page("/robots.txt", "text/plain", robots.as_bytes())
}

/// How often the site was asked for a path.
fn asked(crawl: &mut Crawl, path: &str) -> usize {
    crawl.visits().values().flatten().filter(|visit| visit.path == path).count()
}

fn tasks(crawl: &Crawl, key: &str) -> u64 {
    crawl.report()["tasks"][key].as_u64().unwrap()
}

#[test]
fn what_it_bars_for_us_is_excluded_and_never_asked_for() {
    let mut crawl = bed(BARS_FIVE).proxies(4).crawl().expect_exit(0);
    assert_eq!(asked(&mut crawl, "/detail/5"), 0);
    assert_eq!(asked(&mut crawl, "/robots.txt"), 1, "one proxy reads it for all");
    assert_eq!((tasks(&crawl, "excluded"), tasks(&crawl, "barred_by_robots"), tasks(&crawl, "done")), (1, 1, 23));
    assert_eq!(crawl.events("page.excluded").len(), 1);
    assert!(crawl.none_direct().report().get("discrepancies").is_none());
}

#[test]
fn a_crawl_by_ones_own_address_obeys_as_well() {
    let mut crawl = bed(BARS_FIVE).direct().crawl().expect_exit(0);
    assert_eq!((asked(&mut crawl, "/detail/5"), asked(&mut crawl, "/robots.txt")), (0, 1));
}

#[test]
fn who_is_told_not_to_obey_does_not_ask() {
    let mut crawl = bed(BARS_FIVE).proxies(2).set("robots.obey", "false").crawl().expect_exit(0).expect_all_records();
    assert_eq!(asked(&mut crawl, "/robots.txt"), 0);
}

#[test]
fn a_site_without_one_is_asked_for_by_two_voices_over_plain_http_and_by_one_inside_tls() {
    let mut plain = Bed::new().proxies(4).crawl().expect_exit(0).expect_all_records().expect_no_proxy_blamed();
    assert_eq!(asked(&mut plain, "/robots.txt"), 2);
    let mut secure = Bed::new().https().proxies(4).crawl().expect_exit(0).expect_all_records();
    assert_eq!(asked(&mut secure, "/robots.txt"), 1);
}

#[test]
fn proxies_that_stall_do_not_make_everybody_wait_for_their_time_outs() {
    // The good one is the last of five to be asked, all of them before the first one's time is over.
    let bed = bed(BARS_FIVE).behaving(&["stalling"; 4]).proxies(1).set("fetch.head_timeout", "\"4s\"");
    let mut crawl = bed.crawl().expect_exit(0);
    assert_eq!((asked(&mut crawl, "/detail/5"), asked(&mut crawl, "/robots.txt")), (0, 1));
    let fetched = crawl.events("page.fetched");
    let verdicts: Vec<_> = fetched.iter().filter(|fetch| fetch["task"]["stage"] == "robots.txt").collect();
    assert_eq!(verdicts[0]["verdict"], "done", "{verdicts:?}");
    assert!(verdicts[1..].iter().all(|late| late["then"] == "stale"), "{verdicts:?}");
    assert!(crawl.report().get("discrepancies").is_none());
}

#[test]
fn banned_proxies_do_not_decide_for_the_site() {
    // They answer everything with 403, with a captcha, or with 404 (of which two would be believed); the good ones get the file.
    for bad in [&["ban-after:0"; 2][..], &["captcha-after:0"; 2], &["status:404"]] {
        let bed = bed(BARS_FIVE).behaving(bad).proxies(3).set("ban.cooldown", "\"500ms\"");
        let mut crawl = bed.crawl();
        assert_eq!(asked(&mut crawl, "/detail/5"), 0, "{bad:?}");
        assert_eq!((tasks(&crawl, "done"), tasks(&crawl, "excluded")), (23, 1), "{bad:?}");
    }
}

#[test]
fn a_page_where_it_should_be_bars_nothing_once_others_have_seen_it_too() {
    let crawl = bed("<html><h1>Welcome</h1></html>").proxies(4).crawl().expect_exit(0).expect_all_records();
    crawl.expect_no_proxy_blamed();
}

#[test]
fn a_start_that_is_barred_altogether_ends_with_exit_6_and_says_what_to_do() {
    let mut crawl = bed("User-agent: *\nDisallow: /").proxies(3).crawl().expect_exit(6).expect_said("robots.obey");
    assert_eq!((tasks(&crawl, "excluded"), tasks(&crawl, "left")), (4, 0));
    assert_eq!(asked(&mut crawl, "/robots.txt"), 2, "what bars everything is worth a second voice");
    let mut again = crawl.again(&[]).expect_exit(6);
    assert_eq!(asked(&mut again, "/robots.txt"), 2, "and is remembered");
    let all = again.again(&["--set", "robots.obey=false"]).expect_exit(0).expect_all_records();
    assert_eq!(tasks(&all, "excluded"), 0);
}

#[test]
fn a_site_that_cannot_say_is_left_alone_and_nothing_is_lost() {
    for way in [Bed::new().proxies(3), Bed::new().direct()] {
        let bed = way.failing("/robots.txt", "status:500").set("retry.backoff", "\"20ms\"");
        let mut crawl = bed.crawl().expect_exit(6).expect_said("robots.txt");
        assert_eq!((tasks(&crawl, "left"), tasks(&crawl, "dead")), (4, 0));
        assert!(crawl.visits().values().flatten().all(|visit| visit.path == "/robots.txt"));
        let crawl = crawl.again(&["--set", "robots.obey=false"]).expect_exit(0).expect_all_records();
        assert_eq!(tasks(&crawl, "done"), 24);
    }
}

#[test]
fn a_site_that_is_not_there_is_dead_letters_without_proxies_and_is_not_asked_for_pages() {
    let bed = Bed::new().direct().condition("refusing".parse().unwrap()).set("retry.attempts", "2");
    let crawl = bed.crawl().expect_exit(3);
    assert_eq!((tasks(&crawl, "left"), tasks(&crawl, "dead")), (0, 4));
    assert!(crawl.report()["dead_letters"]["robots.unreachable"].is_object());
}

#[test]
fn redirects_lead_to_it_and_never_to_what_it_bars() {
    let bed = Bed::new()
        .proxies(3)
        .failing("/robots.txt", "moved:/rules.txt")
        .page("/rules.txt", "text/plain", BARS_FIVE.as_bytes())
        .failing("/detail/6", "moved:/detail/5");
    let mut crawl = bed.crawl().expect_exit(0);
    assert_eq!((asked(&mut crawl, "/detail/5"), asked(&mut crawl, "/detail/6")), (0, 1));
    assert_eq!((tasks(&crawl, "excluded"), tasks(&crawl, "done")), (2, 22));
}

#[test]
fn a_redirect_to_another_site_waits_for_that_sites_robots_txt() {
    let mut other = bed(BARS_FIVE).world();
    let to = |n: u32| Fault::Moved(format!("{}/detail/{n}", other.site.url()));
    let bed = Bed::new().proxies(3).fault("/detail/1", to(5)).fault("/detail/2", to(6)).fault("/detail/3", to(7));
    let crawl = bed.set("crawl.hosts", "\"any\"").crawl().expect_exit(0);
    let seen: Vec<&str> = other.site.journal.visits().iter().map(|visit| visit.path.as_str()).collect();
    assert_eq!(seen[0], "/robots.txt");
    let mut pages = seen[1..].to_vec();
    pages.sort_unstable();
    assert_eq!(pages, ["/detail/6", "/detail/7"], "and never what it bars");
    assert_eq!((tasks(&crawl, "excluded"), tasks(&crawl, "done")), (1, 23));
    assert!(crawl.report().get("discrepancies").is_none());
}

#[test]
fn its_delay_is_held_between_all_proxies_or_for_each_as_told() {
    let quarter = "User-agent: *\nCrawl-delay: 0.25\n";
    let bed = || bed(quarter).lists(1).per_list(3);
    let starts = |crawl: &mut Crawl| {
        let mut starts: Vec<_> = crawl.visits().into_values().flatten().map(|visit| visit.started).collect();
        starts.sort_unstable();
        starts
    };
    let mut together = bed().proxies(3).crawl().expect_exit(0).expect_all_records();
    let at = starts(&mut together);
    assert!(at.windows(2).all(|pair| pair[1].since(pair[0]) >= Duration::from_millis(200)), "{at:?}");
    let mut each = bed().proxies(3).set("robots.crawl_delay", "\"proxy\"").crawl().expect_exit(0);
    assert!(each.min_gap_per_address() >= Duration::from_millis(200));
    let at = starts(&mut each);
    assert!(at.windows(2).any(|pair| pair[1].since(pair[0]) < Duration::from_millis(200)), "{at:?}");
}

#[test]
fn rules_are_remembered_by_the_run_and_hold_for_what_is_added() {
    let bed = bed(BARS_FIVE).proxies(2).set("limits.pages", "6");
    let crawl = bed.crawl().expect_exit(5);
    let mut crawl = crawl.again(&["--set", "limits.pages=\"none\""]).expect_exit(0);
    assert_eq!((asked(&mut crawl, "/robots.txt"), asked(&mut crawl, "/detail/5")), (1, 0));
    assert_eq!((tasks(&crawl, "excluded"), tasks(&crawl, "done")), (1, 23));
}
