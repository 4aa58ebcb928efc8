//! A feed of lines in a file: JSONL or CSV, compressed or not.
//!
//! In come records; out go lines, and extents of the file. A feed that is built anew grows under another name, and takes its
//! place when it has all that the store has. It knows neither cursors nor the store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::columns::{Columns, Row};
use super::csv::{self, Bom};
use super::file::{Extent, FeedFile};
use super::frames::Frames;
use super::jsonl;
use super::standing::{Before, Found, Standing, Why};
use super::{Feed, FeedError, fault};
use crate::config::Compress;
use crate::record::{Record, Seq};

/// How a record becomes a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Jsonl,
    Csv(Bom),
}

/// What a file of lines consists of.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) columns: Columns,
    pub(super) format: Format,
    pub(super) compress: Compress,
}

/// A feed of lines.
pub(super) struct LineFeed {
    layout: Layout,
    before: Before,
    line: Vec<u8>,
    out: Frames,
    building: Option<Building>,
}

/// The file grows beside its place.
struct Building {
    place: PathBuf,
    why: Why,
}

impl Format {
    /// Does a file of it begin with the names of its columns?
    pub(super) const fn has_header(self) -> bool {
        matches!(self, Self::Csv(_))
    }

    pub(super) fn head(self, columns: &Columns) -> io::Result<Vec<u8>> {
        match self {
            Self::Jsonl => Ok(Vec::new()),
            Self::Csv(bom) => csv::header(columns, bom),
        }
    }

    pub(super) fn line(self, row: Row<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Jsonl => jsonl::line(row, text),
            Self::Csv(_) => csv::line(row, text),
        }
    }
}

impl Layout {
    /// A number for it: files of another one cannot be gone on with.
    pub(super) fn digest(&self) -> u128 {
        self.columns.digest(&format!("{:?} {:?}", self.format, self.compress))
    }
}

impl LineFeed {
    /// A feed that goes on where `found` stands. Only now the file is changed.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn start(layout: Layout, found: Found) -> Result<Self, FeedError> {
        let Found { mut file, standing, base, before } = found;
        let failed = file.failed("write");
        let (file, building) = match standing {
            Standing::New => (file, None),
            Standing::Recorded { bytes, .. } => {
                file.resume(bytes.max(base.bytes)).map_err(failed)?;
                (file, None)
            }
            Standing::Rebuilt(why) => {
                let building = Building { place: file.place().to_owned(), why };
                (beside(file, base.bytes).map_err(failed)?, Some(building))
            }
        };
        let out = Frames::new(layout.compress, file);
        Ok(Self { layout, before, line: Vec::new(), out, building })
    }

    fn put(&mut self, record: &Record) -> io::Result<()> {
        let Some(row) = self.layout.columns.row(record) else { return Ok(()) };
        self.line.clear();
        match std::mem::replace(&mut self.before, Before::Nothing) {
            Before::Nothing => {}
            Before::LineEnd => self.line.push(b'\n'),
            Before::Head => self.line = self.layout.format.head(&self.layout.columns)?,
        }
        self.layout.format.line(row, &mut self.line)?;
        self.out.write(&self.line)
    }

    fn finish(&mut self) -> io::Result<Extent> {
        if self.before == Before::Head {
            let head = self.layout.format.head(&self.layout.columns)?;
            if !head.is_empty() {
                self.out.write(&head)?;
            }
        }
        self.out.close()
    }

    fn take_place(&mut self, building: &Building) -> io::Result<()> {
        self.out.sync()?;
        if building.why == Why::Damaged && building.place.exists() {
            fault::step()?;
            fs::rename(&building.place, aside(&building.place))?;
        }
        self.out.file_mut().move_to(&building.place)
    }
}

impl Feed for LineFeed {
    fn write(&mut self, record: &Record) -> Result<(), FeedError> {
        self.put(record).map_err(|error| self.out.file().failed("write")(error))
    }

    fn is_short(&self) -> bool {
        self.out.is_short()
    }

    fn sync(&mut self, _: Seq) -> Result<Extent, FeedError> {
        self.out.sync().map_err(|error| self.out.file().failed("write")(error))
    }

    fn install(&mut self) -> Result<(), FeedError> {
        let Some(building) = self.building.take() else { return Ok(()) };
        self.take_place(&building).map_err(|error| self.out.file().failed("replace")(error))
    }

    fn close(mut self: Box<Self>, _: Seq) -> Result<Extent, FeedError> {
        self.finish().map_err(|error| self.out.file().failed("write")(error))
    }
}

/// An empty file beside another one, with the first `bytes` bytes of that.
fn beside(mut old: FeedFile, bytes: u64) -> io::Result<FeedFile> {
    let name = old.place().file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut new = FeedFile::create(old.path(), old.place().with_file_name(format!(".{name}.rebuilding")))?;
    new.permit_as(&old)?;
    let (mut head, mut buffer) = (old.head(bytes)?, vec![0; 64 * 1024]);
    loop {
        match io::Read::read(&mut head, &mut buffer)? {
            0 => break,
            count => new.append(&buffer[..count])?,
        }
    }
    drop(head);
    Ok(new)
}

/// A free name for what is at `place`.
pub(super) fn aside(place: &Path) -> PathBuf {
    let name = place.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names = (1u64..).map(|number| place.with_file_name(format!("{name}.replaced-{number}")));
    names.into_iter().find(|free| !free.exists()).unwrap_or_else(|| place.to_owned())
}
