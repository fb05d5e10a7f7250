//! Image encoders loaded natively by their manifests.

use std::path::{Path, PathBuf};

use image::RgbImage;

use super::decoded_image::DecodedImage;
use super::host::{Graphs, NativeHost};
use super::onnx::{self, Graph, Port, Runtime};
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
    #[error("{}: the encoder's manifest is malformed", path.display())]
    Syntax {
        /// File of the manifest.
        path: PathBuf,
        /// Fault found by the JSON parser.
        source: serde_json::Error,
    },
    /// A value of the manifest is out of range.
    #[error("{}: {fault}", path.display())]
    Manifest {
        /// File of the manifest.
        path: PathBuf,
        /// Fault of the value.
        fault: ManifestError,
    },
    /// The ONNX file is not the one the manifest describes.
    #[error(
        "{}: the encoder's file has the SHA-256 {actual}, but its manifest says {expected}",
        path.display()
    )]
    Hash {
        /// The ONNX file.
        path: PathBuf,
        /// SHA-256 by the manifest.
        expected: String,
        /// SHA-256 of the file.
        actual: String,
    },
    /// The graph cannot be loaded.
    #[error("{}", path.display())]
    Onnx {
        /// The ONNX file.
        path: PathBuf,
        /// Fault found by ONNX Runtime.
        source: onnx::Error,
    },
    /// The graph has no input or output of the manifest's name.
    #[error(
        "{}: the encoder's graph has no input or output '{name}'; it has {found:?}",
        path.display()
    )]
    Port {
        /// The ONNX file.
        path: PathBuf,
        /// Name by the manifest.
        name: String,
        /// Names in the graph.
        found: Vec<String>,
    },
    /// The graph takes another input than the manifest says.
    #[error(
        "{}: the graph's input '{name}' is {actual}, but the encoder's manifest says {expected}; correct \
         the manifest's input",
        path.display()
    )]
    Input {
        /// The ONNX file.
        path: PathBuf,
        /// Name of the input.
        name: String,
        /// Type and lengths of the axes by the manifest.
        expected: String,
        /// Type and lengths of the axes in the graph.
        actual: String,
    },
    /// The graph fails on an image.
    #[error("the encoder {id} cannot be run; compare its manifest's input and output with the graph")]
    Run {
        /// Id of the encoder.
        id: String,
        /// Fault of the run.
        source: EncodeError,
    },
}

impl Encoder {
    /// Reads a manifest and the ONNX file it names, and loads the graph on `threads` threads (0: all cores).
    pub fn open(manifest: &Path, runtime: &Runtime, threads: usize) -> Result<Self, Error> {
        let malformed = |source| Error::Syntax { path: manifest.to_path_buf(), source };
        let mut content: EncoderManifest = serde_json::from_slice(&read(manifest)?).map_err(malformed)?;
        let path = manifest.parent().unwrap_or(Path::new("")).join(&content.file);
        let model = read(&path)?;
        if content.sha256.is_empty() {
            content.sha256 = sha256_hex(&model);
        }
        content.check().map_err(|fault| Error::Manifest { path: manifest.to_path_buf(), fault })?;
        Self::new(content, (&path, model), runtime, threads)
    }

    /// Loads an encoder from its checked manifest and its ONNX file: the path, for errors, and the bytes.
    pub fn new(
        mut manifest: EncoderManifest,
        (path, model): (&Path, Vec<u8>),
        runtime: &Runtime,
        threads: usize,
    ) -> Result<Self, Error> {
        let path = || path.to_path_buf();
        let actual = sha256_hex(&model);
        if actual != manifest.sha256 {
            return Err(Error::Hash { path: path(), expected: manifest.sha256, actual });
        }
        // A page that downloads the file needs its length beforehand.
        manifest.bytes = Some(model.len() as u64);
        let graph = Graph::from_bytes(runtime, &model, threads)
            .map_err(|source| Error::Onnx { path: path(), source })?;
        for (name, ports) in
            [(&manifest.input.name, graph.inputs()), (&manifest.output.name, graph.outputs())]
        {
            if !ports.iter().any(|port| port.name == *name) {
                let found = ports.iter().map(|port| port.name.clone()).collect();
                return Err(Error::Port { path: path(), name: name.clone(), found });
            }
        }
        if let Some((expected, actual)) = unlike_input(&manifest, &graph) {
            return Err(Error::Input { path: path(), name: manifest.input.name, expected, actual });
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

    /// Computes the length of the features of masks, by one run on a black image.
    pub fn dimensions(&self) -> Result<usize, Error> {
        let image = DecodedImage::from(RgbImage::new(self.manifest.input.width, self.manifest.input.height));
        let host = NativeHost::new(&self.graphs, &image);
        let run = pollster::block_on(run::dimensions(&self.manifest, &host));
        run.map_err(|source| Error::Run { id: self.manifest.id.clone(), source })
    }

    /// Computes the feature of a mask.
    pub fn feature(&self, image: &DecodedImage, mask: &Mask) -> Result<Vec<f32>, EncodeError> {
        let host = NativeHost::new(&self.graphs, image);
        pollster::block_on(run::feature(&self.manifest, &host, mask, image.map()))
    }
}

/// Returns the manifest's form of the input and the graph's, where a tensor cannot be of both.
fn unlike_input(manifest: &EncoderManifest, graph: &Graph) -> Option<(String, String)> {
    let input = &manifest.input;
    let Port { shape: actual, element, .. } = graph.inputs().iter().find(|port| port.name == input.name)?;
    let expected = input.shape().map(Some);
    // A graph may leave lengths open, or all of its axes.
    let fits = actual.is_empty()
        || actual.len() == expected.len()
            && actual.iter().zip(&expected).all(|(actual, expected)| actual.is_none() || actual == expected);
    let described = |element: &str, shape: &[Option<usize>]| {
        let axes =
            shape.iter().map(|length| length.map_or_else(|| "?".to_owned(), |length| length.to_string()));
        format!("{element}[{}]", axes.collect::<Vec<_>>().join(", "))
    };
    let is_alike = fits && element == input.element.name();
    (!is_alike).then(|| (described(input.element.name(), &expected), described(element, actual)))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::Read { path: path.to_path_buf(), source })
}
