//! Transposes, mirrors and turns masks, and moves them to a frame of another size, without a bitmap.

use super::builder::append_run;
use super::limits::{MAX_RUNS, checked_pixels, within};
use super::pieces::Pieces;
use super::{Error, Mask};
use crate::geometry::{Orientation, Size};

impl Mask {
    /// Returns the mask with x and y exchanged: pixel `(x, y)` becomes `(y, x)`.
    ///
    /// Fails where the result has more than `max_runs` runs, which may be as many as the rows of the mask
    /// for each run: check before use on a mask from outside.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let mask = Mask::from_boundaries(Size::new(2, 3), vec![1, 4])?;
    /// assert_eq!(mask.transposed(9)?, Mask::from_boundaries(Size::new(3, 2), vec![1, 3, 4, 5])?);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn transposed(&self, max_runs: u64) -> Result<Self, Error> {
        let Size { width, height } = self.size();
        let pieces = Pieces::new(self).0;
        let runs = pieces.iter().map(|piece| u64::from(piece.rows.end - piece.rows.start)).sum();
        within("runs of a transposed mask", max_runs.min(MAX_RUNS), runs)?;
        let mut starts: Vec<(u32, u32)> = Vec::with_capacity(runs as usize);
        for piece in pieces {
            let length = piece.columns.end - piece.columns.start;
            starts.extend(piece.rows.map(|y| (y * width + piece.columns.start, length)));
        }
        starts.sort_unstable();
        let mut boundaries = Vec::with_capacity(2 * starts.len());
        for (start, length) in starts {
            append_run(&mut boundaries, start, start + length);
        }
        Ok(Self::from_sorted(Size::new(height, width), boundaries))
    }

    /// Returns the mask as it lies on an image that is displayed in this orientation; this mask lies on the
    /// image as stored. Fails where the result has more than [`MAX_RUNS`] runs.
    pub fn oriented(&self, orientation: Orientation) -> Result<Self, Error> {
        let transposed = if orientation.swaps_sides() { self.transposed(MAX_RUNS)? } else { self.clone() };
        Ok(match orientation {
            Orientation::Stored | Orientation::Transpose => transposed,
            Orientation::MirrorX | Orientation::Rotate90 => transposed.mirrored(),
            Orientation::Rotate180 | Orientation::Transverse => transposed.half_turned(),
            Orientation::MirrorY | Orientation::Rotate270 => transposed.mirrored().half_turned(),
        })
    }

    /// Returns the mask in a frame of another size with the same top-left corner; pixels outside are left
    /// out. Fails where the size has more than 2³² - 1 pixels.
    pub fn in_frame(&self, size: Size) -> Result<Self, Error> {
        checked_pixels(size)?;
        if size == self.size() {
            return Ok(self.clone());
        }
        let mut boundaries = Vec::with_capacity(self.boundaries().len());
        for piece in Pieces::new(self).0 {
            let (start, end) = (piece.columns.start.min(size.width), piece.columns.end.min(size.width));
            let (top, bottom) = (piece.rows.start.min(size.height), piece.rows.end.min(size.height));
            if top == bottom {
                continue;
            }
            if top == 0 && bottom == size.height && start < end {
                append_run(&mut boundaries, start * size.height, end * size.height);
                continue;
            }
            within("runs of a mask", MAX_RUNS, boundaries.len() as u64 + 2 * u64::from(end - start))?;
            for x in start..end {
                append_run(&mut boundaries, x * size.height + top, x * size.height + bottom);
            }
        }
        Ok(Self::from_sorted(size, boundaries))
    }

    /// Exchanges left and right.
    fn mirrored(&self) -> Self {
        let Size { width, height } = self.size();
        let mut runs: Vec<(u32, u32)> = Vec::with_capacity(self.runs().len());
        for piece in Pieces::new(self).0 {
            let start = (width - piece.columns.end) * height + piece.rows.start;
            // A piece of several columns has all their rows.
            let pixels = (piece.columns.end - piece.columns.start) * (piece.rows.end - piece.rows.start);
            runs.push((start, pixels));
        }
        runs.sort_unstable();
        let mut boundaries = Vec::with_capacity(2 * runs.len());
        for (start, pixels) in runs {
            append_run(&mut boundaries, start, start + pixels);
        }
        Self::from_sorted(self.size(), boundaries)
    }

    /// Turns by 180 degrees.
    fn half_turned(&self) -> Self {
        let pixels = self.size().pixels() as u32;
        let boundaries = self.boundaries().iter().rev().map(|boundary| pixels - boundary).collect();
        Self::from_sorted(self.size(), boundaries)
    }
}
