//! Every key of a config: what it may hold, and whether it is built.
//!
//! One table, in the order in which settings are shown. It only says what is so; `check` holds a config against it.

mod ban;
mod outage;
mod robots;

use Shape::{
    Bool, Duration, Expect, Field, Headers, Hosts, LinkSelector, List, Name, Named, Param, Path, Proxy, Selector,
    Share, Size, Start, Table, Text, Whole, Word,
};

/// What a value must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    /// `true` or `false`.
    Bool,
    /// Any text.
    Text,
    /// The name of a folder.
    Name,
    /// A path.
    Path,
    /// A template of start URLs.
    Start,
    /// A template of proxies; never shown.
    Proxy,
    /// A selector: of CSS, or with a prefix.
    Selector,
    /// A CSS selector.
    LinkSelector,
    /// `"any"`, `"none"` or a selector that reads the page.
    Expect,
    /// The name of a URL's parameter, with `*` in it or not.
    Param,
    /// `"start"`, `"any"` or a list of host names.
    Hosts,
    /// A host name, with `*.` before it or not.
    Host,
    /// One of a few words; further words that are not built yet.
    Word(&'static [&'static str], &'static [&'static str]),
    /// A whole number between these two.
    Whole(i64, i64),
    /// `"auto"`, or a whole number from 1 to this.
    Count(i64),
    /// From 0 to 1.
    Share,
    /// A duration of at least this many milliseconds.
    Duration(u64),
    /// A size of at least one byte.
    Size,
    /// A number per second, minute or hour.
    Rate,
    /// A regular expression, or behind a prefix such as `name: ` one.
    Pattern(Subject),
    /// A short name that logs and reports are grouped by.
    Code,
    /// `"none"`, or what the other shape takes.
    OrNone(&'static Self),
    /// A table of header names and values.
    Headers,
    /// A bare selector, or a table of these keys.
    Field(&'static [Key]),
    /// A list.
    List(&'static Self),
    /// A table of these keys.
    Table(&'static [Key]),
    /// A table whose keys the user chooses.
    Named(Names, &'static Self),
}

/// What a regular expression is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A text by itself.
    Text,
    /// The value of a header, whose name comes first.
    Header,
}

/// Whose names the keys of a table are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Of stages.
    Stages,
    /// Of fields: some are reserved.
    Fields,
}

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) state: State,
}

/// What becomes of a key.
#[derive(Clone, Copy, Debug)]
pub(super) enum State {
    /// It is read.
    Built(Shape),
    /// It is read, and a table of a list cannot be without it.
    Required(Shape),
    /// The contract has it, this version has not; below it, the keys that it will have.
    Later(&'static [&'static str]),
}

const fn built(name: &'static str, shape: Shape) -> Key {
    Key { name, state: State::Built(shape) }
}

const fn required(name: &'static str, shape: Shape) -> Key {
    Key { name, state: State::Required(shape) }
}

const fn later(name: &'static str) -> Key {
    Key { name, state: State::Later(&[]) }
}

const fn later_section(name: &'static str, keys: &'static [&'static str]) -> Key {
    Key { name, state: State::Later(keys) }
}

/// The largest count of things that have a number of 16 bits: workers, their slots.
const MOST: i64 = u16::MAX as i64;
pub(super) const COUNT: i64 = u32::MAX as i64;
const STATUSES: Shape = List(&Whole(100, 599));
const ANY_TIME: Shape = Duration(0);
const SOME_TIME: Shape = Duration(1);
const AT_MOST: Shape = Shape::OrNone(&Whole(1, COUNT));

/// Names that no field may have: they are keys of a stage, and below `[stage.x.fields]` most likely misplaced.
pub(super) const RESERVED: &[&str] = &["expect", "links", "each", "next", "fields", "request"];

/// The whole config.
pub(super) const ROOT: &[Key] = &[
    built("crawl", Table(CRAWL)),
    built("stage", Named(Names::Stages, &Table(STAGE))),
    built("proxies", Table(PROXIES)),
    later_section("session", &["cookies", "login", "logged_in", "accounts"]),
    built("pace", Table(PACE)),
    built("fetch", Table(FETCH)),
    built("retry", Table(RETRY)),
    built("ban", Table(ban::BAN)),
    built("health", Table(HEALTH)),
    built("outage", Table(outage::OUTAGE)),
    built("robots", Table(robots::ROBOTS)),
    built("feed", List(&Table(FEED))),
    built("frontier", Table(FRONTIER)),
    built("log", Table(LOG)),
    later_section("web", &["listen"]),
    built("limits", Table(LIMITS)),
    later_section("guard", &["hook", "rot"]),
    built("supervisor", Table(SUPERVISOR)),
];

const CRAWL: &[Key] = &[
    built("name", Name),
    built("start", List(&Start)),
    built("start_file", Path),
    built("start_stage", Text),
    built("hosts", Hosts),
    built("drop_params", List(&Param)),
    built("workers", Shape::Count(MOST)),
    later("in_flight"),
    built("threads", Shape::Count(1024)),
    built("data_dir", Path),
    built("keep_pages", Word(&["none", "failed", "all"], &[])),
];

const STAGE: &[Key] = &[
    built("expect", Expect),
    later("url"),
    later("request"),
    built("links", List(&Table(LINK))),
    later("each"),
    later("next"),
    built("priority", Whole(i32::MIN as i64, i32::MAX as i64)),
    built("affinity", Word(&["none", "referrer"], &[])),
    built("fields", Named(Names::Fields, &Field(FIELD))),
];

const LINK: &[Key] = &[
    required("select", LinkSelector),
    built("attr", Text),
    required("to", Text),
    later("match"),
    later("max_depth"),
    later("carry"),
    later("url"),
];

const FIELD: &[Key] = &[
    required("select", Selector),
    built("attr", Text),
    built("all", Bool),
    built("join", Text),
    built("required", Bool),
    built("type", Word(&["text"], &["number", "date", "url", "html"])),
    later("page"),
];

const PROXIES: &[Key] = &[
    built("file", Path),
    built("list", List(&Proxy)),
    built("scheme", Word(&["http", "https", "socks5", "socks5h"], &[])),
    built("direct", Bool),
    built("order", Word(&["best", "least-used", "file"], &[])),
    built("rotating", Bool),
    built("max_requests", AT_MOST),
    built("max_bytes", Shape::OrNone(&Size)),
    built("max_age", Shape::OrNone(&SOME_TIME)),
    built("wait", ANY_TIME),
];

const PACE: &[Key] = &[
    built("delay", ANY_TIME),
    built("jitter", Share),
    built("host_rate", Shape::OrNone(&Shape::Rate)),
    built("host_in_flight", AT_MOST),
    built("adaptive", Bool),
    built("retry_after_max", ANY_TIME),
];

const FETCH: &[Key] = &[
    built("connect_timeout", SOME_TIME),
    built("head_timeout", SOME_TIME),
    built("timeout", SOME_TIME),
    built("max_body", Size),
    built("max_redirects", Whole(0, 100)),
    built("user_agent", Text),
    built("headers", Headers),
    built("allow_private", Bool),
    built("insecure_tls", Bool),
    built("ca_file", Path),
];

const RETRY: &[Key] = &[
    built("attempts", Whole(1, COUNT)),
    built("witnesses", Whole(1, COUNT)),
    built("max_requests", Whole(1, COUNT)),
    built("status", STATUSES),
    built("gone", STATUSES),
    built("backoff", ANY_TIME),
    built("backoff_max", ANY_TIME),
];

const HEALTH: &[Key] = &[
    built("max_errors", Whole(1, COUNT)),
    built("decay", Share),
    built("cooldown", ANY_TIME),
    built("cooldown_max", ANY_TIME),
    built("max_cooldowns", AT_MOST),
    built("max_silent", Whole(1, COUNT)),
];

const FEED: &[Key] = &[
    required("kind", Word(&["jsonl", "csv", "sqlite"], &[])),
    required("path", Path),
    built("bom", Bool),
    built("compress", Word(&["none", "zstd", "gzip"], &[])),
    built("stages", List(&Text)),
    built(
        "meta",
        List(&Word(&["url", "stage", "fetched_at", "proxy", "status", "attempts", "referrer", "start_url"], &[])),
    ),
    built("if_exists", Word(&["refuse", "append"], &[])),
];

const FRONTIER: &[Key] = &[
    built("kind", Word(&["memory", "sqlite"], &["redis"])),
    later("url"),
    later("lease"),
    built("keep_records", Bool),
    built("max_lag", Size),
];

const LOG: &[Key] = &[
    built("format", Word(&["auto", "text", "json"], &[])),
    built("level", Word(&["error", "warn", "info", "debug", "trace"], &[])),
    built("heartbeat", SOME_TIME),
    built("file", Path),
    later("file_level"),
    later("rotate"),
    later("keep"),
];

const LIMITS: &[Key] = &[
    built("pages", AT_MOST),
    built("records", AT_MOST),
    built("duration", Shape::OrNone(&SOME_TIME)),
    built("bytes", Shape::OrNone(&Size)),
    built("depth", Shape::OrNone(&Whole(0, COUNT))),
    built("dead_letters", AT_MOST),
    built("min_free", Shape::OrNone(&Size)),
];

const SUPERVISOR: &[Key] = &[built("max_restarts", Whole(0, COUNT)), built("window", SOME_TIME)];
