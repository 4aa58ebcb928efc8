//! HTTP/1.1 as it lies on the wire: heads, and bodies by their framing, read from one side and passed on to another.
//!
//! Shared by the practice site and the proxies, which must be able to misbehave where a server library would not let them.
//! It knows nothing of pages or faults.

use std::io;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest head that is read, in bytes: far beyond what a crawler sends.
const MAX_HEAD: usize = 64 * 1024;
/// The most header fields of one head.
const MAX_FIELDS: usize = 64;
/// Between two bytes of what trickles.
pub(super) const DRIP: Duration = Duration::from_millis(50);
/// Lines that make a head longer, again and again.
pub(super) const ENDLESS_HEAD: &[u8] =
    b"X-More: and more\r\nX-More: and more\r\nX-More: and more\r\nX-More: and more\r\n";

/// Header fields, in their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(pub(super) Vec<(String, String)>);

impl Fields {
    fn of(parsed: &[httparse::Header<'_>]) -> Self {
        Self(parsed.iter().map(|f| (f.name.to_owned(), String::from_utf8_lossy(f.value).into_owned())).collect())
    }

    /// The first value of a field.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Another value for a field that is there.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        for (_, old) in self.0.iter_mut().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
            value.clone_into(old);
        }
    }

    fn framing(&self, otherwise: Framing) -> io::Result<Framing> {
        if self.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            return Ok(Framing::Chunked);
        }
        self.get("content-length").map_or(Ok(otherwise), |value| {
            value.trim().parse().map(Framing::Length).map_err(|_| malformed("content-length is not a number"))
        })
    }
}

/// How a body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// After so many bytes; 0 is no body.
    Length(u64),
    /// With its last chunk.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// The head of a request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) fields: Fields,
}

impl Request {
    pub(super) fn framing(&self) -> io::Result<Framing> {
        self.fields.framing(Framing::Length(0))
    }

    /// Does the sender give up the connection after this one?
    pub(super) fn closes(&self) -> bool {
        self.fields.get("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) fields: Fields,
}

impl Response {
    /// How the body of this answer to a request with `method` ends.
    pub(super) fn framing(&self, method: &str) -> io::Result<Framing> {
        if method == "HEAD" || matches!(self.status, 100..=199 | 204 | 304) {
            return Ok(Framing::Length(0));
        }
        self.fields.framing(Framing::UntilClose)
    }
}

/// A stream, and what was read from it beyond what was asked for.
#[derive(Debug)]
pub(super) struct Wire<S> {
    pub(super) stream: S,
    buffer: BytesMut,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(4096) }
    }

    /// Waits until something is there to read; `false`: the other side has closed.
    pub(super) async fn ready(&mut self) -> io::Result<bool> {
        Ok(!self.buffer.is_empty() || self.fill().await? > 0)
    }

    /// The head of the next request; `None`: the other side has closed instead.
    pub(super) async fn request(&mut self) -> io::Result<Option<Request>> {
        let Some(block) = self.head().await? else { return Ok(None) };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Request::new(&mut fields);
        parsed.parse(&block).map_err(malformed)?;
        let (Some(method), Some(target)) = (parsed.method, parsed.path) else {
            return Err(malformed("no request line"));
        };
        Ok(Some(Request { method: method.into(), target: target.into(), fields: Fields::of(parsed.headers) }))
    }

    /// The head of the next answer; `None`: the other side has closed instead.
    pub(super) async fn response(&mut self) -> io::Result<Option<Response>> {
        let Some(block) = self.head().await? else { return Ok(None) };
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(&block).map_err(malformed)?;
        let status = parsed.code.ok_or_else(|| malformed("no status line"))?;
        Ok(Some(Response { status, fields: Fields::of(parsed.headers) }))
    }

    pub(super) async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Passes a body on to `to`, byte by byte as it comes.
    pub(super) async fn pass_body(
        &mut self,
        framing: Framing,
        to: &mut (impl AsyncWrite + Unpin + Send),
    ) -> io::Result<()> {
        match framing {
            Framing::Length(length) => self.pass(length, to).await?,
            Framing::Chunked => self.pass_chunks(to).await?,
            Framing::UntilClose => {
                while self.ready().await? {
                    to.write_all(&self.buffer.split()).await?;
                }
            }
        }
        to.flush().await
    }

    /// Passes on exactly `left` bytes.
    pub(super) async fn pass(&mut self, mut left: u64, to: &mut (impl AsyncWrite + Unpin + Send)) -> io::Result<()> {
        while left > 0 {
            if !self.ready().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let take = self.buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            to.write_all(&self.buffer.split_to(take)).await?;
            left -= take as u64;
        }
        Ok(())
    }

    async fn pass_chunks(&mut self, to: &mut (impl AsyncWrite + Unpin + Send)) -> io::Result<()> {
        loop {
            let line = self.line().await?;
            let Ok(httparse::Status::Complete((_, size))) = httparse::parse_chunk_size(&line) else {
                return Err(malformed("no chunk size where one must be"));
            };
            to.write_all(&line).await?;
            if size == 0 {
                break;
            }
            // The chunk's bytes end with a line end that its size does not count.
            self.pass(size + 2, to).await?;
        }
        loop {
            let trailer = self.line().await?;
            to.write_all(&trailer).await?;
            if trailer.as_ref() == b"\r\n" {
                return Ok(());
            }
        }
    }

    /// What came in beyond what was asked for.
    pub(super) fn into_parts(self) -> (S, Bytes) {
        (self.stream, self.buffer.freeze())
    }

    async fn head(&mut self) -> io::Result<Option<Bytes>> {
        if !self.ready().await? {
            return Ok(None);
        }
        self.through(b"\r\n\r\n").await.map(Some)
    }

    async fn line(&mut self) -> io::Result<Bytes> {
        self.through(b"\r\n").await
    }

    /// Everything up to and with `end`.
    async fn through(&mut self, end: &[u8]) -> io::Result<Bytes> {
        loop {
            if let Some(at) = self.buffer.windows(end.len()).position(|window| window == end) {
                return Ok(self.buffer.split_to(at + end.len()).freeze());
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(malformed("a head without an end"));
            }
            if self.fill().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn fill(&mut self) -> io::Result<usize> {
        if !self.buffer.has_remaining() {
            self.buffer.reserve(4096);
        }
        self.stream.read_buf(&mut self.buffer).await
    }
}

fn malformed(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs what a peer writes through a `Wire` whose stream delivers it in pieces of `piece` bytes.
    async fn over(bytes: &'static [u8], piece: usize) -> Wire<tokio::io::DuplexStream> {
        let (mut near, far) = tokio::io::duplex(piece);
        tokio::spawn(async move { near.write_all(bytes).await });
        Wire::new(far)
    }

    #[actix_rt::test]
    async fn bodies_are_passed_on_exactly_by_each_framing_and_the_next_head_is_found_behind_them() {
        const CHUNKED: &[u8] = b"4\r\nWiki\r\n9;x=y\r\npe\r\n\r\ndia\r\n0\r\nTrailer: t\r\n\r\n";
        for piece in [1, 3, 64] {
            let stream: &'static [u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                4\r\nWiki\r\n9;x=y\r\npe\r\n\r\ndia\r\n0\r\nTrailer: t\r\n\r\n\
                HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 404 Not Found\r\n\r\nrest";
            let mut wire = over(stream, piece).await;
            let mut out = Vec::new();
            let first = wire.response().await.unwrap().unwrap();
            wire.pass_body(first.framing("GET").unwrap(), &mut out).await.unwrap();
            assert_eq!(out, CHUNKED);
            let second = wire.response().await.unwrap().unwrap();
            out.clear();
            wire.pass_body(second.framing("GET").unwrap(), &mut out).await.unwrap();
            assert_eq!(out, b"abc");
            let third = wire.response().await.unwrap().unwrap();
            assert_eq!((third.status, third.framing("GET").unwrap()), (404, Framing::UntilClose));
            out.clear();
            wire.pass_body(Framing::UntilClose, &mut out).await.unwrap();
            assert_eq!(out, b"rest");
        }
    }

    #[actix_rt::test]
    async fn a_body_that_ends_early_is_an_error() {
        let mut wire = over(b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc", 8).await;
        let head = wire.response().await.unwrap().unwrap();
        let error = wire.pass_body(head.framing("GET").unwrap(), &mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[actix_rt::test]
    async fn an_orderly_end_between_heads_is_no_error_and_one_inside_a_head_is() {
        assert!(over(b"", 8).await.request().await.unwrap().is_none());
        assert!(over(b"GET / HTTP/1.1\r\nHos", 8).await.request().await.is_err());
    }
}
