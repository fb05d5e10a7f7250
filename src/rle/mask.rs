//! The mask: its size and the sorted indices at which its value changes.

use std::ops::Range;

use super::Error;
use super::limits::checked_pixels;
use crate::geometry::{PixelRect, Size};

/// A binary mask as column-major run boundaries.
///
/// The boundaries are the indices at which the value changes; pixel `(x, y)` has the index
/// `x * height + y`. They are an even number of them, strictly increasing, the last at most `size.pixels()`;
/// pairs `[start, end)` are the runs of ones. So equal masks have equal boundaries.
///
/// ```
/// use masklink::{geometry::{PixelRect, Size}, rle::Mask};
///
/// // {"size": [4, 6], "counts": "5220;"} of a COCO file: the size is written [height, width].
/// let mask = Mask::from_compressed(Size::new(6, 4), "5220;")?;
/// assert_eq!(mask.area(), 4);
/// assert_eq!(mask.bbox(), Some(PixelRect { x: 1, y: 1, width: 2, height: 2 }));
/// assert!(mask.contains(1, 2) && !mask.contains(0, 0));
/// assert_eq!(mask.to_compressed(), "5220;");
/// # Ok::<(), masklink::rle::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mask {
    size: Size,
    boundaries: Vec<u32>,
}

impl Mask {
    /// Returns the mask without a pixel set. Fails where `size` has more than 2³² - 1 pixels.
    pub fn empty(size: Size) -> Result<Self, Error> {
        Self::from_boundaries(size, Vec::new())
    }

    /// Checks run boundaries, which must be strictly increasing, in pairs and inside `size`.
    pub fn from_boundaries(size: Size, boundaries: Vec<u32>) -> Result<Self, Error> {
        let pixels = checked_pixels(size)?;
        let disorder = boundaries.windows(2).position(|pair| pair[0] >= pair[1]).map(|at| at + 1);
        let outside = boundaries.last().filter(|&&last| last > pixels).map(|_| boundaries.len() - 1);
        let unpaired = (!boundaries.len().is_multiple_of(2)).then(|| boundaries.len() - 1);
        match disorder.or(outside).or(unpaired) {
            Some(at) => Err(Error::Boundary { at }),
            None => Ok(Self { size, boundaries }),
        }
    }

    /// Wraps boundaries that are known to satisfy the invariant.
    pub(super) fn from_sorted(size: Size, boundaries: Vec<u32>) -> Self {
        debug_assert!(boundaries.len().is_multiple_of(2) && boundaries.is_sorted_by(|a, b| a < b));
        debug_assert!(boundaries.last().is_none_or(|&last| u64::from(last) <= size.pixels()));
        Self { size, boundaries }
    }

    /// Returns width and height in pixels.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the column-major indices at which the value changes, first to one, then to zero, and so on.
    pub fn boundaries(&self) -> &[u32] {
        &self.boundaries
    }

    /// Returns the runs of ones as ranges of column-major pixel indices, in order.
    pub fn runs(&self) -> impl ExactSizeIterator<Item = Range<u32>> + DoubleEndedIterator + '_ {
        self.boundaries.chunks_exact(2).map(|pair| pair[0]..pair[1])
    }

    /// Returns `true` if no pixel is set.
    pub fn is_empty(&self) -> bool {
        self.boundaries.is_empty()
    }

    /// Returns the number of pixels set.
    pub fn area(&self) -> u64 {
        self.runs().map(|run| u64::from(run.end - run.start)).sum()
    }

    /// Returns the smallest rectangle around all pixels set; `None` for an empty mask, for which maskApi's
    /// `rleToBbox` gives zeros.
    pub fn bbox(&self) -> Option<PixelRect> {
        let height = self.size.height;
        let (first, last) = (self.boundaries.first()?, self.boundaries.last()?);
        let (left, right) = (first / height, (last - 1) / height);
        let (mut top, mut bottom) = (height - 1, 0);
        for run in self.runs() {
            let (start, last) = (run.start, run.end - 1);
            if start / height == last / height {
                top = top.min(start % height);
                bottom = bottom.max(last % height);
            } else {
                // A run that continues in the next column covers the bottom of one column and the top of
                // the other.
                (top, bottom) = (0, height - 1);
                break;
            }
        }
        Some(PixelRect { x: left, y: top, width: right - left + 1, height: bottom - top + 1 })
    }

    /// Returns `true` if pixel `(x, y)` is set, by a binary search; `false` outside the mask.
    pub fn contains(&self, x: u32, y: u32) -> bool {
        if x >= self.size.width || y >= self.size.height {
            return false;
        }
        let index = x * self.size.height + y;
        self.boundaries.partition_point(|&boundary| boundary <= index) % 2 == 1
    }
}
