//! `[ban]` and `[[ban.rule]]`: what they may hold.
//!
//! A part of the table in `schema.rs`, which says how it is read.

use super::Shape::{self, LinkSelector, List, Table, Whole};
use super::{ANY_TIME, Key, SOME_TIME, STATUSES, Subject, built, required};

const PATTERN: Shape = Shape::Pattern(Subject::Text);

pub(super) const BAN: &[Key] = &[
    built("status", STATUSES),
    built("select", List(&LinkSelector)),
    built("body", List(&PATTERN)),
    built("url", List(&PATTERN)),
    built("rule", List(&Table(RULE))),
    built("cooldown", ANY_TIME),
    built("max_wait", SOME_TIME),
];

const RULE: &[Key] = &[
    required("name", Shape::Code),
    built("status", Whole(100, 599)),
    built("select", LinkSelector),
    built("body", PATTERN),
    built("url", PATTERN),
    built("header", Shape::Pattern(Subject::Header)),
];
