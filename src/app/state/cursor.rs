//! The keyboard's crosshair, and boxes that are being drawn by keyboard or pointer.

/// The crosshair and the box being drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor {
    /// The crosshair in the image; `None` until a key shows it.
    pub at: Option<[f64; 2]>,
    /// The first corner, in the image, of a box drawn by keyboard.
    pub corner: Option<[f64; 2]>,
    /// Two opposite corners, in CSS pixels of the canvas, of a box drawn by the pointer.
    pub dragged: Option<[[f64; 2]; 2]>,
}
