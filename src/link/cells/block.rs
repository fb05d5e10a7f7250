//! The bytes of a cell: its vectors in 8 bits a number, and the compressed records of its exemplars.

use std::io::Read as _;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use super::error::BlockError;
use crate::link::index::{Entity, Exemplar};

/// Maximum bytes of a cell's decompressed records.
const MAX_RECORD_BYTES: u64 = 64 << 20;

/// A cell in memory.
#[derive(Clone, Debug)]
pub struct Block {
    /// Rows of a scale (`f32`) and the numbers (`i8`) each.
    pub vectors: Vec<u8>,
    /// The records of the rows.
    pub records: Records,
}

/// The records of a cell, JSON in Zstandard.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Records {
    /// The entities of the exemplars.
    pub entities: Vec<Entity>,
    /// The exemplars in the order of the rows; `entity` is a position in `entities` of this cell.
    pub exemplars: Vec<Exemplar>,
}

impl Block {
    /// Reads a cell and checks it against its entry; the slice has the length that the entry states.
    pub fn read(bytes: &[u8], entry: Entry, dimensions: usize) -> Result<Self, BlockError> {
        let actual = crc32fast::hash(bytes);
        if actual != entry.crc32 {
            return Err(BlockError::Checksum { expected: entry.crc32, actual });
        }
        let expected = entry.rows as usize;
        let (vectors, records) = bytes.split_at(expected * row_bytes(dimensions));
        let unreadable = |error: String| BlockError::Records(error);
        let mut text = Vec::new();
        if !records.is_empty() {
            let decoder = ruzstd::decoding::StreamingDecoder::new(records);
            let mut decoder = decoder.map_err(|error| unreadable(error.to_string()))?.take(MAX_RECORD_BYTES);
            decoder.read_to_end(&mut text).map_err(|error| unreadable(error.to_string()))?;
        }
        let records: Records =
            serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?;
        let is_known = |exemplar: &Exemplar| (exemplar.entity as usize) < records.entities.len();
        let actual = records.exemplars.len();
        if actual != expected || !records.exemplars.iter().all(is_known) {
            return Err(BlockError::Rows { expected, actual });
        }
        Ok(Self { vectors: vectors.to_vec(), records })
    }

    /// Returns about the bytes in memory.
    pub(super) fn memory(&self) -> usize {
        // Texts of a record are each their own allocation.
        const RECORD: usize = 500;
        self.vectors.len() + RECORD * self.records.exemplars.len()
    }
}

/// Returns the bytes of a row.
pub const fn row_bytes(dimensions: usize) -> usize {
    4 + dimensions
}

/// Adds a vector to `rows`, 8 bits a number. The scale makes the stored vector as long as this one.
pub fn push_row(vector: &[f32], rows: &mut Vec<u8>) {
    let largest = vector.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let length = |sum: f32| sum.sqrt();
    let numbers = vector.iter().map(|value| (value * factor).round() as i8);
    let stored = length(numbers.clone().map(|number| f32::from(number).powi(2)).sum());
    let own = length(vector.iter().map(|value| value * value).sum());
    let scale = if stored > 0.0 { own / stored } else { 0.0 };
    rows.extend(scale.to_le_bytes());
    rows.extend(numbers.map(|number| number as u8));
}

/// Returns the vectors of rows, row-major.
pub fn vectors(rows: &[u8], dimensions: usize) -> Vec<f32> {
    let mut vectors = Vec::with_capacity(rows.len() / row_bytes(dimensions) * dimensions);
    for row in rows.chunks_exact(row_bytes(dimensions)) {
        let scale = f32::from_le_bytes([row[0], row[1], row[2], row[3]]);
        vectors.extend(row[4..].iter().map(|&number| f32::from(number as i8) * scale));
    }
    vectors
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn stored_vector_is_near_and_as_long(values in proptest::collection::vec(-1.0_f32..1.0, 1..64)) {
            let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
            prop_assume!(length > 0.01);
            let unit: Vec<f32> = values.iter().map(|value| value / length).collect();
            let mut rows = Vec::new();
            push_row(&unit, &mut rows);
            prop_assert_eq!(rows.len(), row_bytes(unit.len()));
            let stored = vectors(&rows, unit.len());
            let product: f32 = stored.iter().zip(&unit).map(|(a, b)| a * b).sum();
            let square: f32 = stored.iter().map(|value| value * value).sum();
            prop_assert!((square - 1.0).abs() < 1e-4 && product > 0.999, "{} {}", square, product);
        }
    }
}
