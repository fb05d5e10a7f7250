//! The events of pointer and keyboard that move the crosshair or draw a box.

use super::cursor::Cursor;
use super::{Effect, State, announce};
use crate::app::{Tool, words};
use crate::geometry::Point;
use crate::segment::Prompt;

/// Minimum distance of a crosshair that was moved from the canvas's edges, in CSS pixels.
const MARGIN: f64 = 24.0;
/// Minimum width and height of a box drawn by the pointer, in CSS pixels.
const MIN_BOX: f64 = 3.0;

impl State {
    pub(super) fn move_cursor(&mut self, dx: f64, dy: f64) -> Vec<Effect> {
        if self.tool == Tool::Pan {
            return self.pan(-dx, -dy);
        }
        let Some((_, size)) = self.image else { return Vec::new() };
        let at = self.start_cursor();
        let [x, y] = self.view.canvas_from_image(at);
        let [x, y] = self.view.image_from_canvas([x + dx, y + dy]);
        let within = |at: f64, length: u32| at.min(f64::from(length) - 0.5).max(0.5);
        let at = [within(x, size.width), within(y, size.height)];
        self.cursor.at = Some(at);
        let [dx, dy] = self.view.offset_into_sight(at, MARGIN);
        let mut effects = self.pan(dx, dy);
        effects.push(Effect::DrawMarks);
        effects.extend(self.hover_at(Some(at)));
        let shown = self.hovered.and_then(|index| self.shown.get(index)).map(|shown| shown.name().to_owned());
        let mask = self.hovered_kept.map(|id| self.kept_name(id)).or(shown);
        effects.push(announce(words::place(at, size, mask.as_deref())));
        effects
    }

    pub(super) fn click_at_cursor(&mut self, negative: bool, keeps: bool) -> Vec<Effect> {
        if self.image.is_none() {
            return Vec::new();
        }
        if keeps && !negative && self.clicks.candidate().is_some() && !self.is_cursor_elsewhere() {
            return self.keep();
        }
        let at @ [x, y] = self.start_cursor();
        let mut effects = vec![Effect::DrawMarks];
        if self.tool != Tool::Box || negative {
            effects.extend(self.click([x, y], negative, false));
        } else if let Some(corner) = self.cursor.corner.take() {
            effects.extend(self.draw_box(corner, at));
        } else {
            self.cursor.corner = Some(at);
            effects
                .push(announce("First corner set. Enter sets the other corner, Escape cancels.".to_owned()));
        }
        effects
    }

    /// Returns whether the crosshair is at another place than the last click.
    fn is_cursor_elsewhere(&self) -> bool {
        let Some([x, y]) = self.cursor.at else { return false };
        let clicked = Prompt::Click { point: Point::new(x, y), positive: true };
        self.clicks.prompts().last() != Some(&clicked)
    }

    pub(super) fn escape(&mut self) -> Vec<Effect> {
        let effects = self.change_cursor(|cursor| *cursor = Cursor::default());
        if effects.is_empty() { self.clear() } else { effects }
    }

    pub(super) fn click_in_canvas(&mut self, in_canvas: [f64; 2], negative: bool, add: bool) -> Vec<Effect> {
        let mut effects = self.change_cursor(|cursor| cursor.at = None);
        effects.extend(self.click(self.view.image_from_canvas(in_canvas), negative, add));
        effects
    }

    pub(super) fn drag_box(&mut self, from: [f64; 2], to: [f64; 2], done: bool) -> Vec<Effect> {
        let mut effects = self.change_cursor(|cursor| cursor.dragged = (!done).then_some([from, to]));
        let is_large = from.iter().zip(to).all(|(from, to)| (from - to).abs() > MIN_BOX);
        if done && is_large {
            let [from, to] = [from, to].map(|corner| self.view.image_from_canvas(corner));
            effects.extend(self.draw_box(from, to));
        }
        effects
    }

    pub(super) fn move_pointer(&mut self, in_canvas: Option<[f64; 2]>) -> Vec<Effect> {
        let point = in_canvas.map(|point| self.view.image_from_canvas(point));
        let mut effects = self.move_preview(point);
        effects.extend(self.hover_at(point));
        let brush = in_canvas.filter(|_| self.tool.paints() && self.image.is_some());
        effects.extend(self.change_cursor(|cursor| cursor.brush = brush));
        if point.is_some() && self.image.is_some() && self.tool.segments() {
            effects.push(Effect::PrepareModel);
        }
        effects
    }

    /// Drops the first corner of a box drawn by keyboard.
    pub(super) fn drop_corner(&mut self) -> Vec<Effect> {
        self.change_cursor(|cursor| cursor.corner = None)
    }

    pub(super) fn change_cursor(&mut self, change: impl FnOnce(&mut Cursor)) -> Vec<Effect> {
        let before = self.cursor;
        change(&mut self.cursor);
        if before == self.cursor { Vec::new() } else { vec![Effect::DrawMarks] }
    }

    /// Returns the crosshair, which a first key shows in the middle of the canvas.
    fn start_cursor(&mut self) -> [f64; 2] {
        *self.cursor.at.get_or_insert_with(|| self.view.middle_in_image())
    }
}
