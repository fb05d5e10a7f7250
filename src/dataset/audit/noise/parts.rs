//! Measures masks and their components, and compares the masks of one list.

use crate::dataset::audit::checks::iou;
use crate::geometry::{PixelRect, Rect};
use crate::rle::{Connectivity, Mask};

/// Maximum number of masks of one list that are compared with each other.
pub(super) const MAX_COMPARED_PARTS: usize = 32;
/// Intersection over union of two masks from which on they are near duplicates.
const MIN_DUPLICATE_IOU: f64 = 0.9;
/// Intersection over union of the bounds below which two masks are not compared: that of the masks is
/// hardly above it.
const MIN_DUPLICATE_BOUNDS_IOU: f64 = 0.7;
/// A component is a stray up to this share of the largest one's area.
const MAX_STRAY_SHARE: f64 = 0.01;
/// Minimum number of strays that are a sign of noise; outlines of hair or leaves leave a few.
const MIN_STRAYS: usize = 8;
/// A component counts as a region of a dense scene from this share of the largest one's area on.
const MIN_SIMILAR_SHARE: f64 = 0.2;
/// Minimum number of similar regions of a dense scene.
pub(super) const MIN_DENSE_REGIONS: usize = 6;

/// A mask with its area and bounds.
pub(super) struct Part<'a> {
    pub(super) mask: &'a Mask,
    pub(super) area: u64,
    pub(super) bounds: Option<PixelRect>,
}

impl<'a> Part<'a> {
    pub(super) fn new(mask: &'a Mask) -> Self {
        Self { mask, area: mask.area(), bounds: mask.bbox() }
    }
}

/// The connected components of a mask.
pub(super) struct Components {
    /// Number of pixels of each.
    pub(super) areas: Vec<u64>,
    /// Bounds of the largest one, where there are several.
    pub(super) largest_bounds: Option<PixelRect>,
}

impl Components {
    pub(super) fn new(mask: &Mask) -> Self {
        let components = mask.components(Connectivity::Eight);
        let areas: Vec<u64> = components.iter().map(Mask::area).collect();
        let several = components.len() > 1;
        let largest = components.iter().zip(&areas).max_by_key(|&(_, &area)| area).filter(|_| several);
        let largest_bounds = largest.and_then(|(component, _)| component.bbox());
        Self { areas, largest_bounds }
    }

    pub(super) fn has_strays(&self) -> bool {
        let max = self.largest() * MAX_STRAY_SHARE;
        self.areas.iter().filter(|&&area| area as f64 <= max).count() >= MIN_STRAYS
    }

    pub(super) fn is_dense(&self) -> bool {
        let min = self.largest() * MIN_SIMILAR_SHARE;
        self.areas.iter().filter(|&&area| area as f64 >= min).count() >= MIN_DENSE_REGIONS
    }

    fn largest(&self) -> f64 {
        self.areas.iter().copied().max().unwrap_or(0) as f64
    }
}

/// Returns `true` if two of the masks are almost the same.
pub(super) fn has_near_duplicates(parts: &[Part<'_>]) -> bool {
    let mut pairs =
        parts.iter().enumerate().flat_map(|(at, part)| parts[..at].iter().map(move |other| (part, other)));
    pairs.any(|(a, b)| is_near_duplicate(a, b))
}

fn is_near_duplicate(a: &Part<'_>, b: &Part<'_>) -> bool {
    let (Some(bounds_a), Some(bounds_b)) = (a.bounds, b.bounds) else { return false };
    // The ratio of the areas is an upper bound of the intersection over union.
    (a.area.min(b.area) as f64) >= MIN_DUPLICATE_IOU * a.area.max(b.area) as f64
        && iou(Rect::from(bounds_a), Rect::from(bounds_b)) >= MIN_DUPLICATE_BOUNDS_IOU
        && a.mask
            .shared_area(b.mask)
            .is_ok_and(|shared| shared as f64 >= MIN_DUPLICATE_IOU * (a.area + b.area - shared) as f64)
}
