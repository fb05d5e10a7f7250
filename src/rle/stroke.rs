//! Rasterises the stroke of a round brush between two points.

use super::builder::append_run;
use super::limits::checked_pixels;
use super::{Error, Mask, invalid_coordinate};
use crate::geometry::Size;

impl Mask {
    /// Returns the pixels whose middle is at most `radius` away from the segment between two points, all
    /// in image space. A stroke is convex, so each column holds at most one stretch of it.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let stroke = Mask::from_stroke(Size::new(6, 3), [1.5, 1.5], [3.5, 1.5], 0.5)?;
    /// assert_eq!(stroke.boundaries(), [4, 5, 7, 8, 10, 11]);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn from_stroke(size: Size, from: [f64; 2], to: [f64; 2], radius: f64) -> Result<Self, Error> {
        checked_pixels(size)?;
        if let Some(at) = invalid_coordinate(&[from[0], from[1], to[0], to[1], radius]) {
            return Err(Error::Coordinate { polygon: 0, at });
        }
        let stroke = Stroke::new(from, to, radius.max(0.0));
        let mut boundaries = Vec::new();
        for x in pixels_between(stroke.left(), stroke.right(), size.width) {
            let Some([top, bottom]) = stroke.rows_at(f64::from(x) + 0.5) else { continue };
            let rows = pixels_between(top, bottom, size.height);
            if !rows.is_empty() {
                let column = x * size.height;
                append_run(&mut boundaries, column + rows.start, column + rows.end);
            }
        }
        Ok(Self::from_sorted(size, boundaries))
    }
}

/// Returns the pixels of a row or column of `length` whose middles lie between two coordinates.
fn pixels_between(low: f64, high: f64, length: u32) -> std::ops::Range<u32> {
    let within = |pixel: f64| pixel.clamp(0.0, f64::from(length)) as u32;
    within((low - 0.5).ceil())..within((high - 0.5).floor() + 1.0)
}

/// A segment and the radius around it.
struct Stroke {
    from: [f64; 2],
    to: [f64; 2],
    radius: f64,
    length: f64,
}

impl Stroke {
    fn new(from: [f64; 2], to: [f64; 2], radius: f64) -> Self {
        Self { from, to, radius, length: (to[0] - from[0]).hypot(to[1] - from[1]) }
    }

    fn left(&self) -> f64 {
        self.from[0].min(self.to[0]) - self.radius
    }

    fn right(&self) -> f64 {
        self.from[0].max(self.to[0]) + self.radius
    }

    /// Returns the topmost and the lowest point of the stroke on a vertical line.
    fn rows_at(&self, x: f64) -> Option<[f64; 2]> {
        let parts = [self.disc_at(self.from, x), self.disc_at(self.to, x), self.band_at(x)];
        parts.into_iter().flatten().reduce(|a, b| [a[0].min(b[0]), a[1].max(b[1])])
    }

    fn disc_at(&self, [center_x, center_y]: [f64; 2], x: f64) -> Option<[f64; 2]> {
        let square = self.radius.powi(2) - (x - center_x).powi(2);
        (square >= 0.0).then(|| [center_y - square.sqrt(), center_y + square.sqrt()])
    }

    /// Returns the part of the rectangle between the two discs on a vertical line.
    fn band_at(&self, x: f64) -> Option<[f64; 2]> {
        if self.length == 0.0 {
            return None;
        }
        let [ux, uy] = [0, 1].map(|axis| (self.to[axis] - self.from[axis]) / self.length);
        let dx = x - self.from[0];
        // How far along the segment and how far beside it, as linear functions of the row.
        let along = between(dx * ux, uy, [0.0, self.length])?;
        let beside = between(-dx * uy, ux, [-self.radius, self.radius])?;
        let rows = [along[0].max(beside[0]), along[1].min(beside[1])];
        (rows[0] <= rows[1]).then(|| rows.map(|row| self.from[1] + row))
    }
}

/// Returns the `y` for which `offset + slope * y` lies in a range.
fn between(offset: f64, slope: f64, [low, high]: [f64; 2]) -> Option<[f64; 2]> {
    if slope == 0.0 {
        return (low <= offset && offset <= high).then_some([f64::NEG_INFINITY, f64::INFINITY]);
    }
    let ends = [(low - offset) / slope, (high - offset) / slope];
    Some([ends[0].min(ends[1]), ends[0].max(ends[1])])
}
