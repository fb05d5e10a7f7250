//! Compares the masks, boxes and area of an annotation with each other and with its image.

use super::finding::Finding;
use super::problem::Problem;
use crate::dataset::record::Annotation;
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle::{self, Mask};

/// Below this intersection over union, a box and the rectangle around its mask are said to disagree.
const MIN_BOX_IOU: f64 = 0.5;
/// From this intersection over union on, the other reading of a box's numbers is said to fit.
const FITTING_BOX_IOU: f64 = 0.9;
/// How far, in pixels, a box may pass the image's edge, or an edge be from the mask's: half a pixel
/// of rounding on either convention.
const EDGE_SLACK: f64 = 1.0;

/// A decoded mask of an annotation.
pub(crate) struct DecodedMask {
    /// Its place in the published list.
    pub(crate) place: usize,
    pub(crate) mask: Mask,
    /// The smallest rectangle around it.
    bounds: Option<PixelRect>,
}

impl DecodedMask {
    pub(crate) fn new(place: usize, mask: Mask) -> Self {
        let bounds = mask.bbox();
        Self { place, mask, bounds }
    }
}

/// Settles the annotation's mask facts and lists what does not fit.
pub(crate) fn masks(
    annotation: &mut Annotation,
    image: Option<Size>,
    parts: &[DecodedMask],
    findings: &mut Vec<Finding>,
) -> Result<(), rle::Error> {
    let mut sizes = parts.iter().map(|part| part.mask.size());
    let first = sizes.clone().next();
    // An image may be stated larger than any mask can be; then there is nothing to draw on.
    let drawable = image.filter(|size| size.pixels() <= rle::MAX_PIXELS);
    let whole = sizes.find(|&size| Some(size) == image).or(first).or(drawable).unwrap_or_default();
    if parts.is_empty() && findings.iter().all(|finding| finding.field != "segmentation") {
        findings.push(Finding::new("segmentation", Problem::NoMask));
    }
    for DecodedMask { place, mask, .. } in parts {
        if let Some(image) = image.filter(|&image| image != mask.size()) {
            let problem = Problem::SizeDiffers { mask: mask.size(), image };
            findings.push(Finding::of_part("segmentation", *place, problem));
        } else if mask.size() != whole {
            let problem = Problem::PartsDiffer { part: mask.size(), whole };
            findings.push(Finding::of_part("segmentation", *place, problem));
        }
        if mask.is_empty() {
            findings.push(Finding::of_part("segmentation", *place, Problem::EmptyMask));
        }
    }
    let fitting = || parts.iter().filter(|part| part.mask.size() == whole);
    annotation.mask_size = whole;
    annotation.mask_bounds = fitting().filter_map(|part| part.bounds).reduce(hull);
    annotation.mask_area = match parts {
        [] => 0,
        [part] => part.mask.area(),
        _ => Mask::union_of(whole, &fitting().map(|part| part.mask.clone()).collect::<Vec<_>>())?.area(),
    };
    boxes(annotation, image.unwrap_or(whole), parts, findings);
    Ok(())
}

fn boxes(annotation: &Annotation, image: Size, parts: &[DecodedMask], findings: &mut Vec<Finding>) {
    // A mask or a box that could not be read leaves the others out of step.
    let all_read = findings.iter().all(|finding| finding.field != "bbox")
        && parts.iter().enumerate().all(|(at, part)| part.place == at);
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    for (place, &found) in annotation.boxes.iter().enumerate() {
        if found.width() <= 0.0 || found.height() <= 0.0 {
            findings.push(Finding::of_part("bbox", place, Problem::EmptyBox { found }));
        }
        let inside = found.x1 >= -EDGE_SLACK
            && found.y1 >= -EDGE_SLACK
            && found.x2 <= width + EDGE_SLACK
            && found.y2 <= height + EDGE_SLACK;
        if !inside && image.pixels() > 0 {
            findings.push(Finding::of_part("bbox", place, Problem::BoxOutside { found, image }));
        }
    }
    if !all_read {
        return;
    }
    // One box a mask: compared one by one. Else what they cover together.
    if annotation.boxes.len() == parts.len() {
        for (place, (&found, part)) in annotation.boxes.iter().zip(parts).enumerate() {
            if let Some(problem) = part.bounds.and_then(|bounds| disagreement(found, bounds)) {
                findings.push(Finding::of_part("bbox", place, problem));
            }
        }
    } else if let Some(bounds) = annotation.mask_bounds
        && let Some(around) = annotation.boxes.iter().copied().reduce(hull_of_boxes)
        && let Some(problem) = disagreement(around, bounds)
    {
        findings.push(Finding::new("bbox", problem));
    }
}

/// Compares the published area with the number of pixels.
pub(crate) fn area(annotation: &Annotation, findings: &mut Vec<Finding>) {
    let counted = annotation.mask_area;
    if let Some(published) = annotation.area
        && !annotation.parts.is_empty()
        && (published - counted as f64).abs() > 1.0_f64.max(counted as f64 * 0.01)
    {
        findings.push(Finding::new("area", Problem::AreaDiffers { published, counted }));
    }
}

fn disagreement(found: Rect, mask: PixelRect) -> Option<Problem> {
    let bounds = Rect::from(mask);
    let edges = [(found.x1, bounds.x1), (found.y1, bounds.y1), (found.x2, bounds.x2), (found.y2, bounds.y2)];
    let overlap = iou(found, bounds);
    // Of a thing a few pixels small, a box of fractions and the mask's whole pixels may overlap
    // little and yet agree.
    if overlap >= MIN_BOX_IOU || edges.iter().all(|(edge, other)| (edge - other).abs() <= EDGE_SLACK) {
        return None;
    }
    let as_size = Rect::from_xywh([found.x1, found.y1, found.x2, found.y2]);
    let as_corner = Rect { x2: found.width(), y2: found.height(), ..found };
    let fits_in_other_order =
        [as_size, as_corner].into_iter().any(|other| iou(other, bounds) >= FITTING_BOX_IOU);
    Some(Problem::BoxDisagrees { mask, iou: overlap as f32, fits_in_other_order })
}

/// The smallest rectangle around two.
fn hull(a: PixelRect, b: PixelRect) -> PixelRect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let (right, bottom) = ((a.x + a.width).max(b.x + b.width), (a.y + a.height).max(b.y + b.height));
    PixelRect { x, y, width: right - x, height: bottom - y }
}

fn hull_of_boxes(a: Rect, b: Rect) -> Rect {
    Rect { x1: a.x1.min(b.x1), y1: a.y1.min(b.y1), x2: a.x2.max(b.x2), y2: a.y2.max(b.y2) }
}

fn iou(a: Rect, b: Rect) -> f64 {
    let area = |rect: Rect| rect.width().max(0.0) * rect.height().max(0.0);
    let shared =
        area(Rect { x1: a.x1.max(b.x1), y1: a.y1.max(b.y1), x2: a.x2.min(b.x2), y2: a.y2.min(b.y2) });
    let whole = area(a) + area(b) - shared;
    if whole > 0.0 { shared / whole } else { 0.0 }
}
