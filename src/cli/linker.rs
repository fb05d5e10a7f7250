//! A mask answered with entities: the encoder's graph run natively, and the index it was built with.

use std::path::Path;
use std::time::Instant;

use super::decoded_image::DecodedImage;
use super::encoder::{self, Encoder};
use super::onnx::Runtime;
use crate::link::index::Index;
use crate::link::index::folder;
use crate::link::index::header::Limits;
use crate::link::local::{self, AnswerError};
use crate::link::protocol::{LinkResponse, Timing};
use crate::rle::Mask;

/// An index and the encoder it was built with.
pub struct Linker {
    linker: local::LocalLinker,
    encoder: Encoder,
}

/// Why a mask has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No feature map could be computed.
    #[error(transparent)]
    Encoder(#[from] encoder::Error),
    /// The maps give no answer.
    #[error(transparent)]
    Linker(#[from] AnswerError),
}

impl Linker {
    /// Opens the index in a folder, with the encoder that lies in it, on `threads` threads (0: all cores).
    pub fn open(folder: &Path, runtime: &Runtime, threads: usize) -> anyhow::Result<Self> {
        let (index, index_sha256) = folder::read(folder, Limits::default())?;
        let model = folder::read_encoder(folder, &index)?;
        let encoder = Encoder::new(index.encoder().clone(), model, runtime, threads)?;
        Ok(Self { linker: local::LocalLinker::new(index, index_sha256), encoder })
    }

    /// The index.
    pub fn index(&self) -> &Index {
        self.linker.index()
    }

    /// The encoder.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The `top_k` likeliest entities of a mask. Queue and total of the timing are the caller's to fill.
    pub fn answer(&self, image: &DecodedImage, mask: &Mask, top_k: usize) -> Result<LinkResponse, Error> {
        let started = Instant::now();
        let maps = self.encoder.maps(image, mask)?;
        let encoded = Instant::now();
        let query = self.linker.query(maps.iter().map(AsRef::as_ref), mask)?;
        let pooled = Instant::now();
        let answer = self.linker.answer(&query, top_k);
        let timing_ms = Timing {
            encode: millis(started, encoded),
            pool: millis(encoded, pooled),
            search: millis(pooled, Instant::now()),
            ..Timing::default()
        };
        Ok(LinkResponse { timing_ms, ..answer })
    }
}

/// Milliseconds from one instant to another.
pub fn millis(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}
