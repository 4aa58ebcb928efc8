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
    /// A body of at most `limit` bytes, received and decoded, in the coding that `Content-Encoding` names; empty: none.
    pub(super) fn new(encoding: &str, limit: u64) -> Result<Self, Failure> {
        let bounded = Bounded { bytes: Vec::new(), limit };
        let coding = match &*encoding.trim().to_ascii_lowercase() {
            "" | "identity" => Coding::Identity(Pieces::None),
            "gzip" | "x-gzip" => Coding::Gzip(Box::new(MultiGzDecoder::new(bounded))),
            "deflate" => Coding::Deflate(Deflate::new(bounded)),
            other => return Err(Failure::Undecodable(format!("content-encoding {other:?} was not asked for"))),
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

    /// What there is of a body that will not come to its end, decoded as far as it goes.
    pub(super) fn begun(self) -> Bytes {
        match self.coding {
            Coding::Identity(pieces) => pieces.join(),
            Coding::Gzip(mut decoder) => {
                // What the decoder still holds is a bonus: that it cannot be had is no news.
                let _ = decoder.flush();
                Bytes::from(std::mem::take(&mut decoder.get_mut().bytes))
            }
            Coding::Deflate(deflate) => Bytes::from(deflate.decoded.bytes),
        }
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

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn encoded(body: &[u8]) -> [(&'static str, Vec<u8>); 4] {
        let level = Compression::fast();
        let mut gzip = GzEncoder::new(Vec::new(), level);
        let mut zlib = ZlibEncoder::new(Vec::new(), level);
        let mut bare = DeflateEncoder::new(Vec::new(), level);
        gzip.write_all(body).unwrap();
        zlib.write_all(body).unwrap();
        bare.write_all(body).unwrap();
        let coded = [gzip.finish().unwrap(), zlib.finish().unwrap(), bare.finish().unwrap()];
        let [gzip, zlib, bare] = coded;
        [("", body.to_vec()), ("gzip", gzip), ("deflate", zlib), ("Deflate", bare)]
    }

    fn read(coding: &str, pieces: &[&[u8]], limit: u64) -> Result<Bytes, Failure> {
        let mut body = Body::new(coding, limit)?;
        pieces.iter().try_for_each(|piece| body.push(Bytes::copy_from_slice(piece)))?;
        body.finish()
    }

    proptest! {
        #[test]
        fn a_body_is_the_same_in_any_pieces(body in proptest::collection::vec(0u8..4, 1..2_000), cuts in any::<[prop::sample::Index; 3]>()) {
            for (coding, coded) in encoded(&body) {
                let mut cuts = cuts.map(|cut| cut.index(coded.len()));
                cuts.sort_unstable();
                let [a, b, c] = cuts;
                let pieces = [&coded[..a], &coded[a..b], &coded[b..c], &coded[c..]];
                prop_assert_eq!(read(coding, &pieces, 2_000), Ok(Bytes::from(body.clone())));
            }
        }

        #[test]
        fn a_coded_body_that_is_cut_is_never_a_page(body in proptest::collection::vec(any::<u8>(), 1..500), cut in any::<prop::sample::Index>()) {
            for (coding, coded) in &encoded(&body)[1..] {
                // Of nothing at all the framing has told that it is whole.
                let cut = cut.index(coded.len() - 1) + 1;
                prop_assert!(matches!(read(coding, &[&coded[..cut]], 2_000), Err(Failure::Undecodable(_))), "{}", coding);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for coding in ["", "gzip", "deflate"] {
                let _ = read(coding, &[&bytes], 1_000);
            }
        }
    }

    #[test]
    fn members_of_gzip_follow_one_another() {
        let [_, (_, first), ..] = encoded(b"one ");
        let [_, (_, second), ..] = encoded(b"two");
        assert_eq!(read("gzip", &[&first, &second], 100), Ok(Bytes::from("one two")));
        assert_eq!(read("gzip", &[&[first, second].concat()], 100), Ok(Bytes::from("one two")));
    }

    #[test]
    fn a_bomb_is_not_unpacked_beyond_the_limit() {
        for (coding, bomb) in &encoded(&vec![0; 64 << 20])[1..] {
            let mut body = Body::new(coding, 1 << 20).unwrap();
            assert_eq!(body.push(Bytes::from(bomb.clone())), Err(Failure::TooLarge { limit: 1 << 20 }));
            let held = match &body.coding {
                Coding::Gzip(decoder) => decoder.get_ref().bytes.capacity(),
                Coding::Deflate(deflate) => deflate.decoded.bytes.capacity(),
                Coding::Identity(_) => unreachable!(),
            };
            assert!(held <= 2 << 20, "{coding}: {held} bytes are held");
        }
    }
}
