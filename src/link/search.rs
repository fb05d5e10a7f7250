//! Exact search: the entities whose best view is nearest to a query, by cosine.

use super::index::Index;
use super::vectors::Vectors;

/// One entity found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Position of the entity in the index.
    pub entity: u32,
    /// The view nearest to the query.
    pub entry: u32,
    /// Its cosine with the query.
    pub similarity: f32,
}

/// The `k` entities nearest to `query` (of length 1), the nearest first, equal ones by rising QID.
///
/// An entity is as near as its nearest view: views show different sides of a thing, and one that
/// matches is evidence whatever the others show. Views of the image `except_image` do not count.
pub fn nearest(index: &Index, query: &[f32], k: usize, except_image: Option<u32>) -> Vec<Hit> {
    let mut top = Top::new(k);
    let mut best: Option<Hit> = None;
    cosines(index.vectors(), query, |entry, similarity| {
        if except_image == Some(index.image_of(entry)) {
            return;
        }
        let entity = index.entries()[entry].entity;
        match &mut best {
            Some(best) if best.entity == entity => {
                if similarity > best.similarity {
                    *best = Hit { entity, entry: entry as u32, similarity };
                }
            }
            _ => {
                if let Some(before) = best.replace(Hit { entity, entry: entry as u32, similarity }) {
                    top.push(before);
                }
            }
        }
    });
    if let Some(last) = best {
        top.push(last);
    }
    top.hits
}

/// The `k` views of an entity nearest to `query`, the nearest first, as `(entry, cosine)`.
pub fn nearest_views(index: &Index, query: &[f32], entity: u32, k: usize) -> Vec<(usize, f32)> {
    let mut scratch = Vec::new();
    let entries = index.entries_of(entity);
    let rows = index.vectors().read(entries.clone(), &mut scratch);
    let mut views: Vec<_> =
        entries.zip(rows.chunks_exact(query.len()).map(|row| dot(row, query).clamp(-1.0, 1.0))).collect();
    views.sort_by(|a, b| b.1.total_cmp(&a.1));
    views.truncate(k);
    views
}

/// Calls `visit` with each row and its cosine with `query`, in order.
pub fn cosines(vectors: &Vectors, query: &[f32], mut visit: impl FnMut(usize, f32)) {
    // About 64 KiB of numbers, so that rows converted from 16 bits are still in the nearest cache
    // when multiplied.
    let block = (16_384 / vectors.dimensions()).max(1);
    let mut scratch = Vec::new();
    for start in (0..vectors.rows()).step_by(block) {
        let rows = vectors.read(start..(start + block).min(vectors.rows()), &mut scratch);
        for (row, vector) in rows.chunks_exact(vectors.dimensions()).enumerate() {
            // Lengths are 1 up to rounding, which a cosine must not show.
            visit(start + row, dot(vector, query).clamp(-1.0, 1.0));
        }
    }
}

/// Scalar product of two vectors of one length.
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

/// The best `k` hits so far, sorted.
struct Top {
    k: usize,
    hits: Vec<Hit>,
}

impl Top {
    fn new(k: usize) -> Self {
        Self { k, hits: Vec::new() }
    }

    /// Takes a hit of an entity that comes after all before it, so that equal ones stay in order of QID.
    fn push(&mut self, hit: Hit) {
        if self.hits.len() == self.k && self.hits.last().is_none_or(|last| last.similarity >= hit.similarity)
        {
            return;
        }
        let at = self.hits.partition_point(|other| other.similarity >= hit.similarity);
        self.hits.insert(at, hit);
        self.hits.truncate(self.k);
    }
}

#[cfg(test)]
mod tests {
    use super::super::encoder_card::EncoderCard;
    use super::super::index::{Entity, Entry};
    use super::super::vectors::Element;
    use super::*;
    use proptest::prelude::*;

    fn index(element: Element, views: &[(u32, [f32; 3])]) -> Index {
        let entities = (0..40).map(|n| Entity { qid: format!("Q{n}"), ..Entity::default() }).collect();
        let views = views.iter().enumerate().map(|(at, (entity, vector))| {
            let annotation = format!("{at:04}");
            let image_hash = format!("{}", at % 7);
            (Entry { entity: *entity, annotation, image_hash, ..Entry::default() }, vector.to_vec())
        });
        Index::build(EncoderCard::default(), element, entities, views.collect()).unwrap()
    }

    /// Sorts everything, as the definition says.
    fn naive(index: &Index, query: &[f32], k: usize, except_image: Option<u32>) -> Vec<(String, f32)> {
        let mut scratch = Vec::new();
        let mut best = std::collections::BTreeMap::new();
        for (at, entry) in index.entries().iter().enumerate() {
            let similarity = dot(index.vectors().read(at..at + 1, &mut scratch), query).clamp(-1.0, 1.0);
            let entry = best.entry(entry.entity).or_insert(f32::NEG_INFINITY);
            if except_image != Some(index.image_of(at)) {
                *entry = entry.max(similarity);
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
        fn nearest_is_what_sorting_everything_gives(
            // Small whole numbers make many equal cosines.
            views in proptest::collection::vec((0_u32..12, (-3_i8..4, -3_i8..4, 1_i8..4)), 2..60),
            query in (-3_i8..4, -3_i8..4, 1_i8..4), k in 1_usize..9, except in proptest::option::of(0_u32..7),
            half in any::<bool>(),
        ) {
            let float = |(x, y, z): (i8, i8, i8)| [x, y, z].map(f32::from);
            let views: Vec<_> = views.into_iter().map(|(entity, view)| (entity, float(view))).collect();
            // Centring leaves no direction where all views are equal; such an index is refused at building.
            let mean = [0, 1, 2].map(|at| views.iter().map(|view| view.1[at]).sum::<f32>() / views.len() as f32);
            prop_assume!(views.iter().all(|view| view.1.iter().zip(mean).any(|(a, b)| (a - b).abs() > 1e-3)));
            let element = if half { Element::F16 } else { Element::F32 };
            let index = index(element, &views);
            let mut query = float(query);
            super::super::pool::normalise(&mut query).unwrap();
            let found: Vec<_> = nearest(&index, &query, k, except).iter()
                .map(|hit| (index.entities()[hit.entity as usize].qid.clone(), hit.similarity)).collect();
            prop_assert_eq!(found, naive(&index, &query, k, except));
        }

        #[test]
        fn dot_is_the_sum_of_products(pairs in proptest::collection::vec((-1.0..1.0_f32, -1.0..1.0_f32), 0..200)) {
            let (a, b): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
            let expected: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot(&a, &b)) - expected).abs() < 1e-4);
        }
    }

    #[test]
    fn equal_entities_come_by_rising_qid_as_a_number() {
        // Q10 and Q9 have the same view; as text Q10 would come first.
        let index = index(Element::F32, &[(10, [1.0, 0.0, 0.0]), (9, [1.0, 0.0, 0.0]), (3, [0.0, 1.0, 0.0])]);
        let query = index.query(&[1.0, 0.0, 0.0]).unwrap();
        let hits = nearest(&index, &query, 3, None);
        let qids: Vec<_> =
            hits.iter().map(|hit| index.entities()[hit.entity as usize].qid.as_str()).collect();
        assert_eq!(qids, ["Q9", "Q10", "Q3"]);
        assert_eq!(nearest_views(&index, &query, hits[0].entity, 5).len(), 1);
    }
}
