//! The class `Viewer`: the state of one viewer, and the canvas that shows it.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use js_sys::{Array, Object, Reflect, Uint32Array};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;
use web_sys::{HtmlCanvasElement, ImageBitmap};

use super::error::{from_js, js_error, of_render, to_js};
use super::surface::{Drawing, Surface};
use crate::app::{Effect, Event, Failure, Kept, KeptRecord, Notice, Segmented, ShownMask, State, Verdict};
use crate::geometry::Size;
use crate::link::protocol::InIndex;
use crate::render::Scene;
use crate::rle::{CocoRle, Connectivity, FlatMasks, Mask, Outline};
use crate::segment::Ticket;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r"
/** A mask: height and width, and the column-major indices at which its value changes, first to one. */
export type MaskRuns = { size: [number, number]; boundaries: Uint32Array };
/** The effects to perform, in order; `mask` is that of a link request or of an event. */
export type Effects = (Effect & { mask?: MaskRuns })[];
";

/// Masks over an image on one canvas.
///
/// Nothing is drawn but by `draw`, which the page calls before the next frame after an effect asks for
/// it. Each method works at any time: without a canvas, without an image, or while a GPU is lost.
///
/// ```js
/// const viewer = new Viewer();
/// viewer.dispatch({ type: 'imageOpened', key: 'a.jpg', width: bitmap.width, height: bitmap.height });
/// viewer.setImage(bitmap);
/// await viewer.attach(canvas);
/// viewer.draw();
/// ```
#[wasm_bindgen]
pub struct Viewer {
    state: State,
    scene: Arc<Scene>,
    image: Option<ImageBitmap>,
    /// Empty while there is no canvas, and while a frame or a device is awaited.
    surface: Rc<RefCell<Option<Surface>>>,
}

#[wasm_bindgen]
impl Viewer {
    /// Creates a viewer without an image and without a canvas.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Result<Viewer, JsValue> {
        let scene = Arc::new(Scene::new(Size::default()).map_err(|error| of_render(&error))?);
        Ok(Self { state: State::default(), scene, image: None, surface: Rc::default() })
    }

    /// Draws from now on on a canvas that has given no context yet, with the renderer of the settings, or
    /// the CPU after the GPU failed. Resolves when `draw` works.
    pub fn attach(&self, canvas: HtmlCanvasElement) -> js_sys::Promise {
        let choice = self.state.renderer();
        let (cell, scene) = (Rc::clone(&self.surface), Arc::clone(&self.scene));
        future_to_promise(async move {
            drop(cell.borrow_mut().take());
            *cell.borrow_mut() = Some(Surface::open(canvas, choice, scene).await?);
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Frees the canvas and the GPU's memory.
    pub fn detach(&mut self) {
        self.surface = Rc::default();
    }

    /// The canvas drawn on, which differs from the one attached where that could not show what WebGPU
    /// draws; `undefined` while a frame or a device is awaited.
    #[wasm_bindgen(getter)]
    pub fn canvas(&self) -> Option<HtmlCanvasElement> {
        self.surface.borrow().as_ref().map(|surface| surface.canvas().clone())
    }

    /// `webgpu` or `cpu`; `undefined` while a frame or a device is awaited.
    #[wasm_bindgen(getter, js_name = rendererKind)]
    pub fn renderer_kind(&self) -> Option<String> {
        self.surface.borrow().as_ref().map(|surface| surface.kind().to_owned())
    }

    /// The adapter that draws, or the reason why it is the CPU; `undefined` while a frame or a device is
    /// awaited.
    #[wasm_bindgen(getter, js_name = rendererNote)]
    pub fn renderer_note(&self) -> Option<String> {
        let has_failed = self.state.has_gpu_failed();
        let note = |surface: &Surface| if has_failed { "the GPU failed".to_owned() } else { surface.note() };
        self.surface.borrow().as_ref().map(note)
    }

    /// Changes the state by an event and returns the effects to perform, in order.
    #[wasm_bindgen(unchecked_return_type = "Effects")]
    pub fn dispatch(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "ViewerEvent")] event: JsValue,
    ) -> Result<JsValue, JsValue> {
        let event = from_js::<Event>(event)?;
        self.update(event)
    }

    /// Shows masks, and returns the effects as `dispatch` does. The runs of the masks without `counts`
    /// are boundaries `offsets[i]` to `offsets[i + 1]`, one offset more than there are masks.
    #[wasm_bindgen(js_name = showMasks, unchecked_return_type = "Effects")]
    pub fn show_masks(
        &mut self,
        #[wasm_bindgen(unchecked_param_type = "ShownMask[]")] masks: JsValue,
        offsets: Vec<u32>,
        boundaries: Vec<u32>,
    ) -> Result<JsValue, JsValue> {
        let masks = from_js::<Vec<ShownMask>>(masks)?;
        self.update(Event::MasksShown { masks, runs: FlatMasks { offsets, boundaries } })
    }

    /// Takes the model's masks, one a score, and returns the effects as `dispatch` does. `best` is the
    /// index of the one that the model prefers; with `provisional` a refinement pass is still to come.
    #[wasm_bindgen(unchecked_return_type = "Effects")]
    #[expect(clippy::too_many_arguments, reason = "arrays cross one by one")]
    pub fn segmented(
        &mut self,
        ticket: u32,
        height: u32,
        width: u32,
        scores: Vec<f32>,
        offsets: Vec<u32>,
        boundaries: Vec<u32>,
        best: Option<u32>,
        provisional: bool,
    ) -> Result<JsValue, JsValue> {
        let (size, masks) = (Size::new(width, height), FlatMasks { offsets, boundaries });
        let best = best.map(|best| best as usize);
        let ticket = Ticket(ticket);
        self.update(Event::Segmented(Segmented { ticket, size, scores, masks, best, provisional }))
    }

    /// Takes the model's mask under the resting pointer, and returns the effects as `dispatch` does.
    #[wasm_bindgen(unchecked_return_type = "Effects")]
    pub fn previewed(
        &mut self,
        ticket: u32,
        height: u32,
        width: u32,
        boundaries: Vec<u32>,
    ) -> Result<JsValue, JsValue> {
        let (ticket, size) = (Ticket(ticket), Size::new(width, height));
        self.update(Event::Previewed { ticket, size, boundaries })
    }

    /// Returns the state as plain data, without masks.
    #[wasm_bindgen(unchecked_return_type = "Snapshot")]
    pub fn snapshot(&self) -> Result<JsValue, JsValue> {
        to_js(&self.state.snapshot())
    }

    /// Returns the marks to place over the canvas.
    #[wasm_bindgen(unchecked_return_type = "Marks")]
    pub fn marks(&self) -> Result<JsValue, JsValue> {
        to_js(&self.state.marks(&self.scene))
    }

    /// The active tool.
    #[wasm_bindgen(getter, unchecked_return_type = "Tool")]
    pub fn tool(&self) -> Result<JsValue, JsValue> {
        to_js(&self.state.tool())
    }

    /// All settings.
    #[wasm_bindgen(getter, unchecked_return_type = "Settings")]
    pub fn settings(&self) -> Result<JsValue, JsValue> {
        to_js(self.state.settings())
    }

    /// Width and height of the image; `undefined` without one.
    #[wasm_bindgen(getter, js_name = imageSize)]
    pub fn image_size(&self) -> Option<Vec<u32>> {
        self.state.image().map(|(_, size)| vec![size.width, size.height])
    }

    /// Half the width of the brush in CSS pixels.
    #[wasm_bindgen(getter, js_name = brushRadius)]
    pub fn brush_radius(&self) -> f64 {
        self.state.brush_radius()
    }

    /// The part of the image that is shown; `null` while the whole image is.
    #[wasm_bindgen(getter, unchecked_return_type = "ViewPosition | null")]
    pub fn view(&self) -> Result<JsValue, JsValue> {
        to_js(&self.state.view().position())
    }

    /// Draws the image under the masks; the bitmap must stay open until another takes its place.
    #[wasm_bindgen(js_name = setImage)]
    pub fn set_image(&mut self, bitmap: &ImageBitmap) {
        self.image = Some(bitmap.clone());
    }

    /// Draws the masks over an empty frame.
    #[wasm_bindgen(js_name = clearImage)]
    pub fn clear_image(&mut self) {
        self.image = None;
    }

    /// Draws one frame. Throws or rejects with the code `device-lost` where the GPU is gone; `rebuild`
    /// restores it.
    ///
    /// Returns `undefined` when the frame is drawn, or a promise of it; draw no other until that is settled.
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

    /// Returns the CSS colors of the masks in drawing order, first those shown, then those kept, and last
    /// that of the mask being clicked.
    pub fn colors(&self) -> Vec<String> {
        let style = self.state.style();
        (0..self.scene.len())
            .map_while(|index| style.color(&self.scene, index))
            .map(|c| c.to_string())
            .collect()
    }

    /// Returns the current mask as COCO RLE; `undefined` without one.
    #[wasm_bindgen(js_name = maskRle, unchecked_return_type = "CocoRle | undefined")]
    pub fn mask_rle(&self) -> Result<JsValue, JsValue> {
        self.state.current_mask().map_or(Ok(JsValue::UNDEFINED), |mask| to_js(&CocoRle::from(mask)))
    }

    /// Returns the number of parts of the current mask that touch nowhere, not even at a corner;
    /// `undefined` without a mask.
    #[wasm_bindgen(js_name = maskComponents)]
    pub fn mask_components(&self) -> Option<usize> {
        self.state.current_mask().map(|mask| mask.component_count(Connectivity::Eight))
    }

    /// Returns the current mask as a bitmap, row by row, a byte 0 or 255 a pixel; `undefined` without one.
    #[wasm_bindgen(js_name = maskBitmap)]
    pub fn mask_bitmap(&self) -> Result<Option<Vec<u8>>, JsValue> {
        self.state.current_mask().map(white_on_black).transpose()
    }

    /// Returns the kept masks as they are stored and exported, in the order of the snapshot.
    #[wasm_bindgen(js_name = keptRecords, unchecked_return_type = "KeptRecord[]")]
    pub fn kept_records(&self) -> Result<JsValue, JsValue> {
        to_js(&self.state.kept().iter().map(|kept| KeptRecord::of(kept)).collect::<Vec<_>>())
    }

    /// Returns a kept mask as a bitmap, row by row, a byte 0 or 255 a pixel; `undefined` if there is no
    /// such mask.
    #[wasm_bindgen(js_name = keptBitmap)]
    pub fn kept_bitmap(&self, id: u32) -> Result<Option<Vec<u8>>, JsValue> {
        self.kept(id).map(|kept| white_on_black(&kept.mask)).transpose()
    }

    /// Returns the outlines of a kept mask as the path data of SVG; `undefined` if there is no such mask.
    #[wasm_bindgen(js_name = keptPath)]
    pub fn kept_path(&self, id: u32) -> Option<String> {
        self.kept(id).map(|kept| kept.mask.outlines().iter().map(Outline::to_svg_path).collect())
    }

    /// Returns the polygons of a kept mask, each a list of rings, the outer one first and then its holes;
    /// `undefined` if there is no such mask.
    #[wasm_bindgen(js_name = keptPolygons, unchecked_return_type = "[number, number][][][] | undefined")]
    pub fn kept_polygons(&self, id: u32) -> Result<JsValue, JsValue> {
        let Some(kept) = self.kept(id) else { return Ok(JsValue::UNDEFINED) };
        let rings =
            |Outline { outer, holes }: Outline| std::iter::once(outer).chain(holes).collect::<Vec<_>>();
        to_js(&kept.mask.outlines().into_iter().map(rings).collect::<Vec<_>>())
    }
}

/// Encodes a mask as COCO RLE.
#[wasm_bindgen(js_name = encodeRle, unchecked_return_type = "CocoRle")]
pub fn encode_rle(height: u32, width: u32, boundaries: Vec<u32>) -> Result<JsValue, JsValue> {
    let mask = Mask::from_boundaries(Size::new(width, height), boundaries);
    to_js(&CocoRle::from(&mask.map_err(|error| js_error(error.code(), error))?))
}

/// Judges the entities of a response by their scores, from high to low; `known` and `probability` are those
/// of its `in_index`. A whole response would need a decoder of its own in the module.
#[wasm_bindgen(js_name = verdictOf, unchecked_return_type = "Verdict")]
pub fn verdict_of(
    scores: &[f32],
    known: Option<bool>,
    probability: Option<f32>,
    uncalibrated: bool,
) -> Result<JsValue, JsValue> {
    let in_index = known.zip(probability).map(|(known, probability)| InIndex { known, probability });
    to_js(&Verdict::of_scores(scores, in_index, uncalibrated))
}

/// Returns a mask as a bitmap of bytes 0 and 255.
fn white_on_black(mask: &Mask) -> Result<Vec<u8>, JsValue> {
    let mut pixels = mask.to_row_major().map_err(|error| js_error(error.code(), error))?;
    for pixel in &mut pixels {
        *pixel *= 255;
    }
    Ok(pixels)
}

impl Viewer {
    fn kept(&self, id: u32) -> Option<&Kept> {
        self.state.kept().iter().find(|kept| kept.id == id).map(AsRef::as_ref)
    }

    fn update(&mut self, event: Event) -> Result<JsValue, JsValue> {
        let mut effects = self.state.update(event);
        if effects.contains(&Effect::DrawMasks) {
            match self.state.scene() {
                Ok(scene) => self.scene = Arc::new(scene),
                Err(error) => {
                    // The state has changed already, so the other effects still hold.
                    let failure = Failure { code: "image-too-large".to_owned(), message: error.to_string() };
                    effects.push(Effect::Notify(Notice::Error(failure)));
                }
            }
        }
        effects.iter().map(effect_to_js).collect::<Result<Array, _>>().map(Into::into)
    }

    fn drawing(&self) -> Drawing {
        let (scene, image) = (Arc::clone(&self.scene), self.image.clone());
        Drawing { scene, image, view: *self.state.view().render_view(), style: self.state.style() }
    }

    fn draw_later(&self) -> js_sys::Promise {
        future_to_promise(draw_copied(Rc::clone(&self.surface), self.drawing()))
    }
}

fn effect_to_js(effect: &Effect) -> Result<JsValue, JsValue> {
    let value = to_js(effect)?;
    if let Some(mask) = effect.mask() {
        let (runs, Size { width, height }) = (Object::new(), mask.size());
        Reflect::set(&runs, &"size".into(), &Array::of2(&height.into(), &width.into()))?;
        Reflect::set(&runs, &"boundaries".into(), &Uint32Array::from(mask.boundaries()))?;
        Reflect::set(&value, &"mask".into(), &runs)?;
    }
    Ok(value)
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
