//! The protocol of one worker, each rule with a real worker, a real proxy on loopback and a dispatcher that listens.

use super::*;
use crate::protocol::{Crash, Exit, Next, Role};
use crate::task::TaskId;
use crate::verdict::Verdict;
use crate::worker::bed::{Bed, DETAIL, LIST, ME, Proxy, Reply, lease, task};

const PAGE: &str = "http://site.test/page";
const SLOW: &str = "http://site.test/slow";
const BAD: &str = "http://site.test/panic-here";

async fn proxy() -> Proxy {
    let page = || [Reply::page("<h2>Title</h2>")];
    Proxy::start().await.answers(PAGE, page()).answers(BAD, page()).answers(SLOW, [Reply::Silence])
}

fn replaces(report: WorkerReport) -> Option<(ProxyRef, Why)> {
    match report {
        WorkerReport::Replace { worker: ME, proxy, why } => Some((proxy, why)),
        _ => None,
    }
}

/// Waits until the proxy has `n` requests, so that what comes next meets a busy worker.
async fn until_asked(proxy: &Proxy, n: usize) {
    while proxy.asked().len() < n {
        tokio::task::yield_now().await;
    }
}

#[actix_rt::test]
async fn a_task_is_fetched_through_the_bound_proxy_and_the_worker_is_ready_again() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 1);
    for _ in 0..2 {
        let assignment = bed.give(task(1, DETAIL, PAGE), 1);
        let outcome = bed.outcome().await;
        assert_eq!((outcome.worker, outcome.assignment, outcome.next), (ME, assignment, Next::Ready));
        assert_eq!(outcome.verdict, Verdict::Done);
        assert_eq!(outcome.meters.requests, 1);
    }
    assert_eq!(proxy.lines(), [format!("GET {PAGE}"), format!("GET {PAGE}")]);
}

#[actix_rt::test]
async fn a_worker_does_the_same_on_an_arbiter_of_its_own() {
    let arbiter = Arbiter::new();
    let (mut bed, proxy) = (Bed::start_on(&arbiter.handle()).await, proxy().await);
    assert_eq!(bed.fetch(&proxy, DETAIL, PAGE).await.verdict, Verdict::Done);
    bed.order(WorkerOrder::Finish);
    assert!(matches!(bed.report().await, WorkerReport::Finished { worker: ME }));
    assert_eq!(bed.obituary().await.why, Exit::Asked);
    arbiter.stop();
    arbiter.join().unwrap();
}

#[actix_rt::test]
async fn spent_while_idle_asks_for_another_proxy_at_once() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 4);
    bed.order(WorkerOrder::Spent { proxy: lease(4) });
    assert_eq!(replaces(bed.report().await), Some((lease(4), Why::Spent)));
    bed.order(WorkerOrder::Spent { proxy: lease(4) });
    bed.hears_nothing().await;
}

#[actix_rt::test]
async fn spent_while_busy_finishes_the_page_first_and_says_that_it_closes() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 4);
    bed.give(task(1, DETAIL, PAGE), 4);
    bed.order(WorkerOrder::Spent { proxy: lease(4) });
    let outcome = bed.outcome().await;
    assert_eq!((outcome.verdict, outcome.next), (Verdict::Done, Next::Closing));
    assert_eq!(replaces(bed.report().await), Some((lease(4), Why::Spent)));
}

#[actix_rt::test]
async fn spent_waits_for_all_that_is_out() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    let proxy = proxy.answers("http://site.test/other", [Reply::page("<h2>Other</h2>")]);
    bed.bind(proxy.port, 4);
    bed.give(task(1, DETAIL, PAGE), 4);
    bed.give(task(2, DETAIL, "http://site.test/other"), 4);
    bed.order(WorkerOrder::Spent { proxy: lease(4) });
    for _ in 0..2 {
        assert_eq!(bed.outcome().await.next, Next::Closing);
    }
    assert_eq!(replaces(bed.report().await), Some((lease(4), Why::Spent)));
}

#[actix_rt::test]
async fn spent_of_an_older_lease_changes_nothing() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 4);
    bed.bind(proxy.port, 5);
    bed.order(WorkerOrder::Spent { proxy: lease(4) });
    bed.give(task(1, DETAIL, PAGE), 5);
    assert_eq!(bed.outcome().await.next, Next::Ready);
    bed.hears_nothing().await;
}

#[actix_rt::test]
async fn a_task_for_a_proxy_that_is_not_held_is_abandoned_unasked() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    let early = bed.give(task(1, DETAIL, PAGE), 4);
    assert_eq!(bed.abandoned().await, early);
    bed.bind(proxy.port, 5);
    let stale = bed.give(task(2, DETAIL, PAGE), 4);
    assert_eq!(bed.abandoned().await, stale);
    bed.order(WorkerOrder::Park);
    let parked = bed.give(task(3, DETAIL, PAGE), 5);
    assert_eq!(bed.abandoned().await, parked);
    assert_eq!(proxy.lines(), [""; 0], "no request without a lease");
}

#[actix_rt::test]
async fn a_proxy_that_no_client_can_be_built_for_is_given_back() {
    let mut bed = Bed::start().await;
    bed.bind_in_vain(2);
    let (proxy, why) = replaces(bed.report().await).expect("it asks for another");
    assert_eq!(proxy, lease(2));
    assert!(matches!(why, Why::Unusable(_)));
    let assignment = bed.give(task(1, DETAIL, PAGE), 2);
    assert_eq!(bed.abandoned().await, assignment);
}

#[actix_rt::test]
async fn a_panic_in_a_job_is_a_verdict_and_the_worker_lives() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 1);
    let assignment = bed.give(task(1, DETAIL, BAD), 1);
    let outcome = bed.outcome().await;
    assert_eq!((outcome.assignment, outcome.next), (assignment, Next::Ready));
    let Verdict::Panicked(reason) = &outcome.verdict else { panic!("{:?}", outcome.verdict) };
    assert!(reason.detail.ends_with("asked to panic"), "{reason}");
    assert_eq!((outcome.meters.requests, outcome.meters.sent.len()), (1, 1), "what was sent is still known");
    bed.give(task(2, DETAIL, PAGE), 1);
    assert_eq!(bed.outcome().await.verdict, Verdict::Done);
}

#[actix_rt::test]
async fn a_panic_over_a_page_that_is_read_on_another_thread_is_a_verdict_too() {
    let (mut bed, proxy) = (Bed::start().await, Proxy::start().await);
    let proxy = proxy.answers(BAD, [Reply::page(&"<p>".repeat(100_000))]);
    let outcome = bed.fetch(&proxy, LIST, BAD).await;
    assert!(matches!(outcome.verdict, Verdict::Panicked(_)), "{:?}", outcome.verdict);
}

#[actix_rt::test]
async fn a_worker_that_dies_abandons_its_task_and_its_death_is_told() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 1);
    let running = bed.give(task(1, DETAIL, SLOW), 1);
    until_asked(&proxy, 1).await;
    bed.worker.as_ref().unwrap().do_send(Crash);
    let behind = bed.give(task(2, DETAIL, SLOW), 1);
    let mut abandoned = [bed.abandoned().await.task, bed.abandoned().await.task];
    abandoned.sort();
    assert_eq!(abandoned, [running.task, behind.task]);
    let exited = bed.obituary().await;
    assert_eq!((exited.who, exited.why), (Role::Worker(ME), Exit::Died));
    bed.hears_nothing().await;
}

#[actix_rt::test]
async fn finish_abandons_what_is_out_then_says_its_last_word_and_ends_as_expected() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 1);
    bed.give(task(1, DETAIL, SLOW), 1);
    bed.give(task(2, DETAIL, SLOW), 1);
    until_asked(&proxy, 2).await;
    bed.order(WorkerOrder::Finish);
    bed.give(task(3, DETAIL, PAGE), 1);
    let mut abandoned = [bed.abandoned().await.task, bed.abandoned().await.task, bed.abandoned().await.task];
    abandoned.sort();
    assert_eq!(abandoned, [1, 2, 3].map(TaskId));
    assert!(matches!(bed.report().await, WorkerReport::Finished { worker: ME }));
    assert_eq!(bed.obituary().await.why, Exit::Asked);
    bed.hears_nothing().await;
}

#[actix_rt::test]
async fn finish_of_a_parked_worker_is_answered_at_once() {
    let mut bed = Bed::start().await;
    bed.order(WorkerOrder::Park);
    bed.order(WorkerOrder::Finish);
    assert!(matches!(bed.report().await, WorkerReport::Finished { worker: ME }));
    assert_eq!(bed.obituary().await.why, Exit::Asked);
}

#[actix_rt::test]
async fn a_rebound_worker_asks_through_its_new_proxy_alone() {
    let (mut bed, old, new) = (Bed::start().await, proxy().await, proxy().await);
    bed.bind(old.port, 1);
    bed.bind(new.port, 2);
    bed.give(task(1, DETAIL, PAGE), 2);
    assert_eq!(bed.outcome().await.assignment.proxy, lease(2));
    assert_eq!((old.asked().len(), new.asked().len()), (0, 1));
}

#[actix_rt::test]
async fn a_job_that_outlives_its_binding_reports_under_the_old_lease() {
    let (mut bed, old, new) = (Bed::start().await, proxy().await, proxy().await);
    bed.bind(old.port, 1);
    bed.give(task(1, DETAIL, PAGE), 1);
    bed.order(WorkerOrder::Spent { proxy: lease(1) });
    bed.bind(new.port, 2);
    let outcome = bed.outcome().await;
    assert_eq!((outcome.assignment.proxy, outcome.next), (lease(1), Next::Ready));
    bed.hears_nothing().await;
}

#[actix_rt::test]
async fn a_worker_whose_last_address_is_gone_finishes_what_is_out() {
    let (mut bed, proxy) = (Bed::start().await, proxy().await);
    bed.bind(proxy.port, 1);
    bed.give(task(1, DETAIL, PAGE), 1);
    bed.worker = None;
    assert_eq!(bed.outcome().await.verdict, Verdict::Done);
}
