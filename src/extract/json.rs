//! JSON pointers (RFC 6901), and what they find.
//!
//! In come a pointer from the config and a page as JSON; out goes the value there, its type kept. A `null` is no match, as
//! nothing stands there. It does not know what the value is wanted for.

use std::borrow::Cow;

use serde_json::Value;

use crate::config::Take;

/// A JSON pointer; the empty one points at the whole document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(Box<str>);

/// Why a text is no pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointerError {
    /// It is not empty, and its first character is another.
    #[error("it does not begin with /")]
    Start,
    /// `~` stands for itself only as `~0`.
    #[error("a ~ is followed by neither 0 nor 1")]
    Escape,
}

impl Pointer {
    /// Parses a pointer.
    ///
    /// # Errors
    /// It does not begin with a slash, or has a `~` that is followed by neither 0 nor 1.
    pub fn parse(text: &str) -> Result<Self, PointerError> {
        if !text.is_empty() && !text.starts_with('/') {
            return Err(PointerError::Start);
        }
        if text.split('~').skip(1).any(|after| !after.starts_with(['0', '1'])) {
            return Err(PointerError::Escape);
        }
        Ok(Self(text.into()))
    }

    /// The value that it points at, unless that is `null`.
    pub(super) fn find<'a>(&self, document: &'a Value) -> Option<&'a Value> {
        document.pointer(&self.0).filter(|value| !value.is_null())
    }
}

/// What a field shows of a value: all of it, its elements, or their texts joined. A value that is no array is its only
/// element.
pub(super) fn taken(value: Option<&Value>, take: &Take) -> Value {
    let elements = match value {
        Some(Value::Array(elements)) => elements.as_slice(),
        Some(other) => std::slice::from_ref(other),
        None => &[],
    };
    match take {
        Take::First => value.cloned().unwrap_or_default(),
        Take::All => Value::Array(elements.to_vec()),
        Take::Joined(between) => Value::String(elements.iter().map(text_of).collect::<Vec<_>>().join(between.as_str())),
    }
}

/// A string as it is, `null` as nothing, all else as JSON.
fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.as_str().into(),
        Value::Null => "".into(),
        other => other.to_string().into(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn find(pointer: &str, document: &Value) -> Option<Value> {
        Pointer::parse(pointer).unwrap().find(document).cloned()
    }

    #[test]
    fn the_examples_of_the_rfc_are_found() {
        let document = json!({
            "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8
        });
        assert_eq!(find("", &document), Some(document.clone()));
        for (pointer, value) in [
            ("/foo", json!(["bar", "baz"])),
            ("/foo/0", json!("bar")),
            ("/", json!(0)),
            ("/a~1b", json!(1)),
            ("/c%d", json!(2)),
            ("/e^f", json!(3)),
            ("/g|h", json!(4)),
            ("/i\\j", json!(5)),
            ("/k\"l", json!(6)),
            ("/ ", json!(7)),
            ("/m~0n", json!(8)),
        ] {
            assert_eq!(find(pointer, &document), Some(value), "{pointer}");
        }
        for nowhere in ["/foo/2", "/foo/00", "/foo/+1", "/foo/-", "/bar", "/foo/0/0", "/~01"] {
            assert_eq!(find(nowhere, &document), None, "{nowhere}");
        }
    }

    #[test]
    fn a_null_is_no_match() {
        assert_eq!(find("/a", &json!({ "a": null })), None);
    }

    proptest! {
        #[test]
        fn no_text_panics_and_a_pointer_made_from_names_finds_what_is_there(
            text in "\\PC{0,20}", names in prop::collection::vec("[a-c/~01]{0,4}", 0..5)
        ) {
            if let Ok(pointer) = Pointer::parse(&text) {
                let _ = pointer.find(&json!({ "a": ["b", { "c": 1 }] }));
            }
            let document = names.iter().rev().fold(json!("there"), |inner, name| {
                Value::Object([(name.clone(), inner)].into_iter().collect())
            });
            let pointer: String =
                names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect();
            prop_assert_eq!(find(&pointer, &document), Some(json!("there")));
        }
    }
}
