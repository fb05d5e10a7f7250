//! Reads the JSON of rows: from the original file by their positions, or from a pack.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use futures_util::future::try_join_all;

use super::file_pattern::FilePattern;
use super::format::{BLOCK_ROWS, POSITION_BYTES, PageFile, Position, Records, part};
use super::read::{Catalog, CatalogError};
use super::storage::Storage;
use crate::dataset::json::{completed, parse_annotation, parse_image, parse_keys, split_key};
use crate::dataset::limits::ReadLimits;
use crate::dataset::pack::block::{self, PackedRecord};

/// Name of the original file in a [`Storage`].
pub const ORIGINAL: &str = "original";
/// Maximum number of records that are read with their images' own records where a pattern gives the paths.
const MAX_WITH_IMAGES: usize = 4;
/// Ranges of the original file that are this close are read at once.
const MAX_GAP_BYTES: u64 = 32 << 10;
/// Maximum bytes of ranges that are read at once.
const MAX_READ_BYTES: u64 = 4 << 20;
/// The published JSON of an annotation and of its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawRecord {
    /// The row.
    pub row: u32,
    /// The annotation as published; in a pack as it was written from the input.
    pub annotation: Vec<u8>,
    /// The image; `None` if the input does not list it.
    pub image: Option<Vec<u8>>,
    /// Whether the image is its id and the path by the pattern of all images, without its size.
    pub image_by_pattern: bool,
    /// Whether the whole file has no categories, so that this one's is not missing.
    pub has_no_categories: bool,
    /// The name of the entity.
    pub title: String,
    /// Path of the thumbnail in the pack.
    pub thumbnail: Option<String>,
}

impl RawRecord {
    /// Returns the annotation's id as items show it; `None` if the JSON is not valid.
    pub fn id(&self) -> Option<String> {
        let raw = parse_annotation(&self.annotation, self.row.into(), &ReadLimits::default());
        raw.ok().map(|raw| raw.id().to_owned())
    }

    /// Returns the id of the annotation's image; `None` if the JSON is not valid.
    pub fn image_id(&self) -> Option<String> {
        parse_keys(&self.annotation, &ReadLimits::default()).ok().map(|keys| keys.image)
    }
}

impl<S: Storage> Catalog<S> {
    /// Reads the records of rows, in the order given.
    pub async fn records(&self, rows: &[u32]) -> Result<Vec<RawRecord>, CatalogError> {
        if let Some(&row) = rows.iter().find(|&&row| row >= self.header().annotations) {
            return Err(CatalogError::Row { row, rows: self.header().annotations });
        }
        match &self.header().records {
            Records::Positions => self.by_positions(rows).await,
            Records::Pages { files } => self.by_pages(rows, files).await,
        }
    }

    async fn by_positions(&self, rows: &[u32]) -> Result<Vec<RawRecord>, CatalogError> {
        let blocks = self.blocks_of(rows, |block| self.positions_block(block)).await?;
        let positions: Vec<Position> = rows
            .iter()
            .map(|&row| {
                let within = (row % BLOCK_ROWS) as usize;
                let bytes = blocks[&(row / BLOCK_ROWS)].chunks_exact(POSITION_BYTES).nth(within);
                bytes.and_then(|bytes| bytes.try_into().ok()).map(Position::from_bytes)
            })
            .collect::<Option<_>>()
            .ok_or(CatalogError::Part { part: part::POSITIONS, reason: "it is too short" })?;
        // A list is shown without the images' own records where their paths follow a pattern. The only image
        // of a file is read, since its annotations need not name it.
        let pattern = self.header().image_pattern.as_deref().and_then(FilePattern::parse);
        let has_only_image = self.header().images == 1;
        let pattern = pattern.filter(|_| rows.len() > MAX_WITH_IMAGES && !has_only_image);
        let wanted = positions.iter().flat_map(|position| {
            let image = position.image_range().filter(|_| pattern.is_none());
            [Some(position.annotation_range()), image].into_iter().flatten()
        });
        let spans = Spans::read(self, wanted.collect()).await?;
        let entities = self.entities_index().await?;
        let record = |(&row, position): (&u32, &Position)| {
            let annotation = spans.get(&position.annotation_range())?;
            let annotation = completed_record(&annotation, None);
            let image = match (&pattern, position.image_range()) {
                (Some(pattern), Some(_)) => image_by_pattern(pattern, &annotation),
                (None, Some(range)) => Some(completed_record(&spans.get(&range)?, None)),
                (_, None) => None,
            };
            let only = image.as_deref().filter(|_| has_only_image).and_then(id_of_image);
            let annotation =
                if only.is_some() { completed_record(&annotation, only.as_deref()) } else { annotation };
            Ok(RawRecord {
                row,
                annotation,
                image,
                image_by_pattern: pattern.is_some(),
                has_no_categories: self.header().has_no_categories,
                title: entities.title_of_row(row).to_owned(),
                thumbnail: None,
            })
        };
        rows.iter().zip(&positions).map(record).collect()
    }

    async fn positions_block(&self, block: u32) -> Result<Rc<Vec<u8>>, CatalogError> {
        let bytes = u64::from(BLOCK_ROWS) * POSITION_BYTES as u64;
        let start = u64::from(block) * bytes;
        let end = (start + bytes).min(u64::from(self.header().annotations) * POSITION_BYTES as u64);
        self.cached(part::POSITIONS, start..end).await
    }

    async fn by_pages(&self, rows: &[u32], files: &[PageFile]) -> Result<Vec<RawRecord>, CatalogError> {
        let lengths = self.whole(part::BLOCKS).await?;
        let table = BlockTable { files, lengths: &lengths, rows: self.header().annotations };
        let places: Vec<BlockPlace<'_>> = rows
            .iter()
            .map(|&row| table.place(row))
            .collect::<Option<_>>()
            .ok_or(CatalogError::Part { part: part::BLOCKS, reason: "it does not fit the Parquet files" })?;
        let mut by_block: BTreeMap<u32, &BlockPlace<'_>> = BTreeMap::new();
        for place in &places {
            by_block.insert(place.block, place);
        }
        let decoded = try_join_all(by_block.into_iter().map(|(block, place)| async move {
            Ok::<_, CatalogError>((block, self.packed_block(block, place).await?))
        }));
        let blocks: BTreeMap<u32, Rc<Vec<PackedRecord>>> = decoded.await?.into_iter().collect();
        let record = |(&row, place): (&u32, &BlockPlace<'_>)| {
            let record = blocks[&place.block].get(place.within).cloned();
            let record = record
                .ok_or(CatalogError::Part { part: part::RECORDS, reason: "a block has too few records" })?;
            let PackedRecord { annotation, image, title, thumbnail } = record;
            let json = |error: serde_json::Error| CatalogError::Json { reason: error.to_string() };
            Ok(RawRecord {
                row,
                annotation: serde_json::to_vec(&annotation).map_err(json)?,
                image: image.map(|image| serde_json::to_vec(&image)).transpose().map_err(json)?,
                image_by_pattern: false,
                has_no_categories: self.header().has_no_categories,
                title,
                thumbnail,
            })
        };
        rows.iter().zip(&places).map(record).collect()
    }

    /// Reads and decodes a block with its page, or returns it from the cache.
    async fn packed_block(
        &self,
        number: u32,
        place: &BlockPlace<'_>,
    ) -> Result<Rc<Vec<PackedRecord>>, CatalogError> {
        if let Some(decoded) = self.decoded_block(number) {
            return Ok(decoded);
        }
        let (block, page) = futures_util::future::try_join(
            self.read(part::RECORDS, place.records.clone()),
            self.read_file(place.file, place.page.clone()),
        )
        .await?;
        let records = block::records(&block, &page)
            .map_err(|error| CatalogError::Block { file: place.file.to_owned(), error })?;
        Ok(self.keep_block(number, records))
    }

    async fn blocks_of<T, F>(
        &self,
        rows: &[u32],
        read: impl Fn(u32) -> F,
    ) -> Result<BTreeMap<u32, T>, CatalogError>
    where
        F: Future<Output = Result<T, CatalogError>>,
    {
        let mut blocks: Vec<u32> = rows.iter().map(|row| row / BLOCK_ROWS).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let read = try_join_all(blocks.iter().map(|&block| read(block))).await?;
        Ok(blocks.into_iter().zip(read).collect())
    }
}

/// Returns a record as it is read, from its bytes in the file with its key, if it has one.
fn completed_record(bytes: &[u8], only_image: Option<&str>) -> Vec<u8> {
    let (key, json) = split_key(bytes);
    completed(json, key, only_image).into_owned()
}

/// Returns the id of an image; `None` if the JSON is not valid.
fn id_of_image(json: &[u8]) -> Option<String> {
    parse_image(json, 0, &ReadLimits::default()).ok().map(|image| image.id)
}

/// Returns a record of an annotation's image that has its id and its path alone.
fn image_by_pattern(pattern: &FilePattern, annotation: &[u8]) -> Option<Vec<u8>> {
    let id = parse_keys(annotation, &ReadLimits::default()).ok()?.image;
    let path = pattern.path_of(&id)?;
    serde_json::to_vec(&BTreeMap::from([("id", id), ("file_name", path)])).ok()
}

/// The lengths of the blocks of a pack, in the part `blocks`.
struct BlockTable<'a> {
    files: &'a [PageFile],
    lengths: &'a [u8],
    rows: u32,
}

/// The bytes of a block and of its page.
struct BlockPlace<'a> {
    block: u32,
    /// The row's position in the block.
    within: usize,
    records: Range<u64>,
    file: &'a str,
    page: Range<u64>,
}

impl<'a> BlockTable<'a> {
    fn place(&self, row: u32) -> Option<BlockPlace<'a>> {
        let at = self.files.partition_point(|file| file.first_row <= row).checked_sub(1)?;
        let file = &self.files[at];
        let next_row = self.files.get(at + 1).map_or(self.rows, |next| next.first_row);
        if row >= next_row {
            return None;
        }
        let in_file = row - file.first_row;
        let block = file.first_block.checked_add(in_file / BLOCK_ROWS)?;
        // Sums over tens of thousands of lengths take microseconds.
        let records = self.sum(0, block, 0)?;
        let page = file.first_page.checked_add(self.sum(file.first_block, block, 4)?)?;
        Some(BlockPlace {
            block,
            within: (in_file % BLOCK_ROWS) as usize,
            records: records..records + self.length(block, 0)?,
            file: &file.file,
            page: page..page.checked_add(self.length(block, 4)?)?,
        })
    }

    fn sum(&self, from: u32, to: u32, field: usize) -> Option<u64> {
        (from..to).map(|block| self.length(block, field)).sum()
    }

    fn length(&self, block: u32, field: usize) -> Option<u64> {
        let at = block as usize * 8 + field;
        Some(u32::from_le_bytes(self.lengths.get(at..at + 4)?.try_into().ok()?).into())
    }
}

/// Bytes of the original file around the wanted ranges.
struct Spans(Vec<(u64, Vec<u8>)>);

impl Spans {
    /// Reads ranges of the original file, those close to each other at once.
    async fn read<S: Storage>(
        catalog: &Catalog<S>,
        mut wanted: Vec<Range<u64>>,
    ) -> Result<Self, CatalogError> {
        wanted.sort_unstable_by_key(|range| (range.start, range.end));
        let mut spans: Vec<Range<u64>> = Vec::new();
        for range in wanted {
            match spans.last_mut() {
                Some(last)
                    if range.start <= last.end + MAX_GAP_BYTES
                        && range.end.max(last.end) - last.start <= MAX_READ_BYTES =>
                {
                    last.end = last.end.max(range.end);
                }
                _ => spans.push(range),
            }
        }
        let read = spans.iter().map(|span| catalog.read_file(ORIGINAL, span.clone()));
        let bytes = try_join_all(read).await?;
        Ok(Self(spans.iter().map(|span| span.start).zip(bytes).collect()))
    }

    fn get(&self, range: &Range<u64>) -> Result<Vec<u8>, CatalogError> {
        let at = self.0.partition_point(|(start, _)| *start <= range.start).checked_sub(1);
        let found = at.and_then(|at| {
            let (start, bytes) = &self.0[at];
            bytes.get((range.start - start) as usize..(range.end - start) as usize)
        });
        found.map(<[u8]>::to_vec).ok_or(CatalogError::Part { part: ORIGINAL, reason: "a record is cut off" })
    }
}
