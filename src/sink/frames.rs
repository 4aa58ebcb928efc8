//! Frames: compressed text in pieces that stand alone, so that a file may be cut behind each of them.
//!
//! In come lines; out go bytes of the file, a frame's worth from sync to sync. Frames one after the other are one file to
//! every decompressor. Without compression there are no frames, and a line is just buffered. It knows nothing of records.

use std::io::{self, Read, Write};

use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::file::{Extent, FeedFile};
use crate::config::Compress;

/// Bytes that wait in memory before they are written.
const BUFFER: usize = 64 * 1024;

/// Bytes of text that make a frame worth ending; a frame of a few lines saves little.
const FRAME: u64 = 1024 * 1024;

/// The default of the `zstd` command: 3 for the ratio of gzip's 9 at many times the speed.
const ZSTD_LEVEL: i32 = 3;

/// Text on its way into a file.
pub(super) struct Frames {
    compress: Compress,
    frame: Option<Frame>,
    /// Bytes of text in the frame.
    taken: u64,
    file: FeedFile,
}

/// A frame that has begun, and what of it is not in the file yet.
enum Frame {
    Plain(Vec<u8>),
    Gzip(GzEncoder<Vec<u8>>),
    Zstd(zstd::Encoder<'static, Vec<u8>>),
}

impl Frames {
    /// Text goes behind what is in `file`.
    pub(super) const fn new(compress: Compress, file: FeedFile) -> Self {
        Self { compress, frame: None, taken: 0, file }
    }

    /// The file below.
    pub(super) const fn file(&self) -> &FeedFile {
        &self.file
    }

    /// The file below, to be moved.
    pub(super) const fn file_mut(&mut self) -> &mut FeedFile {
        &mut self.file
    }

    /// Takes text.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn write(&mut self, text: &[u8]) -> io::Result<()> {
        if self.frame.is_none() {
            self.frame = Some(Frame::begin(self.compress)?);
        }
        let Some(frame) = &mut self.frame else { return Ok(()) };
        frame.write(text)?;
        self.taken += text.len() as u64;
        let waiting = frame.waiting();
        if waiting.len() >= BUFFER {
            self.file.append(waiting)?;
            waiting.clear();
        }
        Ok(())
    }

    /// Is there less waiting than a frame should have?
    pub(super) fn is_short(&self) -> bool {
        self.compress != Compress::None && self.taken > 0 && self.taken < FRAME
    }

    /// Ends the frame and makes the file durable.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn sync(&mut self) -> io::Result<Extent> {
        if let Some(frame) = self.frame.take() {
            self.file.append(&frame.end()?)?;
            self.taken = 0;
        }
        self.file.sync()
    }

    /// The last sync. A compressed file has at least one frame, without which no decompressor would take it.
    ///
    /// # Errors
    /// Those of the file.
    pub(super) fn close(&mut self) -> io::Result<Extent> {
        if self.file.bytes() == 0 && self.frame.is_none() {
            self.frame = Some(Frame::begin(self.compress)?);
        }
        self.sync()
    }
}

impl Frame {
    fn begin(compress: Compress) -> io::Result<Self> {
        Ok(match compress {
            Compress::None => Self::Plain(Vec::new()),
            Compress::Gzip => Self::Gzip(GzEncoder::new(Vec::new(), flate2::Compression::default())),
            Compress::Zstd => Self::Zstd(zstd::Encoder::new(Vec::new(), ZSTD_LEVEL)?),
        })
    }

    fn write(&mut self, text: &[u8]) -> io::Result<()> {
        match self {
            Self::Plain(buffer) => buffer.write_all(text),
            Self::Gzip(encoder) => encoder.write_all(text),
            Self::Zstd(encoder) => encoder.write_all(text),
        }
    }

    fn waiting(&mut self) -> &mut Vec<u8> {
        match self {
            Self::Plain(buffer) => buffer,
            Self::Gzip(encoder) => encoder.get_mut(),
            Self::Zstd(encoder) => encoder.get_mut(),
        }
    }

    fn end(self) -> io::Result<Vec<u8>> {
        match self {
            Self::Plain(buffer) => Ok(buffer),
            Self::Gzip(encoder) => encoder.finish(),
            Self::Zstd(encoder) => encoder.finish(),
        }
    }
}

/// The text in the bytes of a file.
///
/// # Errors
/// Those of the decompressor.
pub(super) fn text<'a>(compress: Compress, bytes: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compress {
        Compress::None => Box::new(bytes),
        Compress::Gzip => Box::new(MultiGzDecoder::new(bytes)),
        Compress::Zstd => Box::new(zstd::Decoder::new(bytes)?),
    })
}
