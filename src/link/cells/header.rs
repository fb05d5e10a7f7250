//! The header of an index in cells: counts, the parts that are read at once, and the data files.

use serde::{Deserialize, Serialize};

use super::block::row_bytes;
use super::entry::ENTRY_BYTES;
use crate::link::calibration::Calibration;
use crate::link::encoder::manifest::EncoderManifest;
use crate::link::index::header::{
    CELLS_FORMAT, Part, Source, check_classes, check_lengths, check_limits, check_named, is_of_format, parse,
};
use crate::link::index::vectors::Element;
use crate::link::index::{ContentError, ReadError};

/// Value of the header's `format`.
pub const FORMAT: &str = CELLS_FORMAT;
/// Version of the file form that this code writes and reads.
pub const VERSION: u32 = 2;
/// Maximum number of cells.
pub const MAX_CELLS: u64 = 1 << 16;
/// Maximum bytes of a cell, which a page reads at once.
pub const MAX_CELL_BYTES: u64 = 32 << 20;
/// Maximum bytes of the parts that are read at once.
const MAX_PART_BYTES: u64 = 64 << 20;
/// Maximum length of a data file in bytes; the offsets of the table have 32 bits.
const MAX_FILE_BYTES: u64 = 1 << 31;
/// Maximum numbers a vector.
const MAX_DIMENSIONS: u64 = 1 << 14;

/// The header file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// Always [`FORMAT`].
    pub format: String,
    /// Always [`VERSION`].
    pub version: u32,
    /// Manifest of the encoder that computed the vectors.
    pub encoder: EncoderManifest,
    /// Numbers a vector.
    pub dimensions: u64,
    /// Number of cells.
    pub cells: u64,
    /// Number of exemplars in all cells.
    pub exemplars: u64,
    /// Number of entities.
    pub entities: u64,
    /// Number of lines of the part `entities`: entities of classes, and those that stand for others.
    pub resident: u64,
    /// Number of classes: rows of the weights, and lines of the part `prototypes`.
    pub prototypes: u64,
    /// Type of the weights' numbers.
    pub element: Element,
    /// Datasets that the entities come from, for people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    /// Turns similarities and logits into scores.
    pub calibration: Calibration,
    /// Files that are read at once.
    pub parts: Parts,
    /// Files of the cells, in their order.
    pub data: Vec<Part>,
}

/// The files that are read at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts {
    /// The mean that was subtracted, `dimensions` numbers of 32 bits.
    pub mean: Part,
    /// A row for each cell, in the form of a cell's rows.
    pub centroids: Part,
    /// A table entry for each cell.
    pub cells: Part,
    /// One entity a line.
    pub entities: Part,
    /// The classes' weights, `prototypes × dimensions` numbers, row-major; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Part>,
    /// One class a line, `entity` being a line of the part `entities`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prototypes: Option<Part>,
}

/// Returns whether a header says that it is one of an index in cells.
pub fn is_of_cells(header: &[u8]) -> bool {
    is_of_format(header, FORMAT)
}

impl Header {
    /// Reads a header and checks it against itself, before anything else is read.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let header: Self = parse(bytes, (FORMAT, VERSION))?;
        header.check()?;
        Ok(header)
    }

    /// Returns the bytes of the parts that are read at once.
    pub fn start_bytes(&self) -> u64 {
        self.parts.list().map(|part| part.bytes).sum()
    }

    fn check(&self) -> Result<(), ReadError> {
        let Self { dimensions, cells, parts, data, element, prototypes, .. } = self;
        let largest = parts.list().map(|part| part.bytes).max().unwrap_or_default();
        let longest = data.iter().map(|part| part.bytes).max().unwrap_or_default();
        check_limits([
            ("cells of the index", MAX_CELLS, *cells),
            ("numbers of a vector", MAX_DIMENSIONS, *dimensions),
            ("classes of the index", MAX_PART_BYTES, *prototypes),
            ("bytes of a part of the index", MAX_PART_BYTES, largest),
            ("bytes of a data file of the index", MAX_FILE_BYTES, longest),
        ])?;
        if *dimensions == 0 || *cells == 0 && *prototypes == 0 {
            return Err(ContentError::Empty.into());
        }
        check_classes(*prototypes, [&parts.weights, &parts.prototypes])?;
        check_lengths([
            (Some(&parts.mean), dimensions * 4),
            (Some(&parts.centroids), cells * row_bytes(*dimensions as usize) as u64),
            (Some(&parts.cells), cells * ENTRY_BYTES as u64),
            (parts.weights.as_ref(), prototypes * dimensions * element.bytes()),
        ])?;
        check_named(parts.list().chain(data), &self.encoder, &self.calibration)
    }
}

impl Parts {
    /// Returns all parts, in the order in which they are read.
    pub fn list(&self) -> impl Iterator<Item = &Part> {
        let always = [&self.mean, &self.centroids, &self.cells, &self.entities];
        always.into_iter().chain(&self.weights).chain(&self.prototypes)
    }
}
