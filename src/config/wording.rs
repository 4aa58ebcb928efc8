//! What a shape is called, how it is written, and what is said of a value that does not have it.
//!
//! A shape and a fault come in, the words for errors go out. They are the same whatever the key.

use super::schema::COUNT;
use super::schema::Shape::{
    self, Bool, Duration, Expect, Field, Headers, Host, Hosts, LinkSelector, List, Name, Named, Param, Path, Proxy,
    Selector, Share, Size, Start, Table, Text, Whole, Word,
};
use super::schema::Subject;
use super::text::{self, Fault};

impl Shape {
    /// What is expected, for `… is text, not …`.
    pub(super) fn expected(&self) -> String {
        match self {
            Bool => "true or false".into(),
            Text | Name | Path | Start | Proxy => "text".into(),
            Selector => "a selector".into(),
            LinkSelector => "a CSS selector".into(),
            Expect => "\"any\", \"none\", a CSS selector or json:/pointer".into(),
            Param => "the name of a parameter".into(),
            Hosts => "\"start\", \"any\" or a list of host names".into(),
            Host => "a host name".into(),
            Word(built, _) => match built {
                [only] => format!("{only:?}"),
                _ => format!("one of {}", built.join(", ")),
            },
            Whole(0, COUNT) => "a whole number".into(),
            Whole(least, COUNT) => format!("a whole number from {least}"),
            Whole(least, most) => format!("a whole number from {least} to {most}"),
            Shape::Count(most) => format!("\"auto\" or a whole number from 1 to {most}"),
            Share => "a number from 0 to 1".into(),
            Shape::OrNone(inner) => format!("\"none\" or {}", inner.expected()),
            Duration(_) => "a duration".into(),
            Size => "a size".into(),
            Shape::Rate => "a rate".into(),
            Shape::Pattern(Subject::Text) => "a regular expression".into(),
            Shape::Pattern(Subject::Header) => {
                "the name of a header, perhaps with a colon and a regular expression".into()
            }
            Shape::Code => "a short name".into(),
            Field(_) => "a selector or a table".into(),
            List(_) => "a list".into(),
            Headers | Table(_) | Named(..) => "a table".into(),
        }
    }

    /// How it is written.
    pub(super) const fn help(&self) -> &'static str {
        match self {
            Shape::OrNone(inner) => inner.help(),
            Duration(_) => "write it in quotes with a unit of ms, s, m or h: \"1.5s\", \"250ms\", \"5m\", \"2h\"",
            Size => "write it in quotes with a unit: \"500kB\", \"10MiB\"",
            Shape::Rate => "write it in quotes with a unit of s, min or h: \"20/s\", \"30/min\", \"500/h\"",
            Shape::Pattern(Subject::Text) => "write in single quotes what is searched for: '(?i)access denied'",
            Shape::Pattern(Subject::Header) => "for example \"retry-after\", or \"server: (?i)guard\"",
            Shape::Code => "small letters, digits, - and _, a letter first: \"captcha\"",
            Bool => "write true or false, without quotes",
            Whole(..) => "write a whole number, without quotes",
            Share => "write a number, without quotes",
            Expect => "write in quotes what only a real page has",
            Param => "write a name, with * for any text: \"utm_*\", \"sid\"",
            Text | Name | Path | Start | Proxy | Selector | LinkSelector | Word(..) => "write it in quotes",
            Host => "write names without scheme and port: \"shop.example\", or \"*.shop.example\" for all below it",
            Hosts => "for example \"start\", or [\"shop.example\", \"*.shop.example\"]",
            Shape::Count(_) => "for example \"auto\" in quotes, or 20 without",
            Field(_) => "for example \"h2\", or { select = \"a\", attr = \"href\" }",
            List(Table(_)) => "write its name in double brackets, or put [{ … }] behind it",
            List(_) => "put it in square brackets",
            Headers | Table(_) | Named(..) => "write { key = value }, or a section of its own",
        }
    }

    /// What is wrong with the value at `path`, and what to do: `written` is that value as it stands in the config.
    pub(super) fn complaint(&self, path: &str, fault: &Fault, written: &str) -> (String, String) {
        let shape = self;
        let written = match shape {
            Shape::Selector | Shape::LinkSelector | Shape::Expect | Shape::Pattern(_) => text::shortened(written),
            _ => text::shortened(&text::without_userinfo(written)),
        };
        match fault {
            Fault::Type(actual) => (format!("{path:?} is {actual}, not {}", shape.expected()), shape.help().into()),
            Fault::Value => (format!("{path:?} is not {}: {written}", shape.expected()), shape.help().into()),
            Fault::Number(number) => (format!("{path:?} is not {}: {number}", shape.expected()), String::new()),
            Fault::Word { near } => (
                format!("{path:?} is not {}: {written}", shape.expected()),
                near.clone().unwrap_or_else(|| format!("write {}", shape.expected())),
            ),
            Fault::Later { instead } => (format!("{path:?} = {written} is not built yet"), (*instead).to_owned()),
            Fault::Zero => (format!("{path:?} cannot be zero"), shape.help().into()),
            Fault::Selector { problem, help } => {
                (format!("{path:?} is no selector that can be read, {problem}: {written}"), (*help).to_owned())
            }
            Fault::Pattern(problem) => (
                format!("{path:?} is no regular expression that can be read, {problem}: {written}"),
                shape.help().into(),
            ),
            Fault::Template(error) => (
                format!("{path:?} is not a template: {error}"),
                "ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}".into(),
            ),
            Fault::Name => (
                format!("{path:?} is not a plain name: {written}"),
                "the run's folder is called so: no slashes, no control characters, not . or ..".into(),
            ),
        }
    }
}
