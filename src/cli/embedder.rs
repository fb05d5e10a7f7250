//! The encoder of a click model, run by the server for devices that are too weak for it.

use std::fmt;

use half::f16;

use super::decoded_image::DecodedImage;
use super::host::{Graphs, NativeHost};
use super::onnx::RuntimeArgs;
use super::segmenter::{ModelChoice, load_graph};
use crate::geometry::PixelRect;
use crate::model::{GraphId, HostError, Tensor};
use crate::segment::{self, Model};

/// A click model whose encoder is loaded.
pub struct Embedder {
    model: Model,
    graphs: Graphs,
}

impl Embedder {
    /// Loads the encoder of the chosen model, checking its file's size and hash.
    pub fn load(choice: &ModelChoice, runtime: &RuntimeArgs) -> anyhow::Result<Self> {
        let (model, folder) = choice.read()?;
        let mut graphs = Graphs::default();
        graphs.insert(GraphId::ClickEncoder, load_graph(&folder, &model.encoder.graph, runtime)?);
        Ok(Self { model, graphs })
    }

    /// Returns the SHA-256 of the encoder's ONNX file.
    pub fn encoder_sha256(&self) -> &str {
        &self.model.encoder.graph.sha256
    }

    /// Returns the id of the model.
    pub fn model_id(&self) -> &str {
        &self.model.id
    }

    /// Returns the embedding of a region of an image, which lies within the image and is not empty, as 16-bit
    /// floats (little-endian) in the order of its axes.
    pub fn embed(&self, image: &DecodedImage, region: PixelRect) -> Result<Vec<u8>, segment::Error> {
        let host = NativeHost::new(&self.graphs, image);
        let embedding: Tensor = pollster::block_on(segment::embed(&self.model, &host, region))?;
        let shape = || format!("{:?}", self.model.encoder.embedding);
        let wrong = || HostError::output("embedding", shape(), Some(embedding.to_string()));
        let numbers = embedding.as_f32().ok_or_else(wrong)?;
        Ok(numbers.iter().flat_map(|&number| f16::from_f32(number).to_le_bytes()).collect())
    }
}

impl fmt::Debug for Embedder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Embedder").field("model", &self.model.id).finish_non_exhaustive()
    }
}
