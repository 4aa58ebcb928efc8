//! The rules of robots.txt, each as a test: what the Desk orders before it is known, when it is, and when it is not to be had.

use super::*;
use crate::config::{CrawlDelay, Robots};
use crate::dispatcher::notice::Ending;
use crate::frontier::Kept;
use crate::pace::robots::{Clearance, Rules, Word};
use crate::task::Exclusion;

pub(super) const BARS_TWO: &str = "User-agent: *\nDisallow: /2";

pub(super) fn obeying(workers: u16, proxies: u16, tasks: u64) -> Script {
    with(workers, proxies, tasks, |_| {})
}

pub(super) fn with(workers: u16, proxies: u16, tasks: u64, change: impl FnOnce(&mut Limits)) -> Script {
    Script::with(workers, proxies, tasks, |limits| {
        limits.robots = Robots { obey: true, crawl_delay: CrawlDelay::Host };
        change(limits);
    })
}

pub(super) fn rules(text: &str) -> Option<Arc<Rules>> {
    Some(Arc::new(Rules::parse(text.as_bytes(), "burdock")))
}

impl Script {
    /// A fetch of a robots.txt ends so.
    pub(super) fn answered(
        &mut self,
        fetch: (WorkerId, Assignment),
        verdict: Verdict,
        status: u16,
        robots: Option<Arc<Rules>>,
    ) {
        let (worker, assignment) = fetch;
        let status = (status > 0).then_some(status);
        let meters = Meters { requests: 1, status, ..Meters::default() };
        let (links, records, missing, next) = (Vec::new(), Vec::new(), Vec::new(), Next::Ready);
        let outcome = Outcome { worker, assignment, verdict, links, records, missing, robots, meters, next };
        self.on(Event::Fetched(Box::new(outcome)));
    }

    /// The address of each fetch ordered so far, and where redirects may lead it.
    fn asked(&mut self) -> Vec<(String, Clearance)> {
        self.took(|order| match order {
            Order::Fetch { task, clearance, .. } => Some((task.request.url.path().to_owned(), clearance.clone())),
            _ => None,
        })
    }

    fn ending(&mut self) -> Option<Ending> {
        self.took(|order| match order {
            Order::Note(Notice::Stopping { ending, .. }) => Some(ending.clone()),
            _ => None,
        })
        .pop()
    }
}

fn banned() -> Verdict {
    Verdict::Banned(reason("status.403"))
}

#[test]
fn before_a_robots_txt_is_known_it_is_asked_for_once_and_nothing_else_is() {
    let mut script = obeying(3, 3, 5);
    let paths: Vec<String> = script.asked().into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["/robots.txt"]);
    assert_eq!(script.desk.out(), 1);
}

#[test]
fn what_it_bars_is_excluded_and_what_it_does_not_is_given_out_with_its_rules() {
    let mut script = obeying(3, 3, 3);
    let first = script.fetches()[0];
    script.answered(first, Verdict::Done, 200, rules(BARS_TWO));
    let asked = script.fetched_so_far();
    assert_eq!(asked.iter().map(|(_, assignment)| assignment.task.0).collect::<Vec<_>>(), [1, 3]);
    assert_eq!(script.fates(), [Fate::Excluded(Exclusion::Robots)]);
    let mut script = obeying(1, 1, 1);
    let first = script.fetches()[0];
    script.answered(first, Verdict::Done, 200, rules(BARS_TWO));
    let (_, clearance) = &script.asked()[0];
    let word = |path: &str| clearance.of(&path.parse().unwrap());
    assert_eq!(word("http://site.test/2"), Word::Barred);
    assert_eq!(word("http://other.test/2"), Word::Unknown);
}

#[test]
fn hosts_that_are_awaited_are_not_claimed_and_claims_in_vain_are_not_repeated() {
    let mut script = obeying(1, 1, 1);
    let barred = |order: &Order| match order {
        Order::Claim { barred, .. } => Some(barred.clone()),
        _ => None,
    };
    let ready = Stats { ready: 9, ..stats(1) };
    script.took(barred);
    script.on(Event::Claimed(Claim { tasks: Vec::new(), next_due: None, stats: ready }));
    assert_eq!(script.took(barred), [[HostKey("site.test:80".into())]]);
    for _ in 0..3 {
        script.on(Event::Claimed(Claim { tasks: Vec::new(), next_due: None, stats: ready }));
        assert_eq!(script.took(barred).len(), 0, "it would go round and round");
    }
}

#[test]
fn a_ban_of_one_proxy_is_not_the_word_of_the_site() {
    let mut script = obeying(2, 2, 3);
    let first = script.fetches()[0];
    script.answered(first, banned(), 403, None);
    let second = script.fetches()[0];
    assert_ne!(second.1.proxy, first.1.proxy);
    script.answered(second, Verdict::Done, 200, rules(BARS_TWO));
    assert_eq!(script.fates(), [Fate::Excluded(Exclusion::Robots)]);
}

#[test]
fn what_is_said_of_a_robots_txt_is_not_kept_since_the_next_process_asks_anew() {
    let mut script = obeying(2, 2, 3);
    let first = script.fetches()[0];
    script.answered(first, banned(), 403, None);
    script.after(Duration::from_secs(2));
    let kept = script.took(|order| match order {
        Order::Commit { kept, .. } => Some(kept.to_vec()),
        _ => None,
    });
    assert!(!kept.is_empty() && kept.concat().iter().all(|kept| &*kept.kind != "page.trial"), "{kept:?}");
}

#[test]
fn what_everybody_is_forbidden_bars_nothing() {
    let mut script = with(3, 3, 3, |limits| limits.ban.cooldown = Duration::ZERO);
    for _ in 0..3 {
        let next = script.fetches()[0];
        script.answered(next, banned(), 403, None);
    }
    let pages: Vec<u64> = script.fetches().iter().map(|(_, assignment)| assignment.task.0).collect();
    assert_eq!(pages, [1, 2, 3]);
    assert!(script.desk.pool.iter().all(|(_, member)| member.health.score() == 0.0), "and nobody pays");
}

#[test]
fn one_that_bars_everything_is_believed_of_two() {
    let mut script = obeying(2, 2, 2);
    let verdict = || Verdict::Rejected(Certainty::Doubtful, reason("robots.bars_everything"));
    let first = script.fetches()[0];
    script.answered(first, verdict(), 200, rules("User-agent: *\nDisallow: /"));
    let second = script.fetches()[0];
    assert_ne!(second.1.proxy, first.1.proxy);
    script.answered(second, verdict(), 200, rules("User-agent: *\nDisallow: /"));
    assert_eq!(script.fates().len(), 2);
    let gone = Stats { found: 2, excluded: 2, ..stats(0) };
    script.on(Event::Claimed(Claim { tasks: Vec::new(), next_due: None, stats: gone }));
    script.on(Event::Flushed(Cursor { feed: FeedId(0), through: Seq(0), bytes: 0, tail: 0 }));
    let Some(Ending::Guarded { reason }) = script.ending() else { panic!("it goes on") };
    assert_eq!(reason.code, "robots.denied");
}

#[test]
fn a_site_that_cannot_say_is_asked_again_and_again_before_the_crawl_stops_with_all_left() {
    let mut script = obeying(1, 1, 2);
    let mut asked = 0;
    while script.desk.phase.is_running() {
        for next in script.fetches() {
            asked += 1;
            script.answered(next, Verdict::Failing(Certainty::Sure, reason("status.503")), 503, None);
        }
        assert!(asked < 20);
        if script.desk.phase.is_running() {
            script.after(Duration::from_secs(100));
        }
    }
    assert_eq!(asked, 7);
    let left = script.took(|order| match order {
        Order::HandBack(leases) => Some(leases.len()),
        _ => None,
    });
    assert_eq!(left, [2]);
}

#[test]
fn where_other_hosts_are_at_work_pages_of_one_that_cannot_say_are_dead_letters() {
    let mut script = obeying(1, 1, 1);
    let other = Claimed { task: Arc::new(fixture::task(9, "down.test", 0)), epoch: Epoch(9) };
    script.on(Event::Claimed(Claim { tasks: vec![other], next_due: None, stats: stats(2) }));
    let first = script.fetches()[0];
    script.answered(first, Verdict::Done, 200, rules(BARS_TWO));
    let mut fates = Vec::new();
    for _ in 0..20 {
        loop {
            let fetches = script.fetched_so_far();
            if fetches.is_empty() {
                break;
            }
            for next in fetches {
                match next.1.task.is_built_in() {
                    true => script.answered(next, Verdict::Failing(Certainty::Sure, reason("status.503")), 503, None),
                    false => script.fetched(next.0, next.1, Verdict::Done),
                }
            }
        }
        let settled = script.took(|order| match order {
            Order::Commit { batch, .. } => Some(Arc::clone(batch)),
            _ => None,
        });
        for batch in settled {
            fates.extend(batch.iter().map(|settlement| (settlement.task.0, settlement.fate.clone())));
            let new_links = vec![Some(0); batch.len()];
            let more = Stats { delayed: 1, ..stats(0) };
            script.on(Event::Committed(Committed { new_links, stats: more, ..Committed::default() }));
        }
        script.after(Duration::from_secs(100));
    }
    let dead: Vec<_> = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Dead(_))).collect();
    assert!(matches!(dead[..], [(9, Fate::Dead(reason))] if reason.code == "robots.unreachable"), "{fates:?}");
}

#[test]
fn a_host_that_cannot_say_is_given_up_only_once_another_one_can() {
    let mut script = obeying(2, 2, 1);
    let other = Claimed { task: Arc::new(fixture::task(9, "other.test", 0)), epoch: Epoch(9) };
    script.on(Event::Claimed(Claim { tasks: vec![other], next_due: None, stats: stats(2) }));
    let fetches = script.fetches();
    let (mut down, slow) = (Some(fetches[0]), fetches[1]);
    while let Some(fetch) = down {
        script.answered(fetch, Verdict::Failing(Certainty::Sure, reason("status.503")), 503, None);
        script.after(Duration::from_secs(100));
        down = script.fetched_so_far().into_iter().find(|(_, next)| next.task == fetch.1.task);
    }
    assert!(script.desk.phase.is_running(), "the other one may still say something");
    assert_eq!(script.fates(), []);
    script.answered(slow, Verdict::Done, 200, rules(BARS_TWO));
    let fates = script.fates();
    assert!(matches!(&fates[..], [Fate::Dead(reason)] if reason.code == "robots.unreachable"), "{fates:?}");
}

#[test]
fn a_page_led_to_another_host_waits_for_its_robots_txt_and_then_knows_it() {
    let mut script = obeying(1, 1, 1);
    let first = script.fetches()[0];
    script.answered(first, Verdict::Done, 200, rules(BARS_TWO));
    let (worker, page) = script.fetches()[0];
    script.fetched(worker, page, Verdict::Unasked("https://site.test/1".parse().unwrap(), reason("redirect.unasked")));
    let asked = script.fetches().remove(0);
    assert!(asked.1.task.is_built_in());
    script.answered(asked, Verdict::Gone(Certainty::Sure, reason("status.404")), 404, None);
    let (path, clearance) = script.asked().remove(0);
    assert_eq!(path, "/1");
    assert_eq!(clearance.of(&"https://site.test/1".parse().unwrap()), Word::Admitted);
    assert_eq!(clearance.of(&"http://site.test/2".parse().unwrap()), Word::Barred);
}

#[test]
fn rules_hold_for_a_day_and_longer_where_new_ones_are_not_to_be_had() {
    let mut script = obeying(1, 1, 1);
    let first = script.fetches()[0];
    script.answered(first, Verdict::Done, 200, rules(BARS_TWO));
    let (worker, page) = script.fetches()[0];
    script.fetched(worker, page, Verdict::Done);
    script.after(Duration::from_secs(25 * 3600));
    script.on(Event::Claimed(Claim { tasks: vec![task(2), task(3)], next_due: None, stats: stats(2) }));
    let again = script.fetches().remove(0);
    assert!(again.1.task.is_built_in(), "it is read anew");
    script.answered(again, Verdict::Failing(Certainty::Sure, reason("status.503")), 503, None);
    let pages: Vec<u64> = script.fetches().iter().map(|(_, assignment)| assignment.task.0).collect();
    assert_eq!(pages, [3], "the old ones hold");
}

#[test]
fn a_delay_is_held_between_all_proxies_and_no_longer_than_the_longest_pause() {
    for (asked, held) in [(5, 5), (5_000, 600)] {
        let mut script = obeying(2, 2, 3);
        let first = script.fetches()[0];
        script.answered(first, Verdict::Done, 200, rules(&format!("User-agent: *\nCrawl-delay: {asked}")));
        assert_eq!(script.fetches().len(), 0);
        script.after(Duration::from_secs(held) - Duration::from_millis(1));
        assert_eq!(script.fetches().len(), 0, "{asked}");
        script.after(Duration::from_millis(1));
        assert_eq!(script.fetches().len(), 1, "{asked}");
    }
}

#[test]
fn rules_are_kept_and_known_to_the_next_process_under_the_same_name() {
    let mut script = obeying(1, 1, 1);
    let first = script.fetches()[0];
    script.answered(first, Verdict::Done, 200, rules(BARS_TWO));
    script.after(Duration::from_secs(2));
    let kept: Vec<Kept> = script
        .took(|order| match order {
            Order::Commit { kept, .. } => Some(kept.to_vec()),
            _ => None,
        })
        .concat();
    for (name, knows) in [("burdock", true), ("another", false)] {
        let mut limits = limits(1);
        limits.robots = Robots { obey: true, crawl_delay: CrawlDelay::Host };
        limits.robots_name = name.into();
        let desk = Desk::new(limits, &[route(1)], &kept, script.now);
        let mut next = Script { desk, now: script.now, orders: Vec::new() };
        next.on(Event::Ready(FIRST));
        next.on(Event::Claimed(Claim { tasks: vec![task(2), task(3)], next_due: None, stats: stats(2) }));
        let paths: Vec<String> = next.asked().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [if knows { "/3" } else { "/robots.txt" }], "{name}");
    }
}
