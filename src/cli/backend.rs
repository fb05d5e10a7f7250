//! Back ends of the server: models that link masks natively, such as an index in a folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::decoded_image::DecodedImage;
use super::encoder::Encoder;
use super::host::NativeHost;
use super::onnx::Runtime;
use crate::link::encoder::{EncoderManifest, run};
use crate::link::index::header::Limits;
use crate::link::index::{Index, folder};
use crate::link::protocol::{LinkResponse, ModelInfo};
use crate::link::search::device::Device;
use crate::link::search::engine::{Engine, Method};
use crate::link::{AnswerError, LocalLinker, Question, answer};

/// Links masks for the server: an index, or any other model.
pub trait Backend: Send + Sync {
    /// Describes it.
    fn properties(&self) -> Properties<'_>;

    /// Computes the part of the work that depends on the image alone, so that later masks find it done.
    fn prepare(&self, image: &DecodedImage) -> Result<(), AnswerError>;

    /// Returns the likeliest entities of a mask.
    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError>;
}

/// Properties of a back end.
#[derive(Clone, Copy, Debug)]
pub struct Properties<'a> {
    /// The model and its index, as responses state them.
    pub model: &'a ModelInfo,
    /// The encoder whose feature maps [`Backend::prepare`] keeps with images; `None` where it keeps none.
    pub encoder: Option<&'a EncoderManifest>,
    /// Whether it waits for another server, and takes no part of this machine meanwhile.
    pub is_remote: bool,
}

/// Back ends of a server by name. The first is the default. Those that have an encoder must have the same
/// one: an image keeps one feature map, which all of them pool.
#[derive(Clone, Default)]
pub struct Backends(Vec<(String, Arc<dyn Backend>)>);

impl Backends {
    /// Adds a back end, whose name consists of lowercase letters, digits and hyphens.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, backend: Arc<dyn Backend>) -> Self {
        self.0.push((name.into(), backend));
        self
    }

    /// Returns the back end of a name, or the first one without a name.
    pub fn get(&self, name: Option<&str>) -> Option<&dyn Backend> {
        let found = self.0.iter().find(|(own, _)| name.is_none_or(|name| name == own));
        found.map(|(_, backend)| &**backend)
    }

    /// Returns the encoders whose feature maps images keep, in the order of the back ends.
    pub fn encoders(&self) -> impl Iterator<Item = &EncoderManifest> {
        self.0.iter().filter_map(|(_, backend)| backend.properties().encoder)
    }

    /// Returns the names and back ends in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &dyn Backend)> {
        self.0.iter().map(|(name, backend)| (name.as_str(), &**backend))
    }
}

/// An index and the encoder it was built with.
pub struct IndexBackend {
    linker: LocalLinker,
    encoder: Encoder,
}

impl IndexBackend {
    /// Opens the index in a folder, with the encoder that lies in it, on `threads` threads (0: all cores).
    /// Searches by a method, or by the one that suits the index's size, on a device. Fails where the
    /// encoder's vectors are not as long as those of the index.
    pub fn open(
        folder: &Path,
        runtime: &Runtime,
        threads: usize,
        (method, device): (Option<Method>, &Device),
    ) -> anyhow::Result<Self> {
        let (index, index_sha256) = folder::read(folder, Limits::default())?;
        let model = folder::read_encoder(folder, &index)?;
        let path = folder.join(&index.encoder().file);
        let encoder = Encoder::new(index.encoder().clone(), (&path, model), runtime, threads)?;
        let described = || folder.display().to_string();
        let (expected, actual) =
            (index.vectors().dimensions(), encoder.dimensions().with_context(described)?);
        ensure!(
            actual == expected,
            "{}: the index has vectors of {expected} numbers, but its encoder {} computes {actual}; build \
             the index anew with the encoder of its vectors",
            described(),
            encoder.manifest().id
        );
        let report = |reason: &str| tracing::warn!("{reason}");
        let engine = pollster::block_on(Engine::open(&index, method, device, report))?;
        tracing::info!("searches {} vectors: {}", index.vectors().rows(), engine.describe());
        Ok(Self { linker: LocalLinker::new(index, index_sha256).with_engine(engine), encoder })
    }

    /// Returns the index.
    pub fn index(&self) -> &Index {
        self.linker.index()
    }

    /// Returns what turns exemplars into a response.
    pub(super) fn linker(&self) -> &LocalLinker {
        &self.linker
    }

    /// Returns what runs the encoder on an image.
    pub(super) fn host<'a>(&'a self, image: &'a DecodedImage) -> NativeHost<'a> {
        NativeHost::new(self.encoder.graphs(), image)
    }
}

impl Backend for IndexBackend {
    fn properties(&self) -> Properties<'_> {
        let encoder = Some(self.encoder.manifest());
        Properties { model: self.linker.model(), encoder, is_remote: false }
    }

    fn prepare(&self, image: &DecodedImage) -> Result<(), AnswerError> {
        let host = self.host(image);
        Ok(pollster::block_on(run::prepare(self.encoder.manifest(), &host, image.map()))?)
    }

    fn answer(&self, image: &DecodedImage, question: Question<'_>) -> Result<LinkResponse, AnswerError> {
        let host = self.host(image);
        pollster::block_on(answer(&self.linker, &host, question, image.map()))
    }
}

/// Returns the milliseconds from one instant to another.
pub fn millis(from: Instant, to: Instant) -> f64 {
    to.saturating_duration_since(from).as_secs_f64() * 1e3
}
