//! The push parser: bytes of an annotation file in, records out.

use super::raw::RawAnnotation;
use super::scan::{RecordScanner, Scanned, Section};
use super::wire;
use crate::dataset::audit::Problem;
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Category, ImageRecord};

/// What a [`Reader`] finds, in the order of the file.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most items are the largest one; a box each would only cost")]
pub enum ReadItem {
    /// An element of `images`.
    Image(ImageRecord),
    /// An element of `categories`.
    Category(Category),
    /// An element of `annotations`, to be settled with its image.
    Annotation(RawAnnotation),
    /// Something wrong with the file, or with a record so that it is left out.
    Problem(Problem),
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadProgress {
    /// Bytes taken.
    pub bytes: u64,
    /// Elements of `images` that are records of a length that is read.
    pub images: u64,
    /// Elements of `categories`, likewise.
    pub categories: u64,
    /// Elements of `annotations`, likewise.
    pub annotations: u64,
}

/// A parser without input or output of its own: the caller brings bytes in chunks of any length.
///
/// Memory is constant: one record that lies across chunks, [`ReadLimits::record_bytes`] at most.
/// Positions are 64-bit, so a file may be longer than the address space. How the file is cut into
/// chunks makes no difference.
pub struct Reader {
    scanner: RecordScanner,
    limits: ReadLimits,
    progress: ReadProgress,
    stopped: bool,
}

impl Reader {
    /// A reader at the beginning of a file.
    pub fn new(limits: ReadLimits) -> Self {
        Self {
            scanner: RecordScanner::new(limits.record_bytes),
            limits,
            progress: ReadProgress::default(),
            stopped: false,
        }
    }

    /// Takes the next bytes of the file and hands on what they complete.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(ReadItem)) {
        if self.stopped {
            return;
        }
        let room = self.limits.file_bytes - self.scanner.position();
        let taken = bytes.get(..usize::try_from(room).unwrap_or(usize::MAX)).unwrap_or(bytes);
        let (limits, progress, stopped) = (&self.limits, &mut self.progress, &mut self.stopped);
        self.scanner.push(taken, &mut |piece| {
            if !*stopped {
                *stopped = read_scanned(piece, limits, progress, &mut sink);
            }
        });
        self.progress.bytes = self.scanner.position();
        if taken.len() < bytes.len() {
            let (limit, actual) = (self.limits.file_bytes, self.scanner.position() + 1);
            sink(ReadItem::Problem(Problem::Limit { what: "bytes of the file", limit, actual }));
            self.stopped = true;
        }
        self.stopped |= self.scanner.is_broken();
    }

    /// Whether further bytes change nothing: a limit is reached, or no record can follow.
    pub fn is_done(&self) -> bool {
        self.stopped
    }

    /// How far it has come.
    pub fn progress(&self) -> ReadProgress {
        self.progress
    }

    /// Ends the file here, and hands on what that means.
    pub fn finish(self, mut sink: impl FnMut(ReadItem)) -> ReadProgress {
        if let Some(problem) = self.scanner.finish().filter(|_| !self.stopped) {
            sink(ReadItem::Problem(problem));
        }
        self.progress
    }
}

/// Reads one record; answers whether to stop.
fn read_scanned(
    piece: Scanned<'_>,
    limits: &ReadLimits,
    progress: &mut ReadProgress,
    sink: &mut impl FnMut(ReadItem),
) -> bool {
    let (section, at, json) = match piece {
        Scanned::Record { section, at, json } => (section, at, json),
        Scanned::TooLong { at, bytes } => {
            let limit = limits.record_bytes as u64;
            sink(ReadItem::Problem(Problem::RecordTooLong { record: at, bytes, limit }));
            return false;
        }
        Scanned::NotObject { at } => {
            let reason = "an object expected".into();
            sink(ReadItem::Problem(Problem::Malformed { record: at, at, reason }));
            return false;
        }
        Scanned::Problem(problem) => {
            sink(ReadItem::Problem(problem));
            return false;
        }
    };
    let records = progress.images + progress.categories + progress.annotations;
    if records >= limits.records {
        sink(ReadItem::Problem(Problem::Limit {
            what: "records",
            limit: limits.records,
            actual: records + 1,
        }));
        return true;
    }
    let (count, item) = match section {
        Section::Images => {
            let item = wire::image(json, progress.images, limits).map(ReadItem::Image);
            (&mut progress.images, item)
        }
        Section::Categories => {
            let item = wire::category(json, progress.categories, limits).map(ReadItem::Category);
            (&mut progress.categories, item)
        }
        Section::Annotations => {
            let item = wire::annotation(json, progress.annotations, limits).map(ReadItem::Annotation);
            (&mut progress.annotations, item)
        }
    };
    *count += 1;
    sink(item.unwrap_or_else(|error| ReadItem::Problem(malformed(&error, at, json))));
    false
}

fn malformed(error: &serde_json::Error, record: u64, json: &[u8]) -> Problem {
    let before: usize = json
        .split_inclusive(|&byte| byte == b'\n')
        .take(error.line().saturating_sub(1))
        .map(<[u8]>::len)
        .sum();
    let within = (before + error.column()).saturating_sub(1).min(json.len());
    let words = error.to_string();
    let reason = words.rsplit_once(" at line ").map_or(words.as_str(), |(reason, _)| reason).into();
    Problem::Malformed { record, at: record + within as u64, reason }
}
