//! Counts and examples of an annotation file of any length, computed without keeping its annotations.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;

use super::join::{ENTRY_BYTES, Join, Tables};
use crate::dataset::audit::{Finding, Problem, RecordKind, RecordRef, Tally};
use crate::dataset::json::{ReadItem, ReadProgress, Reader};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, ImageRecord};

/// Counts and examples of an annotation file.
#[derive(Debug, Default)]
pub struct Summary {
    /// The part of the file that was read.
    pub progress: ReadProgress,
    /// The images in file order, followed by the placeholders for those that annotations name and the
    /// file does not list.
    pub images: Vec<ImageRecord>,
    /// Number of annotations of each image, by the image's index.
    pub annotations_of_image: Vec<u64>,
    /// Number of categories in the file.
    pub categories: u64,
    /// Number of categories in the file that are Wikidata entities.
    pub entities: u64,
    /// Categories that annotations name, the most frequent first: the id, the name if the file lists
    /// it, and the number of annotations.
    pub used_categories: Vec<(String, Option<String>, u64)>,
    /// Number of annotations.
    pub annotations: u64,
    /// Number of valid masks; an annotation may have several.
    pub masks: u64,
    /// Number of valid boxes.
    pub boxes: u64,
    /// Number of labels.
    pub labels: u64,
    /// Number of annotations of each split as published; `""` for none.
    pub splits: BTreeMap<String, u64>,
    /// Number of annotations by the size of their mask: element `n` counts those of `2ⁿ⁻¹` to
    /// `2ⁿ - 1` pixels, element 0 empty ones.
    pub areas: Vec<u64>,
    /// Findings by their code.
    pub findings: BTreeMap<&'static str, Tally>,
}

/// Builds a [`Summary`] from chunks of a file.
///
/// Keeps images and categories in memory, and annotations only until their image is read. Of other
/// annotations it keeps a 64-bit hash of the id: among five million, the probability that different
/// ids count as duplicates is below 10⁻⁵.
pub struct SummaryBuilder {
    reader: Reader,
    join: Join,
    counts: Counts,
}

impl SummaryBuilder {
    /// Creates a builder at the beginning of a file, which keeps at most `max_examples` examples of
    /// each finding code.
    pub fn new(limits: ReadLimits, max_examples: usize) -> Self {
        Self { reader: Reader::new(limits), join: Join::new(limits), counts: Counts::new(max_examples) }
    }

    /// Reads the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { reader, join, counts } = self;
        reader.push(bytes, |item| push_item(join, counts, item));
    }

    /// Returns whether further bytes are ignored.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    /// Returns how much of the file was read so far.
    pub fn progress(&self) -> ReadProgress {
        self.reader.progress()
    }

    /// Ends the file here.
    pub fn finish(self) -> Summary {
        let Self { reader, mut join, mut counts } = self;
        let progress = reader.finish(|item| push_item(&mut join, &mut counts, item));
        let tables = join.finish(|join, annotation| counts.push(join, annotation));
        counts.summary.progress = progress;
        counts.finish(tables)
    }
}

fn push_item(join: &mut Join, counts: &mut Counts, item: ReadItem) {
    if let Some(annotation) = join.push(item) {
        counts.push(join, annotation);
    }
}

/// An unfinished summary.
struct Counts {
    summary: Summary,
    ids: HashSet<u64>,
    hasher: RandomState,
    /// Number of annotations of each category id, and the ids of the first of them.
    categories: HashMap<Box<str>, (u64, Vec<String>)>,
    /// Findings that an annotation has no category, which is no problem where the whole file has none.
    missing_categories: Tally,
    max_examples: usize,
}

impl Counts {
    fn new(max_examples: usize) -> Self {
        Self {
            summary: Summary::default(),
            ids: HashSet::new(),
            hasher: RandomState::new(),
            categories: HashMap::new(),
            missing_categories: Tally::default(),
            max_examples,
        }
    }

    fn push(&mut self, join: &mut Join, mut annotation: Annotation) {
        if !self.ids.insert(self.hasher.hash_one(&annotation.id)) {
            annotation.findings.push(Finding::new("id", Problem::DuplicateId));
        }
        let summary = &mut self.summary;
        summary.annotations += 1;
        summary.masks += annotation.parts.len() as u64;
        summary.boxes += annotation.boxes.len() as u64;
        summary.labels += annotation.labels.len() as u64;
        increment(&mut summary.areas, (u64::BITS - annotation.mask_area.leading_zeros()) as usize);
        match summary.splits.get_mut(annotation.split_name()) {
            Some(count) => *count += 1,
            None if join.reserve(annotation.split_name().len() as u64 + ENTRY_BYTES) => {
                summary.splits.insert(annotation.split_name().to_owned(), 1);
            }
            None => {}
        }
        if let Some(index) = join.image_index(&annotation.image) {
            increment(&mut summary.annotations_of_image, index as usize);
        }
        for finding in &annotation.findings {
            if finding.is_missing_category() {
                let record = RecordRef { kind: RecordKind::Annotation, id: &annotation.id };
                self.missing_categories.add(record, finding, self.max_examples);
            } else {
                self.tally(RecordKind::Annotation, &annotation.id, finding);
            }
        }
        self.count_category(join, annotation);
    }

    fn count_category(&mut self, join: &mut Join, annotation: Annotation) {
        let Annotation { id, category, .. } = annotation;
        if category.is_empty() {
            return;
        }
        let counted = self.categories.contains_key(category.as_str())
            || join.reserve(category.len() as u64 + ENTRY_BYTES);
        if counted {
            let (count, first) = self.categories.entry(category.into()).or_default();
            *count += 1;
            // The list of ids doubles when it grows.
            let bytes = id.len() + 2 * size_of::<String>();
            if first.len() < self.max_examples && join.reserve(bytes as u64) {
                first.push(id);
            }
        }
    }

    fn tally(&mut self, kind: RecordKind, id: &str, finding: &Finding) {
        let tally = self.summary.findings.entry(finding.code()).or_default();
        tally.add(RecordRef { kind, id }, finding, self.max_examples);
    }

    fn finish(mut self, tables: Tables) -> Summary {
        for (&code, count) in &tables.further_problems {
            self.summary.findings.entry(code).or_default().count += count;
        }
        for problem in &tables.problems {
            self.tally(RecordKind::File, "", problem);
        }
        for image in &tables.images {
            for finding in &image.findings {
                self.tally(RecordKind::Image, &image.id, finding);
            }
        }
        for category in &tables.categories {
            for finding in &category.findings {
                self.tally(RecordKind::Category, &category.id, finding);
            }
        }
        self.finish_categories(&tables);
        let mut summary = self.summary;
        summary.annotations_of_image.resize(tables.images.len(), 0);
        summary.categories = tables.categories.len() as u64;
        summary.entities = tables.categories.iter().filter(|category| category.is_entity()).count() as u64;
        summary.images = tables.images;
        summary
    }

    /// Lists the categories in use by frequency, and counts the annotations of unknown ones as findings.
    fn finish_categories(&mut self, tables: &Tables) {
        // Sorted by id, so that the same file gives the same examples each time.
        let mut counted: Vec<_> = std::mem::take(&mut self.categories).into_iter().collect();
        counted.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let missing = std::mem::take(&mut self.missing_categories);
        if missing.count > 0 && !(counted.is_empty() && tables.categories.is_empty()) {
            let tally = self.summary.findings.entry(Problem::Missing.code()).or_default();
            tally.append(missing, self.max_examples);
        }
        let mut used = Vec::with_capacity(counted.len());
        for (id, (count, first)) in counted {
            let index = tables.category_by_id.get(&id);
            let name = index.map(|&index| tables.categories[index as usize].name.clone());
            if name.is_none() {
                let finding = Finding::new("category_id", Problem::UnknownCategory { id: id.clone() });
                for annotation in &first {
                    self.tally(RecordKind::Annotation, annotation, &finding);
                }
                let without_example = count - first.len() as u64;
                self.summary.findings.entry(finding.code()).or_default().count += without_example;
            }
            used.push((id.into(), name, count));
        }
        used.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        self.summary.used_categories = used;
    }
}

/// Increments an element, after growing the list to have it.
fn increment(counts: &mut Vec<u64>, index: usize) {
    counts.resize(counts.len().max(index + 1), 0);
    counts[index] += 1;
}
