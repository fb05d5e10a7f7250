//! The orientation that an image file states: how its pixels are turned for display.

use super::Size;

/// An orientation of EXIF, by the operation from the stored to the displayed image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Orientation {
    /// 1: displayed as stored.
    #[default]
    Stored,
    /// 2: left and right are exchanged.
    MirrorX,
    /// 3: turned by 180 degrees.
    Rotate180,
    /// 4: top and bottom are exchanged.
    MirrorY,
    /// 5: x and y are exchanged.
    Transpose,
    /// 6: turned clockwise by 90 degrees.
    Rotate90,
    /// 7: x and y are exchanged, and then it is turned by 180 degrees.
    Transverse,
    /// 8: turned clockwise by 270 degrees.
    Rotate270,
}

impl Orientation {
    /// Returns the orientation with this number in EXIF; [`Stored`](Self::Stored) for other numbers.
    pub fn from_exif(number: u8) -> Self {
        match number {
            2 => Self::MirrorX,
            3 => Self::Rotate180,
            4 => Self::MirrorY,
            5 => Self::Transpose,
            6 => Self::Rotate90,
            7 => Self::Transverse,
            8 => Self::Rotate270,
            _ => Self::Stored,
        }
    }

    /// Returns whether width and height are exchanged.
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }

    /// Returns the displayed size of an image stored in this size, and the reverse.
    pub fn of_size(self, size: Size) -> Size {
        if self.swaps_sides() { size.swapped() } else { size }
    }
}
