//! COCO's compressed strings of run lengths (maskApi `rleFrString`, `rleToString`).
//!
//! The first three numbers of a string are run lengths; from the fourth on a number is the
//! difference to the run two before.

use super::builder::Builder;
use super::compressed_number::{push_number, read_number};
use super::{Error, Mask, compressed_quick};
use crate::geometry::Size;

impl Mask {
    /// Reads COCO's compressed counts. The size is not part of the string.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::{Error, Mask}};
    ///
    /// let mask = Mask::from_compressed(Size::new(3, 3), "414")?;
    /// assert_eq!(mask.boundaries(), [4, 5]);
    /// let invalid = Mask::from_compressed(Size::new(3, 3), "4!3");
    /// assert_eq!(invalid, Err(Error::Character { at: 1, found: b'!' }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_compressed(size: Size, counts: &str) -> Result<Self, Error> {
        let bytes = counts.as_bytes();
        let runs = compressed_quick::count_numbers(bytes);
        if let Some(mask) = compressed_quick::read(Builder::new(size, runs)?, bytes) {
            return Ok(mask);
        }
        let mut builder = Builder::new(size, runs)?;
        // Lengths of the last two runs, the one with the even index first.
        let mut before = [0_i64; 2];
        let mut at = 0;
        while at < bytes.len() {
            let (difference, next) = read_number(bytes, at)?;
            let run = builder.runs();
            let length = if run > 2 { difference + before[run % 2] } else { difference };
            let checked = u32::try_from(length).map_err(|_| Error::RunLength { at: run, length })?;
            builder.push_run(checked)?;
            before[run % 2] = length;
            at = next;
        }
        builder.finish()
    }

    /// Returns COCO's compressed counts, as pycocotools' `encode` writes them.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let mask = Mask::from_counts(Size::new(3, 3), [4, 1, 4])?;
    /// assert_eq!(mask.to_compressed(), "414");
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn to_compressed(&self) -> String {
        let counts = self.counts();
        let mut text = String::with_capacity(counts.len() * 2);
        for (run, &length) in counts.iter().enumerate() {
            let before = if run > 2 { i64::from(counts[run - 2]) } else { 0 };
            push_number(&mut text, i64::from(length) - before);
        }
        text
    }
}
