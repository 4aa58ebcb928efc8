//! Answers that are traps: how the bytes of a page can be sent so that a careless crawler takes them for something else.
//!
//! Pure. In comes a page; out come the bytes that are sent for it, and what follows them.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

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
    /// The page, with 9 MiB of other things before it.
    Huge,
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
}

const BOMB: usize = 64 << 20;
const ENDLESS: usize = 1 << 20;
const HUGE: usize = 9 << 20;
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n";

impl Hostile {
    /// Is the page in there, whole?
    pub(super) const fn is_whole(self) -> bool {
        match self {
            Self::NoLength | Self::Huge => true,
            Self::CutChunks | Self::Bomb | Self::Trickle | Self::Garbage | Self::EndlessHead => false,
        }
    }

    /// What follows.
    pub(super) const fn after(self) -> After {
        match self {
            Self::Huge | Self::Bomb => After::Next,
            Self::NoLength => After::Close,
            Self::CutChunks | Self::Garbage | Self::EndlessHead => After::Cut,
            Self::Trickle => After::Drip,
        }
    }

    /// The bytes that are sent for `page`.
    pub(super) fn bytes(self, page: &[u8]) -> Vec<u8> {
        match self {
            Self::CutChunks => {
                let half = &page[..page.len() / 2];
                let size = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", half.len());
                [size.as_bytes(), half, b"\r\n"].concat()
            }
            Self::NoLength => [HEAD.as_bytes(), b"\r\n", page].concat(),
            Self::Bomb => with_length("Content-Encoding: gzip\r\n", &bomb()),
            Self::Trickle => format!("{HEAD}Content-Length: {}\r\n\r\n", page.len()).into_bytes(),
            Self::Garbage => b"\x00\x17garbage\xff\xfe no HTTP at all\n\n".to_vec(),
            Self::EndlessHead => format!("{HEAD}{}", "X-More: and more\r\n".repeat(ENDLESS / 18)).into_bytes(),
            Self::Huge => {
                let filler = "<p>filler</p>".repeat(HUGE / 13);
                let page = String::from_utf8_lossy(page);
                with_length("", page.replacen("<body>", &format!("<body>{filler}"), 1).as_bytes())
            }
        }
    }
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
