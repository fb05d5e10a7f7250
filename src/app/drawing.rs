//! The scene and style for the renderers, and the marks over the canvas.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use serde::Serialize;

use super::{ColorMode, Selection, State, Tool};
use crate::geometry::{Rect, Size};
use crate::render::{Color, ColorBy, Error, Overlay, Scene, Style};
use crate::rle::Mask;
use crate::segment::Prompt;

/// Width of outlines in CSS pixels.
const OUTLINE_WIDTH: f32 = 1.5;
/// Color of the mask being clicked: white lightens the image under it and keeps its hue, which tells an
/// orange from a lemon.
const CLICKED: Color = Color { red: 255, green: 255, blue: 255 };
/// Opacity of the mask being clicked, and of patterns under a tool that segments, as a part of that of other
/// fills.
const CLICKED_OPACITY: f32 = 0.4;
/// Maximum number of names drawn at once; more would cover the image.
const MAX_LABELS: usize = 60;

/// Estimated width of a letter of a name, in CSS pixels, and that of one outside ASCII.
const LETTER: f64 = 7.5;
const WIDE_LETTER: f64 = 13.0;
/// Padding on both sides of a name together, height of a name, and their limits, as the style sheet and
/// the placing of the marks in the page have them; CSS pixels.
const LABEL_PADDING: f64 = 16.0;
const LABEL_HEIGHT: f64 = 24.0;
const MAX_LABEL_WIDTH: f64 = 256.0;
const LABEL_MARGIN: f64 = 4.0;
/// Distance of a name's top from its anchor.
const LABEL_RISE: f64 = 28.0;
/// Distance of the tops of two names, one below the other.
const LABEL_STEP: f64 = LABEL_HEIGHT + 2.0;

/// Marks over the canvas. Positions are CSS pixels from its top-left corner.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify), tsify(missing_as_null))]
#[serde(rename_all = "camelCase")]
pub struct Marks {
    /// The points clicked, in the order given.
    pub points: Vec<PointMark>,
    /// `[x1, y1, x2, y2]` of the boxes drawn and of the one being drawn.
    pub boxes: Vec<[f64; 4]>,
    /// The point that the model is working on.
    pub pulse: Option<[f64; 2]>,
    /// Place of the keyboard's crosshair, once a key has shown it.
    pub crosshair: Option<[f64; 2]>,
    /// The outline of the brush at the pointer.
    pub brush: Option<BrushMark>,
    /// The outline of the object under the resting pointer.
    pub preview: Option<PreviewMark>,
    /// Names of masks, in drawing order.
    pub labels: Vec<Label>,
    /// Whether another part than the whole image is shown.
    pub is_zoomed: bool,
    /// Whether the pointer is over a mask.
    pub is_over: bool,
}

/// The mark of a point clicked.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct PointMark {
    /// `[x, y]` of the mark's middle.
    pub at: [f64; 2],
    /// Whether the point is part of the object.
    pub positive: bool,
}

/// The circle that the brush or the eraser covers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct BrushMark {
    /// `[x, y]` of the circle's middle.
    pub at: [f64; 2],
    /// Radius of the circle.
    pub radius: f64,
}

/// The outline of an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct PreviewMark {
    /// SVG path data in pixels of the image.
    pub path: String,
    /// CSS pixels per image pixel.
    pub scale: f64,
    /// `[x, y]` of the image's top-left corner.
    pub offset: [f64; 2],
}

/// The name of a mask.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Label {
    /// The name as plain text, not as HTML.
    pub text: String,
    /// `[x, y]` of the mask's topmost pixel in view, or lower where another name is there.
    pub at: [f64; 2],
}

impl State {
    /// Builds the scene: the masks shown, above them those kept, and on top the chosen candidate.
    pub fn scene(&self) -> Result<Scene, Error> {
        let mut scene = Scene::new(self.size())?;
        let mut entities = HashMap::new();
        for (index, shown) in self.shown().iter().enumerate() {
            // A mask that is not linked is an entity of its own.
            let name = Cow::from(shown.qid.as_deref().unwrap_or(&shown.id));
            let entity = *entities.entry((shown.qid.is_some(), name)).or_insert(index as u64);
            scene.push(Overlay { color: shown.color, ..overlay(&shown.mask, entity) })?;
        }
        for (kept, index) in self.kept().iter().zip(self.shown().len()..) {
            let name = kept.qid.as_deref().map_or_else(|| format!("kept {}", kept.id).into(), Cow::from);
            let entity = *entities.entry((kept.qid.is_some(), name)).or_insert(index as u64);
            scene.push(overlay(&kept.mask, entity))?;
        }
        if let Some(candidate) = self.clicks().candidate() {
            let masks = vec![candidate.mask.clone()];
            scene.push(Overlay { masks, entity: u64::MAX, color: Some(CLICKED), ..Overlay::default() })?;
        }
        Ok(scene)
    }

    /// Returns how [`Self::scene`] is drawn. While an object is clicked only kept masks cover the image
    /// beside it. A tool that segments leaves the masks unfilled, except the kept mask that is selected and
    /// those with patterns, which outlines do not show.
    pub fn style(&self) -> Style {
        let (shown, kept) = (self.shown().len(), self.kept().len());
        let clicked = !self.clicks().is_empty();
        let browsing = !self.tool().segments() || matches!(self.selection(), Selection::Shown(_));
        let settings = self.settings();
        let hovered_kept = self.hovered_kept().filter(|_| browsing || self.selected_kept().is_some());
        let hovered = self.hovered().filter(|_| browsing);
        Style {
            fill_opacity: match (clicked, browsing) {
                (true, _) => settings.opacity as f32 * CLICKED_OPACITY,
                (false, true) => settings.opacity as f32,
                (false, false) if settings.patterns => settings.opacity as f32 * CLICKED_OPACITY,
                (false, false) => 0.0,
            },
            outline_width: OUTLINE_WIDTH,
            patterns: settings.patterns,
            color_by: if settings.color_mode == ColorMode::Entity { ColorBy::Entity } else { ColorBy::Mask },
            boxes: settings.boxes,
            hovered: hovered
                .or_else(|| self.place_of(hovered_kept?))
                .or_else(|| self.place_of(self.selected_kept().filter(|_| !browsing)?)),
            selected: match self.selection() {
                Selection::Shown(index) => Some(index),
                Selection::Kept(id) => self.place_of(id),
                Selection::Clicked => self.clicks().candidate().map(|_| shown + kept),
                Selection::Nothing => None,
            },
            hidden: self.hidden(clicked),
        }
    }

    /// Returns the places in the scene of the masks that are not drawn.
    fn hidden(&self, clicked: bool) -> BTreeSet<usize> {
        let shown = self.shown().len();
        let kept = self.kept().iter().zip(shown..);
        let kept = kept.filter(|(kept, _)| kept.is_hidden || self.editing() == Some(kept.id));
        (0..if clicked { shown } else { 0 }).chain(kept.map(|(_, place)| place)).collect()
    }

    /// Returns the place of a kept mask in the scene.
    fn place_of(&self, id: u32) -> Option<usize> {
        let index = self.kept().iter().position(|kept| kept.id == id)?;
        Some(self.shown().len() + index)
    }

    /// Places the marks over the canvas; `scene` is [`Self::scene`].
    pub fn marks(&self, scene: &Scene) -> Marks {
        let place = |point: [f64; 2]| self.view().canvas_from_image(point);
        let place_box = |[x1, y1]: [f64; 2], [x2, y2]: [f64; 2]| {
            let ([x1, y1], [x2, y2]) = (place([x1, y1]), place([x2, y2]));
            [x1, y1, x2, y2]
        };
        let (mut points, mut boxes, mut pulse) = (Vec::new(), Vec::new(), None);
        for prompt in self.clicks().prompts() {
            pulse = None;
            match *prompt {
                Prompt::Click { point, positive } => {
                    let at = place([point.x, point.y]);
                    points.push(PointMark { at, positive });
                    pulse = self.clicks().awaited().map(|_| at);
                }
                Prompt::Box(Rect { x1, y1, x2, y2 }) => boxes.push(place_box([x1, y1], [x2, y2])),
            }
        }
        let cursor = self.cursor();
        match (cursor.dragged, cursor.corner.zip(cursor.at)) {
            (Some([[x1, y1], [x2, y2]]), _) => boxes.push([x1, y1, x2, y2]),
            (None, Some((corner, at))) => boxes.push(place_box(corner, at)),
            (None, None) => {}
        }
        let crosshair = cursor.at.map(place);
        let is_zoomed = self.view().is_zoomed();
        let is_over = self.hovered().is_some() || self.hovered_kept().is_some();
        let brush = cursor.brush.filter(|_| self.tool().paints());
        let brush = brush.map(|at| BrushMark { at, radius: self.brush_radius() });
        let (offset, unit) = (place([0.0, 0.0]), place([1.0, 0.0]));
        let preview = self.preview().map(|path| PreviewMark {
            path: path.to_owned(),
            scale: unit[0] - offset[0],
            offset,
        });
        let labels = self.labels(scene);
        Marks { points, boxes, pulse, crosshair, brush, preview, labels, is_zoomed, is_over }
    }

    /// Returns the names of all masks where the settings say so; else of the masks hovered and selected.
    /// Hidden masks have none. Of names that would overlap, those of larger masks are drawn, and those
    /// hovered and selected before all. Where one of the two is of a kept mask, the other name is drawn below
    /// it instead, unless they are equal: a kept mask often lies on the annotated mask of the same object.
    fn labels(&self, scene: &Scene) -> Vec<Label> {
        if !self.clicks().is_empty() {
            return Vec::new();
        }
        let (view, all) = (self.view().render_view(), self.settings().labels);
        let Size { width, height } = view.canvas;
        let [width, height] = [width, height].map(|length| f64::from(length) / view.device_pixel_ratio);
        let mut named: Vec<_> = self.names().filter(|named| all || named.is_active).collect();
        named.sort_by_key(|named| (Reverse(named.is_active), Reverse(named.area)));
        let mut placed: Vec<(usize, Rect, Label)> = Vec::new();
        let is_kept = |index: usize| index >= self.shown().len();
        for Named { index, text, .. } in named {
            let Some(anchor) = scene.label_anchor(index, view) else { continue };
            let at = [anchor.x / view.device_pixel_ratio, anchor.y / view.device_pixel_ratio];
            let rect = label_rect(&text, at, [width, height]);
            let under = |rect: &Rect| placed.iter().find(|(_, other, _)| overlaps(rect, other));
            let label = match under(&rect) {
                None => Some((rect, at)),
                Some((other, above, label)) if is_kept(index) != is_kept(*other) && label.text != text => {
                    let at = [at[0], above.y1 + LABEL_RISE + LABEL_STEP];
                    let rect = label_rect(&text, at, [width, height]);
                    under(&rect).is_none().then_some((rect, at))
                }
                Some(_) => None,
            };
            if let Some((rect, at)) = label {
                placed.push((index, rect, Label { text, at }));
            }
            if placed.len() == MAX_LABELS {
                break;
            }
        }
        placed.sort_by_key(|(index, ..)| *index);
        placed.into_iter().map(|(_, _, label)| label).collect()
    }

    /// Returns the masks that may be named.
    fn names(&self) -> impl Iterator<Item = Named> + '_ {
        let is_hovering = self.tool() == Tool::Select;
        let shown = self.shown().iter().enumerate().map(move |(index, shown)| {
            let is_hovered = is_hovering && self.hovered() == Some(index);
            let is_active = is_hovered || self.selection() == Selection::Shown(index);
            Named { index, text: shown.name().to_owned(), area: shown.area, is_active }
        });
        let kept = self.kept().iter().zip(self.shown().len()..).filter(|(kept, _)| !kept.is_hidden);
        shown.chain(kept.map(move |(kept, index)| {
            let is_hovered = is_hovering && self.hovered_kept() == Some(kept.id);
            let is_active = is_hovered || self.selection() == Selection::Kept(kept.id);
            Named { index, text: kept.name(), area: kept.mask.area(), is_active }
        }))
    }
}

/// A mask that may be named.
struct Named {
    /// Its place in the scene.
    index: usize,
    text: String,
    area: u64,
    /// Whether the mask is hovered or selected.
    is_active: bool,
}

/// Returns the place of a name in CSS pixels of the canvas: above its anchor, moved until all of it is
/// visible. Its width is estimated, since only the browser knows the font.
fn label_rect(text: &str, [x, y]: [f64; 2], [width, height]: [f64; 2]) -> Rect {
    let letters = text.chars().map(|letter| if letter.is_ascii() { LETTER } else { WIDE_LETTER });
    let length = (letters.sum::<f64>() + LABEL_PADDING).min(MAX_LABEL_WIDTH).min(0.7 * width);
    let within = |value: f64, own: f64, whole: f64| value.min(whole - own - LABEL_MARGIN).max(LABEL_MARGIN);
    let (x1, y1) = (within(x, length, width), within(y - LABEL_RISE, LABEL_HEIGHT, height));
    Rect { x1, y1, x2: x1 + length, y2: y1 + LABEL_HEIGHT }
}

fn overlaps(one: &Rect, other: &Rect) -> bool {
    one.x1 < other.x2 && other.x1 < one.x2 && one.y1 < other.y2 && other.y1 < one.y2
}

fn overlay(mask: &Mask, entity: u64) -> Overlay {
    let boxes = mask.bbox().map(Rect::from).into_iter().collect();
    Overlay { masks: vec![mask.clone()], entity, color: None, boxes }
}
