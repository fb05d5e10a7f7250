//! The events that change which part of the image is shown.

use super::viewport::{ViewPosition, Viewport};
use super::{Effect, State};
use crate::geometry::Rect;

impl State {
    pub(super) fn resize(&mut self, width: f64, height: f64, device_pixel_ratio: f64) -> Vec<Effect> {
        self.view.resize(width, height, device_pixel_ratio);
        vec![Effect::DrawStyle]
    }

    pub(super) fn pan(&mut self, dx: f64, dy: f64) -> Vec<Effect> {
        self.change_view(|view| view.pan(dx, dy))
    }

    pub(super) fn zoom(&mut self, factor: f64, in_canvas: Option<[f64; 2]>) -> Vec<Effect> {
        let fixed = in_canvas.or_else(|| self.cursor.at.map(|at| self.view.canvas_from_image(at)));
        self.change_view(|view| view.zoom(factor, fixed))
    }

    pub(super) fn fit(&mut self) -> Vec<Effect> {
        self.change_view(Viewport::fit)
    }

    pub(super) fn show_actual_pixels(&mut self) -> Vec<Effect> {
        self.change_view(Viewport::show_actual_pixels)
    }

    pub(super) fn fit_mask(&mut self, index: usize) -> Vec<Effect> {
        let bounds = self.shown.get(index).and_then(|shown| shown.mask.bbox());
        bounds.map_or_else(Vec::new, |bounds| self.fit_rect(bounds.into()))
    }

    pub(super) fn fit_rect(&mut self, rect: Rect) -> Vec<Effect> {
        self.change_view(|view| view.fit_rect(rect))
    }

    pub(super) fn set_view(&mut self, position: Option<ViewPosition>) -> Vec<Effect> {
        self.change_view(|view| view.set(position))
    }

    fn change_view(&mut self, change: impl FnOnce(&mut Viewport)) -> Vec<Effect> {
        let shown = |view: &Viewport| (*view.render_view(), view.is_zoomed());
        let before = shown(&self.view);
        change(&mut self.view);
        if before == shown(&self.view) { Vec::new() } else { vec![Effect::ViewChanged] }
    }
}
