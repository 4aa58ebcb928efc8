//! Proxy lines, by their text.
//!
//! What is read from each form, what is said of the others, and that no secret is ever shown.

use proptest::prelude::*;

use super::*;

/// scheme, host, port, user, password
type Parts = (&'static str, String, u16, Option<(String, String)>);

fn parts(line: &str) -> Result<Parts, LineError> {
    let proxy = parse(line, Scheme::Http)?;
    let credentials =
        proxy.credentials.map(|known| (known.user.reveal().to_owned(), known.password.reveal().to_owned()));
    Ok((proxy.scheme.as_str(), proxy.host, proxy.port, credentials))
}

fn with(user: &str, password: &str) -> Option<(String, String)> {
    Some((user.to_owned(), password.to_owned()))
}

#[test]
fn every_form_is_understood() {
    let host = || "gw.example".to_owned();
    assert_eq!(parts("gw.example:7777"), Ok(("http", host(), 7777, None)));
    assert_eq!(parts("HTTP://GW.example:7777/"), Ok(("http", host(), 7777, None)));
    assert_eq!(parts("http://u:p@gw.example:7777"), Ok(("http", host(), 7777, with("u", "p"))));
    assert_eq!(parts("u:p@gw.example:7777"), Ok(("http", host(), 7777, with("u", "p"))));
    assert_eq!(parts("token@gw.example:7777"), Ok(("http", host(), 7777, with("token", ""))));
    assert_eq!(parts("gw.example:7777:u:p"), Ok(("http", host(), 7777, with("u", "p"))));
    assert_eq!(parts("https://gw.example:443"), Ok(("https", host(), 443, None)));
    assert_eq!(parts("socks5h://u:p@gw.example:1080"), Ok(("socks5", host(), 1080, with("u", "p"))));
    assert_eq!(parts("[2001:DB8::1]:8080"), Ok(("http", "2001:db8::1".into(), 8080, None)));
    assert_eq!(parts("[::1]:8080:u:p"), Ok(("http", "::1".into(), 8080, with("u", "p"))));
    assert_eq!(parts("http://u:p@[::1]:8080"), Ok(("http", "::1".into(), 8080, with("u", "p"))));
    assert_eq!(parse("gw.example:1", Scheme::Socks5).unwrap().scheme, Scheme::Socks5);
}

#[test]
fn url_forms_are_percent_decoded_and_the_raw_form_is_not() {
    assert_eq!(parts("http://us%40er:p%3A%2f%25@h:1").unwrap().3, with("us@er", "p:/%"));
    assert_eq!(parts("u:p:q@h:1").unwrap().3, with("u", "p:q"));
    assert_eq!(parts("h:1:u:p%40:#q").unwrap().3, with("u", "p%40:#q"));
    assert_eq!(parts("h:1:u:p@q").unwrap().3, with("u", "p@q"));
    assert_eq!(parts("u:p@q@h:1").unwrap().3, with("u", "p@q"));
    assert_eq!(parts("u:://p@h:1").unwrap().3, with("u", "://p"));
}

#[test]
fn the_form_in_which_nothing_is_encoded_is_told_from_the_others() {
    for bare in ["h:1:u:p", "h:1:u:p@q", "[::1]:80:u:p", "h:1:{a,b}:${P}"] {
        assert!(is_bare(bare), "{bare}");
    }
    for other in ["h:1", "http://u:p@h:1", "u:p@h:1", "u-{1..3}:p@h:1", "p{1..3}.example:80", "h:x:u:p", "h:1:u"] {
        assert!(!is_bare(other), "{other}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_not_guessed() {
    assert_eq!(parts("h:80:u:p@q:99"), Err(LineError::Ambiguous));
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(parts("sock5://h:1"), Err(LineError::Scheme(Some("sock5".into()))));
    assert_eq!(parts("ftp://h:1"), Err(LineError::Scheme(Some("ftp".into()))));
    assert_eq!(parts("quantum://h:1"), Err(LineError::Scheme(None)));
    assert_eq!(parts("gw.example"), Err(LineError::Port));
    for port in ["0", "65536", "+80", "x", ""] {
        assert_eq!(parts(&format!("h:{port}")), Err(LineError::Port), "{port}");
        assert_eq!(parts(&format!("u:p@h:{port}")), Err(LineError::Port), "{port}");
    }
    assert_eq!(parts("h:80/path"), Err(LineError::Trailing));
    assert_eq!(parts("h:80 # mine"), Err(LineError::Trailing));
    assert_eq!(parts("h:80:user"), Err(LineError::Form));
    assert_eq!(parts("http://h:80:u:p"), Err(LineError::Host));
    assert_eq!(parts("2001:db8::1"), Err(LineError::Host));
    assert_eq!(parts("[::1:80"), Err(LineError::Host));
    assert_eq!(parts("a b:80"), Err(LineError::Host));
    assert_eq!(parts(":pass@h:1"), Err(LineError::User));
    assert_eq!(parts("u:%ff@h:1"), Err(LineError::Encoding));
    assert_eq!(parts("u%3Ax:p@h:1"), Err(LineError::Colon));
}

#[test]
fn comments_stand_only_at_the_start_of_a_line_and_numbers_count_every_line() {
    let text = "\u{feff}# mine\r\n\r\na.example:1\r\n  # more\nb.example:2:u:p#q\nnonsense\n";
    let lines: Vec<(usize, &str)> = numbered(text).collect();
    assert_eq!(lines, [(3, "a.example:1"), (5, "b.example:2:u:p#q"), (6, "nonsense")]);
}

#[test]
fn a_label_tells_users_apart_and_is_the_same_wherever_the_line_stands() {
    let label = |line: &str| parse(line, Scheme::Http).unwrap().label.to_string();
    assert_eq!(label("GW.example:7777"), "gw.example:7777");
    assert_eq!(label("[::1]:80"), "[::1]:80");
    let (first, second) = (label("gw:7777:session-1:p"), label("gw:7777:session-2:p"));
    assert_ne!(first, second);
    assert_eq!(first, label("http://session-1:other@gw:7777"));
    // Labels are in the reports of earlier runs: this one must not change from one version to the next.
    assert_eq!(first, "gw:7777~1e78");
}

#[test]
fn a_proxy_counts_once_whatever_its_password_and_form() {
    let lines = ["h:1:u:p", "http://u:q@H:1", "h:1", "https://h:1", "h:1:v:p", "h:1"];
    let (kept, repeats) = distinct(lines.iter().map(|line| parse(line, Scheme::Http).unwrap()).collect());
    assert_eq!(repeats, [1, 5]);
    assert_eq!(kept.len(), 4);
    assert_eq!(kept[0].credentials.as_ref().unwrap().password.reveal(), "p");
}

#[test]
fn labels_are_distinct_even_where_their_short_forms_would_collide() {
    let endpoints: Vec<_> =
        (0..2000).map(|user| parse(&format!("gw:7777:session-{user}:p"), Scheme::Http).unwrap()).collect();
    let short: std::collections::HashSet<_> = endpoints.iter().map(|endpoint| endpoint.label.clone()).collect();
    assert!(short.len() < 2000, "2000 users share some of 65536 short labels");
    let (kept, repeats) = distinct(endpoints);
    assert!(repeats.is_empty());
    let labels: std::collections::HashSet<_> = kept.iter().map(|endpoint| endpoint.label.clone()).collect();
    assert_eq!(labels.len(), 2000);
    let (kept, _) = distinct(["h:1", "https://h:1"].iter().map(|line| parse(line, Scheme::Http).unwrap()).collect());
    assert_ne!(kept[0].label, kept[1].label);
}

fn shown(line: &str) -> String {
    match parse(line, Scheme::Http) {
        Ok(endpoint) => format!("{} {endpoint:?}", endpoint.label),
        Err(error) => format!("{error} {error:?} {}", error.help()),
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in "\\PC{0,40}", colons in "[a-z0-9:@/\\[\\]%. ]{0,30}") {
        shown(&line);
        shown(&colons);
        is_bare(&line);
        is_bare(&colons);
    }

    #[test]
    fn neither_user_nor_password_is_ever_shown(
        user in "[Q-Z]{8,12}",
        password in "[A-M!-/:-@]{8,20}",
        form in 0_usize..7,
        tail in "(:80|:99999|:x|/|)",
    ) {
        let line = match form {
            0 => format!("http://{user}:{password}@h{tail}"),
            1 => format!("{user}:{password}@h{tail}"),
            2 => format!("h:80:{user}:{password}"),
            3 => format!("{user}:{password}"),
            4 => format!("{password}://{user}@h{tail}"),
            5 => format!("h{tail}:{user}:{password}"),
            _ => format!("sock5://{user}:{password}@h{tail}"),
        };
        let shown = shown(&line);
        // A line whose user stands where hosts stand shows it as the host; that is what its owner wrote.
        if parse(&line, Scheme::Http).is_err() || form != 3 {
            prop_assert!(!shown.to_uppercase().contains(&user), "{line} shows {shown}");
        }
        prop_assert!(!shown.contains(&password), "{line} shows {shown}");
    }

    #[test]
    fn a_proxy_that_is_written_out_is_read_back(user in "[a-z]{1,6}", password in "[!-9;-~]{0,12}", port in 1_u16..) {
        let line = format!("h.example:{port}:{user}:{password}");
        if !password.contains('@') {
            prop_assert_eq!(parts(&line), Ok(("http", "h.example".into(), port, with(&user, &password))));
        }
        let encoded: String = password.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let line = format!("http://{user}:{encoded}@h.example:{port}");
        prop_assert_eq!(parts(&line), Ok(("http", "h.example".into(), port, with(&user, &password))));
    }
}
