//! Lines of outlines and boxes in whole device pixels, whose width does not change with the zoom.

use super::style::Paint;
use super::view::Anchor;
use crate::geometry::Rect;

/// One of the two strokes of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    /// The dark stroke below, wider by the casing on each side, so that the line is visible on any image.
    Casing,
    /// The colored stroke above.
    Core,
}

impl Stroke {
    pub(super) const IN_ORDER: [Self; 2] = [Self::Casing, Self::Core];

    /// Returns the packed colour; 0 where the stroke is not drawn.
    pub(super) fn color(self, paint: Paint) -> u32 {
        match self {
            Self::Casing => paint.casing,
            Self::Core => paint.line,
        }
    }

    /// Returns the device pixels `[left, top, right, bottom)` of this stroke of a line.
    ///
    /// Both ends extend by half the line's width, so the strokes of joined segments fill their corner.
    pub(super) fn cover(self, [x1, y1, x2, y2]: [i32; 4], width: i32, paint: Paint) -> [i32; 4] {
        let casing = if self == Self::Casing { paint.casing_width() } else { 0 };
        let (before, after) = ((width + 1) / 2 + casing, width / 2 + casing);
        [x1 - before, y1 - before, x2 + after, y2 + after]
    }
}

/// Returns the four sides of a box as lines between device pixel edges.
pub(super) fn sides_of(rect: &Rect, anchor: &Anchor) -> [[i32; 4]; 4] {
    let edge = |value: f64, axis| anchor.real_edge_in_canvas(value as f32, axis);
    let (left, top, right, bottom) = (edge(rect.x1, 0), edge(rect.y1, 1), edge(rect.x2, 0), edge(rect.y2, 1));
    [
        [left, top, right, top],
        [left, bottom, right, bottom],
        [left, top, left, bottom],
        [right, top, right, bottom],
    ]
}
