//! A mask's feature answered with entities: the nearest views of the index, calibrated scores, what
//! they rest on.

use super::calibrate::CANDIDATES;
use super::encode;
use super::index::{self, Index};
use super::pool::FeatureMap;
use super::protocol::{Evidence, LinkResponse, ModelInfo, ScoredEntity, Timing};
use super::search::{self, Hit};
use crate::rle::Mask;

/// How many views of an entity an answer shows.
const MAX_EVIDENCE: usize = 3;

/// An index that answers; the running of its encoder's graph is the caller's.
#[derive(Clone, Debug)]
pub struct Linker {
    index: Index,
    model: ModelInfo,
}

/// Why a mask has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No feature could be computed.
    #[error(transparent)]
    Encode(#[from] encode::Error),
    /// The feature is not one the index answers.
    #[error(transparent)]
    Index(#[from] index::Error),
}

impl Linker {
    /// Answers from an index whose header has this SHA-256.
    pub fn new(index: Index, index_sha256: String) -> Self {
        let model = ModelInfo {
            encoder: index.encoder().id.clone(),
            encoder_sha256: index.encoder().sha256.clone(),
            index_sha256,
            entities: index.entities().len() as u64,
            entries: index.entries().len() as u64,
        };
        Self { index, model }
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The vector to search with for a mask, from the maps of the encoder's views in the order of its card.
    pub fn query<'m>(
        &self,
        maps: impl IntoIterator<Item = &'m FeatureMap>,
        mask: &Mask,
    ) -> Result<Vec<f32>, Error> {
        Ok(self.index.query(&encode::feature(maps, mask)?)?)
    }

    /// The `top_k` likeliest entities of a [query](Self::query). The timing is the caller's to fill.
    pub fn answer(&self, query: &[f32], top_k: usize) -> LinkResponse {
        // The scores' softmax runs over a fixed number of candidates, however many are asked for.
        let hits = search::nearest(&self.index, query, top_k.max(CANDIDATES), None);
        let cosines: Vec<_> = hits.iter().take(CANDIDATES).map(|hit| hit.similarity).collect();
        let mut scores = self.index.calibration().scores(&cosines);
        // Candidates behind those get the last one's score at most; it is all that is known of them.
        let last = scores.last().copied().unwrap_or_default();
        scores.resize(hits.len(), last);
        // Entities lie in the order of their QIDs, by which the protocol breaks ties.
        let mut scored: Vec<_> = hits.iter().zip(scores).collect();
        scored.sort_by(|(a, x), (b, y)| y.total_cmp(x).then(a.entity.cmp(&b.entity)));
        let entities =
            scored.into_iter().take(top_k).map(|(hit, score)| self.entity(query, hit, score)).collect();
        let in_index = self.index.calibration().in_index(&cosines);
        LinkResponse { entities, in_index, model: self.model.clone(), timing_ms: Timing::default() }
    }

    fn entity(&self, query: &[f32], hit: &Hit, score: f32) -> ScoredEntity {
        let entity = self.index.entities()[hit.entity as usize].clone();
        let views = search::nearest_views(&self.index, query, hit.entity, MAX_EVIDENCE);
        let evidence = views.into_iter().map(|(at, similarity)| {
            let entry = &self.index.entries()[at];
            let (annotation, image) = (entry.annotation.clone(), entry.image.clone());
            Evidence { annotation, image, bounds: entry.bounds, similarity }
        });
        let index::Entity { qid, title, description, url, thumbnail } = entity;
        ScoredEntity { qid, title, description, score, url, thumbnail, evidence: evidence.collect() }
    }
}
