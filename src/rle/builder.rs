//! Builds a mask from run lengths or run ends in order.

use super::limits::{MAX_RUNS, checked_pixels, within};
use super::{Error, Mask};
use crate::geometry::Size;

/// A mask under construction: the boundaries so far, and the number of pixels that the runs cover.
///
/// After each run the parity of `boundaries` is that of the number of runs, also around empty runs: two
/// equal boundaries cancel each other.
pub(super) struct Builder {
    size: Size,
    pixels: u32,
    boundaries: Vec<u32>,
    position: u32,
    runs: usize,
}

impl Builder {
    /// Reserves memory for `runs` runs; fails where the size or the number of runs is over its limit.
    pub(super) fn new(size: Size, runs: usize) -> Result<Self, Error> {
        let pixels = checked_pixels(size)?;
        within("runs of a mask", MAX_RUNS, runs as u64)?;
        // One more: the last run of ones may need an end of its own.
        Ok(Self { size, pixels, boundaries: Vec::with_capacity(runs + 1), position: 0, runs: 0 })
    }

    /// Returns the number of runs so far.
    pub(super) fn runs(&self) -> usize {
        self.runs
    }

    /// Adds the next run; the first is of zeros, and they alternate.
    pub(super) fn push_run(&mut self, length: u32) -> Result<(), Error> {
        let actual = u64::from(self.position) + u64::from(length);
        if actual > u64::from(self.pixels) {
            return Err(Error::Coverage { at: self.runs, expected: self.size.pixels(), actual });
        }
        self.position = actual as u32;
        self.runs += 1;
        toggle(&mut self.boundaries, self.position);
        Ok(())
    }

    /// Adds `runs` runs of at least one pixel each. `write` gets the position so far, writes the ends of
    /// the runs and returns the last one, or `None` where a run is empty. Returns `None` then, and where
    /// the runs pass the last pixel.
    #[inline]
    pub(super) fn push_ends(
        &mut self,
        runs: usize,
        write: impl FnOnce(i64, &mut [u32]) -> Option<i64>,
    ) -> Option<()> {
        let start = self.boundaries.len();
        self.boundaries.resize(start + runs, 0);
        let position = write(i64::from(self.position), &mut self.boundaries[start..])?;
        self.position = u32::try_from(position).ok().filter(|&position| position <= self.pixels)?;
        self.runs += runs;
        Some(())
    }

    /// Returns the mask; fails where the runs do not cover all its pixels.
    pub(super) fn finish(mut self) -> Result<Mask, Error> {
        if self.position != self.pixels {
            let (expected, actual) = (self.size.pixels(), u64::from(self.position));
            return Err(Error::Coverage { at: self.runs, expected, actual });
        }
        close(&mut self.boundaries, self.pixels);
        Ok(Mask::from_sorted(self.size, self.boundaries))
    }
}

/// Adds a boundary at or after the last one; two equal boundaries cancel each other.
#[inline]
pub(super) fn toggle(boundaries: &mut Vec<u32>, boundary: u32) {
    if boundaries.last() == Some(&boundary) {
        boundaries.pop();
    } else {
        boundaries.push(boundary);
    }
}

/// Ends a run of ones that is still open at the last pixel.
pub(super) fn close(boundaries: &mut Vec<u32>, pixels: u32) {
    if boundaries.len() % 2 == 1 {
        toggle(boundaries, pixels);
    }
}

/// Adds the run `start..end` of ones, which begins at or after the end of the last one; joins the two
/// where they meet.
pub(super) fn append_run(boundaries: &mut Vec<u32>, start: u32, end: u32) {
    toggle(boundaries, start);
    boundaries.push(end);
}
