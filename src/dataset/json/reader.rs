//! The push parser: bytes of an annotation file in, records out.

use super::raw::Draft;
use super::scan::{Piece, Section, Splitter};
use super::wire;
use crate::dataset::audit::Problem;
use crate::dataset::limits::Limits;
use crate::dataset::record::{Category, ImageRecord};

/// What a [`Reader`] finds, in the order of the file.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "most items are the largest one; a box each would only cost")]
pub enum Item {
    /// An element of `images`.
    ImageRecord(ImageRecord),
    /// An element of `categories`.
    Category(Category),
    /// An element of `annotations`, to be settled with its image.
    Annotation(Draft),
    /// Something wrong with the file, or with a record so that it is left out.
    Problem(Problem),
}

/// How far reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
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
/// Memory is constant: one record that lies across chunks, [`Limits::record_bytes`] at most.
/// Positions are 64-bit, so a file may be longer than the address space. How the file is cut into
/// chunks makes no difference.
pub struct Reader {
    splitter: Splitter,
    limits: Limits,
    progress: Progress,
    stopped: bool,
}

impl Reader {
    /// A reader at the beginning of a file.
    pub fn new(limits: Limits) -> Self {
        Self {
            splitter: Splitter::new(limits.record_bytes),
            limits,
            progress: Progress::default(),
            stopped: false,
        }
    }

    /// Takes the next bytes of the file and hands on what they complete.
    pub fn push(&mut self, bytes: &[u8], mut sink: impl FnMut(Item)) {
        if self.stopped {
            return;
        }
        let room = self.limits.file_bytes - self.splitter.position();
        let taken = bytes.get(..usize::try_from(room).unwrap_or(usize::MAX)).unwrap_or(bytes);
        let (limits, progress, stopped) = (&self.limits, &mut self.progress, &mut self.stopped);
        self.splitter.push(taken, &mut |piece| {
            if !*stopped {
                *stopped = read_piece(piece, limits, progress, &mut sink);
            }
        });
        self.progress.bytes = self.splitter.position();
        if taken.len() < bytes.len() {
            let (limit, actual) = (self.limits.file_bytes, self.splitter.position() + 1);
            sink(Item::Problem(Problem::Limit { what: "bytes of the file", limit, actual }));
            self.stopped = true;
        }
        self.stopped |= self.splitter.is_broken();
    }

    /// Whether further bytes change nothing: a limit is reached, or no record can follow.
    pub fn is_done(&self) -> bool {
        self.stopped
    }

    /// How far it has come.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Ends the file here, and hands on what that means.
    pub fn finish(self, mut sink: impl FnMut(Item)) -> Progress {
        if let Some(problem) = self.splitter.finish().filter(|_| !self.stopped) {
            sink(Item::Problem(problem));
        }
        self.progress
    }
}

/// Reads one record; answers whether to stop.
fn read_piece(
    piece: Piece<'_>,
    limits: &Limits,
    progress: &mut Progress,
    sink: &mut impl FnMut(Item),
) -> bool {
    let (section, at, json) = match piece {
        Piece::Record { section, at, json } => (section, at, json),
        Piece::TooLong { at, bytes } => {
            let limit = limits.record_bytes as u64;
            sink(Item::Problem(Problem::RecordTooLong { record: at, bytes, limit }));
            return false;
        }
        Piece::NotObject { at } => {
            let reason = "an object expected".into();
            sink(Item::Problem(Problem::Malformed { record: at, at, reason }));
            return false;
        }
        Piece::Problem(problem) => {
            sink(Item::Problem(problem));
            return false;
        }
    };
    let records = progress.images + progress.categories + progress.annotations;
    if records >= limits.records {
        sink(Item::Problem(Problem::Limit { what: "records", limit: limits.records, actual: records + 1 }));
        return true;
    }
    let (count, item) = match section {
        Section::Images => {
            let item = wire::image(json, progress.images, limits).map(Item::ImageRecord);
            (&mut progress.images, item)
        }
        Section::Categories => {
            let item = wire::category(json, progress.categories, limits).map(Item::Category);
            (&mut progress.categories, item)
        }
        Section::Annotations => {
            let item = wire::annotation(json, progress.annotations, limits).map(Item::Annotation);
            (&mut progress.annotations, item)
        }
    };
    *count += 1;
    sink(item.unwrap_or_else(|error| Item::Problem(malformed(&error, at, json))));
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
