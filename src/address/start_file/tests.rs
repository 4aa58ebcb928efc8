//! Start files as people have them, and what is said of those that are wrong.

use std::io::Write;

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn open(suffix: &str, text: &[u8]) -> Result<StartFile, OpenError> {
    let mut file = tempfile::Builder::new().suffix(suffix).tempfile().unwrap();
    file.write_all(text).unwrap();
    StartFile::open(file.path())
}

/// The rows as `line url stage meta`, and what is said instead of one as `line: …`.
fn rows(suffix: &str, text: &[u8]) -> Vec<String> {
    let shown = |row: Result<StartRow, StartFileError>| match row {
        Ok(StartRow { line, url, stage, meta }) => {
            format!("{line} {url} {} {}", stage.as_deref().unwrap_or("-"), Value::Object(meta))
        }
        Err(error) => format!("{}: {error}", error.line()),
    };
    open(suffix, text).unwrap().map(shown).collect()
}

fn said(suffix: &str, text: &[u8]) -> String {
    open(suffix, text).unwrap_err().to_string()
}

#[test]
fn a_text_file_has_a_url_a_line() {
    let text =
        "\u{feff}http://a.example/#x\r\n\r\n# not this\n  http://b.example/{1..2},x  \nhttp://c.example".as_bytes();
    assert_eq!(
        rows(".TXT", text),
        ["1 http://a.example/#x - {}", "4 http://b.example/{1..2},x - {}", "5 http://c.example - {}"]
    );
}

#[test]
fn the_other_columns_of_csv_are_meta_in_their_order_and_stage_is_one_by_itself() {
    let text = b"\xef\xbb\xbfsku, url ,stage,client name\r\n 7, http://a.example/ ,detail,\"Ann, \"\"A\"\"\"\r\n\r\n,http://b.example/,,\r\n";
    assert_eq!(
        rows(".csv", text),
        [
            r#"2 http://a.example/ detail {"sku":" 7","client name":"Ann, \"A\""}"#,
            r#"4 http://b.example/ - {"sku":"","client name":""}"#,
        ]
    );
    assert_eq!(rows(".csv", b"\"url\"\nhttp://a.example/"), ["2 http://a.example/ - {}"]);
    assert_eq!(rows(".csv", b"url\n"), [""; 0]);
}

#[test]
fn a_quoted_value_may_span_lines_and_later_lines_keep_their_numbers() {
    let text = b"url,note\nhttp://a.example/,\"x\ny\"\nhttp://b.example/\nhttp://c.example/,\"z\n\"\n";
    let expected = [
        r#"2 http://a.example/ - {"note":"x\ny"}"#,
        "4: this row is 1 wide, the header 2",
        r#"5 http://c.example/ - {"note":"z\n"}"#,
    ];
    assert_eq!(rows(".csv", text), expected);
}

#[test]
fn rows_of_csv_that_are_wrong_are_named_and_the_others_are_read() {
    let text = b"url,b\nhttp://a.example/\n,x\nhttp://b.example/,\xff\nhttp://c.example/,1,2\nhttp://d.example/,1\n";
    assert_eq!(
        rows(".csv", text),
        [
            "2: this row is 1 wide, the header 2",
            "3: this row has no \"url\"",
            "4: this is not UTF-8",
            "5: this row is 3 wide, the header 2",
            r#"6 http://d.example/ - {"b":"1"}"#,
        ]
    );
}

#[test]
fn a_quote_that_is_never_closed_swallows_no_row_in_silence() {
    let text = b"url,note\nhttp://a.example/,ok\nhttp://b.example/,\"open\nhttp://c.example/,x\n";
    let rows = rows(".csv", text);
    assert_eq!(rows.last().unwrap(), "3: a quote is opened in this row and never closed");
    assert_eq!(rows.len(), 3);
}

#[test]
fn a_header_of_no_use_is_refused() {
    assert_eq!(
        said(".csv", b"link;name\nhttp://a.example/;x\n"),
        "no column of its header is called \"url\": link;name"
    );
    assert_eq!(said(".csv", b"URL\n"), "no column of its header is called \"url\": URL");
    assert_eq!(said(".csv", b""), "no column of its header is called \"url\": it is empty");
    assert_eq!(said(".csv", b"url,,b\n"), "column 2 of its header has no name");
    assert_eq!(said(".csv", b"url,b,b\n"), "its header has two columns \"b\"");
    assert_eq!(said(".tsv", b"url\n"), "its name ends in neither .txt, .csv nor .jsonl");
    assert!(matches!(StartFile::open(Path::new("none.csv")), Err(OpenError::Io(_))));
}

#[test]
fn the_other_keys_of_json_are_meta_with_their_types() {
    let text = br#"{"z": 1, "url": " http://a.example/ ", "stage": "detail", "a": {"b": [null, 0.10]}}

{"url": "http://b.example/", "stage": null}
"#;
    assert_eq!(
        rows(".jsonl", text),
        [r#"1 http://a.example/ detail {"z":1,"a":{"b":[null,0.10]}}"#, "3 http://b.example/ - {}"]
    );
}

#[test]
fn lines_of_json_that_are_wrong_are_named_and_the_others_are_read() {
    let text = b"{\"url\": \n[]\n{}\n{\"url\": 5}\n{\"url\": \"http://a.example/\", \"stage\": 1}\n\xff\n# no\n{\"url\": \"x\"}";
    assert_eq!(
        rows(".jsonl", text),
        [
            "1: this is not JSON: EOF while parsing a value at column 7",
            "2: this is no JSON object",
            "3: this row has no \"url\"",
            "4: \"url\" is not text here",
            "5: \"stage\" is not text here",
            "6: this is not UTF-8",
            "7: this is not JSON: expected value at column 1",
            "8 x - {}",
        ]
    );
}

#[test]
fn a_row_without_an_end_is_refused_before_it_fills_the_memory() {
    let long = "x".repeat(3 << 20);
    for (suffix, text) in [
        (".txt", format!("http://a.example/\n{long}\nhttp://b.example/\n")),
        (".jsonl", format!("{{\"url\": \"http://a.example/\"}}\n{{\"a\": \"{long}\"}}\n")),
        (".csv", format!("url\nhttp://a.example/\n\"{long}\nhttp://b.example/\n")),
    ] {
        let rows = rows(suffix, text.as_bytes());
        assert_eq!(rows.len(), 2, "{suffix}");
        assert!(rows[1].ends_with(": a row is longer than 1 MiB"), "{suffix}: {}", rows[1]);
    }
}

proptest! {
    #[test]
    fn what_is_written_as_csv_is_read_as_it_was(
        table in prop::collection::vec(prop::collection::vec("[ -~é\n\",]{0,6}", 2), 0..6)
    ) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["url", "a", "b"]).unwrap();
        for (place, values) in table.iter().enumerate() {
            let url = format!("http://a.example/{place}");
            writer.write_record([url.as_str(), &values[0], &values[1]]).unwrap();
        }
        let read: Vec<_> = open(".csv", &writer.into_inner().unwrap()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), table.len());
        for (place, (row, values)) in read.iter().zip(&table).enumerate() {
            prop_assert_eq!(&row.url, &format!("http://a.example/{place}"));
            prop_assert_eq!(Value::Object(row.meta.clone()), json!({ "a": values[0], "b": values[1] }));
        }
    }

    #[test]
    fn what_is_written_as_json_is_read_as_it_was(text in "\\PC{0,12}", number: i64, key in "[a-z]{1,2}", lines in 0_usize..5) {
        let object = json!({ "url": "http://a.example/", &key: [text, number] });
        let file = format!("{object}\n").repeat(lines);
        let read: Vec<_> = open(".jsonl", file.as_bytes()).unwrap().map(Result::unwrap).collect();
        prop_assert_eq!(read.len(), lines);
        for (place, row) in read.iter().enumerate() {
            prop_assert_eq!(row.line, place as u64 + 1);
            prop_assert_eq!(Value::Object(row.meta.clone()), json!({ &key: [text, number] }));
        }
    }

    #[test]
    fn no_file_panics_or_goes_on_for_ever(text in prop::collection::vec("(url|stage|,|\"|\n|\r|[{]|[}]|:|x|\u{feff}|é)", 0..40), damage: Vec<u8>) {
        let text = [text.concat().as_bytes(), &damage].concat();
        for suffix in [".txt", ".csv", ".jsonl"] {
            if let Ok(rows) = open(suffix, &text) {
                prop_assert!(rows.count() <= text.len() + 1);
            }
        }
    }
}
