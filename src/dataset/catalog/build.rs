//! Builds the parts of a catalog from rows in their final order.

use std::collections::HashMap;

use super::entities::EntityColumns;
use super::facets::Cell;
use super::format::{CELL_BLOCK_ROWS, Header, MAGIC, Piece, VERSION, part};
use super::keys;

/// A part of a catalog with its bytes.
pub struct Part {
    /// The name in the header.
    pub name: &'static str,
    /// The bytes, which a writer may compress with zstd where [`is_read_whole`](Self::is_read_whole).
    pub bytes: Vec<u8>,
    /// Whether readers read all of it at once.
    pub is_read_whole: bool,
}

impl Part {
    /// Makes a part of which readers read ranges.
    pub(super) fn of_ranges(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes, is_read_whole: false }
    }

    /// Makes a part that readers read at once.
    pub(super) fn whole(name: &'static str, bytes: Vec<u8>) -> Self {
        Self { name, bytes, is_read_whole: true }
    }
}

/// The catalog of a file, to be stored or opened.
pub struct BuiltCatalog {
    /// The header, without the pieces of its parts.
    pub header: Header,
    /// The parts.
    pub parts: Vec<Part>,
}

/// Collects the bin combinations of rows: a code for each row, and the counts of each block.
#[derive(Default)]
pub struct CellCodes {
    code_by_cell: HashMap<Cell, u16>,
    cells: Vec<u32>,
    counts: Vec<u64>,
    codes: Vec<u8>,
    summary: Vec<u8>,
    /// Counts of the current block by code.
    block: HashMap<u16, u16>,
    rows_in_block: u32,
}

impl CellCodes {
    /// Adds the next row. Where there are more distinct combinations than codes, the last code stands for all
    /// others; real data has some thousands of them.
    pub fn push(&mut self, cell: Cell) {
        let next = self.cells.len().min(usize::from(u16::MAX)) as u16;
        let code = *self.code_by_cell.entry(cell).or_insert(next);
        if usize::from(code) == self.cells.len() {
            self.cells.push(cell.bits());
            self.counts.push(0);
        }
        self.counts[usize::from(code)] += 1;
        self.codes.extend_from_slice(&code.to_le_bytes());
        *self.block.entry(code).or_default() += 1;
        self.rows_in_block += 1;
        if self.rows_in_block == CELL_BLOCK_ROWS {
            self.end_block();
        }
    }

    /// Appends the counts of the block: their number as u16, then pairs of code and count.
    fn end_block(&mut self) {
        let mut counts: Vec<(u16, u16)> = self.block.drain().collect();
        counts.sort_unstable();
        self.summary.extend_from_slice(&(counts.len() as u16).to_le_bytes());
        for (code, count) in counts {
            self.summary.extend_from_slice(&code.to_le_bytes());
            self.summary.extend_from_slice(&count.to_le_bytes());
        }
        self.rows_in_block = 0;
    }

    /// Writes the bin combinations into a header, and returns the parts.
    pub fn finish(mut self, header: &mut Header) -> [Part; 2] {
        if self.rows_in_block > 0 {
            self.end_block();
        }
        header.version = VERSION;
        header.annotations = (self.codes.len() / 2) as u32;
        header.cells = self.cells;
        header.cell_counts = self.counts;
        [Part::whole(part::SUMMARY, self.summary), Part::of_ranges(part::CODES, self.codes)]
    }
}

/// Builds the tables from the ids of annotations to rows.
pub fn id_parts(rows: u32, hash_of_row: impl Fn(u32) -> u32) -> [Part; 2] {
    let (directory, entries) = keys::build(rows, hash_of_row);
    [Part::whole(part::ID_DIRECTORY, directory), Part::of_ranges(part::IDS, entries)]
}

/// Builds the tables from the ids of images to the rows of their annotations.
pub fn image_parts(rows: u32, hash_of_row: impl Fn(u32) -> u32) -> [Part; 2] {
    let (directory, entries) = keys::build(rows, hash_of_row);
    [Part::whole(part::IMAGE_DIRECTORY, directory), Part::of_ranges(part::IMAGES, entries)]
}

/// Builds the part of the entities, and writes their number into the header; annotations without a category
/// are together under an empty id, which is not counted.
pub fn entities_part(columns: &EntityColumns, header: &mut Header) -> serde_json::Result<Part> {
    header.entities = columns.ids.iter().filter(|id| !id.is_empty()).count() as u32;
    Ok(Part::whole(part::ENTITIES, serde_json::to_vec(columns)?))
}

/// Builds the part that has the lengths of each block of a pack: of its records and of its page of masks,
/// as little-endian u32.
pub fn blocks_part(lengths: &[(u32, u32)]) -> Part {
    let bytes = lengths.iter().flat_map(|(records, page)| [records.to_le_bytes(), page.to_le_bytes()]);
    Part::whole(part::BLOCKS, bytes.flatten().collect())
}

/// Builds the part of the neighbors: [`NEIGHBORS`](super::NEIGHBORS) rows of each row.
pub fn neighbors_part(rows: &[u32]) -> Part {
    Part::of_ranges(part::NEIGHBORS, rows.iter().flat_map(|row| row.to_le_bytes()).collect())
}

impl BuiltCatalog {
    /// Returns the bytes of a file of its own: the header, then the parts.
    pub fn to_file(&self) -> serde_json::Result<Vec<u8>> {
        let mut header = self.header.clone();
        let mut at = 0;
        for Part { name, bytes, .. } in &self.parts {
            let piece = Piece { file: String::new(), at, bytes: bytes.len() as u64 };
            at += piece.bytes;
            header.parts.insert((*name).to_owned(), vec![piece]);
        }
        let header = serde_json::to_vec(&header)?;
        let mut file = Vec::with_capacity(MAGIC.len() + 4 + header.len() + at as usize);
        file.extend_from_slice(MAGIC);
        file.extend_from_slice(&(header.len() as u32).to_le_bytes());
        file.extend_from_slice(&header);
        self.parts.iter().for_each(|part| file.extend_from_slice(&part.bytes));
        Ok(file)
    }
}

/// Returns the key by which entities are sorted: QIDs by their number, then others by their text.
pub fn entity_order(id: &str) -> (u8, u64, &str) {
    match id.strip_prefix('Q').unwrap_or(id).parse::<u64>() {
        Ok(number) => (0, number, id),
        Err(_) => (1, 0, id),
    }
}
