//! Events: actions of the person and of the page around the viewer, and results of model and endpoint.

use serde::{Deserialize, Serialize};

use super::{KeptRecord, Settings, Tool, ViewPosition};
use crate::geometry::Size;
use crate::link::protocol::{CachedAnswer, LinkResponse};
use crate::rle::FlatMasks;
use crate::segment::Ticket;

/// Something that happened. Positions are in image space; those called `in_canvas` are CSS pixels from the
/// canvas's top-left corner.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null, rename = "ViewerEvent"))]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// An image is open; everything of the last one is dropped.
    ImageOpened {
        /// Names the image: its address, or the hash of its content.
        key: String,
        /// Width of the image in pixels.
        width: u32,
        /// Height of the image in pixels.
        height: u32,
    },
    /// No image is open any more.
    ImageClosed,
    /// Other masks are shown over the image.
    #[serde(skip)]
    MasksShown {
        /// Masks in drawing order, the topmost last.
        masks: Vec<ShownMask>,
        /// The runs of the masks that have no `counts`, which have none here.
        runs: FlatMasks,
    },
    /// The masks of the image could not be loaded; none are shown.
    MasksFailed {
        /// The reason, shown until other masks come.
        failure: Failure,
    },
    /// Replaces the cached answers, which belong to masks of this image.
    AnswersCached {
        /// In any order; the one of the most similar mask is used.
        answers: Vec<CachedAnswer>,
    },
    /// The pointer has moved over the canvas, or has left it.
    PointerMoved {
        /// `[x, y]`; `None` outside the canvas.
        in_canvas: Option<[f64; 2]>,
    },
    /// The pointer, not a finger, has rested at one place of the canvas.
    PointerRested {
        /// `[x, y]`, which may lie beside the image.
        in_canvas: [f64; 2],
    },
    /// The pointer was pressed and released at one place.
    PointerClicked {
        /// `[x, y]`, which may lie beside the image.
        in_canvas: [f64; 2],
        /// Whether a key marks the point as not part of the object, whatever the tool.
        negative: bool,
        /// Whether a key adds the point to the object, whatever the tool.
        add: bool,
    },
    /// The pointer drags a box.
    PointerDragged {
        /// The corner where the drag began.
        from_in_canvas: [f64; 2],
        /// The corner where the pointer is now.
        to_in_canvas: [f64; 2],
        /// Whether the pointer was released, which draws the box unless it is tiny.
        done: bool,
    },
    /// A mask of the list is pointed at, or none.
    MaskHovered {
        /// Its index among the masks shown.
        index: Option<usize>,
    },
    /// A mask is selected, or none.
    MaskSelected {
        /// Its index among the masks shown.
        index: Option<usize>,
    },
    /// Another tool is active.
    ToolChosen {
        /// The tool that the next click uses.
        tool: Tool,
    },
    /// A point of the image was clicked.
    Clicked {
        /// Pixels from the left.
        x: f64,
        /// Pixels from the top.
        y: f64,
        /// Whether the point is not part of the object, whatever the tool.
        negative: bool,
        /// Whether the point is added to the object, whatever the tool.
        add: bool,
    },
    /// A box was drawn around an object.
    BoxDrawn {
        /// `[x, y]` of any corner; clipped to the image.
        from: [f64; 2],
        /// `[x, y]` of the opposite corner; clipped to the image.
        to: [f64; 2],
    },
    /// An arrow key moves the crosshair, or the image with [`Tool::Pan`].
    CursorMoved {
        /// CSS pixels to the right; negative for left.
        dx: f64,
        /// CSS pixels down; negative for up.
        dy: f64,
    },
    /// A key clicks at the crosshair; with [`Tool::Box`] it sets one corner and then the other.
    CursorClicked {
        /// Whether the point is not part of the object, whatever the tool.
        negative: bool,
        /// Whether a second click at the same place keeps the mask instead.
        keeps: bool,
    },
    /// The keyboard focus has left the canvas.
    CursorHidden,
    /// Escape: gives up a box or the crosshair, else clears clicks and selection.
    Escaped,
    /// Undo removes the last point or box.
    Undone,
    /// All points and boxes are removed, and the selection.
    Cleared,
    /// The canvas has another size.
    CanvasResized {
        /// Width in CSS pixels.
        width: f64,
        /// Height in CSS pixels.
        height: f64,
        /// Device pixels per CSS pixel.
        device_pixel_ratio: f64,
    },
    /// The image is moved.
    Panned {
        /// CSS pixels to the right; negative for left.
        dx: f64,
        /// CSS pixels down; negative for up.
        dy: f64,
    },
    /// The image is zoomed.
    Zoomed {
        /// More than 1 magnifies.
        factor: f64,
        /// The point that stays in place; without it the crosshair, else the middle.
        in_canvas: Option<[f64; 2]>,
    },
    /// The whole image is shown.
    Fitted,
    /// One pixel of the image is shown as one device pixel.
    ActualPixelsShown,
    /// A mask is shown as large as it fits.
    MaskFitted {
        /// Its index among the masks shown.
        index: usize,
    },
    /// A part of the image is shown; without an image, of the next one that is opened.
    ViewSet {
        /// `None` shows the whole image.
        view: Option<ViewPosition>,
    },
    /// One of the model's candidates is chosen.
    CandidateChosen {
        /// Its index among the candidates, best first.
        index: usize,
    },
    /// A neighbor of the chosen candidate is chosen, around the ends.
    CandidateStepped {
        /// 1 for the next, -1 for the one before.
        by: i32,
    },
    /// The model returned masks.
    #[serde(skip)]
    Segmented(Segmented),
    /// The model returned the mask under the resting pointer.
    #[serde(skip)]
    Previewed {
        /// The ticket of the request; the mask of one that is not awaited changes nothing.
        ticket: Ticket,
        /// The size of the mask.
        size: Size,
        /// Column-major indices at which the mask's value changes, first to one.
        boundaries: Vec<u32>,
    },
    /// The segmentation model failed or could not be loaded.
    SegmentFailed {
        /// The ticket of the request.
        ticket: Ticket,
        /// The reason, shown until the clicks or the selection change.
        failure: Failure,
    },
    /// The current mask is kept: the chosen candidate, or a copy of the shown mask that is selected. It
    /// replaces the kept mask that the clicks began with.
    MaskKept,
    /// A kept mask is selected, or none.
    KeptSelected {
        /// The number of the mask.
        id: Option<u32>,
    },
    /// A kept mask of the list is pointed at, or none.
    KeptHovered {
        /// The number of the mask.
        id: Option<u32>,
    },
    /// A kept mask gets a name, or loses it.
    KeptNamed {
        /// The number of the mask.
        id: u32,
        /// Name of the entity, or any label; empty for none.
        title: String,
        /// The entity; `None` where the name is free text.
        qid: Option<String>,
        /// The score of the entity, 0..=1.
        score: Option<f32>,
    },
    /// A kept mask is hidden, or drawn again.
    KeptHidden {
        /// The number of the mask.
        id: u32,
        /// Whether the mask is not drawn.
        hidden: bool,
    },
    /// A kept mask is continued with clicks; [`Event::MaskKept`] replaces it, Escape leaves it as it is.
    KeptEdited {
        /// The number of the mask.
        id: u32,
    },
    /// Two kept masks become one: `other` is added and removed from the list, or is subtracted and stays.
    KeptCombined {
        /// The number of the mask that changes.
        id: u32,
        /// The number of the other mask.
        other: u32,
        /// Whether the other mask is subtracted.
        subtract: bool,
    },
    /// A kept mask is deleted.
    KeptDeleted {
        /// The number of the mask.
        id: u32,
    },
    /// A kept mask is shown as large as it fits.
    KeptFitted {
        /// The number of the mask.
        id: u32,
    },
    /// The stored masks of the image; they come before those kept meanwhile, and cannot be undone.
    KeptRestored {
        /// The masks in the order of the list.
        records: Vec<KeptRecord>,
    },
    /// Masks from a file are kept after the others.
    KeptImported {
        /// The masks in the order of the list.
        records: Vec<KeptRecord>,
    },
    /// A piece of a stroke of the brush or the eraser.
    BrushMoved {
        /// `[x, y]` where the piece begins.
        from_in_canvas: [f64; 2],
        /// `[x, y]` where the piece ends.
        to_in_canvas: [f64; 2],
        /// Whether a key makes the brush erase and the eraser paint.
        inverted: bool,
        /// Whether the stroke begins with this piece.
        begins: bool,
        /// Whether the stroke ends with this piece.
        done: bool,
    },
    /// The brush and the eraser get another size.
    BrushSized {
        /// Half their width in CSS pixels.
        radius: f64,
    },
    /// The last change of clicks or kept masks is undone.
    StepUndone,
    /// The last change that was undone is done again.
    StepRedone,
    /// The entity of the current mask is asked for.
    LinkRequested,
    /// The endpoint or the local index returned entities.
    Linked {
        /// The ticket of the request.
        ticket: Ticket,
        /// Entities in any order.
        answer: LinkResponse,
    },
    /// The endpoint or the local index failed.
    LinkFailed {
        /// The ticket of the request.
        ticket: Ticket,
        /// The reason, kept beside those of the other sources.
        failure: Failure,
    },
    /// The settings have changed.
    SettingsChanged {
        /// All settings, changed or not.
        settings: Settings,
    },
    /// The GPU failed and cannot be restored: the CPU draws from now on.
    GpuFailed {
        /// The reason, reported to the page and to screen readers.
        failure: Failure,
    },
    /// The viewer has left the document: nothing is awaited any more.
    Suspended,
}

/// The masks of a run of the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Segmented {
    /// That of the request; a result whose ticket is not awaited changes nothing.
    pub ticket: Ticket,
    /// The size of all masks.
    pub size: Size,
    /// The model's own estimate of each mask's `IoU`, 0..=1.
    pub scores: Vec<f32>,
    /// In the model's own order.
    pub masks: FlatMasks,
    /// Index of the mask that the model prefers; `None` prefers the highest score.
    pub best: Option<usize>,
    /// Whether a refinement pass is still to come: the masks are shown until then and not linked.
    pub provisional: bool,
}

/// A mask to show and its description.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
pub struct ShownMask {
    /// Id of the annotation, or any name that the page knows it by.
    pub id: String,
    /// Name of the entity, or any label.
    pub title: String,
    /// The entity, where the mask is linked.
    pub qid: Option<String>,
    /// Height and width, which must be the image's.
    pub size: [u32; 2],
    /// COCO's compressed runs; `None` where the runs come as an array.
    pub counts: Option<String>,
    /// Whether a part of the mask is left out, because it could not be read or is over a limit.
    #[serde(default)]
    pub is_cut: bool,
    /// Red, green and blue of the mask; `None` for the next color of the palette.
    pub color: Option<[u8; 3]>,
}

/// A failure outside the state: of the model, the endpoint, a file or the renderer.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Failure {
    /// Stable, for programs: `endpoint-down`, `timeout`, `model-hash`, …
    pub code: String,
    /// For people: what went wrong and what to do.
    pub message: String,
}
