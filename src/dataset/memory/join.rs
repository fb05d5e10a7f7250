//! Joins annotations with their images, in whatever order the file lists them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::chunked::ChunkedVec;
use crate::dataset::audit::{Finding, Problem};
use crate::dataset::json::{DrawBudget, RawAnnotation, ReadItem};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord};

/// Resolves each annotation as soon as its image is known.
///
/// An image that annotations name and the file does not list gets a placeholder, so that its masks can
/// still be shown.
#[derive(Default)]
pub(super) struct Join {
    limits: ReadLimits,
    tables: Tables,
    /// Annotations whose image is not known yet.
    waiting: ChunkedVec<RawAnnotation>,
    memory_bytes: u64,
    budget: DrawBudget,
    /// Number of records that did not fit into the memory budget.
    left_out: u64,
}

/// Everything in a file but its annotations.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) images: Vec<ImageRecord>,
    pub(super) categories: Vec<Category>,
    pub(super) image_by_id: HashMap<Box<str>, u32>,
    pub(super) category_by_id: HashMap<Box<str>, u32>,
    /// Problems of the file, at most [`MAX_PROBLEMS`].
    pub(super) problems: Vec<Finding>,
    /// Number of further problems of the file, by their code.
    pub(super) further_problems: BTreeMap<&'static str, u64>,
}

/// Maximum number of problems of a file that are kept; further ones are only counted.
const MAX_PROBLEMS: usize = 10_000;
/// Estimated bytes of an entry of a growing map, without the string of its key.
pub(super) const ENTRY_BYTES: u64 = 64;

impl Join {
    pub(super) fn new(limits: ReadLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Adds an item; returns an annotation if the item completes one.
    pub(super) fn push(&mut self, item: ReadItem) -> Option<Annotation> {
        match item {
            ReadItem::Image(image) => self.push_image(image),
            ReadItem::Category(category) => self.push_category(category),
            ReadItem::Annotation(raw) => return self.push_raw(raw),
            ReadItem::Problem(problem) => self.push_problem(problem),
        }
        None
    }

    /// Reserves memory for a record from the budget; returns false, and counts the record as left out,
    /// if it does not fit.
    pub(super) fn reserve(&mut self, bytes: u64) -> bool {
        let reserved = self.memory_bytes.saturating_add(bytes);
        let fits = reserved <= self.limits.memory_bytes;
        if fits {
            self.memory_bytes = reserved;
        } else {
            self.left_out += 1;
        }
        fits
    }

    /// Returns the index of the image with this id.
    pub(super) fn image_index(&self, id: &str) -> Option<u32> {
        self.tables.image_by_id.get(id).copied()
    }

    /// Resolves the annotations that still wait and passes each to `sink`.
    pub(super) fn finish(mut self, mut sink: impl FnMut(&mut Self, Annotation)) -> Tables {
        // Placeholders follow the listed images; no annotation is resolved with one.
        let listed = self.tables.images.len() as u32;
        for mut raw in std::mem::take(&mut self.waiting) {
            self.memory_bytes -= raw.memory_bytes();
            if let ("", [only]) = (raw.image(), &self.tables.images[..listed as usize]) {
                raw.set_only_image(&only.id, !self.tables.categories.is_empty());
            }
            let index = self.image_index(raw.image()).filter(|&index| index < listed);
            let image = index.map(|index| &self.tables.images[index as usize]);
            let (annotation, _) = raw.resolve_within(image, &self.limits, &mut self.budget);
            self.add_placeholder(&annotation);
            sink(&mut self, annotation);
        }
        if self.left_out > 0 {
            let problem = Problem::LeftOut { records: self.left_out, limit: self.limits.memory_bytes };
            self.tables.problems.push(Finding::new("", problem));
        }
        self.tables
    }

    fn push_image(&mut self, mut image: ImageRecord) {
        image.findings.shrink_to_fit();
        if self.reserve(image.memory_bytes() + image.id.len() as u64 + ENTRY_BYTES) {
            let Tables { images, image_by_id, .. } = &mut self.tables;
            add_id(image_by_id, &image.id, images.len(), &mut image.findings);
            images.push(image);
        }
    }

    fn push_category(&mut self, mut category: Category) {
        category.findings.shrink_to_fit();
        if self.reserve(category.memory_bytes() + category.id.len() as u64 + ENTRY_BYTES) {
            let Tables { categories, category_by_id, .. } = &mut self.tables;
            add_id(category_by_id, &category.id, categories.len(), &mut category.findings);
            categories.push(category);
        }
    }

    fn push_raw(&mut self, mut raw: RawAnnotation) -> Option<Annotation> {
        if let Some(index) = self.image_index(raw.image()) {
            let image = &self.tables.images[index as usize];
            return Some(raw.resolve_within(Some(image), &self.limits, &mut self.budget).0);
        }
        raw.shrink_to_fit();
        if self.reserve(raw.memory_bytes()) {
            self.waiting.push(raw);
        }
        None
    }

    fn push_problem(&mut self, problem: Problem) {
        if self.tables.problems.len() < MAX_PROBLEMS {
            self.tables.problems.push(Finding::new("", problem));
        } else {
            *self.tables.further_problems.entry(problem.code()).or_default() += 1;
        }
    }

    /// Adds a placeholder for an annotation's image if the file does not list it.
    fn add_placeholder(&mut self, annotation: &Annotation) {
        if self.image_index(&annotation.image).is_none() {
            self.push_image(ImageRecord {
                id: annotation.image.clone(),
                size: Some(annotation.mask_size)
                    .filter(|size| size.pixels() > 0 && !annotation.is_unframed()),
                findings: vec![Finding::new("", Problem::NotListed)],
                ..ImageRecord::default()
            });
        }
    }
}

/// Maps an id to the index of its first record; a later record of the same id gets a finding.
fn add_id(by_id: &mut HashMap<Box<str>, u32>, id: &str, index: usize, findings: &mut Vec<Finding>) {
    match by_id.entry(id.into()) {
        Entry::Occupied(_) => findings.push(Finding::new("id", Problem::DuplicateId)),
        Entry::Vacant(vacant) => {
            vacant.insert(index as u32);
        }
    }
}
