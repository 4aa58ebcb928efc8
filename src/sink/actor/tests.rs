//! The Sink driven as the dispatcher and the supervisor drive it, with real files.

use std::fs;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::mpsc;

use super::*;
use crate::config::{self, FeedKind};
use crate::protocol::{Crash, Cursor, Exit, Exited, FeedId, Role};
use crate::record::Seq;
use crate::sink::FeedPlan;
use crate::sink::tests::shelf::{Shelf, urls};
use crate::sink::tests::{feed, film, films, open};

/// Dispatcher and supervisor in one: writes down all that it hears.
struct Ear(mpsc::UnboundedSender<Heard>);

#[derive(Debug)]
enum Heard {
    Report(SinkReport),
    Exited(Exited),
}

impl Actor for Ear {
    type Context = Context<Self>;
}

impl Handler<SinkReport> for Ear {
    type Result = ();

    fn handle(&mut self, report: SinkReport, _: &mut Self::Context) {
        self.0.send(Heard::Report(report)).unwrap();
    }
}

impl Handler<Exited> for Ear {
    type Result = ();

    fn handle(&mut self, exited: Exited, _: &mut Self::Context) {
        self.0.send(Heard::Exited(exited)).unwrap();
    }
}

struct Bench {
    sink: Addr<Sink>,
    inbox: Recipient<SinkOrder>,
    heard: mpsc::UnboundedReceiver<Heard>,
}

/// A sink on an arbiter of its own, which has said that it is ready.
async fn bench(feeds: &[config::Feed]) -> Bench {
    bench_of(open(feeds).unwrap()).await
}

async fn bench_of(feeds: Feeds) -> Bench {
    let (tell, mut heard) = mpsc::unbounded_channel();
    let ear = Ear(tell).start();
    let obituary = Obituary::new(Role::Sink, ear.clone().recipient());
    let sink = Sink::new(feeds, ear.recipient(), obituary);
    let sink = Sink::start_in_arbiter(&Arbiter::new().handle(), |_| sink);
    let Heard::Report(SinkReport::Ready { inbox }) = next(&mut heard).await else { panic!("first it is ready") };
    Bench { sink, inbox, heard }
}

async fn next(heard: &mut mpsc::UnboundedReceiver<Heard>) -> Heard {
    tokio::time::timeout(Duration::from_secs(30), heard.recv()).await.expect("something is heard").unwrap()
}

impl Bench {
    fn store(&self, seqs: impl IntoIterator<Item = u64>) {
        let records: Vec<_> = seqs.into_iter().map(film).collect();
        let through = records.last().unwrap().seq;
        self.inbox.do_send(SinkOrder::Stored { through, records });
    }

    async fn next(&mut self) -> Heard {
        next(&mut self.heard).await
    }

    async fn cursor(&mut self) -> Cursor {
        match self.next().await {
            Heard::Report(SinkReport::Flushed(cursor)) => cursor,
            other => panic!("a cursor expected, not {other:?}"),
        }
    }

    /// All that it says up to its obituary.
    async fn rest(mut self) -> (Vec<SinkReport>, Exited) {
        let mut reports = Vec::new();
        loop {
            match self.next().await {
                Heard::Report(report) => reports.push(report),
                Heard::Exited(exited) => return (reports, exited),
            }
        }
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

#[actix_rt::test]
async fn every_feed_says_how_far_it_is_once_the_records_are_in_its_file() {
    let folder = TempDir::new().unwrap();
    let feeds = [FeedKind::Jsonl, FeedKind::Csv].map(|kind| feed(kind, folder.path().join(kind.as_str())));
    let mut bench = bench(&feeds).await;
    bench.store(1..=3);
    let cursors = [bench.cursor().await, bench.cursor().await];
    for (id, cursor) in (0..).zip(cursors) {
        let path = &feeds[usize::from(id)].path;
        assert_eq!((cursor.feed, cursor.through), (FeedId(id), Seq(3)));
        assert_eq!(cursor.bytes, fs::metadata(path).unwrap().len());
    }
    assert_eq!((lines(&feeds[0].path), lines(&feeds[1].path)), (3, 4));
}

#[actix_rt::test]
async fn all_messages_in_the_mailbox_are_flushed_at_once() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let (tell, mut heard) = mpsc::unbounded_channel();
    let ear = Ear(tell).start();
    let obituary = Obituary::new(Role::Sink, ear.clone().recipient());
    // On this arbiter, so that it cannot run before all is in its mailbox.
    let sink = Sink::new(open(std::slice::from_ref(&jsonl)).unwrap(), ear.recipient(), obituary).start();
    for seq in 1..=20 {
        sink.do_send(SinkOrder::Stored { through: Seq(seq), records: vec![film(seq)] });
    }
    assert!(matches!(next(&mut heard).await, Heard::Report(SinkReport::Ready { .. })));
    let Heard::Report(SinkReport::Flushed(cursor)) = next(&mut heard).await else { panic!("a cursor expected") };
    assert_eq!((cursor.through, lines(&jsonl.path)), (Seq(20), 20));

    sink.do_send(SinkOrder::Stored { through: Seq(21), records: vec![film(21)] });
    let Heard::Report(SinkReport::Flushed(cursor)) = next(&mut heard).await else { panic!("a cursor expected") };
    assert_eq!((cursor.through, lines(&jsonl.path)), (Seq(21), 21));
}

#[actix_rt::test]
async fn at_the_end_all_is_in_the_files_before_it_has_finished() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let bench = bench(std::slice::from_ref(&jsonl)).await;
    for seq in 1..=200 {
        bench.store([seq]);
    }
    bench.inbox.do_send(SinkOrder::Finish);
    let (reports, exited) = bench.rest().await;
    let [.., SinkReport::Flushed(last), SinkReport::Finished] = &reports[..] else {
        panic!("a cursor and the end expected, not {reports:?}");
    };
    assert_eq!((last.through, lines(&jsonl.path)), (Seq(200), 200));
    assert_eq!((exited.who, exited.why), (Role::Sink, Exit::Asked));
}

#[actix_rt::test]
async fn what_the_store_has_and_a_feed_lacks_is_written_before_anybody_asks() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let shelf = Shelf::default();
    shelf.add(3000);
    let opening = FeedPlan::new(std::slice::from_ref(&jsonl), &films()).unwrap().open(&[], shelf.source()).unwrap();
    let mut bench = bench_of(opening.start().unwrap()).await;
    while bench.cursor().await.through < shelf.last() {}
    shelf.expect_exact(&jsonl);

    // And what is committed later, whether it comes along or not.
    shelf.add(5);
    bench.inbox.do_send(SinkOrder::Stored { through: shelf.last(), records: Vec::new() });
    let records = shelf.add(5);
    bench.inbox.do_send(SinkOrder::Stored { through: shelf.last(), records });
    while bench.cursor().await.through < shelf.last() {}
    shelf.expect_exact(&jsonl);
}

#[actix_rt::test]
async fn the_end_waits_for_a_feed_that_is_behind() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let shelf = Shelf::default();
    shelf.add(3000);
    let opening = FeedPlan::new(std::slice::from_ref(&jsonl), &films()).unwrap().open(&[], shelf.source()).unwrap();
    let bench = bench_of(opening.start().unwrap()).await;
    bench.inbox.do_send(SinkOrder::Finish);
    let (reports, _) = bench.rest().await;
    assert!(
        matches!(reports[..], [.., SinkReport::Flushed(last), SinkReport::Finished] if last.through == shelf.last())
    );
    shelf.expect_exact(&jsonl);
}

#[actix_rt::test]
async fn a_compressed_feed_is_durable_after_a_while_without_more_records() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a.jsonl.zst");
    let zstd = config::Feed { compress: config::Compress::Zstd, ..feed(FeedKind::Jsonl, path) };
    let mut bench = bench(std::slice::from_ref(&zstd)).await;
    bench.store(1..=3);
    assert_eq!(bench.cursor().await.through, Seq(3));
    assert_eq!(urls(&zstd).len(), 3);
}

#[actix_rt::test]
async fn a_compressed_feed_does_not_wait_for_more_when_it_is_told_that_nothing_is_to_come() {
    let folder = TempDir::new().unwrap();
    let zstd =
        config::Feed { compress: config::Compress::Zstd, ..feed(FeedKind::Jsonl, folder.path().join("a.jsonl.zst")) };
    let plain = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let (tell, mut heard) = mpsc::unbounded_channel();
    let ear = Ear(tell).start();
    let obituary = Obituary::new(Role::Sink, ear.clone().recipient());
    // On this arbiter, so that it cannot run before both orders are in its mailbox.
    let sink = Sink::new(open(&[zstd, plain]).unwrap(), ear.recipient(), obituary).start();
    sink.do_send(SinkOrder::Stored { through: Seq(1), records: vec![film(1)] });
    sink.do_send(SinkOrder::Flush);
    assert!(matches!(next(&mut heard).await, Heard::Report(SinkReport::Ready { .. })));
    for feed in [FeedId(0), FeedId(1)] {
        let Heard::Report(SinkReport::Flushed(cursor)) = next(&mut heard).await else { panic!("a cursor expected") };
        assert_eq!((cursor.feed, cursor.through), (feed, Seq(1)), "the one that never waits comes second");
    }
}

#[actix_rt::test]
async fn the_death_of_a_sink_is_told_and_what_was_flushed_stays() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let mut bench = bench(std::slice::from_ref(&jsonl)).await;
    bench.store(1..=3);
    assert_eq!(bench.cursor().await.through, Seq(3));
    bench.sink.do_send(Crash);
    let (reports, exited) = bench.rest().await;
    assert!(reports.is_empty(), "{reports:?}");
    assert_eq!((exited.who, exited.why), (Role::Sink, Exit::Died));
    assert_eq!(lines(&jsonl.path), 3);
}

#[actix_rt::test]
#[cfg(target_os = "linux")]
async fn a_feed_that_fails_is_reported_once_and_the_sink_goes_on() {
    let folder = TempDir::new().unwrap();
    let good = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let mut bench = bench(&[feed(FeedKind::Jsonl, "/dev/full".into()), good.clone()]).await;
    bench.store([1]);
    assert_eq!(bench.cursor().await.feed, FeedId(1));
    let Heard::Report(SinkReport::FeedFailed { feed, error }) = bench.next().await else {
        panic!("a failure expected")
    };
    assert_eq!(feed, FeedId(0));
    assert!(error.contains("/dev/full"), "{error}");

    bench.store([2]);
    assert_eq!(bench.cursor().await.through, Seq(2));
    bench.inbox.do_send(SinkOrder::Finish);
    let (reports, exited) = bench.rest().await;
    assert!(matches!(reports[..], [SinkReport::Flushed(_), SinkReport::Finished]), "{reports:?}");
    assert_eq!((exited.why, lines(&good.path)), (Exit::Asked, 2));
}
