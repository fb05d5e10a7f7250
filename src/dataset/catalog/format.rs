//! The layout of a catalog: its header, and the parts that are read in ranges.
//!
//! A catalog of its own file begins with [`MAGIC`], the length of the header as little-endian u32, and the
//! header as JSON; the parts follow. A pack's manifest has the header inside, and its parts are files.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// First bytes of a catalog's file; the digit is the version of the layout.
pub const MAGIC: &[u8; 8] = b"MLCATAL1";
/// Version of the layout, which a reader must know.
pub(super) const VERSION: u32 = 1;
/// Rows of one block of records.
pub const BLOCK_ROWS: u32 = 128;
/// Rows of one block of codes of bin combinations.
pub(super) const CELL_BLOCK_ROWS: u32 = 8192;
/// Number of neighbors of a row, in the part `neighbors`: little-endian u32, nearest first.
pub const NEIGHBORS: usize = 8;
/// Stands in the part `neighbors` where a row has fewer.
pub const NO_ROW: u32 = u32::MAX;
/// Bytes of a row's position in the original file: see [`Position`].
pub(super) const POSITION_BYTES: usize = 15;

/// The header of a catalog.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Header {
    /// Version of the layout; a reader must know it.
    pub version: u32,
    /// Number of annotations, which are the rows.
    pub annotations: u32,
    /// Number of images.
    pub images: u64,
    /// Number of entities that have an id.
    pub entities: u32,
    /// The splits as published, in the order of the bin combinations' indices.
    pub splits: Vec<String>,
    /// The distinct bin combinations ([`Cell`](super::facets::Cell)), in the order of the codes.
    pub cells: Vec<u32>,
    /// The number of annotations of each of them.
    pub cell_counts: Vec<u64>,
    /// The pieces of each part.
    pub parts: BTreeMap<String, Vec<Piece>>,
    /// Whether the file lists no categories and no annotation has one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_no_categories: bool,
    /// Storage of the records.
    pub records: Records,
    /// The pattern of all images' paths by their ids, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pattern: Option<String>,
    /// The problems of the input: what was left out, and why.
    #[serde(default)]
    pub problems: Vec<ProblemCount>,
    /// The files that the catalog was made from.
    #[serde(default)]
    pub inputs: Vec<Input>,
}

/// Storage of a catalog's records.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Records {
    /// As positions in the published file: 15 bytes a row in the part `positions`.
    #[default]
    Positions,
    /// As blocks in the part `records`, with the masks in pages of the Parquet files.
    Pages {
        /// The Parquet files in the order of their rows.
        files: Vec<PageFile>,
    },
}

/// A Parquet file of a pack, as its masks are read.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct PageFile {
    /// Path in the pack.
    pub file: String,
    /// The first row.
    pub first_row: u32,
    /// The number of its blocks of [`BLOCK_ROWS`] rows before it.
    pub first_block: u32,
    /// Position of the first page of the masks' strings.
    pub first_page: u64,
}

/// A part of a catalog, or a piece of it, in a file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Piece {
    /// Path in the pack; empty for the catalog's own file.
    pub file: String,
    /// Position in the file; in a catalog's own file, from the end of the header.
    pub at: u64,
    /// Length.
    pub bytes: u64,
}

/// The number of problems of one code in the input.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ProblemCount {
    /// The code of the finding.
    pub code: String,
    /// Number of occurrences.
    pub count: u64,
    /// The first messages.
    pub examples: Vec<String>,
}

/// A file that a catalog was made from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Input {
    /// Its name, or the address where it lies.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// The SHA-256 of its bytes, in hexadecimal, where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Names of the parts.
pub(super) mod part {
    pub(in super::super) const ENTITIES: &str = "entities";
    pub(in super::super) const SUMMARY: &str = "summary";
    pub(in super::super) const CODES: &str = "codes";
    pub(in super::super) const ID_DIRECTORY: &str = "id-directory";
    pub(in super::super) const IDS: &str = "ids";
    pub(in super::super) const IMAGE_DIRECTORY: &str = "image-directory";
    pub(in super::super) const IMAGES: &str = "images";
    pub(in super::super) const POSITIONS: &str = "positions";
    pub(in super::super) const BLOCKS: &str = "blocks";
    pub(in super::super) const RECORDS: &str = "records";
    pub(in super::super) const NEIGHBORS: &str = "neighbors";
}

impl Header {
    /// Checks that the numbers of the header fit each other.
    pub(super) fn problem(&self) -> Option<String> {
        if self.version != VERSION {
            return Some(format!("version {} of the layout; this program reads {VERSION}", self.version));
        }
        if self.cells.len() != self.cell_counts.len() || self.cells.len() > usize::from(u16::MAX) + 1 {
            return Some("the lists of cells differ in length, or are too long".to_owned());
        }
        if self.cell_counts.iter().try_fold(0_u64, |sum, &n| sum.checked_add(n))
            != Some(u64::from(self.annotations))
        {
            return Some("the counts of the cells are not those of the annotations".to_owned());
        }
        let neighbors = u64::from(self.annotations) * NEIGHBORS as u64 * 4;
        if self.part_bytes(part::NEIGHBORS).is_some_and(|bytes| bytes != neighbors) {
            return Some("the list of neighbors is not that of the annotations".to_owned());
        }
        None
    }

    /// Returns the pieces that a range of a part lies in, each with its file and the range there.
    pub(super) fn pieces(&self, part: &str, range: Range<u64>) -> Option<Vec<(&str, Range<u64>)>> {
        let mut pieces = Vec::new();
        let mut start = 0_u64;
        for piece in self.parts.get(part)? {
            let end = start.checked_add(piece.bytes)?;
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                pieces.push((piece.file.as_str(), piece.at + (from - start)..piece.at + (to - start)));
            }
            start = end;
        }
        (range.end <= start).then_some(pieces)
    }

    /// Returns the length of a part.
    pub(super) fn part_bytes(&self, part: &str) -> Option<u64> {
        self.parts.get(part)?.iter().try_fold(0_u64, |sum, piece| sum.checked_add(piece.bytes))
    }
}

/// Positions of an annotation and of its image in the original file.
///
/// Stored in 15 bytes: the annotation's position in 5 and its length in 3, the image's position in 5 and
/// its length in 2, all little-endian. An image that the file does not list has the length 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) annotation: u64,
    pub(super) annotation_bytes: u32,
    pub(super) image: u64,
    pub(super) image_bytes: u16,
}

impl Position {
    pub(super) fn to_bytes(self) -> [u8; POSITION_BYTES] {
        let mut bytes = [0; POSITION_BYTES];
        bytes[..5].copy_from_slice(&self.annotation.to_le_bytes()[..5]);
        bytes[5..8].copy_from_slice(&self.annotation_bytes.to_le_bytes()[..3]);
        bytes[8..13].copy_from_slice(&self.image.to_le_bytes()[..5]);
        bytes[13..].copy_from_slice(&self.image_bytes.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: &[u8; POSITION_BYTES]) -> Self {
        let number = |from: usize, to: usize| {
            let mut wide = [0; 8];
            wide[..to - from].copy_from_slice(&bytes[from..to]);
            u64::from_le_bytes(wide)
        };
        Self {
            annotation: number(0, 5),
            annotation_bytes: number(5, 8) as u32,
            image: number(8, 13),
            image_bytes: number(13, 15) as u16,
        }
    }

    /// Returns the range of the annotation.
    pub(super) fn annotation_range(self) -> Range<u64> {
        self.annotation..self.annotation + u64::from(self.annotation_bytes)
    }

    /// Returns the range of the image; `None` if the file does not list it.
    pub(super) fn image_range(self) -> Option<Range<u64>> {
        (self.image_bytes > 0).then(|| self.image..self.image + u64::from(self.image_bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Piece, Position};

    #[test]
    fn positions_survive_their_bytes() {
        let position = Position {
            annotation: (1 << 40) - 7,
            annotation_bytes: (1 << 24) - 1,
            image: (1 << 40) - 3,
            image_bytes: u16::MAX,
        };
        assert_eq!(Position::from_bytes(&position.to_bytes()), position);
    }

    #[test]
    fn ranges_of_a_part_are_cut_at_its_pieces() {
        let piece = |file: &str, at, bytes| Piece { file: file.to_owned(), at, bytes };
        let mut header = Header::default();
        header.parts.insert("codes".to_owned(), vec![piece("a", 10, 100), piece("b", 0, 50)]);
        assert_eq!(header.pieces("codes", 90..120), Some(vec![("a", 100..110), ("b", 0..20)]));
        assert_eq!(header.pieces("codes", 100..150), Some(vec![("b", 0..50)]));
        assert_eq!(header.pieces("codes", 100..151), None);
        assert_eq!(header.pieces("ids", 0..1), None);
    }
}
