//! Union, intersection, difference and overlap of two masks by one merge over their boundaries.

use super::{Error, Mask};

impl Mask {
    /// The pixels set in either mask (maskApi `rleMerge` with `intersect` = 0).
    pub fn union(&self, other: &Self) -> Result<Self, Error> {
        self.merge(other, |left, right| left || right)
    }

    /// The pixels set in both masks (maskApi `rleMerge` with `intersect` = 1).
    pub fn intersection(&self, other: &Self) -> Result<Self, Error> {
        self.merge(other, |left, right| left && right)
    }

    /// The pixels set in this mask and not in the other.
    pub fn difference(&self, other: &Self) -> Result<Self, Error> {
        self.merge(other, |left, right| left && !right)
    }

    /// Intersection over union, 0 for two empty masks. `other_is_crowd` divides by this mask's own area instead,
    /// as COCO scores detections against crowd regions (maskApi `rleIou`).
    pub fn iou(&self, other: &Self, other_is_crowd: bool) -> Result<f64, Error> {
        let shared = self.intersection(other)?.area();
        let whole = if other_is_crowd { self.area() } else { self.area() + other.area() - shared };
        Ok(if whole == 0 { 0.0 } else { shared as f64 / whole as f64 })
    }

    fn merge(&self, other: &Self, keep: impl Fn(bool, bool) -> bool) -> Result<Self, Error> {
        if self.size() != other.size() {
            return Err(Error::SizeMismatch { left: self.size(), right: other.size() });
        }
        let (left, right) = (self.boundaries(), other.boundaries());
        let mut merged = Vec::with_capacity(left.len() + right.len());
        let (mut i, mut j, mut inside) = (0, 0, false);
        while i < left.len() || j < right.len() {
            let next = left.get(i).copied().unwrap_or(u32::MAX).min(right.get(j).copied().unwrap_or(u32::MAX));
            i += usize::from(left.get(i) == Some(&next));
            j += usize::from(right.get(j) == Some(&next));
            let now = keep(i % 2 == 1, j % 2 == 1);
            if now != inside {
                merged.push(next);
                inside = now;
            }
        }
        Self::from_boundaries(self.size(), merged)
    }
}
