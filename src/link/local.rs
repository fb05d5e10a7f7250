//! Linking by an index in memory: one async function over a [`Host`], for the server and the page.

use std::sync::OnceLock;

use super::calibration::CANDIDATES;
use super::encoder::input::{EncodeError, join};
use super::encoder::pool::FeatureMap;
use super::encoder::run;
use super::index::{Entity, Index, QueryError};
use super::protocol::{Evidence, LinkResponse, ModelInfo, ScoredEntity, Timing};
use super::search::{Hit, Search as _, cpu};
use crate::model::{Host, HostError};
use crate::rle::Mask;

/// Maximum number of exemplars shown for an entity.
const MAX_EVIDENCE: usize = 3;

/// An index to link masks with.
#[derive(Clone, Debug)]
pub struct LocalLinker {
    index: Index,
    model: ModelInfo,
}

/// Why a mask could not be linked.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// The mask has no feature, or the encoder could not be run.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The feature cannot be searched for in this index.
    #[error(transparent)]
    Query(#[from] QueryError),
}

/// Links a mask in the host's image: returns the `top_k` likeliest entities.
///
/// `image_map` keeps the feature map of the whole image for the next mask in it; it must be empty
/// or of the same image. Before each run of the encoder the host is asked whether the work is
/// cancelled; then the error's code is `cancelled`. The timing's `queue` is 0.
pub async fn answer<H: Host>(
    linker: &LocalLinker,
    host: &H,
    mask: &Mask,
    image_map: &OnceLock<FeatureMap>,
    top_k: usize,
) -> Result<LinkResponse, AnswerError> {
    let started = host.now_millis();
    let maps = run::maps(linker.index.encoder(), host, mask, image_map).await?;
    let encoded = host.now_millis();
    let query = linker.index.query(&join(&maps, mask)?)?;
    let pooled = host.now_millis();
    let response = linker.search(&query, top_k);
    let searched = host.now_millis();
    let timing_ms = Timing {
        queue: 0.0,
        encode: encoded - started,
        pool: pooled - encoded,
        search: searched - pooled,
        total: searched - started,
    };
    Ok(LinkResponse { timing_ms, ..response })
}

impl LocalLinker {
    /// Creates a linker of an index whose header has this SHA-256.
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

    /// Returns the index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Returns the `top_k` likeliest entities of a [query](Index::query), without timing.
    pub fn search(&self, query: &[f32], top_k: usize) -> LinkResponse {
        // The scores' softmax runs over a fixed number of candidates, whatever `top_k` is.
        let found = self.index.nearest(&[query.into()], top_k.max(CANDIDATES));
        let hits = found.into_iter().next().unwrap_or_default();
        let cosines: Vec<_> = hits.iter().take(CANDIDATES).map(|hit| hit.similarity).collect();
        let mut scores = self.index.calibration().scores(&cosines);
        // Candidates behind those get at most the last one's score; no more is known of them.
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
        let Entity { qid, title, description, url, thumbnail } =
            self.index.entities()[hit.entity as usize].clone();
        let nearest = cpu::nearest_exemplars(&self.index, query, hit.entity, MAX_EVIDENCE);
        let evidence = nearest.into_iter().map(|(at, similarity)| {
            let exemplar = &self.index.exemplars()[at];
            let (annotation, image) = (exemplar.annotation.clone(), exemplar.image.clone());
            Evidence { annotation, image, bounds: exemplar.bounds, similarity }
        });
        ScoredEntity { qid, title, description, score, url, thumbnail, evidence: evidence.collect() }
    }
}

impl AnswerError {
    /// Returns the code of the error, which programs may rely on.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Encode(EncodeError::MaskSize { .. } | EncodeError::Pool(_)) => "bad-mask",
            Self::Encode(EncodeError::Output { .. }) => "model-output",
            Self::Encode(EncodeError::Host(error)) => error.code(),
            Self::Encode(EncodeError::Pixels(_) | EncodeError::TooThin { .. }) => "image-unreadable",
            Self::Query(_) => "index-unusable",
        }
    }
}

impl From<HostError> for AnswerError {
    fn from(error: HostError) -> Self {
        Self::Encode(error.into())
    }
}
