//! Builds a catalog of a JSON file in one pass: facets and positions, without keeping its records.

use std::collections::{BTreeMap, HashMap};

use super::build::{BuiltCatalog, CellCodes, Part, entities_part, entity_order, id_parts, image_parts};
use super::entities::EntityColumns;
use super::facets::{Cell, MAX_SPLITS, Measures};
use super::file_pattern::PatternSearch;
use super::format::{Header, POSITION_BYTES, Position, ProblemCount, part};
use super::keys::hash64_of;
use crate::dataset::audit::{NoiseReport, Problem};
use crate::dataset::json::{
    RawAnnotation, RecordScanner, Scanned, Section, parse_annotation, parse_category, parse_image,
};
use crate::dataset::limits::ReadLimits;
use crate::dataset::memory::ChunkedVec;
use crate::dataset::record::{Annotation, ImageRecord};
use crate::geometry::Size;

/// Maximum number of examples of each problem.
const MAX_EXAMPLES: usize = 5;
/// Maximum number of rows: their numbers are 32-bit, and one is left for a hole.
const MAX_ROWS: usize = u32::MAX as usize - 1;
/// Maximum number of entities.
const MAX_ENTITIES: usize = 1 << 20;

/// Reads a JSON file as a stream and notes what its catalog needs: at most 28 bytes an annotation and 24 an
/// image, besides the entities.
///
/// Sizes of images that follow their annotations are not known when masks are measured: then facets do not
/// count masks of another size than their image, and polygons have no area.
pub struct CatalogScan {
    scanner: RecordScanner,
    rows: Rows,
}

/// The number of records read so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Bytes of the file.
    pub bytes: u64,
    /// Annotations.
    pub annotations: u64,
}

/// An annotation as the catalog has it.
struct AnnotationRow {
    entity: String,
    split: String,
    /// The hash of the id.
    id: u64,
    /// The hash of the image's id.
    image: u64,
    /// The facets, with the index of the split still to be set.
    measures: Measures,
}

/// An annotation that was parsed and measured.
pub struct MeasuredAnnotation {
    /// The annotation.
    pub annotation: Annotation,
    /// The score and the facets of its masks.
    pub report: NoiseReport,
}

impl MeasuredAnnotation {
    /// Decodes the masks of an annotation and measures them, with its image if the file lists it.
    pub fn of_image(raw: RawAnnotation, image: Option<&ImageRecord>, limits: &ReadLimits) -> Self {
        let (annotation, masks) = raw.resolve_keeping_masks(image, limits);
        let report = masks.inspect(&annotation);
        Self { annotation, report }
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

    fn row(self) -> AnnotationRow {
        AnnotationRow {
            id: hash64_of(&self.annotation.id),
            image: hash64_of(&self.annotation.image),
            measures: self.measures(0),
            split: self.annotation.split_name().to_owned(),
            entity: self.annotation.category,
        }
    }
}

impl CatalogScan {
    /// Creates a scan at the beginning of a file.
    pub fn new(limits: ReadLimits) -> Self {
        Self { scanner: RecordScanner::new(limits.record_bytes), rows: Rows::new(limits) }
    }

    /// Reads the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let Self { scanner, rows } = self;
        scanner.push(bytes, &mut |scanned| rows.push(scanned));
    }

    /// Returns how much was read so far.
    pub fn progress(&self) -> ScanProgress {
        ScanProgress { bytes: self.scanner.position(), annotations: self.rows.annotations }
    }

    /// Ends the file here, and sorts the rows by entity.
    pub fn finish(self) -> serde_json::Result<BuiltCatalog> {
        let Self { scanner, mut rows } = self;
        if let Some(problem) = scanner.finish() {
            rows.add_problem(&problem);
        }
        rows.finish()
    }
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
    /// Every image of the file: hash, position and length (48 and 16 bits), size.
    image_table: Vec<ImageRow>,
    /// Whether the table is sorted by hash.
    images_sorted: bool,
    pattern: PatternSearch,
    entity_index: HashMap<String, u32>,
    titles: HashMap<String, String>,
    splits: Vec<String>,
    problems: BTreeMap<&'static str, ProblemCount>,
    annotations: u64,
    image_number: u64,
    category_number: u64,
}

#[derive(Clone, Copy)]
struct ImageRow {
    hash: u64,
    position: u64,
    size: [u16; 2],
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
            image_table: Vec::new(),
            images_sorted: true,
            pattern: PatternSearch::default(),
            entity_index: HashMap::new(),
            titles: HashMap::new(),
            splits: Vec::new(),
            problems: BTreeMap::new(),
            annotations: 0,
            image_number: 0,
            category_number: 0,
        }
    }

    fn push(&mut self, scanned: Scanned<'_>) {
        match scanned {
            Scanned::Problem(problem) => self.add_problem(&problem),
            Scanned::Record { section: Section::Images, at, json } => self.push_image(at, json),
            Scanned::Record { section: Section::Categories, at, json } => self.push_category(at, json),
            Scanned::Record { section: Section::Annotations, at, json } => self.push_annotation(at, json),
        }
    }

    fn push_image(&mut self, at: u64, json: &[u8]) {
        let number = self.image_number;
        self.image_number += 1;
        match parse_image(json, number, &self.limits) {
            Ok(image) => {
                let side = |side: u32| u16::try_from(side).unwrap_or(0);
                let size = image.size.map_or([0; 2], |size| [side(size.width), side(size.height)]);
                // A longer record is treated as not listed: no image needs 64 KiB to be described.
                let bytes = u16::try_from(json.len()).unwrap_or(0);
                let row =
                    ImageRow { hash: hash64_of(&image.id), position: at << 16 | u64::from(bytes), size };
                if self.image_table.len() == self.image_table.capacity() {
                    // A quarter more: twice as much would be held three times over while it is moved.
                    self.image_table.reserve_exact(self.image_table.len() / 4 + 1024);
                }
                self.pattern.add(&image.id, image.file.as_deref());
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

    fn push_annotation(&mut self, at: u64, json: &[u8]) {
        let number = self.annotations;
        self.annotations += 1;
        let position = at << 24 | json.len() as u64;
        if self.cells.len() >= MAX_ROWS || at >> 40 > 0 || json.len() >> 24 > 0 {
            let limit = MAX_ROWS as u64;
            self.add_problem(&Problem::Limit { what: "annotations", limit, actual: number + 1 });
            return;
        }
        let parsed = parse_annotation(json, number, &self.limits).map(|raw| {
            // Known where the images come first, as in most files.
            let size = self.size_of(hash64_of(raw.image()));
            let image = ImageRecord { size, ..ImageRecord::default() };
            MeasuredAnnotation::of_image(raw, Some(&image), &self.limits)
        });
        match parsed {
            Ok(measured) => self.push_row(measured.row(), position),
            Err(error) => self.add_problem(&Problem::malformed(&error, at, json)),
        }
    }

    fn push_row(&mut self, mut row: AnnotationRow, position: u64) {
        row.measures.split = self.split_index(&row.split);
        let next = self.entity_index.len() as u32;
        // Beyond the limit all further entities are one without an id.
        let id = if self.entity_index.len() < MAX_ENTITIES { row.entity } else { String::new() };
        let entity = *self.entity_index.entry(id).or_insert(next);
        self.cells.push(Cell::new(&row.measures).bits());
        self.entities.push(entity);
        self.ids.push((row.id >> 32) as u32);
        self.images.push(row.image);
        self.positions.push(position);
    }

    fn split_index(&mut self, split: &str) -> usize {
        if let Some(at) = self.splits.iter().position(|known| known == split) {
            return at;
        }
        if self.splits.len() < MAX_SPLITS {
            self.splits.push(split.to_owned());
        }
        self.splits.len() - 1
    }

    fn sort_images(&mut self) {
        if !self.images_sorted {
            // Stable, so that an id refers to its first image.
            self.image_table.sort_by_key(|image| image.hash);
            self.images_sorted = true;
        }
    }

    fn size_of(&mut self, hash: u64) -> Option<Size> {
        if self.image_table.is_empty() {
            return None;
        }
        self.sort_images();
        let [width, height] = image_of(&self.image_table, hash)?.size;
        (width > 0 && height > 0).then(|| Size::new(width.into(), height.into()))
    }

    fn add_problem(&mut self, problem: &Problem) {
        add_problem(&mut self.problems, problem);
    }

    fn finish(mut self) -> serde_json::Result<BuiltCatalog> {
        self.sort_images();
        let mut header = Header { images: self.image_table.len() as u64, ..Header::default() };
        let (columns, order) = self.sorted_by_entity();
        drop(std::mem::take(&mut self.entities));
        let mut parts = vec![entities_part(&columns, &mut header)?];
        let mut codes = CellCodes::default();
        for &row in &order {
            let cell = Cell::from_bits(self.cells[row as usize]);
            let is_listed = image_of(&self.image_table, self.images[row as usize]).is_some();
            codes.push(if is_listed { cell } else { cell.with_problem() });
        }
        drop(std::mem::take(&mut self.cells));
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
    let code = problem.code();
    let counted = problems.entry(code).or_insert_with(|| ProblemCount {
        code: code.to_owned(),
        count: 0,
        examples: Vec::new(),
    });
    counted.count += 1;
    if counted.examples.len() < MAX_EXAMPLES {
        counted.examples.push(problem.to_string());
    }
}

fn image_of(table: &[ImageRow], hash: u64) -> Option<&ImageRow> {
    let at = table.partition_point(|image| image.hash < hash);
    table.get(at).filter(|image| image.hash == hash)
}
