//! The promise: every feed has every record once, whatever its kind, and standard output has nothing else.

use std::fs;
use std::io::Read;
use std::process::Command;

use crate::common::Bed;
use burdock::demo::check::compare;

const FEEDS: &str = r#"[
    { kind = "jsonl", path = "-" },
    { kind = "jsonl", path = "records.jsonl" },
    { kind = "jsonl", path = "records.jsonl.gz", compress = "gzip" },
    { kind = "csv", path = "records.csv.zst", compress = "zstd", bom = true },
    { kind = "sqlite", path = "records.db" },
]"#;

#[test]
fn all_kinds_of_feeds_have_all_records() {
    let feeds = FEEDS.replace('\n', " ");
    let crawl = Bed::new().proxies(3).set("feed", &feeds).crawl().expect_exit(0).expect_all_records();
    let (truth, left) = (crawl.world.site.truth(), |name: &str| fs::read(crawl.world.left(name)).unwrap());
    let stdout = crawl.ended.stdout.clone() + "\n";
    assert!(compare(stdout.as_bytes(), truth).unwrap().is_perfect(), "{stdout}");
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&*left("records.jsonl.gz")).read_to_string(&mut text).unwrap();
    assert!(compare(text.as_bytes(), truth).unwrap().is_perfect());
    let csv = String::from_utf8(zstd::decode_all(&*left("records.csv.zst")).unwrap()).unwrap();
    assert!(csv.starts_with("\u{feff}url,title,directors\n") && csv.lines().count() == 21, "{csv}");
    let database = rusqlite::Connection::open(crawl.world.left("records.db")).unwrap();
    let distinct = database.query_row("SELECT count(DISTINCT url) FROM detail", [], |row| row.get::<_, i64>(0));
    let rows = database.query_row("SELECT count(*) FROM detail", [], |row| row.get::<_, i64>(0));
    assert_eq!((distinct.unwrap(), rows.unwrap()), (20, 20));
    crawl.expect_said("is a stream: after a crash some records may come twice");
}

#[test]
fn a_reader_that_goes_away_fails_the_feed_by_name() {
    let world = Bed::new().proxies(2).world();
    let folder = world.runs().parent().unwrap().to_owned();
    let command = format!(
        "{} run bed.toml --set 'feed=[{{ kind = \"jsonl\", path = \"-\" }}]' | true",
        env!("CARGO_BIN_EXE_burdock")
    );
    let ended = Command::new("sh").arg("-c").arg(command).current_dir(folder).output().unwrap();
    let said = String::from_utf8(ended.stderr).unwrap();
    assert!(said.contains("feed /dev/stdout: cannot write it: Broken pipe"), "{said}");
}
