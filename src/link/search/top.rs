//! The best entities of a query while rows are read in order, and those of several readers together.

use super::Hit;

/// The best `k` hits so far, sorted, and the best exemplar of the entity that is being read.
pub(super) struct Top {
    k: usize,
    hits: Vec<Hit>,
    best: Option<Hit>,
}

impl Top {
    /// Creates a list of at most `k` entities.
    pub(super) const fn new(k: usize) -> Self {
        Self { k, hits: Vec::new(), best: None }
    }

    /// Returns the similarity that a row must exceed to change the list.
    pub(super) fn floor(&self) -> f32 {
        let is_full = self.hits.len() >= self.k;
        if is_full {
            self.hits.last().map_or(f32::INFINITY, |last| last.similarity)
        } else {
            f32::NEG_INFINITY
        }
    }

    /// Adds an exemplar; those of one entity come together, in the order of the QIDs.
    pub(super) fn push(&mut self, hit: Hit) {
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
        if hit.similarity <= self.floor() {
            return;
        }
        let at = self.hits.partition_point(|other| other.similarity >= hit.similarity);
        self.hits.insert(at, hit);
        self.hits.truncate(self.k);
    }

    /// Returns the list, the nearest first.
    pub(super) fn finish(mut self) -> Vec<Hit> {
        if let Some(last) = self.best.take() {
            self.push_entity(last);
        }
        self.hits
    }
}

/// Joins the lists of parts of the rows to the `k` nearest entities. Rows of one entity may lie in
/// several parts.
pub(super) fn join(parts: impl IntoIterator<Item = Vec<Hit>>, k: usize) -> Vec<Hit> {
    let mut hits: Vec<_> = parts.into_iter().flatten().collect();
    hits.sort_by(|a, b| a.entity.cmp(&b.entity).then(b.similarity.total_cmp(&a.similarity)));
    hits.dedup_by_key(|hit| hit.entity);
    // Stable: equal ones stay in order of QID.
    hits.sort_by(|a, b| b.similarity.total_cmp(&a.similarity));
    hits.truncate(k);
    hits
}
