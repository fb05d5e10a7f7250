//! A canvas with the renderer that draws on it: WebGPU where it works, else the CPU into a 2D context.

use std::sync::Arc;

use wasm_bindgen::{Clamped, JsCast as _, JsValue};
use web_sys::{
    CanvasRenderingContext2d, HtmlCanvasElement, ImageBitmap, ImageData, OffscreenCanvas,
    OffscreenCanvasRenderingContext2d,
};

use super::error::{js_error, of_render};
use crate::app::RendererChoice;
use crate::render::{CpuRenderer, GpuRenderer, Scene, Style, Target, View};

/// From this scale on a pixel of the picture is shown as a square, as the masks' pixels are.
const SQUARES_FROM_SCALE: f64 = 2.0;

/// What is drawn and where.
pub(super) struct Drawing<'a> {
    pub(super) scene: &'a Arc<Scene>,
    pub(super) picture: Option<&'a ImageBitmap>,
    pub(super) view: &'a View,
    pub(super) style: &'a Style,
}

/// The renderer of one canvas and what it was last given.
pub(super) struct Surface {
    renderer: Renderer,
    scene: Arc<Scene>,
    picture: Option<ImageBitmap>,
    /// Which adapter draws, or why it is the CPU.
    note: String,
}

enum Renderer {
    Gpu(Box<GpuRenderer>),
    Cpu(CpuSurface),
}

struct CpuSurface {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    renderer: CpuRenderer,
}

impl Surface {
    /// Takes WebGPU unless the CPU is asked for or there is no adapter, and says in words what it took.
    pub(super) async fn open(
        canvas: HtmlCanvasElement,
        choice: RendererChoice,
        scene: Arc<Scene>,
    ) -> Result<Self, JsValue> {
        if choice == RendererChoice::Cpu {
            return Self::on_cpu(canvas, scene, "as set".to_owned());
        }
        if !has_webgpu() {
            return Self::on_cpu(canvas, scene, "this browser offers no WebGPU here".to_owned());
        }
        // A canvas keeps the first kind of context it gave, so the adapter is tried without one.
        if let Err(error) = GpuRenderer::new(Target::Offscreen, Arc::clone(&scene)).await {
            return Self::on_cpu(canvas, scene, format!("WebGPU does not work here: {error}"));
        }
        let gpu = GpuRenderer::new(Target::Canvas(canvas), Arc::clone(&scene)).await.map_err(|e| of_render(&e))?;
        let note = gpu.adapter_name();
        Ok(Self { renderer: Renderer::Gpu(Box::new(gpu)), scene, picture: None, note })
    }

    fn on_cpu(canvas: HtmlCanvasElement, scene: Arc<Scene>, note: String) -> Result<Self, JsValue> {
        let context = canvas.get_context("2d")?.and_then(|context| context.dyn_into().ok());
        let context = context.ok_or_else(|| js_error("renderer", "the canvas gives no 2D context"))?;
        let renderer = CpuRenderer::new(Arc::clone(&scene));
        let cpu = CpuSurface { canvas, context, renderer };
        Ok(Self { renderer: Renderer::Cpu(cpu), scene, picture: None, note })
    }

    /// `webgpu` or `cpu`.
    pub(super) fn kind(&self) -> &'static str {
        match self.renderer {
            Renderer::Gpu(_) => "webgpu",
            Renderer::Cpu(_) => "cpu",
        }
    }

    /// Which adapter draws, or why it is the CPU.
    pub(super) fn note(&self) -> &str {
        &self.note
    }

    /// Draws one frame, after giving the renderer what it has not got yet.
    pub(super) fn draw(&mut self, drawing: &Drawing) -> Result<(), JsValue> {
        let new_scene = !Arc::ptr_eq(&self.scene, drawing.scene);
        let new_picture = self.picture.as_ref() != drawing.picture;
        match &mut self.renderer {
            Renderer::Gpu(gpu) => {
                let given = give(gpu, drawing, new_scene, new_picture);
                given.and_then(|()| gpu.draw(drawing.view, drawing.style).map(|_| ())).map_err(|e| of_render(&e))?;
            }
            Renderer::Cpu(cpu) => {
                if new_scene {
                    cpu.renderer = CpuRenderer::new(Arc::clone(drawing.scene));
                }
                cpu.draw(drawing)?;
            }
        }
        self.scene = Arc::clone(drawing.scene);
        self.picture = drawing.picture.cloned();
        Ok(())
    }

    /// Completes with the reason when the GPU device is lost; never for the CPU.
    pub(super) fn lost(&self) -> Option<impl Future<Output = String> + use<>> {
        match &self.renderer {
            Renderer::Gpu(gpu) => {
                let lost = gpu.lost();
                Some(async move { lost.await.to_string() })
            }
            Renderer::Cpu(_) => None,
        }
    }

    /// Opens a new device after the last was lost.
    pub(super) async fn rebuild(&mut self) -> Result<(), JsValue> {
        match &mut self.renderer {
            Renderer::Gpu(gpu) => gpu.rebuild().await.map_err(|error| of_render(&error)),
            Renderer::Cpu(_) => Ok(()),
        }
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        if let Renderer::Gpu(gpu) = &self.renderer {
            gpu.destroy();
        }
    }
}

fn give(
    gpu: &mut GpuRenderer,
    drawing: &Drawing,
    new_scene: bool,
    new_picture: bool,
) -> Result<(), crate::render::Error> {
    match (new_scene, new_picture) {
        (true, true) => gpu.set_scene(Arc::clone(drawing.scene))?,
        (true, false) => gpu.update_scene(Arc::clone(drawing.scene))?,
        (false, _) => {}
    }
    match drawing.picture {
        Some(picture) if new_picture => gpu.set_picture_bitmap(picture.clone()).map(|_| ()),
        None if new_picture => gpu.set_picture(None).map(|_| ()),
        _ => Ok(()),
    }
}

impl CpuSurface {
    /// The picture by the browser's own scaling, and the masks over it.
    fn draw(&mut self, Drawing { picture, view, style, scene }: &Drawing) -> Result<(), JsValue> {
        let (width, height) = (view.canvas.width, view.canvas.height);
        if width == 0 || height == 0 {
            return Ok(());
        }
        if (self.canvas.width(), self.canvas.height()) != (width, height) {
            self.canvas.set_width(width);
            self.canvas.set_height(height);
        }
        self.context.clear_rect(0.0, 0.0, width.into(), height.into());
        match picture {
            Some(picture) => {
                let to = view.canvas_from_image;
                self.context.set_image_smoothing_enabled(to.scale < SQUARES_FROM_SCALE);
                let (dw, dh) = (to.scale * f64::from(scene.size().width), to.scale * f64::from(scene.size().height));
                self.context.draw_image_with_image_bitmap_and_dw_and_dh(picture, to.x, to.y, dw, dh)?;
                self.renderer.leave_picture_out();
            }
            None => self.renderer.set_picture(None),
        }
        let frame = self.renderer.draw(view, style).map_err(|error| of_render(&error))?;
        let pixels = frame.to_straight_alpha();
        let data = ImageData::new_with_u8_clamped_array_and_sh(Clamped(&pixels), width, height)?;
        // `putImageData` replaces what is there; drawing a canvas blends.
        let scratch = OffscreenCanvas::new(width, height)?;
        let context =
            scratch.get_context("2d")?.and_then(|found| found.dyn_into::<OffscreenCanvasRenderingContext2d>().ok());
        let context = context.ok_or_else(|| js_error("renderer", "an offscreen canvas gives no 2D context"))?;
        context.put_image_data(&data, 0.0, 0.0)?;
        self.context.draw_image_with_offscreen_canvas(&scratch, 0.0, 0.0)
    }
}

/// Whether the browser has `navigator.gpu`; it is missing in pages that are not secure contexts.
fn has_webgpu() -> bool {
    let navigator = js_sys::Reflect::get(&js_sys::global(), &JsValue::from_str("navigator"));
    let gpu = navigator.and_then(|navigator| js_sys::Reflect::get(&navigator, &JsValue::from_str("gpu")));
    gpu.is_ok_and(|gpu| gpu.is_object())
}
