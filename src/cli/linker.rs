//! A mask answered with entities: the encoder's feature, the nearest views of the index, calibrated scores.

use std::path::Path;
use std::time::Instant;

use super::encoder::{self, Encoder};
use super::onnx::Runtime;
use super::picture::Picture;
use crate::link::calibrate::CANDIDATES;
use crate::link::index::{self, Index};
use crate::link::index_folder;
use crate::link::index_header::Limits;
use crate::link::protocol::{Evidence, LinkResponse, ModelInfo, ScoredEntity, Timing};
use crate::link::search::{self, Hit};
use crate::rle::Mask;

/// How many views of an entity an answer shows.
const MOST_EVIDENCE: usize = 3;

/// An index and the encoder it was built with.
pub struct Linker {
    index: Index,
    encoder: Encoder,
    model: ModelInfo,
}

/// Why a mask has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No feature could be computed.
    #[error(transparent)]
    Encoder(#[from] encoder::Error),
    /// The feature is not one the index answers.
    #[error(transparent)]
    Index(#[from] index::Error),
}

impl Linker {
    /// Opens the index in a folder, with the encoder that lies in it, on `threads` threads (0: all cores).
    pub fn open(folder: &Path, runtime: &Runtime, threads: usize) -> anyhow::Result<Self> {
        let (index, index_sha256) = index_folder::read(folder, Limits::default())?;
        let model = index_folder::read_encoder(folder, &index)?;
        let encoder = Encoder::new(index.encoder().clone(), model, runtime, threads)?;
        let model = ModelInfo {
            encoder: encoder.card().id.clone(),
            encoder_sha256: encoder.card().sha256.clone(),
            index_sha256,
            entities: index.entities().len() as u64,
            entries: index.entries().len() as u64,
        };
        Ok(Self { index, encoder, model })
    }

    /// The index.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The `top_k` likeliest entities of a mask. Queue and total of the timing are the caller's to fill.
    pub fn answer(&self, picture: &Picture, mask: &Mask, top_k: usize) -> Result<LinkResponse, Error> {
        let started = Instant::now();
        let maps = self.encoder.maps(picture, mask)?;
        let encoded = Instant::now();
        let query = self.index.query(&encoder::pool_all(&maps, mask)?)?;
        let pooled = Instant::now();
        // The scores' softmax runs over a fixed number of candidates, however many are asked for.
        let hits = search::nearest(&self.index, &query, top_k.max(CANDIDATES), None);
        let cosines: Vec<_> = hits.iter().take(CANDIDATES).map(|hit| hit.similarity).collect();
        let mut scores = self.index.calibration().scores(&cosines);
        // Candidates behind those get the last one's score at most; it is all that is known of them.
        let last = scores.last().copied().unwrap_or_default();
        scores.resize(hits.len(), last);
        let entities =
            hits.iter().zip(scores).take(top_k).map(|(hit, score)| self.entity(&query, hit, score)).collect();
        let searched = Instant::now();
        let timing_ms = Timing {
            encode: millis(started, encoded),
            pool: millis(encoded, pooled),
            search: millis(pooled, searched),
            ..Timing::default()
        };
        Ok(LinkResponse { entities, model: self.model.clone(), timing_ms })
    }

    fn entity(&self, query: &[f32], hit: &Hit, score: f32) -> ScoredEntity {
        let entity = self.index.entities()[hit.entity as usize].clone();
        let views = search::nearest_views(&self.index, query, hit.entity, MOST_EVIDENCE);
        let evidence = views.into_iter().map(|(at, similarity)| {
            let entry = &self.index.entries()[at];
            let (annotation, picture) = (entry.annotation.clone(), entry.picture.clone());
            Evidence { annotation, picture, bounds: entry.bounds, similarity }
        });
        let index::Entity { qid, title, description, url, thumbnail } = entity;
        ScoredEntity { qid, title, description, score, url, thumbnail, evidence: evidence.collect() }
    }
}

/// Milliseconds from one instant to another.
pub fn millis(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}
