//! What an image encoder takes and gives: the small JSON file beside its ONNX file.

use serde::{Deserialize, Serialize};

/// The usual margin of a crop: enough for the outline and a little of what is around it.
pub const CROP_MARGIN: f64 = 0.1;
/// A wider crop would show the thing asked about too small.
const MAX_MARGIN: f64 = 4.0;

/// An encoder's card.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderManifest {
    /// Names the encoder in answers.
    pub id: String,
    /// The ONNX file, relative to the card.
    pub file: String,
    /// The ONNX file's SHA-256, 64 lowercase hexadecimal digits.
    pub sha256: String,
    /// The ONNX file's length; the card in an index has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How an image goes in.
    pub input: Input,
    /// How features come out.
    pub output: Output,
    /// Which parts of the image are encoded for a mask; the pooled features of all are joined to one vector.
    #[serde(default = "whole_image")]
    pub views: Vec<EncoderView>,
    /// How much wider than the longer side of the mask's box a crop is, on each side, in parts of that side;
    /// [`CROP_MARGIN`] where the card does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crop_margin: Option<f64>,
}

/// How an image goes in: a tensor of one image in RGB, or of RGB and the mask asked about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The input's name in the graph.
    pub name: String,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The order of the axes.
    pub layout: InputLayout,
    /// The numbers.
    pub element: InputElement,
    /// Subtracted from each channel, on the scale 0 to 255; none for bytes.
    #[serde(default)]
    pub mean: [f32; 3],
    /// Divides each channel after that; none for bytes.
    #[serde(default = "ones")]
    pub std: [f32; 3],
    /// How an image of another shape is fitted in.
    pub resize: Resize,
    /// Whether a fourth channel says which part of each sample the mask covers: 0 to 1, or 0 to 255
    /// in bytes. For crops only, as a whole image is encoded once for all masks.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mask: bool,
}

/// How features come out: one feature map.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// The output's name in the graph.
    pub name: String,
    /// The order of the axes.
    pub layout: OutputLayout,
}

/// The order of an input's axes, of three channels or four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputLayout {
    /// `[1, channels, height, width]`.
    #[default]
    Nchw,
    /// `[1, height, width, channels]`.
    Nhwc,
}

/// The numbers of an input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InputElement {
    /// 32-bit floats: `(byte - mean) / std`.
    #[default]
    F32,
    /// The bytes themselves.
    U8,
}

/// How an image is fitted to the input's width and height.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Resize {
    /// Each side on its own.
    #[default]
    Stretch,
    /// Both sides by one factor, so that one fills the input; below or to the right zeros, after
    /// mean and std, as segment-anything does (128 for bytes).
    Pad,
}

/// The order of an output's axes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutputLayout {
    /// `[1, channels, height, width]`.
    #[default]
    Chw,
    /// `[1, height, width, channels]`.
    Hwc,
}

/// A part of the image that is encoded.
///
/// With a `MobileNet` v2 of 7 × 7 cells and 148 masks of everyday things, each asked for without
/// its own photograph, the image alone found 50 % at once and 80 % among five, the crop alone 55 %
/// and 80 %, both together 57 % and 84 %: a small thing lies in one cell of the whole image, and
/// its surroundings still say something. An encoder with fine cells, such as segment-anything's 64
/// × 64, needs no crop and then runs once an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EncoderView {
    /// The whole image: encoded once, whatever mask is asked about.
    Image,
    /// A square around the mask's box, wider than the box's longer side by a margin and not cut at
    /// the image's edges, beyond which the input is neutral: the encoder runs for each mask, and
    /// sees small things large.
    Crop,
}

/// Why a card cannot be used.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// A value of the card makes no sense.
    #[error("the encoder's card: {what}")]
    Value {
        /// Which and why.
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
            (self.views.is_empty() || self.views.len() > 2, "views are not one or two"),
            (self.views.len() == 2 && self.views[0] == self.views[1], "a view comes twice"),
            (
                self.input.mask && self.views.contains(&EncoderView::Image),
                "the whole image is encoded without a mask",
            ),
            (!(0.0..=MAX_MARGIN).contains(&self.margin()), "the crop's margin is not 0 to 4"),
        ];
        match faults.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(ManifestError::Value { what }),
            None => Ok(()),
        }
    }

    /// How much wider a crop is than the box, on each side, in parts of its longer side.
    pub fn margin(&self) -> f64 {
        self.crop_margin.unwrap_or(CROP_MARGIN)
    }
}

impl Input {
    /// The number of channels.
    pub fn channels(&self) -> usize {
        3 + usize::from(self.mask)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
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

    const CARD: &str = r#"{
        "id": "sam1-small", "file": "encoder.onnx",
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "input": {"name": "x", "width": 1024, "height": 1024, "layout": "nchw", "element": "f32",
                  "mean": [123.675, 116.28, 103.53], "std": [58.395, 57.12, 57.375], "resize": "pad"},
        "output": {"name": "image_embeddings", "layout": "chw"}
    }"#;

    #[test]
    fn a_card_reads_and_is_checked() {
        let card: EncoderManifest = serde_json::from_str(CARD).unwrap();
        assert_eq!((card.check(), &card.views[..]), (Ok(()), &[EncoderView::Image][..]));
        let wrong = |change: fn(&mut EncoderManifest)| {
            let mut card = card.clone();
            change(&mut card);
            card.check().unwrap_err().to_string()
        };
        assert!(wrong(|card| card.sha256.truncate(63)).contains("sha256"));
        assert!(wrong(|card| card.input.width = 0).contains("sides"));
        assert!(wrong(|card| card.input.std[1] = 0.0).contains("std"));
        assert!(wrong(|card| card.views = vec![EncoderView::Crop; 2]).contains("twice"));
        assert!(wrong(|card| card.input.mask = true).contains("without a mask"));
        assert!(wrong(|card| card.crop_margin = Some(-0.1)).contains("margin"));
        assert!(wrong(|card| card.crop_margin = Some(f64::NAN)).contains("margin"));
    }

    #[test]
    fn what_a_card_does_not_ask_for_is_not_written() {
        // Whoever knows neither field refuses a card that has one.
        let plain: EncoderManifest = serde_json::from_str(CARD).unwrap();
        let written = serde_json::to_string(&plain).unwrap();
        assert!(!written.contains("crop_margin") && !written.contains("mask"), "{written}");
        assert_eq!((plain.margin(), plain.input.channels()), (CROP_MARGIN, 3));
        let crops = CARD.replace("\"pad\"}", "\"stretch\", \"mask\": true}");
        let crops = crops.replace("}\n    }", "}, \"views\": [\"crop\"], \"crop_margin\": 0.35\n    }");
        let asking: EncoderManifest = serde_json::from_str(&crops).unwrap();
        assert_eq!((asking.check(), asking.margin(), asking.input.channels()), (Ok(()), 0.35, 4));
        let again: EncoderManifest = serde_json::from_str(&serde_json::to_string(&asking).unwrap()).unwrap();
        assert_eq!(again, asking);
    }

    #[test]
    fn a_misspelt_field_is_refused() {
        let error =
            serde_json::from_str::<EncoderManifest>(&CARD.replace("\"resize\"", "\"resise\"")).unwrap_err();
        assert!(error.to_string().contains("resise"), "{error}");
    }
}
