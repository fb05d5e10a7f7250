//! An overview of an annotation file of any length: counts and examples, no annotation kept.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::BuildHasher;

use super::join::{ENTRY_BYTES, Join, Joined};
use crate::dataset::audit::{Finding, Problem, RecordKind, RecordRef, Tally};
use crate::dataset::json::{ReadItem, ReadProgress, Reader};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, ImageRecord};

/// What an annotation file holds, and what is odd about it.
#[derive(Debug, Default)]
pub struct Summary {
    /// How much was read.
    pub progress: ReadProgress,
    /// The images listed, and the stand-ins for those that annotations name and the file does not list.
    pub images: Vec<ImageRecord>,
    /// How many annotations each image has.
    pub annotations_of_image: Vec<u64>,
    /// Categories listed.
    pub categories: u64,
    /// Categories listed that are Wikidata entities.
    pub entities: u64,
    /// Categories that annotations name, the most frequent first: id, name where the file lists it,
    /// and annotations.
    pub used_categories: Vec<(String, Option<String>, u64)>,
    /// Annotations read.
    pub annotations: u64,
    /// Masks that decode; an annotation may have several.
    pub masks: u64,
    /// Boxes.
    pub boxes: u64,
    /// Labels.
    pub labels: u64,
    /// Annotations of each split as published; `""` for none.
    pub splits: BTreeMap<String, u64>,
    /// Annotations by the size of their mask: element `n` counts those of `2ⁿ⁻¹` to `2ⁿ - 1`
    /// pixels, element 0 empty ones.
    pub areas: Vec<u64>,
    /// Findings by their code.
    pub findings: BTreeMap<&'static str, Tally>,
}

/// Makes a [`Summary`] from chunks of a file.
///
/// Keeps images and categories, and annotations only while their image is still to come. Of
/// annotations, a 64-bit hash of the id is kept: among five million, the chance that differing ids
/// are taken for a duplicate is below 10⁻⁵.
pub struct SummaryBuilder {
    reader: Reader,
    join: Join,
    counts: Counts,
}

impl SummaryBuilder {
    /// At the beginning of a file, to keep this many examples of each sort of finding.
    pub fn new(limits: ReadLimits, max_examples: usize) -> Self {
        Self { reader: Reader::new(limits), join: Join::new(limits), counts: Counts::new(max_examples) }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { reader, join, counts } = self;
        reader.push(bytes, |item| take(join, counts, item));
    }

    /// Whether further bytes change nothing.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    /// How far it has come.
    pub fn progress(&self) -> ReadProgress {
        self.reader.progress()
    }

    /// Ends the file here.
    pub fn finish(self) -> Summary {
        let Self { reader, mut join, mut counts } = self;
        let progress = reader.finish(|item| take(&mut join, &mut counts, item));
        let joined = join.finish(|join, annotation| counts.annotation(join, annotation));
        counts.summary.progress = progress;
        counts.finish(joined)
    }
}

fn take(join: &mut Join, counts: &mut Counts, item: ReadItem) {
    if let Some(annotation) = join.push(item) {
        counts.annotation(join, annotation);
    }
}

/// A summary in the making.
struct Counts {
    summary: Summary,
    ids: HashSet<u64>,
    hasher: RandomState,
    /// How many annotations each category id has, and the first of them.
    categories: HashMap<Box<str>, (u64, Vec<String>)>,
    max_examples: usize,
}

impl Counts {
    fn new(max_examples: usize) -> Self {
        Self {
            summary: Summary::default(),
            ids: HashSet::new(),
            hasher: RandomState::new(),
            categories: HashMap::new(),
            max_examples,
        }
    }

    fn annotation(&mut self, join: &mut Join, mut annotation: Annotation) {
        if !self.ids.insert(self.hasher.hash_one(&annotation.id)) {
            annotation.findings.push(Finding::new("id", Problem::DuplicateId));
        }
        let summary = &mut self.summary;
        summary.annotations += 1;
        summary.masks += annotation.parts.len() as u64;
        summary.boxes += annotation.boxes.len() as u64;
        summary.labels += annotation.labels.len() as u64;
        let doublings = (u64::BITS - annotation.mask_area.leading_zeros()) as usize;
        count(&mut summary.areas, doublings);
        match summary.splits.get_mut(annotation.split_name()) {
            Some(count) => *count += 1,
            None if join.keep(annotation.split_name().len() as u64 + ENTRY_BYTES) => {
                summary.splits.insert(annotation.split_name().to_owned(), 1);
            }
            None => {}
        }
        if let Some(index) = join.image_index(&annotation.image) {
            count(&mut summary.annotations_of_image, index as usize);
        }
        for finding in &annotation.findings {
            self.tally(RecordKind::Annotation, &annotation.id, finding);
        }
        if annotation.category.is_empty() {
            return;
        }
        let kept = self.categories.contains_key(annotation.category.as_str())
            || join.keep(annotation.category.len() as u64 + ENTRY_BYTES);
        if kept {
            let (count, first) = self.categories.entry(annotation.category.into()).or_default();
            *count += 1;
            // In a list that doubles.
            let bytes = annotation.id.len() + 2 * size_of::<String>();
            if first.len() < self.max_examples && join.keep(bytes as u64) {
                first.push(annotation.id);
            }
        }
    }

    fn tally(&mut self, kind: RecordKind, id: &str, finding: &Finding) {
        let tally = self.summary.findings.entry(finding.code()).or_default();
        tally.add(RecordRef { kind, id }, finding, self.max_examples);
    }

    fn finish(mut self, joined: Joined) -> Summary {
        for (code, count) in joined.further_problems {
            self.summary.findings.entry(code).or_default().count += count;
        }
        for problem in joined.problems {
            self.tally(RecordKind::File, "", &Finding::new("", problem));
        }
        for image in &joined.images {
            for finding in &image.findings {
                self.tally(RecordKind::Image, &image.id, finding);
            }
        }
        for category in &joined.categories {
            for finding in &category.findings {
                self.tally(RecordKind::Category, &category.id, finding);
            }
        }
        let mut used: Vec<(String, Option<String>, u64)> = Vec::with_capacity(self.categories.len());
        // In the order of the ids, so that a file has the same examples each time.
        let mut named: Vec<_> = std::mem::take(&mut self.categories).into_iter().collect();
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (id, (count, first)) in named {
            if let Some(&index) = joined.category_by_id.get(&id) {
                used.push((id.into(), Some(joined.categories[index as usize].name.clone()), count));
                continue;
            }
            let finding = Finding::new("category_id", Problem::UnknownCategory { id: id.clone() });
            for annotation in &first {
                self.tally(RecordKind::Annotation, annotation, &finding);
            }
            self.summary.findings.entry(finding.code()).or_default().count += count - first.len() as u64;
            used.push((id.into(), None, count));
        }
        used.sort_by(|(a_id, _, a), (b_id, _, b)| b.cmp(a).then_with(|| a_id.cmp(b_id)));
        let mut summary = self.summary;
        summary.annotations_of_image.resize(joined.images.len(), 0);
        summary.categories = joined.categories.len() as u64;
        summary.entities = joined.categories.iter().filter(|category| category.is_entity()).count() as u64;
        summary.images = joined.images;
        summary.used_categories = used;
        summary
    }
}

/// Adds one to an element, which need not be there yet.
fn count(counts: &mut Vec<u64>, index: usize) {
    counts.resize(counts.len().max(index + 1), 0);
    counts[index] += 1;
}
