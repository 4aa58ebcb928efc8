//! Exit addresses: from which address a page says that it was asked, and which proxies share one.
//!
//! In come bodies and addresses; out go addresses and groups. Pure. What a page says is believed only if it is an address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;

/// Fields of a JSON object by which pages tell who asks.
const FIELDS: [&str; 5] = ["origin", "ip", "ip_addr", "query", "address"];
/// A page that tells an address and nothing else is short.
const SHORT: usize = 64;

/// The address in a body: an object with one of the usual fields, or nothing but an address.
pub(super) fn told(body: &[u8]) -> Option<IpAddr> {
    if let Ok(Value::Object(object)) = serde_json::from_slice(body) {
        return FIELDS.iter().find_map(|field| address(object.get(*field)?.as_str()?));
    }
    let text = std::str::from_utf8(body).ok().filter(|text| text.len() <= SHORT)?;
    address(text.trim().trim_matches('"'))
}

/// `origin` may name what proxies say of themselves before the address that really asked.
fn address(text: &str) -> Option<IpAddr> {
    text.rsplit(',').next()?.trim().parse().ok()
}

/// For each place, the other places with the same exit.
pub(super) fn shared(exits: &[Option<IpAddr>]) -> Vec<Vec<usize>> {
    let mut places: BTreeMap<IpAddr, Vec<usize>> = BTreeMap::new();
    for (at, exit) in exits.iter().enumerate() {
        if let Some(exit) = exit {
            places.entry(*exit).or_default().push(at);
        }
    }
    let others = |at: usize, exit: &Option<IpAddr>| {
        let same = exit.and_then(|exit| places.get(&exit)).map_or(&[][..], Vec::as_slice);
        same.iter().copied().filter(|other| *other != at).collect()
    };
    exits.iter().enumerate().map(|(at, exit)| others(at, exit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn the_usual_ways_of_telling_an_address_are_understood() {
        assert_eq!(told(br#"{"args":{},"origin":"203.0.113.7"}"#), ip("203.0.113.7"));
        assert_eq!(told(br#"{"origin":"10.0.0.1, 203.0.113.7"}"#), ip("203.0.113.7"));
        assert_eq!(told(br#"{"ip":"2001:db8::7"}"#), ip("2001:db8::7"));
        assert_eq!(told(b" 203.0.113.7\n"), ip("203.0.113.7"));
    }

    #[test]
    fn what_is_no_address_is_none() {
        for body in ["", "<html>203.0.113.7</html>", r#"{"ip":7}"#, r#"{"ip":"\u001b[2J"}"#, "[]", "203.0.113.777"] {
            assert_eq!(told(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn those_with_the_same_exit_name_each_other() {
        let exits = [ip("203.0.113.7"), None, ip("203.0.113.8"), ip("203.0.113.7"), None];
        assert_eq!(shared(&exits), [vec![3], vec![], vec![], vec![0], vec![]]);
    }
}
