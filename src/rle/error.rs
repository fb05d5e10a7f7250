//! Errors of encoded masks, sorted by fault.

use crate::geometry::Size;

/// A mask that cannot be read or combined. Positions count bytes of a string or elements of a list from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Malformed input: the compressed string holds a byte outside `'0'..='o'` (maskApi's alphabet of 64).
    #[error("byte {at} is {found:#04x}, not one of COCO's characters '0'..'o'")]
    Character {
        /// Position of the byte in the string.
        at: usize,
        /// Value of the byte.
        found: u8,
    },
    /// Malformed input: the compressed string ends within a number.
    #[error("the string ends within the number that begins at byte {at}")]
    Truncated {
        /// Position of the number's first byte.
        at: usize,
    },
    /// Malformed input: a number has more characters than any difference of two 32-bit lengths needs.
    #[error("the number that begins at byte {at} has more than 7 characters")]
    LongNumber {
        /// Position of the number's first byte.
        at: usize,
    },
    /// Malformed input: a run's length is negative or does not fit 32 bits.
    #[error("run {at} has the length {length}, outside 0..=4294967295")]
    RunLength {
        /// Index of the run.
        at: usize,
        /// Length read.
        length: i64,
    },
    /// Malformed input or a wrong size: the runs do not cover the size exactly.
    #[error("the runs up to {at} cover {actual} pixels, but the mask has {expected}")]
    Coverage {
        /// Index of the run that passed the last pixel, or the number of runs where they cover too little.
        at: usize,
        /// Number of pixels of the size.
        expected: u64,
        /// Sum of the runs up to and including run `at`.
        actual: u64,
    },
    /// Malformed input: boundaries are not strictly increasing, not in pairs, or pass the last pixel.
    #[error("boundary {at} is out of order or outside the mask")]
    Boundary {
        /// Index of the boundary.
        at: usize,
    },
    /// Malformed input: a polygon is not a list of at least three points, x and y in turn.
    #[error(
        "polygon {at} has {numbers} numbers; x and y of at least three points are an even number from 6 up"
    )]
    PolygonLength {
        /// Index of the polygon.
        at: usize,
        /// Number of its coordinates.
        numbers: usize,
    },
    /// Malformed input: a coordinate is not finite or is farther from 0 than
    /// [`MAX_COORDINATE`](super::MAX_COORDINATE).
    #[error("coordinate {at} of polygon {polygon} is not a number within ±268435456")]
    Coordinate {
        /// Index of the polygon.
        polygon: usize,
        /// Index of the coordinate in the polygon.
        at: usize,
    },
    /// Wrong argument: a bitmap's length is not the number of pixels of its size.
    #[error("a bitmap of {size} needs {expected} bytes, not {actual}", expected = size.pixels())]
    BitmapLength {
        /// Size of the bitmap.
        size: Size,
        /// Number of bytes given.
        actual: usize,
    },
    /// Wrong argument: masks of different sizes cannot be combined.
    #[error("the masks have different sizes, {left} and {right}")]
    SizeMismatch {
        /// Size of the first mask.
        left: Size,
        /// Size of the second mask.
        right: Size,
    },
    /// A value is over a stated limit; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// Name of the limited quantity.
        what: &'static str,
        /// Maximum allowed.
        limit: u64,
        /// Value requested.
        actual: u64,
    },
}

impl Error {
    /// Returns the variant's name for programs; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Character { .. } => "character",
            Self::Truncated { .. } => "truncated",
            Self::LongNumber { .. } => "long-number",
            Self::RunLength { .. } => "run-length",
            Self::Coverage { .. } => "coverage",
            Self::Boundary { .. } => "boundary",
            Self::PolygonLength { .. } => "polygon-length",
            Self::Coordinate { .. } => "coordinate",
            Self::BitmapLength { .. } => "bitmap-length",
            Self::SizeMismatch { .. } => "size-mismatch",
            Self::Limit { .. } => "limit",
        }
    }

    /// Returns the position of the byte or element at fault; `None` where the error has no position.
    pub fn at(&self) -> Option<usize> {
        match *self {
            Self::Character { at, .. }
            | Self::Truncated { at }
            | Self::LongNumber { at }
            | Self::RunLength { at, .. }
            | Self::Coverage { at, .. }
            | Self::Boundary { at }
            | Self::PolygonLength { at, .. }
            | Self::Coordinate { at, .. } => Some(at),
            Self::BitmapLength { .. } | Self::SizeMismatch { .. } | Self::Limit { .. } => None,
        }
    }
}
