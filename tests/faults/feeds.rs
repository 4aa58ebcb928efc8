//! What can happen to a feed's file between two runs.

use std::fs::{self, File};
use std::path::Path;

use super::{World, durable, events, expect_the_truth, in_part};

/// In the middle of a run, `mishap` happens to the feed.
fn after(mishap: impl Fn(&Path)) -> World {
    let world = durable().world();
    in_part(&world, 40);
    let feed = world.left("records.jsonl");
    assert!(feed.metadata().unwrap().len() > 1000);
    mishap(&feed);
    let ended = expect_the_truth(&world);
    let starts = events(&ended, "feed.started");
    assert_eq!((starts.len(), &starts[0]["start"]), (1, &"rebuilt".into()), "{starts:?}");
    world
}

fn kept_aside(world: &World) -> Vec<u8> {
    fs::read(world.left("records.jsonl.replaced-1")).unwrap()
}

#[test]
fn a_feed_that_was_deleted_is_written_anew() {
    after(|feed| fs::remove_file(feed).unwrap());
}

#[test]
fn a_feed_that_was_cut_is_written_anew_and_what_was_there_is_kept() {
    let world = after(|feed| File::options().write(true).open(feed).unwrap().set_len(777).unwrap());
    assert_eq!(kept_aside(&world).len(), 777);
}

#[test]
fn a_feed_whose_end_was_edited_is_written_anew_and_what_was_there_is_kept() {
    let world = after(|feed| {
        let mut text = fs::read(feed).unwrap();
        let last = text.len() - 2;
        text[last] = b'!';
        fs::write(feed, text).unwrap();
    });
    assert!(String::from_utf8(kept_aside(&world)).unwrap().contains('!'));
}

#[test]
fn a_feed_that_somebody_else_has_put_something_in_place_of_is_written_anew_and_that_is_kept() {
    let world = after(|feed| fs::write(feed, "a diary, and no short one: ".repeat(400)).unwrap());
    assert!(kept_aside(&world).starts_with(b"a diary"));
}

#[test]
fn somebody_elses_file_at_a_feeds_place_is_refused_and_left_alone() {
    let world =
        durable().set("feed", "[{ kind = \"jsonl\", path = \"./diary.txt\" }]").file("diary.txt", "dear\n").world();
    for _ in 0..2 {
        let ended = world.start(&[]).finish().expect_exit(2).expect_said("diary.txt");
        ended.expect_said("was not written by this run");
        assert_eq!(fs::read_to_string(world.file("diary.txt")).unwrap(), "dear\n");
    }
    fs::remove_file(world.file("diary.txt")).unwrap();
    world.start(&[]).finish().expect_exit(0);
}

#[test]
fn somebody_elses_file_at_the_place_of_a_feed_that_is_added_is_refused_and_the_run_goes_on_without_it() {
    let world = durable().file("diary.txt", "dear\n").world();
    in_part(&world, 30);
    let before = fs::read(world.left("records.jsonl")).unwrap();
    let both = r#"feed=[{ kind = "jsonl", path = "records.jsonl" }, { kind = "jsonl", path = "./diary.txt" }]"#;
    let run = world.left("records.jsonl");
    let both = both.replace("\"records.jsonl\"", &format!("{run:?}"));
    world.start(&["--set", &both]).finish().expect_exit(2).expect_said("was not written by this run");
    assert_eq!(fs::read_to_string(world.file("diary.txt")).unwrap(), "dear\n");
    assert_eq!(fs::read(&run).unwrap(), before, "nor is the other feed touched");
    expect_the_truth(&world);
}

#[test]
fn without_kept_records_a_feed_that_is_whole_goes_on_and_what_lacks_records_is_refused() {
    let world = durable().set("frontier.keep_records", "false").world();
    in_part(&world, 50);
    let left = super::Left::by(&world);
    let (records, first) =
        (left.number("SELECT count(*) FROM outbox"), left.number("SELECT ifnull(min(seq), 0) FROM outbox"));
    assert!(records < 30 && first != 1, "delivered records are removed: {records} are left from {first} on");
    let feed = world.left("records.jsonl");
    // Whatever today's setting says: they are gone.
    for keep in ["frontier.keep_records=true", "frontier.keep_records=false"] {
        let more =
            format!("feed=[{{ kind = \"jsonl\", path = {feed:?} }}, {{ kind = \"csv\", path = \"./more.csv\" }}]");
        let ended = world.start(&["--set", keep, "--set", &more]).finish().expect_exit(2);
        ended.expect_said("more.csv: it was added later, and records that were delivered are not kept");
        let whole = fs::read(&feed).unwrap();
        fs::write(&feed, &whole[..whole.len() / 2]).unwrap();
        let ended = world.start(&["--set", keep]).finish().expect_exit(2);
        ended.expect_said("its file is not as it was left").expect_said("--fresh");
        assert_eq!(fs::read(&feed).unwrap(), whole[..whole.len() / 2]);
        fs::write(&feed, whole).unwrap();
    }
    expect_the_truth(&world);
}
