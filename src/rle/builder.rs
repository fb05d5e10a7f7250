//! Puts a mask together from run lengths in order, or from its boundaries in order.

use super::limits::{MAX_RUNS, checked_pixels, within};
use super::{Error, Mask};
use crate::geometry::Size;

/// A mask in the making: the boundaries so far, and the pixels that the runs so far cover.
///
/// After each run the parity of `boundaries` is that of the number of runs, also around runs of no
/// pixel: a boundary met twice is no boundary.
pub(super) struct Builder {
    size: Size,
    pixels: u32,
    boundaries: Vec<u32>,
    position: u32,
    runs: usize,
}

impl Builder {
    /// Room for `runs` runs; fails where the size or the number of runs passes its limit.
    pub(super) fn new(size: Size, runs: usize) -> Result<Self, Error> {
        let pixels = checked_pixels(size)?;
        within("runs of a mask", MAX_RUNS, runs as u64)?;
        // One more: the last run of ones may need an end of its own.
        Ok(Self { size, pixels, boundaries: Vec::with_capacity(runs + 1), position: 0, runs: 0 })
    }

    /// Number of runs so far.
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

    /// Adds `runs` runs that have a pixel each. `write` gets the position so far, fills in where
    /// the runs end and answers the last of them, or nothing where one has no pixel; then, and
    /// where they pass the end, this fails.
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

    /// The mask, where the runs cover all its pixels.
    pub(super) fn finish(mut self) -> Result<Mask, Error> {
        if self.position != self.pixels {
            let (expected, actual) = (self.size.pixels(), u64::from(self.position));
            return Err(Error::Coverage { at: self.runs, expected, actual });
        }
        close(&mut self.boundaries, self.pixels);
        Ok(Mask::from_sorted(self.size, self.boundaries))
    }
}

/// Adds a boundary that lies not before the last; the same one twice is none.
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

/// Adds the run `start..end` of ones, which begins not before the last one's end; it grows the last
/// one where they meet.
pub(super) fn append_run(boundaries: &mut Vec<u32>, start: u32, end: u32) {
    toggle(boundaries, start);
    boundaries.push(end);
}
