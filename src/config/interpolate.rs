//! `${ENV}` in strings of a config.
//!
//! A text and the variables come in, the filled-in text goes out. Pure: the process's own environment is not known here.

use std::collections::BTreeMap;

/// The variables that a config may name.
pub(super) type Environment = BTreeMap<String, String>;

/// Why a string cannot be filled in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfilled {
    #[error("needs the environment variable {0}, which is not set")]
    Unset(String),
    #[error("has a ${{ that begins no ${{VARIABLE}}")]
    Malformed,
}

/// What the filled-in text is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As it is.
    Plain,
    /// As a template: braces in variables are doubled, so that what comes from outside makes no ranges.
    Template,
}

/// Puts variables in the place of `${NAME}`; `$${` becomes `${`.
pub(super) fn fill(text: &str, reading: Reading, environment: &Environment) -> Result<String, Unfilled> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, from) = rest.split_at(at);
        if let Some(before) = before.strip_suffix('$') {
            filled.push_str(before);
            filled.push_str("${");
            rest = &from[2..];
            continue;
        }
        filled.push_str(before);
        let (name, after) = from[2..].split_once('}').ok_or(Unfilled::Malformed)?;
        let starts_well = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        if !starts_well || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(Unfilled::Malformed);
        }
        let value = environment.get(name).ok_or_else(|| Unfilled::Unset(name.to_owned()))?;
        match reading {
            Reading::Plain => filled.push_str(value),
            Reading::Template => filled.push_str(&value.replace('{', "{{").replace('}', "}}")),
        }
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, reading: Reading) -> Result<String, Unfilled> {
        let environment = [("PASS", "p{1..2}"), ("_x1", "")].map(|(name, value)| (name.into(), value.into()));
        fill(text, reading, &environment.into())
    }

    #[test]
    fn variables_are_filled_in_and_nothing_else_is_touched() {
        assert_eq!(filled("a${PASS}b${_x1}c $ {} $x", Reading::Plain).unwrap(), "ap{1..2}bc $ {} $x");
        assert_eq!(filled("$${PASS} costs $$5", Reading::Plain).unwrap(), "${PASS} costs $$5");
    }

    #[test]
    fn what_a_variable_holds_is_no_template() {
        assert_eq!(filled("{1..3}${PASS}", Reading::Template).unwrap(), "{1..3}p{{1..2}}");
    }

    #[test]
    fn an_unset_variable_is_named() {
        assert_eq!(filled("${NOPE}", Reading::Plain), Err(Unfilled::Unset("NOPE".into())));
        for bad in ["${", "${}", "${1..2}", "${a b}", "${PASS"] {
            assert_eq!(filled(bad, Reading::Plain), Err(Unfilled::Malformed), "{bad}");
        }
    }
}
