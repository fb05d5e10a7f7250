//! Image encoders loaded natively by their manifests.

use std::path::{Path, PathBuf};

use super::decoded_image::DecodedImage;
use super::host::{Graphs, NativeHost};
use super::onnx::{self, Graph, Runtime};
use crate::link::encoder::{EncodeError, EncoderManifest, ManifestError, run};
use crate::link::protocol::sha256_hex;
use crate::model::GraphId;
use crate::rle::Mask;

/// An encoder ready to run.
pub struct Encoder {
    manifest: EncoderManifest,
    model: Vec<u8>,
    graphs: Graphs,
}

/// Errors of loading an encoder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The manifest or the ONNX file cannot be read.
    #[error("{}", path.display())]
    Read {
        /// File that cannot be read.
        path: PathBuf,
        /// Fault reported by the system.
        source: std::io::Error,
    },
    /// The manifest is not JSON of the right form.
    #[error("the encoder's manifest is malformed")]
    Syntax(#[source] serde_json::Error),
    /// A value of the manifest is out of range.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// The ONNX file is not the one the manifest describes.
    #[error("the encoder's file has the SHA-256 {actual}, but its manifest says {expected}")]
    Hash {
        /// SHA-256 by the manifest.
        expected: String,
        /// SHA-256 of the file.
        actual: String,
    },
    /// The graph cannot be loaded.
    #[error(transparent)]
    Onnx(#[from] onnx::Error),
    /// The graph has no input or output of the manifest's name.
    #[error("the encoder's graph has no input or output '{name}'; it has {found:?}")]
    Port {
        /// Name by the manifest.
        name: String,
        /// Names in the graph.
        found: Vec<String>,
    },
}

impl Encoder {
    /// Reads a manifest and the ONNX file it names, and loads the graph on `threads` threads (0: all cores).
    pub fn open(manifest: &Path, runtime: &Runtime, threads: usize) -> Result<Self, Error> {
        let mut content: EncoderManifest = serde_json::from_slice(&read(manifest)?).map_err(Error::Syntax)?;
        let model = read(&manifest.parent().unwrap_or(Path::new("")).join(&content.file))?;
        if content.sha256.is_empty() {
            content.sha256 = sha256_hex(&model);
        }
        Self::new(content, model, runtime, threads)
    }

    /// Loads an encoder from its manifest and its ONNX file's bytes.
    pub fn new(
        mut manifest: EncoderManifest,
        model: Vec<u8>,
        runtime: &Runtime,
        threads: usize,
    ) -> Result<Self, Error> {
        manifest.check()?;
        let actual = sha256_hex(&model);
        if actual != manifest.sha256 {
            return Err(Error::Hash { expected: manifest.sha256, actual });
        }
        // A page that downloads the file needs its length beforehand.
        manifest.bytes = Some(model.len() as u64);
        let graph = Graph::from_bytes(runtime, &model, threads)?;
        for (name, ports) in
            [(&manifest.input.name, graph.inputs()), (&manifest.output.name, graph.outputs())]
        {
            if !ports.iter().any(|port| port.name == *name) {
                let found = ports.iter().map(|port| port.name.clone()).collect();
                return Err(Error::Port { name: name.clone(), found });
            }
        }
        let mut graphs = Graphs::default();
        graphs.insert(GraphId::LinkEncoder, graph);
        Ok(Self { manifest, model, graphs })
    }

    /// Returns the manifest, with the length of the ONNX file.
    pub fn manifest(&self) -> &EncoderManifest {
        &self.manifest
    }

    /// Returns the bytes of the ONNX file.
    pub fn model(&self) -> &[u8] {
        &self.model
    }

    /// Returns the loaded graph, for a [`NativeHost`].
    pub fn graphs(&self) -> &Graphs {
        &self.graphs
    }

    /// Computes the feature of a mask.
    pub fn feature(&self, image: &DecodedImage, mask: &Mask) -> Result<Vec<f32>, EncodeError> {
        let host = NativeHost::new(&self.graphs, image);
        pollster::block_on(run::feature(&self.manifest, &host, mask, image.map()))
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}
