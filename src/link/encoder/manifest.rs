//! The manifest of an image encoder: a small JSON file beside its ONNX file, its inputs and outputs.

use serde::{Deserialize, Serialize};

/// Default margin of a crop: enough for the outline and a little of its surroundings.
pub const CROP_MARGIN: f64 = 0.1;
/// Default margin of the surroundings: what a thing lies on or is used with.
pub const SURROUNDINGS_MARGIN: f64 = 0.6;
/// Maximum margin; a wider crop would show the masked thing too small.
const MAX_MARGIN: f64 = 4.0;

/// The manifest of an encoder.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderManifest {
    /// Id of the encoder in responses.
    pub id: String,
    /// Path of the ONNX file, relative to the manifest.
    pub file: String,
    /// SHA-256 of the ONNX file, 64 lowercase hexadecimal digits. A manifest beside its file may leave it
    /// out; an index always states it.
    #[serde(default)]
    pub sha256: String,
    /// Length of the ONNX file in bytes; always present in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Form of the graph's input.
    pub input: InputSpec,
    /// Form of the graph's output.
    pub output: OutputSpec,
    /// Parts of the image that are encoded for a mask.
    #[serde(default = "whole_image")]
    pub views: Vec<EncoderView>,
    /// Makes one vector of the views' pooled features.
    #[serde(default, skip_serializing_if = "is_default")]
    pub join: Join,
    /// Weight of each view in a [`Join::Mean`]; by default all are equal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub view_weights: Vec<f64>,
    /// Margin of a crop around the mask's box, on each side, in parts of the box's longer side; by default
    /// [`CROP_MARGIN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop_margin: Option<f64>,
    /// The same of the surroundings; by default [`SURROUNDINGS_MARGIN`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surroundings_margin: Option<f64>,
}

/// The graph's input: a tensor of one image in RGB, or of RGB and a mask.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Name of the input in the graph.
    pub name: String,
    /// Width of the tensor in pixels.
    pub width: u32,
    /// Height of the tensor in pixels.
    pub height: u32,
    /// Order of the axes.
    pub layout: InputLayout,
    /// Type of the numbers.
    pub element: InputElement,
    /// Mean of each channel, on the scale 0 to 255, which is subtracted; not used for bytes.
    #[serde(default)]
    pub mean: [f32; 3],
    /// Standard deviation of each channel, which divides it after that; not used for bytes.
    #[serde(default = "ones")]
    pub std: [f32; 3],
    /// Fits an image of another shape.
    pub resize: Resize,
    /// Whether a fourth channel holds the part of each sample that the mask covers: 0 to 1, or 0 to 255
    /// in bytes. For crops only, as a whole image is encoded once for all masks.
    #[serde(default, skip_serializing_if = "is_default")]
    pub mask: bool,
}

/// The graph's output: one feature map, or one vector, of 32-bit floats.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputSpec {
    /// Name of the output in the graph.
    pub name: String,
    /// Order of the axes.
    pub layout: OutputLayout,
    /// Number of tokens before those of the patches: a class token, registers. For tokens only.
    #[serde(default, skip_serializing_if = "is_default")]
    pub skip: u32,
}

/// Combination of the pooled features of the views into one vector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Join {
    /// One after the other, each scaled to length 1.
    #[default]
    Concat,
    /// Their mean by their weights, scaled to length 1.
    Mean,
}

/// Order of an input's axes, with three channels or four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputLayout {
    /// `[1, channels, height, width]`.
    #[default]
    Nchw,
    /// `[1, height, width, channels]`.
    Nhwc,
}

/// Type of an input's numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputElement {
    /// 32-bit floats: `(byte - mean) / std`.
    #[default]
    F32,
    /// Unchanged bytes.
    U8,
}

/// Fits an image to the input's width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Scales each side on its own.
    #[default]
    Stretch,
    /// Scales both sides by one factor, so that one fills the input, and pads below or to the right with
    /// zeros after mean and std, as segment-anything does (128 for bytes).
    Pad,
}

/// Order of an output's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputLayout {
    /// `[1, channels, height, width]`.
    #[default]
    Chw,
    /// `[1, height, width, channels]`.
    Hwc,
    /// `[1, skip + patches, channels]`, as vision transformers have it: the patches lie row by row over the
    /// whole input, in rows and columns of its proportions.
    Tokens,
    /// `[1, channels]`: one vector for the whole input, not for its parts. Masks need a crop.
    Vector,
}

/// A part of the image that is encoded.
///
/// The whole image is encoded once, but a small thing lies in one grid cell of it; a crop shows it large and
/// costs a run for each mask. Use both for encoders with coarse grid cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderView {
    /// The whole image: encoded once for all masks.
    Image,
    /// A square around the mask's box, wider than the box's longer side by a margin and not cut at
    /// the image's edges, beyond which the input is neutral: the encoder runs for each mask, and
    /// sees small things large.
    Crop,
    /// A wider square around the mask's box, likewise.
    Surroundings,
}

/// Errors of a manifest; correct the manifest.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A value is out of range.
    #[error("the encoder's manifest: {what}")]
    Value {
        /// Name of the value, and its fault.
        what: &'static str,
    },
}

impl EncoderManifest {
    /// Checks what the types leave open.
    pub fn check(&self) -> Result<(), ManifestError> {
        const MAX_SIDE: u32 = 4096;
        let sides = [self.input.width, self.input.height];
        let numbers = self.input.mean.iter().chain(&self.input.std);
        let faults = [
            (
                !crate::link::protocol::is_sha256(&self.sha256),
                "sha256 is not 64 lowercase hexadecimal digits",
            ),
            (sides.iter().any(|side| !(1..=MAX_SIDE).contains(side)), "the input's sides are not 1 to 4096"),
            (numbers.clone().any(|number| !number.is_finite()), "mean or std is not finite"),
            (self.input.std.contains(&0.0), "std is 0"),
            (self.views.is_empty(), "there is no view"),
            (
                (1..self.views.len()).any(|at| self.views[..at].contains(&self.views[at])),
                "a view comes twice",
            ),
            (
                !self.view_weights.is_empty() && self.view_weights.len() != self.views.len(),
                "view_weights are not one for each view",
            ),
            (
                self.view_weights.iter().any(|weight| !weight.is_finite() || *weight <= 0.0),
                "a weight of a view is not positive",
            ),
            (
                !self.view_weights.is_empty() && self.join == Join::Concat,
                "only views that are averaged have weights",
            ),
            (
                self.input.mask && self.views.contains(&EncoderView::Image),
                "the whole image is encoded without a mask",
            ),
            (
                self.output.skip > 0 && self.output.layout != OutputLayout::Tokens,
                "only an output of tokens has some to skip",
            ),
            (
                self.output.layout == OutputLayout::Vector && self.views == [EncoderView::Image],
                "one vector of the whole image is the same for each of its masks; add the view crop",
            ),
            (
                [EncoderView::Crop, EncoderView::Surroundings]
                    .iter()
                    .any(|&view| !(0.0..=MAX_MARGIN).contains(&self.margin(view))),
                "a crop's margin is not 0 to 4",
            ),
        ];
        match faults.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(ManifestError::Value { what }),
            None => Ok(()),
        }
    }

    /// Returns the weight of a view in a [`Join::Mean`].
    pub(super) fn weight(&self, view: usize) -> f32 {
        self.view_weights.get(view).map_or(1.0, |&weight| weight as f32)
    }

    /// Returns the margin of a view around the mask's box, on each side, in parts of the box's longer side;
    /// 0 for the whole image.
    pub fn margin(&self, view: EncoderView) -> f64 {
        match view {
            EncoderView::Image => 0.0,
            EncoderView::Crop => self.crop_margin.unwrap_or(CROP_MARGIN),
            EncoderView::Surroundings => self.surroundings_margin.unwrap_or(SURROUNDINGS_MARGIN),
        }
    }
}

impl InputElement {
    /// Returns the name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::U8 => "u8",
        }
    }
}

impl InputSpec {
    /// Returns the number of channels: 3, or 4 with the mask.
    pub fn channels(&self) -> usize {
        3 + usize::from(self.mask)
    }

    /// Returns the lengths of the tensor's axes in their order.
    pub fn shape(&self) -> [usize; 4] {
        let [width, height] = [self.width, self.height].map(|side| side as usize);
        match self.layout {
            InputLayout::Nchw => [1, self.channels(), height, width],
            InputLayout::Nhwc => [1, height, width, self.channels()],
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn ones() -> [f32; 3] {
    [1.0; 3]
}

fn whole_image() -> Vec<EncoderView> {
    vec![EncoderView::Image]
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"{
        "id": "sam1-small", "file": "encoder.onnx",
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "input": {"name": "x", "width": 1024, "height": 1024, "layout": "nchw", "element": "f32",
                  "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "resize": "pad"},
        "output": {"name": "image_embeddings", "layout": "chw"}
    }"#;

    #[test]
    fn invalid_manifests_are_refused() {
        let manifest: EncoderManifest = serde_json::from_str(MANIFEST).unwrap();
        assert_eq!((manifest.check(), &manifest.views[..]), (Ok(()), &[EncoderView::Image][..]));
        let wrong = |change: fn(&mut EncoderManifest)| {
            let mut manifest = manifest.clone();
            change(&mut manifest);
            manifest.check().unwrap_err().to_string()
        };
        assert!(wrong(|manifest| manifest.sha256.truncate(63)).contains("sha256"));
        assert!(wrong(|manifest| manifest.input.width = 0).contains("sides"));
        assert!(wrong(|manifest| manifest.input.std[1] = 0.0).contains("std"));
        assert!(wrong(|manifest| manifest.views = vec![EncoderView::Crop; 2]).contains("twice"));
        assert!(wrong(|manifest| manifest.input.mask = true).contains("without a mask"));
        assert!(wrong(|manifest| manifest.crop_margin = Some(-0.1)).contains("margin"));
        assert!(wrong(|manifest| manifest.crop_margin = Some(f64::NAN)).contains("margin"));
        assert!(wrong(|manifest| manifest.surroundings_margin = Some(5.0)).contains("margin"));
        assert!(wrong(|manifest| manifest.view_weights = vec![1.0]).contains("averaged"));
        assert!(wrong(|manifest| manifest.view_weights = vec![1.0; 2]).contains("each view"));
        assert!(wrong(|manifest| manifest.view_weights = vec![f64::NAN]).contains("positive"));
        assert!(wrong(|manifest| manifest.views = Vec::new()).contains("no view"));
        assert!(wrong(|manifest| manifest.output.skip = 1).contains("tokens"));
        assert!(wrong(|manifest| manifest.output.layout = OutputLayout::Vector).contains("crop"));
    }

    #[test]
    fn default_values_are_not_written() {
        // Readers that know neither field refuse a manifest that has one.
        let plain: EncoderManifest = serde_json::from_str(MANIFEST).unwrap();
        let written = serde_json::to_string(&plain).unwrap();
        for field in ["crop_margin", "surroundings_margin", "mask", "join", "weights"] {
            assert!(!written.contains(field), "{written}");
        }
        assert_eq!((plain.margin(EncoderView::Crop), plain.input.channels()), (CROP_MARGIN, 3));
        let crops = MANIFEST.replace("\"pad\"}", "\"stretch\", \"mask\": true}");
        let crops = crops.replace("}\n    }", "}, \"views\": [\"crop\"], \"crop_margin\": 0.35\n    }");
        let asking: EncoderManifest = serde_json::from_str(&crops).unwrap();
        assert_eq!(
            (asking.check(), asking.margin(EncoderView::Crop), asking.input.channels()),
            (Ok(()), 0.35, 4)
        );
        let again: EncoderManifest = serde_json::from_str(&serde_json::to_string(&asking).unwrap()).unwrap();
        assert_eq!(again, asking);
    }

    #[test]
    fn unknown_field_is_refused() {
        let error = serde_json::from_str::<EncoderManifest>(&MANIFEST.replace("\"resize\"", "\"resise\""))
            .unwrap_err();
        assert!(error.to_string().contains("resise"), "{error}");
    }
}
