//! The keyboard's crosshair, and boxes and strokes that are being drawn by keyboard or pointer.

/// The crosshair and the box being drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor {
    /// The crosshair in the image; `None` until a key shows it.
    pub at: Option<[f64; 2]>,
    /// The first corner, in the image, of a box drawn by keyboard.
    pub corner: Option<[f64; 2]>,
    /// Two opposite corners, in CSS pixels of the canvas, of a box drawn by the pointer.
    pub dragged: Option<[[f64; 2]; 2]>,
    /// The pointer, in CSS pixels of the canvas, while the brush or the eraser is active.
    pub brush: Option<[f64; 2]>,
}
