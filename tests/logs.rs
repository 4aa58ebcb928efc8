//! Promise: `docs/logs.md` lists every event of the log, with its levels and its fields, and none that is not there.
//!
//! The sources are read for `tracing` macros; what they say is compared with the table.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];

/// The levels and fields of one event.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    levels: BTreeSet<String>,
    fields: BTreeSet<String>,
}

/// All sources but tests, which may raise events of their own.
fn sources(folder: &Path, texts: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, texts);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned();
            texts.push((path.display().to_string(), code));
        }
    }
}

/// The arguments of each macro call `level!(…)`, up to its closing bracket.
fn calls<'a>(text: &'a str, level: &str) -> Vec<&'a str> {
    let call = format!("{level}!(");
    let starts = text.match_indices(&call).filter(|(at, _)| {
        let before = text[..*at].chars().next_back();
        before.is_none_or(|symbol| !symbol.is_alphanumeric() && symbol != '_')
    });
    starts.map(|(at, _)| arguments(&text[at + call.len()..])).collect()
}

fn arguments(text: &str) -> &str {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    for (at, symbol) in text.char_indices() {
        match symbol {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return &text[..at];
        }
    }
    panic!("a macro call without an end: {text}");
}

/// The arguments at the top level, split at commas.
fn split(arguments: &str) -> Vec<String> {
    let (mut parts, mut depth, mut quoted, mut escaped) = (vec![String::new()], 0, false, false);
    for symbol in arguments.chars() {
        match symbol {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(symbol);
    }
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|symbol| symbol.is_ascii_lowercase() || matches!(symbol, '.' | '_' | '0'..='9'))
}

/// Adds what one macro call says; `false` if it has no event.
fn read(arguments: &str, level: &str, said: &mut BTreeMap<String, Said>) -> bool {
    // The message is the first text by itself; what follows are its arguments.
    let mut fields: Vec<(String, String)> = Vec::new();
    for part in split(arguments) {
        match part.split_once('=') {
            _ if part.starts_with('"') => break,
            Some((name, value)) if is_name(name.trim()) => fields.push((name.trim().into(), value.trim().into())),
            None if is_name(&part) => fields.push((part.clone(), part)),
            // `target: …`, which is not a field
            _ => {}
        }
    }
    let Some(at) = fields.iter().position(|(name, _)| name == "event") else { return false };
    let (_, event) = fields.remove(at);
    let event = said.entry(event.trim_matches('"').to_owned()).or_default();
    event.levels.insert(level.into());
    event.fields.extend(fields.into_iter().map(|(name, _)| name));
    true
}

fn said_by_the_code() -> BTreeMap<String, Said> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut texts, mut said) = (Vec::new(), BTreeMap::new());
    sources(&root.join("src"), &mut texts);
    for (path, text) in &texts {
        for level in LEVELS {
            for call in calls(text, level) {
                assert!(read(call, level, &mut said), "{path}: {level}!({call}) has no event");
            }
        }
    }
    said
}

fn quoted(cell: &str) -> BTreeSet<String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn listed_in_the_docs() -> BTreeMap<String, Said> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/logs.md");
    let text = fs::read_to_string(path).unwrap();
    let table = text.split("### Events").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let event = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [event, levels, when, fields] = cells[..] else { panic!("four columns: {line}") };
        assert!(!when.is_empty(), "{line}");
        let levels = levels.split(", ").map(str::to_owned).collect();
        (event.trim_matches('`').to_owned(), Said { levels, fields: quoted(fields) })
    };
    rows.map(event).collect()
}

#[test]
fn the_docs_list_each_event_with_its_levels_and_fields() {
    let (code, docs) = (said_by_the_code(), listed_in_the_docs());
    let names = |events: &BTreeMap<String, Said>| events.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(&code), names(&docs), "events in the code (left) and in docs/logs.md (right)");
    for (event, said) in &code {
        assert_eq!(said, &docs[event], "{event}: in the code (left) and in docs/logs.md (right)");
    }
    assert!(code.len() > 20, "the sources were read: {}", code.len());
}

#[test]
fn the_reader_of_sources_sees_fields_short_forms_and_nested_calls() {
    let mut said = BTreeMap::new();
    let call = r#"target: X, event = "a.b", worker.id = %f(1, "),"), place, ms.body = ms(x), "text, {}", not.a = 1"#;
    assert!(read(arguments(&format!("{call}) more")), "warn", &mut said));
    assert_eq!(said["a.b"].fields, ["worker.id", "place", "ms.body"].map(str::to_owned).into());
    assert!(!read(r#""only a message""#, "warn", &mut said));
}
