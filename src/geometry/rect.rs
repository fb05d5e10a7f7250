//! Axis-aligned rectangles: on whole pixels, and in real numbers.

use serde::{Deserialize, Serialize};

use super::Size;

/// A rectangle of whole pixels: columns `x..x + width`, rows `y..y + height`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PixelRect {
    /// Index of the first column.
    pub x: u32,
    /// Index of the first row.
    pub y: u32,
    /// Number of pixel columns.
    pub width: u32,
    /// Number of pixel rows.
    pub height: u32,
}

/// A rectangle between two corners in real numbers; well formed where x1 ≤ x2 and y1 ≤ y2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(target_arch = "wasm32", derive(tsify::Tsify))]
pub struct Rect {
    /// Left edge, in the units of the space.
    pub x1: f64,
    /// Top edge; y grows downward.
    pub y1: f64,
    /// Right edge; at least `x1`.
    pub x2: f64,
    /// Bottom edge; at least `y1`.
    pub y2: f64,
}

impl Rect {
    /// Returns the rectangle between two opposite corners, given in any order.
    pub fn from_corners(a: [f64; 2], b: [f64; 2]) -> Self {
        Self { x1: a[0].min(b[0]), y1: a[1].min(b[1]), x2: a[0].max(b[0]), y2: a[1].max(b[1]) }
    }

    /// Converts COCO's flat `[x, y, width, height]`.
    pub fn from_xywh([x, y, width, height]: [f64; 4]) -> Self {
        Self { x1: x, y1: y, x2: x + width, y2: y + height }
    }

    /// Returns the horizontal extent; negative where the rectangle is malformed.
    pub fn width(&self) -> f64 {
        self.x2 - self.x1
    }

    /// Returns the vertical extent; negative where the rectangle is malformed.
    pub fn height(&self) -> f64 {
        self.y2 - self.y1
    }
}

impl From<Size> for Rect {
    /// Returns the rectangle of a whole image.
    fn from(Size { width, height }: Size) -> Self {
        Self { x1: 0.0, y1: 0.0, x2: f64::from(width), y2: f64::from(height) }
    }
}

impl From<PixelRect> for Rect {
    fn from(rect: PixelRect) -> Self {
        Self::from_xywh([rect.x, rect.y, rect.width, rect.height].map(f64::from))
    }
}
