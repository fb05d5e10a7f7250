//! Compares the masks, boxes and area of an annotation with each other and with its image.

use super::finding::Finding;
use super::problem::Problem;
use crate::geometry::{PixelRect, Rect, Size};
use crate::rle::{self, Mask};

/// A box and the bounds of its mask disagree below this intersection over union.
pub(crate) const MIN_BOX_IOU: f64 = 0.5;
/// The other order of a box's numbers fits from this intersection over union on.
pub(crate) const FITTING_BOX_IOU: f64 = 0.9;
/// Maximum distance, in pixels, by which a box may extend beyond the image, or its edge lie from the mask's:
/// half a pixel of rounding on either convention.
pub(crate) const EDGE_SLACK: f64 = 1.0;

/// A decoded mask of an annotation.
pub(crate) struct DecodedMask {
    /// Its index in the published list.
    index: usize,
    mask: Mask,
    bounds: Option<PixelRect>,
    /// Whether it is drawn from polygons, in a frame that is not published.
    is_drawn: bool,
}

impl DecodedMask {
    pub(crate) fn new(index: usize, mask: Mask) -> Self {
        let bounds = mask.bbox();
        Self { index, mask, bounds, is_drawn: false }
    }

    pub(crate) fn drawn(index: usize, mask: Mask) -> Self {
        Self { is_drawn: true, ..Self::new(index, mask) }
    }

    /// Returns the smallest rectangle around the mask; `None` where it is empty.
    pub(crate) fn bounds(&self) -> Option<PixelRect> {
        self.bounds
    }

    /// Returns the mask.
    pub(crate) fn mask(&self) -> &Mask {
        &self.mask
    }

    /// Returns the mask.
    pub(crate) fn into_mask(self) -> Mask {
        self.mask
    }
}

/// The union of an annotation's masks, measured.
#[derive(Default)]
pub(crate) struct Union {
    /// The image's size if a mask has it, else the first mask's, else the image's.
    pub(crate) size: Size,
    pub(crate) area: u64,
    pub(crate) bounds: Option<PixelRect>,
    /// The union of two or more masks.
    pub(crate) mask: Option<Mask>,
}

impl Union {
    fn new(masks: &[DecodedMask], image: Option<Size>) -> Result<Self, rle::Error> {
        let mut sizes = masks.iter().map(|part| part.mask.size());
        let first = sizes.clone().next();
        // An image may be stated larger than any mask can be; then it has no size to draw on.
        let drawable = image.filter(|size| size.pixels() <= rle::MAX_PIXELS);
        let size = sizes.find(|&size| Some(size) == image).or(first).or(drawable).unwrap_or_default();
        let fitting = || masks.iter().filter(|part| part.mask.size() == size);
        let (area, mask) = match masks {
            [] => (0, None),
            [part] => (part.mask.area(), None),
            _ => {
                let union =
                    Mask::union_of(size, &fitting().map(|part| part.mask.clone()).collect::<Vec<_>>())?;
                (union.area(), Some(union))
            }
        };
        Ok(Self { size, area, bounds: fitting().filter_map(|part| part.bounds).reduce(hull), mask })
    }
}

/// Measures the union of an annotation's masks, and lists the problems of the masks and boxes.
pub(crate) fn masks(
    masks: &[DecodedMask],
    boxes: &[Rect],
    image: Option<Size>,
    findings: &mut Vec<Finding>,
) -> Result<Union, rle::Error> {
    let union = Union::new(masks, image)?;
    if masks.is_empty() && findings.iter().all(|finding| finding.field != "segmentation") {
        findings.push(Finding::new("segmentation", Problem::NoMask));
    }
    for DecodedMask { index, mask, is_drawn, .. } in masks {
        let size = mask.size();
        if *is_drawn {
            // The frame has findings of its own.
        } else if let Some(image) = image.filter(|&image| image != size) {
            let problem = Problem::SizeDiffers { mask: size, image };
            findings.push(Finding::of_element("segmentation", *index, problem));
        } else if size != union.size {
            let problem = Problem::PartsDiffer { part: size, whole: union.size };
            findings.push(Finding::of_element("segmentation", *index, problem));
        }
        if mask.is_empty() {
            findings.push(Finding::of_element("segmentation", *index, Problem::EmptyMask));
        }
    }
    // A mask or a box that could not be read shifts the others against each other.
    let comparable = findings.iter().all(|finding| finding.field != "bbox")
        && masks.iter().enumerate().all(|(at, part)| part.index == at);
    check_extents(boxes, image.unwrap_or(union.size), findings);
    if comparable {
        compare_with_masks(boxes, masks, union.bounds, findings);
    }
    Ok(union)
}

/// Lists boxes without area and boxes that extend beyond the image.
fn check_extents(boxes: &[Rect], image: Size, findings: &mut Vec<Finding>) {
    let (width, height) = (f64::from(image.width), f64::from(image.height));
    for (index, &found) in boxes.iter().enumerate() {
        if found.width() <= 0.0 || found.height() <= 0.0 {
            findings.push(Finding::of_element("bbox", index, Problem::EmptyBox { found }));
        }
        let inside = found.x1 >= -EDGE_SLACK
            && found.y1 >= -EDGE_SLACK
            && found.x2 <= width + EDGE_SLACK
            && found.y2 <= height + EDGE_SLACK;
        if !inside && image.pixels() > 0 {
            findings.push(Finding::of_element("bbox", index, Problem::BoxOutside { found, image }));
        }
    }
}

/// Lists boxes that differ from the bounds of their masks: one by one where there is one box for each
/// mask, else the hull of all boxes against the bounds of the union.
fn compare_with_masks(
    boxes: &[Rect],
    masks: &[DecodedMask],
    union: Option<PixelRect>,
    findings: &mut Vec<Finding>,
) {
    if boxes.len() == masks.len() {
        for (index, (&found, part)) in boxes.iter().zip(masks).enumerate() {
            if let Some(problem) = part.bounds.and_then(|bounds| disagreement(found, bounds)) {
                findings.push(Finding::of_element("bbox", index, problem));
            }
        }
    } else if let Some(bounds) = union
        && let Some(around) = boxes.iter().copied().reduce(hull_of_boxes)
        && let Some(problem) = disagreement(around, bounds)
    {
        findings.push(Finding::new("bbox", problem));
    }
}

/// Compares the published area with the number of pixels.
pub(crate) fn area(published: Option<f64>, counted: u64, findings: &mut Vec<Finding>) {
    if let Some(published) = published
        && (published - counted as f64).abs() > 1.0_f64.max(counted as f64 * 0.01)
    {
        findings.push(Finding::new("area", Problem::AreaDiffers { published, counted }));
    }
}

fn disagreement(found: Rect, mask: PixelRect) -> Option<Problem> {
    if fits(found, mask, MIN_BOX_IOU) {
        return None;
    }
    let bounds = Rect::from(mask);
    let overlap = iou(found, bounds);
    let as_size = Rect::from_xywh([found.x1, found.y1, found.x2, found.y2]);
    let as_corner = Rect { x2: found.width(), y2: found.height(), ..found };
    let fits_in_other_order =
        [as_size, as_corner].into_iter().any(|other| iou(other, bounds) >= FITTING_BOX_IOU);
    Some(Problem::BoxDisagrees { mask, iou: overlap as f32, fits_in_other_order })
}

/// Returns `true` if a box and the bounds of a mask have at least this intersection over union, or edges
/// at most [`EDGE_SLACK`] apart: a box of fractions and the whole pixels of a small mask may overlap little
/// and still agree.
pub(crate) fn fits(found: Rect, mask: PixelRect, min_iou: f64) -> bool {
    let bounds = Rect::from(mask);
    let edges = [(found.x1, bounds.x1), (found.y1, bounds.y1), (found.x2, bounds.x2), (found.y2, bounds.y2)];
    iou(found, bounds) >= min_iou || edges.iter().all(|(edge, other)| (edge - other).abs() <= EDGE_SLACK)
}

/// Returns the smallest rectangle around two.
fn hull(a: PixelRect, b: PixelRect) -> PixelRect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let (right, bottom) = ((a.x + a.width).max(b.x + b.width), (a.y + a.height).max(b.y + b.height));
    PixelRect { x, y, width: right - x, height: bottom - y }
}

pub(super) fn hull_of_boxes(a: Rect, b: Rect) -> Rect {
    Rect { x1: a.x1.min(b.x1), y1: a.y1.min(b.y1), x2: a.x2.max(b.x2), y2: a.y2.max(b.y2) }
}

pub(super) fn iou(a: Rect, b: Rect) -> f64 {
    let area = |rect: Rect| rect.width().max(0.0) * rect.height().max(0.0);
    let shared =
        area(Rect { x1: a.x1.max(b.x1), y1: a.y1.max(b.y1), x2: a.x2.min(b.x2), y2: a.y2.min(b.y2) });
    let whole = area(a) + area(b) - shared;
    if whole > 0.0 { shared / whole } else { 0.0 }
}
