//! The promise: every way to a page is a way, and no answer, however hostile, is taken for what it is not.

use crate::common::{Bed, Behaviour, Fault, Hostile};

/// Both kinds of sites, the same otherwise.
fn http_and_https(bed: impl Fn() -> Bed) -> [Bed; 2] {
    [bed(), bed().https()]
}

#[test]
fn every_record_comes_through_socks5_proxies() {
    for bed in http_and_https(|| Bed::new().proxies(4).by_socks5().lists(10).per_list(5)) {
        let crawl = bed.crawl().expect_exit(0).expect_all_records().none_direct().requests_never_overlap_per_address();
        assert!(crawl.world.proxies.iter().all(|proxy| proxy.requests() < 25), "connections are kept");
    }
}

#[test]
fn every_record_comes_through_https_proxies() {
    for bed in http_and_https(|| Bed::new().proxies(4).by_https().lists(10).per_list(5)) {
        let crawl = bed.crawl().expect_exit(0).expect_all_records().none_direct().requests_never_overlap_per_address();
        assert!(crawl.world.proxies.iter().all(|proxy| proxy.connections() < 9), "connections are kept");
    }
}

#[test]
fn passwords_of_every_kind_of_proxy_are_shown_to_it_and_written_nowhere() {
    let (user, password) = ("some one", "p:ss@w%rd");
    for bed in [Bed::new().locked(3, user, password).by_socks5(), Bed::new().locked(3, user, password).by_https()] {
        let crawl = bed.crawl().expect_exit(0).expect_all_records().none_direct();
        let written = crawl.everything_written();
        for secret in [password, "p%3Ass%40w%25rd", "p:ss", user, "some%20one"] {
            assert!(!written.contains(secret), "{secret:?} was written");
        }
    }
}

#[test]
fn a_wrong_password_for_socks5_retires_its_proxy_and_the_others_do_the_work() {
    let bed = Bed::new().locked(1, "me", "right").by_socks5().proxies(2).wrong_password_for(0);
    let crawl = bed.crawl().expect_exit(0).expect_all_records();
    let retired = crawl.events("proxy.retired");
    assert_eq!((retired.len(), retired[0]["reason"]["code"].as_str()), (1, Some("proxy.auth")), "{retired:?}");
}

#[test]
fn socks5_proxies_that_break_in_every_way_cost_no_record() {
    for bed in http_and_https(|| {
        Bed::new()
            .proxies(5)
            .dead(1)
            .proxy(Behaviour::Flaky { share: 0.7 })
            .proxy(Behaviour::Banning { after: 4 })
            .proxy(Behaviour::Garbage)
            .proxy(Behaviour::ResetMidBody)
            .proxy(Behaviour::Forging { status: 502, share: 1.0 })
            .by_socks5()
            .lists(15)
            .per_list(5)
    }) {
        bed.crawl().expect_exit(0).expect_all_records().none_direct();
    }
}

#[test]
fn a_wrong_certificate_authority_ends_with_exit_4_naming_the_issuer_and_without_a_record() {
    for bed in
        [Bed::new().proxies(3).https(), Bed::new().proxies(3).by_socks5().https(), Bed::new().proxies(3).by_https()]
    {
        let mut crawl = bed.lists(30).with_another_ca().crawl().expect_exit(4).expect_said("CN=practice authority");
        assert_eq!(crawl.world.site.journal.visits().len(), 0, "nobody asked the site anything");
        assert_eq!(crawl.events("page.dead").len(), 0, "no page is given up for it");
        assert_eq!(std::fs::read_to_string(crawl.world.left("records.jsonl")).unwrap_or_default(), "");
    }
}

#[test]
fn tls_that_checks_nothing_is_warned_of_and_gets_every_record() {
    let bed = Bed::new().proxies(3).https().with_another_ca().set("fetch.insecure_tls", "true");
    bed.crawl().expect_exit(0).expect_all_records().expect_said("warning: fetch.insecure_tls");
}

/// Every trap on a page of its own, beside pages that are none, all on one thread; and what the pages that are given up on
/// are given up for, `None` being a page that came out whole.
fn hostile(bed: Bed) -> Vec<Option<String>> {
    let traps = [
        Fault::CutBody,
        Fault::Hostile(Hostile::CutChunks),
        Fault::Hostile(Hostile::NoLength),
        Fault::Hostile(Hostile::Bomb),
        Fault::Hostile(Hostile::Trickle),
        Fault::Hostile(Hostile::Garbage),
        Fault::Hostile(Hostile::EndlessHead),
        Fault::Hostile(Hostile::Huge),
    ];
    let bed = (1..).zip(traps).fold(bed, |bed, (id, trap)| bed.fault(&format!("/detail/{id}"), trap));
    let bed = bed.lists(10).per_list(5).set("crawl.threads", "1").set("fetch.timeout", "\"3s\"");
    // One round of two witnesses for each; how the pool bears several bad pages in a row is not what is asked here.
    let bed = bed.set("retry.attempts", "1").set("retry.witnesses", "2").set("health.max_silent", "50");
    let crawl = bed.crawl().expect_exit(3).expect_all_records().none_direct();
    assert!(crawl.events("proxy.replaced").is_empty(), "no proxy pays for it");
    let dead = crawl.dead_letters();
    (1..=8).map(|id| dead.get(&format!("/detail/{id}")).cloned()).collect()
}

const CUT: Option<&str> = Some("body.cut");
const BOMB: Option<&str> = Some("body.too_large");
const TRICKLE: Option<&str> = Some("timeout.body");
const WHOLE: Option<&str> = None;

#[test]
fn hostile_answers_by_http_proxies_are_whole_pages_or_named_and_cost_no_other_page() {
    // What is not HTTP such a proxy does not pass on.
    let (garbage, endless) = (Some("status.502"), Some("status.502"));
    let reasons = hostile(Bed::new().proxies(5));
    assert_eq!(
        reasons.iter().map(Option::as_deref).collect::<Vec<_>>(),
        [CUT, CUT, WHOLE, BOMB, TRICKLE, garbage, endless, WHOLE]
    );
}

#[test]
fn hostile_answers_in_tunnels_and_relayed_by_socks5_are_whole_pages_or_named_and_cost_no_other_page() {
    let (garbage, endless) = (Some("site.not_http"), Some("head.too_large"));
    for bed in [Bed::new().proxies(5).https(), Bed::new().proxies(5).by_socks5()] {
        let reasons = hostile(bed);
        assert_eq!(
            reasons.iter().map(Option::as_deref).collect::<Vec<_>>(),
            [CUT, CUT, WHOLE, BOMB, TRICKLE, garbage, endless, WHOLE]
        );
    }
}
