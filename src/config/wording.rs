//! What a shape is called, and how it is written.
//!
//! A shape comes in, the words for errors about it go out. They are the same whatever the key.

use super::schema::COUNT;
use super::schema::Shape::{
    self, Bool, Duration, Expect, Field, Headers, Host, Hosts, LinkSelector, List, Name, Named, Param, Path, Proxy,
    Selector, Share, Size, Start, Table, Text, Whole, Word,
};

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
}
