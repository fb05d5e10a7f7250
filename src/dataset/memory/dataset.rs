//! A whole annotation file in memory: its records joined, masks still encoded.

use std::collections::{BTreeMap, HashSet};
use std::io;

use super::chunked::ChunkedVec;
use super::csr_index::CsrIndex;
use super::join::{ENTRY_BYTES, Join, Tables};
use crate::dataset::audit::{Finding, Problem, RecordKind, RecordRef, Tally};
use crate::dataset::json::{ReadProgress, Reader};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord};

/// The records of an annotation file, joined by their ids.
#[derive(Default)]
pub struct Dataset {
    tables: Tables,
    annotations: ChunkedVec<Annotation>,
    annotations_by_image: CsrIndex,
    annotations_by_category: CsrIndex,
    progress: ReadProgress,
}

impl Dataset {
    /// Reads a file from memory. Never fails: [`findings`](Self::findings) lists all problems.
    pub fn read(bytes: &[u8], limits: &ReadLimits) -> Self {
        let mut builder = DatasetBuilder::new(*limits);
        builder.push(bytes);
        builder.finish()
    }

    /// Reads a stream to its end. Fails only if the stream does.
    pub fn read_from(mut stream: impl io::Read, limits: &ReadLimits) -> io::Result<Self> {
        let mut builder = DatasetBuilder::new(*limits);
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let length = match stream.read(&mut chunk) {
                Ok(0) => return Ok(builder.finish()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            builder.push(&chunk[..length]);
            if builder.is_done() {
                return Ok(builder.finish());
            }
        }
    }

    /// Returns the images in file order, followed by the placeholders.
    pub fn images(&self) -> &[ImageRecord] {
        &self.tables.images
    }

    /// Returns the categories in file order.
    pub fn categories(&self) -> &[Category] {
        &self.tables.categories
    }

    /// Returns the annotations in file order, except that those listed before their image follow at
    /// the end.
    pub fn annotations(&self) -> &ChunkedVec<Annotation> {
        &self.annotations
    }

    /// Returns the image of an annotation; `None` only if it did not fit into the memory budget.
    pub fn image_of(&self, annotation: &Annotation) -> Option<&ImageRecord> {
        self.image(&annotation.image)
    }

    /// Returns the category of an annotation; `None` if the file does not list it.
    pub fn category_of(&self, annotation: &Annotation) -> Option<&Category> {
        self.category(&annotation.category)
    }

    /// Returns the first image with this id.
    pub fn image(&self, id: &str) -> Option<&ImageRecord> {
        self.image_index(id).map(|index| &self.images()[index as usize])
    }

    /// Returns the first category with this id.
    pub fn category(&self, id: &str) -> Option<&Category> {
        self.category_index(id).map(|index| &self.categories()[index as usize])
    }

    /// Returns the index in [`images`](Self::images) of the first image with this id.
    pub fn image_index(&self, id: &str) -> Option<u32> {
        self.tables.image_by_id.get(id).copied()
    }

    /// Returns the key of an image, by its index: the id, and for a later image of the same id also its
    /// index, as in `7#12`.
    pub fn key_of(&self, image: u32) -> String {
        let id = self.images().get(image as usize).map_or("", |image| image.id.as_str());
        if self.image_index(id) == Some(image) { id.to_owned() } else { format!("{id}#{image}") }
    }

    /// Returns the index in [`images`](Self::images) of the image with this [key](Self::key_of).
    pub fn image_of_key(&self, key: &str) -> Option<u32> {
        self.image_index(key).or_else(|| {
            let (id, index) = key.rsplit_once('#')?;
            let index: u32 = index.parse().ok()?;
            self.images().get(index as usize).filter(|image| image.id == id).map(|_| index)
        })
    }

    /// Returns the index in [`categories`](Self::categories) of the first category with this id.
    pub fn category_index(&self, id: &str) -> Option<u32> {
        self.tables.category_by_id.get(id).copied()
    }

    /// Returns the indices in [`annotations`](Self::annotations) of an image's annotations, by the
    /// image's index.
    pub fn annotations_of_image(&self, image: u32) -> &[u32] {
        self.annotations_by_image.of(image)
    }

    /// Returns the indices in [`annotations`](Self::annotations) of a category's annotations, by the
    /// category's index.
    pub fn annotations_of_category(&self, category: u32) -> &[u32] {
        self.annotations_by_category.of(category)
    }

    /// Counts the annotations of each split, by its published name; `""` counts those without one.
    pub fn split_counts(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for annotation in &self.annotations {
            *counts.entry(annotation.split_name()).or_default() += 1;
        }
        counts
    }

    /// Returns how much of the file was read.
    pub fn progress(&self) -> ReadProgress {
        self.progress
    }

    /// Returns the number of records that are left out because they cannot be read or do not fit. Those
    /// after the end of a file that is cut off are not counted, see [`ReadProgress::is_whole`].
    pub fn left_out(&self) -> u64 {
        let of = |found: &Finding| match found.problem {
            Problem::LeftOut { records, .. } => records,
            ref problem => u64::from(problem.leaves_record_out()),
        };
        let further = self.tables.further_problems.iter();
        let further: u64 =
            further.filter(|(code, _)| LEFT_OUT_CODES.contains(code)).map(|(_, count)| count).sum();
        self.tables.problems.iter().map(of).sum::<u64>() + further
    }

    /// Returns the problem at which reading stopped before the end of the file.
    pub fn stopped_by(&self) -> Option<&Problem> {
        let ends =
            |problem: &&Problem| !problem.leaves_record_out() && !matches!(problem, Problem::LeftOut { .. });
        let mut last_first = self.tables.problems.iter().rev().map(|found| &found.problem);
        last_first.find(ends).filter(|_| !self.progress.is_whole)
    }

    /// Iterates over all findings with their records: the file first, then images, categories and
    /// annotations.
    pub fn findings(&self) -> impl Iterator<Item = (RecordRef<'_>, &Finding)> {
        let of = |kind, id, findings| (RecordRef { kind, id }, findings);
        let file = of(RecordKind::File, "", &self.tables.problems);
        let images = self.images().iter().map(move |image| of(RecordKind::Image, &image.id, &image.findings));
        let categories =
            self.categories().iter().map(move |one| of(RecordKind::Category, &one.id, &one.findings));
        let annotations =
            self.annotations.iter().map(move |one| of(RecordKind::Annotation, &one.id, &one.findings));
        std::iter::once(file)
            .chain(images)
            .chain(categories)
            .chain(annotations)
            .flat_map(|(record, findings)| findings.iter().map(move |finding| (record, finding)))
    }

    /// Counts the findings by their code, each with at most `max_examples` examples. Counts all
    /// problems of the file, of which [`findings`](Self::findings) lists only the first 10,000.
    pub fn findings_by_code(&self, max_examples: usize) -> BTreeMap<&'static str, Tally> {
        let further = self.tables.further_problems.iter();
        let mut tallies: BTreeMap<_, _> =
            further.map(|(&code, &count)| (code, Tally::without_examples(count))).collect();
        for (record, finding) in self.findings() {
            let tally: &mut Tally = tallies.entry(finding.code()).or_default();
            tally.add(record, finding, max_examples);
        }
        tallies
    }
}

/// Codes of the problems that leave a record out.
const LEFT_OUT_CODES: [&str; 2] = ["malformed", "record-too-long"];

/// Number of bytes read from a stream at once.
const CHUNK_BYTES: usize = 1 << 20;

/// Builds a [`Dataset`] from chunks of a file.
pub struct DatasetBuilder {
    reader: Reader,
    join: Join,
    annotations: ChunkedVec<Annotation>,
    ids: HashSet<Box<str>>,
}

impl DatasetBuilder {
    /// Creates a builder at the beginning of a file.
    pub fn new(limits: ReadLimits) -> Self {
        Self {
            reader: Reader::new(limits),
            join: Join::new(limits),
            annotations: ChunkedVec::default(),
            ids: HashSet::new(),
        }
    }

    /// Reads the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { reader, join, annotations, ids } = self;
        reader.push(bytes, |item| {
            if let Some(annotation) = join.push(item) {
                push_annotation(join, annotations, ids, annotation);
            }
        });
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
    pub fn finish(self) -> Dataset {
        let Self { reader, mut join, mut annotations, mut ids } = self;
        let progress = reader.finish(|problem| {
            join.push(problem);
        });
        let tables =
            join.finish(|join, annotation| push_annotation(join, &mut annotations, &mut ids, annotation));
        let mut dataset = Dataset { tables, annotations, progress, ..Dataset::default() };
        dataset.forget_categories();
        dataset.find_unknown_categories();
        dataset.infer_sizes();
        dataset.index_annotations();
        dataset
    }
}

fn push_annotation(
    join: &mut Join,
    annotations: &mut ChunkedVec<Annotation>,
    ids: &mut HashSet<Box<str>>,
    mut annotation: Annotation,
) {
    // `find_unknown_categories` may add a finding.
    let later_bytes = size_of::<Finding>() + annotation.category.len();
    if !join.reserve(annotation.memory_bytes() + ENTRY_BYTES + (annotation.id.len() + later_bytes) as u64) {
        return;
    }
    if !ids.insert(annotation.id.as_str().into()) {
        annotation.findings.push(Finding::new("id", Problem::DuplicateId));
    }
    annotations.push(annotation);
}

impl Dataset {
    /// Removes the findings about missing categories from a file that has none at all, as those of SA-1B.
    fn forget_categories(&mut self) {
        let has_none = |annotation: &Annotation| annotation.category.is_empty();
        if self.tables.categories.is_empty() && self.annotations.iter().all(has_none) {
            for annotation in self.annotations.iter_mut() {
                annotation.forget_missing_category();
            }
        }
    }

    /// Adds a finding to each annotation whose category the file does not list. COCO files list
    /// categories last, so this waits for the end of the file.
    fn find_unknown_categories(&mut self) {
        for annotation in self.annotations.iter_mut().filter(|annotation| !annotation.category.is_empty()) {
            if !self.tables.category_by_id.contains_key(annotation.category.as_str()) {
                let id = annotation.category.as_str().into();
                annotation.findings.reserve_exact(1);
                annotation.findings.push(Finding::new("category_id", Problem::UnknownCategory { id }));
            }
        }
    }

    /// Gives each image without a size that of its first mask.
    fn infer_sizes(&mut self) {
        let is_framed =
            |annotation: &&Annotation| annotation.mask_size.pixels() > 0 && !annotation.is_unframed();
        for annotation in self.annotations.iter().filter(is_framed) {
            if let Some(&index) = self.tables.image_by_id.get(annotation.image.as_str()) {
                self.tables.images[index as usize].size.get_or_insert(annotation.mask_size);
            }
        }
    }

    fn index_annotations(&mut self) {
        let count = self.annotations.len();
        self.annotations_by_image =
            CsrIndex::new(self.images().len(), count, |at| self.image_index(&self.annotations[at].image));
        self.annotations_by_category = CsrIndex::new(self.categories().len(), count, |at| {
            self.category_index(&self.annotations[at].category)
        });
    }
}
