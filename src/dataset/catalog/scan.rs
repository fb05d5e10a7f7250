//! Builds a catalog of a JSON file in one pass: facets and positions, without keeping its records.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::batch::{AnnotationBatch, MeasuredAnnotation, MeasuredRow, Place};
use super::build::{BuiltCatalog, CellCodes, Part, entities_part, entity_order, id_parts, image_parts};
use super::entities::EntityColumns;
use super::facets::{Cell, split_index};
use super::file_pattern::PatternSearch;
use super::format::{Header, POSITION_BYTES, Position, ProblemCount, part};
use super::keys::hash64_of;
use crate::dataset::audit::Problem;
use crate::dataset::json::{
    RecordScanner, Scanned, Section, completed, parse_annotation, parse_category, parse_image,
};
use crate::dataset::limits::ReadLimits;
use crate::dataset::memory::ChunkedVec;
use crate::dataset::record::ImageRecord;
use crate::geometry::Size;

/// Maximum number of examples of each problem.
const MAX_EXAMPLES: usize = 5;
/// Maximum number of rows: their numbers are 32-bit, and one is left for a hole.
const MAX_ROWS: usize = u32::MAX as usize - 1;
/// Maximum number of entities.
const MAX_ENTITIES: usize = 1 << 20;

/// Reads a JSON file as a stream and notes what its catalog needs: at most 32 bytes an annotation and 24 an
/// image, besides the entities.
///
/// Splitting the file into records is quick; measuring their masks takes most of the time and may be done
/// elsewhere, batch by batch. The catalog does not depend on that. Sizes of images that follow their
/// annotations are not known when masks are measured: then polygons have no area.
pub struct CatalogScan {
    scanner: RecordScanner,
    rows: Rows,
    current: AnnotationBatch,
    complete: VecDeque<Arc<AnnotationBatch>>,
    /// Batches that are measured elsewhere, in the order of the file.
    taken: VecDeque<Arc<AnnotationBatch>>,
    /// Rows of batches that came before earlier ones.
    early: HashMap<u64, Vec<Option<MeasuredRow>>>,
    annotations: u64,
}

/// The number of records read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Bytes of the file.
    pub bytes: u64,
    /// Annotations.
    pub annotations: u64,
}

impl CatalogScan {
    /// Creates a scan at the beginning of a file.
    pub fn new(limits: ReadLimits) -> Self {
        Self {
            scanner: RecordScanner::new(limits.record_bytes),
            rows: Rows::new(limits),
            current: AnnotationBatch::default(),
            complete: VecDeque::new(),
            taken: VecDeque::new(),
            early: HashMap::new(),
            annotations: 0,
        }
    }

    /// Reads the next bytes of the file. Complete batches wait for [`take_batch`](Self::take_batch).
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { scanner, rows, current, complete, annotations, .. } = self;
        scanner.push(bytes, &mut |scanned| {
            let (section, key, at, json, only_image) = match scanned {
                Scanned::Problem(problem) => return rows.add_problem(&problem),
                Scanned::Record { section, key, at, json, only_image } => {
                    (section, key, at, json, only_image)
                }
            };
            let start = key.map_or(at, |key| key.at);
            let place = Place { at: start, bytes: at - start + json.len() as u64 };
            let image = rows.only_image.as_deref().filter(|_| only_image);
            let image = image.filter(|_| section == Section::Annotations);
            let json = completed(json, key.map(|key| key.text), image);
            match section {
                Section::Images => rows.push_image(place, &json),
                Section::Categories => rows.push_category(at, &json),
                Section::Annotations => {
                    *annotations += 1;
                    current.push(place, &json);
                    if current.is_complete() {
                        let next = AnnotationBatch::new(*annotations);
                        complete.push_back(Arc::new(std::mem::replace(current, next)));
                    }
                }
            }
        });
    }

    /// Returns how much was read so far.
    pub fn progress(&self) -> ScanProgress {
        ScanProgress { bytes: self.scanner.position(), annotations: self.annotations }
    }

    /// Returns the next complete batch, to be [measured](AnnotationBatch::measure) anywhere and then given to
    /// [`push_measured`](Self::push_measured).
    pub fn take_batch(&mut self) -> Option<Arc<AnnotationBatch>> {
        let batch = self.complete.pop_front()?;
        self.taken.push_back(Arc::clone(&batch));
        Some(batch)
    }

    /// Adds the rows of a batch that was taken, by the number of its [first](AnnotationBatch::first)
    /// annotation. Batches may come in any order; those of other numbers are ignored.
    pub fn push_measured(&mut self, first: u64, rows: Vec<Option<MeasuredRow>>) {
        self.early.insert(first, rows);
        while let Some(batch) = self.taken.front()
            && let Some(rows) = self.early.remove(&batch.first())
        {
            self.rows.push_batch(batch, rows);
            self.taken.pop_front();
        }
    }

    /// Measures the complete batches here.
    pub fn measure_complete(&mut self) {
        while let Some(batch) = self.take_batch() {
            let rows = batch.measure(&self.rows.limits);
            self.push_measured(batch.first(), rows);
        }
    }

    /// Ends the file here, and sorts the rows by entity. Measures the batches that are left, also those that
    /// were taken and did not come back.
    pub fn finish(mut self) -> serde_json::Result<BuiltCatalog> {
        if !self.current.is_empty() {
            self.complete.push_back(Arc::new(std::mem::take(&mut self.current)));
        }
        for batch in std::mem::take(&mut self.taken).into_iter().chain(std::mem::take(&mut self.complete)) {
            let rows = self.early.remove(&batch.first());
            let rows = rows.unwrap_or_else(|| batch.measure(&self.rows.limits));
            self.rows.push_batch(&batch, rows);
        }
        if let Some(problem) = self.scanner.finish() {
            self.rows.add_problem(&problem);
        }
        self.rows.finish()
    }
}

/// Returns whether files have categories: they list `listed` of them, or an annotation has one of these ids.
pub fn has_categories<'a>(listed: u64, mut ids: impl Iterator<Item = &'a String>) -> bool {
    listed > 0 || ids.any(|id| !id.is_empty())
}

/// The rows in the order of the file.
struct Rows {
    limits: ReadLimits,
    cells: ChunkedVec<u32>,
    entities: ChunkedVec<u32>,
    ids: ChunkedVec<u32>,
    /// The hash of the image's id.
    images: ChunkedVec<u64>,
    /// Position and length of the annotation: 40 and 24 bits.
    positions: ChunkedVec<u64>,
    /// Width and height of the mask, as [`MeasuredRow::mask_size`].
    mask_sizes: ChunkedVec<[u16; 2]>,
    /// Every image of the file: hash, position and length (48 and 16 bits), size.
    image_table: Vec<ImageRow>,
    /// Whether the table is sorted by hash.
    images_sorted: bool,
    pattern: PatternSearch,
    entity_index: HashMap<String, u32>,
    titles: HashMap<String, String>,
    splits: Vec<String>,
    problems: BTreeMap<&'static str, ProblemCount>,
    image_number: u64,
    category_number: u64,
    /// The id of the first image.
    only_image: Option<String>,
}

#[derive(Clone, Copy)]
struct ImageRow {
    hash: u64,
    position: u64,
    /// Width and height; 0 where they are not stated.
    size: [u16; 2],
}

impl ImageRow {
    fn size(&self) -> Option<Size> {
        let [width, height] = self.size;
        (width > 0 && height > 0).then(|| Size::new(width.into(), height.into()))
    }

    /// Returns whether a mask of a size may be of this image.
    fn fits(&self, mask: [u16; 2]) -> bool {
        mask == self.size || mask.contains(&0) || self.size().is_none()
    }
}

impl Rows {
    fn new(limits: ReadLimits) -> Self {
        Self {
            limits,
            cells: ChunkedVec::default(),
            entities: ChunkedVec::default(),
            ids: ChunkedVec::default(),
            images: ChunkedVec::default(),
            positions: ChunkedVec::default(),
            mask_sizes: ChunkedVec::default(),
            image_table: Vec::new(),
            images_sorted: true,
            pattern: PatternSearch::default(),
            entity_index: HashMap::new(),
            titles: HashMap::new(),
            splits: Vec::new(),
            problems: BTreeMap::new(),
            image_number: 0,
            category_number: 0,
            only_image: None,
        }
    }

    fn push_image(&mut self, Place { at, bytes }: Place, json: &[u8]) {
        let number = self.image_number;
        self.image_number += 1;
        match parse_image(json, number, &self.limits) {
            Ok(image) => {
                let side = |side: u32| u16::try_from(side).unwrap_or(0);
                let size = image.size.map_or([0; 2], |size| [side(size.width), side(size.height)]);
                // A longer record is treated as not listed: no image needs 64 KiB to be described.
                let bytes = u16::try_from(bytes).unwrap_or(0);
                let row =
                    ImageRow { hash: hash64_of(&image.id), position: at << 16 | u64::from(bytes), size };
                if self.image_table.len() == self.image_table.capacity() {
                    // A quarter more: twice as much would be held three times over while it is moved.
                    self.image_table.reserve_exact(self.image_table.len() / 4 + 1024);
                }
                self.pattern.add(&image.id, image.file.as_deref());
                if number == 0 {
                    self.only_image = Some(image.id);
                }
                self.image_table.push(row);
                self.images_sorted = false;
            }
            Err(error) => self.add_problem(&Problem::malformed(&error, at, json)),
        }
    }

    fn push_category(&mut self, at: u64, json: &[u8]) {
        let number = self.category_number;
        self.category_number += 1;
        match parse_category(json, number, &self.limits) {
            Ok(category) => {
                if self.titles.len() < MAX_ENTITIES {
                    self.titles.entry(category.id).or_insert(category.name);
                }
            }
            Err(error) => self.add_problem(&Problem::malformed(&error, at, json)),
        }
    }

    fn push_batch(&mut self, batch: &AnnotationBatch, rows: Vec<Option<MeasuredRow>>) {
        for ((number, Place { at, bytes }, json), row) in batch.iter().zip(rows) {
            if self.cells.len() >= MAX_ROWS || at >> 40 > 0 || bytes >> 24 > 0 {
                let limit = MAX_ROWS as u64;
                self.add_problem(&Problem::Limit { what: "annotations", limit, actual: number + 1 });
                continue;
            }
            let row = row.map_or_else(|| self.measure_with_image(number, at, json), Ok);
            match row {
                Ok(row) => self.push_row(row, at << 24 | bytes),
                Err(error) => self.add_problem(&Problem::malformed(&error, at, json)),
            }
        }
    }

    /// Measures an annotation with the size of its image, if the file lists the image before it.
    fn measure_with_image(&mut self, number: u64, at: u64, json: &[u8]) -> serde_json::Result<MeasuredRow> {
        let raw = parse_annotation(json, number, &self.limits)?;
        self.sort_images();
        let image = image_of(&self.image_table, hash64_of(raw.image()));
        let size = image.filter(|image| image.position >> 16 < at).and_then(ImageRow::size);
        let image = ImageRecord { size, ..ImageRecord::default() };
        Ok(MeasuredAnnotation::of_image(raw, Some(&image), &self.limits).into_row())
    }

    fn push_row(&mut self, row: MeasuredRow, position: u64) {
        let split = split_index(&mut self.splits, &row.split);
        let next = self.entity_index.len() as u32;
        // Beyond the limit all further entities are one without an id.
        let id = if self.entity_index.len() < MAX_ENTITIES { row.entity } else { String::new() };
        let entity = *self.entity_index.entry(id).or_insert(next);
        self.cells.push(Cell::from_bits(row.cell).with_split(split).bits());
        self.entities.push(entity);
        self.ids.push((row.id >> 32) as u32);
        self.images.push(row.image);
        self.positions.push(position);
        self.mask_sizes.push(row.mask_size);
    }

    fn sort_images(&mut self) {
        if !self.images_sorted {
            // Stable, so that an id refers to its first image.
            self.image_table.sort_by_key(|image| image.hash);
            self.images_sorted = true;
        }
    }

    fn add_problem(&mut self, problem: &Problem) {
        add_problem(&mut self.problems, problem);
    }

    fn finish(mut self) -> serde_json::Result<BuiltCatalog> {
        self.sort_images();
        let has_categories = has_categories(self.category_number, self.entity_index.keys());
        let images = self.image_table.len() as u64;
        let mut header = Header { images, has_no_categories: !has_categories, ..Header::default() };
        let (columns, order) = self.sorted_by_entity();
        drop(std::mem::take(&mut self.entities));
        let mut parts = vec![entities_part(&columns, &mut header)?];
        let mut codes = CellCodes::default();
        for &row in &order {
            let cell = Cell::from_bits(self.cells[row as usize]).settled(has_categories);
            let image = image_of(&self.image_table, self.images[row as usize]);
            // Images may follow their annotations, so that sizes are compared here.
            let fits = image.is_some_and(|image| image.fits(self.mask_sizes[row as usize]));
            codes.push(if fits { cell } else { cell.with_problem() });
        }
        drop((std::mem::take(&mut self.cells), std::mem::take(&mut self.mask_sizes)));
        parts.extend(codes.finish(&mut header));
        let rows = order.len() as u32;
        let in_file = |row: u32| order[row as usize] as usize;
        parts.extend(id_parts(rows, |row| self.ids[in_file(row)]));
        drop(std::mem::take(&mut self.ids));
        parts.extend(image_parts(rows, |row| (self.images[in_file(row)] >> 32) as u32));
        let mut positions = Vec::with_capacity(order.len() * POSITION_BYTES);
        for &row in &order {
            let packed = self.positions[row as usize];
            let image = image_of(&self.image_table, self.images[row as usize]);
            let image = image.map_or(0, |image| image.position);
            let position = Position {
                annotation: packed >> 24,
                annotation_bytes: (packed & 0xff_ffff) as u32,
                image: image >> 16,
                image_bytes: (image & 0xffff) as u16,
            };
            positions.extend_from_slice(&position.to_bytes());
        }
        parts.push(Part::of_ranges(part::POSITIONS, positions));
        header.image_pattern = self.pattern.finish().map(|pattern| pattern.to_text());
        header.splits = self.splits;
        header.problems = self.problems.into_values().collect();
        Ok(BuiltCatalog { header, parts })
    }

    /// Returns the entities, sorted, and the rows of the file in the order of their entities.
    fn sorted_by_entity(&self) -> (EntityColumns, Vec<u32>) {
        let mut ids: Vec<(&str, u32)> = self.entity_index.iter().map(|(id, &at)| (id.as_str(), at)).collect();
        ids.sort_unstable_by_key(|(id, _)| entity_order(id));
        let mut rank = vec![0_u32; ids.len()];
        for (&(_, at), to) in ids.iter().zip(0..) {
            rank[at as usize] = to;
        }
        let mut starts = vec![0_u32; ids.len() + 1];
        for &entity in &self.entities {
            starts[rank[entity as usize] as usize + 1] += 1;
        }
        for at in 0..ids.len() {
            starts[at + 1] += starts[at];
        }
        let mut next = starts.clone();
        let mut order = vec![0_u32; self.entities.len()];
        for (row, &entity) in self.entities.iter().enumerate() {
            let to = &mut next[rank[entity as usize] as usize];
            order[*to as usize] = row as u32;
            *to += 1;
        }
        let title = |id: &str| self.titles.get(id).map_or(id, String::as_str).to_owned();
        let columns = EntityColumns {
            titles: ids.iter().map(|(id, _)| title(id)).collect(),
            ids: ids.into_iter().map(|(id, _)| id.to_owned()).collect(),
            starts,
        };
        (columns, order)
    }
}

/// Adds a problem to the counts by code.
pub fn add_problem(problems: &mut BTreeMap<&'static str, ProblemCount>, problem: &Problem) {
    count_problem(problems, problem.code(), problem.to_string());
}

/// Adds a problem by its code and message to the counts.
pub fn count_problem(
    problems: &mut BTreeMap<&'static str, ProblemCount>,
    code: &'static str,
    message: String,
) {
    let counted = problems.entry(code).or_insert_with(|| ProblemCount {
        code: code.to_owned(),
        count: 0,
        examples: Vec::new(),
    });
    counted.count += 1;
    if counted.examples.len() < MAX_EXAMPLES {
        counted.examples.push(message);
    }
}

fn image_of(table: &[ImageRow], hash: u64) -> Option<&ImageRow> {
    let at = table.partition_point(|image| image.hash < hash);
    table.get(at).filter(|image| image.hash == hash)
}
