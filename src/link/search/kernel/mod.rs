//! Scalar products of a block of rows with several queries, by the widest instructions of the processor.
//!
//! A product of one row and one query has the same bits whatever the block and the number of queries are,
//! so that equal vectors give equal similarities. Between kernels the last bits differ.

#[cfg(target_arch = "x86_64")]
mod avx2;

use half::slice::HalfFloatSliceExt as _;

use crate::link::index::vectors::{Slice, dot};

/// Rows and queries are padded with zeros to a multiple of this many numbers.
const LANES: usize = 8;

/// A set of instructions that products are computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Instructions that each processor of the target has.
    Portable,
    /// AVX2, FMA and F16C of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Detected),
}

/// Queries, padded and one behind the other.
pub(super) struct Packed {
    dimensions: usize,
    stride: usize,
    values: Vec<f32>,
}

impl Packed {
    /// Packs queries of `dimensions` numbers each.
    pub(super) fn new<'a>(dimensions: usize, queries: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let stride = dimensions.next_multiple_of(LANES);
        let mut values = Vec::new();
        for query in queries {
            let start = values.len();
            values.extend_from_slice(query);
            values.resize(start + stride, 0.0);
        }
        Self { dimensions, stride, values }
    }

    /// Returns the padded queries.
    fn queries(&self) -> std::slice::ChunksExact<'_, f32> {
        self.values.chunks_exact(self.stride)
    }
}

/// Queries as whole numbers times a scale, padded and one behind the other.
pub(super) struct PackedIntegers {
    stride: usize,
    values: Vec<i16>,
    /// Scale of each query.
    pub(super) scales: Vec<f32>,
    /// Maximum amount by which rounding moves the product of each query with a vector of length 1: the
    /// query's own, and that of sums of 32-bit floats.
    pub(super) errors: Vec<f32>,
}

impl PackedIntegers {
    /// Returns the padded length of `dimensions` whole numbers.
    pub(super) const fn stride(dimensions: usize) -> usize {
        dimensions.next_multiple_of(2 * LANES)
    }

    /// Rounds and packs queries of `dimensions` numbers each.
    pub(super) fn new<'a>(dimensions: usize, queries: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let stride = Self::stride(dimensions);
        let mut packed = Self { stride, values: Vec::new(), scales: Vec::new(), errors: Vec::new() };
        // Products of the largest whole numbers fit 32 bits.
        let largest = (i32::MAX as usize / 128 / stride).min(8_191) as f32;
        for query in queries {
            let start = packed.values.len();
            packed.values.resize(start + stride, 0);
            let (scale, error) = round(query, largest, |at, whole| packed.values[start + at] = whole as i16);
            packed.scales.push(scale);
            let rounding = (stride / LANES + 8) as f32 * f32::EPSILON;
            packed.errors.push(error + rounding);
        }
        packed
    }
}

/// Rounds a vector to whole numbers of at most `largest`, which `put` gets with their positions.
///
/// Returns their scale and an upper bound of the length of the difference.
pub(super) fn round(vector: &[f32], largest: f32, mut put: impl FnMut(usize, f32)) -> (f32, f32) {
    let highest = vector.iter().fold(0.0_f32, |highest, value| highest.max(value.abs()));
    if highest <= 0.0 {
        return (0.0, 0.0);
    }
    let (scale, inverse) = (highest / largest, largest / highest);
    // Added and subtracted, it leaves the nearest whole number: floats near it are 1 apart.
    const TO_WHOLE: f32 = (3 << 22) as f32;
    let mut squares = 0.0;
    for (at, value) in vector.iter().enumerate() {
        let whole = (value * inverse + TO_WHOLE) - TO_WHOLE;
        put(at, whole);
        let difference = value - whole * scale;
        squares += f64::from(difference * difference);
    }
    (scale, squares.sqrt() as f32 * 1.001)
}

impl Kernel {
    /// Returns the fastest kernel that this processor runs.
    pub fn detect() -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(detected) = avx2::Detected::new() {
            return Self::Avx2(detected);
        }
        Self::Portable
    }

    /// Computes the products of rows with queries: `products` has a line of all rows for each query.
    ///
    /// `scratch` is memory that later calls use again.
    pub(super) fn products(
        self,
        rows: Slice<'_>,
        queries: &Packed,
        scratch: &mut Vec<f32>,
        products: &mut [f32],
    ) {
        match self {
            Self::Portable => portable(rows, queries, scratch, products),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(detected) => detected.products(rows, queries, scratch, products),
        }
    }

    /// Computes the products of rows of whole numbers with queries, in the order of [`Self::products`].
    pub(super) fn integer_products(self, rows: &[i8], queries: &PackedIntegers, products: &mut [i32]) {
        match self {
            Self::Portable => {
                let rows = rows.chunks_exact(queries.stride);
                let queries = queries.values.chunks_exact(queries.stride);
                for (query, products) in queries.zip(products.chunks_exact_mut(rows.len().max(1))) {
                    for (row, product) in rows.clone().zip(products) {
                        *product = row.iter().zip(query).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                    }
                }
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2(detected) => detected.integer_products(rows, queries, products),
        }
    }
}

fn portable(rows: Slice<'_>, queries: &Packed, scratch: &mut Vec<f32>, products: &mut [f32]) {
    let rows = match rows {
        Slice::F32(rows) => rows,
        Slice::F16(rows) => {
            scratch.resize(rows.len(), 0.0);
            rows.convert_to_f32_slice(scratch);
            scratch
        }
    };
    let rows = rows.chunks_exact(queries.dimensions);
    for (query, products) in queries.queries().zip(products.chunks_exact_mut(rows.len().max(1))) {
        for (row, product) in rows.clone().zip(products) {
            *product = dot(row, &query[..queries.dimensions]);
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;

    /// Returns the product as the kernel of fused instructions is defined: eight sums, added in pairs.
    fn fused(row: &[f32], query: &[f32]) -> f32 {
        let mut sums = [0.0_f32; LANES];
        for (at, (row, query)) in row.iter().zip(query).enumerate() {
            sums[at % LANES] = row.mul_add(*query, sums[at % LANES]);
        }
        let [a, b, c, d, e, f, g, h] = sums;
        ((a + b) + (c + d)) + ((e + f) + (g + h))
    }

    proptest! {
        #[test]
        fn products_of_each_kernel_equal_their_definition(
            dimensions in 1_usize..70, rows in 1_usize..11, queries in 1_usize..9, seed in any::<u32>(),
        ) {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                f32::from((state >> 16) as i16) / 32_768.0
            };
            let stored: Vec<f16> = (0..rows * dimensions).map(|_| f16::from_f32(next())).collect();
            let wide: Vec<f32> = stored.iter().map(|value| value.to_f32()).collect();
            let wanted: Vec<f32> = (0..queries * dimensions).map(|_| next()).collect();
            let packed = Packed::new(dimensions, wanted.chunks_exact(dimensions));
            for kernel in [Kernel::Portable, Kernel::detect()] {
                let define = if kernel == Kernel::Portable { dot } else { fused };
                let expected: Vec<f32> = wanted
                    .chunks_exact(dimensions)
                    .flat_map(|query| wide.chunks_exact(dimensions).map(move |row| define(row, query)))
                    .collect();
                for slice in [Slice::F16(&stored), Slice::F32(&wide)] {
                    let mut products = vec![f32::NAN; rows * queries];
                    kernel.products(slice, &packed, &mut Vec::new(), &mut products);
                    prop_assert_eq!(&products, &expected);
                }
            }
        }
    }
}
