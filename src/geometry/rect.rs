//! Axis-aligned rectangles: on whole pixels, and in real numbers.

/// A rectangle of whole pixels: columns `x..x + width`, rows `y..y + height`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PixelRect {
    /// The leftmost column.
    pub x: u32,
    /// The topmost row.
    pub y: u32,
    /// Number of columns.
    pub width: u32,
    /// Number of rows.
    pub height: u32,
}

/// A rectangle given by two corners, x1 ≤ x2 and y1 ≤ y2 where it is well formed (y points down).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x1: f64,
    /// Top edge.
    pub y1: f64,
    /// Right edge.
    pub x2: f64,
    /// Bottom edge.
    pub y2: f64,
}

impl Rect {
    /// The rectangle between two opposite corners in any order.
    pub fn from_corners(a: [f64; 2], b: [f64; 2]) -> Self {
        Self { x1: a[0].min(b[0]), y1: a[1].min(b[1]), x2: a[0].max(b[0]), y2: a[1].max(b[1]) }
    }

    /// The rectangle of COCO's flat `[x, y, width, height]`.
    pub fn from_xywh([x, y, width, height]: [f64; 4]) -> Self {
        Self { x1: x, y1: y, x2: x + width, y2: y + height }
    }

    /// Horizontal extent; negative where the rectangle is malformed.
    pub fn width(&self) -> f64 {
        self.x2 - self.x1
    }

    /// Vertical extent; negative where the rectangle is malformed.
    pub fn height(&self) -> f64 {
        self.y2 - self.y1
    }
}

impl From<PixelRect> for Rect {
    fn from(rect: PixelRect) -> Self {
        Self::from_xywh([rect.x, rect.y, rect.width, rect.height].map(f64::from))
    }
}
