//! The keyboard's crosshair, and boxes that are being drawn by keyboard or pointer.

/// The crosshair and the box being drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cursor {
    pub(super) at: Option<[f64; 2]>,
    pub(super) corner: Option<[f64; 2]>,
    pub(super) dragged: Option<[[f64; 2]; 2]>,
}

impl Cursor {
    /// Returns the crosshair in the image; `None` until a key shows it.
    pub fn at(&self) -> Option<[f64; 2]> {
        self.at
    }

    /// Returns the first corner, in the image, of a box drawn by keyboard.
    pub fn corner(&self) -> Option<[f64; 2]> {
        self.corner
    }

    /// Returns two opposite corners, in CSS pixels of the canvas, of a box drawn by the pointer.
    pub fn dragged(&self) -> Option<[[f64; 2]; 2]> {
        self.dragged
    }
}
