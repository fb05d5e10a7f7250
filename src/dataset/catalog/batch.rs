//! Annotations of a file that are measured together, on any thread or in any worker.

use serde::{Deserialize, Serialize};

use super::facets::{Cell, Measures};
use super::keys::hash64_of;
use crate::dataset::audit::{Finding, NoiseReport};
use crate::dataset::json::{RawAnnotation, parse_annotation};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, ImageRecord};

/// Bytes of JSON from which on a batch is complete: some hundred annotations, some ms of work.
const BATCH_BYTES: usize = 1 << 20;

/// Annotations as they follow each other in a file, [completed](crate::dataset::completed).
#[derive(Debug, Default)]
pub struct AnnotationBatch {
    first: u64,
    json: Vec<u8>,
    lengths: Vec<u32>,
    /// The place of each annotation in the file.
    places: Vec<Place>,
}

/// The place of a record in a file, with its key where its section is an object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Position of the first byte.
    pub(super) at: u64,
    /// Number of bytes.
    pub(super) bytes: u64,
}

/// An annotation as a catalog has it, measured without its image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct MeasuredRow {
    pub(super) entity: String,
    pub(super) split: String,
    /// The hash of the id.
    pub(super) id: u64,
    /// The hash of the image's id.
    pub(super) image: u64,
    /// Width and height of the mask; 0 where there is none, or where a side is longer than 65,535.
    pub(super) mask_size: [u16; 2],
    /// The bits of the bin combination, with the first split, before it is [settled](Cell::settled).
    pub(super) cell: u32,
}

/// An annotation that was parsed and measured.
pub struct MeasuredAnnotation {
    /// The annotation.
    pub annotation: Annotation,
    /// The score and the facets of its masks.
    pub report: NoiseReport,
}

impl AnnotationBatch {
    /// Creates an empty batch; `first` is the number of its first annotation in the file, from 0.
    pub(super) fn new(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    pub(super) fn push(&mut self, place: Place, json: &[u8]) {
        self.json.extend_from_slice(json);
        self.lengths.push(json.len() as u32);
        self.places.push(place);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.json.len() >= BATCH_BYTES
    }

    /// Returns the number of the first annotation in the file, from 0.
    pub fn first(&self) -> u64 {
        self.first
    }

    /// Returns the JSON objects of the annotations, one after the other without separators.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Returns the length of each annotation's JSON.
    pub fn lengths(&self) -> &[u32] {
        &self.lengths
    }

    /// Iterates over the annotations: number, place in the file, and JSON.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Place, &[u8])> {
        let numbers = self.first..;
        numbers
            .zip(&self.places)
            .zip(pieces(&self.json, &self.lengths))
            .map(|((number, &place), json)| (number, place, json))
    }

    /// Measures the annotations; see [`measure_rows`].
    pub fn measure(&self, limits: &ReadLimits) -> Vec<Option<MeasuredRow>> {
        measure_rows(self.first, &self.json, &self.lengths, limits)
    }
}

/// Measures the annotations of a batch: [`first`](AnnotationBatch::first), [`json`](AnnotationBatch::json)
/// and [`lengths`](AnnotationBatch::lengths). Returns `None` for one that is not valid JSON, or that has
/// polygons, which need the image's size.
pub fn measure_rows(
    first: u64,
    json: &[u8],
    lengths: &[u32],
    limits: &ReadLimits,
) -> Vec<Option<MeasuredRow>> {
    let measure = |(number, json): (u64, &[u8])| {
        let raw = parse_annotation(json, number, limits).ok().filter(|raw| !raw.has_polygons())?;
        Some(MeasuredAnnotation::of_image(raw, Some(&ImageRecord::default()), limits).into_row())
    };
    (first..).zip(pieces(json, lengths)).map(measure).collect()
}

/// Splits bytes into pieces of the given lengths; those that lie beyond the end are cut off.
fn pieces<'a>(bytes: &'a [u8], lengths: &'a [u32]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = bytes;
    lengths.iter().map(move |&length| {
        let (piece, behind) = rest.split_at((length as usize).min(rest.len()));
        rest = behind;
        piece
    })
}

impl MeasuredAnnotation {
    /// Decodes the masks of an annotation and measures them, with its image if the file lists it.
    pub fn of_image(raw: RawAnnotation, image: Option<&ImageRecord>, limits: &ReadLimits) -> Self {
        let (annotation, masks) = raw.resolve_keeping_masks(image, limits);
        let report = masks.inspect(&annotation);
        Self { annotation, report }
    }

    /// Does the same for an annotation of files that have no category, which is then not missing.
    pub fn without_categories(raw: RawAnnotation, image: Option<&ImageRecord>, limits: &ReadLimits) -> Self {
        let mut measured = Self::of_image(raw, image, limits);
        measured.annotation.forget_missing_category();
        measured
    }

    /// Returns the facets; `split` is the index in the catalog's list.
    pub fn measures(&self, split: usize) -> Measures {
        let has_problem = self.annotation.findings.iter().any(|found| !found.problem.is_noise());
        Measures {
            split,
            area_share: self.report.area_share,
            components: self.report.components,
            suspicion: self.report.suspicion,
            reasons: self.report.reasons,
            has_problem,
        }
    }

    pub(super) fn into_row(self) -> MeasuredRow {
        let size = self.annotation.mask_size;
        let mut problems = self.annotation.findings.iter().filter(|found| !found.problem.is_noise());
        let lacks_category = problems.next().is_some_and(Finding::is_missing_category);
        let cell = Cell::new(&self.measures(0));
        let cell = if lacks_category && problems.next().is_none() { cell.without_category() } else { cell };
        let sides = [size.width, size.height].map(u16::try_from);
        MeasuredRow {
            id: hash64_of(&self.annotation.id),
            image: hash64_of(&self.annotation.image),
            mask_size: if let [Ok(width), Ok(height)] = sides { [width, height] } else { [0; 2] },
            cell: cell.bits(),
            split: self.annotation.split_name().to_owned(),
            entity: self.annotation.category,
        }
    }
}
