//! Search of a rough copy of the vectors, 8 bits a number, and of the stored vectors that it leaves open.
//!
//! Each vector is copied as whole numbers times a scale, and the length of the difference is kept. By the
//! inequality of Cauchy and Schwarz no cosine can differ from the rough one by more than that length. So
//! the rough pass tells which rows can be among the nearest, and only those are compared exactly: the
//! result is that of the exact search, bit by bit, for half of the reading.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::cpu::CpuSearch;
use super::kernel::{Kernel, PackedIntegers, round};
use super::rescore::exact_of;
use super::top::{Top, join};
use super::{Hit, Query, Rows, Search};
use crate::link::index::vectors::Vectors;
use crate::link::parallel;

/// Largest whole number of a copied vector.
const MAX_WHOLE: f32 = 127.0;
/// Numbers of a block, which stay in the nearest cache.
const BLOCK_NUMBERS: usize = 16_384;
/// Rows that are compared with a list's floor together.
const GROUP: usize = 32;
/// Numbers that a thread takes at a time.
const TAKEN_NUMBERS: usize = 1 << 19;
/// Rows that may be left open for one query, as a part of all: more are searched exactly at once.
const MAX_OPEN_PART: usize = 16;

/// A rough copy of vectors.
#[derive(Clone, Debug, Default)]
pub struct RoughVectors {
    stride: usize,
    values: Vec<i8>,
    scales: Vec<f32>,
    /// Length of the difference of each vector and its copy.
    errors: Vec<f32>,
}

/// Search of rows by a rough copy of their vectors.
#[derive(Clone, Copy, Debug)]
pub struct Int8Search<'a> {
    rows: Rows<'a>,
    rough: &'a RoughVectors,
    threads: usize,
    kernel: Kernel,
}

/// A row that may be among the nearest, and the largest cosine that it can have.
#[derive(Clone, Copy)]
struct Open {
    row: u32,
    upper: f32,
}

/// The rows of one query that are still open, and the entities that are surely as near as they are listed.
struct Rough {
    sure: Top,
    open: Vec<Open>,
    /// Number of open rows at which those that fell behind are dropped.
    crowded: usize,
    /// Maximum distance of the query and its copy.
    error: f32,
}

impl RoughVectors {
    /// Copies vectors, on all cores.
    pub fn new(vectors: &Vectors) -> Self {
        let (rows, dimensions) = (vectors.rows(), vectors.dimensions());
        let stride = PackedIntegers::stride(dimensions);
        let mut copy =
            Self { stride, values: vec![0; rows * stride], scales: vec![0.0; rows], errors: vec![0.0; rows] };
        let share = rows.div_ceil(parallel::cores()).max(1);
        let values = copy.values.chunks_mut(share * stride);
        let shares = values.zip(copy.scales.chunks_mut(share)).zip(copy.errors.chunks_mut(share));
        std::thread::scope(|scope| {
            for (at, ((values, scales), errors)) in shares.enumerate() {
                let copy_share = move || {
                    let mut scratch = Vec::new();
                    let rows = values.chunks_exact_mut(stride).zip(scales).zip(errors);
                    for (row, ((values, scale), error)) in rows.enumerate() {
                        let row = at * share + row;
                        let vector = vectors.read(row..row + 1, &mut scratch);
                        (*scale, *error) = round(vector, MAX_WHOLE, |at, whole| values[at] = whole as i8);
                    }
                };
                if cfg!(target_arch = "wasm32") {
                    copy_share();
                } else {
                    scope.spawn(copy_share);
                }
            }
        });
        copy
    }

    /// Returns the bytes of memory.
    pub fn bytes(&self) -> usize {
        self.values.len() + 4 * (self.scales.len() + self.errors.len())
    }
}

impl<'a> Int8Search<'a> {
    /// Creates a search of rows by the copy of their vectors, on all cores.
    pub fn new(rows: Rows<'a>, rough: &'a RoughVectors) -> Self {
        Self { rows, rough, threads: parallel::cores(), kernel: Kernel::detect() }
    }

    /// Sets the maximum number of threads.
    #[must_use]
    pub fn with_threads(self, threads: usize) -> Self {
        Self { threads: threads.max(1), ..self }
    }

    /// Sets the kernel.
    #[must_use]
    pub fn with_kernel(self, kernel: Kernel) -> Self {
        Self { kernel, ..self }
    }

    fn exact(&self) -> CpuSearch<'a> {
        CpuSearch::new(self.rows).with_threads(self.threads).with_kernel(self.kernel)
    }

    /// Searches the rows that are taken until all are; taken ones rise.
    fn search_taken(
        &self,
        queries: &[Query<'_>],
        packed: &PackedIntegers,
        k: usize,
        next: &AtomicUsize,
    ) -> Vec<Rough> {
        let (rows, stride) = (self.rough.scales.len(), self.rough.stride);
        let new = |error: &f32| Rough { sure: Top::new(k), open: Vec::new(), crowded: 1_024, error: *error };
        let mut found: Vec<_> = packed.errors.iter().map(new).collect();
        let block = (BLOCK_NUMBERS / stride).max(1).next_multiple_of(4);
        let take = (TAKEN_NUMBERS / stride).next_multiple_of(block);
        let mut products = vec![0; block * queries.len()];
        loop {
            let start = next.fetch_add(take, Ordering::Relaxed);
            if start >= rows {
                return found;
            }
            let end = (start + take).min(rows);
            for start in (start..end).step_by(block) {
                let range = start..(start + block).min(end);
                let products = &mut products[..range.len() * queries.len()];
                let values = &self.rough.values[range.start * stride..range.end * stride];
                self.kernel.integer_products(values, packed, products);
                let lines = products.chunks_exact(range.len()).zip(&packed.scales);
                for ((query, found), (products, scale)) in queries.iter().zip(&mut found).zip(lines) {
                    self.push(query, found, range.clone(), (products, *scale));
                }
            }
        }
    }

    /// Adds the rows of a block that may be among the nearest of a query.
    fn push(
        &self,
        query: &Query<'_>,
        found: &mut Rough,
        range: Range<usize>,
        (products, scale): (&[i32], f32),
    ) {
        let mut floor = found.sure.floor();
        let scales = self.rough.scales[range.clone()].chunks(GROUP);
        let errors = self.rough.errors[range.clone()].chunks(GROUP);
        let groups = range.step_by(GROUP).zip(products.chunks(GROUP)).zip(scales.zip(errors));
        // A copy is at most as much longer than 1 as its vector and the error are.
        let of_query = found.error;
        let bound = |error: f32| error + of_query * (1.01 + error);
        for ((start, products), (scales, errors)) in groups {
            let rows = products.iter().zip(scales).zip(errors);
            let rows =
                rows.map(|((product, of_row), error)| (*product as f32 * (of_row * scale), bound(*error)));
            // Most groups have no row that may be near enough, which vector instructions tell.
            if rows.clone().filter(|(product, error)| product + error >= floor).count() == 0 {
                continue;
            }
            for (row, (product, error)) in (start..).zip(rows) {
                // Exact cosines are between these, also where rounding makes them longer than 1.
                let upper = (product + error).max(-1.0);
                let is_excepted = || query.except_image.is_some_and(|image| image == self.rows.images[row]);
                if upper < floor || is_excepted() {
                    continue;
                }
                found.open.push(Open { row: row as u32, upper });
                let similarity = (product - error).clamp(-1.0, 1.0);
                if similarity > floor {
                    found.sure.push(Hit { entity: self.rows.entities[row], similarity });
                    floor = found.sure.floor();
                }
            }
        }
        if found.open.len() >= found.crowded {
            found.open.retain(|open| open.upper >= floor);
            found.crowded = 1_024 + 2 * found.open.len();
        }
    }

    /// Compares the open rows of one query exactly; `None` if there are too many of them.
    fn finish(&self, query: &Query<'_>, parts: Vec<Rough>, k: usize) -> Option<Vec<Hit>> {
        let (sure, open): (Vec<_>, Vec<_>) =
            parts.into_iter().map(|part| (part.sure.finish(), part.open)).unzip();
        let sure = join(sure, k);
        let floor = if sure.len() < k { f32::NEG_INFINITY } else { sure.last()?.similarity };
        let mut open: Vec<_> = open.into_iter().flatten().filter(|open| open.upper >= floor).collect();
        if open.len() > 1_024 + self.rough.scales.len() / MAX_OPEN_PART {
            return None;
        }
        open.sort_unstable_by_key(|open| open.row);
        Some(exact_of(self.rows, self.kernel, query, open.into_iter().map(|open| open.row), k))
    }
}

impl Search for Int8Search<'_> {
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        if k == 0 {
            return vec![Vec::new(); queries.len()];
        }
        let packed =
            PackedIntegers::new(self.rows.vectors.dimensions(), queries.iter().map(|one| one.vector));
        let next = AtomicUsize::new(0);
        let threads = self.exact().threads_for(queries.len());
        let parts = parallel::run(threads, || self.search_taken(queries, &packed, k, &next));
        let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
        let lists = queries.iter().map(|query| {
            let of_query = parts.iter_mut().filter_map(Iterator::next).collect();
            let found = self.finish(query, of_query, k);
            found.unwrap_or_else(|| self.exact().nearest(&[*query], k).swap_remove(0))
        });
        lists.collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::link::encoder::pool::normalise;
    use crate::link::index::vectors::Element;

    /// Vectors around a few directions, many of them equal, with the entities that they belong to.
    struct Made {
        vectors: Vectors,
        entities: Vec<u32>,
        images: Vec<u32>,
        queries: Vec<Vec<f32>>,
    }

    fn made(dimensions: usize, rows: usize, noise: f32, seed: u64) -> Made {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        };
        let centres: Vec<Vec<f32>> = (0..5).map(|_| (0..dimensions).map(|_| next()).collect()).collect();
        let mut vector = |at: usize| {
            let centre = centres[at % centres.len()].iter();
            let mut vector: Vec<_> = centre.map(|value| value + noise * next()).collect();
            vector[0] += 1e-3;
            normalise(&mut vector).unwrap();
            vector
        };
        let mut all: Vec<Vec<f32>> = (0..rows).map(&mut vector).collect();
        for at in (3..rows).step_by(3) {
            all[at] = all[at - 2].clone();
        }
        let queries = (0..7).map(vector).collect();
        let vectors = Vectors::new(dimensions, Element::F16, &all.concat());
        let entities = (0..rows as u32).map(|row| row / 2).collect();
        Made { vectors, entities, images: (0..rows as u32).map(|row| row % 5).collect(), queries }
    }

    fn assert_exact(made: &Made, k: usize) {
        let rows = Rows { vectors: &made.vectors, entities: &made.entities, images: &made.images };
        let query =
            |(at, vector): (usize, &Vec<f32>)| (vector.clone(), (at % 2 == 1).then_some(at as u32 % 5));
        let queries: Vec<_> = made.queries.iter().enumerate().map(query).collect();
        let queries: Vec<Query<'_>> =
            queries.iter().map(|(vector, except)| Query { vector, except_image: *except }).collect();
        let rough = RoughVectors::new(&made.vectors);
        for kernel in [Kernel::Portable, Kernel::detect()] {
            let search = Int8Search { threads: 3, ..Int8Search::new(rows, &rough).with_kernel(kernel) };
            let exact = CpuSearch::new(rows).with_kernel(kernel).nearest(&queries, k);
            assert_eq!(search.nearest(&queries, k), exact, "{kernel:?}");
        }
    }

    proptest! {
        #[test]
        fn rough_search_finds_the_same_as_the_exact_one(
            dimensions in 1_usize..80, rows in 1_usize..300, k in 0_usize..20,
            noise in prop_oneof![Just(0.0_f32), Just(0.01), Just(0.3), Just(3.0)], seed in any::<u64>(),
        ) {
            assert_exact(&made(dimensions, rows, noise, seed), k);
        }
    }

    #[test]
    fn rough_search_of_many_rows_is_exact_and_opens_few() {
        let made = made(48, 60_000, 1.0, 3);
        assert_exact(&made, 10);
        let rows = Rows { vectors: &made.vectors, entities: &made.entities, images: &made.images };
        let rough = RoughVectors::new(&made.vectors);
        let search = Int8Search::new(rows, &rough);
        let query: Query<'_> = made.queries[0].as_slice().into();
        let packed = PackedIntegers::new(48, [query.vector]);
        let found = search.search_taken(&[query], &packed, 10, &AtomicUsize::new(0)).remove(0);
        assert!(found.open.len() < 3_000, "{} rows are open", found.open.len());
    }

    #[test]
    fn equal_vectors_leave_all_rows_open_and_are_searched_exactly() {
        assert_exact(&made(16, 30_000, 0.0, 9), 5);
    }
}
