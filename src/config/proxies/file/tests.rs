//! What a proxies file may hold, and what is said of one that was read again and is bad.

use proptest::prelude::*;

use super::*;

fn environment() -> Environment {
    [("PASS".to_owned(), "p{1..2}@".to_owned())].into()
}

fn read(text: &str) -> Entries {
    entries(text, Scheme::Http, &environment())
}

fn users(text: &str) -> Vec<(String, String)> {
    let known = |entry: Entry| {
        let credentials = entry.endpoint.credentials.unwrap();
        (credentials.user.reveal().to_owned(), credentials.password.reveal().to_owned())
    };
    read(text).found.into_iter().map(known).collect()
}

#[test]
fn a_line_may_stand_for_many_proxies_and_templates_are_expanded_before_variables() {
    let pairs = users("http://me-{08..10}:x${PASS}y@gw.example:7777\n");
    assert_eq!(pairs.iter().map(|(user, _)| user.as_str()).collect::<Vec<_>>(), ["me-08", "me-09", "me-10"]);
    assert!(pairs.iter().all(|(_, password)| password == "xp{1..2}@y"), "what a variable holds is no template");
    let labels: std::collections::BTreeSet<_> = read("http://me-{001..100}:p@gw.example:7777")
        .found
        .into_iter()
        .map(|entry| entry.endpoint.label.to_string())
        .collect();
    assert_eq!(labels.len(), 100, "each has a name of its own");
    assert!(labels.iter().all(|label| label.starts_with("gw.example:7777~") && !label.contains("me-")));
}

#[test]
fn the_form_of_host_port_user_and_password_is_taken_as_it_stands() {
    assert_eq!(users("h:1:u{1..2}:p${PASS}"), [("u{1..2}".to_owned(), "p${PASS}".to_owned())]);
}

#[test]
fn what_is_wrong_is_said_by_its_line_and_shows_nothing_of_it() {
    let text = "h:1\nhttp://u:hunter{2@h:1\nhttp://u:${hunter2}@h:1\nhttp://u-{0..9999999}:p@h:1\nhttp://u{1..2}\n";
    let errors = read(text).errors;
    let said: Vec<(usize, String)> =
        errors.iter().map(|(line, error)| (*line, format!("{error}; {}", error.help()))).collect();
    assert_eq!(said.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert!(!format!("{said:?}{errors:?}").contains("hunter"), "{said:?}");
}

fn file(text: &str) -> (tempfile::TempDir, ProxiesFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.txt");
    std::fs::write(&path, text).unwrap();
    let list = vec![parse("listed.example:1", Scheme::Http).unwrap()];
    let (name, stamp, scheme) = ("p.txt".to_owned(), FileStamp::of(&path), Scheme::Socks5);
    (folder, ProxiesFile { path, name, stamp, scheme, environment: environment(), list })
}

#[test]
fn read_again_it_has_the_files_proxies_and_the_configs_own_each_once() {
    let (_folder, file) = file("a.example:1\na.example:1\nhttp://listed.example:1\n");
    let found: Vec<_> = file.read().unwrap().iter().map(|proxy| (proxy.scheme.as_str(), proxy.label.clone())).collect();
    assert_eq!(found, [("socks5", "a.example:1".into()), ("http", "listed.example:1".into())]);
}

#[test]
fn a_bad_empty_or_missing_file_is_refused_with_the_number_of_its_line() {
    let (_folder, bad) = file("a.example:1\nsock5://me:hunter2@a.example:1\nhunter2\n");
    assert_eq!(bad.read().unwrap_err().to_string(), "p.txt:2: unknown scheme \"sock5\"; 1 more line is wrong");
    let (_folder, empty) = file("# nothing\n\n");
    assert_eq!(empty.read().unwrap_err().to_string(), "there is no proxy in p.txt");
    let (folder, missing) = file("a.example:1\n");
    drop(folder);
    assert!(missing.read().unwrap_err().to_string().starts_with("cannot read p.txt: "));
    assert!(!format!("{bad:?}").contains("1..2"), "the environment is not shown");
}

proptest! {
    #[test]
    fn a_proxy_written_out_as_a_line_is_read_back_as_the_same(password in "[a-z{}$]{0,12}", user in "[a-z{}$]{1,8}") {
        for written in [format!("http://{user}:{password}@h.example:1"), format!("h.example:1:{user}:{password}")] {
            let lines = expanded(&as_line(&written), 1, &Environment::new());
            prop_assert_eq!(lines.unwrap(), [written]);
        }
    }
}
