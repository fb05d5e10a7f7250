//! Maps image space to canvas space by a uniform scale and a translation.

use serde::{Deserialize, Serialize};

use super::Rect;

/// A position; the name of the variable tells the space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Point {
    /// Distance to the right of the origin.
    pub x: f64,
    /// Distance down from the origin.
    pub y: f64,
}

impl Point {
    /// Returns the point `(x, y)`.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

/// `p ↦ scale · p + (x, y)`. Named `target_from_source`, so that neighbouring names match in products.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// Units of the target per unit of the source; positive.
    pub scale: f64,
    /// x of the source's origin in the target.
    pub x: f64,
    /// y of the source's origin in the target.
    pub y: f64,
}

impl Default for Transform {
    fn default() -> Self {
        Self { scale: 1.0, x: 0.0, y: 0.0 }
    }
}

impl Transform {
    /// Maps a point of the source into the target.
    pub fn apply(&self, point: Point) -> Point {
        Point::new(self.scale.mul_add(point.x, self.x), self.scale.mul_add(point.y, self.y))
    }

    /// Maps a rectangle of the source into the target.
    pub fn apply_rect(&self, rect: Rect) -> Rect {
        let (a, b) = (self.apply(Point::new(rect.x1, rect.y1)), self.apply(Point::new(rect.x2, rect.y2)));
        Rect { x1: a.x, y1: a.y, x2: b.x, y2: b.y }
    }

    /// Returns the transform from the target to the source.
    #[must_use]
    pub fn inverse(&self) -> Self {
        Self { scale: 1.0 / self.scale, x: -self.x / self.scale, y: -self.y / self.scale }
    }

    /// Scales by `factor` about the target's point `fixed`, which keeps showing the same source point.
    #[must_use]
    pub fn zoomed_about(&self, fixed: Point, factor: f64) -> Self {
        Self {
            scale: self.scale * factor,
            x: fixed.x + (self.x - fixed.x) * factor,
            y: fixed.y + (self.y - fixed.y) * factor,
        }
    }

    /// Moves the source by `(dx, dy)` in units of the target.
    #[must_use]
    pub fn panned(&self, dx: f64, dy: f64) -> Self {
        Self { x: self.x + dx, y: self.y + dy, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_maps_back_to_the_source_point() {
        let canvas_from_image = Transform { scale: 2.5, x: -30.0, y: 8.0 };
        let point_in_image = Point::new(12.0, -7.5);
        let back = canvas_from_image.inverse().apply(canvas_from_image.apply(point_in_image));
        assert!((back.x - point_in_image.x).abs() < 1e-12 && (back.y - point_in_image.y).abs() < 1e-12);
    }

    #[test]
    fn zoom_keeps_the_source_point_under_the_fixed_point() {
        let canvas_from_image = Transform { scale: 0.5, x: 100.0, y: 40.0 };
        let fixed_in_canvas = Point::new(310.0, 200.0);
        let zoomed = canvas_from_image.zoomed_about(fixed_in_canvas, 3.0);
        let seen = canvas_from_image.inverse().apply(fixed_in_canvas);
        let after = zoomed.apply(seen);
        assert!((after.x - 310.0).abs() < 1e-9 && (after.y - 200.0).abs() < 1e-9);
        assert!((zoomed.scale - 1.5).abs() < 1e-12);
    }
}
