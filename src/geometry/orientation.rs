//! The orientation that an image file states: how its pixels are turned for display.

use super::{Rect, Size};

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

    /// Returns the orientation's number in EXIF, 1 to 8.
    pub fn to_exif(self) -> u8 {
        self as u8 + 1
    }

    /// Returns whether width and height are exchanged.
    pub fn swaps_sides(self) -> bool {
        matches!(self, Self::Transpose | Self::Rotate90 | Self::Transverse | Self::Rotate270)
    }

    /// Returns where a rectangle of an image that is stored in this size lies on the displayed image.
    pub fn of_rect(self, rect: Rect, stored: Size) -> Rect {
        let Rect { x1, y1, x2, y2 } = rect;
        let transposed = if self.swaps_sides() { Rect { x1: y1, y1: x1, x2: y2, y2: x2 } } else { rect };
        let (mirrors_x, mirrors_y) = match self {
            Self::Stored | Self::Transpose => (false, false),
            Self::MirrorX | Self::Rotate90 => (true, false),
            Self::Rotate180 | Self::Transverse => (true, true),
            Self::MirrorY | Self::Rotate270 => (false, true),
        };
        let size = self.of_size(stored);
        let mirrored = |[from, to]: [f64; 2], side: u32, mirrors: bool| {
            if mirrors { [f64::from(side) - to, f64::from(side) - from] } else { [from, to] }
        };
        let [x1, x2] = mirrored([transposed.x1, transposed.x2], size.width, mirrors_x);
        let [y1, y2] = mirrored([transposed.y1, transposed.y2], size.height, mirrors_y);
        Rect { x1, y1, x2, y2 }
    }

    /// Returns the displayed size of an image stored in this size, and the reverse.
    pub fn of_size(self, size: Size) -> Size {
        if self.swaps_sides() { size.swapped() } else { size }
    }
}
