//! Computes union, intersection, difference and overlap of masks by one merge of their boundaries.

use super::{Error, Mask};
use crate::geometry::Size;

impl Mask {
    /// Returns the pixels set in either mask (maskApi `rleMerge` with `intersect` = 0).
    pub fn union(&self, other: &Self) -> Result<Self, Error> {
        self.merge(other, |left, right| left || right)
    }

    /// Returns the pixels set in any of the masks, all of the given size; empty without masks.
    ///
    /// Merges neighbours in rounds, so `n` masks take `log n` passes over all runs.
    ///
    /// ```
    /// use masklink::{geometry::Size, rle::Mask};
    ///
    /// let size = Size::new(2, 3);
    /// let pieces = [[0, 1, 5], [2, 1, 3], [5, 1, 0]].map(|counts| Mask::from_counts(size, counts));
    /// let pieces = pieces.into_iter().collect::<Result<Vec<_>, _>>()?;
    /// assert_eq!(Mask::union_of(size, &pieces)?.boundaries(), [0, 1, 2, 3, 5, 6]);
    /// # Ok::<(), masklink::rle::Error>(())
    /// ```
    pub fn union_of(size: Size, masks: &[Self]) -> Result<Self, Error> {
        if let Some(other) = masks.iter().find(|mask| mask.size() != size) {
            return Err(Error::SizeMismatch { left: size, right: other.size() });
        }
        match masks {
            [] => Self::empty(size),
            [mask] => Ok(mask.clone()),
            [left, right] => left.union(right),
            _ => {
                let (left, right) = masks.split_at(masks.len() / 2);
                Self::union_of(size, left)?.union(&Self::union_of(size, right)?)
            }
        }
    }

    /// Returns the pixels set in both masks (maskApi `rleMerge` with `intersect` = 1).
    pub fn intersection(&self, other: &Self) -> Result<Self, Error> {
        self.merge(other, |left, right| left && right)
    }

    /// Returns the pixels set in this mask and not in the other.
    pub fn difference(&self, other: &Self) -> Result<Self, Error> {
        self.merge(other, |left, right| left && !right)
    }

    /// Returns the pixels that are not set.
    #[must_use]
    pub fn complement(&self) -> Self {
        let pixels = self.size().pixels() as u32;
        let starts_set = self.boundaries().first() == Some(&0);
        let ends_set = self.boundaries().last() == Some(&pixels);
        let inner =
            &self.boundaries()[usize::from(starts_set)..self.boundaries().len() - usize::from(ends_set)];
        let mut boundaries = Vec::with_capacity(inner.len() + 2);
        if !starts_set && pixels > 0 {
            boundaries.push(0);
        }
        boundaries.extend_from_slice(inner);
        if !ends_set && pixels > 0 {
            boundaries.push(pixels);
        }
        Self::from_sorted(self.size(), boundaries)
    }

    /// Returns the number of pixels set in both masks.
    pub fn shared_area(&self, other: &Self) -> Result<u64, Error> {
        self.check_same_size(other)?;
        let (mut left, mut right) = (self.runs(), other.runs());
        let (mut a, mut b) = (left.next(), right.next());
        let mut area = 0;
        while let (Some(run_a), Some(run_b)) = (&a, &b) {
            area += u64::from(run_a.end.min(run_b.end).saturating_sub(run_a.start.max(run_b.start)));
            if run_a.end < run_b.end {
                a = left.next();
            } else {
                b = right.next();
            }
        }
        Ok(area)
    }

    /// Returns intersection over union, 0 for two empty masks. `other_is_crowd` divides by this mask's own
    /// area instead, as COCO scores detections against crowd regions (maskApi `rleIou`).
    pub fn iou(&self, other: &Self, other_is_crowd: bool) -> Result<f64, Error> {
        let shared = self.shared_area(other)?;
        let whole = if other_is_crowd { self.area() } else { self.area() + other.area() - shared };
        Ok(if whole == 0 { 0.0 } else { shared as f64 / whole as f64 })
    }

    fn check_same_size(&self, other: &Self) -> Result<(), Error> {
        if self.size() == other.size() {
            return Ok(());
        }
        Err(Error::SizeMismatch { left: self.size(), right: other.size() })
    }

    /// Returns the pixels for which `keep` returns `true`; `keep(false, false)` must be `false`.
    #[inline]
    fn merge(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Result<Self, Error> {
        self.check_same_size(other)?;
        let (left, right) = (self.boundaries(), other.boundaries());
        let mut merged = vec![0; left.len() + right.len()];
        let (mut i, mut j, mut kept, mut inside) = (0, 0, 0, false);
        while let (Some(&a), Some(&b)) = (left.get(i), right.get(j)) {
            let next = a.min(b);
            i += usize::from(a == next);
            j += usize::from(b == next);
            let now = keep(i % 2 == 1, j % 2 == 1);
            // Always written, and counted only where the value changes: no branch to mispredict.
            merged[kept] = next;
            kept += usize::from(now != inside);
            inside = now;
        }
        merged.truncate(kept);
        // One mask has ended, so from here on the other alone decides.
        if keep(true, false) {
            merged.extend_from_slice(&left[i..]);
        }
        if keep(false, true) {
            merged.extend_from_slice(&right[j..]);
        }
        Ok(Self::from_sorted(self.size(), merged))
    }
}
