//! Products with AVX2, FMA and F16C: tiles of four rows and three queries in twelve vector registers.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_add_epi32, _mm_add_ps, _mm256_add_epi32, _mm256_castps256_ps128,
    _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtph_ps, _mm256_extractf128_ps,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_hadd_epi32, _mm256_hadd_ps, _mm256_madd_epi16,
    _mm256_setzero_ps, _mm256_setzero_si256,
};

use half::f16;
use half::slice::HalfFloatSliceExt as _;

use super::{LANES, Packed, PackedIntegers};
use crate::link::index::vectors::Slice;

/// Rows of a tile.
const ROWS: usize = 4;
/// Queries of a tile.
const QUERIES: usize = 3;
/// Whole numbers of 16 bits in a vector register.
const INTEGERS: usize = 2 * LANES;

/// Proof that the processor has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detected(());

impl Detected {
    /// Asks the processor.
    pub(super) fn new() -> Option<Self> {
        let has_all = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        has_all.then_some(Self(()))
    }

    /// Computes the products of rows with queries.
    #[expect(unsafe_code, reason = "the compiler cannot know which instructions the processor has")]
    pub(super) fn products(
        self,
        rows: Slice<'_>,
        queries: &Packed,
        scratch: &mut Vec<f32>,
        products: &mut [f32],
    ) {
        // SAFETY: a value of this type exists only where the processor has these instructions.
        unsafe { fused_products(rows, queries, scratch, products) }
    }

    /// Computes the products of rows of whole numbers with queries.
    #[expect(unsafe_code, reason = "the compiler cannot know which instructions the processor has")]
    pub(super) fn integer_products(self, rows: &[i8], queries: &PackedIntegers, products: &mut [i32]) {
        // SAFETY: a value of this type exists only where the processor has these instructions.
        unsafe { integer_products(rows, queries, products) }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn fused_products(rows: Slice<'_>, queries: &Packed, scratch: &mut Vec<f32>, products: &mut [f32]) {
    let (dimensions, stride) = (queries.dimensions, queries.stride);
    let rows = match rows {
        Slice::F32(rows) if dimensions == stride => rows,
        Slice::F32(rows) => {
            scratch.clear();
            for row in rows.chunks_exact(dimensions) {
                scratch.extend_from_slice(row);
                scratch.resize(scratch.len() + stride - dimensions, 0.0);
            }
            scratch
        }
        Slice::F16(rows) => {
            scratch.resize(rows.len() / dimensions * stride, 0.0);
            for (row, wide) in rows.chunks_exact(dimensions).zip(scratch.chunks_exact_mut(stride)) {
                widen(row, wide);
            }
            scratch
        }
    };
    let count = rows.len() / stride;
    if count == 0 {
        return;
    }
    let tiles = queries.values.chunks(QUERIES * stride);
    for (queries, products) in tiles.zip(products.chunks_mut(QUERIES * count)) {
        match queries.len() / stride {
            1 => tile::<1>(rows, queries, stride, products),
            2 => tile::<2>(rows, queries, stride, products),
            _ => tile::<3>(rows, queries, stride, products),
        }
    }
}

/// Widens a row, and fills its rest with zeros.
#[target_feature(enable = "avx2,fma,f16c")]
fn widen(row: &[f16], wide: &mut [f32]) {
    let (groups, rest) = row.as_chunks::<LANES>();
    let (wide_groups, wide_rest) = wide.as_chunks_mut::<LANES>();
    for (group, wide) in groups.iter().zip(wide_groups.iter_mut()) {
        *wide = bytemuck::cast(_mm256_cvtph_ps(bytemuck::cast::<_, __m128i>(*group)));
    }
    debug_assert!(wide_rest.is_empty());
    if let Some(last) = wide_groups.get_mut(groups.len()) {
        *last = [0.0; LANES];
        rest.convert_to_f32_slice(&mut last[..rest.len()]);
    }
}

/// Computes the products of all rows with `N` queries.
#[target_feature(enable = "avx2,fma,f16c")]
fn tile<const N: usize>(rows: &[f32], queries: &[f32], stride: usize, products: &mut [f32]) {
    let groups = stride / LANES;
    let count = rows.len() / stride;
    let row = |at: usize| &rows[at * stride..].as_chunks::<LANES>().0[..groups];
    let queries: [&[[f32; LANES]]; N] =
        std::array::from_fn(|at| &queries[at * stride..].as_chunks::<LANES>().0[..groups]);
    let mut at = 0;
    while at + ROWS <= count {
        let sums = sums::<ROWS, N>(std::array::from_fn(|next| row(at + next)), queries);
        for query in 0..N {
            let of_query = sums.map(|row| row[query]);
            products[query * count + at..][..ROWS].copy_from_slice(&add_up(of_query));
        }
        at += ROWS;
    }
    for at in at..count {
        let sums = sums::<1, N>([row(at)], queries)[0];
        for (query, sum) in sums.into_iter().enumerate() {
            products[query * count + at] = add_up([sum; ROWS])[0];
        }
    }
}

/// Returns eight partial sums of the product of each row and query.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn sums<const R: usize, const N: usize>(
    rows: [&[[f32; LANES]]; R],
    queries: [&[[f32; LANES]]; N],
) -> [[__m256; N]; R] {
    let mut sums = [[_mm256_setzero_ps(); N]; R];
    let groups = rows[0].len();
    let rows = rows.map(|row| &row[..groups]);
    let queries = queries.map(|query| &query[..groups]);
    for at in 0..groups {
        let queries: [__m256; N] = queries.map(|query| bytemuck::cast(query[at]));
        for (row, sums) in rows.iter().zip(&mut sums) {
            let row: __m256 = bytemuck::cast(row[at]);
            for (query, sum) in queries.iter().zip(sums) {
                *sum = _mm256_fmadd_ps(row, *query, *sum);
            }
        }
    }
    sums
}

/// Adds up the eight numbers of each of four vectors, in pairs of neighbours.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_up([a, b, c, d]: [__m256; ROWS]) -> [f32; ROWS] {
    let pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    let sums = _mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs));
    bytemuck::cast(sums)
}

#[target_feature(enable = "avx2,fma,f16c")]
fn integer_products(rows: &[i8], queries: &PackedIntegers, products: &mut [i32]) {
    let count = rows.len() / queries.stride;
    if count == 0 {
        return;
    }
    let tiles = queries.values.chunks(QUERIES * queries.stride);
    for (tile, products) in tiles.zip(products.chunks_mut(QUERIES * count)) {
        match tile.len() / queries.stride {
            1 => integer_tile::<1>(rows, tile, queries.stride, products),
            2 => integer_tile::<2>(rows, tile, queries.stride, products),
            _ => integer_tile::<3>(rows, tile, queries.stride, products),
        }
    }
}

/// Computes the products of all rows with `N` queries.
#[target_feature(enable = "avx2,fma,f16c")]
fn integer_tile<const N: usize>(rows: &[i8], queries: &[i16], stride: usize, products: &mut [i32]) {
    let groups = stride / INTEGERS;
    let count = rows.len() / stride;
    let row = |at: usize| &rows[at * stride..].as_chunks::<INTEGERS>().0[..groups];
    let queries: [&[[i16; INTEGERS]]; N] =
        std::array::from_fn(|at| &queries[at * stride..].as_chunks::<INTEGERS>().0[..groups]);
    let mut at = 0;
    while at + ROWS <= count {
        let sums = integer_sums::<ROWS, N>(std::array::from_fn(|next| row(at + next)), queries);
        for query in 0..N {
            let [a, b, c, d] = sums.map(|row| row[query]);
            let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
            let sums = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
            products[query * count + at..][..ROWS].copy_from_slice(&bytemuck::cast::<_, [i32; ROWS]>(sums));
        }
        at += ROWS;
    }
    for at in at..count {
        let sums = integer_sums::<1, N>([row(at)], queries)[0];
        for (query, sum) in sums.into_iter().enumerate() {
            products[query * count + at] = bytemuck::cast::<_, [i32; LANES]>(sum).iter().sum();
        }
    }
}

/// Returns eight partial sums of the product of each row and query.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn integer_sums<const R: usize, const N: usize>(
    rows: [&[[i8; INTEGERS]]; R],
    queries: [&[[i16; INTEGERS]]; N],
) -> [[__m256i; N]; R] {
    let mut sums = [[_mm256_setzero_si256(); N]; R];
    let groups = rows[0].len();
    let rows = rows.map(|row| &row[..groups]);
    let queries = queries.map(|query| &query[..groups]);
    for at in 0..groups {
        let queries: [__m256i; N] = queries.map(|query| bytemuck::cast(query[at]));
        for (row, sums) in rows.iter().zip(&mut sums) {
            let row = _mm256_cvtepi8_epi16(bytemuck::cast::<_, __m128i>(row[at]));
            for (query, sum) in queries.iter().zip(sums) {
                *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(row, *query));
            }
        }
    }
    sums
}
