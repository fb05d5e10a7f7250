//! Lines of whole device pixels: outlines and boxes at a width that no zoom changes.

use super::style::Look;
use super::view::Anchor;
use crate::geometry::Rect;

/// The two strokes of a line, in the order they are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stroke {
    /// The dark stroke below, wider by the casing on each side, so that the line shows on any image.
    Casing,
    /// The stroke in colour.
    Core,
}

impl Stroke {
    pub(super) const IN_ORDER: [Self; 2] = [Self::Casing, Self::Core];

    /// The packed colour; 0 where the stroke is not drawn.
    pub(super) fn color(self, look: Look) -> u32 {
        match self {
            Self::Casing => look.casing,
            Self::Core => look.line,
        }
    }

    /// The device pixels `[left, top, right, bottom)` of this stroke of the straight line between two edges.
    ///
    /// Both ends reach out by the line's half width, so the strokes of joined segments fill their corner.
    pub(super) fn cover(self, [x1, y1, x2, y2]: [i32; 4], width: i32, look: Look) -> [i32; 4] {
        let casing = if self == Self::Casing { look.casing_width() } else { 0 };
        let (before, after) = ((width + 1) / 2 + casing, width / 2 + casing);
        [x1 - before, y1 - before, x2 + after, y2 + after]
    }
}

/// The four sides of a box as lines between device pixel edges.
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
