//! A matrix of vectors, one a row, in 16 or 32 bits a number.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use serde::{Deserialize, Serialize};

use super::mapped::PartBytes;
use crate::link::parallel;

/// A matrix of vectors, one a row: unit vectors of exemplars, or weights of classes.
#[derive(Clone, Debug)]
pub struct Vectors {
    dimensions: usize,
    values: Values,
}

/// Type of the stored numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Element {
    /// 16-bit floats: half the memory and the reading, cosines right to about 0.0005.
    F16,
    /// 32-bit floats.
    F32,
}

/// Some rows of a matrix as they are stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::link) enum Slice<'a> {
    F16(&'a [f16]),
    F32(&'a [f32]),
}

#[derive(Clone, Debug)]
enum Values {
    F16(Vec<f16>),
    F32(Vec<f32>),
    /// Little-endian numbers, as aligned as a page of memory.
    #[cfg_attr(target_arch = "wasm32", expect(dead_code, reason = "nothing is mapped there"))]
    Bytes(Element, PartBytes),
}

/// A matrix in memory whose rows are set in any order.
pub(super) struct VectorsBuilder {
    dimensions: usize,
    values: OwnedValues,
}

enum OwnedValues {
    F16(Vec<f16>),
    F32(Vec<f32>),
}

/// Rows that a thread checks at a time.
const CHECKED_ROWS: usize = 1 << 14;

impl Vectors {
    /// Creates a matrix from rows of `dimensions` numbers each.
    pub fn new(dimensions: usize, element: Element, rows: &[f32]) -> Self {
        let values = match element {
            Element::F16 => {
                let mut values = vec![f16::ZERO; rows.len()];
                values.convert_from_f32_slice(rows);
                Values::F16(values)
            }
            Element::F32 => Values::F32(rows.to_vec()),
        };
        Self { dimensions, values }
    }

    /// Returns the numbers a row.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// Returns the number of rows.
    pub fn rows(&self) -> usize {
        let values = match &self.values {
            Values::F16(values) => values.len(),
            Values::F32(values) => values.len(),
            Values::Bytes(element, bytes) => bytes.as_slice().len() / element.bytes() as usize,
        };
        values / self.dimensions
    }

    /// Returns the type of the stored numbers.
    pub fn element(&self) -> Element {
        match self.values {
            Values::F16(_) => Element::F16,
            Values::F32(_) => Element::F32,
            Values::Bytes(element, _) => element,
        }
    }

    /// Returns some rows as 32-bit floats: the stored ones, or `scratch` with the converted ones.
    pub fn read<'a>(&'a self, rows: Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        match self.slice(rows) {
            Slice::F32(values) => values,
            Slice::F16(values) => {
                scratch.resize(values.len(), 0.0);
                values.convert_to_f32_slice(scratch);
                scratch
            }
        }
    }

    /// Returns some rows as they are stored.
    pub(in crate::link) fn slice(&self, rows: Range<usize>) -> Slice<'_> {
        let range = rows.start * self.dimensions..rows.end * self.dimensions;
        match &self.values {
            Values::F32(values) => Slice::F32(&values[range]),
            Values::F16(values) => Slice::F16(&values[range]),
            Values::Bytes(Element::F16, bytes) => Slice::F16(&bytemuck::cast_slice(bytes.as_slice())[range]),
            Values::Bytes(Element::F32, bytes) => Slice::F32(&bytemuck::cast_slice(bytes.as_slice())[range]),
        }
    }

    /// Returns the first row that is not finite or not of length 1, with its length. Uses all cores.
    pub(super) fn first_not_unit(&self) -> Option<(usize, f32)> {
        let (next, rows) = (AtomicUsize::new(0), self.rows());
        let check = || {
            let mut scratch = Vec::new();
            // Threads get ranges in rising order, so that a thread's first fault is the first of its ranges.
            std::iter::repeat_with(|| next.fetch_add(CHECKED_ROWS, Ordering::Relaxed))
                .take_while(|start| *start < rows)
                .find_map(|start| {
                    self.first_not_unit_in(start..(start + CHECKED_ROWS).min(rows), &mut scratch)
                })
        };
        let threads = rows.div_ceil(CHECKED_ROWS).min(parallel::cores());
        let found = parallel::run(threads, check);
        found.into_iter().flatten().min_by_key(|(row, _)| *row)
    }

    fn first_not_unit_in(&self, rows: Range<usize>, scratch: &mut Vec<f32>) -> Option<(usize, f32)> {
        rows.into_iter().find_map(|row| {
            let vector = self.read(row..row + 1, scratch);
            let length = dot(vector, vector).sqrt();
            // Rounding to 16 bits moves the length by less than 2^-11.
            (!length.is_finite() || (length - 1.0).abs() >= 1e-3).then_some((row, length))
        })
    }

    /// Views or reads rows in their little-endian form.
    pub fn from_bytes(dimensions: usize, element: Element, bytes: PartBytes) -> Self {
        let values = match (element, bytes) {
            #[cfg(all(target_endian = "little", not(target_arch = "wasm32")))]
            (element, bytes @ PartBytes::Mapped(_)) => Values::Bytes(element, bytes),
            (Element::F16, bytes) => {
                let pairs = bytes.as_slice().chunks_exact(2);
                Values::F16(pairs.map(|pair| f16::from_le_bytes([pair[0], pair[1]])).collect())
            }
            (Element::F32, bytes) => Values::F32(floats(bytes.as_slice())),
        };
        Self { dimensions, values }
    }

    /// Returns the little-endian form.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::F16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::Bytes(_, bytes) => bytes.as_slice().to_vec(),
        }
    }
}

impl VectorsBuilder {
    /// Creates a matrix of zeros.
    pub(super) fn new(dimensions: usize, element: Element, rows: usize) -> Self {
        let values = match element {
            Element::F16 => OwnedValues::F16(vec![f16::ZERO; rows * dimensions]),
            Element::F32 => OwnedValues::F32(vec![0.0; rows * dimensions]),
        };
        Self { dimensions, values }
    }

    /// Replaces a row.
    pub(super) fn set(&mut self, row: usize, vector: &[f32]) {
        let range = row * self.dimensions..(row + 1) * self.dimensions;
        match &mut self.values {
            OwnedValues::F16(values) => values[range].convert_from_f32_slice(vector),
            OwnedValues::F32(values) => values[range].copy_from_slice(vector),
        }
    }

    /// Returns the matrix.
    pub(super) fn build(self) -> Vectors {
        let values = match self.values {
            OwnedValues::F16(values) => Values::F16(values),
            OwnedValues::F32(values) => Values::F32(values),
        };
        Vectors { dimensions: self.dimensions, values }
    }
}

impl PartialEq for Vectors {
    fn eq(&self, other: &Self) -> bool {
        self.dimensions == other.dimensions && self.slice(0..self.rows()) == other.slice(0..other.rows())
    }
}

impl Element {
    /// Returns the bytes a number.
    pub const fn bytes(self) -> u64 {
        match self {
            Self::F16 => 2,
            Self::F32 => 4,
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::F32 => "f32",
        }
    }
}

/// Reads 32-bit floats from their little-endian form.
pub(in crate::link) fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|four| f32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// Returns the scalar product of two vectors of one length.
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    // Independent sums that the compiler keeps in vector registers; one sum would wait for each addition.
    const LANES: usize = 16;
    let mut sums = [0.0_f32; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_set_in_any_order() {
        let rows = [[1.0, 2.0, 3.0], [0.5, -4.0, 0.25], [0.0, 8.0, -1.0]];
        for element in [Element::F16, Element::F32] {
            let mut builder = VectorsBuilder::new(3, element, 4);
            for at in [2, 0, 1] {
                builder.set(at, &rows[at]);
            }
            let expected = [rows.concat(), vec![0.0; 3]].concat();
            assert_eq!(builder.build(), Vectors::new(3, element, &expected), "{element:?}");
        }
    }
}
