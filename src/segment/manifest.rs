//! Reads and checks the list of models, `models.json`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::Error;

/// The version of the list that is supported.
const VERSION: u32 = 1;

/// The models that can be chosen, and the default one.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    default: usize,
    models: Vec<Model>,
}

/// Bounds of a manifest and of the graphs that it lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Maximum length of the manifest in bytes.
    pub json_bytes: usize,
    /// Maximum number of models.
    pub models: usize,
    /// Maximum length of a graph's file in bytes: it is in memory while its hash is computed.
    pub graph_bytes: u64,
    /// Maximum side of an encoder's input in pixels.
    pub frame_side: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { json_bytes: 1 << 20, models: 256, graph_bytes: 1 << 30, frame_side: 2048 }
    }
}

/// A promptable segmentation model: an encoder and a decoder.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Model {
    /// The unique name that it is chosen by: 1 to 64 ASCII letters, digits, `.`, `_` and `-`.
    pub id: String,
    /// The name that is displayed.
    pub title: String,
    /// The contract of the graphs: names, shapes and types of their inputs and outputs.
    pub family: Family,
    /// An SPDX expression or a sentence.
    pub licence: String,
    /// Its origin: an address or a sentence.
    pub source: String,
    /// The graph from an image to its embedding.
    pub encoder: Encoder,
    /// The graph from an embedding and prompts to candidate masks.
    pub decoder: Decoder,
    /// Side of the mask crop, as a multiple of the longest side of the mask's bounding box, 1 to 16; without
    /// it there is no such pass. Slower; more exact where the model was trained with its own masks as input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoom_in: Option<f64>,
    /// Side of the click crop, as a share of the image's longest side, from 0.05 to less than 1; without it
    /// there is no such pass. Of both results the one of the higher predicted IoU is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zoom_on_click: Option<f64>,
}

/// The contract of a model's graphs: names, shapes and types of their inputs and outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub enum Family {
    /// Meta's own ONNX export of segment-anything (`scripts/export_onnx_model.py`).
    #[serde(rename = "sam1")]
    Sam1,
    /// The export of Hugging Face's transformers; it can be listed, not run.
    #[serde(rename = "sam1-hf")]
    Sam1Hf,
    /// SAM 2; it can be listed, not run.
    #[serde(rename = "sam2")]
    Sam2,
}

/// The file of an ONNX graph.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct GraphFile {
    /// Its address, relative to the manifest or absolute.
    pub url: String,
    /// Its length; files of another length are refused.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// The graph from an image to its embedding, and how its input is made of the image.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Encoder {
    /// The file that the graph is read from.
    #[serde(flatten)]
    pub graph: GraphFile,
    /// The name of its only input.
    pub input: String,
    /// The side of its square input in pixels.
    pub size: u32,
    /// Subtracted from each of red, green and blue in 0..=255.
    pub mean: [f32; 3],
    /// The divisor of each after the subtraction.
    pub std: [f32; 3],
    /// The order of the input's axes.
    pub layout: Layout,
    /// The type of the input's elements.
    pub dtype: Dtype,
    /// The shape of its only output.
    pub embedding: [usize; 4],
}

/// The order of axes of an encoder's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Layout {
    /// `[1, 3, side, side]`.
    #[serde(rename = "CHW", alias = "NCHW")]
    Chw,
}

/// The type of an encoder's input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Dtype {
    /// 32-bit floats.
    #[serde(rename = "float32", alias = "f32")]
    F32,
}

/// The graph from an embedding and prompts to candidate masks.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Decoder {
    /// The file that the graph is read from.
    #[serde(flatten)]
    pub graph: GraphFile,
    /// Number of candidate masks that it returns, 1 to 16.
    pub candidates: usize,
    /// The side of the square grid of logits that it returns, and takes as `mask_input`.
    pub low_res: usize,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Deserialize)]
struct Wire {
    default: String,
    models: Vec<Model>,
}

impl Manifest {
    /// Parses and checks a list of models.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, Error> {
        check_limit("bytes of the model list", json.len() as u64, limits.json_bytes as u64)?;
        // Read alone first, so that another version is not reported as a missing field.
        let Version { version: found } = serde_json::from_slice(json)?;
        if found != VERSION {
            return Err(Error::ManifestVersion { expected: VERSION, found });
        }
        let wire: Wire = serde_json::from_slice(json)?;
        check_limit("models of the list", wire.models.len() as u64, limits.models as u64)?;
        let mut ids = HashSet::new();
        for model in &wire.models {
            model.check(limits)?;
            if !ids.insert(model.id.as_str()) {
                return Err(Error::ModelTwice(model.id.clone()));
            }
        }
        let default = position(&wire.models, &wire.default)?;
        Ok(Self { default, models: wire.models })
    }

    /// Returns the model that is used where none is chosen.
    pub fn default_model(&self) -> &Model {
        &self.models[self.default]
    }

    /// Returns the model of the given id.
    pub fn model(&self, id: &str) -> Result<&Model, Error> {
        position(&self.models, id).map(|at| &self.models[at])
    }

    /// Returns the models in the order of the list.
    pub fn models(&self) -> &[Model] {
        &self.models
    }
}

impl Model {
    /// Parses and checks one model, an element of the list's `models`.
    pub fn from_json(json: &[u8], limits: &Limits) -> Result<Self, Error> {
        check_limit("bytes of a model's description", json.len() as u64, limits.json_bytes as u64)?;
        let model: Self = serde_json::from_slice(json)?;
        model.check(limits)?;
        Ok(model)
    }

    fn check(&self, limits: &Limits) -> Result<(), Error> {
        let require = |holds: bool, field: &'static str, reason: &'static str| {
            if holds { Ok(()) } else { Err(Error::ModelField { model: self.id.clone(), field, reason }) }
        };
        let id_holds = !self.id.is_empty()
            && self.id.len() <= 64
            && self.id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        require(id_holds, "id", "must be 1 to 64 ASCII letters, digits, '.', '_' or '-'")?;
        for (graph, url, sha256, bytes) in [
            (&self.encoder.graph, "encoder.url", "encoder.sha256", "encoder.bytes"),
            (&self.decoder.graph, "decoder.url", "decoder.sha256", "decoder.bytes"),
        ] {
            require(!graph.url.is_empty(), url, "is empty")?;
            require(is_sha256(&graph.sha256), sha256, "must be 64 lower-case hexadecimal digits")?;
            require(graph.bytes > 0, bytes, "is 0")?;
            check_limit("bytes of a graph", graph.bytes, limits.graph_bytes)?;
        }
        let encoder = &self.encoder;
        require(encoder.size > 0, "encoder.size", "is 0")?;
        check_limit("side of an encoder's frame", encoder.size.into(), limits.frame_side.into())?;
        require(encoder.mean.iter().all(|mean| mean.is_finite()), "encoder.mean", "must be finite")?;
        let std_holds = encoder.std.iter().all(|std| std.is_finite() && *std > 0.0);
        require(std_holds, "encoder.std", "must be finite and positive")?;
        let zoom_in_holds = self.zoom_in.is_none_or(|margin| (1.0..=16.0).contains(&margin));
        require(zoom_in_holds, "zoom_in", "must be 1 to 16")?;
        let zoom_on_click_holds = self.zoom_on_click.is_none_or(|share| (0.05..1.0).contains(&share));
        require(zoom_on_click_holds, "zoom_on_click", "must be from 0.05 to less than 1")?;
        require((1..=16).contains(&self.decoder.candidates), "decoder.candidates", "must be 1 to 16")?;
        let low_res_holds =
            self.decoder.low_res > 0 && self.decoder.low_res as u64 <= u64::from(encoder.size);
        require(low_res_holds, "decoder.low_res", "must be from 1 to encoder.size")
    }
}

impl Family {
    /// Returns the name that the manifest uses.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sam1 => "sam1",
            Self::Sam1Hf => "sam1-hf",
            Self::Sam2 => "sam2",
        }
    }
}

fn position(models: &[Model], id: &str) -> Result<usize, Error> {
    models.iter().position(|model| model.id == id).ok_or_else(|| Error::ModelUnknown {
        asked: id.to_owned(),
        known: models.iter().map(|model| model.id.as_str()).collect::<Vec<_>>().join(", "),
    })
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn check_limit(what: &'static str, actual: u64, limit: u64) -> Result<(), Error> {
    if actual > limit { Err(Error::Limit { what, limit, actual }) } else { Ok(()) }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::{Value, json};

    use super::*;

    pub(in crate::segment) fn model_json() -> Value {
        let hash = "0123456789abcdef".repeat(4);
        json!({
            "id": "tiny", "title": "Tiny", "family": "sam1", "licence": "Apache-2.0", "source": "made here",
            "encoder": {
                "url": "e.onnx", "bytes": 10, "sha256": hash, "input": "image", "size": 1024,
                "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375],
                "layout": "CHW", "dtype": "float32", "embedding": [1, 256, 64, 64],
            },
            "decoder": { "url": "d.onnx", "bytes": 10, "sha256": hash, "candidates": 3, "low_res": 256 },
        })
    }

    fn read(manifest: &Value) -> Result<Manifest, Error> {
        Manifest::from_json(manifest.to_string().as_bytes(), &Limits::default())
    }

    #[test]
    fn valid_list_is_read() {
        let manifest = read(&json!({ "version": 1, "default": "tiny", "models": [model_json()] })).unwrap();
        assert_eq!(manifest.default_model().encoder.graph.url, "e.onnx");
        assert!(matches!(manifest.model("huge"), Err(Error::ModelUnknown { .. })));
    }

    #[test]
    fn another_version_is_reported_before_missing_fields() {
        let error = read(&json!({ "version": 2 })).unwrap_err();
        assert!(matches!(error, Error::ManifestVersion { expected: 1, found: 2 }), "{error}");
    }

    #[test]
    fn invalid_field_is_named() {
        for (pointer, value, named) in [
            ("/id", json!("../up"), "id"),
            ("/encoder/sha256", json!("ABC"), "encoder.sha256"),
            ("/decoder/bytes", json!(0), "decoder.bytes"),
            ("/encoder/std", json!([0, 1, 1]), "encoder.std"),
            ("/decoder/low_res", json!(4096), "decoder.low_res"),
            ("/decoder/candidates", json!(99), "decoder.candidates"),
            ("/zoom_in", json!(0.5), "zoom_in"),
            ("/zoom_on_click", json!(1.0), "zoom_on_click"),
        ] {
            let mut model = model_json();
            model["zoom_in"] = json!(2.0);
            model["zoom_on_click"] = json!(0.5);
            *model.pointer_mut(pointer).unwrap() = value;
            match read(&json!({ "version": 1, "default": "tiny", "models": [model] })) {
                Err(Error::ModelField { field, .. }) => assert_eq!(field, named),
                other => panic!("{named}: {other:?}"),
            }
        }
    }

    #[test]
    fn exceeded_limit_or_repeated_id_is_an_error() {
        let mut model = model_json();
        model["decoder"]["bytes"] = json!(u64::MAX);
        let error = read(&json!({ "version": 1, "default": "tiny", "models": [model] })).unwrap_err();
        assert!(matches!(error, Error::Limit { what: "bytes of a graph", .. }), "{error}");
        let twice = json!({ "version": 1, "default": "tiny", "models": [model_json(), model_json()] });
        assert!(matches!(read(&twice), Err(Error::ModelTwice(_))));
        let small = Limits { json_bytes: 10, ..Limits::default() };
        assert!(matches!(Manifest::from_json(b"{\"version\":1}", &small), Err(Error::Limit { .. })));
    }
}
