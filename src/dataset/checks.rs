//! Compares the masks, boxes and area of an annotation with each other and with its picture.

use super::{Annotation, Finding, Problem};
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle::Mask;

/// Below this intersection over union, a box and the rectangle around its mask are said to disagree.
const LEAST_BOX_IOU: f64 = 0.5;
/// From this intersection over union on, the other reading of a box's numbers is said to fit.
const FITTING_BOX_IOU: f64 = 0.9;
/// How far, in pixels, a box may pass the picture's edge: half a pixel of rounding on either convention.
const EDGE_SLACK: f64 = 1.0;

/// Settles the annotation's mask facts and lists what does not fit. `masks` are the decoded parts with their places.
pub(super) fn masks(
    annotation: &mut Annotation,
    picture: Option<Size>,
    masks: &[(usize, Mask)],
    findings: &mut Vec<Finding>,
) {
    let fitting = masks.iter().map(|(_, mask)| mask.size()).find(|&size| Some(size) == picture);
    let whole = fitting.or_else(|| masks.first().map(|(_, mask)| mask.size())).or(picture).unwrap_or_default();
    annotation.mask_size = whole;
    if masks.is_empty() && findings.iter().all(|finding| finding.field != "segmentation") {
        findings.push(Finding::new("segmentation", Problem::NoMask));
    }
    for (part, mask) in masks {
        if let Some(picture) = picture.filter(|&picture| picture != mask.size()) {
            let problem = Problem::SizeDiffers { mask: mask.size(), picture };
            findings.push(Finding::of_part("segmentation", *part, problem));
        } else if mask.size() != whole {
            let problem = Problem::PartsDiffer { part: mask.size(), whole };
            findings.push(Finding::of_part("segmentation", *part, problem));
        }
        if mask.is_empty() {
            findings.push(Finding::of_part("segmentation", *part, Problem::EmptyMask));
        }
    }
    let fitting: Vec<_> = masks.iter().map(|(_, mask)| mask).filter(|mask| mask.size() == whole).cloned().collect();
    match Mask::union_of(whole, &fitting) {
        Ok(union) => (annotation.mask_area, annotation.mask_bounds) = (union.area(), union.bbox()),
        Err(error) => findings.push(Finding::new("segmentation", error.into())),
    }
    boxes(annotation, picture.unwrap_or(whole), masks, findings);
}

fn boxes(annotation: &Annotation, picture: Size, masks: &[(usize, Mask)], findings: &mut Vec<Finding>) {
    let (width, height) = (f64::from(picture.width), f64::from(picture.height));
    for (part, &found) in annotation.boxes.iter().enumerate() {
        if found.width() <= 0.0 || found.height() <= 0.0 {
            findings.push(Finding::of_part("bbox", part, Problem::EmptyBox { found }));
        }
        let inside = found.x1 >= -EDGE_SLACK
            && found.y1 >= -EDGE_SLACK
            && found.x2 <= width + EDGE_SLACK
            && found.y2 <= height + EDGE_SLACK;
        if !inside && picture.pixels() > 0 {
            findings.push(Finding::of_part("bbox", part, Problem::BoxOutside { found, picture }));
        }
    }
    // One box a mask: compared one by one. Else what they cover together.
    if annotation.boxes.len() == masks.len() {
        for (part, (&found, (_, mask))) in annotation.boxes.iter().zip(masks).enumerate() {
            if let Some(problem) = mask.bbox().and_then(|bounds| disagreement(found, bounds)) {
                findings.push(Finding::of_part("bbox", part, problem));
            }
        }
    } else if let Some(bounds) = annotation.mask_bounds
        && let Some(hull) = annotation.boxes.iter().copied().reduce(hull)
        && let Some(problem) = disagreement(hull, bounds)
    {
        findings.push(Finding::new("bbox", problem));
    }
}

/// Compares the published area with the number of pixels.
pub(super) fn area(annotation: &Annotation, findings: &mut Vec<Finding>) {
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
    let overlap = iou(found, bounds);
    if overlap >= LEAST_BOX_IOU {
        return None;
    }
    let as_size = Rect::from_xywh([found.x1, found.y1, found.x2, found.y2]);
    let as_corner = Rect { x2: found.width(), y2: found.height(), ..found };
    let fits_in_other_order = [as_size, as_corner].into_iter().any(|other| iou(other, bounds) >= FITTING_BOX_IOU);
    Some(Problem::BoxDisagrees { mask, iou: overlap as f32, fits_in_other_order })
}

fn hull(a: Rect, b: Rect) -> Rect {
    Rect { x1: a.x1.min(b.x1), y1: a.y1.min(b.y1), x2: a.x2.max(b.x2), y2: a.y2.max(b.y2) }
}

fn iou(a: Rect, b: Rect) -> f64 {
    let area = |rect: Rect| rect.width().max(0.0) * rect.height().max(0.0);
    let shared = area(Rect { x1: a.x1.max(b.x1), y1: a.y1.max(b.y1), x2: a.x2.min(b.x2), y2: a.y2.min(b.y2) });
    let whole = area(a) + area(b) - shared;
    if whole > 0.0 { shared / whole } else { 0.0 }
}
