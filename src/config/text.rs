//! Single values against their shapes.
//!
//! A value with `${ENV}` filled in comes in, the same value or its fault goes out. Pure: no paths, no origins, no other
//! settings.

use config::ValueKind;
use regex::Regex;
use url::Host;

use super::header_rule;
use super::problem::suggestion;
use super::schema::{Shape, Subject};
use super::unit;
use crate::address::{Template, TemplateError};
use crate::extract::{Css, Selector, SelectorError};

/// Why a value does not have its shape.
#[derive(Debug, PartialEq)]
pub(super) enum Fault {
    /// It is of another type.
    Type(&'static str),
    /// It is text, but not such a text.
    Value,
    /// It is a number, but not such a number.
    Number(String),
    /// It is none of the words; the one that it resembles.
    Word { near: Option<String> },
    /// It is something that is not built yet.
    Later { instead: String },
    /// It must not be zero.
    Zero,
    /// It is no selector; why, and how one is written.
    Selector { problem: String, help: &'static str },
    /// It is no regular expression; why.
    Pattern(String),
    /// It is no template.
    Template(String),
    /// It is no plain name.
    Name,
}

/// A value of this shape, `${ENV}` filled in.
pub(super) fn check(shape: &Shape, kind: ValueKind) -> Result<ValueKind, Fault> {
    match (shape, kind) {
        (Shape::Bool, kind @ ValueKind::Boolean(_)) => Ok(kind),
        (Shape::Whole(least, most), ValueKind::I64(number)) => whole(number, *least, *most),
        (Shape::Count(most), ValueKind::I64(number)) => whole(number, 1, *most),
        (Shape::Share, ValueKind::I64(number)) => share(number as f64),
        (Shape::Share, ValueKind::Float(number)) => share(number),
        (shape, ValueKind::String(text)) => check_text(shape, text),
        (Shape::OrNone(inner), kind) => check(inner, kind),
        (_, kind) => Err(Fault::Type(type_name(&kind))),
    }
}

fn whole(number: i64, least: i64, most: i64) -> Result<ValueKind, Fault> {
    let fits = (least..=most).contains(&number);
    if fits { Ok(ValueKind::I64(number)) } else { Err(Fault::Number(number.to_string())) }
}

fn share(number: f64) -> Result<ValueKind, Fault> {
    let fits = (0.0..=1.0).contains(&number);
    if fits { Ok(ValueKind::Float(number)) } else { Err(Fault::Number(number.to_string())) }
}

fn check_text(shape: &Shape, text: String) -> Result<ValueKind, Fault> {
    match shape {
        Shape::OrNone(_) if text == "none" => Ok(text),
        Shape::OrNone(inner) => return check_text(inner, text),
        Shape::Text => Ok(text),
        Shape::Path => {
            if text.is_empty() {
                Err(Fault::Value)
            } else {
                Ok(text)
            }
        }
        Shape::Name => {
            if is_plain_name(&text) {
                Ok(text)
            } else {
                Err(Fault::Name)
            }
        }
        Shape::Start => Template::parse(&text).map(|_| text).map_err(|error| Fault::Template(error.to_string())),
        Shape::Proxy => Template::parse(&text).map(|_| text).map_err(|error| Fault::Template(bare(&error).into())),
        Shape::Expect if text == "any" || text == "none" => Ok(text),
        Shape::Expect => expect(text),
        Shape::Selector => selector(text),
        Shape::LinkSelector => link_selector(text),
        Shape::Param if text.is_empty() || text.contains(['&', '=', '?']) => Err(Fault::Value),
        Shape::Param => Ok(text),
        Shape::Host => host_pattern(&text).ok_or(Fault::Value),
        Shape::Hosts if text == "start" || text == "any" => Ok(text),
        Shape::Count(_) if text == "auto" => Ok(text),
        Shape::Word(built, _) if built.contains(&text.as_str()) => Ok(text),
        Shape::Word(built, later) if later.contains(&text.as_str()) => {
            Err(Fault::Later { instead: format!("use {}", built.join(" or ")) })
        }
        Shape::Word(built, _) => Err(Fault::Word { near: suggestion(&text, built.iter().copied()) }),
        Shape::Duration(least) => {
            at_least(unit::duration(&text).map(|duration| duration.as_millis()), *least).map(|()| text)
        }
        Shape::Rate => unit::rate(&text).map(|_| text).ok_or(Fault::Value),
        Shape::Pattern(subject) => pattern(*subject, text),
        Shape::Code if is_code(&text) => Ok(text),
        Shape::Code => Err(Fault::Value),
        Shape::Size => at_least(unit::size(&text).map(u128::from), 1).map(|()| text),
        Shape::Hosts | Shape::Count(_) => Err(Fault::Value),
        Shape::Bool | Shape::Whole(..) | Shape::Share | Shape::Headers | Shape::Field(_) => Err(Fault::Type("text")),
        Shape::List(_) | Shape::Table(_) | Shape::Named(..) => Err(Fault::Type("text")),
    }
    .map(ValueKind::String)
}

fn at_least(amount: Option<u128>, least: u64) -> Result<(), Fault> {
    match amount {
        None => Err(Fault::Value),
        Some(amount) if amount < u128::from(least) => Err(Fault::Zero),
        Some(_) => Ok(()),
    }
}

fn type_name(kind: &ValueKind) -> &'static str {
    match kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "a bare number",
        ValueKind::Float(_) => "a bare number",
        ValueKind::String(_) => "text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}

/// What is wrong with the template of a proxy, without anything that stands in it.
pub(super) fn bare(error: &TemplateError) -> &'static str {
    match error {
        TemplateError::Unclosed => "a brace is opened and not closed",
        TemplateError::Unopened => "a brace is closed and was not opened",
        TemplateError::Empty(_) => "a range is empty",
        TemplateError::Reversed(_) => "a range is reversed",
        TemplateError::NotNumbers(_) => "the ends of a range are not two numbers",
        TemplateError::Neither(_) => "braces hold neither a range nor alternatives",
    }
}

fn selector(text: String) -> Result<String, Fault> {
    refuse(&text, &["xpath:", "regex:"], "use css:, json:, meta: or const:")?;
    Selector::parse(&text)?;
    Ok(text)
}

/// What does not read the page proves nothing about it.
fn expect(text: String) -> Result<String, Fault> {
    refuse(&text, &["xpath:", "regex:"], "use a CSS selector or json:/pointer")?;
    if Selector::parse(&text)?.reads_page() { Ok(text) } else { Err(Fault::Value) }
}

fn link_selector(text: String) -> Result<String, Fault> {
    refuse(&text, &["xpath:", "json:", "regex:", "meta:", "const:"], "use a CSS selector")?;
    Css::parse(text.strip_prefix("css:").unwrap_or(&text))?;
    Ok(text)
}

fn pattern(subject: Subject, text: String) -> Result<String, Fault> {
    let pattern = match subject {
        Subject::Text if text.is_empty() => return Err(Fault::Value),
        Subject::Text => &*text,
        Subject::Header => {
            let (name, value) = header_rule(&text);
            if is_header_name(name) { value } else { return Err(Fault::Value) }
        }
    };
    match Regex::new(pattern) {
        Ok(_) => Ok(text),
        // The library draws a picture; its last line says what is wrong, and shows nothing of the text.
        Err(regex::Error::Syntax(picture)) => {
            let last = picture.lines().last().unwrap_or_default();
            Err(Fault::Pattern(last.trim_start_matches("error: ").to_owned()))
        }
        Err(_) => Err(Fault::Pattern("it is too large".to_owned())),
    }
}

/// A name that reasons are counted by.
fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_';
    text.len() <= 40 && text.bytes().all(plain) && text.starts_with(|letter: char| letter.is_ascii_lowercase())
}

fn refuse(text: &str, later: &[&str], instead: &str) -> Result<(), Fault> {
    let refused = later.iter().any(|prefix| text.starts_with(prefix));
    if refused { Err(Fault::Later { instead: instead.to_owned() }) } else { Ok(()) }
}

impl From<SelectorError> for Fault {
    fn from(SelectorError { problem, help, text: _ }: SelectorError) -> Self {
        Self::Selector { problem, help }
    }
}

/// Can a folder be called so, beside others?
pub(super) fn is_plain_name(text: &str) -> bool {
    let odd = |letter: char| letter.is_control() || letter == '/' || letter == '\\';
    let trimmed = text.trim() == text && !text.is_empty() && text.len() <= 200;
    trimmed && text != "." && text != ".." && !text.contains(odd)
}

/// A host name or address, as URLs have it, with `*.` before it or not.
fn host_pattern(text: &str) -> Option<String> {
    let (star, name) = text.strip_prefix("*.").map_or(("", text), |name| ("*.", name));
    Host::parse(name).ok().filter(|_| !name.contains('*')).map(|host| format!("{star}{host}"))
}

/// A name of RFC 9110.
pub(super) fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// What to do instead of setting this header, which the transport sets or must not have.
pub(super) fn why_header_is_ours(name: &str) -> Option<&'static str> {
    match name.to_ascii_lowercase().as_str() {
        "user-agent" => Some("set fetch.user_agent"),
        "proxy-authorization" => Some("write user and password on the proxy's line"),
        "accept-encoding" => Some("leave it out: it names what can be unpacked here, gzip and deflate"),
        "host" | "connection" | "proxy-connection" | "keep-alive" | "upgrade" | "content-length"
        | "transfer-encoding" | "expect" | "date" => {
            Some("leave it out: it is sent as each request needs it, or not at all")
        }
        _ => None,
    }
}

/// What a header can hold.
pub(super) const HEADER_HELP: &str = "letters, digits and signs of ASCII, spaces and tabs between them";

/// Visible ASCII, spaces and tabs.
pub(super) fn is_header_value(text: &str) -> bool {
    text.trim() == text && text.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
}

/// A text as errors show it: in quotes, and not too long.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(100).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// A URL without the user and password in it.
pub(super) fn without_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((_, place)) => format!("{scheme}://***@{place}{path}"),
        None => text.to_owned(),
    }
}
