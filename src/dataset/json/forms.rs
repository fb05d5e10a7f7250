//! Recognises other forms of a segmentation: boxes as polygons, pairs of points, row-major counts, swapped
//! sizes.
//!
//! A form is read only where it is certain: its shape allows no other reading, or the annotation's box fits
//! it and not the usual one.

use std::borrow::Cow;

use super::value::JsonValue;
use crate::dataset::audit::checks::{DecodedMask, FITTING_BOX_IOU, MIN_BOX_IOU, fits};
use crate::geometry::{Rect, Size};
use crate::rle::Mask;

/// A polygon as flat x, y numbers, and the form in which the file has it, if it is not the usual one.
pub(super) type ReadPolygon = (Vec<f64>, Option<&'static str>);

/// Names of forms, for findings.
pub(super) mod form {
    pub(in crate::dataset::json) const BOX: &str = "a box in place of a polygon";
    pub(in crate::dataset::json) const PAIRS: &str = "points as pairs";
    pub(in crate::dataset::json) const QUOTED: &str = "numbers in quotes";
    pub(in crate::dataset::json) const NESTED: &str = "a polygon in a list of its own";
    pub(in crate::dataset::json) const BYTES: &str = "the text of Python bytes, b'…'";
    pub(in crate::dataset::json) const ROW_MAJOR: &str = "row-major counts";
    pub(in crate::dataset::json) const NO_SIZE: &str = "counts of the image's size, not of 0";
    pub(in crate::dataset::json) const OBJECT: &str = "an object of x, y, width, height";
    pub(in crate::dataset::json) const SWAPPED: &str = "width, height in place of height, width";
    pub(in crate::dataset::json) const SWAPPED_ROW_MAJOR: &str = "the mask with x and y exchanged";
}

/// Reads a polygon in any of its forms; `None` if the value is none.
pub(super) fn polygon_of(value: &JsonValue<'_>) -> Option<ReadPolygon> {
    match value {
        JsonValue::Numbers(numbers) => Some((numbers.clone(), None)),
        JsonValue::List(list) => {
            if let Some(points) = points_of(list) {
                return Some((points, Some(form::PAIRS)));
            }
            if let Some(numbers) = numbers_of(list) {
                return Some((numbers, Some(form::QUOTED)));
            }
            let [only] = list.as_slice() else { return None };
            polygon_of(only).map(|(numbers, of_inner)| (numbers, of_inner.or(Some(form::NESTED))))
        }
        _ => None,
    }
}

/// Reads three points or more, each a pair of numbers or an object with x and y.
pub(super) fn points_of(list: &[JsonValue<'_>]) -> Option<Vec<f64>> {
    let point = |value: &JsonValue<'_>| match value {
        JsonValue::Numbers(pair) => <[f64; 2]>::try_from(pair.as_slice()).ok(),
        JsonValue::Object(fields) => {
            let of = |name| fields.iter().find(|(key, _)| key == name).and_then(|(_, value)| value.as_f64());
            of("x").zip(of("y")).map(|(x, y)| [x, y])
        }
        _ => None,
    };
    let points: Vec<_> = list.iter().map(point).collect::<Option<_>>()?;
    (points.len() >= 3).then(|| points.concat())
}

/// Reads a box that is an object of x, y, width and height.
pub(super) fn box_of_object(fields: &[(Cow<'_, str>, JsonValue<'_>)]) -> Option<Rect> {
    let of = |names: [&str; 2]| {
        let field = fields.iter().find(|(key, _)| names.contains(&key.as_ref()));
        field.and_then(|(_, value)| value.as_f64())
    };
    let sides = of(["width", "w"]).zip(of(["height", "h"]));
    let ((x, y), (width, height)) = of(["x", "left"]).zip(of(["y", "top"])).zip(sides)?;
    Some(Rect::from_xywh([x, y, width, height]))
}

/// Reads numbers of which some are in quotes.
pub(super) fn numbers_of(list: &[JsonValue<'_>]) -> Option<Vec<f64>> {
    let number = |value: &JsonValue<'_>| value.as_f64().or_else(|| value.quoted_number());
    list.iter().map(number).collect::<Option<Vec<_>>>().filter(|numbers| !numbers.is_empty())
}

/// Returns the rectangle that four numbers mean: x, y, width, height, or two corners. It is certain where
/// one of them is a box of the annotation or has its area.
pub(super) fn box_of(numbers: [f64; 4], boxes: &[Rect], area: Option<f64>) -> Option<Rect> {
    let [x1, y1, x2, y2] = numbers;
    let readings = [Rect::from_xywh(numbers), Rect { x1, y1, x2, y2 }];
    let is_box = |found: &Rect| {
        boxes.iter().any(|other| {
            let edges = [found.x1 - other.x1, found.y1 - other.y1, found.x2 - other.x2, found.y2 - other.y2];
            edges.iter().all(|edge| edge.abs() <= 1.0)
        })
    };
    let has_area = |found: &Rect| {
        let own = found.width() * found.height();
        area.is_some_and(|area| own > 0.0 && (area - own).abs() <= 1.0_f64.max(own * 0.01))
    };
    let is_right = |found: &&Rect| {
        let is_rectangle = found.width() > 0.0 && found.height() > 0.0;
        is_rectangle && if boxes.is_empty() { has_area(found) } else { is_box(found) }
    };
    readings.iter().find(is_right).copied()
}

/// Returns the corners of a rectangle in turn.
pub(super) fn polygon_of_box(Rect { x1, y1, x2, y2 }: Rect) -> Vec<f64> {
    vec![x1, y1, x1, y2, x2, y2, x2, y1]
}

/// Reads the counts of a mask that its box does not fit in another order of the pixels; returns the mask
/// with the name of the form if only one other order fits.
pub(super) fn other_order(
    read: &DecodedMask,
    found: Rect,
    image: Option<Size>,
) -> Option<(Mask, &'static str)> {
    /// Runs that a transposed mask may have besides sixteen for each run read.
    const MAX_RUNS: u64 = 1 << 17;
    let (mask, bounds) = (read.mask(), read.bounds()?);
    if fits(found, bounds, MIN_BOX_IOU) || !(found.width() > 0.0 && found.height() > 0.0) {
        return None;
    }
    let size = mask.size();
    let max_runs = MAX_RUNS + 16 * mask.runs().len() as u64;
    let swapped = || Mask::from_boundaries(size.swapped(), mask.boundaries().to_vec()).ok();
    let is_swapped = image == Some(size.swapped()) && size.swapped() != size;
    let readings = [
        (swapped().and_then(|mask| mask.transposed(max_runs).ok()), form::ROW_MAJOR),
        (swapped().filter(|_| is_swapped), form::SWAPPED),
        (mask.transposed(max_runs).ok().filter(|_| is_swapped), form::SWAPPED_ROW_MAJOR),
    ];
    let mut fitting = readings
        .into_iter()
        .filter_map(|(mask, form)| Some((mask?, form)))
        .filter(|(mask, _)| mask.bbox().is_some_and(|bounds| fits(found, bounds, FITTING_BOX_IOU)));
    let only = fitting.next()?;
    fitting.next().is_none().then_some(only)
}
