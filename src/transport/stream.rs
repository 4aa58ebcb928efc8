//! The stream that awc reads and writes: it keeps awc from believing what is not so.
//!
//! In: a connection that is ready for requests. Out: the same bytes, except that each request loses the lines that awc adds
//! on its own, each answer's head is written anew ([`super::head`]), and an end inside a body is an error instead of a
//! short page. It must not know where it leads, only whether a proxy could have made the answer up.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use actix_rt::net::{ActixStream, Ready};
use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::failure::Failure;
use super::head::{self, BadHead, Framing, Parsed};
use super::line::Line;
use super::request::Order;
use super::wire::Wire;

/// Who speaks at the other end of the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    /// A proxy: it can make up whatever it likes.
    Proxy,
    /// The site, inside its TLS or without a proxy.
    Site,
}

enum Phase {
    /// No request is out.
    Idle,
    /// A request is out, and its answer's head is awaited.
    Head,
    /// The head is known, and awc reads the body.
    Body(Framing),
    /// More came than was announced: whatever follows belongs to nobody.
    Spoilt,
}

/// A connection to whom requests are sent, one after another.
pub(super) struct Io {
    line: Line,
    speaker: Speaker,
    wire: Rc<Wire>,
    order: Rc<Order>,
    phase: Phase,
    /// The beginning of a head, until it is complete.
    head: BytesMut,
    /// What awc is to read next.
    incoming: BytesMut,
    /// What is to be written before anything else.
    outgoing: BytesMut,
}

impl Io {
    pub(super) fn new(line: Line, speaker: Speaker, wire: Rc<Wire>, order: Rc<Order>) -> Self {
        let (head, incoming, outgoing) = (BytesMut::new(), BytesMut::new(), BytesMut::new());
        Self { line, speaker, wire, order, phase: Phase::Idle, head, incoming, outgoing }
    }

    /// Reads more of the head; when it is complete, `incoming` and `phase` say how to go on.
    fn poll_head(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<(), Failure>> {
        // The caller's buffer is only borrowed for the read: what awc may see is not known yet.
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.line).poll_read(cx, buf));
        let got = &buf.filled()[before..];
        if read.is_err() || got.is_empty() {
            let begun = !self.head.is_empty();
            return Poll::Ready(Err(if begun { Failure::CutHead } else { Failure::ClosedBeforeHead }));
        }
        self.head.extend_from_slice(got);
        buf.set_filled(before);
        Poll::Ready(self.understand())
    }

    fn understand(&mut self) -> Result<(), Failure> {
        loop {
            match head::parse(&self.head) {
                Ok(Parsed::Partial) => return Ok(()),
                Ok(Parsed::Interim(length)) => self.head.advance(length),
                Ok(Parsed::Complete(length, head)) => {
                    self.head.advance(length);
                    self.phase = after(head.framing, &self.head)?;
                    self.incoming = head.written;
                    self.incoming.extend_from_slice(&self.head);
                    self.head.clear();
                    return Ok(());
                }
                Err(BadHead::TooLarge) => return Err(Failure::HeadTooLarge),
                Err(BadHead::NotHttp(words)) => {
                    return Err(match self.speaker {
                        Speaker::Proxy => Failure::NotHttp(words),
                        Speaker::Site => Failure::SiteNotHttp(words),
                    });
                }
            }
        }
    }

    /// awc reads on only while it lacks something, so an end here is an end too early, unless the body is to end like this.
    fn poll_body(
        &mut self,
        framing: Framing,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<(), Failure>> {
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut self.line).poll_read(cx, buf));
        let came = buf.filled().len() - before;
        Poll::Ready(match (read, framing) {
            // So says TLS of a connection that ends without its word for the end.
            (Err(error), _) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Failure::CutBody("its connection ended, and not by the word of who sent it".into()))
            }
            (Err(error), _) => Err(Failure::CutBody(error.to_string())),
            (Ok(()), _) if came > 0 => {
                after(framing, buf.filled().get(before..).unwrap_or_default()).map(|phase| self.phase = phase)
            }
            (Ok(()), Framing::UntilClose) => Ok(()),
            (Ok(()), Framing::Length(left)) => Err(Failure::CutBody(format!("{left} bytes of it are missing"))),
            (Ok(()), Framing::Chunked | Framing::Empty) => Err(Failure::CutBody("its last chunk is missing".into())),
        })
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            let wrote = ready!(Pin::new(&mut self.line).poll_write(cx, &self.outgoing)).map_err(unanswered)?;
            if wrote == 0 {
                return Poll::Ready(Err(Failure::ClosedBeforeHead.into_io()));
            }
            self.outgoing.advance(wrote);
        }
        Poll::Ready(Ok(()))
    }
}

/// How it goes on after these bytes of a body. A body that is longer than was announced is not the page that was sent: awc would
/// take the first part of it for a whole. Line ends too many are an old habit, and harmless.
fn after(framing: Framing, came: &[u8]) -> Result<Phase, Failure> {
    match framing {
        Framing::Empty if !came.is_empty() => Ok(Phase::Spoilt),
        Framing::Length(left) => match left.checked_sub(came.len() as u64) {
            Some(left) => Ok(Phase::Body(Framing::Length(left))),
            None => {
                let announced = usize::try_from(left).unwrap_or(usize::MAX);
                let beyond = came.get(announced..).unwrap_or_default();
                let harmless = beyond.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
                if harmless { Ok(Phase::Spoilt) } else { Err(Failure::CutBody("more came than was announced".into())) }
            }
        },
        Framing::Empty | Framing::Chunked | Framing::UntilClose => Ok(Phase::Body(framing)),
    }
}

/// A request that could not be written was not answered either.
fn unanswered(_: io::Error) -> io::Error {
    Failure::ClosedBeforeHead.into_io()
}

impl AsyncRead for Io {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if !this.incoming.is_empty() {
                let share = this.incoming.len().min(buf.remaining());
                buf.put_slice(&this.incoming.split_to(share));
                return Poll::Ready(Ok(()));
            }
            match this.phase {
                Phase::Idle => return Pin::new(&mut this.line).poll_read(cx, buf),
                Phase::Head => ready!(this.poll_head(cx, buf)).map_err(Failure::into_io)?,
                Phase::Body(framing) => return this.poll_body(framing, cx, buf).map_err(Failure::into_io),
                Phase::Spoilt => {
                    let words = "more came than was announced";
                    return Poll::Ready(Err(Failure::CutBody(words.into()).into_io()));
                }
            }
        }
    }
}

impl AsyncWrite for Io {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !matches!(this.phase, Phase::Head) {
            this.phase = Phase::Head;
            this.wire.requesting();
            // awc hands over the whole head at once. It counts as written: a flush, which awc always asks for, sends the rest.
            let taken = this.order.rewrite(buf, &mut this.outgoing);
            if let Poll::Ready(Err(error)) = this.poll_outgoing(cx) {
                return Poll::Ready(Err(error));
            }
            return Poll::Ready(Ok(taken));
        }
        ready!(this.poll_outgoing(cx))?;
        Pin::new(&mut this.line).poll_write(cx, buf).map_err(unanswered)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_outgoing(cx))?;
        Pin::new(&mut this.line).poll_flush(cx).map_err(unanswered)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().line).poll_shutdown(cx)
    }
}

impl ActixStream for Io {
    fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_read_ready(self.line.socket(), cx)
    }

    fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<Ready>> {
        ActixStream::poll_write_ready(self.line.socket(), cx)
    }
}

impl fmt::Debug for Io {
    /// Without its buffers: a request in them may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("speaker", &self.speaker).finish_non_exhaustive()
    }
}
