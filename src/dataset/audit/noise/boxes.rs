//! Compares the boxes of an annotation with its mask.

use super::columns::Columns;
use super::components::{Components, MIN_DENSE_REGIONS};
use super::parts::Part;
use crate::dataset::audit::checks::{EDGE_SLACK, MIN_BOX_IOU, fits, hull_of_boxes, iou};
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle::Mask;

/// Maximum share of a mask's pixels outside the hull of its boxes.
const MAX_OUTSIDE_SHARE: f64 = 0.1;
/// Below this share of the box's area a mask must reach the sides of its box with one component.
const MIN_FILL: f64 = 0.05;
/// Intersection over union of two boxes from which on they count as the same.
const SAME_BOX_IOU: f64 = 0.7;
/// Maximum number of boxes that are compared with each other.
const MAX_COMPARED_BOXES: usize = 32;

/// Returns `true` if too many pixels of the mask are outside the hull of the boxes.
pub(super) fn mask_outside(whole: &Part<'_>, boxes: &[Rect]) -> bool {
    let (Some(bounds), Some(hull)) = (whole.bounds, boxes.iter().copied().reduce(hull_of_boxes)) else {
        return false;
    };
    let window = Window::around(hull, whole.mask.size());
    !window.covers(bounds)
        && (whole.area - window.area_of(whole.mask)) as f64 > MAX_OUTSIDE_SHARE * whole.area as f64
}

/// Returns `true` if a box and the bounds of its mask differ too much: one by one where there is one box
/// for each mask, else the hull of the boxes and the union. `parts` is empty for a mask of one part.
pub(super) fn disagree(
    whole: &Part<'_>,
    parts: &[Part<'_>],
    boxes: &[Rect],
    components: &Components,
) -> bool {
    let Some(hull) = boxes.iter().copied().reduce(hull_of_boxes) else { return false };
    let differ = |found: Rect, bounds: PixelRect| !fits(found, bounds, MIN_BOX_IOU);
    if boxes.len() == parts.len() && boxes.len() > 1 {
        let mut pairs = boxes.iter().zip(parts);
        if pairs.any(|(&found, part)| part.bounds.is_some_and(|bounds| differ(found, bounds))) {
            return true;
        }
    } else if whole.bounds.is_some_and(|bounds| differ(hull, bounds)) {
        return true;
    }
    // Specks can stretch the bounds of a mask that is far smaller than its box; a thin object is one
    // component.
    let is_sparse = (whole.area as f64) < MIN_FILL * hull.width() * hull.height();
    is_sparse && boxes.len() == 1 && components.largest().bounds().is_some_and(|main| differ(hull, main))
}

/// Returns `true` if there are as many different boxes as in a dense scene.
pub(super) fn are_many(boxes: &[Rect]) -> bool {
    if boxes.len() < MIN_DENSE_REGIONS {
        return false;
    }
    let boxes = &boxes[..boxes.len().min(MAX_COMPARED_BOXES)];
    let is_new = |&(at, &found): &(usize, &Rect)| {
        boxes[..at].iter().all(|&earlier| iou(earlier, found) < SAME_BOX_IOU)
    };
    boxes.iter().enumerate().filter(is_new).count() >= MIN_DENSE_REGIONS
}

/// Columns and rows of an image, both half-open.
struct Window {
    left: u32,
    right: u32,
    top: u32,
    bottom: u32,
}

impl Window {
    /// Returns the pixels that a box touches, with the slack of its edges.
    fn around(rect: Rect, size: Size) -> Self {
        // A cast of a float to an integer saturates.
        let low = |edge: f64, max: u32| ((edge - EDGE_SLACK).floor() as u32).min(max);
        let high = |edge: f64, max: u32| ((edge + EDGE_SLACK).ceil() as u32).min(max);
        let (left, top) = (low(rect.x1, size.width), low(rect.y1, size.height));
        let (right, bottom) = (high(rect.x2, size.width), high(rect.y2, size.height));
        Self { left, right: right.max(left), top, bottom: bottom.max(top) }
    }

    fn covers(&self, bounds: PixelRect) -> bool {
        bounds.x >= self.left
            && bounds.y >= self.top
            && bounds.x + bounds.width <= self.right
            && bounds.y + bounds.height <= self.bottom
    }

    /// Returns the number of the mask's pixels inside.
    fn area_of(&self, mask: &Mask) -> u64 {
        let mut columns = Columns::new(mask.size().height);
        let mut area = 0;
        for run in mask.runs() {
            let before = self.pixels_before(columns.find(run.start));
            area += self.pixels_before(columns.find(run.end)) - before;
        }
        area
    }

    /// Returns the number of pixels inside that are before a pixel in column-major order.
    fn pixels_before(&self, (column, row): (u32, u32)) -> u64 {
        let columns = u64::from(column.clamp(self.left, self.right) - self.left);
        let rows = if (self.left..self.right).contains(&column) {
            row.clamp(self.top, self.bottom) - self.top
        } else {
            0
        };
        columns * u64::from(self.bottom - self.top) + u64::from(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_inside_a_window_are_counted_over_run_ends() {
        let mask = Mask::from_counts(Size::new(5, 4), [2, 11, 3, 2, 2]).unwrap();
        let window = Window { left: 1, right: 4, top: 1, bottom: 3 };
        let expected = (1..4).flat_map(|x| (1..3).map(move |y| (x, y))).filter(|&(x, y)| mask.contains(x, y));
        assert_eq!(window.area_of(&mask), expected.count() as u64);
    }

    #[test]
    fn box_without_numbers_covers_nothing() {
        let rect = Rect { x1: f64::NAN, y1: 0.0, x2: f64::NAN, y2: f64::INFINITY };
        let window = Window::around(rect, Size::new(5, 4));
        assert_eq!((window.left, window.right, window.top, window.bottom), (0, 0, 0, 4));
    }
}
