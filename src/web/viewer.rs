//! The class `Viewer`: one canvas, its view, and the click flow behind it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{HtmlCanvasElement, ImageBitmap};

use super::error::{from_json, js_error, of_render, to_json};
use super::surface::{Drawing, Surface};
use crate::app::{Effect, Event, Failure, Notice, RendererChoice, State};
use crate::geometry::{Point, Rect, Size, Transform};
use crate::render::{self, Scene, View};

/// Masks over an image on one canvas.
///
/// Positions are CSS pixels of the canvas, or pixels of the image where a method says so. Nothing
/// is drawn but by `draw`, which the page calls before the next frame after anything changed.
///
/// ```js
/// const viewer = await Viewer.create(canvas, 'auto');
/// viewer.resize(canvas.clientWidth, canvas.clientHeight, devicePixelRatio);
/// viewer.dispatch(JSON.stringify({ type: 'imageOpened', key: 'a.jpg', width: bitmap.width, height: bitmap.height }));
/// viewer.setImage(bitmap);
/// viewer.draw();
/// ```
#[wasm_bindgen]
pub struct Viewer {
    state: State,
    scene: Arc<Scene>,
    image: Option<ImageBitmap>,
    view: View,
    /// Whether the whole image is fitted, and so is again when the canvas changes its size.
    fitted: bool,
    /// Empty while a lost device is being replaced.
    surface: Rc<RefCell<Option<Surface>>>,
}

#[wasm_bindgen]
impl Viewer {
    /// A viewer on a canvas that has given no context yet. `renderer` is `auto` (WebGPU where it
    /// works) or `cpu`.
    pub async fn create(canvas: HtmlCanvasElement, renderer: String) -> Result<Viewer, JsValue> {
        let choice = if renderer == "cpu" { RendererChoice::Cpu } else { RendererChoice::Auto };
        let scene = Arc::new(Scene::new(Size::default()).map_err(|error| of_render(&error))?);
        let surface = Surface::open(canvas, choice, Arc::clone(&scene)).await?;
        Ok(Self::new(scene, surface))
    }

    /// The canvas drawn on, another than that given where that could not show what WebGPU draws;
    /// `undefined` while a frame or a device is awaited.
    #[wasm_bindgen(getter)]
    pub fn canvas(&self) -> Option<HtmlCanvasElement> {
        self.surface.borrow().as_ref().map(|surface| surface.canvas().clone())
    }

    /// `webgpu` or `cpu`; `undefined` while a frame or a device is awaited.
    #[wasm_bindgen(getter, js_name = rendererKind)]
    pub fn renderer_kind(&self) -> Option<String> {
        self.surface.borrow().as_ref().map(|surface| surface.kind().to_owned())
    }

    /// Which adapter draws, or why it is the CPU; `undefined` likewise.
    #[wasm_bindgen(getter, js_name = rendererNote)]
    pub fn renderer_note(&self) -> Option<String> {
        self.surface.borrow().as_ref().map(Surface::note)
    }

    /// Takes in an event (JSON) and answers the effects to perform (a JSON array), in order.
    pub fn dispatch(&mut self, event: &str) -> Result<String, JsValue> {
        let event = from_json::<Event>(event)?;
        let is_another = matches!(event, Event::ImageOpened { .. } | Event::ImageClosed);
        let mut effects = self.state.update(event);
        if effects.contains(&Effect::DrawMasks)
            && let Err(error) = self.rebuild_scene()
        {
            // What else the event asks for still holds: the state has changed already.
            let failure = Failure { code: "image-too-large".to_owned(), message: error.to_string() };
            effects.push(Effect::Notify(Notice::Error(failure)));
        }
        if is_another {
            self.fit();
        }
        to_json(&effects)
    }

    /// What the panels show (JSON).
    pub fn snapshot(&self) -> Result<String, JsValue> {
        to_json(&self.state.snapshot())
    }

    /// Puts an image under the masks; it must stay open until another takes its place.
    #[wasm_bindgen(js_name = setImage)]
    pub fn set_image(&mut self, bitmap: &ImageBitmap) {
        self.image = Some(bitmap.clone());
    }

    /// Takes the image away; its masks are then drawn on a frame of its size.
    #[wasm_bindgen(js_name = clearImage)]
    pub fn clear_image(&mut self) {
        self.image = None;
    }

    /// Draws one frame. Throws or rejects with the code `device-lost` where the GPU is gone;
    /// `rebuild` brings it back.
    ///
    /// Answers `undefined` when the frame is drawn, or a promise of it; draw no other until that is settled.
    pub fn draw(&self) -> Result<Option<js_sys::Promise>, JsValue> {
        match &mut *self.surface.borrow_mut() {
            Some(surface) if surface.is_copied() => Ok(Some(self.draw_later())),
            Some(surface) => surface.draw(&self.drawing()).map(|()| None),
            None => Ok(None),
        }
    }

    /// Resolves with the reason when the GPU device is lost; never where the CPU draws.
    pub fn lost(&self) -> js_sys::Promise {
        match self.surface.borrow().as_ref().and_then(Surface::lost) {
            Some(lost) => future_to_promise(async move { Ok(JsValue::from_str(&lost.await)) }),
            None => future_to_promise(std::future::pending()),
        }
    }

    /// Opens a new GPU device after the last was lost; resolves when `draw` works again.
    pub fn rebuild(&self) -> js_sys::Promise {
        let surface = Rc::clone(&self.surface);
        future_to_promise(rebuild(surface))
    }

    /// Tells the canvas's size in CSS pixels and the device pixels of one.
    pub fn resize(&mut self, width: f64, height: f64, device_pixel_ratio: f64) {
        let in_device = |length: f64| (length * device_pixel_ratio).round().clamp(0.0, 16_384.0) as u32;
        let (canvas, image) = (Size::new(in_device(width), in_device(height)), self.scene.size());
        self.view = self.view.resized(canvas, device_pixel_ratio, image);
        self.fit_again();
    }

    /// Moves the image.
    pub fn pan(&mut self, dx: f64, dy: f64) {
        let ratio = self.view.device_pixel_ratio;
        self.look(self.view.panned(dx * ratio, dy * ratio, self.scene.size()));
    }

    /// Zooms by `factor`; what lies under (`x`, `y`) stays there.
    #[wasm_bindgen(js_name = zoomAbout)]
    pub fn zoom_about(&mut self, x: f64, y: f64, factor: f64) {
        self.look(self.view.zoomed(self.in_device(x, y), factor, self.scene.size()));
    }

    /// Shows the whole image.
    pub fn fit(&mut self) {
        self.fitted = true;
        self.fit_again();
    }

    /// Shows a pixel of the image as a pixel of the screen.
    #[wasm_bindgen(js_name = showActualPixels)]
    pub fn show_actual_pixels(&mut self) {
        let Size { width, height } = self.view.canvas;
        let middle = Point::new(f64::from(width) / 2.0, f64::from(height) / 2.0);
        self.look(self.view.one_to_one(middle, self.scene.size()));
    }

    /// Shows a mask as large as it fits.
    #[wasm_bindgen(js_name = fitMask)]
    pub fn fit_mask(&mut self, index: usize) {
        if let Some(rect) = self.scene.mask(index).and_then(|mask| mask.bbox()) {
            self.look(self.view.fit_rect(Rect::from(rect), self.scene.size()));
        }
    }

    /// Whether another part than the whole image is seen.
    #[wasm_bindgen(getter, js_name = isZoomed)]
    pub fn is_zoomed(&self) -> bool {
        !self.fitted
    }

    /// `[x, y, scale]`: the pixel of the image in the middle, and CSS pixels a pixel of the image.
    pub fn view(&self) -> Vec<f64> {
        let View { canvas, device_pixel_ratio, canvas_from_image } = self.view;
        let middle = Point::new(f64::from(canvas.width) / 2.0, f64::from(canvas.height) / 2.0);
        let Point { x, y } = canvas_from_image.inverse().apply(middle);
        vec![x, y, canvas_from_image.scale / device_pixel_ratio]
    }

    /// Shows what `view` told, within the limits of zoom.
    #[wasm_bindgen(js_name = setView)]
    pub fn set_view(&mut self, x: f64, y: f64, scale: f64) {
        let Size { width, height } = self.view.canvas;
        let scale = scale * self.view.device_pixel_ratio;
        let to = Transform {
            scale,
            x: f64::from(width) / 2.0 - scale * x,
            y: f64::from(height) / 2.0 - scale * y,
        };
        let middle = Point::new(f64::from(width) / 2.0, f64::from(height) / 2.0);
        self.look(View { canvas_from_image: to, ..self.view }.zoomed(middle, 1.0, self.scene.size()));
    }

    /// `[x, y]` in pixels of the image.
    #[wasm_bindgen(js_name = imageFromCanvas)]
    pub fn image_from_canvas(&self, x: f64, y: f64) -> Vec<f64> {
        let point = self.view.canvas_from_image.inverse().apply(self.in_device(x, y));
        vec![point.x, point.y]
    }

    /// `[x, y]` on the canvas of a point of the image.
    #[wasm_bindgen(js_name = canvasFromImage)]
    pub fn canvas_from_image(&self, x: f64, y: f64) -> Vec<f64> {
        let point = self.view.canvas_from_image.apply(Point::new(x, y));
        vec![point.x / self.view.device_pixel_ratio, point.y / self.view.device_pixel_ratio]
    }

    /// `[x, y]` where the name of a mask may stand; `undefined` where there is no such mask in view.
    #[wasm_bindgen(js_name = labelAnchor)]
    pub fn label_anchor(&self, index: usize) -> Option<Vec<f64>> {
        let anchor = self.scene.label_anchor(index, &self.view)?;
        Some(vec![anchor.x / self.view.device_pixel_ratio, anchor.y / self.view.device_pixel_ratio])
    }

    /// The CSS colours of the masks in drawing order; where an object was clicked, its mask's is the last.
    pub fn colours(&self) -> Vec<String> {
        let style = self.state.style();
        (0..self.scene.len())
            .map_while(|index| style.color(&self.scene, index))
            .map(|c| c.to_string())
            .collect()
    }

    /// The current mask as a bitmap, row by row, a byte 0 or 255 a pixel; `undefined` where there is none.
    #[wasm_bindgen(js_name = maskBitmap)]
    pub fn mask_bitmap(&self) -> Result<Option<Vec<u8>>, JsValue> {
        let Some(mask) = self.state.current_mask() else { return Ok(None) };
        let mut pixels = mask.to_row_major().map_err(|error| js_error(error.code(), error))?;
        pixels.iter_mut().for_each(|pixel| *pixel *= 255);
        Ok(Some(pixels))
    }
}

impl Viewer {
    fn new(scene: Arc<Scene>, surface: Surface) -> Self {
        let view = View::fit(Size::default(), 1.0, Size::default());
        let surface = Rc::new(RefCell::new(Some(surface)));
        Self { state: State::default(), scene, image: None, view, fitted: true, surface }
    }

    fn drawing(&self) -> Drawing {
        let (scene, image) = (Arc::clone(&self.scene), self.image.clone());
        Drawing { scene, image, view: self.view, style: self.state.style() }
    }

    fn draw_later(&self) -> js_sys::Promise {
        future_to_promise(draw_copied(Rc::clone(&self.surface), self.drawing()))
    }

    fn rebuild_scene(&mut self) -> Result<(), render::Error> {
        self.scene = Arc::new(self.state.scene()?);
        Ok(())
    }

    fn fit_again(&mut self) {
        if self.fitted {
            self.view = View::fit(self.view.canvas, self.view.device_pixel_ratio, self.scene.size());
        }
    }

    fn look(&mut self, view: View) {
        self.fitted &= view == self.view;
        self.view = view;
    }

    fn in_device(&self, x: f64, y: f64) -> Point {
        Point::new(x * self.view.device_pixel_ratio, y * self.view.device_pixel_ratio)
    }
}

/// Takes the surface out while the frame comes, so that draws meanwhile do nothing.
async fn draw_copied(cell: Rc<RefCell<Option<Surface>>>, drawing: Drawing) -> Result<JsValue, JsValue> {
    let taken = cell.borrow_mut().take();
    let Some(mut surface) = taken else { return Ok(JsValue::UNDEFINED) };
    let outcome = surface.draw_copied(&drawing).await;
    *cell.borrow_mut() = Some(surface);
    outcome.map(|()| JsValue::UNDEFINED)
}

/// Takes the surface out while its device is replaced, so that draws meanwhile do nothing.
async fn rebuild(cell: Rc<RefCell<Option<Surface>>>) -> Result<JsValue, JsValue> {
    let taken = cell.borrow_mut().take();
    let Some(surface) = taken else { return Ok(JsValue::UNDEFINED) };
    *cell.borrow_mut() = Some(surface.rebuild().await?);
    Ok(JsValue::UNDEFINED)
}
