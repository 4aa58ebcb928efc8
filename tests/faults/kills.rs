//! `kill -9` at the moments that matter: inside a commit, between a commit and the feed, between the feed and its cursor.
//!
//! The process is killed as soon as a file is seen to grow, and what it left tells in which of these moments that was.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread::yield_now;
use std::time::Duration;

use super::{Left, World, beside, compared, expect_a_part};
use crate::common::{Bed, Running};

/// Where a process was when it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    InsideACommit,
    BetweenCommitAndFeed,
    BetweenFeedAndCursor,
    Elsewhere,
}

/// So many runs at most; each moment is usually met in the first two.
const RUNS: u32 = 25;
/// Of one run. A page that was there at the sixth is dead, rightly: nobody can tell that it was not the page.
const DEATHS: u32 = 5;

fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |file| file.len())
}

/// Kills the process when the file has grown so often, and then as soon as it looks `ripe`; false if it ended before.
fn killed_at_growth(mut running: Running, file: &Path, times: u32, ripe: impl Fn(&[u8]) -> bool) -> bool {
    let (mut last, mut grown) = (length(file), 0);
    while grown < times || !ripe(&fs::read(file).unwrap_or_default()) {
        let now = length(file);
        grown += u32::from(now > last);
        last = now;
        if running.is_over() {
            running.finish().expect_exit(0);
            return false;
        }
        yield_now();
    }
    running.kill();
    running.finish().code == -9
}

/// Does the log end in the middle of a transaction? Each frame has a header of 24 bytes: the second number is not 0 in the last
/// frame of a transaction, the third and fourth are the log's own, or the frame is left from an earlier round.
fn ends_inside_a_transaction(log: &[u8]) -> bool {
    let Some((head, frames)) = log.split_at_checked(32) else { return false };
    let page = u32::from_be_bytes(head[8..12].try_into().unwrap()) as usize;
    let mut inside = false;
    for frame in frames.chunks(24 + page) {
        if frame.len() < 24 || frame[8..16] != head[16..24] {
            break;
        }
        inside = frame.len() < 24 + page || frame[4..8] == [0; 4];
    }
    inside
}

fn moment(world: &World, feed: &Path) -> Moment {
    let left = Left::by(world);
    if ends_inside_a_transaction(&left.log()) {
        return Moment::InsideACommit;
    }
    // Killed at its very start, it may have no tables.
    if left.number("SELECT count(*) FROM sqlite_schema WHERE name IN ('feed', 'outbox')") < 2 {
        return Moment::Elsewhere;
    }
    let recorded = left.number("SELECT ifnull(max(bytes), 0) FROM feed").cast_unsigned();
    let stored = left.number("SELECT ifnull(max(seq), 0) FROM outbox");
    let written = fs::read(feed).unwrap_or_default().iter().filter(|&&byte| byte == b'\n').count();
    if stored > i64::try_from(written).unwrap() {
        Moment::BetweenCommitAndFeed
    } else if length(feed) > recorded {
        Moment::BetweenFeedAndCursor
    } else {
        Moment::Elsewhere
    }
}

/// The last line may be half a one until the next start.
fn expect_whole_lines_to_be_right(world: &World, feed: &Path) {
    let text = fs::read(feed).unwrap_or_default();
    let end = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let whole = world.file("whole-lines");
    fs::write(&whole, &text[..end]).unwrap();
    expect_a_part(world, &whole);
}

#[test]
fn killed_in_a_commit_before_the_feed_or_before_its_cursor_every_record_is_there_once() {
    let bed = || {
        let bed = Bed::new().proxies(6).lists(10).per_list(30).latency(Duration::from_millis(2));
        bed.set("frontier.kind", "sqlite").set("log.level", "info").world()
    };
    let (mut rng, mut seen) = (fastrand::Rng::with_seed(11), BTreeMap::<Moment, u32>::new());
    let wanted = [Moment::InsideACommit, Moment::BetweenCommitAndFeed, Moment::BetweenFeedAndCursor];
    for _ in 0..RUNS {
        let world = bed();
        let feed: PathBuf = world.left("records.jsonl");
        let log = beside(&world.left("store.sqlite"), "-wal");
        for _ in 0..DEATHS {
            // A commit is written in several parts, and the first ones have no records.
            let (running, parts, times) = (world.start(&[]), rng.u32(1..60), rng.u32(1..12));
            let killed = match rng.u32(0..3) {
                0 => killed_at_growth(running, &log, parts, |_| true),
                1 => killed_at_growth(running, &log, parts, |log| !ends_inside_a_transaction(log)),
                _ => killed_at_growth(running, &feed, times, |_| true),
            };
            if !killed {
                break;
            }
            *seen.entry(moment(&world, &feed)).or_default() += 1;
            expect_whole_lines_to_be_right(&world, &feed);
        }
        world.start(&[]).finish().expect_exit(0);
        let found = compared(&world, &feed);
        assert!(found.is_perfect(), "{found}\n{found:#?} after {seen:?}");
        if wanted.iter().all(|moment| seen.contains_key(moment)) {
            return;
        }
    }
    panic!("in {RUNS} runs not each of {wanted:?} was met: {seen:?}");
}
