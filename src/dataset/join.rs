//! Brings annotations together with their pictures and categories, in whatever order a file lists them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::{Annotation, Category, Draft, Finding, Item, Limits, Picture, Problem};

/// The pictures and categories of a file, and the annotations that still wait for theirs.
///
/// Annotations are handed on settled as soon as their picture is known. One whose picture the file does not list gets
/// a stand-in, so that its masks can still be shown.
#[derive(Default)]
pub(super) struct Join {
    limits: Limits,
    pictures: Vec<Picture>,
    categories: Vec<Category>,
    picture_by_id: HashMap<Box<str>, u32>,
    category_by_id: HashMap<Box<str>, u32>,
    waiting: Vec<Draft>,
    problems: Vec<Problem>,
    problems_left_out: u64,
    kept_bytes: u64,
    /// Whether a record was left out for want of memory.
    was_full: bool,
}

/// What a finished [`Join`] knows.
pub(super) struct Joined {
    pub(super) pictures: Vec<Picture>,
    pub(super) categories: Vec<Category>,
    pub(super) picture_by_id: HashMap<Box<str>, u32>,
    pub(super) category_by_id: HashMap<Box<str>, u32>,
    pub(super) problems: Vec<Problem>,
    pub(super) problems_left_out: u64,
}

/// Problems of a file that are kept in full; further ones are counted.
const MOST_PROBLEMS: usize = 10_000;

impl Join {
    /// A join that knows nothing yet.
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Takes what the reader found; answers an annotation where it is complete.
    pub(super) fn push(&mut self, item: Item) -> Option<Annotation> {
        match item {
            Item::Picture(picture) => self.push_picture(picture),
            Item::Category(category) => self.push_category(category),
            Item::Annotation(draft) => return self.push_draft(draft),
            Item::Problem(problem) => self.push_problem(problem),
        }
        None
    }

    /// Counts memory that the caller keeps for a record; answers whether there is room for it.
    pub(super) fn keep(&mut self, bytes: u64) -> bool {
        let (limit, actual) = (self.limits.kept_bytes, self.kept_bytes + bytes);
        let fits = actual <= limit;
        if fits {
            self.kept_bytes = actual;
        } else if !self.was_full {
            self.was_full = true;
            self.push_problem(Problem::Limit { what: "bytes of memory", limit, actual });
        }
        fits
    }

    /// The picture of this id.
    pub(super) fn picture(&self, id: &str) -> Option<&Picture> {
        self.picture_by_id.get(id).map(|&index| &self.pictures[index as usize])
    }

    /// Which picture, in the order they came, has this id.
    pub(super) fn picture_index(&self, id: &str) -> Option<u32> {
        self.picture_by_id.get(id).copied()
    }

    /// Settles the annotations that still wait, handing each on, and answers what is known.
    pub(super) fn finish(mut self, mut sink: impl FnMut(&mut Self, Annotation)) -> Joined {
        // Stand-ins come behind the listed pictures, and no annotation is settled by one.
        let listed = self.pictures.len() as u32;
        for draft in std::mem::take(&mut self.waiting) {
            self.kept_bytes -= draft.kept_bytes();
            let index = self.picture_index(draft.picture()).filter(|&index| index < listed);
            let picture = index.map(|index| &self.pictures[index as usize]);
            let annotation = draft.settle(picture, &self.limits);
            self.stand_in(&annotation);
            sink(&mut self, annotation);
        }
        Joined {
            pictures: self.pictures,
            categories: self.categories,
            picture_by_id: self.picture_by_id,
            category_by_id: self.category_by_id,
            problems: self.problems,
            problems_left_out: self.problems_left_out,
        }
    }

    fn push_picture(&mut self, mut picture: Picture) {
        let texts = picture.file.as_ref().map_or(0, String::len) + picture.url.as_ref().map_or(0, String::len);
        if !self.keep((size_of::<Picture>() + texts + 3 * picture.id.len()) as u64) {
            return;
        }
        match self.picture_by_id.entry(picture.id.as_str().into()) {
            Entry::Occupied(_) => picture.findings.push(Finding::new("id", Problem::DuplicateId)),
            Entry::Vacant(vacant) => {
                vacant.insert(self.pictures.len() as u32);
            }
        }
        self.pictures.push(picture);
    }

    fn push_category(&mut self, mut category: Category) {
        if !self.keep((size_of::<Category>() + category.text_bytes() + 3 * category.id.len()) as u64) {
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

    fn push_draft(&mut self, draft: Draft) -> Option<Annotation> {
        if let Some(picture) = self.picture(draft.picture()) {
            return Some(draft.settle(Some(picture), &self.limits));
        }
        if self.keep(draft.kept_bytes()) {
            self.waiting.push(draft);
        }
        None
    }

    fn push_problem(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.problems_left_out += 1;
        }
    }

    /// Adds what an annotation's picture lacks: the record itself, or its size.
    fn stand_in(&mut self, annotation: &Annotation) {
        if self.picture_by_id.contains_key(annotation.picture.as_str()) {
            return;
        }
        self.push_picture(Picture {
            id: annotation.picture.clone(),
            size: Some(annotation.mask_size).filter(|size| size.pixels() > 0),
            findings: vec![Finding::new("", Problem::NotListed)],
            ..Picture::default()
        });
    }
}
