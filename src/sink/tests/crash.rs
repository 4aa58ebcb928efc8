//! Deaths at every step: whatever was written, synced or recorded last, the next life makes every feed exact.

use super::shelf::{Ended, Loss, Shelf, Step, every_kind, folder, urls};
use super::*;
use crate::frontier::{FeedChange, FeedCursor};
use crate::sink::fault;

/// A life with records that come along, records that have to be read, and flushes between them.
const LIFE: [Step; 9] = [
    Step::Along(4),
    Step::Flush(Flush::Ripe),
    Step::Apart(9),
    Step::CatchUp,
    Step::Flush(Flush::All),
    Step::CatchUp,
    Step::Along(2),
    Step::Flush(Flush::All),
    Step::Along(3),
];

/// What happens to a file between two lives.
type Mishap = fn(&mut config::Feed);

/// Lets a life end after each number of steps, the next one as well, and looks at what the last one leaves.
fn die_everywhere(place: usize, before: Mishap, loss: Loss) {
    let prepared = |folder: &TempDir| {
        fault::ends_after(u64::MAX);
        let (mut feed, mut shelf) = (every_kind(folder).swap_remove(place), Shelf::default());
        shelf.live(std::slice::from_ref(&feed), &LIFE[..5]).unwrap();
        before(&mut feed);
        (feed, shelf)
    };
    let whole = folder();
    let (feed, mut shelf) = prepared(&whole);
    let total = fault::steps(|| shelf.live(std::slice::from_ref(&feed), &LIFE).unwrap());
    shelf.expect_exact(&feed);
    for steps in 0..total {
        let folder = folder();
        let (feed, mut shelf) = prepared(&folder);
        let feeds = std::slice::from_ref(&feed);
        for steps in [steps, (total - steps) / 2] {
            fault::ends_after(steps);
            let _: Result<(), Ended> = shelf.live(feeds, &LIFE);
            shelf.lose(&feed, loss);
        }
        fault::ends_after(u64::MAX);
        shelf.live(feeds, &[]).unwrap_or_else(|Ended(error)| panic!("after {steps} of {total} steps: {error}"));
        shelf.expect_exact(&feed);
    }
}

fn nothing(_: &mut config::Feed) {}

fn remove(feed: &mut config::Feed) {
    fs::remove_file(&feed.path).unwrap();
}

fn shorten(feed: &mut config::Feed) {
    let content = fs::read(&feed.path).unwrap();
    fs::write(&feed.path, &content[..content.len() / 2]).unwrap();
}

fn edit_the_end(feed: &mut config::Feed) {
    let mut content = fs::read(&feed.path).unwrap();
    let last = content.len() - 2;
    content[last] ^= 1;
    fs::write(&feed.path, content).unwrap();
}

fn change_columns(feed: &mut config::Feed) {
    feed.meta.push(MetaColumn::Status);
}

#[test]
fn a_jsonl_feed_is_exact_wherever_its_lives_end() {
    die_everywhere(0, nothing, Loss::Nothing);
    die_everywhere(0, nothing, Loss::Half);
    die_everywhere(0, nothing, Loss::Zeros);
}

#[test]
fn a_csv_feed_is_exact_wherever_its_lives_end() {
    die_everywhere(1, nothing, Loss::Nothing);
    die_everywhere(1, nothing, Loss::Half);
}

#[test]
fn a_compressed_feed_is_exact_wherever_its_lives_end() {
    die_everywhere(2, nothing, Loss::Nothing);
    die_everywhere(2, nothing, Loss::Zeros);
    die_everywhere(3, nothing, Loss::Half);
}

#[test]
fn a_database_is_exact_wherever_its_lives_end() {
    die_everywhere(4, nothing, Loss::Nothing);
}

#[test]
fn a_feed_is_rebuilt_exactly_wherever_its_lives_end() {
    for mishap in [remove, shorten, edit_the_end, change_columns] {
        for place in 0..4 {
            die_everywhere(place, mishap, Loss::Nothing);
        }
    }
    for mishap in [remove, change_columns] {
        die_everywhere(4, mishap, Loss::Nothing);
    }
}

/// The database as `kill -9` leaves it: its files copied between any two steps.
#[test]
fn a_database_is_exact_from_any_copy_of_its_files() {
    let home = folder();
    let feed = every_kind(&home).swap_remove(4);
    let shelf = Shelf::default();
    let opening = FeedPlan::new(std::slice::from_ref(&feed), &films()).unwrap().open(&[], shelf.source()).unwrap();
    let mut kept: Vec<_> = opening.changes().to_vec();
    let names = opening.names().clone();
    let mut feeds = opening.start().unwrap();
    for round in 0..6 {
        feeds.store(shelf.last(), &shelf.add(5));
        if round % 2 == 0 {
            let _ = feeds.catch_up();
        }
        let reports = if round % 3 == 1 { feeds.flush(Flush::All) } else { Vec::new() };
        for state in ["before", "after"] {
            // The cursor of the store may or may not have been committed.
            if state == "after" {
                for report in &reports {
                    let SinkReport::Flushed(cursor) = report else { panic!("{report:?}") };
                    kept = vec![FeedChange::At(names.at(cursor).unwrap())];
                }
            }
            let copy = folder();
            for file in fs::read_dir(home.path()).unwrap().map(Result::unwrap) {
                fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
            }
            let at_copy = every_kind(&copy).swap_remove(4);
            let mut second = shelf.clone();
            for change in &kept {
                let FeedChange::At(cursor) = change else { panic!("{change:?}") };
                let feed = format!("sqlite:{}", at_copy.path.display()).into();
                second.kept = vec![FeedCursor { feed, ..cursor.clone() }];
            }
            second.live(std::slice::from_ref(&at_copy), &[]).unwrap();
            second.expect_exact(&at_copy);
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6u64).prop_map(Step::Along),
        (0..30u64).prop_map(Step::Apart),
        Just(Step::CatchUp),
        prop_oneof![Just(Flush::Ripe), Just(Flush::All)].prop_map(Step::Flush),
    ]
}

fn any_life() -> impl Strategy<Value = (Vec<Step>, u64, Loss)> {
    let loss = prop_oneof![Just(Loss::Nothing), Just(Loss::Half), Just(Loss::Zeros)];
    (prop::collection::vec(any_step(), 0..12), 0..60u64, loss)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn all_feeds_together_are_exact_after_any_lives(lives in prop::collection::vec(any_life(), 1..5), adds in any::<bool>()) {
        let folder = folder();
        let feeds = every_kind(&folder);
        let mut shelf = Shelf::default();
        for (turn, (steps, end, loss)) in lives.into_iter().enumerate() {
            // Some feeds are added in a later life.
            let listed = if adds && turn == 0 { &feeds[..2] } else { &feeds[..] };
            fault::ends_after(end);
            let _: Result<(), Ended> = shelf.live(listed, &steps);
            feeds.iter().for_each(|feed| shelf.lose(feed, loss));
        }
        fault::ends_after(u64::MAX);
        shelf.live(&feeds, &[]).unwrap_or_else(|Ended(error)| panic!("{error}"));
        for feed in &feeds {
            shelf.expect_exact(feed);
            prop_assert_eq!(urls(feed).is_empty(), shelf.last() == Seq(0));
        }
        let strays = fs::read_dir(folder.path()).unwrap().filter(|file| {
            file.as_ref().unwrap().file_name().to_string_lossy().contains("replaced")
        });
        prop_assert_eq!(strays.count(), 0, "nothing was taken for somebody else's");
    }
}
