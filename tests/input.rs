//! The promise: what is crawled may be listed in a file with what belongs to it, and pages may be JSON, or in any encoding.

use std::fs;

use crate::common::{Bed, Fault};
use serde_json::{Value, json};

/// A stage that reads a detail page and what its row says.
const CLIENTS: &str = r#"
[stage.list]
links = [{ select = "a.name", to = "detail" }]
[stage.detail.fields]
title = { select = "h2", required = true }
client = "meta:client"
rank = "meta:rank"
kind = "const:film"
"#;

fn clients(start_file: &str) -> String {
    format!("[crawl]\nstart_file = \"{start_file}\"\nstart_stage = \"detail\"\ndrop_params = [\"utm_*\"]\n{CLIENTS}")
}

/// Client, rank and kind of the record at a path.
fn told<'a>(records: &'a [Value], path: &str) -> [&'a Value; 3] {
    let is_there = |record: &&Value| record["url"].as_str().is_some_and(|url| url.ends_with(path));
    let found: Vec<_> = records.iter().filter(is_there).collect();
    assert_eq!(found.len(), 1, "{path} in {records:#?}");
    ["client", "rank", "kind"].map(|name| &found[0][name])
}

#[test]
fn what_a_csv_file_has_beside_a_url_is_in_its_record_and_in_no_other() {
    let rows = "url,client,stage,rank\n\
                {site}/detail/1,\"Ann, \"\"A\"\"\",,1\n\
                {site}/page/2,Bo,list,2\n\
                {site}/detail/3?utm_source=x,\u{5f20},detail,\n\
                {site}/detail/3#again,Cy,,4\n";
    let bed = Bed::new().proxies(3).lists(2).per_list(3).recipe(&clients("rows.csv")).file("rows.csv", rows);
    let crawl = bed.crawl().expect_exit(0).none_direct();
    let records = crawl.records();
    assert_eq!(records.len(), 5, "two of the file, three by its list: {records:#?}");
    assert_eq!(told(&records, "/detail/1"), [&json!("Ann, \"A\""), &json!("1"), &json!("film")]);
    assert_eq!(told(&records, "/detail/3"), [&json!("\u{5f20}"), &json!(""), &json!("film")]);
    assert_eq!(told(&records, "/detail/4"), [&Value::Null, &Value::Null, &json!("film")]);
    let crawl =
        crawl.expect_said("warning: rows.csv: 1 row repeats the stage and URL of an earlier one, from line 5 on");
    assert_eq!(crawl.report()["tasks"]["found"], 6);
}

#[test]
fn what_a_jsonl_file_has_beside_a_url_keeps_its_types() {
    let rows = "{\"url\": \"{site}/detail/1\", \"rank\": 12345678901234567890123, \"client\": {\"name\": \"Ann\"}}\n\
                {\"url\": \"{site}/detail/2\", \"rank\": 0.50, \"client\": null}\n";
    let bed = Bed::new().proxies(2).recipe(&clients("rows.jsonl")).file("rows.jsonl", rows);
    let crawl = bed.crawl().expect_exit(0);
    let records = crawl.records();
    let rank = |record: &Value| record["rank"].to_string();
    assert_eq!((rank(&records[0]), rank(&records[1])), ("12345678901234567890123".into(), "0.50".into()));
    assert_eq!((&records[0]["client"], &records[1]["client"]), (&json!({ "name": "Ann" }), &Value::Null));
}

#[test]
fn a_start_file_with_bad_lines_is_refused_whole_naming_the_first_ten() {
    let rows = format!("url,stage\n{{site}}/detail/1,\n{}", "{site}/detail/2,nowhere\n".repeat(12));
    let bed = Bed::new().proxies(1).recipe(&clients("rows.csv")).file("rows.csv", &rows);
    let world = bed.world();
    let ended = world.start(&[]).finish().expect_exit(2);
    for line in 3..13 {
        assert!(
            ended.stderr.contains(&format!("error: rows.csv:{line}: unknown stage \"nowhere\"")),
            "{}",
            ended.stderr
        );
    }
    assert!(!ended.stderr.contains("rows.csv:13:"), "{}", ended.stderr);
    ended.expect_said("error: rows.csv: 2 more lines that cannot be used");
    assert!(!world.runs().exists() || fs::read_dir(world.runs()).unwrap().count() == 0, "nothing was begun");
}

#[test]
fn values_of_json_pages_become_records() {
    let recipe = r#"
[crawl]
start = ["{site}/get?a={0..4}&sid=7"]
drop_params = ["sid"]
[stage.answer]
expect = "json:/args"
[stage.answer.fields]
a = "json:/args/a"
origin = { select = "json:/origin", required = true }
args = "json:/args"
none = { select = "json:/none", all = true }
"#;
    let mut crawl = Bed::new().proxies(3).recipe(recipe).crawl().expect_exit(0).none_direct();
    let records = crawl.records();
    assert_eq!(records.len(), 5);
    for (a, record) in records.iter().enumerate() {
        assert!(record["url"].as_str().unwrap().ends_with(&format!("/get?a={a}")), "{record}");
        assert_eq!((&record["a"], &record["args"]), (&json!(a.to_string()), &json!({ "a": a.to_string() })));
        assert_eq!(record["none"], json!([]));
    }
    let asked: Vec<String> = crawl.visits().into_keys().map(|address| address.to_string()).collect();
    assert!(records.iter().all(|record| asked.contains(&record["origin"].as_str().unwrap().to_owned())));
}

#[test]
fn a_page_that_should_be_json_and_is_not_is_a_dead_letter_that_says_so() {
    let recipe = r#"
[crawl]
start = ["{site}/get?a=1", "{site}/detail/1", "{site}/cut"]
[stage.answer]
expect = "none"
[stage.answer.fields]
a = "json:/args/a"
"#;
    let cut = br#"{"args": {"a": "2""#;
    let crawl = Bed::new().proxies(4).recipe(recipe).page("/cut", "application/json", cut).crawl().expect_exit(3);
    assert_eq!(crawl.records().len(), 1);
    let dead = crawl.events("page.dead");
    assert_eq!(dead.len(), 2, "{dead:?}");
    assert!(dead.iter().all(|line| line["reason"]["code"] == "json.invalid"), "{dead:?}");
    assert!(crawl.events("proxy.replaced").is_empty(), "no proxy pays for them");
}

#[test]
fn pages_in_any_encoding_come_out_right_whether_or_not_they_say_it() {
    // 霸王别姬 in GBK, four times: declared by the header, by the page, by a lie, and not at all.
    let heading = b"\xb0\xd4\xcd\xf5\xb1\xf0\xbc\xa7".as_slice();
    let story = b"<p>\xd5\xe2\xb2\xbf\xb5\xe7\xd3\xb0\xbd\xb2\xca\xf6\xc1\xcb\xd2\xbb\xce\xbb\xd1\xdd\xd4\xb1\xb5\xc4\xb9\xca\xca\xc2</p>";
    let page = |head: &str| [head.as_bytes(), b"<h2>", heading, b"</h2>", story].concat();
    let recipe = "[crawl]\nstart = [\"{site}/gbk/{1..4}\"]\n[stage.detail.fields]\ntitle = \"h2\"\nstory = \"p\"\n";
    let bed = Bed::new()
        .proxies(2)
        .recipe(recipe)
        .page("/gbk/1", "text/html; charset=gb2312", &page(""))
        .page("/gbk/2", "text/html", &page("<meta http-equiv='Content-Type' content='text/html; charset=gbk'>"))
        .page("/gbk/3", "text/html; charset=utf-8", &page(""))
        .page("/gbk/4", "text/html", &page(""));
    let records = bed.crawl().expect_exit(0).records();
    assert_eq!(records.len(), 4);
    for record in records {
        assert_eq!(
            (&record["title"], &record["story"]),
            (&json!("霸王别姬"), &json!("这部电影讲述了一位演员的故事")),
            "{record}"
        );
    }
}

#[test]
fn what_is_dropped_is_in_no_request_of_start_urls_links_and_redirects() {
    let list = b"<a class=name href='/detail/1?utm_a=1&x=1'></a><a class=name href='/detail/1?x=1&sid=2'></a>";
    let recipe = r#"
[crawl]
start = ["{site}/links?sid=1", "{site}/moved?utm_b=2"]
start_stage = "list"
drop_params = ["utm_*", "sid"]
[stage.list]
links = [{ select = "a.name", to = "detail" }]
[stage.detail.fields]
title = "h2"
"#;
    let bed = Bed::new()
        .proxies(2)
        .set("robots.obey", "false")
        .recipe(recipe)
        .page("/links", "text/html", list)
        .fault("/moved", Fault::Moved("/links?sid=3".into()));
    let mut crawl = bed.crawl().expect_exit(0);
    let mut paths: Vec<String> = crawl.visits().into_values().flatten().map(|visit| visit.path).collect();
    paths.sort();
    assert_eq!(paths, ["/detail/1?x=1", "/links", "/links", "/moved"]);
    assert_eq!(crawl.records().len(), 1);
}
