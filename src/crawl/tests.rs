//! Whole crawls in one process, in which actors are made to die: supervision, driven for real.

use std::path::Path;

use tempfile::TempDir;

use super::*;
use crate::config::load_text;
use crate::demo::check::compare;
use crate::demo::proxy::{self, Behaviour, Proxy};
use crate::demo::site::{self, Site};
use crate::dispatcher::notice::Ending;
use crate::protocol::Crash;

/// A site, its proxies, and a folder to crawl in.
struct Stage {
    site: Site,
    _proxies: Vec<Proxy>,
    folder: TempDir,
    settings: Settings,
}

impl Stage {
    /// `details` on two lists, four proxies, two workers.
    async fn new(details: u32, pace: &str, extra: &str) -> Self {
        let site = site::Builder::new(2, details / 2).start().await.expect("a site");
        let mut proxies = Vec::new();
        for number in 1..=4 {
            proxies.push(proxy::Builder::new(number, Behaviour::Good).start().await.expect("a proxy"));
        }
        let lines: Vec<String> = proxies.iter().map(|proxy| format!("{:?}", proxy.line())).collect();
        let text = format!(
            r#"
crawl = {{ start = ["{}/page/{{1..2}}"], start_stage = "list", workers = 2, threads = 2 }}
stage.list.links = [{{ select = "a.name", to = "detail" }}]
stage.detail.fields = {{ title = {{ select = "h2", required = true }}, directors = {{ select = "div.directors.el-row p", all = true, join = "|" }} }}
proxies.list = [{}]
pace = {{ delay = "{pace}", jitter = 0.0 }}
fetch.allow_private = true
{extra}"#,
            site.url(),
            lines.join(", ")
        );
        let folder = tempfile::tempdir().expect("a folder");
        let settings = load_text("crash.toml", &text, folder.path(), &[], std::iter::empty(), folder.path())
            .unwrap_or_else(|errors| panic!("{errors}"))
            .settings;
        std::fs::create_dir_all(settings.run_dir()).expect("the run's folder");
        Self { site, _proxies: proxies, folder, settings }
    }

    fn launch(&self) -> Running {
        let mut surroundings = Surroundings {
            resuming: None,
            names: Arc::new(Names::of(&self.settings)),
            view: None,
            clock: Clock::start(),
            fingerprint_key: [7; 16],
            leave: Box::new(|_| {}),
        };
        launch(plan(self.settings.clone(), &mut surroundings).expect("a plan"), &surroundings)
    }

    fn feed(&self) -> &Path {
        &self.settings.feeds[0].path
    }

    fn expect_all_records(&self) {
        let feed = std::io::BufReader::new(std::fs::File::open(self.feed()).expect("the feed"));
        let comparison = compare(feed, self.site.truth()).expect("a comparison");
        assert!(comparison.is_perfect(), "{comparison}");
    }

    /// Waits until so many requests have reached the site.
    async fn requests(&mut self, count: usize) {
        self.site.journal.at_least(count).await;
    }
}

fn workers(running: &Running) -> Vec<(WorkerId, Addr<ProxyWorker>)> {
    running.roll.borrow().iter().map(|(id, worker)| (*id, worker.clone())).collect()
}

/// The latest incarnation in a slot, as soon as there is one after `after`.
async fn successor(running: &Running, after: WorkerId) -> (WorkerId, Addr<ProxyWorker>) {
    loop {
        let next =
            workers(running).into_iter().find(|(id, _)| id.slot == after.slot && id.incarnation > after.incarnation);
        match next {
            Some(found) => return found,
            None => actix_rt::task::yield_now().await,
        }
    }
}

#[actix_rt::test]
async fn a_worker_that_dies_has_a_successor_and_no_page_is_lost() {
    let mut stage = Stage::new(60, "10ms", "").await;
    let running = stage.launch();
    stage.requests(10).await;
    let (id, worker) = workers(&running).remove(0);
    worker.do_send(Crash);
    let (next, _) = successor(&running, id).await;
    assert_eq!(next.incarnation, 1);
    let ended = running.wait().await.expect("an end");
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(ended.stats.map(|stats| (stats.done, stats.dead)), Some((62, 0)));
    stage.expect_all_records();
}

#[actix_rt::test]
async fn a_slot_past_its_restarts_stays_closed_and_the_others_finish_the_work() {
    let mut stage = Stage::new(60, "20ms", "supervisor = { max_restarts = 1, window = \"60s\" }").await;
    let running = stage.launch();
    stage.requests(4).await;
    let (first, worker) = workers(&running).remove(0);
    worker.do_send(Crash);
    let (second, worker) = successor(&running, first).await;
    worker.do_send(Crash);
    let ended = running.wait().await.expect("an end");
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(second.incarnation, 1);
    stage.expect_all_records();
}

#[actix_rt::test]
async fn when_all_slots_are_closed_the_crawl_stops_in_order_and_says_that_it_died() {
    let mut stage = Stage::new(60, "50ms", "supervisor = { max_restarts = 0, window = \"60s\" }").await;
    let running = stage.launch();
    stage.requests(4).await;
    for (_, worker) in workers(&running) {
        worker.do_send(Crash);
    }
    let ended = running.wait().await.expect("an end");
    assert!(matches!(ended.ending, Ending::Died { who: Role::Worker(_) }), "{:?}", ended.ending);
    let stats = ended.stats.expect("the store's counters");
    assert_eq!(stats.leased, 0, "what was out has gone back");
    assert!(stats.left() > 0);
}

#[actix_rt::test]
async fn when_the_sink_dies_the_crawl_stops_in_order_and_says_so() {
    let mut stage = Stage::new(60, "20ms", "").await;
    let running = stage.launch();
    stage.requests(10).await;
    running.sink.do_send(Crash);
    let ended = running.wait().await.expect("an end");
    assert_eq!(ended.ending, Ending::Died { who: Role::Sink });
    assert_eq!(ended.stats.map(|stats| stats.leased), Some(0));
}

#[actix_rt::test]
async fn when_the_dispatcher_dies_everybody_else_stops_and_the_sink_keeps_what_it_has() {
    let mut stage = Stage::new(60, "20ms", "").await;
    let running = stage.launch();
    stage.requests(20).await;
    running.dispatcher.do_send(Crash);
    let ended = running.wait().await.expect("an end");
    assert_eq!(ended.ending, Ending::Died { who: Role::Dispatcher });
    let feed = std::fs::read_to_string(stage.feed()).expect("the feed");
    assert!(feed.ends_with('\n') && feed.lines().count() > 0, "whole lines, and some of them");
    drop(stage.folder);
}

#[actix_rt::test]
async fn a_page_that_makes_a_job_panic_uses_its_attempts_and_costs_no_worker() {
    let stage = Stage::new(4, "0s", "retry.backoff = \"1ms\"").await;
    let mut settings = stage.settings.clone();
    settings.crawl.start.push(format!("{}/page/1?panic-here", stage.site.url()));
    let stage = Stage { settings, ..stage };
    let running = stage.launch();
    let roll = Rc::clone(&running.roll);
    let ended = running.wait().await.expect("an end");
    assert_eq!(ended.ending, Ending::Complete);
    assert_eq!(ended.dead_letters.len(), 1);
    assert_eq!(ended.dead_letters[0].reason.code, "panic");
    assert_eq!(ended.dead_letters[0].tries.len(), 3, "each attempt is in its history");
    assert!(roll.borrow().keys().all(|worker| worker.incarnation == 0), "no worker died of it");
    stage.expect_all_records();
}
