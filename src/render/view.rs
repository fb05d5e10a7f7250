//! Position of the image on the canvas, with the limits of zoom and pan.

use super::Error;
use crate::geometry::{Point, Rect, Size, Transform};

/// Maximum size of a pixel of the image in CSS pixels.
const MAX_MAGNIFICATION: f64 = 64.0;
/// Margin around a fitted image in CSS pixels.
const FIT_MARGIN: f64 = 8.0;

/// Maximum distance of a position from the canvas's origin in device pixels: far outside any canvas, and
/// small enough for 32-bit integers.
pub(super) const MAX_POSITION: f32 = 1e6;

/// Size of the canvas and position of the image in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Width and height of the canvas in device pixels.
    pub canvas: Size,
    /// Device pixels per CSS pixel; outlines and patterns keep their size in CSS pixels.
    pub device_pixel_ratio: f64,
    /// Maps image space to device pixels of the canvas.
    pub canvas_from_image: Transform,
}

impl View {
    /// Fits the whole image into the canvas, centred, with a margin of 8 CSS pixels.
    pub fn fit(canvas: Size, device_pixel_ratio: f64, image: Size) -> Self {
        let view = Self { canvas, device_pixel_ratio, canvas_from_image: Transform::default() };
        view.centred(view.fit_scale(image), image)
    }

    /// Shows one pixel of the image on one device pixel; the point under `fixed_in_canvas` stays.
    #[must_use]
    pub fn one_to_one(&self, fixed_in_canvas: Point, image: Size) -> Self {
        self.zoomed(fixed_in_canvas, 1.0 / self.canvas_from_image.scale, image)
    }

    /// Zooms by `factor` about a point of the canvas, within the limits.
    ///
    /// The minimum scale is half of the fitting scale, or half of 1:1 where a small image would fit
    /// magnified; the maximum shows a pixel of the image as 64 CSS pixels.
    #[must_use]
    pub fn zoomed(&self, fixed_in_canvas: Point, factor: f64, image: Size) -> Self {
        let (min, max) = self.scale_limits(image);
        let old_scale = self.canvas_from_image.scale;
        let scale = (old_scale * factor).clamp(min, max);
        let zoomed = self.canvas_from_image.zoomed_about(fixed_in_canvas, scale / old_scale);
        Self { canvas_from_image: zoomed, ..*self }.clamped(image)
    }

    /// Moves the image by device pixels, within the limits.
    #[must_use]
    pub fn panned(&self, dx: f64, dy: f64, image: Size) -> Self {
        Self { canvas_from_image: self.canvas_from_image.panned(dx, dy), ..*self }.clamped(image)
    }

    /// Adapts the view to a canvas of another size or pixel ratio: the point in the middle and the CSS
    /// scale stay.
    #[must_use]
    pub fn resized(&self, canvas: Size, device_pixel_ratio: f64, image: Size) -> Self {
        let middle_in_image = self.canvas_from_image.inverse().apply(middle(self.canvas));
        let scale = self.canvas_from_image.scale * device_pixel_ratio / self.device_pixel_ratio;
        let new_middle = middle(canvas);
        let (x, y) = (new_middle.x - scale * middle_in_image.x, new_middle.y - scale * middle_in_image.y);
        Self { canvas, device_pixel_ratio, canvas_from_image: Transform { scale, x, y } }.clamped(image)
    }

    /// Fits a rectangle of image space into the canvas, centred, with the margin.
    #[must_use]
    pub fn fit_rect(&self, rect_in_image: Rect, image: Size) -> Self {
        let (min, max) = self.scale_limits(image);
        let free = self.size_without_margin();
        let scale = (free.x / rect_in_image.width().max(1.0)).min(free.y / rect_in_image.height().max(1.0));
        let scale = scale.clamp(min, max);
        let centre = Point::new(
            rect_in_image.x1.midpoint(rect_in_image.x2),
            rect_in_image.y1.midpoint(rect_in_image.y2),
        );
        let middle = middle(self.canvas);
        let (x, y) = (middle.x - scale * centre.x, middle.y - scale * centre.y);
        Self { canvas_from_image: Transform { scale, x, y }, ..*self }.clamped(image)
    }

    /// Returns the minimum and maximum size of a pixel of the image in device pixels.
    pub fn scale_limits(&self, image: Size) -> (f64, f64) {
        let fit = self.fit_scale(image);
        (fit.min(1.0) / 2.0, fit.max(MAX_MAGNIFICATION * self.device_pixel_ratio))
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let Transform { scale, x, y } = self.canvas_from_image;
        let finite = [scale, x, y, self.device_pixel_ratio].iter().all(|value| value.is_finite());
        if finite && scale > 0.0 && self.device_pixel_ratio > 0.0 { Ok(()) } else { Err(Error::View) }
    }

    /// Rounds CSS pixels to whole device pixels, at least one where `css_pixels` is above zero.
    pub(super) fn device_pixels(&self, css_pixels: f32) -> u32 {
        let exact = f64::from(css_pixels) * self.device_pixel_ratio;
        if exact > 0.0 { exact.round().max(1.0) as u32 } else { 0 }
    }

    pub(super) fn anchor(&self) -> Anchor {
        let top_left = self.canvas_from_image.inverse().apply(Point::new(0.0, 0.0));
        let (x, y) = (top_left.x.floor(), top_left.y.floor());
        let in_canvas = self.canvas_from_image.apply(Point::new(x, y));
        Anchor {
            scale: self.canvas_from_image.scale as f32,
            in_image: [x as i32, y as i32],
            in_canvas: [in_canvas.x as f32, in_canvas.y as f32],
        }
    }

    /// Moves the image so that the middle of the canvas lies inside it; a view that is not finite becomes
    /// the fitted view.
    fn clamped(&self, image: Size) -> Self {
        if self.check().is_err() {
            return self.centred(self.fit_scale(image), image);
        }
        let Transform { scale, x, y } = self.canvas_from_image;
        let middle = middle(self.canvas);
        let clamp =
            |value: f64, middle: f64, side: u32| value.clamp(middle - scale * f64::from(side), middle);
        let (x, y) = (clamp(x, middle.x, image.width), clamp(y, middle.y, image.height));
        Self { canvas_from_image: Transform { scale, x, y }, ..*self }
    }

    fn centred(&self, scale: f64, image: Size) -> Self {
        let middle = middle(self.canvas);
        let x = middle.x - scale * f64::from(image.width) / 2.0;
        let y = middle.y - scale * f64::from(image.height) / 2.0;
        Self { canvas_from_image: Transform { scale, x, y }, ..*self }
    }

    fn fit_scale(&self, image: Size) -> f64 {
        let free = self.size_without_margin();
        (free.x / f64::from(image.width.max(1))).min(free.y / f64::from(image.height.max(1)))
    }

    fn size_without_margin(&self) -> Point {
        let margin = 2.0 * FIT_MARGIN * self.device_pixel_ratio;
        let side = |length: u32| (f64::from(length) - margin).max(1.0);
        Point::new(side(self.canvas.width), side(self.canvas.height))
    }
}

/// A pixel of the image near the canvas's top-left corner, and its position in the canvas.
///
/// Both renderers compute in 32-bit floats relative to it: `canvas = (image - in_image) * scale +
/// in_canvas`. Visible positions then have small coordinates, so a large image does not jitter at a high
/// zoom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Anchor {
    pub(super) scale: f32,
    pub(super) in_image: [i32; 2],
    pub(super) in_canvas: [f32; 2],
}

impl Anchor {
    /// Returns the device pixel edge nearest to the edge before pixel `image`; `axis` 0 is x, 1 is y.
    pub(super) fn edge_in_canvas(&self, image: i32, axis: usize) -> i32 {
        self.snapped((image - self.in_image[axis]) as f32, axis)
    }

    /// Returns the device pixel edge nearest to any position in the image.
    pub(super) fn real_edge_in_canvas(&self, image: f32, axis: usize) -> i32 {
        self.snapped(image - self.in_image[axis] as f32, axis)
    }

    /// Returns the position in the image of the middle of a device pixel.
    pub(super) fn position_in_image(&self, canvas: i32, axis: usize) -> f32 {
        (canvas as f32 + 0.5 - self.in_canvas[axis]) / self.scale + self.in_image[axis] as f32
    }

    /// Returns the pixel of the image under the middle of a device pixel.
    pub(super) fn pixel_in_image(&self, canvas: i32, axis: usize) -> i32 {
        ((canvas as f32 + 0.5 - self.in_canvas[axis]) / self.scale).floor() as i32 + self.in_image[axis]
    }

    /// Rounds ties down: the device pixel whose middle lies on an edge shows the pixel after that edge.
    fn snapped(&self, from_anchor: f32, axis: usize) -> i32 {
        let exact = from_anchor * self.scale + self.in_canvas[axis];
        (exact.clamp(-MAX_POSITION, MAX_POSITION) - 0.5).ceil() as i32
    }
}

fn middle(canvas: Size) -> Point {
    Point::new(f64::from(canvas.width) / 2.0, f64::from(canvas.height) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMAGE: Size = Size::new(640, 480);

    fn fitted() -> View {
        View::fit(Size::new(1000, 500), 2.0, IMAGE)
    }

    #[test]
    fn fit_centers_the_whole_image() {
        let view = fitted();
        let rect = view.canvas_from_image.apply_rect(Rect::from_xywh([0.0, 0.0, 640.0, 480.0]));
        assert!((rect.y1 - 16.0).abs() < 1e-9 && (rect.y2 - 484.0).abs() < 1e-9, "{rect:?}");
        assert!((rect.x1 + rect.x2 - 1000.0).abs() < 1e-9);
    }

    #[test]
    fn zoom_respects_limits_and_fixed_point() {
        let (view, fixed) = (fitted(), Point::new(400.0, 300.0));
        let (min, max) = view.scale_limits(IMAGE);
        for (factor, scale) in [(1e9, max), (1e-9, min)] {
            assert!((view.zoomed(fixed, factor, IMAGE).canvas_from_image.scale - scale).abs() < 1e-9);
        }
        let zoomed = view.zoomed(fixed, 3.0, IMAGE);
        let seen = |view: &View| view.canvas_from_image.inverse().apply(fixed);
        assert!(
            (seen(&zoomed).x - seen(&view).x).abs() < 1e-9 && (seen(&zoomed).y - seen(&view).y).abs() < 1e-9
        );
        assert!((view.one_to_one(fixed, IMAGE).canvas_from_image.scale - 1.0).abs() < 1e-12);
    }

    #[test]
    fn pan_keeps_the_image_in_the_middle_of_the_canvas() {
        for (dx, dy) in [(1e6, 0.0), (-1e6, 1e6), (0.0, -1e6)] {
            let view = fitted().panned(dx, dy, IMAGE);
            let at_middle = view.canvas_from_image.inverse().apply(middle(view.canvas));
            assert!(
                (-1e-6..=640.000_001).contains(&at_middle.x) && (-1e-6..=480.000_001).contains(&at_middle.y)
            );
        }
    }

    #[test]
    fn resize_keeps_the_middle_and_the_css_scale() {
        let view = fitted().zoomed(Point::new(200.0, 100.0), 4.0, IMAGE);
        let resized = view.resized(Size::new(300, 900), 1.0, IMAGE);
        let middle_of = |view: &View| view.canvas_from_image.inverse().apply(middle(view.canvas));
        assert!((middle_of(&view).x - middle_of(&resized).x).abs() < 1e-9);
        assert!((resized.canvas_from_image.scale * 2.0 - view.canvas_from_image.scale).abs() < 1e-12);
    }

    #[test]
    fn anchor_is_precise_far_from_the_origin() {
        let canvas_from_image = Transform { scale: 61.7, x: -61.7 * 60_000.25, y: -61.7 * 12.5 };
        let view = View { canvas: Size::new(1000, 1000), device_pixel_ratio: 1.0, canvas_from_image };
        let anchor = view.anchor();
        for column in 60_000..60_016 {
            let exact = (61.7_f64 * f64::from(column) + canvas_from_image.x).round() as i32;
            assert_eq!(anchor.edge_in_canvas(column, 0), exact);
        }
        assert_eq!((anchor.pixel_in_image(0, 0), anchor.pixel_in_image(0, 1)), (60_000, 12));
    }

    #[test]
    fn nan_and_infinity_show_the_whole_image() {
        let image = Size::new(640, 480);
        let (view, middle) = (fitted().zoomed(Point::new(10.0, 10.0), 3.0, image), Point::new(5.0, 5.0));
        let nowhere = Rect { x1: f64::NAN, y1: 0.0, x2: 1.0, y2: 1.0 };
        for (name, odd) in [
            ("factor", view.zoomed(middle, f64::NAN, image)),
            ("place", view.zoomed(Point::new(f64::NAN, 0.0), 2.0, image)),
            ("far", view.panned(f64::INFINITY, 0.0, image)),
            ("rectangle", view.fit_rect(nowhere, image)),
        ] {
            assert!(odd.check().is_ok(), "{name}: {odd:?}");
            let whole = View::fit(view.canvas, view.device_pixel_ratio, image);
            assert!(odd == whole || name == "rectangle", "{name}: {odd:?}");
        }
    }

    #[test]
    fn view_with_invalid_numbers_is_an_error() {
        let good = fitted();
        let with = |scale, x| View { canvas_from_image: Transform { scale, x, y: 0.0 }, ..good };
        assert!(good.check().is_ok());
        for bad in [
            with(0.0, 0.0),
            with(f64::NAN, 0.0),
            with(1.0, f64::INFINITY),
            View { device_pixel_ratio: 0.0, ..good },
        ] {
            assert!(matches!(bad.check(), Err(Error::View)));
        }
    }
}
