//! What can be wrong with an encoded mask, by whose fault.

use crate::geometry::Size;

/// Why a mask could not be read or combined. Positions count bytes of a string or elements of a list from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The compressed string holds a byte outside `'0'..='o'` (maskApi's alphabet of 64).
    #[error("byte {at} is {found:#04x}, not one of COCO's characters '0'..'o'")]
    Character {
        /// Position in the string.
        at: usize,
        /// The byte found.
        found: u8,
    },
    /// The compressed string ends within a number.
    #[error("the string ends within the number that begins at byte {at}")]
    Truncated {
        /// Where the unfinished number begins.
        at: usize,
    },
    /// A number of the compressed string has more characters than any difference of two 32-bit lengths needs.
    #[error("the number that begins at byte {at} has more than 7 characters")]
    LongNumber {
        /// Where the number begins.
        at: usize,
    },
    /// A run's length is negative or does not fit 32 bits.
    #[error("run {at} has the length {length}, outside 0..=4294967295")]
    RunLength {
        /// Which run.
        at: usize,
        /// The length read.
        length: i64,
    },
    /// The runs do not add up to the size.
    #[error("the runs up to {at} cover {actual} pixels, the size has {expected}")]
    Coverage {
        /// Which run: the one that passed the end, or the number of runs where they stop short of it.
        at: usize,
        /// `height * width`.
        expected: u64,
        /// Sum of the runs, up to and including the one that passed the end.
        actual: u64,
    },
    /// Boundaries are not strictly increasing, not in pairs, or pass the last pixel.
    #[error("boundary {at} is out of order or outside the mask")]
    Boundary {
        /// Which boundary.
        at: usize,
    },
    /// A polygon is not a list of at least three points, x and y in turn.
    #[error(
        "polygon {at} has {numbers} numbers; x and y of at least three points are an even number from 6 up"
    )]
    PolygonLength {
        /// Which polygon.
        at: usize,
        /// The numbers it has.
        numbers: usize,
    },
    /// A polygon's coordinate is not finite or is further from 0 than any image is large.
    #[error("coordinate {at} of polygon {polygon} is not a number within ±268435456")]
    Coordinate {
        /// Which polygon.
        polygon: usize,
        /// Which of its numbers.
        at: usize,
    },
    /// A bitmap's length is not that of its size.
    #[error("a bitmap of {size} needs {expected} bytes, not {actual}", expected = size.pixels())]
    BitmapLength {
        /// The size given.
        size: Size,
        /// The bytes given.
        actual: usize,
    },
    /// Two masks of different sizes cannot be combined.
    #[error("the masks have different sizes, {left} and {right}")]
    SizeMismatch {
        /// The first mask's.
        left: Size,
        /// The second mask's.
        right: Size,
    },
    /// A stated limit would be passed; nothing was allocated.
    #[error("{what}: {actual} is over the limit of {limit}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The most that is taken.
        limit: u64,
        /// What was asked for.
        actual: u64,
    },
}

impl Error {
    /// The name of the variant for machines; it stays as it is.
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

    /// The byte of the string or the element of the list at fault, where one is.
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
