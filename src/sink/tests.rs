//! Feeds with real files: what stands in them, and what becomes of files that are already there.

mod crash;
mod full_disk;
mod resume;
pub(super) mod shelf;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use siphasher::sip::SipHasher13;
use tempfile::TempDir;

use super::*;
use crate::clock::Timestamp;
use crate::config::{self, Compress, Expect, FeedKind, IfExists, MetaColumn, Take};
use crate::extract::Recipe;
use crate::protocol::{Cursor, FeedId, SinkReport};
use crate::record::{Provenance, Record, Seq, StoredRecord};
use crate::task::{StageId, TaskId};

const DETAIL: StageId = StageId(0);
const PERSON: StageId = StageId(1);

/// Stages `detail` (title, directors, cast) and `person` (name).
pub(super) fn films() -> Recipe {
    let field = |name: &str| config::Field {
        name: name.into(),
        select: "p".into(),
        attr: None,
        take: Take::First,
        required: false,
    };
    let stage = |name: &str, fields: &[&str]| config::Stage {
        name: name.into(),
        expect: Expect::Any,
        links: Vec::new(),
        priority: 0,
        affinity: config::Affinity::None,
        fields: fields.iter().map(|name| field(name)).collect(),
    };
    Recipe::compile(&[stage("detail", &["title", "directors", "cast"]), stage("person", &["name"])]).unwrap()
}

/// A feed of details with their address.
pub(super) fn feed(kind: FeedKind, path: PathBuf) -> config::Feed {
    let (stages, meta) = (vec!["detail".into()], vec![MetaColumn::Url]);
    config::Feed { kind, path, bom: false, compress: Compress::None, stages, meta, if_exists: IfExists::Refuse }
}

pub(super) fn open(feeds: &[config::Feed]) -> Result<Feeds, FeedError> {
    FeedPlan::new(feeds, &films())?.open(&[], Source::Orders)?.start()
}

fn stored(seq: u64, stage: StageId, values: Vec<Value>) -> StoredRecord {
    let provenance = Provenance {
        url: format!("http://site.example/{seq}").into(),
        fetched_at: Timestamp::from_micros(1_700_000_000_123_456),
        proxy: "127.0.0.1:20001".into(),
        status: 200,
        attempts: 2,
        referrer: seq.is_multiple_of(2).then(|| "http://site.example/page/1".into()),
        start_url: "http://site.example/page/1".into(),
    };
    let record = Record { task: TaskId(seq), index: 0, stage, provenance: Arc::new(provenance), values };
    StoredRecord { seq: Seq(seq), record: Arc::new(record) }
}

pub(super) fn film(seq: u64) -> StoredRecord {
    stored(seq, DETAIL, vec![json!(format!("Film {seq}")), json!([]), json!("")])
}

fn store(feeds: &mut Feeds, through: Seq, records: &[StoredRecord]) {
    let failed = feeds.store(through, records);
    assert!(failed.is_empty(), "{failed:?}");
}

/// Gives records to a feed, and what is in the file once it is closed.
fn written(feed: &config::Feed, records: &[StoredRecord]) -> String {
    let mut feeds = open(std::slice::from_ref(feed)).unwrap();
    let through = records.last().map_or(Seq(0), |last| last.seq);
    store(&mut feeds, through, records);
    let extent = extent_of(&feeds.close());
    assert_eq!(extent, extent_on_disk(&feed.path));
    fs::read_to_string(&feed.path).unwrap()
}

fn extent_of(reports: &[SinkReport]) -> Extent {
    match reports {
        [SinkReport::Flushed(Cursor { bytes, tail, .. })] => Extent { bytes: *bytes, tail: *tail },
        other => panic!("one cursor expected, not {other:?}"),
    }
}

fn extent_on_disk(path: &Path) -> Extent {
    let content = fs::read(path).unwrap();
    let tail = SipHasher13::new().hash(&content[content.len().saturating_sub(4096)..]);
    Extent { bytes: content.len() as u64, tail }
}

/// Titles and lists with everything in them that a format could trip over.
fn awkward() -> Vec<StoredRecord> {
    vec![
        stored(
            1,
            DETAIL,
            vec![json!("Léon: \"The\" Pro, 殺し屋"), json!(["Luc, Besson", "B\"B"]), json!("Jean|Natalie")],
        ),
        stored(2, PERSON, vec![json!("of another stage")]),
        stored(3, DETAIL, vec![Value::Null, json!([]), json!("")]),
        stored(4, DETAIL, vec![json!("two\nlines\r\n\u{2028}"), json!(["a\nb"]), json!("\u{1}\\")]),
    ]
}

#[test]
fn jsonl_is_flat_with_meta_first_and_null_for_no_match() {
    let folder = TempDir::new().unwrap();
    let text = written(&feed(FeedKind::Jsonl, folder.path().join("a.jsonl")), &awkward());
    let expected = [
        r#"{"url":"http://site.example/1","title":"Léon: \"The\" Pro, 殺し屋","directors":["Luc, Besson","B\"B"],"cast":"Jean|Natalie"}"#,
        r#"{"url":"http://site.example/3","title":null,"directors":[],"cast":""}"#,
        "{\"url\":\"http://site.example/4\",\"title\":\"two\\nlines\\r\\n\u{2028}\",\"directors\":[\"a\\nb\"],\"cast\":\"\\u0001\\\\\"}",
    ];
    assert_eq!(text, expected.join("\n") + "\n");
}

#[test]
fn csv_has_one_header_empty_for_null_and_json_for_a_list() {
    let folder = TempDir::new().unwrap();
    let text = written(&feed(FeedKind::Csv, folder.path().join("a.csv")), &awkward());
    let expected = [
        "url,title,directors,cast",
        r#"http://site.example/1,"Léon: ""The"" Pro, 殺し屋","[""Luc, Besson"",""B\""B""]",Jean|Natalie"#,
        "http://site.example/3,,[],",
        "http://site.example/4,\"two\nlines\r\n\u{2028}\",\"[\"\"a\\nb\"\"]\",\u{1}\\",
    ];
    assert_eq!(text, expected.join("\n") + "\n");
}

#[test]
fn meta_columns_come_in_the_order_of_the_feed() {
    let folder = TempDir::new().unwrap();
    let mut jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    jsonl.stages = vec!["person".into()];
    jsonl.meta = MetaColumn::ALL.into_iter().rev().collect();
    let records = [stored(1, PERSON, vec![json!("Ann")]), stored(2, PERSON, vec![json!("Bo")])];
    let start = r#"{"start_url":"http://site.example/page/1","referrer":"#;
    let rest = r#","attempts":2,"status":200,"proxy":"127.0.0.1:20001","fetched_at":"2023-11-14T22:13:20.123Z","stage":"person","url":"http://site.example/"#;
    assert_eq!(
        written(&jsonl, &records),
        format!(
            "{start}null{rest}1\",\"name\":\"Ann\"}}\n{start}\"http://site.example/page/1\"{rest}2\",\"name\":\"Bo\"}}\n"
        )
    );

    let mut csv = feed(FeedKind::Csv, folder.path().join("a.csv"));
    csv.stages = vec!["person".into()];
    csv.meta = MetaColumn::ALL.to_vec();
    let head = "url,stage,fetched_at,proxy,status,attempts,referrer,start_url,name";
    let line =
        "http://site.example/1,person,2023-11-14T22:13:20.123Z,127.0.0.1:20001,200,2,,http://site.example/page/1,Ann";
    assert_eq!(written(&csv, &records[..1]), format!("{head}\n{line}\n"));
}

#[test]
fn a_jsonl_feed_of_several_stages_shows_each_record_with_its_own_fields() {
    let folder = TempDir::new().unwrap();
    let mut all = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    all.stages = vec!["person".into(), "detail".into()];
    all.meta = vec![MetaColumn::Stage];
    let text = written(&all, &[film(1), stored(2, PERSON, vec![json!("Ann")])]);
    assert_eq!(
        text,
        "{\"stage\":\"detail\",\"title\":\"Film 1\",\"directors\":[],\"cast\":\"\"}\n{\"stage\":\"person\",\"name\":\"Ann\"}\n"
    );
}

#[test]
fn a_csv_line_of_a_single_empty_cell_is_still_a_line() {
    let folder = TempDir::new().unwrap();
    let mut csv = feed(FeedKind::Csv, folder.path().join("a.csv"));
    (csv.stages, csv.meta) = (vec!["person".into()], vec![]);
    let records = [stored(1, PERSON, vec![Value::Null]), stored(2, PERSON, vec![json!("Ann")])];
    assert_eq!(written(&csv, &records), "name\n\"\"\nAnn\n");
}

#[test]
fn a_csv_feed_without_records_has_its_header() {
    let folder = TempDir::new().unwrap();
    assert_eq!(written(&feed(FeedKind::Csv, folder.path().join("a.csv")), &[]), "url,title,directors,cast\n");
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("mine.jsonl");
    fs::write(&path, "precious").unwrap();
    let csv = feed(FeedKind::Csv, folder.path().join("new.csv"));
    let error = open(&[csv.clone(), feed(FeedKind::Jsonl, path.clone())]).err().unwrap().to_string();
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(error.contains("move it away") && error.contains("if_exists = \"append\""), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    fs::remove_file(&path).unwrap();
    assert!(
        open(&[csv, feed(FeedKind::Jsonl, path)]).is_ok(),
        "the refused start left nothing that a second one refuses"
    );
}

#[test]
fn an_empty_file_and_a_folder_that_is_not_there_are_no_obstacle() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("empty.jsonl");
    fs::write(&path, "").unwrap();
    assert!(written(&feed(FeedKind::Jsonl, path), &[film(1)]).contains("Film 1"));
    assert!(written(&feed(FeedKind::Jsonl, folder.path().join("new/er/b.jsonl")), &[film(1)]).contains("Film 1"));
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = TempDir::new().unwrap();
    let error = open(&[feed(FeedKind::Jsonl, folder.path().to_owned())]).err().unwrap().to_string();
    assert!(error.starts_with(&format!("feed {}: cannot open it: ", folder.path().display())), "{error}");
}

#[test]
fn appending_keeps_what_is_there_and_starts_on_a_line_of_its_own() {
    let folder = TempDir::new().unwrap();
    for (before, between) in [("{\"old\":1}\n", ""), ("{\"old\":1}", "\n")] {
        let mut jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
        jsonl.if_exists = IfExists::Append;
        fs::write(&jsonl.path, before).unwrap();
        let ours = "{\"url\":\"http://site.example/1\",\"title\":\"Film 1\",\"directors\":[],\"cast\":\"\"}\n";
        assert_eq!(written(&jsonl, &[film(1)]), format!("{before}{between}{ours}"));
        fs::write(&jsonl.path, before).unwrap();
        assert_eq!(written(&jsonl, &[]), before, "without a record nothing changes");
    }
}

#[test]
fn appending_to_csv_repeats_no_header() {
    let folder = TempDir::new().unwrap();
    let mut csv = feed(FeedKind::Csv, folder.path().join("a.csv"));
    csv.if_exists = IfExists::Append;
    assert_eq!(written(&csv, &[film(1)]).lines().count(), 2);
    let text = written(&csv, &[film(2)]);
    assert_eq!(text, "url,title,directors,cast\nhttp://site.example/1,Film 1,[],\nhttp://site.example/2,Film 2,[],\n");
}

#[test]
fn a_csv_file_with_other_columns_is_not_appended_to() {
    let folder = TempDir::new().unwrap();
    let mut csv = feed(FeedKind::Csv, folder.path().join("a.csv"));
    csv.if_exists = IfExists::Append;
    fs::write(&csv.path, "url,title\nx,y\n").unwrap();
    let error = open(std::slice::from_ref(&csv)).err().unwrap().to_string();
    let said = "its columns are url,title, and would be url,title,directors,cast;";
    assert!(error.contains(said) && error.contains("a.csv"), "{error}");
    assert_eq!(fs::read_to_string(&csv.path).unwrap(), "url,title\nx,y\n");

    fs::write(&csv.path, "\u{feff}url,title,directors,cast\r\n").unwrap();
    assert!(open(&[csv]).is_ok(), "a byte order mark is no column");
}

#[test]
fn a_feed_that_the_recipe_cannot_serve_is_refused_by_name() {
    let mut csv = feed(FeedKind::Csv, "/feeds/a.csv".into());
    csv.stages.push("person".into());
    let said = |feed: &config::Feed| FeedPlan::new(std::slice::from_ref(feed), &films()).unwrap_err().to_string();
    assert!(said(&csv).starts_with("feed /feeds/a.csv: a csv feed takes one stage, not 2"));
    csv.stages = vec!["film".into()];
    assert_eq!(said(&csv), "feed /feeds/a.csv: there is no stage \"film\"");
}

#[test]
fn a_record_that_comes_again_is_not_written_again() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let mut feeds = open(std::slice::from_ref(&jsonl)).unwrap();
    store(&mut feeds, Seq(2), &[film(1), film(2)]);
    store(&mut feeds, Seq(4), &[film(1), film(2), film(3), film(4)]);
    store(&mut feeds, Seq(2), &[film(1), film(2)]);
    let [SinkReport::Flushed(cursor)] = feeds.flush(Flush::Ripe)[..] else { panic!("one cursor expected") };
    assert_eq!((cursor.feed, cursor.through), (FeedId(0), Seq(4)));
    let text = fs::read_to_string(&jsonl.path).unwrap();
    let of = |line: &str| serde_json::from_str::<Value>(line).unwrap()["title"].clone();
    assert_eq!(text.lines().map(of).collect::<Vec<_>>(), ["Film 1", "Film 2", "Film 3", "Film 4"]);
}

#[test]
fn a_feed_is_through_records_that_it_does_not_take() {
    let folder = TempDir::new().unwrap();
    let jsonl = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    let mut feeds = open(std::slice::from_ref(&jsonl)).unwrap();
    store(&mut feeds, Seq(9), &[stored(8, PERSON, vec![json!("Ann")])]);
    let [SinkReport::Flushed(cursor)] = feeds.flush(Flush::Ripe)[..] else { panic!("one cursor expected") };
    assert_eq!((cursor.through, cursor.bytes), (Seq(9), 0));
}

#[test]
fn what_is_flushed_is_in_the_file_and_the_cursor_matches_it() {
    let folder = TempDir::new().unwrap();
    for kind in [FeedKind::Jsonl, FeedKind::Csv] {
        let feed = feed(kind, folder.path().join(kind.as_str()));
        let mut feeds = open(std::slice::from_ref(&feed)).unwrap();
        for seq in 1..=60 {
            let big = stored(seq, DETAIL, vec![json!("x".repeat(seq as usize * 40)), Value::Null, Value::Null]);
            store(&mut feeds, Seq(seq), &[big]);
            if seq % 7 == 0 {
                assert_eq!(extent_of(&feeds.flush(Flush::Ripe)), extent_on_disk(&feed.path));
                assert!(fs::read_to_string(&feed.path).unwrap().contains(&format!("site.example/{seq}")));
            }
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_feed_whose_disk_is_full_fails_by_name_and_the_others_go_on() {
    let folder = TempDir::new().unwrap();
    let good = feed(FeedKind::Jsonl, folder.path().join("a.jsonl"));
    for kind in [FeedKind::Jsonl, FeedKind::Csv] {
        let _ = fs::remove_file(&good.path);
        let mut feeds = open(&[feed(kind, "/dev/full".into()), good.clone()]).unwrap();
        store(&mut feeds, Seq(1), &[film(1)]);
        let reports = feeds.flush(Flush::Ripe);
        let [SinkReport::Flushed(cursor), SinkReport::FeedFailed { feed, error }] = &reports[..] else {
            panic!("a cursor and a failure expected, not {reports:?}");
        };
        assert_eq!((cursor.feed, cursor.through, *feed), (FeedId(1), Seq(1), FeedId(0)));
        assert!(error.starts_with("feed /dev/full: cannot write it: "), "{error}");

        store(&mut feeds, Seq(2), &[film(2)]);
        assert_eq!(feeds.flush(Flush::Ripe).len(), 1, "what has failed says no more");
        assert_eq!(feeds.close().len(), 1);
        assert_eq!(fs::read_to_string(&good.path).unwrap().lines().count(), 2);
    }
}

/// Values as extraction makes them, of any text.
fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<String>().prop_map(Value::from),
        prop::collection::vec(any::<String>(), 0..4).prop_map(Value::from),
    ]
}

fn any_records() -> impl Strategy<Value = Vec<StoredRecord>> {
    let rows = prop::collection::vec(prop::collection::vec(any_value(), 3), 0..12);
    rows.prop_map(|rows| (1..).zip(rows).map(|(seq, values)| stored(seq, DETAIL, values)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_goes_into_a_jsonl_feed_comes_out_again(records in any_records()) {
        let folder = TempDir::new().unwrap();
        let text = written(&feed(FeedKind::Jsonl, folder.path().join("a.jsonl")), &records);
        let lines: Vec<Map<String, Value>> = text.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines.len(), records.len());
        for (line, stored) in lines.iter().zip(&records) {
            prop_assert_eq!(line.keys().collect::<Vec<_>>(), ["url", "title", "directors", "cast"]);
            prop_assert_eq!(line.values().skip(1).cloned().collect::<Vec<_>>(), stored.record.values.clone());
        }
    }

    #[test]
    fn what_goes_into_a_csv_feed_comes_out_again(records in any_records()) {
        let folder = TempDir::new().unwrap();
        let text = written(&feed(FeedKind::Csv, folder.path().join("a.csv")), &records);
        let mut reader = ::csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(rows.len(), records.len());
        for (row, stored) in rows.iter().zip(&records) {
            for (cell, value) in row.iter().skip(1).zip(&stored.record.values) {
                match value {
                    Value::Null => prop_assert_eq!(cell, ""),
                    Value::String(text) => prop_assert_eq!(cell, text),
                    list => prop_assert_eq!(&serde_json::from_str::<Value>(cell).unwrap(), list),
                }
            }
        }
    }
}
