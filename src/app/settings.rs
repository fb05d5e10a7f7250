//! What a person can set, and the tool in their hand.

use serde::{Deserialize, Serialize};

/// What a click on the image does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Tool {
    /// Selects the shown mask under the pointer.
    #[default]
    Select,
    /// Segments the object clicked, afresh with each click.
    Pick,
    /// Adds a point that belongs to the object.
    Add,
    /// Adds a point that does not belong to the object.
    Remove,
    /// Draws a box around the object.
    Box,
    /// Moves the image.
    Pan,
}

/// What a colour stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ColorMode {
    /// Masks of one entity share a colour.
    #[default]
    Entity,
    /// Each mask has its own colour.
    Mask,
}

/// Which renderer draws.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RendererChoice {
    /// WebGPU where it works, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
}

/// The settings of a viewer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// The linking endpoint's address; `None` sends nothing anywhere: the page itself is asked.
    pub endpoint: Option<String>,
    /// The segmentation model's id in the manifest; `None` is the manifest's default.
    pub model: Option<String>,
    /// Opacity of a mask's fill, 0..=1.
    pub opacity: f64,
    /// What a colour stands for.
    pub color_mode: ColorMode,
    /// Whether fills carry a pattern, so that they can be told apart without colour.
    pub patterns: bool,
    /// Whether names are drawn beside masks.
    pub labels: bool,
    /// Whether boxes are drawn around masks.
    pub boxes: bool,
    /// Which renderer draws.
    pub renderer: RendererChoice,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            endpoint: None,
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
