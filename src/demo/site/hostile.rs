//! Answers that are traps: how the bytes of a page can be sent so that a careless crawler takes them for something else.
//!
//! Pure. In comes a page; out come the bytes that are sent for it, and what follows them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::demo::wire::ENDLESS_HEAD;

/// One trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hostile {
    /// Chunked, and the end of the connection instead of the last chunks.
    CutChunks,
    /// Neither a length nor chunks: the page ends with the connection.
    NoLength,
    /// Some kilobytes of gzip that unpack to 64 MiB.
    Bomb,
    /// The whole head, then a byte now and then.
    Trickle,
    /// No HTTP at all.
    Garbage,
    /// A head of 1 MiB that has no end.
    EndlessHead,
    /// The page, and more after it without an end.
    Endless,
    /// The page, with 9 MiB of other things before it.
    Huge,
    /// The page, with so many links more: each of its own again and again, with other fragments.
    Links {
        /// How many.
        count: u32,
    },
}

/// What follows the bytes of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The next request.
    Next,
    /// The end of the connection, in order.
    Close,
    /// The end of the connection, TLS or not.
    Cut,
    /// A byte now and then, until the visitor has enough.
    Drip,
    /// Chunks without an end, until the visitor has enough.
    Flood,
    /// Nothing, until the visitor has enough.
    Silence,
    /// A reset of the connection.
    Reset,
}

const BOMB: usize = 64 << 20;
const ENDLESS: usize = 1 << 20;
const HUGE: usize = 9 << 20;
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n";

impl Hostile {
    /// Is the page in there, whole?
    pub(super) const fn is_whole(self) -> bool {
        match self {
            Self::NoLength | Self::Huge | Self::Links { .. } => true,
            Self::CutChunks | Self::Bomb | Self::Trickle | Self::Garbage | Self::EndlessHead | Self::Endless => false,
        }
    }

    /// What follows.
    pub(super) const fn after(self) -> After {
        match self {
            Self::Huge | Self::Bomb | Self::Links { .. } => After::Next,
            Self::Endless => After::Flood,
            Self::NoLength => After::Close,
            Self::CutChunks | Self::Garbage | Self::EndlessHead => After::Cut,
            Self::Trickle => After::Drip,
        }
    }

    /// The bytes that are sent for `page`.
    pub(super) fn bytes(self, page: &[u8]) -> Vec<u8> {
        match self {
            Self::CutChunks => first_chunk(&page[..page.len() / 2]),
            Self::Endless => first_chunk(page),
            Self::NoLength => [HEAD.as_bytes(), b"\r\n", page].concat(),
            Self::Bomb => with_length("Content-Encoding: gzip\r\n", &bomb()),
            Self::Trickle => format!("{HEAD}Content-Length: {}\r\n\r\n", page.len()).into_bytes(),
            Self::Garbage => b"\x00\x17garbage\xff\xfe no HTTP at all\n\n".to_vec(),
            Self::EndlessHead => [HEAD.as_bytes(), &ENDLESS_HEAD.repeat(ENDLESS / ENDLESS_HEAD.len())].concat(),
            Self::Huge => with_length("", &with_more(page, &"<p>filler</p>".repeat(HUGE / 13))),
            Self::Links { count } => with_length("", &with_more(page, &more_links(page, count))),
        }
    }
}

/// What a flood is made of: one chunk.
pub(super) fn flood() -> Vec<u8> {
    chunk(&b"<p>and so on</p>\n".repeat(1000))
}

fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn first_chunk(bytes: &[u8]) -> Vec<u8> {
    [HEAD.as_bytes(), b"Transfer-Encoding: chunked\r\n\r\n", &chunk(bytes)].concat()
}

/// The page with this before everything else.
fn with_more(page: &[u8], more: &str) -> Vec<u8> {
    String::from_utf8_lossy(page).replacen("<body>", &format!("<body>{more}"), 1).into_bytes()
}

/// So many links to where the links of a page lead, in turn.
fn more_links(page: &[u8], count: u32) -> String {
    let page = String::from_utf8_lossy(page);
    let targets: Vec<&str> =
        page.split("<a class=\"name\" href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let links = targets.iter().cycle().zip(0..count);
    links.map(|(target, nth)| format!("<a class=\"name\" href=\"{target}#{nth}\">more</a>\n")).collect()
}

fn with_length(lines: &str, body: &[u8]) -> Vec<u8> {
    [format!("{HEAD}{lines}Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

fn bomb() -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    let zeros = vec![0; 1 << 20];
    for _ in 0..BOMB / zeros.len() {
        // A vector takes whatever is written to it.
        let _ = packed.write_all(&zeros);
    }
    packed.finish().unwrap_or_default()
}
