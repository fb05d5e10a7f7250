//! A whole annotation file in memory: its records joined, masks still encoded.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;

use super::chunked::ChunkedVec;
use super::csr_index::CsrIndex;
use super::join::{ENTRY_BYTES, Join};
use crate::dataset::audit::{Finding, Problem, RecordKind, RecordRef, Tally};
use crate::dataset::json::{ReadProgress, Reader};
use crate::dataset::limits::ReadLimits;
use crate::dataset::record::{Annotation, Category, ImageRecord};

/// The records of an annotation file, joined by their ids.
#[derive(Default)]
pub struct Dataset {
    images: Vec<ImageRecord>,
    categories: Vec<Category>,
    annotations: ChunkedVec<Annotation>,
    image_by_id: HashMap<Box<str>, u32>,
    category_by_id: HashMap<Box<str>, u32>,
    annotations_by_image: CsrIndex,
    annotations_by_category: CsrIndex,
    problems: Vec<Finding>,
    further_problems: BTreeMap<&'static str, u64>,
    progress: ReadProgress,
}

impl Dataset {
    /// Reads a file held in memory. Never fails: what is wrong is among the [`findings`](Self::findings).
    pub fn read(bytes: &[u8], limits: &ReadLimits) -> Self {
        let mut builder = DatasetBuilder::new(*limits);
        builder.push(bytes);
        builder.finish()
    }

    /// Reads a stream to its end. Fails only where the stream does.
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

    /// The images in the order of the file; stand-ins for unlisted ones at the end.
    pub fn images(&self) -> &[ImageRecord] {
        &self.images
    }

    /// The categories in the order of the file.
    pub fn categories(&self) -> &[Category] {
        &self.categories
    }

    /// The annotations in the order of the file, but those that came before their image at the end.
    pub fn annotations(&self) -> &ChunkedVec<Annotation> {
        &self.annotations
    }

    /// The image of an annotation; `None` only where memory ran into its limit.
    pub fn image_of(&self, annotation: &Annotation) -> Option<&ImageRecord> {
        self.image(&annotation.image)
    }

    /// The category of an annotation, where the file lists it.
    pub fn category_of(&self, annotation: &Annotation) -> Option<&Category> {
        self.category(&annotation.category)
    }

    /// The image of this id; the first where several have it.
    pub fn image(&self, id: &str) -> Option<&ImageRecord> {
        self.image_index(id).map(|index| &self.images[index as usize])
    }

    /// The category of this id; the first where several have it.
    pub fn category(&self, id: &str) -> Option<&Category> {
        self.category_index(id).map(|index| &self.categories[index as usize])
    }

    /// Where in [`images`](Self::images) the image of this id stands.
    pub fn image_index(&self, id: &str) -> Option<u32> {
        self.image_by_id.get(id).copied()
    }

    /// Where in [`categories`](Self::categories) the category of this id stands.
    pub fn category_index(&self, id: &str) -> Option<u32> {
        self.category_by_id.get(id).copied()
    }

    /// Which of the [`annotations`](Self::annotations) belong to an image, by the image's index.
    pub fn annotations_of_image(&self, image: u32) -> &[u32] {
        self.annotations_by_image.of(image)
    }

    /// Which of the [`annotations`](Self::annotations) show a category, by the category's index.
    pub fn annotations_of_category(&self, category: u32) -> &[u32] {
        self.annotations_by_category.of(category)
    }

    /// How many annotations each split has, by its published name; `""` counts those without one.
    pub fn split_counts(&self) -> BTreeMap<&str, u64> {
        let mut counts = BTreeMap::new();
        for annotation in &self.annotations {
            *counts.entry(annotation.split_name()).or_default() += 1;
        }
        counts
    }

    /// How much of the file was read.
    pub fn progress(&self) -> ReadProgress {
        self.progress
    }

    /// Everything that is odd, with its record: the file first, then images, categories and annotations.
    pub fn findings(&self) -> impl Iterator<Item = (RecordRef<'_>, &Finding)> {
        let file = (RecordRef { kind: RecordKind::File, id: "" }, self.problems.as_slice());
        let images = self.images.iter().map(|image| {
            (RecordRef { kind: RecordKind::Image, id: image.id.as_str() }, image.findings.as_slice())
        });
        let categories = self.categories.iter().map(|category| {
            (RecordRef { kind: RecordKind::Category, id: category.id.as_str() }, category.findings.as_slice())
        });
        let annotations = self.annotations.iter().map(|annotation| {
            (
                RecordRef { kind: RecordKind::Annotation, id: annotation.id.as_str() },
                annotation.findings.as_slice(),
            )
        });
        std::iter::once(file)
            .chain(images)
            .chain(categories)
            .chain(annotations)
            .flat_map(|(record, findings)| findings.iter().map(move |finding| (record, finding)))
    }

    /// The findings counted by their code, with this many examples of each. Of problems of the file
    /// itself more are counted than [`findings`](Self::findings) lists, where they are very many.
    pub fn findings_by_code(&self, max_examples: usize) -> BTreeMap<&'static str, Tally> {
        let further = self.further_problems.iter();
        let mut tallies: BTreeMap<_, _> = further.map(|(&code, &count)| (code, Tally::of(count))).collect();
        for (record, finding) in self.findings() {
            let tally: &mut Tally = tallies.entry(finding.code()).or_default();
            tally.add(record, finding, max_examples);
        }
        tallies
    }
}

/// Bytes read at a time from a stream.
const CHUNK_BYTES: usize = 1 << 20;

/// Puts a [`Dataset`] together from chunks of a file.
pub struct DatasetBuilder {
    reader: Reader,
    join: Join,
    annotations: ChunkedVec<Annotation>,
    ids: HashSet<Box<str>>,
}

impl DatasetBuilder {
    /// At the beginning of a file.
    pub fn new(limits: ReadLimits) -> Self {
        Self {
            reader: Reader::new(limits),
            join: Join::new(limits),
            annotations: ChunkedVec::default(),
            ids: HashSet::new(),
        }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { reader, join, annotations, ids } = self;
        reader.push(bytes, |item| {
            if let Some(annotation) = join.push(item) {
                keep(join, annotations, ids, annotation);
            }
        });
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
    pub fn finish(self) -> Dataset {
        let Self { reader, mut join, mut annotations, mut ids } = self;
        let mut problem = None;
        let progress = reader.finish(|item| problem = Some(item));
        if let Some(item) = problem {
            join.push(item);
        }
        let joined = join.finish(|join, annotation| keep(join, &mut annotations, &mut ids, annotation));
        let problems: Vec<Problem> = joined.problems;
        let mut dataset = Dataset {
            images: joined.images,
            categories: joined.categories,
            annotations,
            image_by_id: joined.image_by_id,
            category_by_id: joined.category_by_id,
            annotations_by_image: CsrIndex::default(),
            annotations_by_category: CsrIndex::default(),
            problems: problems.into_iter().map(|problem| Finding::new("", problem)).collect(),
            further_problems: joined.further_problems,
            progress,
        };
        dataset.look_up_categories();
        dataset.infer_sizes();
        dataset.group();
        dataset
    }
}

impl Dataset {
    /// Lists the categories that annotations name and the file has not. COCO's files list
    /// categories last, so this is known at the end only.
    fn look_up_categories(&mut self) {
        for annotation in self.annotations.iter_mut().filter(|annotation| !annotation.category.is_empty()) {
            if !self.category_by_id.contains_key(annotation.category.as_str()) {
                let id = annotation.category.as_str().into();
                annotation.findings.reserve_exact(1);
                annotation.findings.push(Finding::new("category_id", Problem::UnknownCategory { id }));
            }
        }
    }

    fn group(&mut self) {
        let of = |index: &HashMap<Box<str>, u32>, id: &str| index.get(id).copied();
        let annotations = &self.annotations;
        self.annotations_by_image = CsrIndex::new(self.images.len(), annotations.len(), |at| {
            of(&self.image_by_id, &annotations[at].image)
        });
        self.annotations_by_category = CsrIndex::new(self.categories.len(), annotations.len(), |at| {
            of(&self.category_by_id, &annotations[at].category)
        });
    }

    /// Gives images without a size that of their first mask.
    fn infer_sizes(&mut self) {
        for annotation in self.annotations.iter().filter(|annotation| annotation.mask_size.pixels() > 0) {
            if let Some(&index) = self.image_by_id.get(annotation.image.as_str()) {
                self.images[index as usize].size.get_or_insert(annotation.mask_size);
            }
        }
    }
}

fn keep(
    join: &mut Join,
    annotations: &mut ChunkedVec<Annotation>,
    ids: &mut HashSet<Box<str>>,
    mut annotation: Annotation,
) {
    // A category that is missing is found out at the end.
    let at_the_end = size_of::<Finding>() + annotation.category.len();
    if !join.keep(annotation.memory_bytes() + ENTRY_BYTES + (annotation.id.len() + at_the_end) as u64) {
        return;
    }
    if !ids.insert(annotation.id.as_str().into()) {
        annotation.findings.push(Finding::new("id", Problem::DuplicateId));
    }
    annotations.push(annotation);
}
