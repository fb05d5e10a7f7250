//! An annotation as read, before its image is known, and its conversion to a complete one.

use std::borrow::Cow;

use super::draw::{DrawBudget, Place, frame};
use super::forms::{form, other_order};
use crate::dataset::audit::{
    Finding, NoiseInput, NoiseReport, Problem,
    checks::{self, DecodedMask},
    inspect,
};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, EncodedMask, ImageRecord};
use crate::geometry::Size;
use crate::rle::{self, Mask};

/// An annotation whose masks are not decoded yet.
///
/// A file may list its annotations before its images, and a polygon needs the image's size to become
/// a mask.
#[derive(Clone, Debug)]
pub struct RawAnnotation {
    pub(super) annotation: Annotation,
    pub(super) masks: Vec<Indexed<RawMask>>,
    /// Flat x, y lists in image space.
    pub(super) polygons: Vec<Indexed<Vec<f64>>>,
    /// Length of the record.
    pub(super) bytes: u64,
}

/// The masks of an annotation that have its [`mask_size`](Annotation::mask_size), decoded.
#[derive(Clone, Debug, Default)]
pub struct DecodedMasks {
    /// The masks in the order of the published list.
    pub parts: Vec<Mask>,
    /// Their union, where there are two or more.
    union: Option<Mask>,
}

impl DecodedMasks {
    /// Returns the union of the masks; empty if there are none.
    pub fn union(&self, size: Size) -> Result<Cow<'_, Mask>, rle::Error> {
        match (&self.union, self.parts.as_slice()) {
            (Some(union), _) => Ok(Cow::Borrowed(union)),
            (None, [only]) => Ok(Cow::Borrowed(only)),
            (None, _) => Mask::empty(size).map(Cow::Owned),
        }
    }

    /// Runs the noise rules on the masks, boxes and question of their annotation.
    pub fn inspect(&self, annotation: &Annotation) -> NoiseReport {
        let Ok(union) = self.union(annotation.mask_size) else { return NoiseReport::default() };
        let question = annotation.question.as_deref();
        inspect(&NoiseInput { parts: &self.parts, union: &union, boxes: &annotation.boxes, question })
    }
}

/// An element with its index in the published list.
pub(super) type Indexed<T> = (usize, T);

/// An encoded mask that may be invalid.
#[derive(Clone, Debug)]
pub(super) enum RawMask {
    Compressed { size: Size, counts: Box<str> },
    Counts { size: Size, counts: Vec<f64> },
}

impl RawAnnotation {
    /// Returns the id, as [`Annotation::id`].
    pub fn id(&self) -> &str {
        &self.annotation.id
    }

    /// Returns the id of the image, as [`Annotation::image`].
    pub fn image(&self) -> &str {
        &self.annotation.image
    }

    /// Gives an annotation without an image the only one of its file, whose masks need no category either
    /// where the file has none.
    pub(crate) fn set_only_image(&mut self, id: &str, has_categories: bool) {
        let is_told = |field: &str| field == "image_id" || (field == "category_id" && !has_categories);
        self.annotation.findings.retain(|found| !(found.problem == Problem::Missing && is_told(found.field)));
        id.clone_into(&mut self.annotation.image);
    }

    /// Decodes the masks and checks the record, against its image if the file lists it.
    pub fn resolve(self, image: Option<&ImageRecord>, limits: &ReadLimits) -> Annotation {
        self.resolve_keeping_masks(image, limits).0
    }

    /// Does the same as [`resolve`](Self::resolve), and returns the decoded masks too.
    pub fn resolve_keeping_masks(
        self,
        image: Option<&ImageRecord>,
        limits: &ReadLimits,
    ) -> (Annotation, DecodedMasks) {
        self.resolve_within(image, limits, &mut DrawBudget::of_record())
    }

    /// Does the same, and draws polygons only within a budget.
    pub(crate) fn resolve_within(
        self,
        image: Option<&ImageRecord>,
        limits: &ReadLimits,
        budget: &mut DrawBudget,
    ) -> (Annotation, DecodedMasks) {
        let Self { mut annotation, masks, polygons, bytes } = self;
        let mut findings = std::mem::take(&mut annotation.findings);
        if image.is_none() && !annotation.image.is_empty() {
            let id = annotation.image.as_str().into();
            findings.push(Finding::new("image_id", Problem::MissingImage { id }));
        }
        let image_size = image.and_then(|image| image.size);
        let mut decoded = Vec::with_capacity(masks.len() + 1);
        // A box belongs to a mask where each mask has one.
        let has_own_boxes = polygons.is_empty() && annotation.boxes.len() == masks.len();
        for (at, (index, mask)) in masks.into_iter().enumerate() {
            let (mask, problem) = mask.sized(image_size);
            findings.extend(problem.map(|problem| Finding::of_element("segmentation", index, problem)));
            match mask.decode() {
                Ok((mut encoded, mask)) => {
                    let mut part = DecodedMask::new(index, mask);
                    let own_box = annotation.boxes.get(at).filter(|_| has_own_boxes);
                    let other = own_box.and_then(|&found| other_order(&part, found, image_size));
                    if let Some((mask, form)) = other {
                        findings.push(Finding::of_element(
                            "segmentation",
                            index,
                            Problem::OtherForm { form },
                        ));
                        (encoded, part) = (EncodedMask::from_mask(&mask), DecodedMask::new(index, mask));
                    }
                    annotation.parts.push(encoded);
                    decoded.push(part);
                }
                Err(error) => {
                    annotation.is_cut = true;
                    findings.push(Finding::of_element("segmentation", index, error.into()));
                }
            }
        }
        if let Some((index, _)) = polygons.first() {
            let outlines: Vec<_> = polygons.iter().map(|(_, polygon)| polygon.as_slice()).collect();
            let size = image_size.or(annotation.parts.first().map(EncodedMask::size));
            let (frame, place) = frame(&outlines, size);
            let problem = match (place, size) {
                (Place::InSwapped, _) => Some(Problem::SwappedImage { swapped: frame }),
                (Place::Beyond, Some(image)) => Some(Problem::PolygonsOutside { extent: frame, image }),
                (Place::Unknown, _) => Some(Problem::PolygonsWithoutSize),
                _ => None,
            };
            findings.extend(problem.map(|problem| Finding::new("segmentation", problem)));
            match budget.draw(frame, &outlines, bytes) {
                Ok(mask) => {
                    annotation.is_drawn = true;
                    annotation.parts.push(EncodedMask::from_mask(&mask));
                    decoded.push(DecodedMask::drawn(*index, mask));
                }
                Err(error) => {
                    annotation.is_cut = true;
                    findings.push(Finding::new("segmentation", error.into()));
                }
            }
        }
        let mut whole = None;
        match checks::masks(&decoded, &annotation.boxes, image_size, &mut findings) {
            Ok(union) => {
                annotation.mask_size = union.size;
                annotation.mask_area = union.area;
                annotation.mask_bounds = union.bounds;
                whole = union.mask;
            }
            Err(error) => findings.push(Finding::new("segmentation", error.into())),
        }
        if polygons.is_empty() && !decoded.is_empty() {
            checks::area(annotation.area, annotation.mask_area, &mut findings);
        }
        // An annotation without any mask is not a part of one.
        annotation.is_cut &= !annotation.parts.is_empty();
        findings.truncate(limits.findings);
        annotation.findings = findings;
        annotation.shrink_to_fit();
        let parts = decoded.into_iter().map(DecodedMask::into_mask);
        let parts = parts.filter(|mask| mask.size() == annotation.mask_size).collect();
        (annotation, DecodedMasks { parts, union: whole })
    }

    /// Returns whether the annotation has polygons, which need the image's size.
    pub fn has_polygons(&self) -> bool {
        !self.polygons.is_empty()
    }

    /// Frees unused capacity.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.annotation.shrink_to_fit();
        self.masks.shrink_to_fit();
        self.polygons.iter_mut().for_each(|(_, polygon)| polygon.shrink_to_fit());
        self.polygons.shrink_to_fit();
    }

    /// Estimates the bytes of memory it takes after [`shrink_to_fit`](Self::shrink_to_fit).
    pub(crate) fn memory_bytes(&self) -> u64 {
        let masks: usize = self.masks.iter().map(|(_, mask)| mask.count_bytes()).sum();
        let polygons: usize = self.polygons.iter().map(|(_, polygon)| size_of_val(polygon.as_slice())).sum();
        let lists = size_of_val(self.masks.as_slice()) + size_of_val(self.polygons.as_slice());
        self.annotation.memory_bytes()
            + (size_of::<Self>() - size_of::<Annotation>() + lists + masks + polygons) as u64
    }
}

impl RawMask {
    /// Gives a mask of size 0 that of its image, and returns the finding.
    fn sized(mut self, image: Option<Size>) -> (Self, Option<Problem>) {
        let (Self::Compressed { size, .. } | Self::Counts { size, .. }) = &mut self;
        let Some(image) = image.filter(|_| size.pixels() == 0) else { return (self, None) };
        *size = image;
        (self, Some(Problem::OtherForm { form: form::NO_SIZE }))
    }

    fn decode(self) -> Result<(EncodedMask, Mask), rle::Error> {
        match self {
            Self::Compressed { size, counts } => EncodedMask::from_compressed(size, counts),
            Self::Counts { size, counts } => {
                let run_length = |(at, &length): (usize, &f64)| {
                    let valid = length.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&length);
                    let error = rle::Error::RunLength { at, length: length as i64 };
                    if valid { Ok(length as u32) } else { Err(error) }
                };
                let counts = counts.iter().enumerate().map(run_length).collect::<Result<Vec<_>, _>>()?;
                let mask = Mask::from_counts(size, counts)?;
                Ok((EncodedMask::from_mask(&mask), mask))
            }
        }
    }

    /// Returns the number of bytes of its counts.
    fn count_bytes(&self) -> usize {
        match self {
            Self::Compressed { counts, .. } => counts.len(),
            Self::Counts { counts, .. } => counts.capacity() * size_of::<f64>(),
        }
    }
}
