//! How values are shown to people: addresses without their secrets, counts, sizes, spans of time.
//!
//! In come values, out goes text. Pure.

use std::borrow::Cow;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use url::Url;

/// Words that make a parameter a secret wherever they stand in its name.
const TELLING: [&str; 8] = ["token", "secret", "passw", "session", "signature", "apikey", "credential", "sessid"];

/// Words that make it one only when they stand alone (`key` and `api_key`, but neither `keyword` nor `monkey`).
const TELLING_ALONE: [&str; 11] =
    ["key", "sig", "auth", "authorization", "pass", "pwd", "sid", "jwt", "hmac", "otp", "accesskey"];

/// An address for logs and reports: without user and password, and with `***` for parameters that are named like secrets, in
/// the query, in the fragment and in the path (`;jsessionid=…`). Otherwise as it is.
pub fn url_shown(url: &Url) -> String {
    let mut shown = url.clone();
    // These fail only for addresses that can have neither user nor password.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    if let Some(query) = url.query() {
        shown.set_query(Some(&redacted(query, '&')));
    }
    if let Some(fragment) = url.fragment() {
        shown.set_fragment(Some(&redacted(fragment, '&')));
    }
    if url.path().contains(';') {
        let segments: Vec<_> = url.path().split('/').map(|segment| redacted(segment, ';')).collect();
        shown.set_path(&segments.join("/"));
    }
    shown.into()
}

fn redacted(pairs: &str, separator: char) -> String {
    let shown = pairs.split(separator).map(|pair| match pair.split_once('=') {
        Some((name, _)) if is_secret(name) => Cow::Owned(format!("{name}=***")),
        _ => Cow::Borrowed(pair),
    });
    shown.collect::<Vec<_>>().join(&separator.to_string())
}

fn is_secret(name: &str) -> bool {
    let name = percent_decode_str(name).decode_utf8_lossy();
    let lower = name.to_ascii_lowercase();
    let joined = lower.replace(|symbol: char| !symbol.is_alphanumeric(), "");
    TELLING.iter().any(|word| joined.contains(word)) || words(&name).any(|word| TELLING_ALONE.contains(&word.as_str()))
}

/// The words of `api_key`, `api-key` and `apiKey`, in lower case.
fn words(name: &str) -> impl Iterator<Item = String> {
    let mut spaced = String::new();
    let mut before = ' ';
    for symbol in name.chars() {
        if symbol.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        spaced.push(if symbol.is_alphanumeric() { symbol.to_ascii_lowercase() } else { ' ' });
        before = symbol;
    }
    spaced.split_whitespace().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Text for a terminal, control characters escaped: it may quote a site, and what a site says must neither move the cursor
/// nor forge a line.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for symbol in text.chars() {
        if symbol.is_control() { shown.extend(symbol.escape_default()) } else { shown.push(symbol) }
    }
    shown
}

/// `5,000`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `3m 20s`, rounded to seconds; below ten seconds with one decimal.
pub fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1}s");
    }
    let whole = time.saturating_add(Duration::from_millis(500)).as_secs();
    format!("{:#}", jiff::SignedDuration::from_secs(i64::try_from(whole).unwrap_or(i64::MAX)))
}

/// `12.5 MB`
pub fn size(bytes: u64) -> String {
    bytesize::ByteSize(bytes).display().si().to_string()
}

/// Whole milliseconds.
pub fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(url: &str) -> String {
        url_shown(&Url::parse(url).unwrap())
    }

    #[test]
    fn users_and_passwords_are_gone_from_addresses() {
        assert_eq!(shown("https://me:hunter2@shop.example/a"), "https://shop.example/a");
    }

    #[test]
    fn parameters_named_like_secrets_are_redacted_whatever_their_spelling() {
        for name in [
            "token",
            "access_token",
            "key",
            "api_key",
            "apiKey",
            "APIKEY",
            "X-Amz-Signature",
            "X-Amz-Credential",
            "sig",
            "password",
            "passwd",
            "session",
            "session_id",
            "PHPSESSID",
            "sid",
            "auth",
            "to%6ben",
            "client%5fsecret",
        ] {
            let shown = shown(&format!("https://shop.example/a?page=2&{name}=s3cr3t&q=x"));
            assert!(!shown.contains("s3cr3t"), "{shown}");
            assert!(shown.starts_with("https://shop.example/a?page=2&") && shown.ends_with("=***&q=x"), "{shown}");
        }
        assert!(!shown("https://shop.example/a;jsessionid=s3cr3t?x=1").contains("s3cr3t"));
        assert!(!shown("https://shop.example/a#access_token=s3cr3t").contains("s3cr3t"));
    }

    #[test]
    fn ordinary_parameters_stay_as_they_are() {
        for url in [
            "https://shop.example/a?keyword=monkey&author=x&design=y&compass=z&passage=1&page=%7B2%7D&flag",
            "https://shop.example/a;v=1/b?x=1#part",
        ] {
            assert_eq!(shown(url), url);
        }
    }

    #[test]
    fn counts_and_spans_read_well() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(span(Duration::from_millis(1_250)), "1.2s");
        assert_eq!(span(Duration::from_secs(200)), "3m 20s");
    }

    #[test]
    fn spans_are_rounded_not_cut() {
        let shown = [9_949, 9_950, 29_999, 59_400, 59_600].map(|ms| span(Duration::from_millis(ms)));
        assert_eq!(shown, ["9.9s", "10s", "30s", "59s", "1m"]);
        assert!(!span(Duration::MAX).is_empty());
    }

    #[test]
    fn what_a_site_says_cannot_move_the_cursor() {
        assert_eq!(printable("a\u{1b}[2J\nb\u{9b}c é"), "a\\u{1b}[2J\\nb\\u{9b}c é");
    }
}
