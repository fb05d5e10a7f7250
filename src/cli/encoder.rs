//! Image encoders described by a card: images in, feature maps and features of masks out.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::decoded_image::DecodedImage;
use super::onnx::{self, Graph, Runtime};
use crate::link::encoder::{
    EncodeError, EncodeJob, EncoderManifest, EncoderView, FeatureMap, ManifestError, Values, input,
};
use crate::link::protocol::sha256_hex;
use crate::model::{Data, Tensor};
use crate::rle::Mask;

/// An encoder ready to run.
pub struct Encoder {
    card: EncoderManifest,
    model: Vec<u8>,
    graph: Mutex<Graph>,
}

/// Why there is no encoder or no feature.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The card or the ONNX file cannot be read.
    #[error("{}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The card is not JSON of the right form.
    #[error("the encoder's card")]
    CardSyntax(#[source] serde_json::Error),
    /// A value of the card makes no sense.
    #[error(transparent)]
    Card(#[from] ManifestError),
    /// The ONNX file is not the one the card describes.
    #[error("the encoder's file has the SHA-256 {actual}, its card says {expected}")]
    Hash {
        /// By the card.
        expected: String,
        /// Found.
        actual: String,
    },
    /// The graph cannot be loaded or run.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// The graph has no input or output of the name the card says.
    #[error("the encoder's graph has no '{name}'; it has {found:?}")]
    Port {
        /// By the card.
        name: String,
        /// The graph's names.
        found: Vec<String>,
    },
    /// The mask has no feature, or the graph's output is none.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Encoder {
    /// Reads a card and the ONNX file it names, and makes the graph ready to run on `threads`
    /// threads (0: all cores).
    pub fn open(card: &Path, runtime: &Runtime, threads: usize) -> Result<Self, Error> {
        let text = read(card)?;
        let card_content: EncoderManifest = serde_json::from_slice(&text).map_err(Error::CardSyntax)?;
        let file = card.parent().unwrap_or(Path::new("")).join(&card_content.file);
        Self::new(card_content, read(&file)?, runtime, threads)
    }

    /// The encoder of a card and its ONNX file's bytes.
    pub fn new(
        mut card: EncoderManifest,
        model: Vec<u8>,
        runtime: &Runtime,
        threads: usize,
    ) -> Result<Self, Error> {
        card.check()?;
        let actual = sha256_hex(&model);
        if actual != card.sha256 {
            return Err(Error::Hash { expected: card.sha256, actual });
        }
        // A page that fetches the file by the card wants to know beforehand how long it is.
        card.bytes = Some(model.len() as u64);
        let graph = Graph::from_bytes(runtime, &model, threads)?;
        for (name, ports) in [(&card.input.name, graph.inputs()), (&card.output.name, graph.outputs())] {
            if !ports.iter().any(|port| port.name == *name) {
                let found = ports.iter().map(|port| port.name.clone()).collect();
                return Err(Error::Port { name: name.clone(), found });
            }
        }
        Ok(Self { card, model, graph: Mutex::new(graph) })
    }

    /// The card.
    pub fn card(&self) -> &EncoderManifest {
        &self.card
    }

    /// The bytes of the ONNX file.
    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// Computes what the image alone decides, so that masks asked for later find it done.
    pub fn prepare(&self, image: &DecodedImage) -> Result<(), Error> {
        if self.card.views.contains(&EncoderView::Image) {
            self.map_of_image(image)?;
        }
        Ok(())
    }

    /// The feature of a mask: the pooled features of the card's views, each of length 1, one after the other.
    pub fn feature(&self, image: &DecodedImage, mask: &Mask) -> Result<Vec<f32>, Error> {
        let maps = self.maps(image, mask)?;
        Ok(input::feature(maps.iter().map(AsRef::as_ref), mask)?)
    }

    /// The feature maps of the card's views for a mask: what takes the time.
    pub fn maps<'a>(&self, image: &'a DecodedImage, mask: &Mask) -> Result<Vec<Cow<'a, FeatureMap>>, Error> {
        let map = |view: &EncoderView| {
            let job = EncodeJob::new(&self.card, *view, image.size(), mask)?;
            match view {
                EncoderView::Image => self.map_of_image(image).map(Cow::Borrowed),
                EncoderView::Crop => self.run(&job, image).map(Cow::Owned),
            }
        };
        self.card.views.iter().map(map).collect()
    }

    fn map_of_image<'a>(&self, image: &'a DecodedImage) -> Result<&'a FeatureMap, Error> {
        if let Some(map) = image.map() {
            return Ok(map);
        }
        let map = self.run(&EncodeJob::of_image(&self.card, image.size()), image)?;
        Ok(image.keep_map(map))
    }

    fn run(&self, job: &EncodeJob<'_>, image: &DecodedImage) -> Result<FeatureMap, Error> {
        let EncoderManifest { input, output, .. } = &self.card;
        let data = match job.input(&image.pixels().map_err(EncodeError::from)?)? {
            Values::F32(values) => Data::F32(values),
            Values::U8(values) => Data::U8(values),
        };
        let missing = || Error::Port { name: input.name.clone(), found: Vec::new() };
        let tensor = Tensor::new(job.shape(), data).ok_or_else(missing)?;
        let outputs = {
            // A panic in another thread leaves no half-made state in a session.
            let mut graph = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
            graph.run(&[(&input.name, &tensor)], &[&output.name])?
        };
        let output = outputs.into_iter().next().ok_or_else(missing)?;
        let shape = output.shape().to_vec();
        match output.into_data() {
            Data::F32(values) => Ok(job.feature_map(&shape, values)?),
            _ => Err(missing()),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}
