//! The part of the image that is shown: pan, zoom, and whether the whole image is fitted.

use serde::{Deserialize, Serialize};

use crate::geometry::{Point, Rect, Size, Transform};
use crate::render::View;

/// Maximum side of a canvas in device pixels.
const MAX_CANVAS_SIDE: f64 = 16_384.0;

/// A part of the image, independent of the canvas.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct ViewPosition {
    /// The pixel of the image in the middle of the canvas, from the left.
    pub x: f64,
    /// The pixel of the image in the middle of the canvas, from the top.
    pub y: f64,
    /// CSS pixels per pixel of the image.
    pub scale: f64,
}

/// The canvas and the part of the image on it. Positions are CSS pixels of the canvas.
#[derive(Clone, Debug)]
pub struct Viewport {
    view: View,
    image: Size,
    /// Whether the whole image is shown, and stays so when the canvas changes its size.
    is_fitted: bool,
    /// The part of the next image that is shown at first.
    pending: Option<ViewPosition>,
}

impl Default for Viewport {
    fn default() -> Self {
        let view = View::fit(Size::default(), 1.0, Size::default());
        Self { view, image: Size::default(), is_fitted: true, pending: None }
    }
}

impl Viewport {
    /// Returns the view in device pixels, as the renderers take it.
    pub fn render_view(&self) -> &View {
        &self.view
    }

    /// Returns whether another part than the whole image is shown.
    pub fn is_zoomed(&self) -> bool {
        !self.is_fitted
    }

    /// Returns the part of the image that is shown; `None` while the whole image is fitted.
    pub fn position(&self) -> Option<ViewPosition> {
        if self.is_fitted {
            return None;
        }
        let Point { x, y } = self.view.canvas_from_image.inverse().apply(self.middle());
        Some(ViewPosition { x, y, scale: self.view.canvas_from_image.scale / self.view.device_pixel_ratio })
    }

    /// Returns the part of the image that is shown, in image space; `None` while the whole image is fitted.
    pub fn shown(&self) -> Option<Rect> {
        if self.is_fitted {
            return None;
        }
        let from_canvas = self.view.canvas_from_image.inverse();
        let Size { width, height } = self.view.canvas;
        let [from, to] = [Point::new(0.0, 0.0), Point::new(f64::from(width), f64::from(height))]
            .map(|corner| from_canvas.apply(corner));
        let [right, bottom] = [self.image.width, self.image.height].map(f64::from);
        let x1 = from.x.clamp(0.0, right);
        let y1 = from.y.clamp(0.0, bottom);
        let shown = Rect { x1, y1, x2: to.x.clamp(0.0, right), y2: to.y.clamp(0.0, bottom) };
        (shown.width() > 0.0 && shown.height() > 0.0).then_some(shown)
    }

    /// Returns the point of the image at a point of the canvas.
    pub fn image_from_canvas(&self, in_canvas: [f64; 2]) -> [f64; 2] {
        let Point { x, y } = self.view.canvas_from_image.inverse().apply(self.in_device(in_canvas));
        [x, y]
    }

    /// Returns the point of the canvas that shows a point of the image.
    pub fn canvas_from_image(&self, [x, y]: [f64; 2]) -> [f64; 2] {
        let Point { x, y } = self.view.canvas_from_image.apply(Point::new(x, y));
        [x / self.view.device_pixel_ratio, y / self.view.device_pixel_ratio]
    }

    /// Returns a length of the canvas in pixels of the image.
    pub(super) fn length_in_image(&self, css_pixels: f64) -> f64 {
        css_pixels * self.view.device_pixel_ratio / self.view.canvas_from_image.scale
    }

    /// Returns how far to move the image so that a point of it lies `margin` CSS pixels inside the canvas.
    pub(super) fn offset_into_sight(&self, point: [f64; 2], margin: f64) -> [f64; 2] {
        let [x, y] = self.canvas_from_image(point);
        let offset = |at: f64, length: u32| {
            let end = f64::from(length) / self.view.device_pixel_ratio - margin;
            (margin - at).max(0.0) - (at - end).max(0.0)
        };
        [offset(x, self.view.canvas.width), offset(y, self.view.canvas.height)]
    }

    /// Returns the point of the image in the middle of the canvas.
    pub(super) fn middle_in_image(&self) -> [f64; 2] {
        let Point { x, y } = self.view.canvas_from_image.inverse().apply(self.middle());
        [x, y]
    }

    pub(super) fn open(&mut self, image: Size) {
        (self.image, self.is_fitted) = (image, true);
        self.fit_again();
        if image.pixels() > 0
            && let Some(position) = self.pending.take()
        {
            self.go_to(position);
        }
    }

    pub(super) fn resize(&mut self, width: f64, height: f64, device_pixel_ratio: f64) {
        let in_device =
            |length: f64| (length * device_pixel_ratio).round().clamp(0.0, MAX_CANVAS_SIDE) as u32;
        let canvas = Size::new(in_device(width), in_device(height));
        self.view = self.view.resized(canvas, device_pixel_ratio, self.image);
        self.fit_again();
    }

    pub(super) fn pan(&mut self, dx: f64, dy: f64) {
        let ratio = self.view.device_pixel_ratio;
        self.show(self.view.panned(dx * ratio, dy * ratio, self.image));
    }

    pub(super) fn zoom(&mut self, factor: f64, in_canvas: Option<[f64; 2]>) {
        let fixed = in_canvas.map_or(self.middle(), |point| self.in_device(point));
        self.show(self.view.zoomed(fixed, factor, self.image));
    }

    pub(super) fn show_actual_pixels(&mut self) {
        self.show(self.view.one_to_one(self.middle(), self.image));
    }

    pub(super) fn fit_rect(&mut self, rect: Rect) {
        self.show(self.view.fit_rect(rect, self.image));
    }

    pub(super) fn fit(&mut self) {
        self.is_fitted = true;
        self.fit_again();
    }

    pub(super) fn set(&mut self, position: Option<ViewPosition>) {
        self.pending = position.filter(|_| self.image.pixels() == 0);
        match position {
            Some(position) => self.go_to(position),
            None => self.fit(),
        }
    }

    fn go_to(&mut self, ViewPosition { x, y, scale }: ViewPosition) {
        let scale = scale * self.view.device_pixel_ratio;
        let middle = self.middle();
        let canvas_from_image = Transform { scale, x: middle.x - scale * x, y: middle.y - scale * y };
        // A zoom by 1 keeps the limits of scale and place.
        self.show(View { canvas_from_image, ..self.view }.zoomed(middle, 1.0, self.image));
    }

    fn show(&mut self, view: View) {
        self.is_fitted &= view == self.view;
        self.view = view;
    }

    fn fit_again(&mut self) {
        if self.is_fitted {
            self.view = View::fit(self.view.canvas, self.view.device_pixel_ratio, self.image);
        }
    }

    fn middle(&self) -> Point {
        let Size { width, height } = self.view.canvas;
        Point::new(f64::from(width) / 2.0, f64::from(height) / 2.0)
    }

    fn in_device(&self, [x, y]: [f64; 2]) -> Point {
        Point::new(x * self.view.device_pixel_ratio, y * self.view.device_pixel_ratio)
    }
}
