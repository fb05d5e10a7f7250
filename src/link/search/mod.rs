//! Search: the entities whose best exemplar is nearest to a query, by cosine.

pub mod cpu;
pub mod device;
pub mod engine;
#[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
pub mod gpu;
pub mod int8;
pub mod kernel;
pub mod rescore;
#[cfg(all(feature = "gpu", not(target_arch = "wasm32")))]
mod resident;
mod top;

use super::index::Index;
use super::index::vectors::Vectors;

/// One entity found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Position of the entity in the index.
    pub entity: u32,
    /// Cosine of its nearest exemplar's vector and the query, -1 to 1; for a class its logit.
    pub similarity: f32,
}

/// One vector to search for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// Centred vector of length 1, as [`Index::query`](super::index::Index::query) returns it.
    pub vector: &'a [f32],
    /// Number of an [image](super::index::Index::image_of) whose exemplars do not count.
    pub except_image: Option<u32>,
}

/// The vectors to search in, and the entity and image that each belongs to.
#[derive(Clone, Copy, Debug)]
pub struct Rows<'a> {
    /// Vectors of length 1, one a row.
    pub vectors: &'a Vectors,
    /// Position of each row's entity, rising.
    pub entities: &'a [u32],
    /// Number of each row's image.
    pub images: &'a [u32],
}

/// Finds entities by the vectors of their exemplars.
pub trait Search {
    /// Returns for each query the `k` nearest entities, the nearest first, equal ones by rising QID.
    ///
    /// An entity is as near as its nearest exemplar: exemplars show different sides of a thing, and
    /// one that matches is evidence whatever the others show.
    fn nearest(&self, queries: &[Query<'_>], k: usize) -> Vec<Vec<Hit>>;
}

impl<'a> From<&'a Index> for Rows<'a> {
    /// Returns the exemplars of an index.
    fn from(index: &'a Index) -> Self {
        Self { vectors: index.vectors(), entities: index.owners(), images: index.images() }
    }
}

impl<'a> From<&'a [f32]> for Query<'a> {
    /// Returns a query in which the exemplars of all images count.
    fn from(vector: &'a [f32]) -> Self {
        Self { vector, except_image: None }
    }
}
