//! Errors of linking by an index in cells.

use crate::link::encoder::EncodeError;
use crate::link::index::{ContentError, QueryError};
use crate::link::local::AnswerError;

/// The reason why a mask was not linked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CellError {
    /// A range of a data file could not be read.
    #[error("the index's file {file} could not be read: {reason}")]
    Unreadable {
        /// Name of the file.
        file: String,
        /// Sentence of the reader.
        reason: String,
    },
    /// A cell of a data file is not the one that the table describes.
    #[error("the index's file {file} is damaged: cell {cell} {fault}. Copy the index's folder again")]
    Damaged {
        /// Name of the file.
        file: String,
        /// Number of the cell, from 0.
        cell: usize,
        /// The fault found.
        fault: BlockError,
    },
    /// The cells do not form an index.
    #[error("the cells of the index contradict each other: {0}")]
    Content(#[from] ContentError),
    /// The mask has no feature, or the encoder could not be run.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The feature cannot be searched for in this index.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl CellError {
    /// Returns the code of the error, which programs may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "index-unreachable",
            Self::Damaged { .. } | Self::Content(_) | Self::Query(_) => "index-unusable",
            Self::Encode(error) => AnswerError::from(error.clone()).code(),
        }
    }
}

/// Errors in the bytes of a cell.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    /// The checksum is another.
    #[error("has the CRC-32 {actual:08x}, but the table says {expected:08x}")]
    Checksum {
        /// CRC-32 by the table.
        expected: u32,
        /// CRC-32 of the bytes.
        actual: u32,
    },
    /// The records cannot be decompressed, or are not JSON of the right form.
    #[error("has unreadable records ({0})")]
    Records(String),
    /// The records are of other rows than the vectors.
    #[error("has {actual} exemplars where {expected} are expected, or names an entity that it lacks")]
    Rows {
        /// Rows by the table.
        expected: usize,
        /// Exemplars of the records.
        actual: usize,
    },
}
