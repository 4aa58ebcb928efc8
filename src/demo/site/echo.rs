//! The site's `/get`: JSON that says what it was asked and by whom, as httpbin's does.
//!
//! Pure. In come a path with its query and the address of who asks; out comes JSON.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use url::form_urlencoded;

/// The answer to `target`, if it is `/get`; `base` is the site's address.
pub(super) fn answer(base: &str, target: &str, from: IpAddr) -> Option<String> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if path != "/get" {
        return None;
    }
    let mut args = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = Value::String(value.into_owned());
        // A name that comes more than once has all its values.
        match args.get_mut(&*name) {
            None => _ = args.insert(name.into_owned(), value),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Some(json!({ "args": args, "origin": from, "url": format!("{base}{target}") }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_it_was_asked_and_by_whom() {
        let from = "127.0.0.9".parse().unwrap();
        let said = answer("http://h", "/get?a=1&b=%C3%A9+x&a=2&a=3", from).unwrap();
        let said: Value = serde_json::from_str(&said).unwrap();
        assert_eq!(said["args"], json!({ "a": ["1", "2", "3"], "b": "\u{e9} x" }));
        assert_eq!(
            (&said["origin"], &said["url"]),
            (&json!("127.0.0.9"), &json!("http://h/get?a=1&b=%C3%A9+x&a=2&a=3"))
        );
        assert_eq!(answer("http://h", "/getting", from), None);
    }
}
