//! The width and height of an image or mask, in pixels.

/// Width and height in pixels; either may be zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Size {
    /// Number of pixel columns.
    pub width: u32,
    /// Number of pixel rows.
    pub height: u32,
}

impl Size {
    /// Returns the size `width` × `height`; COCO writes `"size": [height, width]`.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Returns the number of pixels; never overflows.
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Returns the size with width and height exchanged.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self { width: self.height, height: self.width }
    }

    /// Returns the longer of the two sides.
    pub fn longest_side(self) -> u32 {
        self.width.max(self.height)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}
