//! COCO's uncompressed counts: alternating lengths of runs of zeros and ones, zeros first.

use super::builder::Builder;
use super::{Error, Mask};
use crate::geometry::Size;

impl Mask {
    /// Reads COCO's uncompressed counts.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::{Error, Mask}};
    ///
    /// let mask = Mask::from_counts(Size::new(2, 3), [1, 2, 3])?;
    /// assert_eq!(mask.runs().collect::<Vec<_>>(), [1..3]);
    /// let short = Mask::from_counts(Size::new(2, 3), [1, 2]);
    /// assert_eq!(short, Err(Error::Coverage { at: 2, expected: 6, actual: 3 }));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn from_counts<I>(size: Size, counts: I) -> Result<Self, Error>
    where
        I: IntoIterator<Item = u32, IntoIter: ExactSizeIterator>,
    {
        let counts = counts.into_iter();
        let mut builder = Builder::new(size, counts.len())?;
        for length in counts {
            builder.push_run(length)?;
        }
        builder.finish()
    }

    /// Returns COCO's canonical uncompressed counts, in which only the first run may be empty (maskApi
    /// `rleEncode`).
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = Vec::with_capacity(self.boundaries().len() + 1);
        let mut last = 0;
        for &boundary in self.boundaries() {
            counts.push(boundary - last);
            last = boundary;
        }
        let rest = self.size().pixels() as u32 - last;
        if rest > 0 || counts.is_empty() {
            counts.push(rest);
        }
        counts
    }
}
