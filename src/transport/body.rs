//! Bodies: gathered and decoded piece by piece, never beyond a limit.
//!
//! In: the pieces as they come, and `Content-Encoding`. Out: the whole body, or why there is none. A bomb stops at the
//! limit before it is unpacked any further. Pure; knows no sockets.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};
use flate2::write::MultiGzDecoder;
use flate2::{Decompress, FlushDecompress, Status};

use super::failure::Failure;

/// Room made for decoded bytes at a time.
const ROOM: usize = 32 * 1024;

/// A body that is still coming.
pub(super) struct Body {
    coding: Coding,
    limit: u64,
    received: u64,
}

enum Coding {
    /// The first piece is kept as it came: mostly it is the only one.
    Identity(Pieces),
    Gzip(Box<MultiGzDecoder<Bounded>>),
    Deflate(Deflate),
}

impl Body {
    /// A body of at most `limit` bytes, received and decoded, in the coding that `Content-Encoding` names.
    pub(super) fn new(encoding: Option<&str>, limit: u64) -> Result<Self, Failure> {
        let bounded = Bounded { bytes: Vec::new(), limit };
        let coding = match encoding.map(|name| name.trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Coding::Identity(Pieces::None),
            Some("gzip" | "x-gzip") => Coding::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            Some("deflate") => Coding::Deflate(Deflate::new(bounded)),
            Some(other) => return Err(Failure::Undecodable(format!("content-encoding {other:?} was not asked for"))),
        };
        Ok(Self { coding, limit, received: 0 })
    }

    /// Takes the next piece.
    pub(super) fn push(&mut self, piece: Bytes) -> Result<(), Failure> {
        self.received += piece.len() as u64;
        if self.received > self.limit {
            return Err(Failure::TooLarge { limit: self.limit });
        }
        match &mut self.coding {
            Coding::Identity(pieces) => {
                pieces.push(piece);
                Ok(())
            }
            Coding::Gzip(decoder) => decoder.write_all(&piece),
            Coding::Deflate(deflate) => deflate.write(&piece),
        }
        .map_err(|error| self.failure_of(&error))
    }

    /// The end was reached: the body.
    pub(super) fn finish(mut self) -> Result<Bytes, Failure> {
        let finished = match self.coding {
            Coding::Identity(pieces) => return Ok(pieces.join()),
            // Nothing at all is sent with an encoding all the same, by redirects for one.
            Coding::Gzip(_) | Coding::Deflate(_) if self.received == 0 => return Ok(Bytes::new()),
            Coding::Gzip(ref mut decoder) => {
                decoder.try_finish().map(|()| std::mem::take(&mut decoder.get_mut().bytes))
            }
            Coding::Deflate(ref mut deflate) => deflate.finish(),
        };
        finished.map(Bytes::from).map_err(|error| self.failure_of(&error))
    }

    fn failure_of(&self, error: &io::Error) -> Failure {
        if error.get_ref().is_some_and(|inner| inner.is::<Beyond>()) {
            Failure::TooLarge { limit: self.limit }
        } else {
            Failure::Undecodable(error.to_string())
        }
    }
}

enum Pieces {
    None,
    One(Bytes),
    Many(BytesMut),
}

impl Pieces {
    fn push(&mut self, piece: Bytes) {
        *self = match std::mem::replace(self, Self::None) {
            Self::None => Self::One(piece),
            Self::One(first) => {
                let mut all = BytesMut::with_capacity((first.len() + piece.len()) * 2);
                all.extend_from_slice(&first);
                all.extend_from_slice(&piece);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&piece);
                Self::Many(all)
            }
        };
    }

    fn join(self) -> Bytes {
        match self {
            Self::None => Bytes::new(),
            Self::One(piece) => piece,
            Self::Many(all) => all.freeze(),
        }
    }
}

/// Says that the limit is reached; travels in an `io::Error` through the decoder.
#[derive(Debug, thiserror::Error)]
#[error("beyond the limit")]
struct Beyond;

/// Takes bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    limit: u64,
}

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if (self.bytes.len() + piece.len()) as u64 > self.limit {
            return Err(io::Error::other(Beyond));
        }
        self.bytes.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// `deflate` is zlib by the standard, and bare deflate by some servers; the first two bytes tell.
struct Deflate {
    decoder: Option<Decompress>,
    /// What came before there were two bytes.
    start: Vec<u8>,
    ended: bool,
    decoded: Bounded,
}

impl Deflate {
    const fn new(decoded: Bounded) -> Self {
        Self { decoder: None, start: Vec::new(), ended: false, decoded }
    }

    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        if let Some(mut decoder) = self.decoder.take() {
            self.run(&mut decoder, piece)?;
            self.decoder = Some(decoder);
            return Ok(());
        }
        self.start.extend_from_slice(piece);
        if let [first, second, ..] = *self.start {
            let zlib = first & 0x0f == 8 && u16::from_be_bytes([first, second]) % 31 == 0;
            let mut decoder = Decompress::new(zlib);
            let start = std::mem::take(&mut self.start);
            self.run(&mut decoder, &start)?;
            self.decoder = Some(decoder);
        }
        Ok(())
    }

    fn run(&mut self, decoder: &mut Decompress, mut piece: &[u8]) -> io::Result<()> {
        let mut room = Vec::with_capacity(ROOM);
        while !self.ended {
            room.clear();
            let before = decoder.total_in();
            let status = decoder.decompress_vec(piece, &mut room, FlushDecompress::None)?;
            let taken = usize::try_from(decoder.total_in() - before).unwrap_or(piece.len());
            piece = &piece[taken..];
            self.decoded.write_all(&room)?;
            self.ended = status == Status::StreamEnd;
            if !self.ended && taken == 0 && room.is_empty() {
                break;
            }
        }
        if piece.is_empty() { Ok(()) } else { Err(io::Error::other("corrupt deflate stream")) }
    }

    fn finish(&mut self) -> io::Result<Vec<u8>> {
        if self.ended {
            Ok(std::mem::take(&mut self.decoded.bytes))
        } else {
            Err(io::Error::other("deflate stream is cut"))
        }
    }
}
