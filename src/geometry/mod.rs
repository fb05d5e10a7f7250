//! Sizes, points, rectangles and the one transform of the viewer, in named spaces.
//!
//! *Image space* has its origin at the image's top-left corner, x to the right, y down, one unit a
//! pixel; pixel `(x, y)` covers `[x, x + 1) × [y, y + 1)`. *Canvas space* is the same in device
//! pixels of the canvas.

mod orientation;
mod rect;
mod size;
mod transform;

pub use orientation::Orientation;
pub use rect::{PixelRect, Rect};
pub use size::Size;
pub use transform::{Point, Transform};
