//! Products with AVX2, FMA and F16C: tiles of four rows and three queries in twelve vector registers.

use std::arch::x86_64::{
    __m128i, __m256, __m256i, _mm_add_epi32, _mm_add_ps, _mm256_add_epi32, _mm256_castps256_ps128,
    _mm256_castsi256_si128, _mm256_cvtepi8_epi16, _mm256_cvtph_ps, _mm256_extractf128_ps,
    _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_hadd_epi32, _mm256_hadd_ps, _mm256_madd_epi16,
    _mm256_setzero_ps, _mm256_setzero_si256,
};

use half::f16;
use half::slice::HalfFloatSliceExt as _;

use super::packed::{LANES, Packed, PackedIntegers, TILE};
use crate::link::index::vectors::Slice;

/// Rows of a tile.
const ROWS: usize = 4;
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
        let Self(()) = self;
        // SAFETY: a value of this type exists only where the processor has these instructions.
        unsafe { fused_products(rows, queries, scratch, products) }
    }

    /// Computes the products of rows of whole numbers with queries.
    #[expect(unsafe_code, reason = "the compiler cannot know which instructions the processor has")]
    pub(super) fn integer_products(self, rows: &[i8], queries: &PackedIntegers, products: &mut [i32]) {
        let Self(()) = self;
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
        // Widened in registers, as no further tile of queries needs them.
        Slice::F16(rows) if dimensions == stride && queries.values.len() <= TILE * stride => {
            return half_tiles(rows.as_chunks().0, queries.values.as_chunks().0, stride / LANES, products);
        }
        Slice::F16(rows) => {
            scratch.resize(rows.len() / dimensions * stride, 0.0);
            for (row, wide) in rows.chunks_exact(dimensions).zip(scratch.chunks_exact_mut(stride)) {
                widen(row, wide);
            }
            scratch
        }
    };
    float_tiles(rows.as_chunks().0, queries.values.as_chunks().0, stride / LANES, products);
}

#[target_feature(enable = "avx2,fma,f16c")]
fn integer_products(rows: &[i8], queries: &PackedIntegers, products: &mut [i32]) {
    let groups = queries.stride / INTEGERS;
    integer_tiles(rows.as_chunks().0, queries.values.as_chunks().0, groups, products);
}

/// Widens a row, and fills its rest with zeros.
#[target_feature(enable = "avx2,fma,f16c")]
fn widen(row: &[f16], wide: &mut [f32]) {
    let (groups, rest) = row.as_chunks::<LANES>();
    let (wide_groups, _) = wide.as_chunks_mut::<LANES>();
    for (group, wide) in groups.iter().zip(wide_groups.iter_mut()) {
        *wide = bytemuck::cast(_mm256_cvtph_ps(bytemuck::cast::<_, __m128i>(*group)));
    }
    if let Some(last) = wide_groups.get_mut(groups.len()) {
        *last = [0.0; LANES];
        rest.convert_to_f32_slice(&mut last[..rest.len()]);
    }
}

/// Defines a function that computes the products of all rows with all queries, tile by tile. Rows and the
/// queries of a tile come in groups of numbers that fill a register.
macro_rules! tiles {
    ($name:ident: $row:ty, $query:ty => $product:ty, $zero:ident, $load:ident, $add:ident, $total:ident) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn $name(rows: &[$row], queries: &[$query], groups: usize, products: &mut [$product]) {
            #[target_feature(enable = "avx2,fma,f16c")]
            fn tile<const N: usize>(
                rows: &[$row],
                queries: &[$query],
                groups: usize,
                products: &mut [$product],
            ) {
                let queries = queries.as_chunks::<N>().0;
                let count = rows.len() / groups;
                // Beyond the last row, that is computed again.
                let row = |at: usize| &rows[at.min(count - 1) * groups..][..groups];
                for at in (0..count).step_by(ROWS) {
                    let [a, b, c, d] = [row(at), row(at + 1), row(at + 2), row(at + 3)];
                    let mut sums = [[$zero(); ROWS]; N];
                    for ((((a, b), c), d), queries) in a.iter().zip(b).zip(c).zip(d).zip(queries) {
                        let rows = [$load(*a), $load(*b), $load(*c), $load(*d)];
                        for (query, sums) in queries.iter().zip(&mut sums) {
                            let query = bytemuck::cast(*query);
                            for (row, sum) in rows.into_iter().zip(sums) {
                                *sum = $add(*sum, row, query);
                            }
                        }
                    }
                    let here = (count - at).min(ROWS);
                    for (query, sums) in sums.into_iter().enumerate() {
                        products[query * count + at..][..here].copy_from_slice(&$total(sums)[..here]);
                    }
                }
            }
            let count = rows.len() / groups;
            if count == 0 {
                return;
            }
            let tiles = queries.chunks(TILE * groups).zip(products.chunks_mut(TILE * count));
            for (queries, products) in tiles {
                match queries.len() / groups {
                    1 => tile::<1>(rows, queries, groups, products),
                    2 => tile::<2>(rows, queries, groups, products),
                    _ => tile::<TILE>(rows, queries, groups, products),
                }
            }
        }
    };
}

tiles!(
    float_tiles: [f32; LANES], [f32; LANES] => f32,
    _mm256_setzero_ps, load_floats, add_floats, total_floats
);
tiles!(
    half_tiles: [f16; LANES], [f32; LANES] => f32,
    _mm256_setzero_ps, load_halves, add_floats, total_floats
);
tiles!(
    integer_tiles: [i8; INTEGERS], [i16; INTEGERS] => i32,
    _mm256_setzero_si256, load_integers, add_integers, total_integers
);

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn load_floats(group: [f32; LANES]) -> __m256 {
    bytemuck::cast(group)
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn load_halves(group: [f16; LANES]) -> __m256 {
    _mm256_cvtph_ps(bytemuck::cast::<_, __m128i>(group))
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn load_integers(group: [i8; INTEGERS]) -> __m256i {
    _mm256_cvtepi8_epi16(bytemuck::cast::<_, __m128i>(group))
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_floats(sum: __m256, row: __m256, query: __m256) -> __m256 {
    _mm256_fmadd_ps(row, query, sum)
}

#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn add_integers(sum: __m256i, row: __m256i, query: __m256i) -> __m256i {
    _mm256_add_epi32(sum, _mm256_madd_epi16(row, query))
}

/// Adds up the eight numbers of each of four vectors, in pairs of neighbours.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn total_floats([a, b, c, d]: [__m256; ROWS]) -> [f32; ROWS] {
    let pairs = _mm256_hadd_ps(_mm256_hadd_ps(a, b), _mm256_hadd_ps(c, d));
    bytemuck::cast(_mm_add_ps(_mm256_castps256_ps128(pairs), _mm256_extractf128_ps::<1>(pairs)))
}

/// Adds up the eight numbers of each of four vectors.
#[target_feature(enable = "avx2,fma,f16c")]
#[inline]
fn total_integers([a, b, c, d]: [__m256i; ROWS]) -> [i32; ROWS] {
    let pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    bytemuck::cast(_mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs)))
}
