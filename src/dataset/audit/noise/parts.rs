//! Compares the masks of one list.

use super::measure::Measure;
use crate::dataset::audit::checks::iou;
use crate::geometry::{PixelRect, Rect};
use crate::rle::Mask;

/// Maximum number of masks of one list that are compared with each other.
pub(super) const MAX_COMPARED_PARTS: usize = 32;
/// Intersection over union of two masks from which on they are near duplicates.
const MIN_DUPLICATE_IOU: f64 = 0.9;
/// Intersection over union of the bounds below which two masks are not compared: that of the masks is
/// hardly above it.
const MIN_DUPLICATE_BOUNDS_IOU: f64 = 0.7;

/// A mask with its area and bounds.
pub(super) struct Part<'a> {
    pub(super) mask: &'a Mask,
    pub(super) area: u64,
    pub(super) bounds: Option<PixelRect>,
}

impl<'a> Part<'a> {
    pub(super) fn new(mask: &'a Mask) -> Self {
        Self::measured(mask, Measure::of_mask(mask))
    }

    pub(super) fn measured(mask: &'a Mask, measure: Measure) -> Self {
        Self { mask, area: measure.area, bounds: measure.bounds() }
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
        && a.mask.size() == b.mask.size()
        && (a.mask == b.mask || is_shared(a, b))
}

fn is_shared(a: &Part<'_>, b: &Part<'_>) -> bool {
    a.mask
        .shared_area(b.mask)
        .is_ok_and(|shared| shared as f64 >= MIN_DUPLICATE_IOU * (a.area + b.area - shared) as f64)
}
