//! Connected components of a mask, found on its runs.

use super::builder::append_run;
use super::pieces::Pieces;
use super::{Connectivity, Mask};

impl Mask {
    /// Returns the connected components, each a mask of the same size, in the order of their first pixels.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::{Connectivity, Mask}};
    ///
    /// // Two pixels that meet in a corner.
    /// let mask = Mask::from_row_major(Size::new(2, 2), &[1, 0, 0, 1])?;
    /// assert_eq!(mask.components(Connectivity::Four).len(), 2);
    /// assert_eq!(mask.components(Connectivity::Eight), [mask]);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn components(&self, connectivity: Connectivity) -> Vec<Self> {
        let pieces = Pieces::new(self);
        let (labels, number) = pieces.labels(connectivity);
        let mut boundaries = vec![Vec::new(); number];
        let height = self.size().height;
        for (piece, &label) in pieces.0.iter().zip(&labels) {
            let start = piece.columns.start * height + piece.rows.start;
            let end = (piece.columns.end - 1) * height + piece.rows.end;
            append_run(&mut boundaries[label as usize], start, end);
        }
        boundaries.into_iter().map(|boundaries| Self::from_sorted(self.size(), boundaries)).collect()
    }

    /// Returns the number of connected components.
    pub fn component_count(&self, connectivity: Connectivity) -> usize {
        Pieces::new(self).labels(connectivity).1
    }

    /// Returns the connected component with the most pixels, the first of equals; empty for an empty mask.
    #[must_use]
    pub fn largest_component(&self, connectivity: Connectivity) -> Self {
        let components = self.components(connectivity);
        let largest = components.into_iter().rev().max_by_key(Self::area);
        largest.unwrap_or_else(|| Self::from_sorted(self.size(), Vec::new()))
    }
}
