//! Draws frames of many overlapping masks for the benchmark page, `www/bench.html`.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::error::{js_error, of_render};
use crate::geometry::{Size, Transform};
use crate::gpu::Adapters;
use crate::render::{GpuRenderer, Overlay, Scene, Style, Target, View};
use crate::rle::Mask;

#[allow(clippy::expect_used, reason = "benchmark code, whose masks are valid by construction")]
#[path = "../../benches/shared/overlapping.rs"]
mod overlapping;

/// Overlapping masks on an image of 1920 x 1080, and a renderer that draws them to a texture of that size.
///
/// ```js
/// const bench = await FrameBench.create(1000);
/// await bench.frame(false);
/// ```
#[wasm_bindgen]
pub struct FrameBench {
    gpu: GpuRenderer,
    masks: Vec<Mask>,
}

#[wasm_bindgen]
impl FrameBench {
    /// Opens a GPU device and uploads the first `count` masks of a fixed sequence.
    pub async fn create(count: u32) -> Result<FrameBench, JsValue> {
        let masks = overlapping::blobs(count);
        let mut scene = Scene::new(overlapping::IMAGE).map_err(|error| of_render(&error))?;
        for mask in &masks {
            let overlay = Overlay { masks: vec![mask.clone()], ..Overlay::default() };
            scene.push(overlay).map_err(|error| of_render(&error))?;
        }
        let opened = GpuRenderer::new(Target::Offscreen, Adapters::Any, scene.into()).await;
        let gpu = opened.map_err(|error| of_render(&error))?;
        Ok(Self { gpu, masks })
    }

    /// Draws a frame with or without outlines; completes when the GPU has finished it.
    pub async fn frame(&mut self, outlines: bool) -> Result<(), JsValue> {
        let view = View {
            canvas: overlapping::IMAGE,
            device_pixel_ratio: 1.0,
            canvas_from_image: Transform::default(),
        };
        let plain = Style::default();
        let style = if outlines { plain } else { Style { outline_width: 0.0, ..plain } };
        self.gpu.draw(&view, &style).map_err(|error| of_render(&error))?;
        self.gpu.finish().await.map_err(|error| of_render(&error))
    }

    /// Returns the bytes of GPU memory allocated for the masks.
    #[wasm_bindgen(getter)]
    pub fn bytes(&self) -> f64 {
        self.gpu.memory().overlays as f64
    }

    /// Returns the name of the adapter.
    #[wasm_bindgen(getter)]
    pub fn adapter(&self) -> String {
        self.gpu.adapter_name()
    }

    /// Returns one mask as the usual way uploads it: one byte per pixel, 0 or 255, row by row.
    pub fn bitmap(&self, index: usize) -> Result<Vec<u8>, JsValue> {
        let mask = self.masks.get(index).ok_or_else(|| js_error("index", "no such mask"))?;
        let bitmap = mask.to_row_major().map_err(|error| js_error("mask", error))?;
        Ok(bitmap.into_iter().map(|set| set * 255).collect())
    }

    /// Frees the GPU memory.
    pub fn destroy(&self) {
        self.gpu.destroy();
    }
}
