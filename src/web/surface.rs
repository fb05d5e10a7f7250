//! Opens a renderer for a canvas and draws on it.
//!
//! Tries three ways in order: WebGPU on the canvas; WebGPU to a texture that is copied to a 2D canvas,
//! for browsers that compute on a GPU (or emulate one) but cannot show a WebGPU canvas; the CPU on a 2D
//! canvas. An emulated GPU is used only where the person chose WebGPU.

use std::sync::Arc;

use wasm_bindgen::{Clamped, JsCast as _, JsValue};
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, ImageData, OffscreenCanvas,
    OffscreenCanvasRenderingContext2d,
};

use super::error::{js_error, of_render};
use crate::app::RendererChoice;
use crate::geometry::Size;
use crate::gpu::{self, Adapters};
use crate::render::{self, CpuRenderer, Frame, GpuRenderer, ImageFit, Scene, Style, Target, View};

/// Scale from which on a pixel of the image is drawn as a square, like the masks' pixels.
const SQUARES_FROM_SCALE: f64 = 2.0;
/// Reason for drawing by the CPU where WebGPU has no graphics card.
const SOFTWARE_ADAPTER: &str = "WebGPU has no graphics card here and would be slower";
/// Minimum age of a lost device, in milliseconds, to blame the machine and not the first frame shown.
const MIN_LASTING_MS: f64 = 5_000.0;

/// The contents of a frame.
pub(super) struct Drawing {
    pub(super) scene: Arc<Scene>,
    pub(super) image: Option<ImageBitmap>,
    pub(super) view: View,
    pub(super) style: Style,
}

/// A canvas, its renderer, and the scene and image that the renderer has.
pub(super) struct Surface {
    canvas: HtmlCanvasElement,
    renderer: Renderer,
    scene: Arc<Scene>,
    image: Option<ImageBitmap>,
    /// Name of the adapter, or the reason for the CPU.
    note: String,
    /// Resolution of the image on the GPU.
    fit: ImageFit,
    /// Time at which the device was opened, in milliseconds of `Date.now()`.
    opened: f64,
}

enum Renderer {
    Gpu { gpu: Box<GpuRenderer>, copied_to: Option<CanvasRenderingContext2d> },
    Cpu { cpu: CpuRenderer, context: CanvasRenderingContext2d },
}

impl Surface {
    /// Opens a WebGPU renderer, or a CPU renderer where that is chosen or there is no adapter; unless WebGPU
    /// is chosen, also where the only adapter is software, which is slower than the CPU renderer.
    ///
    /// A canvas keeps the kind of its first context, so where WebGPU fails after creating one, another
    /// canvas replaces it in the document; see [`Self::canvas`].
    pub(super) async fn open(
        canvas: HtmlCanvasElement,
        choice: RendererChoice,
        scene: Arc<Scene>,
    ) -> Result<Self, JsValue> {
        let adapters = match choice {
            RendererChoice::Cpu => return Self::on_cpu(canvas, scene, "chosen in the settings"),
            RendererChoice::Auto => Adapters::Hardware,
            RendererChoice::WebGpu => Adapters::Any,
        };
        if !has_webgpu() {
            return Self::on_cpu(canvas, scene, "WebGPU is not available in this browser");
        }
        match GpuRenderer::new(Target::Canvas(canvas.clone()), adapters, Arc::clone(&scene)).await {
            Ok(gpu) => Ok(Self::on_gpu(canvas, scene, gpu, None)),
            Err(render::Error::Gpu(gpu::Error::Software { .. })) => {
                Self::on_cpu(replace_canvas(&canvas)?, scene, SOFTWARE_ADAPTER)
            }
            Err(render::Error::Gpu(gpu::Error::Adapter(_))) => {
                Self::on_cpu(replace_canvas(&canvas)?, scene, "this browser finds no graphics adapter")
            }
            Err(_) => Self::copied(replace_canvas(&canvas)?, adapters, scene).await,
        }
    }

    async fn copied(
        canvas: HtmlCanvasElement,
        adapters: Adapters,
        scene: Arc<Scene>,
    ) -> Result<Self, JsValue> {
        match GpuRenderer::new(Target::Offscreen, adapters, Arc::clone(&scene)).await {
            Ok(gpu) => {
                let context = context_2d(&canvas)?;
                Ok(Self::on_gpu(canvas, scene, gpu, Some(context)))
            }
            Err(_) => Self::on_cpu(canvas, scene, "WebGPU does not work in this browser"),
        }
    }

    fn on_gpu(
        canvas: HtmlCanvasElement,
        scene: Arc<Scene>,
        gpu: GpuRenderer,
        copied_to: Option<CanvasRenderingContext2d>,
    ) -> Self {
        // A browser that hides the adapter's name leaves the name of the backend, which is of no use.
        let name = gpu.adapter_name().replace("BrowserWebGpu", "").trim().to_owned();
        let copied = copied_to.is_some().then(|| "copied to the page".to_owned());
        let note = [Some(name).filter(|name| !name.is_empty()), copied];
        let note = note.into_iter().flatten().collect::<Vec<_>>().join(", ");
        let renderer = Renderer::Gpu { gpu: Box::new(gpu), copied_to };
        Self { canvas, renderer, scene, image: None, fit: ImageFit::Whole, note, opened: js_sys::Date::now() }
    }

    fn on_cpu(canvas: HtmlCanvasElement, scene: Arc<Scene>, why: &str) -> Result<Self, JsValue> {
        let context = context_2d(&canvas)?;
        let renderer = Renderer::Cpu { cpu: CpuRenderer::new(Arc::clone(&scene)), context };
        Ok(Self {
            canvas,
            renderer,
            scene,
            image: None,
            fit: ImageFit::Whole,
            note: why.to_owned(),
            opened: js_sys::Date::now(),
        })
    }

    /// Returns the canvas drawn on, which may have replaced the one given.
    pub(super) fn canvas(&self) -> &HtmlCanvasElement {
        &self.canvas
    }

    /// Returns `webgpu` or `cpu`.
    pub(super) fn kind(&self) -> &'static str {
        match self.renderer {
            Renderer::Gpu { .. } => "webgpu",
            Renderer::Cpu { .. } => "cpu",
        }
    }

    /// Returns the name of the adapter or the reason for the CPU, and whether the image was scaled.
    pub(super) fn note(&self) -> String {
        match self.fit {
            ImageFit::Whole => self.note.clone(),
            scaled @ ImageFit::Scaled { .. } => format!("{}. {scaled}", self.note),
        }
    }

    /// Returns `true` if frames must be drawn with [`Self::draw_copied`].
    pub(super) fn is_copied(&self) -> bool {
        matches!(self.renderer, Renderer::Gpu { copied_to: Some(_), .. })
    }

    /// Draws one frame.
    pub(super) fn draw(&mut self, drawing: &Drawing) -> Result<(), JsValue> {
        self.update(drawing).map_err(|error| of_render(&error))?;
        match &mut self.renderer {
            Renderer::Gpu { gpu, .. } => {
                gpu.draw(&drawing.view, &drawing.style).map(|_| ()).map_err(|error| of_render(&error))
            }
            Renderer::Cpu { cpu, context } => draw_on_cpu(&self.canvas, context, cpu, drawing),
        }
    }

    /// Draws one frame to a texture and copies it to the canvas.
    pub(super) async fn draw_copied(&mut self, drawing: &Drawing) -> Result<(), JsValue> {
        self.draw(drawing)?;
        let Renderer::Gpu { gpu, copied_to: Some(context) } = &self.renderer else { return Ok(()) };
        if drawing.view.canvas.pixels() == 0 {
            return Ok(());
        }
        let frame = gpu.read_back().await.map_err(|error| of_render(&error))?;
        fit_canvas(&self.canvas, frame.size());
        context.put_image_data(&image_data(&frame)?, 0.0, 0.0)
    }

    /// Returns a future that completes with the reason when the GPU device is lost; `None` for the CPU.
    pub(super) fn lost(&self) -> Option<impl Future<Output = String> + use<>> {
        match &self.renderer {
            Renderer::Gpu { gpu, .. } => {
                let lost = gpu.lost();
                Some(async move { lost.await.to_string() })
            }
            Renderer::Cpu { .. } => None,
        }
    }

    /// Opens a new device after a loss.
    ///
    /// A browser that cannot show WebGPU on a canvas still creates the context and loses the device with
    /// the first frame; from then on frames are copied to another canvas.
    pub(super) async fn rebuild(mut self) -> Result<Self, JsValue> {
        let lasted = js_sys::Date::now() - self.opened;
        match &mut self.renderer {
            Renderer::Gpu { gpu, copied_to: None } if lasted < MIN_LASTING_MS => {
                let adapters = gpu.adapters();
                Self::copied(replace_canvas(&self.canvas)?, adapters, Arc::clone(&self.scene)).await
            }
            Renderer::Gpu { gpu, .. } => {
                if gpu.rebuild().await.is_err() {
                    let why = "WebGPU was lost and did not come back";
                    return Self::on_cpu(replace_canvas(&self.canvas)?, Arc::clone(&self.scene), why);
                }
                self.opened = js_sys::Date::now();
                Ok(self)
            }
            Renderer::Cpu { .. } => Ok(self),
        }
    }

    /// Passes a new scene or image to the renderer.
    fn update(&mut self, Drawing { scene, image, .. }: &Drawing) -> Result<(), render::Error> {
        let new_scene = !Arc::ptr_eq(&self.scene, scene);
        let new_image = self.image != *image;
        match &mut self.renderer {
            Renderer::Gpu { gpu, .. } => {
                match (new_scene, new_image) {
                    (true, true) => gpu.set_scene(Arc::clone(scene))?,
                    (true, false) => gpu.update_scene(Arc::clone(scene))?,
                    (false, _) => {}
                }
                match image {
                    Some(image) if new_image => self.fit = gpu.set_image_bitmap(image.clone())?,
                    None if new_image => self.fit = gpu.set_image(None)?,
                    _ => {}
                }
            }
            Renderer::Cpu { cpu, .. } if new_scene => *cpu = CpuRenderer::new(Arc::clone(scene)),
            Renderer::Cpu { .. } => {}
        }
        (self.scene, self.image) = (Arc::clone(scene), image.clone());
        Ok(())
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        if let Renderer::Gpu { gpu, .. } = &self.renderer {
            gpu.destroy();
        }
    }
}

/// Replaces a canvas by a copy without a context.
fn replace_canvas(canvas: &HtmlCanvasElement) -> Result<HtmlCanvasElement, JsValue> {
    let fresh = canvas.clone_node()?.unchecked_into::<HtmlCanvasElement>();
    canvas.replace_with_with_node_1(&fresh)?;
    Ok(fresh)
}

/// Draws the image with the browser's scaling, and the masks over it.
fn draw_on_cpu(
    canvas: &HtmlCanvasElement,
    context: &CanvasRenderingContext2d,
    cpu: &mut CpuRenderer,
    Drawing { scene, image, view, style }: &Drawing,
) -> Result<(), JsValue> {
    let Size { width, height } = view.canvas;
    if width == 0 || height == 0 {
        return Ok(());
    }
    fit_canvas(canvas, view.canvas);
    context.clear_rect(0.0, 0.0, width.into(), height.into());
    if let Some(image) = image {
        let to = view.canvas_from_image;
        context.set_image_smoothing_enabled(to.scale < SQUARES_FROM_SCALE);
        let (dw, dh) = (to.scale * f64::from(scene.size().width), to.scale * f64::from(scene.size().height));
        context.draw_image_with_image_bitmap_and_dw_and_dh(image, to.x, to.y, dw, dh)?;
        cpu.set_image_drawn_by_caller();
    } else {
        cpu.set_image(None);
    }
    let frame = cpu.draw(view, style).map_err(|error| of_render(&error))?;
    // `putImageData` replaces pixels; drawing a canvas blends them.
    let scratch = OffscreenCanvas::new(width, height)?;
    let over = scratch
        .get_context("2d")?
        .and_then(|found| found.dyn_into::<OffscreenCanvasRenderingContext2d>().ok());
    let over = over.ok_or_else(|| js_error("renderer", "an offscreen canvas has no 2D context"))?;
    over.put_image_data(&image_data(&frame)?, 0.0, 0.0)?;
    context.draw_image_with_offscreen_canvas(&scratch, 0.0, 0.0)
}

fn image_data(frame: &Frame) -> Result<ImageData, JsValue> {
    let Size { width, height } = frame.size();
    ImageData::new_with_u8_clamped_array_and_sh(Clamped(&frame.to_straight_alpha()), width, height)
}

/// Resizes the canvas where its size differs; resizing clears it.
fn fit_canvas(canvas: &HtmlCanvasElement, Size { width, height }: Size) {
    if (canvas.width(), canvas.height()) != (width, height) {
        canvas.set_width(width);
        canvas.set_height(height);
    }
}

fn context_2d(canvas: &HtmlCanvasElement) -> Result<CanvasRenderingContext2d, JsValue> {
    let context = canvas.get_context("2d")?.and_then(|context| context.dyn_into().ok());
    context.ok_or_else(|| js_error("renderer", "the canvas has no 2D context"))
}

/// Returns `true` if the browser has `navigator.gpu`, which only secure contexts have.
fn has_webgpu() -> bool {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("navigator"));
    let gpu = navigator.and_then(|navigator| js_sys::Reflect::get(&navigator, &JsValue::from_str("gpu")));
    gpu.is_ok_and(|gpu| gpu.is_object())
}
