//! The header of an index in cells: counts, the parts that are read at once, and the data files.

use serde::de::Error as _;
use serde::{Deserialize, Serialize};

use super::block::row_bytes;
use super::entry::ENTRY_BYTES;
use crate::link::calibration::Calibration;
use crate::link::encoder::manifest::EncoderManifest;
use crate::link::index::header::{Part, Source, is_plain_name};
use crate::link::index::vectors::Element;
use crate::link::index::{ContentError, ReadError};
use crate::link::protocol::is_sha256;

/// Value of the header's `format`.
pub const FORMAT: &str = "masklink-cells";
/// Version of the file form that this code writes and reads.
pub const VERSION: u32 = 1;
/// Maximum number of cells.
pub const MAX_CELLS: u64 = 1 << 16;
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
    /// Number of rows of the weights.
    pub prototypes: u64,
    /// Type of the weights' numbers.
    pub element: Element,
    /// Data sets that the entities come from, for people.
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
    /// `prototypes × dimensions` numbers, row-major; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<Part>,
    /// One prototype a line, `entity` being a line of the part `entities`; absent where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prototypes: Option<Part>,
}

/// The fields that a header of any format has.
#[derive(Deserialize)]
struct Version {
    format: String,
    version: u32,
}

/// Returns whether a header says that it is one of an index in cells.
pub fn is_of_cells(header: &[u8]) -> bool {
    serde_json::from_slice::<Version>(header).is_ok_and(|header| header.format == FORMAT)
}

impl Header {
    /// Reads a header and checks it against itself, before anything else is read.
    pub fn read(bytes: &[u8]) -> Result<Self, ReadError> {
        let Version { format, version } = serde_json::from_slice(bytes).map_err(ReadError::Header)?;
        if format != FORMAT || version != VERSION {
            let (supported_format, supported_version) = (FORMAT, VERSION);
            return Err(ReadError::Version { format, version, supported_format, supported_version });
        }
        let header: Self = serde_json::from_slice(bytes).map_err(ReadError::Header)?;
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
        for (what, limit, actual) in [
            ("cells of the index", MAX_CELLS, *cells),
            ("numbers of a vector", MAX_DIMENSIONS, *dimensions),
            ("prototypes of the index", MAX_PART_BYTES, *prototypes),
            ("bytes of a part of the index", MAX_PART_BYTES, largest),
            ("bytes of a data file of the index", MAX_FILE_BYTES, longest),
        ] {
            if actual > limit {
                return Err(ReadError::Limit { what, limit, actual });
            }
        }
        if *dimensions == 0 || *cells == 0 && *prototypes == 0 {
            return Err(ContentError::Empty.into());
        }
        if parts.weights.is_some() != (*prototypes > 0) || parts.prototypes.is_some() != (*prototypes > 0) {
            return Err(invalid(format!("{prototypes} prototypes do not fit the parts that are named")));
        }
        for (part, expected) in [
            (Some(&parts.mean), dimensions * 4),
            (Some(&parts.centroids), cells * row_bytes(*dimensions as usize) as u64),
            (Some(&parts.cells), cells * ENTRY_BYTES as u64),
            (parts.weights.as_ref(), prototypes * dimensions * element.bytes()),
        ] {
            let Some(part) = part.filter(|part| part.bytes != expected) else { continue };
            return Err(ReadError::PartLength { file: part.file.clone(), expected, actual: part.bytes });
        }
        for Part { file, sha256, .. } in parts.list().chain(data) {
            if !is_plain_name(file) {
                return Err(ReadError::PartName { file: file.clone() });
            }
            if !is_sha256(sha256) {
                return Err(ReadError::HashForm { file: file.clone(), sha256: sha256.clone() });
            }
        }
        if !is_plain_name(&self.encoder.file) {
            return Err(ReadError::PartName { file: self.encoder.file.clone() });
        }
        self.encoder.check().map_err(|error| invalid(error.to_string()))?;
        self.calibration.check().map_err(|reason| invalid(reason.to_owned()))
    }
}

impl Parts {
    /// Returns all parts, in the order in which they are read.
    pub fn list(&self) -> impl Iterator<Item = &Part> {
        let always = [&self.mean, &self.centroids, &self.cells, &self.entities];
        always.into_iter().chain(&self.weights).chain(&self.prototypes)
    }
}

pub(super) fn invalid(reason: String) -> ReadError {
    ReadError::Header(serde_json::Error::custom(reason))
}
