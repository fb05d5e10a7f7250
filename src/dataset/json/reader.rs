//! The push parser: turns the bytes of an annotation file into records.

use super::fields::DefaultId;
use super::raw::RawAnnotation;
use super::scan::{RecordScanner, Scanned};
use super::section::Section;
use super::wire;
use crate::dataset::audit::Problem;
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Category, ImageRecord};

/// A record or problem that a [`Reader`] found.
#[derive(Clone, Debug)]
#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "most items are of the largest variant; boxing only costs")
)]
pub enum ReadItem {
    /// An element of `images`.
    Image(ImageRecord),
    /// An element of `categories`.
    Category(Category),
    /// An element of `annotations`, to be [resolved](RawAnnotation::resolve) with its image.
    Annotation(RawAnnotation),
    /// A problem of the file, or of a record that is left out for it.
    Problem(Problem),
}

/// Counts of what a [`Reader`] has read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadProgress {
    /// Bytes of the file.
    pub bytes: u64,
    /// Objects in `images`, those longer than the limit excluded.
    pub images: u64,
    /// Objects in `categories`, those longer than the limit excluded.
    pub categories: u64,
    /// Objects in `annotations`, those longer than the limit excluded.
    pub annotations: u64,
    /// Whether the file was read to its end, and ends where its object or list does; false while reading.
    pub is_whole: bool,
}

impl ReadProgress {
    /// Returns the number of records of all sections.
    pub fn records(&self) -> u64 {
        self.images + self.categories + self.annotations
    }
}

/// A parser without I/O: the caller pushes chunks of any length.
///
/// It keeps at most one record that spans chunks, bounded by [`ReadLimits::record_bytes`]. Positions
/// are 64-bit, so a file may be longer than the address space. The output does not depend on where
/// the file is cut into chunks.
pub struct Reader {
    scanner: RecordScanner,
    limits: ReadLimits,
    progress: ReadProgress,
    stopped: bool,
}

impl Reader {
    /// Creates a reader at the beginning of a file.
    pub fn new(limits: ReadLimits) -> Self {
        Self {
            scanner: RecordScanner::new(limits.record_bytes),
            limits,
            progress: ReadProgress::default(),
            stopped: false,
        }
    }

    /// Reads the next bytes of the file and passes each completed item to `sink`, in file order.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(ReadItem)) {
        if self.stopped {
            return;
        }
        let remaining = self.limits.file_bytes - self.scanner.position();
        let read = bytes.get(..usize::try_from(remaining).unwrap_or(usize::MAX)).unwrap_or(bytes);
        let (limits, progress, stopped) = (&self.limits, &mut self.progress, &mut self.stopped);
        self.scanner.push(read, &mut |scanned| {
            if !*stopped {
                *stopped = parse(scanned, limits, progress, &mut sink);
            }
        });
        self.progress.bytes = self.scanner.position();
        if read.len() < bytes.len() {
            let (limit, actual) = (self.limits.file_bytes, self.scanner.position() + 1);
            sink(ReadItem::Problem(Problem::Limit { what: "bytes of the file", limit, actual }));
            self.stopped = true;
        }
        self.stopped |= self.scanner.is_broken();
    }

    /// Returns whether further bytes are ignored: a limit is reached, or no record can follow.
    pub fn is_done(&self) -> bool {
        self.stopped
    }

    /// Returns the counts of what was read so far.
    pub fn progress(&self) -> ReadProgress {
        self.progress
    }

    /// Ends the file here, and passes a problem to `sink` if the file is not complete.
    pub fn finish(self, mut sink: impl FnMut(ReadItem)) -> ReadProgress {
        let problem = self.scanner.finish().filter(|_| !self.stopped);
        let is_whole = !self.stopped && problem.is_none();
        if let Some(problem) = problem {
            sink(ReadItem::Problem(problem));
        }
        ReadProgress { is_whole, ..self.progress }
    }
}

/// Parses one record; returns whether to stop.
fn parse(
    scanned: Scanned<'_>,
    limits: &ReadLimits,
    progress: &mut ReadProgress,
    sink: &mut impl FnMut(ReadItem),
) -> bool {
    let (section, key, at, json) = match scanned {
        Scanned::Record { section, key, at, json, .. } => (section, key, at, json),
        Scanned::Problem(problem) => {
            sink(ReadItem::Problem(problem));
            return false;
        }
    };
    let records = progress.records();
    if records >= limits.records {
        let (limit, actual) = (limits.records, records + 1);
        sink(ReadItem::Problem(Problem::Limit { what: "records", limit, actual }));
        return true;
    }
    let default = |number| key.map_or(DefaultId::Number(number), |key| DefaultId::Key(key.text));
    let (count, item) = match section {
        Section::Images => {
            let item = wire::image(json, default(progress.images), limits).map(ReadItem::Image);
            (&mut progress.images, item)
        }
        Section::Categories => {
            let item = wire::category(json, default(progress.categories), limits).map(ReadItem::Category);
            (&mut progress.categories, item)
        }
        Section::Annotations => {
            let id = default(progress.annotations);
            let item = wire::annotation(json, id, limits).map(ReadItem::Annotation);
            (&mut progress.annotations, item)
        }
    };
    *count += 1;
    sink(item.unwrap_or_else(|error| ReadItem::Problem(Problem::malformed(&error, at, json))));
    false
}
