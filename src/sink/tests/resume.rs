//! The second life of a feed: what is gone on with, what is built anew, what stays somebody else's.

use super::shelf::{Ended, Shelf, Step, column, every_kind, folder, text, urls};
use super::*;

fn start_of(feeds: &[config::Feed], shelf: &Shelf) -> Vec<Start> {
    let opening = FeedPlan::new(feeds, &films()).unwrap().open(&shelf.kept, shelf.source()).unwrap();
    opening.notes().iter().map(|note| note.start).collect()
}

/// All kinds, with a few records in each.
fn lived() -> (TempDir, Vec<config::Feed>, Shelf) {
    let folder = folder();
    let (feeds, mut shelf) = (every_kind(&folder), Shelf::default());
    shelf.live(&feeds, &[Step::Along(10)]).unwrap();
    (folder, feeds, shelf)
}

#[test]
fn a_feed_goes_on_where_it_was_and_cuts_off_what_was_never_recorded() {
    let (_folder, feeds, mut shelf) = lived();
    let mut jsonl = fs::read(&feeds[0].path).unwrap();
    jsonl.extend(b"{\"url\":\"half a li");
    fs::write(&feeds[0].path, jsonl).unwrap();
    let through = shelf.last();
    assert_eq!(start_of(&feeds[..2], &shelf)[0], Start::Resumed { through, cut: 17 });
    shelf.live(&feeds, &[Step::Apart(5), Step::Along(2)]).unwrap();
    feeds.iter().for_each(|feed| shelf.expect_exact(feed));
}

#[test]
fn a_feed_that_is_added_later_gets_all_records() {
    let folder = folder();
    let (feeds, mut shelf) = (every_kind(&folder), Shelf::default());
    shelf.live(&feeds[..1], &[Step::Along(2500), Step::Flush(Flush::All)]).unwrap();
    assert_eq!(start_of(&feeds[..2], &shelf)[1], Start::Added);
    shelf.live(&feeds, &[Step::Along(3)]).unwrap();
    feeds.iter().for_each(|feed| shelf.expect_exact(feed));
}

#[test]
fn a_feed_that_is_not_listed_is_dropped_and_its_file_stays() {
    let (_folder, feeds, mut shelf) = lived();
    let before = urls(&feeds[1]);
    assert!(start_of(&feeds[..1], &shelf).contains(&Start::Dropped));
    shelf.live(&feeds[..1], &[Step::Along(2)]).unwrap();
    assert_eq!((shelf.kept.len(), urls(&feeds[1])), (1, before));
}

#[test]
fn a_renamed_feed_is_a_new_one() {
    let (folder, mut feeds, mut shelf) = lived();
    feeds[0].path = folder.path().join("b.jsonl");
    shelf.live(&feeds, &[]).unwrap();
    feeds.iter().for_each(|feed| shelf.expect_exact(feed));
    assert!(folder.path().join("a.jsonl").exists());
}

#[test]
fn what_is_not_as_it_was_left_is_kept_aside_and_the_feed_is_written_anew() {
    let (folder, feeds, mut shelf) = lived();
    for feed in &feeds {
        fs::write(&feed.path, "precious").unwrap();
    }
    assert_eq!(start_of(&feeds, &shelf), [Start::Rebuilt(Why::Damaged); 5]);
    shelf.live(&feeds, &[Step::Along(1)]).unwrap();
    for feed in &feeds {
        shelf.expect_exact(feed);
        let name = feed.path.file_name().unwrap().to_str().unwrap();
        assert_eq!(fs::read_to_string(folder.path().join(format!("{name}.replaced-1"))).unwrap(), "precious");
    }
    fs::write(&feeds[0].path, "more").unwrap();
    shelf.live(&feeds, &[]).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("a.jsonl.replaced-2")).unwrap(), "more");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 11, "nothing half built is left");
}

#[test]
fn a_file_that_is_gone_is_written_anew_and_so_are_changed_columns() {
    let (folder, mut feeds, mut shelf) = lived();
    fs::remove_file(&feeds[0].path).unwrap();
    fs::remove_file(&feeds[4].path).unwrap();
    feeds[1].meta = vec![MetaColumn::Status, MetaColumn::Url];
    feeds[2].compress = Compress::Gzip;
    let why = |why| Start::Rebuilt(why);
    let (gone, changed) = (why(Why::Missing), why(Why::Columns));
    let same = Start::Resumed { through: shelf.last(), cut: 0 };
    assert_eq!(start_of(&feeds, &shelf), [gone, changed, changed, same, gone]);
    shelf.live(&feeds, &[Step::Along(1)]).unwrap();
    feeds.iter().for_each(|feed| shelf.expect_exact(feed));
    feeds[4].meta = vec![MetaColumn::Status, MetaColumn::Url];
    assert_eq!(start_of(&feeds[4..], &shelf)[0], changed);
    shelf.live(&feeds, &[Step::Along(1)]).unwrap();
    shelf.expect_exact(&feeds[4]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5, "ours is replaced, not kept");
}

#[test]
fn a_rebuilt_feed_stands_in_place_of_the_old_one_only_when_it_is_whole() {
    let (_folder, mut feeds, mut shelf) = lived();
    shelf.live(&feeds, &[Step::Along(40)]).unwrap();
    let before = fs::read(&feeds[0].path).unwrap();
    feeds[0].meta.push(MetaColumn::Stage);
    let opening = FeedPlan::new(&feeds[..1], &films()).unwrap().open(&shelf.kept, shelf.source()).unwrap();
    let mut open = opening.start().unwrap();
    while open.is_behind() {
        assert_eq!(fs::read(&feeds[0].path).unwrap(), before);
        assert!(open.flush(Flush::All).is_empty(), "nothing of it counts yet");
        assert!(open.catch_up().is_empty());
    }
    assert_eq!(open.flush(Flush::All).len(), 1);
    shelf.expect_exact(&feeds[0]);
}

#[test]
fn what_was_there_before_us_stays_through_resume_and_rebuild() {
    let folder = folder();
    let path = folder.path().canonicalize().unwrap().join("a.jsonl");
    let theirs = "{\"url\":\"theirs\"}";
    for (compress, before) in [
        (Compress::None, theirs.as_bytes().to_vec()),
        (Compress::Zstd, zstd::encode_all(theirs.as_bytes(), 1).unwrap()),
    ] {
        fs::write(&path, &before).unwrap();
        let mut appended = feed(FeedKind::Jsonl, path.clone());
        (appended.if_exists, appended.compress) = (IfExists::Append, compress);
        let mut shelf = Shelf::default();
        let feeds = |feed: &config::Feed| vec![feed.clone()];
        // A first life that writes nothing, one that writes, one with other columns, one after an accident.
        shelf.live(&feeds(&appended), &[]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), before);
        shelf.live(&feeds(&appended), &[Step::Apart(6)]).unwrap();
        appended.meta.push(MetaColumn::Status);
        shelf.live(&feeds(&appended), &[Step::Along(1)]).unwrap();
        let content = fs::read(&path).unwrap();
        fs::write(&path, &content[..content.len() - 3]).unwrap();
        shelf.live(&feeds(&appended), &[Step::Along(1)]).unwrap();
        let urls = urls(&appended);
        assert_eq!(urls[0], "theirs");
        let mut once = urls.clone();
        once.dedup();
        assert_eq!((once.len(), text(&appended).lines().count()), (urls.len(), urls.len()));
        assert!(urls.len() > 4 && text(&appended).ends_with('\n'));
    }
}

#[test]
fn what_is_no_compressed_file_is_not_appended_to() {
    let folder = folder();
    for compress in [Compress::Gzip, Compress::Zstd] {
        let mut appended = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
        (appended.if_exists, appended.compress) = (IfExists::Append, compress);
        fs::write(&appended.path, "plain text, and precious").unwrap();
        let Ended(error) = Shelf::default().live(std::slice::from_ref(&appended), &[Step::Along(1)]).unwrap_err();
        assert!(error.contains("a.jsonl: cannot read it"), "{error}");
        assert_eq!(fs::read_to_string(&appended.path).unwrap(), "plain text, and precious");
    }
}

#[test]
fn where_delivered_records_are_removed_a_feed_goes_on_but_cannot_be_filled() {
    let (_folder, mut feeds, mut shelf) = lived();
    shelf.remove_delivered();
    let open = |feeds: &[config::Feed], shelf: &Shelf| {
        let source = Source::Undelivered(Box::new(shelf.clone()));
        FeedPlan::new(feeds, &films()).unwrap().open(&shelf.kept, source)
    };
    assert!(open(&feeds, &shelf).is_ok());
    shelf.live(&feeds, &[Step::Along(3), Step::Apart(4)]).unwrap();
    assert!(open(&feeds, &Shelf::default()).is_err(), "these files are of another run");

    let added = feed(FeedKind::Jsonl, feeds[0].path.with_file_name("later.jsonl"));
    let error = open(&[feeds[0].clone(), added], &shelf).err().unwrap().to_string();
    assert!(error.contains("later.jsonl: it was added later") && error.contains("keep_records"), "{error}");
    feeds[1].meta.clear();
    let error = open(&feeds, &shelf).err().unwrap().to_string();
    assert!(error.contains("a.csv: its columns have changed"), "{error}");
    fs::remove_file(&feeds[0].path).unwrap();
    let error = open(&feeds[..1], &shelf).err().unwrap().to_string();
    assert!(error.contains("a.jsonl: its file is gone"), "{error}");
}

#[test]
fn a_feed_behind_a_link_stays_behind_it() {
    let folder = folder();
    let (link, target) = (folder.path().join("link.jsonl"), folder.path().join("target.jsonl"));
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let (linked, mut shelf) = (feed(FeedKind::Jsonl, link.clone()), Shelf::default());
    shelf.live(std::slice::from_ref(&linked), &[Step::Along(3)]).unwrap();
    fs::write(&target, "x").unwrap();
    shelf.live(std::slice::from_ref(&linked), &[Step::Along(3)]).unwrap();
    shelf.expect_exact(&linked);
    assert!(link.is_symlink() && !target.is_symlink());
}

#[test]
fn a_compressed_feed_waits_for_a_frames_worth_and_is_valid_even_when_empty() {
    let folder = folder();
    let compressed = [Compress::Gzip, Compress::Zstd].map(|compress| {
        let path = folder.path().join(compress.as_str());
        config::Feed { compress, ..feed(FeedKind::Jsonl, path) }
    });
    let mut feeds = open(&compressed).unwrap();
    store(&mut feeds, Seq(1), &[film(1)]);
    assert!(feeds.flush(Flush::Ripe).is_empty() && feeds.holds_back());
    assert_eq!(feeds.flush(Flush::All).len(), 2);
    assert!(!feeds.holds_back());
    let big = stored(2, DETAIL, vec![json!("x".repeat(2 << 20)), json!([]), json!("")]);
    store(&mut feeds, Seq(2), &[big]);
    assert_eq!(feeds.flush(Flush::Ripe).len(), 2, "that is a frame's worth");
    feeds.close();
    for feed in &compressed {
        assert_eq!(text(feed).lines().count(), 2);
        fs::remove_file(&feed.path).unwrap();
    }
    open(&compressed).unwrap().close();
    assert!(compressed.iter().all(|feed| fs::metadata(&feed.path).unwrap().len() > 0 && text(feed).is_empty()));
}

#[test]
fn a_byte_order_mark_comes_before_the_header_and_nowhere_else() {
    let folder = folder();
    let (mut csv, mut shelf) = (feed(FeedKind::Csv, folder.path().join("a.csv")), Shelf::default());
    csv.bom = true;
    for _ in 0..2 {
        shelf.live(std::slice::from_ref(&csv), &[Step::Along(3)]).unwrap();
    }
    let text = text(&csv);
    assert!(text.starts_with("\u{feff}url,title,directors,cast\n"), "{text}");
    assert_eq!(text.matches('\u{feff}').count(), 1);
}

#[test]
fn a_database_has_a_table_a_stage_with_values_as_they_are() {
    let folder = folder();
    let mut database = feed(FeedKind::Sqlite, folder.path().join("a.db"));
    (database.stages, database.meta) =
        (vec!["detail".into(), "person".into()], vec![MetaColumn::Status, MetaColumn::Referrer]);
    let mut feeds = open(std::slice::from_ref(&database)).unwrap();
    let odd = stored(1, DETAIL, vec![json!("L\u{e9}on \"\u{0}\""), json!(["a", "b"]), Value::Null]);
    store(&mut feeds, Seq(2), &[odd, stored(2, PERSON, vec![json!("Ann")])]);
    assert_eq!(feeds.close().len(), 1);
    let query = "SELECT quote(status) || hex(title) || directors || quote(\"cast\") || quote(referrer) FROM detail";
    let hex = "4CC3A96F6E20220022";
    assert_eq!(column(&database.path, query), [format!("200{hex}[\"a\",\"b\"]NULLNULL")]);
    assert_eq!(column(&database.path, "SELECT name || referrer FROM person"), ["Annhttp://site.example/page/1"]);
    let files = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(files, 1, "a closed database is one file");
}

#[test]
fn a_database_that_is_not_ours_is_refused_or_joined() {
    let folder = folder();
    let mut database = feed(FeedKind::Sqlite, folder.path().join("a.db"));
    let theirs = rusqlite::Connection::open(&database.path).unwrap();
    theirs.execute_batch("CREATE TABLE mine (x); INSERT INTO mine VALUES ('kept')").unwrap();
    let life =
        |shelf: &mut Shelf, database: &config::Feed| shelf.live(std::slice::from_ref(database), &[Step::Along(4)]);
    let Ended(error) = life(&mut Shelf::default(), &database).unwrap_err();
    assert!(error.contains("a.db: the file is not empty"), "{error}");

    database.if_exists = IfExists::Append;
    let mut shelf = Shelf::default();
    life(&mut shelf, &database).unwrap();
    life(&mut shelf, &database).unwrap();
    shelf.expect_exact(&database);
    // Another run appends to the same table; each has its own cursor.
    let mut other = Shelf::default();
    life(&mut other, &database).unwrap();
    life(&mut shelf, &database).unwrap();
    life(&mut other, &database).unwrap();
    assert_eq!(urls(&database).len(), shelf.films() + other.films());
    assert_eq!(column(&database.path, "SELECT x FROM mine"), ["kept"]);

    database.meta.push(MetaColumn::Status);
    let Ended(error) = life(&mut shelf, &database).unwrap_err();
    assert!(error.contains("table \"detail\" has rows that this run did not write"), "{error}");
    let Ended(error) = life(&mut Shelf::default(), &database).unwrap_err();
    assert!(error.contains("its columns are url,title") && error.contains("would be url,status,title"), "{error}");
    fs::write(&database.path, "no database at all, and precious").unwrap();
    let Ended(error) = life(&mut Shelf::default(), &database).unwrap_err();
    assert!(error.contains("it is not an SQLite database"), "{error}");
}

#[test]
fn a_stream_goes_on_behind_its_cursor_and_is_never_replaced() {
    let mut device = feed(FeedKind::Csv, "/dev/null".into());
    let mut shelf = Shelf::default();
    shelf.live(std::slice::from_ref(&device), &[Step::Along(4)]).unwrap();
    assert!(shelf.kept[0].bytes > 0);
    device.meta.push(MetaColumn::Status);
    assert_eq!(start_of(std::slice::from_ref(&device), &shelf), [Start::Stream]);
    shelf.live(std::slice::from_ref(&device), &[Step::Along(4)]).unwrap();
    assert_eq!(shelf.kept[0].through, shelf.last());
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let database = feed(FeedKind::Sqlite, "/dev/null".into());
    let Ended(error) = Shelf::default().live(&[database], &[]).unwrap_err();
    assert!(error.contains("/dev/null: cannot open it: a database must be a regular file"), "{error}");
}

#[test]
fn a_store_that_cannot_be_read_fails_the_feeds_that_lack_records_by_name() {
    let (_folder, feeds, mut shelf) = lived();
    shelf.remove_delivered();
    shelf.kept[0].through = Seq(1);
    let Ended(error) = shelf.live(&feeds, &[]).unwrap_err();
    assert!(error.contains("cannot read its records from the store: removed"), "{error}");
}
