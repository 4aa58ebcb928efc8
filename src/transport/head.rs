//! The head of an answer, read and written anew.
//!
//! In: the bytes that came so far. Out: how the body is framed, and a head that says the same in one of the three forms
//! that awc reads right: no body, a length or chunks, or HTTP/1.0 until the connection closes. (Of HTTP/1.1 without a
//! length awc makes an empty body and reads the page as the next answer.) Pure; it knows no sockets.

use bytes::{BufMut, BytesMut};

/// awc reads 96 lines, and two of them may be ours.
const MAX_LINES: usize = 94;
/// Far more than any site needs, and less than awc's own limit.
const MAX_BYTES: usize = 64 * 1024;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// There is none.
    Empty,
    /// So many bytes are still to come.
    Length(u64),
    /// By its last chunk.
    Chunked,
    /// By the end of the connection.
    UntilClose,
}

/// A head that is complete.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// 200 to 999, or 101.
    pub(super) status: u16,
    /// What follows.
    pub(super) framing: Framing,
    /// The head as awc is to see it.
    pub(super) written: BytesMut,
}

/// What the bytes so far are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// The beginning of a head.
    Partial,
    /// An interim answer of so many bytes, to be skipped.
    Interim(usize),
    /// A head of so many bytes.
    Complete(usize, Head),
}

/// Why bytes are no head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHead {
    #[error("too large")]
    TooLarge,
    #[error("{0}")]
    NotHttp(String),
}

/// Reads the head at the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<Parsed, BadHead> {
    let mut lines = [httparse::EMPTY_HEADER; MAX_LINES];
    let mut response = httparse::Response::new(&mut lines);
    let parsed = httparse::ParserConfig::default()
        .allow_spaces_after_header_name_in_responses(true)
        .ignore_invalid_headers_in_responses(true)
        .parse_response(&mut response, bytes);
    let length = match parsed {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if bytes.len() >= MAX_BYTES => return Err(BadHead::TooLarge),
        Ok(httparse::Status::Partial) => return Ok(Parsed::Partial),
        Err(httparse::Error::TooManyHeaders) => return Err(BadHead::TooLarge),
        Err(error) => return Err(BadHead::NotHttp(error.to_string())),
    };
    let status = response.code.unwrap_or(0);
    match status {
        0..=99 => Err(BadHead::NotHttp(format!("status {status:03}"))),
        100 | 102..=199 => Ok(Parsed::Interim(length)),
        _ => Ok(Parsed::Complete(length, rewrite(status, response.version == Some(1), response.headers)?)),
    }
}

/// What the lines of a head say about framing and connection.
#[derive(Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
}

fn rewrite(status: u16, modern: bool, lines: &[httparse::Header<'_>]) -> Result<Head, BadHead> {
    let said = framing_lines(lines)?;
    let bodiless = matches!(status, 101 | 204 | 304);
    let framing = match said {
        _ if bodiless => Framing::Empty,
        Said { chunked: true, .. } => Framing::Chunked,
        Said { length: Some(length), .. } => Framing::Length(length),
        Said { .. } => Framing::UntilClose,
    };
    // A server that announces what cannot follow, or frames in two ways, is not trusted with a second request.
    let ambiguous = match framing {
        Framing::Empty => status == 101 || said.chunked || said.length.is_some_and(|length| length > 0),
        Framing::Chunked => !modern || said.length.is_some(),
        Framing::Length(_) | Framing::UntilClose => false,
    };
    let persistent = !ambiguous && !said.close && (modern || said.keep_alive) && framing != Framing::UntilClose;
    Ok(Head { status, framing, written: write(status, framing, persistent, lines) })
}

fn framing_lines(lines: &[httparse::Header<'_>]) -> Result<Said, BadHead> {
    let mut said = Said::default();
    for line in lines {
        let value = std::str::from_utf8(line.value).unwrap_or("?");
        let tokens = value.split(',').map(str::trim).filter(|token| !token.is_empty());
        if line.name.eq_ignore_ascii_case("content-length") {
            for token in value.split(',').map(str::trim) {
                let length = length_of(token).filter(|length| said.length.is_none_or(|earlier| earlier == *length));
                said.length = Some(length.ok_or_else(|| BadHead::NotHttp(format!("content-length {value:?}")))?);
            }
        } else if line.name.eq_ignore_ascii_case("transfer-encoding") {
            for token in tokens.filter(|token| !token.eq_ignore_ascii_case("identity")) {
                if said.chunked || !token.eq_ignore_ascii_case("chunked") {
                    return Err(BadHead::NotHttp(format!("transfer-encoding {value:?}")));
                }
                said.chunked = true;
            }
        } else if line.name.eq_ignore_ascii_case("connection") {
            for token in tokens {
                said.close |= token.eq_ignore_ascii_case("close");
                said.keep_alive |= token.eq_ignore_ascii_case("keep-alive");
            }
        }
    }
    Ok(said)
}

fn length_of(token: &str) -> Option<u64> {
    token.bytes().all(|byte| byte.is_ascii_digit()).then(|| token.parse().ok())?
}

fn write(status: u16, framing: Framing, persistent: bool, lines: &[httparse::Header<'_>]) -> BytesMut {
    const OURS: [&str; 6] =
        ["content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "proxy-connection"];
    let weight: usize = lines.iter().map(|line| line.name.len() + line.value.len() + 4).sum();
    let mut head = BytesMut::with_capacity(weight + 96);
    let version = if framing == Framing::UntilClose { "HTTP/1.0" } else { "HTTP/1.1" };
    put(&mut head, &[version, " ", &status.to_string(), " \r\n"]);
    match framing {
        Framing::Length(length) => put(&mut head, &["content-length: ", &length.to_string(), "\r\n"]),
        Framing::Chunked => put(&mut head, &["transfer-encoding: chunked\r\n"]),
        Framing::Empty | Framing::UntilClose => {}
    }
    if !persistent {
        put(&mut head, &["connection: close\r\n"]);
    }
    for line in lines.iter().filter(|line| !OURS.iter().any(|ours| line.name.eq_ignore_ascii_case(ours))) {
        put(&mut head, &[line.name, ": "]);
        head.put_slice(line.value);
        head.put_slice(b"\r\n");
    }
    head.put_slice(b"\r\n");
    head
}

fn put(head: &mut BytesMut, parts: &[&str]) {
    parts.iter().for_each(|part| head.put_slice(part.as_bytes()));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            Just("Content-Length: 12".to_owned()),
            Just("transfer-encoding: Chunked".to_owned()),
            Just("Connection: close".to_owned()),
            Just("Connection: keep-alive, x".to_owned()),
            Just("Upgrade: websocket".to_owned()),
            "X-[a-z]{1,8}: [ -~]{0,20}",
        ];
        proptest::collection::vec(line, 0..6).prop_map(|lines| lines.iter().map(|line| format!("{line}\r\n")).collect())
    }

    proptest! {
        #[test]
        fn a_head_is_partial_until_its_last_byte_and_the_same_with_whatever_follows(
            minor in 0..2, status in 200u16..600, lines in lines(), rest in "[ -~]{0,40}",
        ) {
            let head = format!("HTTP/1.{minor} {status} Words\r\n{lines}\r\n");
            for cut in 0..head.len() {
                prop_assert_eq!(parse(&head.as_bytes()[..cut]), Ok(Parsed::Partial));
            }
            let parsed = parse(head.as_bytes());
            let complete = matches!(&parsed, Ok(Parsed::Complete(length, _)) if *length == head.len());
            prop_assert!(complete || matches!(parsed, Err(BadHead::NotHttp(_))));
            prop_assert_eq!(parse((head + &rest).as_bytes()), parsed);
        }

        #[test]
        fn a_head_that_was_written_anew_says_the_same(minor in 0..2, status in 200u16..600, lines in lines()) {
            let head = format!("HTTP/1.{minor} {status} Words\r\n{lines}\r\n");
            let Ok(Parsed::Complete(_, first)) = parse(head.as_bytes()) else { return Ok(()) };
            let Ok(Parsed::Complete(length, second)) = parse(&first.written) else {
                return Err(TestCaseError::fail("it cannot be read"));
            };
            prop_assert_eq!((length, second.status, second.framing), (first.written.len(), status, first.framing));
            let others = |text: &str| -> Vec<(String, String)> {
                let fields = text.lines().filter(|line| line.starts_with("X-")).filter_map(|line| line.split_once(':'));
                fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
            };
            let written = String::from_utf8_lossy(&first.written).into_owned();
            prop_assert_eq!(others(&written), others(&head));
            prop_assert_eq!(written.starts_with("HTTP/1.0"), first.framing == Framing::UntilClose);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
            let _ = parse(&[b"HTTP/1.1 200 OK\r\n", &bytes[..]].concat());
        }
    }
}
