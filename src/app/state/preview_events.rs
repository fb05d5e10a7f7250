//! The events that outline the object under a resting pointer. They change neither the clicks nor the current
//! mask.

use super::{Effect, State, checked};
use crate::app::{SegmentRequest, Tool};
use crate::geometry::{Point, Size};
use crate::rle::{Mask, Outline};
use crate::segment::{Prompt, Ticket};

impl State {
    /// Asks for the mask under a pointer that rests, where a click would begin another object.
    pub(super) fn rest_pointer(&mut self, in_canvas: [f64; 2]) -> Vec<Effect> {
        let at @ [x, y] = self.view.image_from_canvas(in_canvas);
        let Size { width, height } = self.size();
        let is_inside = (0.0..f64::from(width)).contains(&x) && (0.0..f64::from(height)).contains(&y);
        let is_busy = self.clicks.awaited().is_some() || self.preview.awaited.is_some();
        if self.tool != Tool::Pick || !is_inside || is_busy || self.preview.contains(at) {
            return Vec::new();
        }
        let ticket = self.ticket();
        self.preview.awaited = Some(ticket);
        let prompts = vec![Prompt::Click { point: Point::new(x, y), positive: true }];
        vec![Effect::Preview(SegmentRequest { ticket, prompts, refine: None, view: None })]
    }

    pub(super) fn take_preview(&mut self, ticket: Ticket, size: Size, boundaries: Vec<u32>) -> Vec<Effect> {
        if self.preview.awaited.take_if(|awaited| *awaited == ticket).is_none() {
            return Vec::new();
        }
        // A mask that cannot be used is no news: nobody asked for it.
        let mask = checked(size, self.size(), || Mask::from_boundaries(size, boundaries)).ok();
        self.preview.shown = mask.filter(|mask| !mask.is_empty()).map(|mask| {
            let path = mask.outlines().iter().map(Outline::to_svg_path).collect();
            (mask, path)
        });
        vec![Effect::DrawMarks]
    }

    /// Stops waiting for an outline, and hides the one shown unless the pointer is still within it.
    pub(super) fn move_preview(&mut self, at: Option<[f64; 2]>) -> Vec<Effect> {
        let mut effects = Vec::new();
        if let Some(ticket) = self.preview.awaited.take() {
            effects.push(Effect::CancelSegment { ticket });
        }
        let is_within = at.is_some_and(|at| self.preview.contains(at));
        if !is_within && self.preview.shown.take().is_some() {
            effects.push(Effect::DrawMarks);
        }
        effects
    }

    /// Stops waiting for an outline, and hides the one shown.
    pub(super) fn drop_preview(&mut self) -> Vec<Effect> {
        self.move_preview(None)
    }
}
