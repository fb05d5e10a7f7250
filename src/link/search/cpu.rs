//! Exact search on the CPU: each query's cosine with every exemplar, in one pass over the vectors.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::kernel::{Kernel, Packed};
use super::top::{Top, join};
use super::{Hit, Query, Rows, Search};
use crate::link::index::Index;
use crate::link::index::vectors::dot;
use crate::link::parallel;

/// Numbers of a block: widened to 32 bits, half of the nearest cache of a processor.
const BLOCK_NUMBERS: usize = 4_096;
/// Rows that are compared with a list's floor together.
const GROUP: usize = 32;
/// Numbers that a thread takes at a time: few enough that a thread that starts late finds work.
const TAKEN_NUMBERS: usize = 1 << 18;
/// Products of numbers below which another thread costs more than it gains.
const THREAD_NUMBERS: usize = 1 << 21;

/// Exact search of rows on the CPU.
#[derive(Clone, Copy, Debug)]
pub struct CpuSearch<'a> {
    rows: Rows<'a>,
    threads: usize,
    kernel: Kernel,
}

impl<'a> CpuSearch<'a> {
    /// Creates a search by the fastest kernel, on all cores.
    pub fn new(rows: Rows<'a>) -> Self {
        Self { rows, threads: parallel::cores(), kernel: Kernel::detect() }
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

    /// Returns the threads that are worth their start for so many queries.
    pub(super) fn threads_for(&self, queries: usize) -> usize {
        let vectors = self.rows.vectors;
        let numbers = vectors.rows() * vectors.dimensions() * queries;
        (numbers / THREAD_NUMBERS).clamp(1, self.threads)
    }

    /// Searches the rows that are taken until all are; taken ones rise.
    fn search_taken(&self, queries: &[Query<'_>], packed: &Packed, k: usize, next: &AtomicUsize) -> Vec<Top> {
        let mut tops: Vec<_> = queries.iter().map(|_| Top::new(k)).collect();
        let vectors = self.rows.vectors;
        let (rows, dimensions) = (vectors.rows(), vectors.dimensions());
        let block = (BLOCK_NUMBERS / dimensions).max(1).next_multiple_of(4);
        let take = (TAKEN_NUMBERS / dimensions).next_multiple_of(block);
        let (mut scratch, mut products) = (Vec::new(), vec![0.0; block * queries.len()]);
        loop {
            let start = next.fetch_add(take, Ordering::Relaxed);
            if start >= rows {
                return tops;
            }
            let end = (start + take).min(rows);
            for start in (start..end).step_by(block) {
                let range = start..(start + block).min(end);
                let products = &mut products[..range.len() * queries.len()];
                self.kernel.products(vectors.slice(range.clone()), packed, &mut scratch, products);
                for ((query, top), products) in
                    queries.iter().zip(&mut tops).zip(products.chunks_exact(range.len()))
                {
                    self.push(query, top, range.clone(), products);
                }
            }
        }
    }

    /// Adds the rows of a block that are near enough to a query's list.
    fn push(&self, query: &Query<'_>, top: &mut Top, range: Range<usize>, products: &[f32]) {
        let mut floor = top.floor();
        for (start, group) in range.step_by(GROUP).zip(products.chunks(GROUP)) {
            // Most groups have no row that is near enough, which vector instructions tell.
            if group.iter().filter(|product| **product > floor).count() == 0 {
                continue;
            }
            for (row, &product) in (start..).zip(group) {
                // Vectors have the length 1 up to rounding, which a cosine must not show.
                let similarity = product.clamp(-1.0, 1.0);
                let is_excepted = || query.except_image.is_some_and(|image| image == self.rows.images[row]);
                if similarity > floor && !is_excepted() {
                    top.push(Hit { entity: self.rows.entities[row], similarity });
                    floor = top.floor();
                }
            }
        }
    }
}

impl Search for CpuSearch<'_> {
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        let packed = Packed::new(self.rows.vectors.dimensions(), queries.iter().map(|query| query.vector));
        let next = AtomicUsize::new(0);
        let threads = self.threads_for(queries.len());
        let parts = parallel::run(threads, || self.search_taken(queries, &packed, k, &next));
        let mut parts: Vec<_> = parts.into_iter().map(Vec::into_iter).collect();
        let lists = queries.iter().map(|_| {
            let of_query = parts.iter_mut().filter_map(Iterator::next).map(Top::finish);
            join(of_query, k)
        });
        lists.collect()
    }
}

impl Search for Index {
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        CpuSearch::new(self.into()).nearest(queries, k)
    }
}

/// Returns the `k` exemplars of an entity nearest to `query`, the nearest first, as `(exemplar, cosine)`.
/// Those of the image that the query excludes are left out.
pub fn nearest_exemplars(index: &Index, query: Query<'_>, entity: u32, k: usize) -> Vec<(usize, f32)> {
    let Query { vector, except_image } = query;
    let mut scratch = Vec::new();
    let exemplars = index.exemplars_of(entity);
    let rows = index.vectors().read(exemplars.clone(), &mut scratch).chunks_exact(vector.len());
    let counted = exemplars.zip(rows).filter(|(at, _)| Some(index.image_of(*at)) != except_image);
    let mut found: Vec<_> = counted.map(|(at, row)| (at, cosine(row, vector))).collect();
    found.sort_by(|a, b| b.1.total_cmp(&a.1));
    found.truncate(k);
    found
}

/// Returns the cosine of two vectors of length 1 up to rounding, which the cosine must not show.
fn cosine(a: &[f32], b: &[f32]) -> f32 {
    dot(a, b).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::encoder::manifest::EncoderManifest;
    use crate::link::encoder::pool::normalise;
    use crate::link::index::build::Material;
    use crate::link::index::vectors::{Element, Vectors};
    use crate::link::index::{Entity, Exemplar};
    use crate::link::search::int8::{Int8Search, RoughVectors};
    use proptest::prelude::*;

    fn index(element: Element, exemplars: &[(u32, [f32; 3])]) -> Index {
        let entities = (0..40).map(|n| Entity { qid: format!("Q{n}"), ..Entity::default() }).collect();
        let features = exemplars.iter().enumerate().map(|(at, (entity, vector))| {
            let annotation = format!("{at:04}");
            let image_hash = format!("{}", at % 7);
            (Exemplar { entity: *entity, annotation, image_hash, ..Exemplar::default() }, vector.to_vec())
        });
        let material = Material { entities, exemplars: features.collect(), ..Material::default() };
        Index::build(EncoderManifest::default(), element, material).unwrap()
    }

    #[test]
    fn vectors_longer_than_a_block_are_searched() {
        let row =
            |at: usize| (0..20_000).map(|n| if n % 3 == at { 0.0122 } else { 0.0 }).collect::<Vec<f32>>();
        let vectors = Vectors::new(20_000, Element::F16, &[row(0), row(1), row(2)].concat());
        let rows = Rows { vectors: &vectors, entities: &[0, 1, 2], images: &[0, 1, 2] };
        let (query, rough) = (row(1), RoughVectors::new(&vectors));
        let exact = CpuSearch::new(rows).nearest(&[query.as_slice().into()], 1);
        assert_eq!(exact[0][0].entity, 1);
        assert_eq!(Int8Search::new(rows, &rough).nearest(&[query.as_slice().into()], 1), exact);
    }

    /// Returns the products of a query with each row, one row at a time.
    fn similarities(index: &Index, kernel: Kernel, query: &[f32]) -> Vec<f32> {
        let packed = Packed::new(query.len(), [query]);
        let mut product = [0.0];
        (0..index.vectors().rows())
            .map(|row| {
                kernel.products(index.vectors().slice(row..row + 1), &packed, &mut Vec::new(), &mut product);
                product[0].clamp(-1.0, 1.0)
            })
            .collect()
    }

    /// Sorts everything, as the definition says.
    fn naive(index: &Index, similarities: &[f32], k: usize, except_image: Option<u32>) -> Vec<(String, f32)> {
        let mut best = std::collections::BTreeMap::new();
        for (at, exemplar) in index.exemplars().iter().enumerate() {
            let similarity = similarities[at];
            let best = best.entry(exemplar.entity).or_insert(f32::NEG_INFINITY);
            if except_image != Some(index.image_of(at)) {
                *best = best.max(similarity);
            }
        }
        let mut all: Vec<_> = best.into_iter().filter(|(_, similarity)| similarity.is_finite()).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        all.truncate(k);
        all.into_iter()
            .map(|(entity, similarity)| (index.entities()[entity as usize].qid.clone(), similarity))
            .collect()
    }

    proptest! {
        #[test]
        fn nearest_agrees_with_sorting_all_entities(
            // Small whole numbers make many equal cosines.
            exemplars in proptest::collection::vec((0_u32..12, (-3_i8..4, -3_i8..4, 1_i8..4)), 2..60),
            queries in proptest::collection::vec(
                ((-3_i8..4, -3_i8..4, 1_i8..4), proptest::option::of(0_u32..7)), 1..4,
            ),
            k in 1_usize..9, half in any::<bool>(),
        ) {
            let float = |(x, y, z): (i8, i8, i8)| [x, y, z].map(f32::from);
            let exemplars: Vec<_> =
                exemplars.into_iter().map(|(entity, vector)| (entity, float(vector))).collect();
            // Centring leaves no direction where all exemplars are equal: such an index is not built.
            let sum = |at: usize| exemplars.iter().map(|one| one.1[at]).sum::<f32>();
            let mean = [0, 1, 2].map(|at| sum(at) / exemplars.len() as f32);
            let has_direction =
                |vector: &[f32; 3]| vector.iter().zip(mean).any(|(a, b)| (a - b).abs() > 1e-3);
            prop_assume!(exemplars.iter().all(|one| has_direction(&one.1)));
            let element = if half { Element::F16 } else { Element::F32 };
            let index = index(element, &exemplars);
            let queries = queries.into_iter().map(|(query, except_image)| {
                let mut query = float(query);
                normalise(&mut query).unwrap();
                (query, except_image)
            });
            let queries: Vec<_> = queries.collect();
            let borrowed: Vec<_> =
                queries.iter().map(|(vector, except)| Query { vector, except_image: *except }).collect();
            for kernel in [Kernel::Portable, Kernel::detect()] {
                let search = CpuSearch::new((&index).into()).with_kernel(kernel);
                for (hits, (query, except)) in search.nearest(&borrowed, k).iter().zip(&queries) {
                    let qid = |entity: u32| index.entities()[entity as usize].qid.clone();
                    let found: Vec<_> = hits.iter().map(|hit| (qid(hit.entity), hit.similarity)).collect();
                    let similarities = similarities(&index, kernel, query);
                    prop_assert_eq!(found, naive(&index, &similarities, k, *except));
                }
            }
        }

        #[test]
        fn dot_is_the_sum_of_products(
            pairs in proptest::collection::vec((-1.0..1.0_f32, -1.0..1.0_f32), 0..200),
        ) {
            let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn several_threads_find_the_same_as_one() {
        // Many equal vectors, and entities whose rows two threads share.
        let vector = |n: u32| [(n * 7 % 13) as f32, (n % 5) as f32, (n % 2) as f32].map(|value| value / 20.0);
        let vectors = Vectors::new(3, Element::F16, &(0..300_000).flat_map(vector).collect::<Vec<_>>());
        let entities: Vec<_> = (0..300_000).map(|n| n / 7_000).collect();
        let rows = Rows { vectors: &vectors, entities: &entities, images: &entities };
        let queries: Vec<_> = (0..70).map(|n| vector(3 * n + 1)).collect();
        let queries: Vec<Query<'_>> = queries.iter().map(|query| query.as_slice().into()).collect();
        let search = |threads: usize| CpuSearch { threads, ..CpuSearch::new(rows) };
        assert!(search(3).threads_for(queries.len()) == 3, "the test must use three threads");
        assert_eq!(search(3).nearest(&queries, 20), search(1).nearest(&queries, 20));
        for (query, hits) in queries.iter().zip(search(3).nearest(&queries, 20)) {
            assert_eq!(hits, search(1).nearest(&[*query], 20).remove(0));
        }
    }

    #[test]
    fn equal_entities_are_ordered_by_qid_as_a_number() {
        // Q10 and Q9 have the same vector; as text Q10 would come first.
        let index = index(Element::F32, &[(10, [1.0, 0.0, 0.0]), (9, [1.0, 0.0, 0.0]), (3, [0.0, 1.0, 0.0])]);
        let query = index.query(&[1.0, 0.0, 0.0]).unwrap();
        let query = Query::from(query.as_slice());
        let hits = index.nearest(&[query], 3).remove(0);
        let qids: Vec<_> =
            hits.iter().map(|hit| index.entities()[hit.entity as usize].qid.as_str()).collect();
        assert_eq!(qids, ["Q9", "Q10", "Q3"]);
        assert_eq!(nearest_exemplars(&index, query, hits[0].entity, 5).len(), 1);
    }
}
