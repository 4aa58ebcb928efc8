//! The promise: whatever users write, nothing panics, nothing is passed over in silence, and no secret is shown.
//!
//! In come texts made up by proptest, most of them nearly right, since those go deepest; out go claims about what the library
//! makes of them. A few hundred cases each run always; `PROPTEST_CASES` sets how many.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use burdock::address::{DropParams, Template, canonical, is_private};
use burdock::config::{Errors, Loaded, load_text, opening_line, show};
use burdock::proxy::Scheme;
use burdock::proxy::line;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use url::Url;

/// What must never be shown; no other text of these tests has it in it.
const SECRET: &str = "Zq9Zq9Zq9";

/// A right config with secrets wherever one may stand.
const CONFIG: &str = r##"[crawl]
name = "shop"
start = ["https://shop.example/list/{1..5}", "https://shop.example/{new,old}"]
start_stage = "list"
hosts = ["*.shop.example"]
workers = 5
[stage.list]
links = [{ select = "a.name", to = "detail", attr = "href" }, { select = "a.next", to = "list" }]
[stage.detail]
expect = "h2"
priority = -1
[stage.detail.fields]
title = { select = "h2", required = true }
tags = { select = "p > b", all = true, join = "|" }
[proxies]
list = ["http://me:Zq9Zq9Zq9@a.example:1", "b.example:2:you:Zq9Zq9Zq9", "p-{1..3}:Zq9Zq9Zq9@c.example:3"]
[pace]
delay = "1.5s"
jitter = 0.5
[fetch]
max_body = "10MiB"
[fetch.headers]
accept = "*/*"
cookie = "id=Zq9Zq9Zq9"
[retry]
status = [500, 503]
[[feed]]
kind = "csv"
path = "films.csv"
stages = ["detail"]
meta = ["url", "proxy"]
"##;

fn load(text: &str, sets: &[String]) -> Result<Loaded, Errors> {
    let here = Path::new("/nowhere");
    load_text("shop.toml", text, here, sets, std::iter::empty(), here)
}

/// All that is ever shown of a config: the settings in force, or what is wrong with it.
fn all_shown(loaded: &Result<Loaded, Errors>) -> String {
    match loaded {
        Ok(loaded) => {
            let warnings = loaded.warnings.join("\n");
            format!("{}\n{}\n{warnings}\n{loaded:?}", show(loaded), opening_line(&loaded.settings))
        }
        Err(errors) => format!("{errors}\n{errors:?}"),
    }
}

/// Fails if the secret is shown, by the lines that show it.
fn hides_the_secret(shown: &str, of: &str) -> Result<(), TestCaseError> {
    let telling: Vec<_> = shown.lines().filter(|line| line.contains(SECRET)).collect();
    prop_assert!(telling.is_empty(), "{of}\nshows\n{}", telling.join("\n"));
    Ok(())
}

/// Signs that mean something in some place of a config, and a few that mean nothing anywhere.
fn sign() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["\"", "'", "[", "]", "{", "}", "=", ".", ",", "#", "\n", "\\", "$", "${", "..", "@", ":", "//", " "])
            .prop_map(str::to_owned),
        1 => "\\PC",
    ]
}

/// One change of a text: at a place that many signs go, and others come.
fn damage() -> impl Strategy<Value = (Index, usize, String)> {
    (any::<Index>(), 0_usize..4, prop_oneof![Just(String::new()), sign()])
}

fn damaged(text: &str, changes: &[(Index, usize, String)]) -> String {
    let mut signs: Vec<char> = text.chars().collect();
    for (place, count, put) in changes {
        let from = place.index(signs.len() + 1);
        let to = (from + count).min(signs.len());
        signs.splice(from..to, put.chars());
    }
    signs.into_iter().collect()
}

/// A value as TOML has it, mostly of a kind that some setting takes.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "-?[0-9]{1,20}",
        "-?[0-9]{1,3}\\.[0-9]{1,3}",
        select(vec!["true", "nan", "inf", "2020-01-01", "\"\"", "[]", "{}"]).prop_map(str::to_owned),
        "[0-9]{0,25}(\\.[0-9]{1,9})? ?(ms|s|m|h|d|KiB|MB|B|/min)?".prop_map(|text| format!("{text:?}")),
        "(https?|ftp)://[a-z{}.,0-9-]{0,12}(:[0-9]{0,6})?/?[a-z{},.0-9]{0,8}".prop_map(|text| format!("{text:?}")),
        "[a-z.#>:()*~+ \\[\\]=-]{0,14}".prop_map(|text| format!("{text:?}")),
        "\\PC{0,12}".prop_map(|text| toml::Value::String(text).to_string()),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        let key = select(vec![
            "select", "to", "attr", "all", "join", "kind", "path", "fields", "links", "start", "list", "x",
        ]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            vec((key, inner), 0..4).prop_map(|entries| {
                let entries: Vec<_> = entries.into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
                format!("{{ {} }}", entries.join(", "))
            }),
        ]
    })
}

/// Every key that a config may have, and some in the middle of nowhere.
fn key() -> impl Strategy<Value = String> {
    let known: Vec<String> = load(CONFIG, &[]).unwrap().effective.into_iter().map(|(key, ..)| key).collect();
    let more = [
        "stage",
        "stage.detail",
        "stage.detail.fields",
        "feed",
        "feed.0",
        "fetch.headers",
        "proxies",
        "proxies.file",
        "x.y",
    ];
    prop_oneof![3 => select(known), 1 => select(more.map(str::to_owned).to_vec())]
}

#[test]
fn the_config_that_is_damaged_here_is_right() {
    let loaded = load(CONFIG, &[]);
    assert!(loaded.is_ok(), "{}", all_shown(&loaded));
    assert!(!all_shown(&loaded).contains(SECRET), "{}", all_shown(&loaded));
}

proptest! {
    #[test]
    fn a_damaged_config_is_read_or_refused_with_words(changes in vec(damage(), 1..4)) {
        let loaded = load(&damaged(CONFIG, &changes), &[]);
        if let Err(errors) = &loaded {
            prop_assert!(errors.len() > 0 && errors.to_string().starts_with("error: "), "{errors}");
        }
        all_shown(&loaded);
    }

    #[test]
    fn one_slip_in_a_value_shows_no_secret(change in damage(), line in 0_usize..CONFIG.lines().count()) {
        let lines = CONFIG.lines().enumerate().map(|(number, text)| {
            // Keys are shown, so a slip that makes a secret part of a key is none of this promise.
            match text.split_once(" = ") {
                Some((key, value)) if number == line => format!("{key} = {}\n", damaged(value, std::slice::from_ref(&change))),
                _ => format!("{text}\n"),
            }
        });
        let text: String = lines.collect();
        let shown = all_shown(&load(&text, &[]));
        hides_the_secret(&shown, &text)?;
    }

    #[test]
    fn any_value_at_any_key_is_read_or_refused_at_its_key(key in key(), value in value()) {
        let loaded = load(CONFIG, &[format!("{key}={value}")]);
        if let Err(errors) = &loaded {
            let said = errors.to_string();
            prop_assert!(said.lines().all(|line| line.starts_with("error: ") || line.starts_with("help: ")), "{said}");
        }
        let shown = all_shown(&loaded);
        hides_the_secret(&shown, &format!("{key}={value}"))?;
    }

    #[test]
    fn every_line_of_a_proxies_file_is_a_proxy_or_an_error_with_its_number(lines in vec(proxy_line(), 0..12)) {
        let text = lines.join("\n");
        let read: Vec<_> = line::numbered(&text).map(|(number, line)| (number, line::parse(line, Scheme::Http))).collect();
        let meant = |line: &str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let wanted: Vec<usize> = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| meant(line)).map(|(index, _)| index + 1).collect();
        let found: Vec<usize> = read.iter().map(|(number, _)| *number).collect();
        prop_assert_eq!(found, wanted);
        let labels: Vec<_> = read.iter().flat_map(|(_, read)| read.as_ref().ok()).map(|proxy| proxy.label.clone()).collect();
        let said: Vec<_> = read.iter().flat_map(|(_, read)| read.as_ref().err()).map(|error| format!("{error} {}", error.help())).collect();
        let shown = format!("{labels:?}{said:?}{read:?}");
        hides_the_secret(&shown, &text)?;
    }

    #[test]
    fn a_template_stands_for_as_many_texts_as_it_counts(parts in vec(template_part(), 0..5)) {
        let text: String = parts.iter().map(|(text, _)| text.as_str()).collect();
        let count: u64 = parts.iter().map(|(_, count)| count).product();
        let template = Template::parse(&text).unwrap();
        prop_assert_eq!(template.count(), count);
        let all: Vec<String> = template.expand().collect();
        prop_assert_eq!(all.len() as u64, count);
        for sample in template.samples() {
            prop_assert!(all.contains(&sample), "{sample} is none of {text}");
        }
    }

    #[test]
    fn no_template_panics(text in "[{}.,0-9a-z-]{0,24}|\\PC{0,24}") {
        if let Ok(template) = Template::parse(&text) {
            template.count();
            template.samples().take(100).for_each(drop);
            template.expand().take(100).for_each(drop);
        }
    }

    #[test]
    fn the_canonical_form_is_its_own_and_reads_back_as_itself(text in address()) {
        if let Ok(url) = Url::parse(&text) {
            let once = canonical(&url, &DropParams::default());
            prop_assert_eq!(&canonical(&once, &DropParams::default()), &once);
            prop_assert_eq!(&Url::parse(once.as_str()).unwrap(), &once);
            prop_assert!(once.fragment().is_none());
            prop_assert_eq!(is_private(&url), is_private(&once));
        }
    }
}

/// A line of a proxies file: of some form, right or nearly, with the secret as its password.
fn proxy_line() -> impl Strategy<Value = String> {
    let form = select(vec![
        "a.example:8080",
        "http://a.example:8080",
        "me:Zq9Zq9Zq9@a.example:8080",
        "socks5h://me:Zq9Zq9Zq9@[2001:db8::1]:1080",
        "a.example:8080:me:Zq9Zq9Zq9",
        "# http://me:Zq9Zq9Zq9@a.example:8080",
        "  ",
    ]);
    let slip = (any::<Index>(), 0_usize..3, prop_oneof![Just(String::new()), "[:@/\\[\\]# %.a-z0-9\u{feff}\r-]{1,3}"]);
    // What stands where a scheme or a host does is shown, so the slips stay behind those.
    (form, vec(slip, 0..2)).prop_map(|(form, slips)| {
        let from = form.find(SECRET).map_or(0, |at| at + SECRET.len());
        let (kept, rest) = form.split_at(from);
        format!("{kept}{}", damaged(rest, &slips))
    })
}

/// A piece of a template, and how many texts it stands for.
fn template_part() -> impl Strategy<Value = (String, u64)> {
    prop_oneof![
        "[a-z/?=.-]{0,5}".prop_map(|text| (text, 1)),
        select(vec!["{{", "}}"]).prop_map(|text| (text.to_owned(), 1)),
        (0_u64..1000, 0_u64..4).prop_map(|(from, more)| (format!("{{{from}..{}}}", from + more), more + 1)),
        (0_u64..7, 0_u64..3).prop_map(|(from, more)| (format!("{{{from:03}..{:03}}}", from + more), more + 1)),
        vec("[a-z]{0,3}", 2..4).prop_map(|words| (format!("{{{}}}", words.join(",")), words.len() as u64)),
    ]
}

/// An address of the web, of any kind of host, with whatever an address may have.
fn address() -> impl Strategy<Value = String> {
    let scheme = select(vec!["http", "HTTPS", "https"]);
    let user = select(vec!["", "me@", "me:pa%40ss@", ":@"]);
    let host = prop_oneof![
        "[a-zA-Z0-9.-]{1,16}",
        "\\PC{1,8}",
        select(vec![
            "[::1]",
            "[::ffff:10.0.0.1]",
            "0x7f.1",
            "127.0.0.1.",
            "localhost",
            "bücher.example",
            "xn--bcher-kva.example"
        ])
        .prop_map(str::to_owned),
    ];
    (scheme, user, host, "(:[0-9]{0,6})?", "(/[ -~]{0,16}|/\\PC{0,8})?", "(#\\PC{0,6})?")
        .prop_map(|(scheme, user, host, port, path, fragment)| format!("{scheme}://{user}{host}{port}{path}{fragment}"))
}
