//! The settings of a viewer, and its tools.

use serde::{Deserialize, Serialize};

/// Meaning of a click on the image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// Selects the shown mask under the pointer.
    #[default]
    Select,
    /// Segments the object clicked; each click begins another object.
    Pick,
    /// Adds a point that belongs to the object.
    Add,
    /// Adds a point that does not belong to the object.
    Remove,
    /// Draws a box around the object.
    Box,
    /// Paints on the selected kept mask, or on a new one.
    Brush,
    /// Erases from the selected kept mask.
    Erase,
    /// Moves the image on the canvas.
    Pan,
}

impl Tool {
    /// Returns whether a plain click with the tool runs the segmentation model.
    pub fn segments(self) -> bool {
        !matches!(self, Self::Select | Self::Pan) && !self.paints()
    }

    /// Returns whether dragging the pointer paints or erases.
    pub fn paints(self) -> bool {
        matches!(self, Self::Brush | Self::Erase)
    }
}

/// Rule by which masks get their colors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum ColorMode {
    /// Masks of one entity share a color.
    #[default]
    Entity,
    /// Each mask has a color of its own.
    Mask,
}

/// The preferred renderer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum RendererChoice {
    /// WebGPU on a graphics card, else the CPU.
    #[default]
    Auto,
    /// WebGPU where it works, even where software emulates it, else the CPU.
    #[serde(rename = "webgpu")]
    WebGpu,
    /// The CPU, even where WebGPU works.
    Cpu,
}

/// The place where images are encoded for clicks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
#[serde(rename_all = "camelCase")]
pub enum EncoderPlace {
    /// The visitor's device.
    #[default]
    Device,
    /// The linking endpoint, for devices that are too weak; the device where there is none.
    Endpoint,
}

/// The settings of a viewer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Address of the linking endpoint; without one nothing is sent and masks are linked in the page.
    pub endpoint: Option<String>,
    /// Place where images are encoded for clicks.
    pub encoder: EncoderPlace,
    /// Id of the segmentation model in the manifest; `None` is the manifest's default.
    pub model: Option<String>,
    /// Opacity of a mask's fill, 0..=1.
    pub opacity: f64,
    /// Colors by entity, or one for each mask.
    pub color_mode: ColorMode,
    /// Whether fills carry a pattern, which tells masks apart without color.
    pub patterns: bool,
    /// Whether the names of all masks are drawn.
    pub labels: bool,
    /// Whether bounding boxes are drawn.
    pub boxes: bool,
    /// The preferred renderer; a failure of the GPU does not change it.
    pub renderer: RendererChoice,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: None,
            encoder: EncoderPlace::default(),
            model: None,
            opacity: 0.45,
            color_mode: ColorMode::default(),
            patterns: false,
            labels: false,
            boxes: false,
            renderer: RendererChoice::default(),
        }
    }
}
