//! Exact search on the CPU: each query's cosine with every exemplar, in one pass over the vectors.

use super::{Hit, Query, Search};
use crate::link::index::Index;
use crate::link::index::vectors::dot;

impl Search for Index {
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>> {
        let mut tops: Vec<_> = queries.iter().map(|_| Top { k, hits: Vec::new(), best: None }).collect();
        let (vectors, exemplars) = (self.vectors(), self.exemplars());
        // About 64 KiB of numbers, so that rows converted from 16 bits are still in the nearest
        // cache when multiplied.
        let block = (16_384 / vectors.dimensions()).max(1);
        let mut scratch = Vec::new();
        for start in (0..vectors.rows()).step_by(block) {
            let rows = vectors.read(start..(start + block).min(vectors.rows()), &mut scratch);
            for (query, top) in queries.iter().zip(&mut tops) {
                for (row, vector) in rows.chunks_exact(vectors.dimensions()).enumerate() {
                    let exemplar = start + row;
                    if query.except_image.is_some_and(|image| image == self.image_of(exemplar)) {
                        continue;
                    }
                    let (entity, similarity) = (exemplars[exemplar].entity, cosine(vector, query.vector));
                    top.push(Hit { entity, similarity });
                }
            }
        }
        tops.into_iter().map(Top::finish).collect()
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

/// The best `k` hits so far, sorted, and the best exemplar of the entity that is being read.
struct Top {
    k: usize,
    hits: Vec<Hit>,
    best: Option<Hit>,
}

impl Top {
    /// Adds an exemplar; those of one entity come together, in the order of the QIDs.
    fn push(&mut self, hit: Hit) {
        match &mut self.best {
            Some(best) if best.entity == hit.entity => {
                if hit.similarity > best.similarity {
                    *best = hit;
                }
            }
            best => {
                if let Some(last) = best.replace(hit) {
                    self.push_entity(last);
                }
            }
        }
    }

    /// Adds the best hit of an entity after all before it, so that equal ones stay in order of QID.
    fn push_entity(&mut self, hit: Hit) {
        if self.hits.len() == self.k && self.hits.last().is_none_or(|last| last.similarity >= hit.similarity)
        {
            return;
        }
        let at = self.hits.partition_point(|other| other.similarity >= hit.similarity);
        self.hits.insert(at, hit);
        self.hits.truncate(self.k);
    }

    fn finish(mut self) -> Vec<Hit> {
        if let Some(last) = self.best.take() {
            self.push_entity(last);
        }
        self.hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::encoder::manifest::EncoderManifest;
    use crate::link::encoder::pool::normalise;
    use crate::link::index::build::Material;
    use crate::link::index::vectors::Element;
    use crate::link::index::{Entity, Exemplar};
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

    /// Sorts everything, as the definition says.
    fn naive(index: &Index, query: &[f32], k: usize, except_image: Option<u32>) -> Vec<(String, f32)> {
        let mut scratch = Vec::new();
        let mut best = std::collections::BTreeMap::new();
        for (at, exemplar) in index.exemplars().iter().enumerate() {
            let similarity = cosine(index.vectors().read(at..at + 1, &mut scratch), query);
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
            for (hits, (query, except)) in index.nearest(&borrowed, k).iter().zip(&queries) {
                let qid = |entity: u32| index.entities()[entity as usize].qid.clone();
                let found: Vec<_> = hits.iter().map(|hit| (qid(hit.entity), hit.similarity)).collect();
                prop_assert_eq!(found, naive(&index, query, k, *except));
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
