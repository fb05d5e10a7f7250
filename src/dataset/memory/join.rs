//! Brings annotations together with their images and categories, in whatever order a file lists them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::chunked::ChunkedVec;
use crate::dataset::audit::{Finding, Problem};
use crate::dataset::json::{RawAnnotation, ReadItem};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord};

/// The images and categories of a file, and the annotations that still wait for theirs.
///
/// Annotations are handed on settled as soon as their image is known. One whose image the file does
/// not list gets a stand-in, so that its masks can still be shown.
#[derive(Default)]
pub(super) struct Join {
    limits: ReadLimits,
    images: Vec<ImageRecord>,
    categories: Vec<Category>,
    image_by_id: HashMap<Box<str>, u32>,
    category_by_id: HashMap<Box<str>, u32>,
    waiting: ChunkedVec<RawAnnotation>,
    problems: Vec<Problem>,
    further_problems: BTreeMap<&'static str, u64>,
    memory_bytes: u64,
    /// Records left out for want of memory.
    left_out: u64,
}

/// What a finished [`Join`] knows.
pub(super) struct Joined {
    pub(super) images: Vec<ImageRecord>,
    pub(super) categories: Vec<Category>,
    pub(super) image_by_id: HashMap<Box<str>, u32>,
    pub(super) category_by_id: HashMap<Box<str>, u32>,
    pub(super) problems: Vec<Problem>,
    /// How many more there were, by their code.
    pub(super) further_problems: BTreeMap<&'static str, u64>,
}

/// Problems of a file that are kept in full; further ones are counted.
const MAX_PROBLEMS: usize = 10_000;
/// About what a map takes for an entry while it grows, the text of its key left out.
pub(super) const ENTRY_BYTES: u64 = 64;

impl Join {
    /// A join that knows nothing yet.
    pub(super) fn new(limits: ReadLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes what the reader found; answers an annotation where it is complete.
    pub(super) fn push(&mut self, item: ReadItem) -> Option<Annotation> {
        match item {
            ReadItem::Image(image) => self.push_image(image),
            ReadItem::Category(category) => self.push_category(category),
            ReadItem::Annotation(raw) => return self.push_raw(raw),
            ReadItem::Problem(problem) => self.push_problem(problem),
        }
        None
    }

    /// Counts memory that the caller keeps for a record; answers whether there is room for it.
    pub(super) fn keep(&mut self, bytes: u64) -> bool {
        let kept = self.memory_bytes.saturating_add(bytes);
        let fits = kept <= self.limits.memory_bytes;
        if fits {
            self.memory_bytes = kept;
        } else {
            self.left_out += 1;
        }
        fits
    }

    /// The image of this id.
    pub(super) fn image(&self, id: &str) -> Option<&ImageRecord> {
        self.image_by_id.get(id).map(|&index| &self.images[index as usize])
    }

    /// Which image, in the order they came, has this id.
    pub(super) fn image_index(&self, id: &str) -> Option<u32> {
        self.image_by_id.get(id).copied()
    }

    /// Settles the annotations that still wait, handing each on, and answers what is known.
    pub(super) fn finish(mut self, mut sink: impl FnMut(&mut Self, Annotation)) -> Joined {
        // Stand-ins come behind the listed images, and no annotation is settled by one.
        let listed = self.images.len() as u32;
        for raw in std::mem::take(&mut self.waiting) {
            self.memory_bytes -= raw.memory_bytes();
            let index = self.image_index(raw.image()).filter(|&index| index < listed);
            let image = index.map(|index| &self.images[index as usize]);
            let annotation = raw.resolve(image, &self.limits);
            self.add_placeholder(&annotation);
            sink(&mut self, annotation);
        }
        if self.left_out > 0 {
            self.problems.push(Problem::LeftOut { records: self.left_out, limit: self.limits.memory_bytes });
        }
        Joined {
            images: self.images,
            categories: self.categories,
            image_by_id: self.image_by_id,
            category_by_id: self.category_by_id,
            problems: self.problems,
            further_problems: self.further_problems,
        }
    }

    fn push_image(&mut self, mut image: ImageRecord) {
        image.findings.shrink_to_fit();
        if !self.keep(image.memory_bytes() + image.id.len() as u64 + ENTRY_BYTES) {
            return;
        }
        match self.image_by_id.entry(image.id.as_str().into()) {
            Entry::Occupied(_) => image.findings.push(Finding::new("id", Problem::DuplicateId)),
            Entry::Vacant(vacant) => {
                vacant.insert(self.images.len() as u32);
            }
        }
        self.images.push(image);
    }

    fn push_category(&mut self, mut category: Category) {
        category.findings.shrink_to_fit();
        if !self.keep(category.memory_bytes() + category.id.len() as u64 + ENTRY_BYTES) {
            return;
        }
        match self.category_by_id.entry(category.id.as_str().into()) {
            Entry::Occupied(_) => category.findings.push(Finding::new("id", Problem::DuplicateId)),
            Entry::Vacant(vacant) => {
                vacant.insert(self.categories.len() as u32);
            }
        }
        self.categories.push(category);
    }

    fn push_raw(&mut self, mut raw: RawAnnotation) -> Option<Annotation> {
        if let Some(image) = self.image(raw.image()) {
            return Some(raw.resolve(Some(image), &self.limits));
        }
        raw.shrink_to_fit();
        if self.keep(raw.memory_bytes()) {
            self.waiting.push(raw);
        }
        None
    }

    fn push_problem(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            *self.further_problems.entry(problem.code()).or_default() += 1;
        }
    }

    /// Adds an annotation's image where the file does not list it.
    fn add_placeholder(&mut self, annotation: &Annotation) {
        if self.image_by_id.contains_key(annotation.image.as_str()) {
            return;
        }
        self.push_image(ImageRecord {
            id: annotation.image.clone(),
            size: Some(annotation.mask_size).filter(|size| size.pixels() > 0),
            findings: vec![Finding::new("", Problem::NotListed)],
            ..ImageRecord::default()
        });
    }
}
