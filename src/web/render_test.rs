//! Compares the two renderers over the test scenes in a browser; built with the feature `workbench` alone.

use std::sync::Arc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::ImageBitmap;

use super::error::of_render;
use crate::geometry::{Rect, Size, Transform};
use crate::gpu::Adapters;
use crate::render::{
    Color, ColorBy, CpuRenderer, Frame, GpuRenderer, Overlay, Scene, SourceImage, Style, Target, View,
};
use crate::rle::Mask;

#[allow(clippy::expect_used, dead_code, reason = "test code, of which this build uses a part")]
#[path = "../../tests/scenes/render.rs"]
mod scenes;

use scenes::{Difference, TestScene, three_panels};

/// A GPU renderer and the scenes on which it is compared with the CPU renderer.
#[wasm_bindgen]
pub struct RenderTest {
    gpu: GpuRenderer,
    scenes: Vec<TestScene>,
    expected: Frame,
    actual: Frame,
}

#[wasm_bindgen]
impl RenderTest {
    /// Opens a GPU device.
    pub async fn open() -> Result<RenderTest, JsValue> {
        let scene = Scene::new(Size::default()).map_err(|error| of_render(&error))?;
        let opened = GpuRenderer::new(Target::Offscreen, Adapters::Any, scene.into()).await;
        let gpu = opened.map_err(|error| of_render(&error))?;
        Ok(Self { gpu, scenes: scenes::all(), expected: Frame::default(), actual: Frame::default() })
    }

    /// Returns the names of the scenes, in order.
    pub fn names(&self) -> Vec<String> {
        self.scenes.iter().map(|test| test.name.to_owned()).collect()
    }

    /// Returns the name of the adapter.
    pub fn adapter(&self) -> String {
        self.gpu.adapter_name()
    }

    /// Returns the image of a scene for `ImageData`; empty where it has none.
    pub fn image(&self, index: usize) -> Vec<u8> {
        self.scenes[index].image.as_ref().map_or_else(Vec::new, |image| image.rgba().to_vec())
    }

    /// Returns the width of a scene's image; 0 where it has none.
    #[wasm_bindgen(js_name = imageWidth)]
    pub fn image_width(&self, index: usize) -> u32 {
        self.scenes[index].image.as_ref().map_or(0, |image| image.size().width)
    }

    /// Draws a scene with both renderers; a bitmap replaces the scene's image on the GPU.
    pub async fn draw(&mut self, index: usize, bitmap: Option<ImageBitmap>) -> Result<(), JsValue> {
        let test = &self.scenes[index];
        self.gpu.set_scene(test.scene.clone().into()).map_err(|error| of_render(&error))?;
        let image = test.image.clone().map(Arc::new);
        let mut cpu = CpuRenderer::new(test.scene.clone().into());
        cpu.set_image(image.clone());
        match bitmap {
            Some(bitmap) => self.gpu.set_image_bitmap(bitmap),
            None => self.gpu.set_image(image),
        }
        .map_err(|error| of_render(&error))?;
        self.expected = cpu.draw(&test.view, &test.style).map_err(|error| of_render(&error))?;
        self.redraw(index).await
    }

    /// Draws a scene on the GPU again, without setting scene and image.
    pub async fn redraw(&mut self, index: usize) -> Result<(), JsValue> {
        let test = &self.scenes[index];
        self.gpu.draw(&test.view, &test.style).map_err(|error| of_render(&error))?;
        self.actual = self.gpu.read_back().await.map_err(|error| of_render(&error))?;
        Ok(())
    }

    /// Destroys the device; completes with the reason of the loss.
    pub async fn lose(&self) -> String {
        let lost = self.gpu.lost();
        self.gpu.destroy();
        lost.await.to_string()
    }

    /// Opens another device after a loss.
    pub async fn rebuild(&mut self) -> Result<(), JsValue> {
        self.gpu.rebuild().await.map_err(|error| of_render(&error))
    }

    /// Returns `true` if the two frames last drawn agree within the tolerance.
    #[wasm_bindgen(getter)]
    pub fn tolerable(&self) -> bool {
        Difference::between(&self.expected, &self.actual).is_tolerable()
    }

    /// Returns the largest difference of a channel and the number of pixels over the tolerance as text.
    #[wasm_bindgen(getter)]
    pub fn difference(&self) -> String {
        let Difference { worst, outliers, pixels } = Difference::between(&self.expected, &self.actual);
        format!("worst {worst}, outliers {outliers} of {pixels}")
    }

    /// Returns the number of distinct colours of the GPU's frame; one or two where nothing was drawn.
    #[wasm_bindgen(getter)]
    pub fn colors(&self) -> usize {
        self.actual.rgba().as_chunks::<4>().0.iter().collect::<std::collections::HashSet<_>>().len()
    }

    /// Returns expected, difference and actual frame side by side, as RGBA.
    pub fn panels(&self) -> Vec<u8> {
        three_panels(&self.expected, &self.actual).1
    }

    /// Returns the width of `panels` in pixels.
    #[wasm_bindgen(getter, js_name = panelsWidth)]
    pub fn panels_width(&self) -> u32 {
        three_panels(&self.expected, &self.actual).0.width
    }
}
