//! The catalog as it is read: searches, selections and look-ups, with a cache of the blocks read.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;

use super::entities::{Entities, EntityColumns, EntityHit};
use super::facets::{self, Facets, Filter, SplitName};
use super::format::{CELL_BLOCK_ROWS, Header, MAGIC, part};
use super::select::{BlockMatches, Matches, Ranks, Selection, count_codes, is_whole};
use super::storage::{Storage, StorageError};
use crate::dataset::pack::block::{BlockError, PackedRecord};
use crate::dataset::pack::page::decompress;

/// Maximum bytes of a part that is read whole, decompressed.
const MAX_PART_BYTES: u64 = 256 << 20;
/// Maximum bytes of a header.
const MAX_HEADER_BYTES: u64 = 64 << 20;
/// Maximum bytes of blocks in the cache.
const CACHE_BYTES: usize = 16 << 20;
/// Maximum number of decoded blocks of a pack in the cache; one takes a few MiB.
const CACHED_BLOCKS: usize = 8;
/// First bytes of a zstd frame.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A catalog over a storage.
pub struct Catalog<S> {
    header: Header,
    storage: S,
    splits: Vec<SplitName>,
    entities: OnceCell<Entities>,
    selected: RefCell<Rc<Matches>>,
    /// Number of the newest selection, which is the only one that is kept.
    newest: Cell<u64>,
    whole: RefCell<Vec<(&'static str, Shared)>>,
    /// One part at a time is read whole, so that several readers of it share one request.
    reading_whole: async_lock::Mutex<()>,
    /// Held while the names are read and indexed.
    indexing: async_lock::Mutex<()>,
    cache: RefCell<Cache>,
    blocks: RefCell<VecDeque<(u32, Rc<Vec<PackedRecord>>)>>,
}

/// Bytes that the catalog and its reader share.
type Shared = Rc<Vec<u8>>;

#[derive(Default)]
struct Cache {
    entries: VecDeque<(&'static str, u64, Rc<Vec<u8>>)>,
    bytes: usize,
}

/// Says why a catalog could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// Bytes could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The file is not a catalog, or of another version.
    #[error("the catalog cannot be opened: {reason}. Open the file itself, or make the pack again")]
    Header {
        /// The expectation that is not met.
        reason: String,
    },
    /// A part does not fit the rest.
    #[error("the catalog's part {part:?} does not fit: {reason}. It is damaged: open or upload it again")]
    Part {
        /// Name of the part.
        part: &'static str,
        /// The expectation that is not met.
        reason: &'static str,
    },
    /// A block of a pack is damaged.
    #[error("{file}: {error}. Upload the file again")]
    Block {
        /// The Parquet file of the block.
        file: String,
        /// The problem.
        error: BlockError,
    },
    /// A row does not exist.
    #[error("there is no row {row}; the catalog has {rows}")]
    Row {
        /// The row asked for.
        row: u32,
        /// The number of rows.
        rows: u32,
    },
    /// No entity has the id.
    #[error("no entity has the id {id:?}")]
    UnknownEntity {
        /// The id asked for.
        id: String,
    },
    /// A record is not valid JSON: the original file is not the one that the catalog was made from.
    #[error("a record is not valid JSON ({reason}); is the file the one that the catalog was made from?")]
    Json {
        /// The parser's message.
        reason: String,
    },
}

impl<S: Storage> Catalog<S> {
    /// Opens a catalog by its header.
    pub fn new(header: Header, storage: S) -> Result<Self, CatalogError> {
        if let Some(reason) = header.problem() {
            return Err(CatalogError::Header { reason });
        }
        let catalog = Self {
            splits: header.splits.iter().map(|name| SplitName::new(name)).collect(),
            selected: RefCell::new(Rc::new(Matches::Range(0..header.annotations))),
            header,
            storage,
            newest: Cell::new(0),
            entities: OnceCell::new(),
            whole: RefCell::default(),
            reading_whole: async_lock::Mutex::new(()),
            indexing: async_lock::Mutex::new(()),
            cache: RefCell::default(),
            blocks: RefCell::default(),
        };
        let codes = catalog.header.part_bytes(part::CODES);
        if codes != Some(u64::from(catalog.header.annotations) * 2) {
            return Err(CatalogError::Part {
                part: part::CODES,
                reason: "its length is not that of the rows",
            });
        }
        Ok(catalog)
    }

    /// Opens a catalog's own file, which the storage has under the given name.
    pub async fn open(file: &str, storage: S) -> Result<Self, CatalogError> {
        let header = |reason: &str| CatalogError::Header { reason: reason.to_owned() };
        let head_bytes = MAGIC.len() as u64 + 4;
        let head = storage.read(file, 0..head_bytes).await?;
        if !head.starts_with(MAGIC) {
            return Err(header("the file is not a catalog"));
        }
        let length = head.get(MAGIC.len()..).and_then(|length| length.try_into().ok());
        let length = u64::from(length.map(u32::from_le_bytes).ok_or_else(|| header("it is cut off"))?);
        if length > MAX_HEADER_BYTES {
            return Err(header("its header is too long"));
        }
        let json = storage.read(file, head_bytes..head_bytes + length).await?;
        let mut parsed: Header = serde_json::from_slice(&json)
            .map_err(|error| CatalogError::Header { reason: error.to_string() })?;
        for piece in parsed.parts.values_mut().flatten() {
            file.clone_into(&mut piece.file);
            // A position beyond 2⁶⁴ is beyond any file too.
            piece.at = piece.at.saturating_add(head_bytes + length);
        }
        Self::new(parsed, storage)
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the storage.
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// Counts the facets of everything, from the header alone.
    pub fn facets(&self) -> Facets {
        self.count(&Filter::default(), &self.header.cell_counts)
    }

    fn count(&self, filter: &Filter, counts: &[u64]) -> Facets {
        let cells =
            self.header.cells.iter().map(|&bits| facets::Cell::from_bits(bits)).zip(counts.iter().copied());
        Facets::count(&cells, filter, &self.splits)
    }

    /// Finds entities by their id or by words of their names; an empty text lists those with most
    /// annotations.
    pub async fn entities(&self, text: &str, limit: usize) -> Result<Vec<EntityHit>, CatalogError> {
        Ok(self.entities_index().await?.search(text, limit))
    }

    /// Selects the annotations that match a filter, for [`rows`](Self::rows). Of several calls at a time, the
    /// last one counts.
    pub async fn select(&self, filter: &Filter) -> Result<Selection, CatalogError> {
        let ticket = self.newest.get() + 1;
        self.newest.set(ticket);
        let ranks = || Ranks::new(filter, &self.header.cells, &self.splits);
        let (matches, facets) = if let Some(id) = &filter.entity {
            let entities = self.entities_index().await?;
            let entity = entities.index_of(id);
            let entity = entity.ok_or_else(|| CatalogError::UnknownEntity { id: id.clone() })?;
            let rows = entities.rows(entity);
            let codes = self.read(part::CODES, u64::from(rows.start) * 2..u64::from(rows.end) * 2).await?;
            let facets = self.count(filter, &count_codes(&codes, &self.header.cells));
            let matches = if is_whole(filter) {
                Matches::Range(rows)
            } else {
                Matches::of_codes(rows.start, &codes, &ranks())
            };
            (matches, facets)
        } else {
            let facets = self.count(filter, &self.header.cell_counts);
            let matches = if is_whole(filter) {
                Matches::Range(0..self.header.annotations)
            } else {
                let summary = self.whole(part::SUMMARY).await?;
                let blocks = BlockMatches::new(&summary, ranks(), self.header.annotations);
                Matches::Blocks(blocks.ok_or(CatalogError::Part {
                    part: part::SUMMARY,
                    reason: "its length does not fit its counts",
                })?)
            };
            (matches, facets)
        };
        let annotations = matches.len();
        if self.newest.get() == ticket {
            *self.selected.borrow_mut() = Rc::new(matches);
        }
        Ok(Selection { annotations, facets })
    }

    /// Returns at most `count` rows of the selection from position `start` on.
    pub async fn rows(&self, start: u64, count: u32) -> Result<Vec<u32>, CatalogError> {
        let selected = Rc::clone(&self.selected.borrow());
        let count = u64::from(count);
        match &*selected {
            Matches::Range(rows) => {
                let first = u64::from(rows.start).saturating_add(start).min(rows.end.into());
                Ok((first as u32..first.saturating_add(count).min(rows.end.into()) as u32).collect())
            }
            Matches::Rows(rows) => {
                let start = usize::try_from(start).unwrap_or(usize::MAX);
                Ok(rows.iter().skip(start).take(count as usize).copied().collect())
            }
            Matches::Blocks(blocks) => {
                let mut rows = Vec::new();
                for found in blocks.locate(start, count) {
                    let codes = self.codes(found.block).await?;
                    rows.extend(blocks.rows(&found, &codes));
                }
                Ok(rows)
            }
        }
    }

    /// Returns the position of a row in the selection; `None` if it is not selected.
    pub async fn position(&self, row: u32) -> Result<Option<u64>, CatalogError> {
        let selected = Rc::clone(&self.selected.borrow());
        match &*selected {
            Matches::Range(rows) => Ok(rows.contains(&row).then(|| u64::from(row - rows.start))),
            Matches::Rows(rows) => Ok(rows.iter().position(|&other| other == row).map(|at| at as u64)),
            Matches::Blocks(_) if row >= self.header.annotations => Ok(None),
            Matches::Blocks(blocks) => {
                let block = row / CELL_BLOCK_ROWS;
                Ok(blocks.position(block, row % CELL_BLOCK_ROWS, &self.codes(block).await?))
            }
        }
    }

    /// Returns the entities, which are read once.
    pub(super) async fn entities_index(&self) -> Result<&Entities, CatalogError> {
        if let Some(entities) = self.entities.get() {
            return Ok(entities);
        }
        let _alone = self.indexing.lock().await;
        if let Some(entities) = self.entities.get() {
            return Ok(entities);
        }
        let json = self.whole(part::ENTITIES).await?;
        let columns: EntityColumns = serde_json::from_slice(&json).map_err(|_| CatalogError::Part {
            part: part::ENTITIES,
            reason: "it is not a list of entities",
        })?;
        if !columns.are_valid(self.header.annotations) {
            return Err(CatalogError::Part { part: part::ENTITIES, reason: "its lists do not fit the rows" });
        }
        // The index has what is needed of it.
        self.whole.borrow_mut().retain(|(name, _)| *name != part::ENTITIES);
        Ok(self.entities.get_or_init(|| Entities::new(columns)))
    }

    async fn codes(&self, block: u32) -> Result<Rc<Vec<u8>>, CatalogError> {
        let bytes = u64::from(CELL_BLOCK_ROWS) * 2;
        let start = u64::from(block) * bytes;
        let end = (start + bytes).min(u64::from(self.header.annotations) * 2);
        self.cached(part::CODES, start..end).await
    }

    fn kept_whole(&self, name: &str) -> Option<Shared> {
        self.whole.borrow().iter().find(|(kept, _)| *kept == name).map(|(_, bytes)| Rc::clone(bytes))
    }

    /// Reads a part that is needed whole, decompresses it, and keeps it.
    pub(super) async fn whole(&self, name: &'static str) -> Result<Rc<Vec<u8>>, CatalogError> {
        if let Some(bytes) = self.kept_whole(name) {
            return Ok(bytes);
        }
        let _alone = self.reading_whole.lock().await;
        if let Some(bytes) = self.kept_whole(name) {
            return Ok(bytes);
        }
        let bytes = self.header.part_bytes(name).filter(|&bytes| bytes <= MAX_PART_BYTES);
        let bytes = bytes.ok_or(CatalogError::Part { part: name, reason: "it is missing or too long" })?;
        let mut read = self.read(name, 0..bytes).await?;
        if read.starts_with(&ZSTD_MAGIC) {
            read = decompress(&read, MAX_PART_BYTES)
                .map_err(|_| CatalogError::Part { part: name, reason: "it cannot be decompressed" })?;
        }
        let read = Rc::new(read);
        self.whole.borrow_mut().push((name, read.clone()));
        Ok(read)
    }

    /// Reads a range of a part, or returns it from the cache.
    pub(super) async fn cached(
        &self,
        name: &'static str,
        range: Range<u64>,
    ) -> Result<Rc<Vec<u8>>, CatalogError> {
        if let Some(bytes) = self.cache.borrow_mut().get(name, range.start) {
            return Ok(bytes);
        }
        let start = range.start;
        let bytes = Rc::new(self.read(name, range).await?);
        self.cache.borrow_mut().push(name, start, Rc::clone(&bytes));
        Ok(bytes)
    }

    /// Reads a range of a part.
    pub(super) async fn read(&self, name: &'static str, range: Range<u64>) -> Result<Vec<u8>, CatalogError> {
        let pieces = self.header.pieces(name, range);
        let pieces = pieces.ok_or(CatalogError::Part { part: name, reason: "it is missing or too short" })?;
        let mut bytes = Vec::new();
        for (file, range) in pieces {
            let piece = self.read_file(file, range).await?;
            if bytes.is_empty() {
                bytes = piece;
            } else {
                bytes.extend_from_slice(&piece);
            }
        }
        Ok(bytes)
    }

    /// Reads a range of a file.
    pub(super) async fn read_file(&self, file: &str, range: Range<u64>) -> Result<Vec<u8>, CatalogError> {
        if range.start >= range.end {
            return Ok(Vec::new());
        }
        Ok(self.storage.read(file, range).await?)
    }

    /// Returns a decoded block of a pack from the cache.
    pub(super) fn decoded_block(&self, number: u32) -> Option<Rc<Vec<PackedRecord>>> {
        let mut blocks = self.blocks.borrow_mut();
        let at = blocks.iter().position(|(kept, _)| *kept == number)?;
        let kept = blocks.remove(at)?;
        let records = Rc::clone(&kept.1);
        blocks.push_back(kept);
        Some(records)
    }

    /// Puts a decoded block of a pack into the cache.
    pub(super) fn keep_block(&self, number: u32, records: Vec<PackedRecord>) -> Rc<Vec<PackedRecord>> {
        let records = Rc::new(records);
        let mut blocks = self.blocks.borrow_mut();
        blocks.push_back((number, Rc::clone(&records)));
        if blocks.len() > CACHED_BLOCKS {
            blocks.pop_front();
        }
        records
    }
}

impl Cache {
    fn get(&mut self, name: &'static str, start: u64) -> Option<Rc<Vec<u8>>> {
        let at = self.entries.iter().position(|(part, at, _)| *part == name && *at == start)?;
        let entry = self.entries.remove(at)?;
        let bytes = Rc::clone(&entry.2);
        self.entries.push_back(entry);
        Some(bytes)
    }

    fn push(&mut self, name: &'static str, start: u64, bytes: Rc<Vec<u8>>) {
        self.bytes += bytes.len();
        self.entries.push_back((name, start, bytes));
        while self.bytes > CACHE_BYTES {
            let Some((.., dropped)) = self.entries.pop_front() else { break };
            self.bytes -= dropped.len();
        }
    }
}
