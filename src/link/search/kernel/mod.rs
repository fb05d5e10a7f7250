//! Scalar products of a block of rows with several queries, by the widest instructions of the processor.
//!
//! A product of one row and one query has the same bits whatever the block and the number of queries are,
//! so that equal vectors give equal similarities. Between kernels the last bits differ.

#[cfg(target_arch = "x86_64")]
mod avx2;
mod packed;

use half::slice::HalfFloatSliceExt as _;

use crate::link::index::vectors::{Slice, dot};
use packed::{LANES, in_rows};
pub(super) use packed::{Packed, PackedIntegers, round};

/// A set of instructions that products are computed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Instructions that each processor of the target has.
    Portable,
    /// AVX2, FMA and F16C of x86-64.
    #[cfg(target_arch = "x86_64")]
    Avx2(avx2::Detected),
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
                let wanted = in_rows(&queries.values, queries.stride, 2 * LANES);
                let wanted = wanted.chunks_exact(queries.stride);
                for (query, products) in wanted.zip(products.chunks_exact_mut(rows.len().max(1))) {
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
    let wanted = in_rows(&queries.values, queries.stride, LANES);
    for (query, products) in
        wanted.chunks_exact(queries.stride).zip(products.chunks_exact_mut(rows.len().max(1)))
    {
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
