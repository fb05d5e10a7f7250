//! Looks for signs of noise in an annotation made by machines: nine rules, and one number that combines
//! them.

mod boxes;
mod columns;
mod components;
mod measure;
mod parts;
mod question;
mod reason;
mod swap;

pub use reason::{NoiseReason, NoiseReasons};

use components::Components;
use parts::Part;

use crate::geometry::Rect;
use crate::rle::Mask;

/// A mask covers the whole image from this share of its pixels on.
const MIN_WHOLE_SHARE: f64 = 0.95;

/// An annotation as [`inspect`] needs it.
#[derive(Clone, Copy, Debug)]
pub struct NoiseInput<'a> {
    /// Masks of the annotation's list, in order.
    pub parts: &'a [Mask],
    /// Union of the masks.
    pub union: &'a Mask,
    /// Boxes x1, y1, x2, y2 in image space; where there are as many as parts, in the order of the parts.
    pub boxes: &'a [Rect],
    /// Question about the image.
    pub question: Option<&'a str>,
}

/// The signs of noise in an annotation, and measurements of its mask.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NoiseReport {
    /// Rules that found something.
    pub reasons: NoiseReasons,
    /// Combined weight of the reasons, from 0 to 1, see [`NoiseReasons::suspicion`].
    pub suspicion: f32,
    /// Number of pixels of the union.
    pub area: u64,
    /// Share of the image's pixels that the union has, from 0 to 1; 0 for an image without pixels.
    pub area_share: f32,
    /// Number of connected components of the union, where pixels that share a corner are connected.
    pub components: u32,
}

/// Applies all rules to an annotation. The time grows with the number of runs; a part whose size
/// differs from that of the union is not compared with the others.
///
/// ```
/// use masklink::dataset::{NoiseInput, NoiseReason, inspect};
/// use masklink::geometry::{Rect, Size};
/// use masklink::rle::Mask;
///
/// let mask = Mask::from_polygon(Size::new(90, 60), &[10.0, 10.0, 50.0, 10.0, 50.0, 40.0, 10.0, 40.0])?;
/// let boxes = [Rect { x1: 60.0, y1: 10.0, x2: 85.0, y2: 40.0 }];
/// let parts = std::slice::from_ref(&mask);
/// let report = inspect(&NoiseInput { parts, union: &mask, boxes: &boxes, question: None });
/// assert!(report.reasons.contains(NoiseReason::MaskOutsideBox));
/// assert!(!report.reasons.contains(NoiseReason::WholeImage));
/// # Ok::<(), masklink::rle::Error>(())
/// ```
pub fn inspect(input: &NoiseInput<'_>) -> NoiseReport {
    let pixels = input.union.size().pixels();
    let components = Components::new(input.union);
    let whole = Part::measured(input.union, components.whole());
    let mut report =
        NoiseReport { area: whole.area, components: components.len() as u32, ..NoiseReport::default() };
    if pixels > 0 {
        report.area_share = (whole.area as f64 / pixels as f64) as f32;
    }
    if input.question.is_some_and(question::asks_for_nothing_visible) {
        report.reasons.insert(NoiseReason::UnanswerableQuestion);
    }
    if whole.area == 0 {
        report.reasons.insert(NoiseReason::EmptyMask);
    } else {
        inspect_mask(input, &whole, &components, &mut report.reasons);
    }
    report.suspicion = report.reasons.suspicion();
    report
}

/// Applies the rules for masks that have pixels.
fn inspect_mask(
    input: &NoiseInput<'_>,
    whole: &Part<'_>,
    components: &Components,
    reasons: &mut NoiseReasons,
) {
    let share = whole.area as f64 / input.union.size().pixels() as f64;
    let measured: Vec<Part<'_>> = match input.parts {
        [_] => Vec::new(),
        parts => parts.iter().take(parts::MAX_COMPARED_PARTS).map(Part::new).collect(),
    };
    let found = [
        (NoiseReason::MaskOutsideBox, boxes::mask_outside(whole, input.boxes)),
        (NoiseReason::BoxDisagrees, boxes::disagree(whole, &measured, input.boxes, components)),
        (NoiseReason::StrayComponents, components.has_strays()),
        (NoiseReason::SwappedForeground, swap::is_swapped(whole, share)),
        (NoiseReason::WholeImage, share >= MIN_WHOLE_SHARE),
        (NoiseReason::DenseScene, components.is_dense() || boxes::are_many(input.boxes)),
        (NoiseReason::NearDuplicateMasks, parts::has_near_duplicates(&measured)),
    ];
    found.into_iter().filter(|&(_, found)| found).for_each(|(reason, _)| reasons.insert(reason));
}
