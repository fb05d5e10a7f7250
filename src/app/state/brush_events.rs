//! The events that paint on kept masks and erase from them.

use std::sync::Arc;

use super::{BrushRadius, Effect, Kept, Selection, State, announce};
use crate::app::Tool;
use crate::rle::Mask;

/// Limits of half the brush's width in CSS pixels.
const MIN_RADIUS: f64 = 1.0;
const MAX_RADIUS: f64 = 200.0;
/// Minimum of it in pixels of the image: a dot holds the pixel that it is on.
const MIN_IN_IMAGE: f64 = 0.75;

impl State {
    pub(super) fn size_brush(&mut self, radius: f64) -> Vec<Effect> {
        let radius =
            if radius.is_finite() { radius.clamp(MIN_RADIUS, MAX_RADIUS) } else { return Vec::new() };
        if radius.total_cmp(&self.brush.0).is_eq() {
            return Vec::new();
        }
        self.brush = BrushRadius(radius);
        vec![Effect::DrawMarks, Effect::Changed]
    }

    pub(super) fn move_brush(
        &mut self,
        [from, to]: [[f64; 2]; 2],
        inverted: bool,
        begins: bool,
        done: bool,
    ) -> Vec<Effect> {
        if self.image.is_none() || !self.tool.paints() {
            return Vec::new();
        }
        let mut effects = self.change_cursor(|cursor| (cursor.at, cursor.brush) = (None, Some(to)));
        let [from, to] = [from, to].map(|at| self.view.image_from_canvas(at));
        effects.extend(self.paint([from, to], inverted, begins, done));
        effects
    }

    /// Paints or erases a dot.
    pub(super) fn dab(&mut self, at: [f64; 2], inverted: bool) -> Vec<Effect> {
        self.paint([at, at], inverted, true, true)
    }

    fn paint(&mut self, piece: [[f64; 2]; 2], inverted: bool, begins: bool, done: bool) -> Vec<Effect> {
        let erases = (self.tool == Tool::Erase) != inverted;
        let mut effects = if begins { self.begin_stroke(erases) } else { Vec::new() };
        let Some(index) = self.stroke.and_then(|id| self.kept_at(id)) else { return effects };
        let radius = self.view.length_in_image(self.brush.0).max(MIN_IN_IMAGE);
        let old = &self.kept[index].mask;
        let stroke = Mask::from_stroke(old.size(), piece[0], piece[1], radius);
        let changed =
            stroke.and_then(|stroke| if erases { old.difference(&stroke) } else { old.union(&stroke) });
        // A piece that is no number paints nothing.
        if let Ok(mask) = changed
            && mask != *old
        {
            let kept = Arc::make_mut(&mut self.kept[index]);
            (kept.mask, kept.score) = (mask, None);
            effects.push(Effect::DrawMasks);
        }
        if done {
            effects.extend(self.end_stroke(index));
        }
        effects
    }

    /// Chooses the mask to change: the one selected, which is kept if it is not yet, or for the brush a
    /// new one.
    fn begin_stroke(&mut self, erases: bool) -> Vec<Effect> {
        self.stroke = None;
        let mut effects = Vec::new();
        if self.current_mask().is_some() && self.selected_kept().is_none() {
            effects.extend(self.keep());
        }
        if self.selected_kept().is_none() && erases {
            effects.push(announce("Select a kept mask to erase from it.".to_owned()));
            return effects;
        }
        if self.selected_kept().is_none() {
            let Ok(mask) = Mask::empty(self.size()) else { return effects };
            if let Some(full) = self.fails_to_hold(1) {
                effects.extend(full);
                return effects;
            }
            self.remember();
            let id = self.new_kept(mask);
            effects.extend(self.stop_waiting());
            self.selection = Selection::Kept(id);
        } else {
            self.remember();
        }
        self.stroke = self.selected_kept();
        if let Some(index) = self.stroke.and_then(|id| self.kept_at(id))
            && self.kept[index].is_hidden
        {
            Arc::make_mut(&mut self.kept[index]).is_hidden = false;
        }
        // The entities were those of the mask before.
        effects.extend(self.stop_link());
        effects.extend([Effect::DrawMasks, Effect::Changed]);
        effects
    }

    fn end_stroke(&mut self, index: usize) -> Vec<Effect> {
        self.stroke = None;
        let mut effects = Vec::new();
        let (name, is_empty) = (self.kept[index].name(), self.kept[index].mask.is_empty());
        if is_empty {
            self.kept.remove(index);
            self.selection = Selection::Nothing;
            effects.extend([Effect::DrawMasks, announce(format!("Nothing is left of {name}."))]);
        }
        self.history.forget_unless_changed(&self.kept);
        effects.extend([self.kept_change(), Effect::Changed]);
        effects
    }

    /// Adds a mask to the kept ones and returns its number.
    pub(super) fn new_kept(&mut self, mask: Mask) -> u32 {
        self.last_kept += 1;
        let id = self.last_kept;
        self.kept.push(Arc::new(Kept::new(id, mask)));
        id
    }
}
