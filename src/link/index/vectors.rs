//! A matrix of vectors, one a row, in 16 or 32 bits a number.

use half::f16;
use half::slice::HalfFloatSliceExt as _;
use serde::{Deserialize, Serialize};

/// A matrix of vectors, one a row: unit vectors of exemplars, or weights of classes.
#[derive(Clone, Debug, PartialEq)]
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

#[derive(Clone, Debug, PartialEq)]
enum Values {
    F16(Vec<f16>),
    F32(Vec<f32>),
}

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
        };
        values / self.dimensions
    }

    /// Returns the type of the stored numbers.
    pub fn element(&self) -> Element {
        match self.values {
            Values::F16(_) => Element::F16,
            Values::F32(_) => Element::F32,
        }
    }

    /// Returns some rows as 32-bit floats: the stored ones, or `scratch` with the converted ones.
    pub fn read<'a>(&'a self, rows: std::ops::Range<usize>, scratch: &'a mut Vec<f32>) -> &'a [f32] {
        let range = rows.start * self.dimensions..rows.end * self.dimensions;
        match &self.values {
            Values::F32(values) => &values[range],
            Values::F16(values) => {
                scratch.resize(range.len(), 0.0);
                values[range].convert_to_f32_slice(scratch);
                scratch
            }
        }
    }

    /// Returns the first row that is not finite or not of length 1, with its length.
    pub(super) fn first_not_unit(&self) -> Option<(usize, f32)> {
        let mut scratch = Vec::new();
        for row in 0..self.rows() {
            let length =
                self.read(row..row + 1, &mut scratch).iter().map(|value| value * value).sum::<f32>().sqrt();
            // Rounding to 16 bits moves the length by less than 2^-11.
            if !length.is_finite() || (length - 1.0).abs() >= 1e-3 {
                return Some((row, length));
            }
        }
        None
    }

    /// Reads rows from their little-endian form.
    pub(in crate::link) fn from_bytes(dimensions: usize, element: Element, bytes: &[u8]) -> Self {
        let values = match element {
            Element::F16 => Values::F16(
                bytes.chunks_exact(2).map(|pair| f16::from_le_bytes([pair[0], pair[1]])).collect(),
            ),
            Element::F32 => Values::F32(floats(bytes)),
        };
        Self { dimensions, values }
    }

    /// Returns the little-endian form.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match &self.values {
            Values::F16(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Values::F32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
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
pub(in crate::link) fn dot(a: &[f32], b: &[f32]) -> f32 {
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
