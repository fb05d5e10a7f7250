//! The state of a viewer, and how each event changes it.

mod brush_events;
mod click_events;
pub(super) mod clicks;
pub(super) mod cursor;
mod cursor_events;
mod history;
mod history_events;
pub(super) mod kept;
mod kept_events;
mod link_events;
pub(super) mod linking;
pub(super) mod preview;
mod preview_events;
mod view_events;
pub(super) mod viewport;

use std::sync::Arc;

use clicks::Clicks;
use cursor::Cursor;
use history::{Editing, History};
use kept::Kept;
use linking::{Cached, Linking};
use preview::Preview;
use viewport::Viewport;

use super::effect::{Effect, MaskDetail, Notice};
use super::event::{Event, Failure, ShownMask};
use super::settings::{RendererChoice, Settings, Tool};
use super::words;
use crate::geometry::Size;
use crate::render::Color;
use crate::rle::{self, CocoRle, FlatMasks, Mask};
use crate::segment::Ticket;

/// A mask shown over the image.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Id of the annotation.
    pub id: String,
    /// As large as the image.
    pub mask: Mask,
    /// Number of pixels set.
    pub area: u64,
    /// Name of the entity, or any label.
    pub title: String,
    /// The entity, where the mask is linked.
    pub qid: Option<String>,
    /// Whether a part of the mask is left out.
    pub is_cut: bool,
    /// The color that the page gave it.
    pub color: Option<Color>,
}

impl Shown {
    /// Returns the title, or the id where there is none.
    pub fn name(&self) -> &str {
        if self.title.is_empty() { &self.id } else { &self.title }
    }
}

/// The current mask, which the panel describes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    /// No mask; the panel describes none.
    #[default]
    Nothing,
    /// The shown mask of this index.
    Shown(usize),
    /// The kept mask of this number.
    Kept(u32),
    /// The chosen candidate of the object being clicked.
    Clicked,
}

/// Half the width of the brush in CSS pixels.
#[derive(Clone, Copy, Debug)]
struct BrushRadius(f64);

impl Default for BrushRadius {
    fn default() -> Self {
        Self(12.0)
    }
}

/// The state of one viewer. See the [module](super) for how it is driven.
#[derive(Clone, Debug, Default)]
pub struct State {
    image: Option<(String, Size)>,
    shown: Vec<Shown>,
    masks_failure: Option<Failure>,
    cached: Vec<Cached>,
    hovered: Option<usize>,
    selection: Selection,
    tool: Tool,
    clicks: Clicks,
    segment_failure: Option<Failure>,
    preview: Preview,
    linking: Linking,
    settings: Settings,
    view: Viewport,
    cursor: Cursor,
    has_gpu_failed: bool,
    /// Counts up from 1.
    last_ticket: u32,
    /// In drawing order; shared with the moments of the history.
    kept: Vec<Arc<Kept>>,
    /// Counts up from 1, and from 0 again with another image.
    last_kept: u32,
    hovered_kept: Option<u32>,
    /// The kept mask that the clicks continue.
    editing: Option<Editing>,
    /// The kept mask that the stroke in progress changes.
    stroke: Option<u32>,
    brush: BrushRadius,
    history: History,
}

impl State {
    /// Changes the state by an event and returns the effects to perform, in order.
    pub fn update(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::ImageOpened { key, width, height } => self.open(Some((key, Size::new(width, height)))),
            Event::ImageClosed => self.open(None),
            Event::MasksShown { masks, runs } => self.show(masks, &runs),
            Event::MasksFailed { failure } => self.replace_shown(Vec::new(), Some(failure)),
            Event::AnswersCached { answers } => self.cache_answers(answers),
            Event::PointerMoved { in_canvas } => self.move_pointer(in_canvas),
            Event::PointerClicked { in_canvas, negative, add } => {
                self.click_in_canvas(in_canvas, negative, add)
            }
            Event::PointerDragged { from_in_canvas, to_in_canvas, done } => {
                self.drag_box(from_in_canvas, to_in_canvas, done)
            }
            Event::PointerRested { in_canvas } => self.rest_pointer(in_canvas),
            Event::Previewed { ticket, size, boundaries } => self.take_preview(ticket, size, boundaries),
            Event::MaskHovered { index } => self.hover(index.filter(|&index| index < self.shown.len())),
            Event::MaskSelected { index } => self.select(index.filter(|&index| index < self.shown.len())),
            Event::ToolChosen { tool } => self.choose_tool(tool),
            Event::Clicked { x, y, negative, add } => self.click([x, y], negative, add),
            Event::BoxDrawn { from, to } => self.draw_box(from, to),
            Event::CursorMoved { dx, dy } => self.move_cursor(dx, dy),
            Event::CursorClicked { negative, keeps } => self.click_at_cursor(negative, keeps),
            Event::CursorHidden => self.change_cursor(|cursor| (cursor.at, cursor.corner) = (None, None)),
            Event::Escaped => self.escape(),
            Event::Undone => self.undo(),
            Event::Cleared => self.clear(),
            Event::CanvasResized { width, height, device_pixel_ratio } => {
                self.resize(width, height, device_pixel_ratio)
            }
            Event::Panned { dx, dy } => self.pan(dx, dy),
            Event::Zoomed { factor, in_canvas } => self.zoom(factor, in_canvas),
            Event::Fitted => self.fit(),
            Event::ActualPixelsShown => self.show_actual_pixels(),
            Event::MaskFitted { index } => self.fit_mask(index),
            Event::ViewSet { view } => self.set_view(view),
            Event::CandidateChosen { index } => self.choose_candidate(index),
            Event::CandidateStepped { by } => self.step_candidate(by),
            Event::Segmented(segmented) => self.take_candidates(segmented),
            Event::SegmentFailed { ticket, failure } => self.take_segment_failure(ticket, failure),
            Event::MaskKept => self.keep(),
            Event::KeptSelected { id } => self.select_kept(id),
            Event::KeptHovered { id } => self.hover_kept(id),
            Event::KeptNamed { id, title, qid, score } => self.name_kept(id, title, qid, score),
            Event::KeptHidden { id, hidden } => self.hide_kept(id, hidden),
            Event::KeptEdited { id } => self.edit_kept(id),
            Event::KeptCombined { id, other, subtract } => self.combine_kept(id, other, subtract),
            Event::KeptDeleted { id } => self.delete_kept(id),
            Event::KeptFitted { id } => self.fit_kept(id),
            Event::KeptRestored { records } => self.restore_kept(&records),
            Event::KeptImported { records } => self.import_kept(&records),
            Event::BrushMoved { from_in_canvas, to_in_canvas, inverted, begins, done } => {
                self.move_brush([from_in_canvas, to_in_canvas], inverted, begins, done)
            }
            Event::BrushSized { radius } => self.size_brush(radius),
            Event::StepUndone => self.undo_step(),
            Event::StepRedone => self.redo_step(),
            Event::LinkRequested => self.ask_link(),
            Event::Linked { ticket, answer } => self.take_link(ticket, answer),
            Event::LinkFailed { ticket, failure } => self.take_link_failure(ticket, failure),
            Event::SettingsChanged { settings } => self.change_settings(settings),
            Event::GpuFailed { failure } => self.replace_gpu(failure),
            Event::Suspended => self.suspend(),
        }
    }

    /// Returns key and size of the image.
    pub fn image(&self) -> Option<(&str, Size)> {
        self.image.as_ref().map(|(key, size)| (key.as_str(), *size))
    }

    /// Returns width and height of the image; zero without one.
    pub(super) fn size(&self) -> Size {
        self.image.as_ref().map_or(Size::default(), |(_, size)| *size)
    }

    /// Returns the masks shown, in drawing order.
    pub fn shown(&self) -> &[Shown] {
        &self.shown
    }

    /// Returns the reason why masks, or some of them, are not shown.
    pub fn masks_failure(&self) -> Option<&Failure> {
        self.masks_failure.as_ref()
    }

    /// Returns the index of the shown mask under the pointer.
    pub fn hovered(&self) -> Option<usize> {
        self.hovered
    }

    /// Returns which mask is the current one.
    pub fn selection(&self) -> Selection {
        self.selection
    }

    /// Returns the shown mask that is selected.
    pub fn selected(&self) -> Option<&Shown> {
        if let Selection::Shown(index) = self.selection { self.shown.get(index) } else { None }
    }

    /// Returns the tool that the next click uses.
    pub fn tool(&self) -> Tool {
        self.tool
    }

    /// Returns the clicks on the object being segmented.
    pub fn clicks(&self) -> &Clicks {
        &self.clicks
    }

    /// Returns the reason why the last run of the model failed.
    pub fn segment_failure(&self) -> Option<&Failure> {
        self.segment_failure.as_ref()
    }

    /// Returns the outline under the resting pointer, as SVG path data in pixels of the image.
    pub fn preview(&self) -> Option<&str> {
        self.preview.path()
    }

    /// Returns the progress of linking the current mask.
    pub fn linking(&self) -> &Linking {
        &self.linking
    }

    /// Returns all settings, as last changed.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the canvas and the part of the image on it.
    pub fn view(&self) -> &Viewport {
        &self.view
    }

    /// Returns the crosshair and the box being drawn.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }

    /// Returns the renderer to draw with: that of the settings, unless its GPU failed.
    pub fn renderer(&self) -> RendererChoice {
        if self.has_gpu_failed { RendererChoice::Cpu } else { self.settings.renderer }
    }

    /// Returns whether the CPU draws because the GPU failed.
    pub fn has_gpu_failed(&self) -> bool {
        self.has_gpu_failed
    }

    /// Returns the kept masks in drawing order.
    pub fn kept(&self) -> &[Arc<Kept>] {
        &self.kept
    }

    /// Returns the number of the kept mask that is selected.
    pub fn selected_kept(&self) -> Option<u32> {
        if let Selection::Kept(id) = self.selection { Some(id) } else { None }
    }

    /// Returns the number of the kept mask that is pointed at.
    pub fn hovered_kept(&self) -> Option<u32> {
        self.hovered_kept
    }

    /// Returns the number of the kept mask that the clicks continue.
    pub fn editing(&self) -> Option<u32> {
        self.editing.map(|editing| editing.id)
    }

    /// Returns half the width of the brush in CSS pixels.
    pub fn brush_radius(&self) -> f64 {
        self.brush.0
    }

    /// Returns whether there is a step to undo.
    pub fn can_undo(&self) -> bool {
        self.history.can_undo()
    }

    /// Returns whether there is a step to redo.
    pub fn can_redo(&self) -> bool {
        self.history.can_redo()
    }

    /// Returns the current mask.
    pub fn current_mask(&self) -> Option<&Mask> {
        match self.selection {
            Selection::Clicked => self.clicks.candidate().map(|candidate| &candidate.mask),
            Selection::Kept(id) => self.kept_at(id).map(|index| &self.kept[index].mask),
            _ => self.selected().map(|shown| &shown.mask),
        }
    }

    /// Returns whether a part of the current mask is left out.
    pub fn is_current_cut(&self) -> bool {
        match self.selection {
            Selection::Kept(id) => self.kept_at(id).is_some_and(|index| self.kept[index].is_cut),
            _ => self.selected().is_some_and(|shown| shown.is_cut),
        }
    }

    /// Returns the index of the smallest shown mask that contains this point of the image, because an
    /// object on top of another is usually the smaller one. Of equally small masks, returns the topmost.
    pub fn shown_at(&self, [x, y]: [f64; 2]) -> Option<usize> {
        if !(x >= 0.0 && y >= 0.0) {
            return None;
        }
        let (x, y) = (x as u32, y as u32);
        let under = self.shown.iter().enumerate().rev().filter(|(_, shown)| shown.mask.contains(x, y));
        under.min_by_key(|(_, shown)| shown.area).map(|(index, _)| index)
    }

    fn open(&mut self, image: Option<(String, Size)>) -> Vec<Effect> {
        let mut effects = self.stop_waiting();
        effects.extend(self.drop_preview());
        effects.extend(self.deselect(Selection::Nothing));
        self.image = image;
        (self.shown, self.cached, self.masks_failure) = (Vec::new(), Vec::new(), None);
        (self.clicks, self.segment_failure, self.cursor) = (Clicks::default(), None, Cursor::default());
        (self.kept, self.last_kept, self.history) = (Vec::new(), 0, History::default());
        (self.hovered_kept, self.editing, self.stroke) = (None, None, None);
        self.view.open(self.size());
        effects.extend([Effect::DrawMasks, Effect::ViewChanged, Effect::Changed]);
        effects
    }

    fn show(&mut self, masks: Vec<ShownMask>, runs: &FlatMasks) -> Vec<Effect> {
        let Some((_, size)) = self.image else { return Vec::new() };
        let (count, mut failures) = (masks.len(), Vec::new());
        let mut shown = Vec::with_capacity(count);
        for (index, ShownMask { id, title, qid, size: own @ [height, width], counts, is_cut, color }) in
            masks.into_iter().enumerate()
        {
            let decoded = if let Some(counts) = counts {
                decode(&CocoRle { size: own, counts }, size)
            } else {
                let own = Size::new(width, height);
                checked(own, size, || runs.mask(index, own))
            };
            match decoded {
                Ok(mask) => {
                    let color = color.map(|[red, green, blue]| Color { red, green, blue });
                    shown.push(Shown { id, area: mask.area(), mask, title, qid, is_cut, color });
                }
                Err(Failure { code, message }) => {
                    failures.push(Failure { code, message: format!("mask {id}: {message}") });
                }
            }
        }
        self.replace_shown(shown, words::summary(failures, count, ["mask", "masks"]))
    }

    fn replace_shown(&mut self, shown: Vec<Shown>, failure: Option<Failure>) -> Vec<Effect> {
        let was_shown = matches!(self.selection, Selection::Shown(_));
        let mut effects = if was_shown { self.stop_waiting() } else { Vec::new() };
        (self.shown, self.masks_failure) = (shown, failure.clone());
        effects.extend(self.deselect(if was_shown { Selection::Nothing } else { self.selection }));
        effects.extend([Effect::DrawMasks, Effect::Changed]);
        effects.extend(failure.into_iter().flat_map(report));
        effects
    }

    /// Sets a selection that is not one of the masks shown, ends hovering, and notifies listeners.
    fn deselect(&mut self, selection: Selection) -> Vec<Effect> {
        let mut effects = Vec::new();
        if self.hovered.take().is_some() {
            effects.push(Effect::Notify(Notice::MaskHover(None)));
        }
        if matches!(std::mem::replace(&mut self.selection, selection), Selection::Shown(_)) {
            effects.push(Effect::Notify(Notice::MaskSelect(None)));
        }
        effects
    }

    fn hover(&mut self, hovered: Option<usize>) -> Vec<Effect> {
        if self.hovered == hovered {
            return Vec::new();
        }
        self.hovered = hovered;
        vec![Effect::DrawStyle, Effect::Notify(Notice::MaskHover(self.detail(hovered)))]
    }

    fn select(&mut self, index: Option<usize>) -> Vec<Effect> {
        let selection = index.map_or(Selection::Nothing, Selection::Shown);
        if self.selection == selection {
            return Vec::new();
        }
        let mut effects = self.stop_waiting();
        let had_clicks = !self.clicks.is_empty();
        if had_clicks {
            self.remember();
            self.stop_editing();
        }
        (self.clicks, self.segment_failure, self.selection) = (Clicks::default(), None, selection);
        effects.push(if had_clicks { Effect::DrawMasks } else { Effect::DrawStyle });
        if let Some(shown) = self.selected() {
            let share = words::share_of(&shown.mask);
            effects.push(announce(format!("{} selected, {share}.", shown.name())));
        }
        effects.extend([Effect::Notify(Notice::MaskSelect(self.detail(index))), Effect::Changed]);
        effects
    }

    fn choose_tool(&mut self, tool: Tool) -> Vec<Effect> {
        if self.tool == tool {
            return Vec::new();
        }
        self.tool = tool;
        let mut effects = self.drop_corner();
        effects.extend(self.drop_preview());
        effects.extend([Effect::DrawStyle, Effect::Changed]);
        effects
    }

    fn replace_gpu(&mut self, failure: Failure) -> Vec<Effect> {
        self.has_gpu_failed = true;
        let mut effects = vec![Effect::Attach];
        effects.extend(report(failure));
        effects
    }

    fn suspend(&mut self) -> Vec<Effect> {
        let mut effects = self.stop_waiting();
        effects.extend(self.drop_preview());
        effects.extend(self.change_cursor(|cursor| *cursor = Cursor::default()));
        effects.extend([Effect::DrawMasks, Effect::Changed]);
        effects
    }

    fn ticket(&mut self) -> Ticket {
        self.last_ticket = self.last_ticket.wrapping_add(1);
        Ticket(self.last_ticket)
    }

    fn detail(&self, index: Option<usize>) -> Option<MaskDetail> {
        let index = index?;
        let Shown { id, title, qid, .. } = self.shown.get(index)?;
        Some(MaskDetail { index, id: id.clone(), title: title.clone(), qid: qid.clone() })
    }
}

/// Decodes a mask, which must be as large as the image.
fn decode(rle: &CocoRle, image: Size) -> Result<Mask, Failure> {
    checked(rle.mask_size(), image, || rle.try_into())
}

/// Decodes a mask after its size was compared, so that nothing is allocated for another size.
fn checked(
    size: Size,
    image: Size,
    decode: impl FnOnce() -> Result<Mask, rle::Error>,
) -> Result<Mask, Failure> {
    if size != image {
        let message = format!("the mask is {size}, but the image is {image}");
        return Err(Failure { code: "mask-size".to_owned(), message });
    }
    decode().map_err(|error| Failure { code: "mask-malformed".to_owned(), message: error.to_string() })
}

fn announce(text: String) -> Effect {
    Effect::Announce { text }
}

fn report(failure: Failure) -> [Effect; 2] {
    [announce(failure.message.clone()), Effect::Notify(Notice::Error(failure))]
}
