//! A mask's feature answered with entities: the nearest views of the index, calibrated scores, what
//! they rest on.

use super::calibration::CANDIDATES;
use super::encoder::pool::FeatureMap;
use super::encoder::{self, input};
use super::index::{self, Index, QueryError};
use super::protocol::{Evidence, LinkResponse, ModelInfo, ScoredEntity, Timing};
use super::search::{Hit, Search as _, cpu};
use crate::rle::Mask;

/// How many views of an entity an answer shows.
const MAX_EVIDENCE: usize = 3;

/// An index that answers; the running of its encoder's graph is the caller's.
#[derive(Clone, Debug)]
pub struct LocalLinker {
    index: Index,
    model: ModelInfo,
}

/// Why a mask has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// No feature could be computed.
    #[error(transparent)]
    Encode(#[from] encoder::EncodeError),
    /// The feature is not one the index answers.
    #[error(transparent)]
    Index(#[from] QueryError),
}

impl LocalLinker {
    /// Answers from an index whose header has this SHA-256.
    pub fn new(index: Index, index_sha256: String) -> Self {
        let model = ModelInfo {
            encoder: index.encoder().id.clone(),
            encoder_sha256: index.encoder().sha256.clone(),
            index_sha256,
            entities: index.entities().len() as u64,
            exemplars: index.exemplars().len() as u64,
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
    ) -> Result<Vec<f32>, AnswerError> {
        Ok(self.index.query(&input::feature(maps, mask)?)?)
    }

    /// The `top_k` likeliest entities of a [query](Self::query). The timing is the caller's to fill.
    pub fn answer(&self, query: &[f32], top_k: usize) -> LinkResponse {
        // The scores' softmax runs over a fixed number of candidates, however many are asked for.
        let hits = self.index.nearest(&[query.into()], top_k.max(CANDIDATES)).pop().unwrap_or_default();
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
        let nearest = cpu::nearest_exemplars(&self.index, query, hit.entity, MAX_EVIDENCE);
        let evidence = nearest.into_iter().map(|(at, similarity)| {
            let exemplar = &self.index.exemplars()[at];
            let (annotation, image) = (exemplar.annotation.clone(), exemplar.image.clone());
            Evidence { annotation, image, bounds: exemplar.bounds, similarity }
        });
        let index::Entity { qid, title, description, url, thumbnail } = entity;
        ScoredEntity { qid, title, description, score, url, thumbnail, evidence: evidence.collect() }
    }
}
